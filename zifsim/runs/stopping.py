"""Stop signals: SIGTERM and SIGUSR1 (exit code 75) and Ctrl-C (130) end a run whose state is on disk.

A signal sets a flag that loops look at where they report (:func:`check`, :func:`asked`). Outside such loops the
handler raises at once. Whatever happens then, a watchdog ends the process: nothing is lost by that, since every file is
whole or absent and every engine continues from its last checkpoint.
"""

from __future__ import annotations

import _thread
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from zifsim.errors import RunInterrupted

STOPPED, INTERRUPTED = 75, 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
PATIENCE_S = 10.0           # a process that has not ended by then is ended
LOOK_S = 0.1
PARENT_LOOK_S = 2.0
HINT = "the same command continues"

_signal: int | None = None      # what asked this process to stop
_polls: list[float] = []        # patience of the loops around us that look at the flag themselves
_depth = 0
_runs = 0                       # counts them: a watchdog ends none but its own


def asked() -> bool:
    """Whether this process was asked to stop."""
    return _signal is not None


def check() -> None:
    """Raise RunInterrupted where this process was asked to stop."""
    if _signal is not None:
        raise interruption(_signal)


def interruption(number: int) -> RunInterrupted:
    """What ends a run that a signal asked to stop."""
    stop = RunInterrupted(f"by {signal.Signals(number).name}; {HINT}")
    stop.exit_code = INTERRUPTED if number == signal.SIGINT else STOPPED
    return stop


@contextmanager
def stoppable(ignore: tuple[int, ...] = ()) -> Iterator[Callable[[], bool]]:
    """Take stop signals while the body runs; gives :func:`asked`. Only the outermost one, in the main thread, does.

    ``ignore``: signals that somebody else answers for (Ctrl-C reaches children too; the parent decides).
    """
    global _depth, _signal, _runs
    if threading.current_thread() is not threading.main_thread() or _depth:
        yield asked
        return
    _depth, _signal = 1, None
    before = {number: signal.signal(number, signal.SIG_IGN if number in ignore else _take) for number in SIGNALS}
    try:
        yield asked
    finally:
        _depth, _signal, _runs = 0, None, _runs + 1
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_at_signals_for_good(ignore: tuple[int, ...] = ()) -> None:
    """Take stop signals until this process ends: for the first line of a program. See :func:`leave`."""
    global _depth
    _depth = 1
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN if number in ignore else _take)


def leave() -> None:
    """For the last line of a program: it has its exit code, and a signal changes nothing any more."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def polled(patience_s: float = PATIENCE_S) -> Iterator[None]:
    """While the body runs a signal only sets the flag, since the body looks at it; it is given so long to end."""
    _polls.append(patience_s)
    try:
        yield
    finally:
        _polls.pop()


def sleep(seconds: float) -> None:
    """Sleep; raises RunInterrupted where this process is, or was, asked to stop."""
    deadline = time.monotonic() + seconds
    while _signal is None and (left := deadline - time.monotonic()) > 0.0:
        time.sleep(min(left, LOOK_S))
    check()


def die_with_parent() -> None:
    """End this process when its parent has gone, even by kill -9; the next run continues from checkpoints."""
    end_with_parent()
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_LOOK_S)
        os._exit(STOPPED)

    threading.Thread(target=watch, daemon=True).start()


def end_with_parent() -> None:
    """Have the kernel end this process with its parent, on Linux; safe between fork and exec (``preexec_fn``)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


def how_it_ended(code: int) -> str:
    """What the exit code of a child says: ``was ended by SIGSEGV``, ``ended with code 1``."""
    try:
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    except ValueError:
        return f"was ended by signal {-code}"


def _take(number: int, frame: FrameType | None) -> Any:
    """The handler. It interrupts the main thread anywhere, so it takes no lock that this might be holding."""
    global _signal
    before, code = _signal, INTERRUPTED if number == signal.SIGINT else STOPPED
    if before == number == signal.SIGINT:       # somebody who does not want to wait
        os._exit(code)
    if before is not None:      # a queue may tell a process twice, by itself and through its parent
        return
    _signal = number
    _thread.start_new_thread(_end_after, (max(_polls, default=PATIENCE_S), code, _runs))
    if not _polls:
        raise interruption(number)


def _end_after(seconds: float, code: int, run: int) -> None:
    time.sleep(seconds)
    if run == _runs:
        os._exit(code)
