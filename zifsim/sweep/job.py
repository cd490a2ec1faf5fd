"""Jobs: one of a sweep in this process, as Snakemake, an array job or a user calls it, as often as they like."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from zifsim.campaign import worker
from zifsim.campaign.stagefolder import StageFolder
from zifsim.errors import InputError, ZifsimError
from zifsim.printable import one_line
from zifsim.runs import stopping
from zifsim.runs.devices import thread_environment
from zifsim.runs.folder import CONFIG, finished_outputs, locked, read_config
from zifsim.runs.progress import Event
from zifsim.sweep.folder import find_job, planned_in, read_jobs, read_parameters
from zifsim.sweep.jobs import Job
from zifsim.sweep.state import StateFile, read_state


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
    with stopping.stoppable(), locked(folder.path, wait=True):
        if is_finished(out, job):
            print(f"{job.id}: done already")
            return 0
        before = read_state(folder.path)
        if before is not None and before.state == "failed" and before.final:
            print(one_line(f"error: {job.id} failed before: {before.reason} (`zifsim sweep plan` lets it try again)"),
                  file=sys.stderr)
            return 1
        inputs = _inputs(out, job)
        state = StateFile(folder.path)
        try:
            _prepare(out, job, folder, inputs)
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
    held = read_config(folder)
    if held is None or set(held.get("inputs_sha256") or ()) != set(job.needs):
        raise InputError(f"{folder / CONFIG} is damaged; delete {folder} to compute it again.")
    for name, (upstream, file) in job.needs.items():
        outputs = finished_outputs(out / upstream)
        if outputs is not None and outputs.get(file) != held["inputs_sha256"][name]:
            raise InputError(f"{folder} was made from another {out / upstream / file}; delete {folder} to compute it "
                             "again.")
    return True


def _inputs(out: Path, job: Job) -> dict[str, Path]:
    """The job's input files; raises InputError where the job that makes one has not finished."""
    for upstream, _ in job.needs.values():
        if finished_outputs(out / upstream) is None:
            raise InputError(f"{job.id} needs {upstream}, which is not finished; run that first.")
    return {name: out / upstream / file for name, (upstream, file) in job.needs.items()}


def _prepare(out: Path, job: Job, folder: StageFolder, inputs: Mapping[str, Path]) -> None:
    """Write the folder's config.json, unless it was begun with other inputs."""
    claim = folder.claim(job.config, inputs, job.run, read_parameters(out, job))
    begun = read_config(folder.path)
    if begun is not None and begun.get("inputs_sha256") != dict(claim.inputs_sha256):
        raise InputError(f"{folder.path} was begun with other inputs; delete it to compute it again.")
    claim.write(folder.path)


def _attempt(folder: StageFolder, state: StateFile) -> int:
    """Run the prepared folder and keep its state."""
    def report(event: Event) -> None:
        if event.kind == "note":
            print(one_line(event.message), flush=True)
        else:
            state.progress(event.fraction, event.message)

    state.begin()
    ended = worker.attempt(folder.path, report)
    if ended is None:
        state.end("stopped")
        print(one_line(f"stopped with its state saved in {folder.path}: the same command continues"), file=sys.stderr)
        return stopping.STOPPED
    if ended.kind == "failed":
        state.end("failed", reason=ended.message, final=ended.values.get("final", False))
        print(one_line(f"error: {ended.message}"), file=sys.stderr)
        return 2 if ended.values.get("input") else 1
    state.end("done", fraction=1.0, message="")
    return 0
