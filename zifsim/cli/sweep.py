"""``zifsim sweep``: plan, run, watch and collect a sweep."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from zifsim import limits
from zifsim.cli.options import within
from zifsim.cli.terminal import say
from zifsim.limits import Limits

app = typer.Typer(no_args_is_help=True, help="One study at every quench rate, configuration and replicate, on one "
                  "machine or a SLURM cluster. Start with [bold]zifsim sweep run smoke_sweep[/].")

SweepFile = Annotated[str, typer.Argument(
    metavar="SWEEP.toml", help="Sweep file, or the name of a shipped one (quench_sweep, smoke_sweep).")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Results folder of the sweep.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Results folder.", show_default="results/<name>")]
Changes = Annotated[list[str] | None, typer.Option(
    "--set", metavar="KEY=VALUE", help="Change a value of the file, e.g. axes.replicates=3; may be repeated.")]


@app.command()
def plan(sweep: SweepFile, out: Out = None, changes: Changes = None,
         all_jobs: Annotated[bool, typer.Option("--all", help="Print every job, however many.")] = False) -> None:
    """List the jobs with their ids, seeds, sizes and estimated time and disk, and write them to the results folder.

    Nothing is run. A folder that holds results of a smaller or larger plan keeps them; what they cover is not repeated.

    Example: zifsim sweep plan quench_sweep --set axes.replicates=3
    """
    from zifsim.campaign.stagefolder import owner_claim
    from zifsim.cli.sweep_view import print_plan
    from zifsim.sweep.axes import load_sweep
    from zifsim.sweep.folder import results_folder, write_plan
    from zifsim.sweep.jobs import plan_jobs

    chosen = load_sweep(sweep, changes or [])
    folder = results_folder(chosen, out)
    claim = owner_claim("sweep", chosen.to_dict())
    claim.check(folder)
    jobs = plan_jobs(chosen)
    with claim.hold(folder):
        write_plan(folder, chosen, jobs)
    print_plan(folder, jobs, all_jobs)


@app.command(context_settings={"allow_extra_args": True})
def run(
    context: typer.Context, sweep: SweepFile, out: Out = None, changes: Changes = None,
    profile: Annotated[str, typer.Option(
        "--profile", metavar="NAME|DIR", help="local, slurm, or a folder with a config.yaml of your own.")] = "local",
    cores: Annotated[int, typer.Option("--cores", "-c", help="Cores of this machine (local); 0: all.",
                                         callback=within(limits.THREADS))] = 0,
    melts_per_gpu: Annotated[int, typer.Option(
        "--melts-per-gpu", callback=within(Limits(1, 64, whole=True)), help="Melts side by side on one GPU.")] = 4,
) -> None:
    """Run or continue a sweep, and collect what is finished. Finished jobs are never repeated.

    What follows -- goes to Snakemake as it is. Its own words are in DIR/snakemake.log. Ctrl-C stops: running jobs save
    their state (on a cluster they are cancelled), and the same command continues.

    Example: zifsim sweep run quench_sweep --profile slurm -- --jobs 50
    """
    from zifsim.cli.sweep_view import live_status, print_failures
    from zifsim.sweep.axes import load_sweep
    from zifsim.sweep.folder import results_folder
    from zifsim.sweep.jobs import plan_jobs
    from zifsim.sweep.run import Resources, run_sweep

    chosen = load_sweep(sweep, changes or [])
    folder = results_folder(chosen, out)
    resources = Resources(profile, cores, melts_per_gpu, tuple(context.args))
    jobs = plan_jobs(chosen)
    with live_status(folder) as show:
        status = run_sweep(chosen, jobs, folder, resources, show)
    if status.counts.get("melt", {}).get("done"):
        _collect(folder)
    print_failures(status)
    if not status.is_complete:
        raise typer.Exit(1)


@app.command()
def status(folder: Folder, watch: Annotated[bool, typer.Option(
        "--watch", "-w", help="Keep the table up to date until everything is done; Ctrl-C leaves.")] = False) -> None:
    """Show what is done, running (with time left), waiting and failed (with the reason).

    It only reads the folder, so any machine that sees it can ask, however the jobs are run.

    Example: zifsim sweep status results/quench_sweep --watch
    """
    import time

    from zifsim.cli.sweep_view import live_status, print_status
    from zifsim.sweep.folder import read_jobs
    from zifsim.sweep.status import read_status

    jobs = read_jobs(folder)
    if not watch:
        print_status(folder, read_status(folder, jobs))
        return
    with live_status(folder) as show:
        while not (now := read_status(folder, jobs)).is_complete:
            show(now)
            time.sleep(2.0)
        show(now)


@app.command()
def collect(folder: Folder) -> None:
    """Gather the finished jobs: sweep.csv (every number), summary.csv (means per rate), figures and sweep.html.

    Nothing is simulated. Results that were changed after they were written stop it.

    Example: zifsim sweep collect results/quench_sweep
    """
    _collect(folder)


@app.command()
def job(folder: Folder, id: Annotated[str, typer.Argument(metavar="JOB", help="Job id, a line of jobs.csv.")],
        threads: Annotated[int | None, typer.Option("--threads", help="CPU threads.",
        callback=within(limits.SOME_THREADS),
                                                    show_default="all cores")] = None) -> None:
    """Run or continue one job, as Snakemake and array jobs do. A finished job is left alone.

    Exit codes: 0 done, 1 failed, 2 wrong input, 75 stopped by SIGTERM or SIGUSR1 with its state saved.

    Example: zifsim sweep job results/quench_sweep "$(sed -n 1p results/quench_sweep/jobs/melt.txt)"
    """
    from zifsim.sweep.job import run_job

    if code := run_job(folder, id, threads):
        sys.exit(code)


@app.command()
def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="New folder.")]) -> None:
    """Copy the sweep file, the profiles and the array-job scripts to a folder, to be edited there.

    Example: zifsim sweep init my-sweep
    """
    from zifsim.sweep.init import copy_templates

    for path in copy_templates(folder):
        say(f"wrote {path}")


def _collect(folder: Path) -> None:
    from zifsim.cli.sweep_view import print_summary
    from zifsim.sweep.collect import collect_sweep

    print_summary(collect_sweep(folder))
