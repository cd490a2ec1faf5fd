"""A sweep of fake jobs, and `python fake_sweep.py OUT COUNT [PROFILE [OPTION...]]`: run it, in a process to kill."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from zifsim.campaign.stagefolder import StageFolder
from zifsim.runs.folder import content_key
from zifsim.sweep.axes import Sweep, load_sweep
from zifsim.sweep.jobs import Job
from zifsim.sweep.run import Resources, run_sweep


def smoke() -> Sweep:
    return load_sweep("smoke_sweep")


def fake_job(kind: str, name: str, n: int = 2, needs: Mapping[str, Job] | None = None, function: str = "count") -> Job:
    """A job that counts to n, and adds what the jobs before it found."""
    needs, config = needs or {}, {"n": n}
    key = content_key(kind, config, {k: job.key for k, job in needs.items()})
    return Job(StageFolder(Path(), kind, name, key).relative, kind, name, key, config, f"fake_stages:{function}",
               {k: (job.id, "total.txt") for k, job in needs.items()}, 1, 1.0, 0.0, 0.1, "", "")


def fake_jobs(melts: int = 4, count: int = 10) -> list[Job]:
    """One build, melts that need it, two isotherms for each."""
    build = fake_job("build", "crystal", 1)
    made = [fake_job("melt", f"glass {i}", count + i, {"framework": build}) for i in range(melts)]
    return [build, *made, *(fake_job("gcmc", f"glass {i} gas {gas}", 2, {"framework": melt})
                            for i, melt in enumerate(made) for gas in "ab")]


if __name__ == "__main__":
    _, out, count, *more = sys.argv
    profile, options = (more[0], tuple(more[1:])) if more else ("local", ())
    run_sweep(smoke(), fake_jobs(count=int(count)), Path(out), Resources(profile, cores=2, options=options))
