"""One job of a sweep in this process: what Snakemake, an array job or a user calls, as often as they like."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zifsim.campaign import worker
from zifsim.campaign.devices import thread_environment
from zifsim.campaign.rundir import LOCK, StageFolder, finished_outputs
from zifsim.errors import InputError, RunInterrupted, ZifsimError
from zifsim.io.files import read_json, sha256_file
from zifsim.sweep.folder import find_job, planned_in, read_jobs
from zifsim.sweep.jobs import Job
from zifsim.sweep.state import StateFile, read_state

LOCK_CHECK_SECONDS = 1.0
STOPPED = RunInterrupted.exit_code


def run_job(out: Path, id: str, threads: int | None = None) -> int:
    """Run or continue a job; returns the exit code: 0 done, 1 failed, 2 wrong input, 75 stopped with its state saved.

    A finished job is checked and left alone. One that another process runs is waited for. One that failed for a
    reason that another attempt would meet again is not tried again before the sweep is planned or run anew.

    Raises
    ------
    InputError: no such job, inputs that are not there yet, or results that were changed afterwards.
    """
    if threads:
        os.environ.update(thread_environment(threads))
    out = out.resolve()
    job = find_job(read_jobs(out), id)
    folder = job.folder(out)
    os.chdir(planned_in(out))
    signal.signal(signal.SIGTERM, worker.stop_soon)
    signal.signal(signal.SIGUSR1, worker.stop_soon)
    signal.signal(signal.SIGINT, lambda number, frame: signal.raise_signal(signal.SIGTERM))
    with _held(folder.path):
        if is_finished(out, job):
            print(f"{job.id}: done already")
            return 0
        before = read_state(folder.path)
        if before is not None and before.state == "failed" and before.final:
            print(f"error: {job.id} failed before: {before.reason} (`zifsim sweep plan` lets it try again)",
                  file=sys.stderr)
            return 1
        inputs = _inputs(out, job)
        state = StateFile(folder.path)
        try:
            _prepare(job, folder, inputs)
        except ZifsimError as error:
            state.end("failed", reason=str(error), final=True)
            raise
        return _attempt(folder, state)


def is_finished(out: Path, job: Job) -> bool:
    """True where the job is done, with results that are whole and made from the inputs that are there now.

    Raises
    ------
    InputError: its results, or those it was made from, were changed.
    """
    folder = job.folder(out).path
    if finished_outputs(folder) is None:
        return False
    for name, source in read_json(folder / "config.json")["inputs"].items():
        upstream, file = job.needs[name]
        outputs = finished_outputs(out / upstream)
        if outputs is not None and outputs[file] != source["sha256"]:
            raise InputError(f"{folder} was made from another {out / upstream / file}; delete {folder} to compute it "
                             "again.")
    return True


def _inputs(out: Path, job: Job) -> dict[str, Path]:
    """The job's input files; raises InputError where the job that makes one has not finished."""
    for upstream, _ in job.needs.values():
        if finished_outputs(out / upstream) is None:
            raise InputError(f"{job.id} needs {upstream}, which is not finished; run that first.")
    return {name: out / upstream / file for name, (upstream, file) in job.needs.items()}


def _prepare(job: Job, folder: StageFolder, inputs: Mapping[str, Path]) -> None:
    """Write the folder's config.json, unless it was begun with other inputs."""
    config = folder.path / "config.json"
    if config.is_file():
        known = {name: source["sha256"] for name, source in read_json(config)["inputs"].items()}
        if known != {name: sha256_file(path) for name, path in inputs.items()}:
            raise InputError(f"{folder.path} was begun with other inputs; delete it to compute it again.")
    folder.prepare(job.config, inputs, job.run)


def _attempt(folder: StageFolder, state: StateFile) -> int:
    """Run the prepared folder and keep its state."""
    outcome: dict[str, Any] = {}

    def emit(event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            state.progress(event["fraction"], event["message"])
        elif event["event"] == "note":
            print(event["text"], flush=True)
        else:
            outcome.update(event)

    state.begin()
    worker.attempt(folder.path, emit)
    if outcome["event"] == "done":
        state.end("done", fraction=1.0, message="")
        return 0
    if outcome["event"] == "failed":
        state.end("failed", reason=outcome["error"], final=outcome.get("final", False))
        print(f"error: {outcome['error']}", file=sys.stderr)
        return 2 if outcome["input"] else 1
    state.end("stopped")
    print(f"stopped with its state saved in {folder.path}: the same command continues", file=sys.stderr)
    return STOPPED


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a job's folder, waiting for a process that has it; the lock dies with its process."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / LOCK, "a+") as stream:
        waited = False
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waited:
                    stream.seek(0)
                    print(f"{folder.name}: process {stream.read().strip()} has it; waiting", file=sys.stderr)
                waited = True
                worker.sleep_unless_stopped(LOCK_CHECK_SECONDS)
            except OSError:     # a file system without locks: nothing but the queue keeps two processes apart
                break
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield
