"""`zifsim sweep` in processes that tests may kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

# What must not depend on when, where and in how many attempts a sweep ran.
TABLES = ("sweep.csv", "summary.csv", "trend.csv")


def start(*arguments: object, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    """`zifsim sweep ...` in the background, its words in ``log``."""
    with open(log, "ab") as stream:
        return subprocess.Popen([sys.executable, "-m", "zifsim", "sweep", *map(str, arguments)], stdout=stream,
                                stderr=stream, env=os.environ | environment)


def finish(*arguments: object, log: Path, seconds: float = 7200.0) -> int:
    """`zifsim sweep ...` to its end; returns the exit code."""
    return start(*arguments, log=log).wait(timeout=seconds)


def states(out: Path, kind: str = "*") -> dict[str, dict]:
    """Job id -> content of its job.json."""
    found = {}
    for path in out.glob(f"{kind}/*/job.json"):
        try:
            found[path.parent.relative_to(out).as_posix()] = json.loads(path.read_text())
        except FileNotFoundError:
            continue
    return found


def running(out: Path, kind: str = "*") -> dict[str, dict]:
    """The jobs that say that they run, and whose process is there."""
    return {id: state for id, state in states(out, kind).items()
            if state["state"] == "running" and Path(f"/proc/{state['pid']}").exists()}


def finished(out: Path) -> dict[str, int]:
    """Finished job -> when its DONE was written, ns."""
    return {path.parent.relative_to(out).as_posix(): path.stat().st_mtime_ns for path in out.glob("*/*/DONE")}


def until(condition, seconds: float, what: str) -> None:  # type: ignore[no-untyped-def]
    """Wait until ``condition`` holds; AssertionError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.2)
