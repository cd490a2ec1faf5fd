"""Commands that are killed before each change they make to files, signalled there, or denied ``flock``.

A :class:`Runner` is a process that has imported what a command needs and forks a child for every run, so that a
command can be killed at each of some dozens of points within a minute:

    with Runner(scratch, warm="import zifsim.melt.run, zifsim.report.melt") as runner:
        kill_everywhere(runner, ["melt", "ZIF-8", "--out", "{out}"], same)

`make test` tries a few of the points, `make test-kill`, which sets ``ZIFSIM_EVERY_CHANGE``, all of them.

What counts as a change: opening a file for writing or appending, replace and rename, mkdir, remove, rmdir, link,
symlink and truncate under the watched folder (``hook/sitecustomize.py``), by the command and by what it starts.
``warm`` may also put something cheap in the place of what a test does not look at (pictures, say).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EVERY_CHANGE = bool(os.environ.get("ZIFSIM_EVERY_CHANGE"))
FEW = 4
HOOK = Path(__file__).parent / "hook"
ROOT = Path(__file__).resolve().parents[2]
ZIFSIM = "zifsim.cli.entry:entry"    # called with a list of arguments; a path ending in .py is run as a script


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: exit code (negative: of a signal), what it printed, and the changes it made, in order."""

    code: int
    stdout: str
    stderr: str
    changes: tuple[str, ...]


class Runner:
    """A warm process that forks a child for every run; ``warm`` is Python that it executes first.

    Python that begins threads which live on (OpenMM's contexts) must not be in ``warm``: a fork has none of them.
    """

    def __init__(self, scratch: Path, warm: str = "", threads: int = 1) -> None:
        self.scratch, self._number = scratch, 0
        scratch.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(HOOK), str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads), "COLUMNS": "200"}
        environment.pop("ZIFSIM_TEST_LOG", None)
        self._process = subprocess.Popen([sys.executable, __file__, warm], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True, env=environment)

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def run(self, arguments: Sequence[str], watch: Path, *, target: str = ZIFSIM, kill_at: int = 0,
            send: int = signal.SIGKILL, after_s: float | None = None, flock: int = 0, cwd: Path | None = None,
            environment: Mapping[str, str] | None = None, timeout_s: float = 120.0) -> Outcome:
        """Run ``target`` with ``arguments`` in a fork; changes under ``watch`` are counted.

        Parameters
        ----------
        kill_at: number of the change, from 1, before which ``send`` is sent (SIGKILL: to it and all its children).
        after_s: send it so many seconds after the start as well. flock: errno with which every flock fails.

        Raises
        ------
        TimeoutError: it did not end within ``timeout_s`` (and was killed).
        """
        self._number += 1
        log = self.scratch / f"changes-{self._number}.txt"
        order = {"target": target, "arguments": list(arguments), "cwd": str(cwd or self.scratch), "after_s": after_s,
                 "send": int(send), "timeout_s": timeout_s, "log": str(log), "environment": {
                     **(environment or {}), "ZIFSIM_TEST_LOG": str(log), "ZIFSIM_TEST_WATCH": str(watch),
                     "ZIFSIM_TEST_KILL_AT": str(kill_at), "ZIFSIM_TEST_SIGNAL": str(int(send)),
                     "ZIFSIM_TEST_FLOCK": str(flock)}}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the runner has died"
        code = json.loads(answer)
        out, err = (Path(f"{log}.{name}").read_text() for name in ("out", "err"))
        if code is None:
            raise TimeoutError(f"{' '.join(arguments)} did not end within {timeout_s:g} s: {out}{err}")
        return Outcome(code, out, err, tuple(log.read_text().splitlines()) if log.exists() else ())


def kill_everywhere(runner: Runner, arguments: Sequence[str], same: Callable[[Path, Path], None], *,
                    target: str = ZIFSIM, points: Callable[[int], Sequence[int]] = lambda n: range(1, n + 1),
                    prepare: Callable[[Path], None] = lambda out: None) -> int:
    """Kill a command before each change it makes to its folder, and start it again; the number of its changes.

    ``{out}`` in ``arguments`` stands for the folder. Every run begins in a new one, which ``prepare`` may fill; the
    same command again must end with 0, and ``same(folder, whole)`` is then called with its folder and that of a run
    which nothing disturbed. ``points`` picks some of the numbers 1 to n, and :func:`thinned` some of those.
    """
    def run(out: Path, kill_at: int) -> Outcome:
        return runner.run([a.replace("{out}", str(out)) for a in arguments], out, target=target, kill_at=kill_at)

    whole = runner.scratch / "whole"
    prepare(whole)
    undisturbed = run(whole, 0)
    assert undisturbed.code == 0, undisturbed
    for number in thinned(points(len(undisturbed.changes))):
        out = runner.scratch / f"killed-{number}"
        prepare(out)
        killed = run(out, number)
        assert killed.code == -signal.SIGKILL, f"change {number} of {len(undisturbed.changes)} never came: {killed}"
        again = run(out, 0)
        assert again.code == 0, f"killed before {killed.changes[-1]}, the same command ended with {again}"
        same(out, whole)
    return len(undisturbed.changes)


