"""The results folder of a sweep: which sweep it is, and its jobs, as other processes and other nodes read them.

``sweep.json`` is the sweep with every default written out, ``jobs.json`` the jobs, ``jobs.csv`` the same for people,
``jobs/<kind>.txt`` their ids for array jobs, ``snakemake.json`` what the Snakefile asks for, ``parameters.json`` the
force fields, charges and guests of all of them as they were when it was planned, each by its digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zifsim.campaign.stagefolder import parameter_digests
from zifsim.errors import DamagedError, InputError, UnknownNameError
from zifsim.io.files import write_json_atomic, write_text_atomic
from zifsim.io.tables import write_csv
from zifsim.runs.folder import DONE
from zifsim.runs.seal import UNREADABLE, read_sealed_json, write_sealed_json
from zifsim.runs.version import PHYSICS, version
from zifsim.sweep.axes import Sweep
from zifsim.sweep.jobs import KINDS, Job
from zifsim.sweep.state import forget_failure

SWEEP, JOBS, SNAKEMAKE, PARAMETERS = "sweep.json", "jobs.json", "snakemake.json", "parameters.json"
COLUMNS = ("id", "kind", "quench_rate_k_per_ps", "configuration", "replicate", "seed", "size", "work", "cpu_hours",
           "gpu_hours", "megabytes")


def results_folder(sweep: Sweep, out: Path | None = None) -> Path:
    """Where a sweep's results go: ``out``, or ``results/<sweep name>``."""
    return Path("results") / sweep.name if out is None else out


def write_plan(out: Path, sweep: Sweep, jobs: Sequence[Job]) -> None:
    """Write a plan into ``out``, held by the caller. Results that are there stay, and failed jobs may try again."""
    write_sealed_json(out / SWEEP, sweep.to_dict())
    write_csv(out / "jobs.csv", COLUMNS, [plan_row(job) for job in jobs])
    for kind in KINDS:
        write_text_atomic(out / "jobs" / f"{kind}.txt", "".join(f"{j.id}\n" for j in jobs if j.kind == kind))
    write_json_atomic(out / SNAKEMAKE, {
        "targets": [f"{job.id}/{DONE}" for job in jobs],
        "needs": {job.id: [f"{source}/{DONE}" for source, _ in job.needs.values()] for job in jobs}})
    for job in jobs:
        forget_failure(out / job.id)
    write_sealed_json(out / PARAMETERS, {sha256: value for job in jobs for sha256, value in job.parameters.items()})
    write_sealed_json(out / JOBS, {"zifsim_version": version(), "physics": dict(PHYSICS), "cwd": str(Path.cwd()),
                                   "jobs": [job.to_dict() for job in jobs]})


def plan_row(job: Job) -> list[Any]:
    """A job's row under ``COLUMNS``."""
    return [job.id, job.kind, job.rate_k_per_ps, job.configuration, job.replicate, job.seed, job.size, job.work,
            round(job.seconds / 3600.0, 4), round(job.gpu_seconds / 3600.0, 4), round(job.megabytes, 2)]


def read_sweep(out: Path) -> Sweep:
    """The sweep of a results folder.

    Raises
    ------
    InputError: not the folder of a sweep.
    """
    _check(out)
    return Sweep.from_dict(_read(out / SWEEP), str(out / SWEEP))


def read_jobs(out: Path) -> list[Job]:
    """The jobs of a results folder, inputs before those that use them.

    Raises
    ------
    InputError: not the folder of a sweep, or one planned by another version of zifsim.
    """
    _check(out)
    values = _read(out / JOBS)
    if values.get("physics") != dict(PHYSICS):
        by = values.get("zifsim_version")
        raise InputError(f"{out} was planned by zifsim {by}, whose physics is of another version than this one's: "
                         "plan it again with `zifsim sweep plan`, or use that version.")
    try:
        return [Job.from_dict(job) for job in values["jobs"]]
    except UNREADABLE:
        raise _damaged(out / JOBS) from None


def read_parameters(out: Path, job: Job) -> dict[str, Any]:
    """The parameters of a job by value, as they were planned.

    Raises
    ------
    InputError: they were changed since, or are missing.
    """
    stated = job.config.get("parameters_sha256", {})
    try:
        held = read_sealed_json(out / PARAMETERS, needed=False)
        values = {name: held[sha256] for name, sha256 in stated.items()}
    except (OSError, DamagedError, KeyError):
        raise InputError(f"{out / PARAMETERS} is missing or damaged; plan the sweep again.") from None
    if parameter_digests(values) != stated:
        raise InputError(f"{out / PARAMETERS} was changed after the sweep was planned; plan it again.")
    return values


def planned_in(out: Path) -> Path:
    """The folder in which the sweep was planned: names of the user's files are relative to it."""
    cwd = _read(out / JOBS).get("cwd")
    if not isinstance(cwd, str) or not Path(cwd).is_dir():
        raise InputError(f"The folder {cwd} in which {out} was planned is not there; plan the sweep again.")
    return Path(cwd)


def find_job(jobs: Sequence[Job], id: str) -> Job:
    """The job of an id; raises UnknownNameError."""
    wanted = id.strip("/")
    for job in jobs:
        if job.id == wanted:
            return job
    raise UnknownNameError("job", id, [job.id for job in jobs if job.kind == wanted.partition("/")[0]] or
                           sorted({job.kind for job in jobs}))


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_sealed_json(path, needed=False)
    except DamagedError:
        raise _damaged(path) from None


def _damaged(path: Path) -> InputError:
    return InputError(f"{path} is damaged; plan the sweep again, which keeps what is finished.")


def _check(out: Path) -> None:
    if not (out / SWEEP).is_file() or not (out / JOBS).is_file():
        raise InputError(f"'{out}' is not the folder of a sweep; give the one that `zifsim sweep plan` or "
                         "`zifsim sweep run` wrote.")
