"""A sweep run by Snakemake: this process plans, starts it, and reads from the job folders how far it is."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from zifsim.campaign.stagefolder import owner_claim
from zifsim.errors import InputError
from zifsim.io.resources import data_folder
from zifsim.runs import devices, stopping
from zifsim.sweep.axes import Sweep
from zifsim.sweep.folder import SNAKEMAKE, write_plan
from zifsim.sweep.jobs import Job
from zifsim.sweep.status import SweepStatus, read_status

INSTALL = "install it with \"pip install 'zifsim[sweep]'\", or submit the array jobs of docs/cluster.md"
LOG = "snakemake.log"
LOOK_SECONDS = 2.0
GRACE_SECONDS = 300.0       # for the jobs of this machine to save their state
LOG_LINES_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Resources:
    """What a run may use. ``cores``: of this machine (0: all); ``melts_per_gpu``: side by side on one GPU.

    ``options`` are passed on to Snakemake as they are.
    """

    profile: str = "local"
    cores: int = 0
    melts_per_gpu: int = devices.MELTS_PER_GPU
    options: tuple[str, ...] = ()


def run_sweep(sweep: Sweep, jobs: Sequence[Job], out: Path, resources: Resources,
              show: Callable[[SweepStatus], None] = lambda status: None) -> SweepStatus:
    """Run or continue the jobs of a sweep until nothing is left that can run; finished jobs are not repeated.

    ``show`` is called every few seconds. Failed jobs are tried again, as often as the profile says.

    Raises
    ------
    InputError: a wrong profile, a folder that cannot be used, no Snakemake, or Snakemake refused to run.
    RunInterrupted: asked to stop; running jobs saved their state, and the same call continues.
    """
    profile = find_profile(resources.profile)
    check_snakemake(needs_slurm=executor_of(profile) == "slurm")
    if any(job.kind == "pores" for job in jobs) and find_spec("pyzeo") is None:
        raise InputError("[measure] pores needs pyzeo (Zeo++): pip install 'zifsim[sweep]', or leave it out with "
                         "--set measure.pores=false.")
    with stopping.stoppable(), owner_claim("sweep", sweep.to_dict()).hold(out):
        write_plan(out, sweep, jobs)
        code = _run_snakemake(out.resolve(), profile, resources, jobs, show)
        status = read_status(out, jobs)
        show(status)
        if code != 0 and not status.failed and not status.is_complete:
            raise InputError(f"Snakemake ended with exit code {code}, see {out / LOG}: {_last_words(out / LOG)}")
    return status


def find_profile(name: str) -> Path:
    """The folder of a profile: a path, or the name of a shipped one.

    Raises
    ------
    InputError: no such profile.
    """
    shipped = data_folder("workflows") / "profiles"
    for folder in (Path(name), shipped / name):
        if (folder / "config.yaml").is_file():
            return folder.resolve()
    names = sorted(p.parent.name for p in shipped.glob("*/config.yaml"))
    raise InputError(f"No profile '{name}': give a folder with a config.yaml, or one of {', '.join(names)}.")


def executor_of(profile: Path) -> str:
    """What a profile runs its jobs with: ``slurm`` or another executor of Snakemake, empty for this machine."""
    settings = (profile / "config.yaml").read_text(encoding="utf-8", errors="replace")
    match = re.search(r"^executor: *[\"']?([\w-]+)", settings, flags=re.MULTILINE)
    return match.group(1) if match and match.group(1) != "local" else ""


def check_snakemake(needs_slurm: bool = False) -> None:
    """Raise InputError where Snakemake (and its SLURM executor) is not installed."""
    if find_spec("snakemake") is None:
        raise InputError(f"Snakemake is not installed: {INSTALL}.")
    if needs_slurm and find_spec("snakemake_executor_plugin_slurm") is None:
        raise InputError(f"Snakemake's SLURM executor is not installed: {INSTALL}.")


def snakemake_command(out: Path, profile: Path, resources: Resources, jobs: Sequence[Job]) -> list[str]:
    """The command line of Snakemake."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(data_folder("workflows") / "Snakefile"),
               "--directory", str(out), "--configfile", str(out / SNAKEMAKE), "--workflow-profile", str(profile)]
    if not executor_of(profile):
        cores = devices.worker_count(resources.cores)
        melts = sum(job.kind == "melt" for job in jobs)
        command += ["--cores", str(cores), "--set-threads", f"melt={devices.threads_per_melt(cores, melts)}"]
        if gpus := devices.visible_gpus():
            command += ["--resources", f"gpu_share={len(gpus) * resources.melts_per_gpu}"]
    return [*command, *resources.options]


def _run_snakemake(out: Path, profile: Path, resources: Resources, jobs: Sequence[Job],
                   show: Callable[[SweepStatus], None]) -> int:
    """Run it in a process group of its own, with its words in a log; returns its exit code."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        devices.SHARES_VARIABLE: str(resources.melts_per_gpu)}
    with open(out / LOG, "ab") as log, stopping.polled(GRACE_SECONDS):
        process = subprocess.Popen(snakemake_command(out, profile, resources, jobs), stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, cwd=out, env=environment, start_new_session=True,
                                   preexec_fn=stopping.end_with_parent)
        told = False
        while process.poll() is None:
            if stopping.asked() and not told:
                _stop(process, executor_of(profile))
                told = True
            show(read_status(out, jobs))
            time.sleep(LOOK_SECONDS)
    stopping.check()
    return process.returncode


def _stop(process: subprocess.Popen[bytes], executor: str) -> None:
    """Ask Snakemake to stop: a cluster's jobs it cancels itself, those of this machine are told to save and end."""
    process.send_signal(signal.SIGINT)
    if not executor:
        os.killpg(process.pid, signal.SIGTERM)


def _last_words(log: Path) -> str:
    """The end of Snakemake's log, on one line."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return " ".join(lines[-LOG_LINES_SHOWN:])