def thinned(points: Sequence[int]) -> Sequence[int]:
    """The first two of the points, where a folder is claimed, the last, and some between; all for `make test-kill`."""
    if EVERY_CHANGE or len(points) <= FEW:
        return points
    spread = (points[round(k * (len(points) - 1) / (FEW - 2))] for k in range(FEW - 1))
    return sorted({points[1], *spread})


def signal_everywhere(runner: Runner, arguments: Sequence[str], same: Callable[[Path, Path], None], *,
                      send: int = signal.SIGTERM, target: str = ZIFSIM, code: int = 75,
                      points: Callable[[int], Sequence[int]] = lambda n: range(1, n + 1)) -> list[int]:
    """As :func:`kill_everywhere` with a signal that asks to stop: the exit codes, each ``code`` or 0."""
    whole, codes = runner.scratch / "whole", []
    command = [[a.replace("{out}", str(whole)) for a in arguments]]
    undisturbed = runner.run(command[0], whole, target=target)
    assert undisturbed.code == 0, undisturbed
    for number in thinned(points(len(undisturbed.changes))):
        out = runner.scratch / f"stopped-{number}"
        words = [a.replace("{out}", str(out)) for a in arguments]
        stopped = runner.run(words, out, target=target, kill_at=number, send=send)
        assert stopped.code in (code, 0), f"stopped before {undisturbed.changes[number - 1]}: {stopped}"
        codes.append(stopped.code)
        again = runner.run(words, out, target=target)
        assert again.code == 0, f"stopped before {undisturbed.changes[number - 1]}, then {again}"
        same(out, whole)
    return codes


def serve(warm: str) -> None:
    """The warm process itself: an order a line on stdin, an exit code (null: none in time) a line on stdout."""
    orders, answers = sys.stdin, os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    exec(warm, {})
    for line in orders:
        order = json.loads(line)
        child = os.fork()
        if not child:
            _in_the_fork(order)
        answers.write(json.dumps(_ended(child, order)) + "\n")
        answers.flush()


def _in_the_fork(order: dict[str, Any]) -> None:
    """In the fork: the command as a process of its own would run it, at the head of a process group."""
    os.setpgid(0, 0)
    os.chdir(order["cwd"])
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for number, name in ((1, "out"), (2, "err")):
        stream = os.open(f"{order['log']}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(stream, number)
        os.close(stream)
    os.environ.update(order["environment"])
    with _as_a_process() as ended:
        import runpy
        from importlib import import_module

        import sitecustomize

        sitecustomize.install()
        target, arguments = order["target"], order["arguments"]
        if target.endswith(".py"):
            sys.argv = [target, *arguments]
            sys.path.insert(0, str(Path(target).parent))
            runpy.run_path(target, run_name="__main__")
        else:
            module, _, function = target.partition(":")
            sys.argv = ["zifsim", *arguments]
            getattr(import_module(module), function)(list(arguments))
    os._exit(ended[0])


@contextmanager
def _as_a_process() -> Iterator[list[int]]:
    """What the interpreter does at its end: exit code, traceback, threads joined, exit functions, streams flushed."""
    import atexit
    import threading
    import traceback

    ended = [0]
    try:
        yield ended
    except SystemExit as stop:
        ended[0] = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        ended[0] = 1
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()


def _ended(child: int, order: dict[str, Any]) -> int | None:
    """The child's exit code; None where it had to be killed. Nothing of its group stays behind."""
    began, sent = time.monotonic(), False
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        passed = time.monotonic() - began
        if found:
            _kill_group(child)
            return os.waitstatus_to_exitcode(status)
        if order["after_s"] is not None and not sent and passed >= order["after_s"]:
            sent = True
            os.kill(child, order["send"])
        if passed > order["timeout_s"]:
            _kill_group(child)
            os.waitpid(child, 0)
            return None
        time.sleep(0.005)


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    serve(sys.argv[1])
