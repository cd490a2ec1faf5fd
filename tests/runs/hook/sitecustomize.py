"""Counts the changes that a process and its children make to files under one folder, and kills them before the n-th.

Python imports a module of this name at its start where its folder is on PYTHONPATH; it does nothing unless
``ZIFSIM_TEST_LOG`` is set (see ``faults.py``, which sets all of these):

ZIFSIM_TEST_LOG         file to which every change is written, a line each, before it is made
ZIFSIM_TEST_WATCH       folder whose changes count
ZIFSIM_TEST_KILL_AT     number of the change, from 1, before which the signal is sent; 0: none
ZIFSIM_TEST_SIGNAL      9 (the default) goes to the whole process group, any other to its leader alone
ZIFSIM_TEST_FLOCK       errno with which every flock fails, as on a file system without it
"""

import fcntl
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

# Audit events of CPython that come before a change, and which of their arguments are paths.
EVENTS = {"open": (0,), "os.rename": (0, 1), "os.mkdir": (0,), "os.remove": (0,), "os.rmdir": (0,), "os.link": (0, 1),
          "os.symlink": (1,), "os.truncate": (0,)}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def install() -> None:
    """Begin to count, as the environment says; once per process, for hooks cannot be taken away."""
    log, watch = os.environ["ZIFSIM_TEST_LOG"], os.path.realpath(os.environ["ZIFSIM_TEST_WATCH"])
    at = int(os.environ.get("ZIFSIM_TEST_KILL_AT", "0"))
    number = int(os.environ.get("ZIFSIM_TEST_SIGNAL", "9"))
    if refused := int(os.environ.get("ZIFSIM_TEST_FLOCK", "0")):
        fcntl.flock = _refuse(refused)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in EVENTS or (event == "open" and not (arguments[2] or 0) & WRITES):
            return
        paths = [os.path.abspath(os.fsdecode(arguments[i])) for i in EVENTS[event]
                 if isinstance(arguments[i], (str, bytes, os.PathLike))]
        inside = any(p == watch or p.startswith(watch + os.sep) for p in paths)
        if inside and not _is_idle(event, paths[0]) and _written(log, event, paths) == at:
            _send(number)

    sys.addaudithook(hook)


def _is_idle(event: str, path: str) -> bool:
    """Whether nothing changes: a folder that is there is made, or a file that is not there is removed."""
    return os.path.lexists(path) if event == "os.mkdir" else event == "os.remove" and not os.path.lexists(path)


def _written(log: str, event: str, paths: list[str]) -> int:
    """The change's number over all processes, now that it stands in the log."""
    with open(log, "a+b") as stream:
        fcntl.lockf(stream, fcntl.LOCK_EX)
        stream.write(f"{event} {' -> '.join(paths)}\n".encode())
        stream.flush()
        stream.seek(0)
        return stream.read().count(b"\n")


def _send(number: int) -> None:
    if number == signal.SIGKILL:
        os.killpg(0, number)
    os.kill(os.getpgid(0), number)


def _refuse(number: int) -> Callable[[object, int], None]:
    def flock(stream: object, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    return flock


if os.environ.get("ZIFSIM_TEST_LOG"):
    install()
