"""A process that runs stages one after another: folders in on stdin, events out on stdout as JSON lines.

Started by :mod:`zifsim.campaign.scheduler` as ``python -m zifsim.campaign.worker``; ``python -m
zifsim.campaign.worker FOLDER`` runs (or resumes) the one stage of a prepared folder.
"""

from __future__ import annotations

import _thread
import ctypes
import importlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

from zifsim.campaign import provenance, rundir
from zifsim.errors import InputError, RunInterrupted, SimulationError, ZifsimError
from zifsim.io.files import read_json, sha256_file

STOPPED = RunInterrupted.exit_code
PARENT_CHECK_SECONDS = 2.0
PATIENCE_SECONDS = 10.0
STOP_CHECK_SECONDS = 0.1
_stopping = False


def run_folder(folder: Path, emit: Any) -> None:
    """Run the stage that ``folder/config.json`` describes, unless it is done; ``emit`` takes events."""
    plan = read_json(folder / "config.json")
    if rundir.finished_outputs(folder) is not None:
        emit({"event": "done"})
        return
    inputs = {}
    for name, source in plan["inputs"].items():
        inputs[name] = (folder / source["path"]).resolve()
        if not inputs[name].is_file() or sha256_file(inputs[name]) != source["sha256"]:
            raise InputError(f"{folder.name}: its input {inputs[name]} is missing or was changed.")
    module, _, function = plan["run"].partition(":")
    config = plan["config"]
    seed = config.get("seed", config.get("settings", {}).get("seed"))
    record = provenance.start_record(f"{plan['kind']} {plan['name']}", seed=seed, settings=config,
                                     compute=config.get("platform"),
                                     inputs_sha256={n: s["sha256"] for n, s in plan["inputs"].items()})
    provenance.write_record(folder, record)

    def report(fraction: float, message: str = "", note: str = "") -> None:
        if _stopping:
            raise RunInterrupted("asked to stop")
        if note:
            emit({"event": "note", "text": note})
        emit({"event": "progress", "fraction": min(max(float(fraction), 0.0), 1.0), "message": message})

    outputs = getattr(importlib.import_module(module), function)(config, inputs, folder, report)
    digests = {name: sha256_file(folder / name) for name in outputs}
    provenance.write_record(folder, provenance.finish_record(record, digests))
    rundir.mark_done(folder, [*outputs, "record.json"])
    emit({"event": "done"})


def attempt(folder: Path, emit: Any) -> bool:
    """Run a folder and report how it ended; False where this process should end as well."""
    try:
        run_folder(folder, emit)
    except ZifsimError as error:
        emit({"event": "failed", "error": str(error), "input": not isinstance(error, SimulationError), "final": True})
    except (RunInterrupted, SystemExit, KeyboardInterrupt):
        emit({"event": "stopped"})
        return False
    except MemoryError:
        emit({"event": "failed", "error": "out of memory", "input": False})
    except Exception as error:
        traceback.print_exc()
        emit({"event": "failed", "input": False,
              "error": f"{type(error).__name__}: {error} (traceback in {folder / 'stage.log'})"})
    return True


def _die_with_parent() -> None:
    """End this process when its parent has gone, even by kill -9; the next run resumes from checkpoints."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_SECONDS)
        os._exit(STOPPED)

    threading.Thread(target=watch, daemon=True).start()


def stop_soon(signum: int, frame: Any) -> None:
    """Stop at the stage's next report; one that does not report soon is left where its last checkpoint is.

    A signal handler, which interrupts the main thread anywhere: no lock may be taken here that it might be holding, so
    no Event and no Timer.
    """
    global _stopping
    _stopping = True
    _thread.start_new_thread(_leave_after_patience, ())


def _leave_after_patience() -> None:
    time.sleep(PATIENCE_SECONDS)
    os._exit(STOPPED)


def sleep_unless_stopped(seconds: float) -> None:
    """Sleep; raises RunInterrupted where this process is, or was, asked to stop."""
    deadline = time.monotonic() + seconds
    while not _stopping and (left := deadline - time.monotonic()) > 0.0:
        time.sleep(min(left, STOP_CHECK_SECONDS))
    if _stopping:
        raise RunInterrupted("asked to stop")


def _private_stdout() -> TextIO:
    """The real stdout for events; whatever libraries print goes to stderr instead."""
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return events


def _log_to(folder: Path) -> None:
    """Send stdout and stderr of this process to the stage's log, appended."""
    sys.stdout.flush()
    sys.stderr.flush()
    log = os.open(folder / "stage.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def serve() -> None:
    """Run the folders named on stdin, a line each, until stdin closes."""
    _die_with_parent()
    events = _private_stdout()
    lock = threading.Lock()

    def emit(event: dict[str, Any]) -> None:
        with lock:
            events.write(json.dumps(event) + "\n")
            events.flush()

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGTERM, stop_soon)
    for line in sys.stdin:
        folder = Path(line.strip())
        _log_to(folder)
        if not attempt(folder, emit):
            sys.exit(STOPPED)


def run_one(folder: Path) -> int:
    """Run one prepared folder in this process, as a queue's job would; returns the exit code."""
    signal.signal(signal.SIGTERM, stop_soon)
    outcome: dict[str, Any] = {}

    def emit(event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            print(f"{event['fraction']:6.1%} {event['message']}", flush=True)
        elif event["event"] == "note":
            print(event["text"], flush=True)
        else:
            outcome.update(event)

    attempt(folder, emit)
    if outcome["event"] == "failed":
        print(f"error: {outcome['error']}", file=sys.stderr)
        return 2 if outcome["input"] else 1
    return 0 if outcome["event"] == "done" else STOPPED


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(run_one(Path(sys.argv[1])))
    serve()
