"""Worker: a process that runs stages one after another, folders in on stdin, events out on stdout as JSON lines.

Started by :mod:`zifsim.campaign.scheduler` as ``python -m zifsim.campaign.worker``; ``python -m
zifsim.campaign.worker FOLDER`` runs (or resumes) the one stage of a prepared folder.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from zifsim.campaign.stagefolder import read_prepared
from zifsim.errors import RunInterrupted, SimulationError, ZifsimError
from zifsim.io.files import refused
from zifsim.printable import one_line, prepare_streams
from zifsim.runs import stopping
from zifsim.runs.digest import plain
from zifsim.runs.progress import Event, Report

STAGE_LOG = "stage.log"


def run_folder(folder: Path, report: Report) -> None:
    """Run the stage that ``folder/config.json`` describes, unless it is done.

    Raises
    ------
    InputError: the folder, its inputs or its results are not what was planned and written.
    """
    stage = read_prepared(folder)
    module, _, name = stage.run.partition(":")

    def tell(event: Event) -> None:     # what ends a part of a stage does not end the stage
        report(event if event.kind in ("progress", "resumed", "note") else replace(event, kind="progress", values={}))

    def work() -> list[str]:
        function: Callable[..., list[str]] = getattr(importlib.import_module(module), name)
        return function(stage.config, stage.inputs, folder, tell)

    stage.claim.run(folder, work=work, write=lambda names, date: names, read=lambda: [], wait=True,
                    platform=stage.config.get("platform"))


def attempt(folder: Path, report: Report) -> Event | None:
    """Run a folder; how it ended as an event, or None where it was stopped and this process should end as well.

    A failure's values: ``input``: the input's fault; ``final``: another attempt would fail alike.
    """
    try:
        run_folder(folder, report)
    except ZifsimError as error:
        return Event(message=str(error), kind="failed",
                     values={"input": not isinstance(error, SimulationError),
                             "final": not isinstance(error.__cause__, OSError)})    # a full disk may have room later
    except (RunInterrupted, SystemExit, KeyboardInterrupt):
        return None
    except MemoryError:
        return Event(message="out of memory", kind="failed")
    except Exception as error:
        if isinstance(error, OSError) and (reason := refused(error, folder)) is not None:
            return Event(message=str(reason), kind="failed", values={"input": True, "final": False})
        traceback.print_exc()
        return Event(message=f"{type(error).__name__}: {error} (traceback in {folder / STAGE_LOG})", kind="failed")
    return Event(kind="done")


def _private_stdout() -> TextIO:
    """The real stdout for events; whatever libraries print goes to stderr instead."""
    events = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    return events


def _log_to(folder: Path) -> None:
    """Send stdout and stderr of this process to the stage's log, appended."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        log = os.open(folder / STAGE_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError:         # what is in the way of the log is in the way of the stage, which says so
        return
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def serve() -> None:
    """Run the folders named on stdin, a line each, until stdin closes."""
    stopping.die_with_parent()
    stopping.stop_at_signals_for_good(ignore=(signal.SIGINT,))
    prepare_streams()
    events = _private_stdout()
    lock = threading.Lock()

    def emit(event: Event) -> None:
        values: dict[str, Any] = {"fraction": event.fraction, "message": event.message, "kind": event.kind}
        if event.kind == "failed":
            values["values"] = plain(event.values)
        with lock:
            events.write(json.dumps(values) + "\n")
            events.flush()

    for line in sys.stdin:
        folder = Path(json.loads(line))
        _log_to(folder)
        ended = attempt(folder, emit)
        if ended is None:
            stopping.leave()
            sys.exit(stopping.STOPPED)
        emit(ended)


def run_one(folder: Path) -> int:
    """Run one prepared folder in this process, as a queue's job would; returns the exit code."""
    stopping.stop_at_signals_for_good()
    prepare_streams()

    def show(event: Event) -> None:
        print(one_line(event.message if event.kind == "note" else f"{event.fraction:6.1%} {event.message}"), flush=True)

    ended = attempt(folder, show)
    stopping.leave()
    if ended is None:
        return stopping.STOPPED
    if ended.kind == "failed":
        print(one_line(f"error: {ended.message}"), file=sys.stderr)
        return 2 if ended.values.get("input") else 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(run_one(Path(sys.argv[1])))
    try:
        serve()
    except RunInterrupted:      # asked to stop while idle
        sys.exit(stopping.STOPPED)
