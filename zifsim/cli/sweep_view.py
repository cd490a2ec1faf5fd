"""What ``zifsim sweep`` prints."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from zifsim.cli.terminal import console, say
from zifsim.runs.progress import clock

if TYPE_CHECKING:
    from zifsim.sweep.findings import Collected
    from zifsim.sweep.jobs import Job
    from zifsim.sweep.status import SweepStatus

SHOWN_JOBS = 40         # of a plan; all of them with --all
SHOWN_RUNNING = 15
PLAIN_INTERVAL_SECONDS = 30.0
WIDTH = 150             # where nobody watches
FATES = ("done", "running", "waiting", "failed")


def print_plan(folder: Path, jobs: Sequence[Job], all_jobs: bool) -> None:
    """The jobs, and what they will need."""
    from zifsim.sweep.jobs import totals

    table = Table(title=f"{len(jobs)} jobs", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column, side, least in (("job", "left", 45), ("seed", "right", 10), ("work", "left", None),
                                ("CPU time", "right", 8), ("GPU time", "right", 8), ("MB", "right", 5)):
        table.add_column(column, justify=side, no_wrap=True, min_width=least)  # type: ignore[arg-type]
    shown = jobs if all_jobs else jobs[:SHOWN_JOBS]
    for job in shown:
        table.add_row(Text(job.id), "" if job.seed is None else str(job.seed), f"{job.size}; {job.work}",
                      clock(job.seconds), clock(job.gpu_seconds) if job.gpu_seconds else "", f"{job.megabytes:.1f}")
    console(WIDTH).print(table)
    if len(shown) < len(jobs):
        say(f"... and {len(jobs) - len(shown)} more: {folder / 'jobs.csv'} has all of them, --all prints them")
    sums = totals(jobs)
    cpu, gpu, beside = (_hours(sums[name]) for name in ("cpu_hours", "gpu_hours", "cpu_hours_beside_gpu"))
    say(f"Estimated: {cpu} core hours without a GPU; with GPUs {gpu} GPU hours (an assumed pace, one melt at a time "
        f"on a GPU) and {beside} core hours; {sums['gigabytes']:.2f} GB.\nPlanned in {folder}. Nothing was run.")


def _hours(hours: float) -> str:
    return f"{hours:,.1f}" if hours >= 1.0 else f"{hours:.1g}"


def print_status(folder: Path, status: SweepStatus) -> None:
    """The table once."""
    console(WIDTH).print(_status_view(folder, status))


def print_failures(status: SweepStatus) -> None:
    """A line per failed job on stderr."""
    for job, state in status.failed:
        say(f"error: {job.id}: {' '.join(state.reason.split())}", error=True)


@contextmanager
def live_status(folder: Path) -> Iterator[Callable[[SweepStatus], None]]:
    """A function that shows a status: a table that renews itself in a terminal, a line now and then elsewhere."""
    if sys.stdout.isatty():
        with Live(console=console(WIDTH), refresh_per_second=2) as live:
            yield lambda status: live.update(_status_view(folder, status))
        return
    last = -PLAIN_INTERVAL_SECONDS
    said = ""

    def line(status: SweepStatus) -> None:
        nonlocal last, said
        counts = ", ".join(f"{status.total(fate)} {fate}" for fate in FATES)
        if counts != said and (time.monotonic() - last >= PLAIN_INTERVAL_SECONDS or status.is_complete):
            last, said = time.monotonic(), counts
            say(f"{counts}; ETA {clock(status.seconds_left)}", flush=True)

    yield line


def _status_view(folder: Path, status: SweepStatus) -> Group:
    counts = Table(title=str(folder), title_justify="left")
    for column in ("jobs", *FATES, "time left"):
        counts.add_column(column, justify="left" if column == "jobs" else "right")
    for kind, numbers in status.counts.items():
        counts.add_row(kind, *(str(numbers[fate] or "") for fate in FATES),
                       clock(status.seconds_left_by_kind[kind]))
    counts.add_section()
    counts.add_row("all", *(str(status.total(fate) or "") for fate in FATES), clock(status.seconds_left))
    parts: list[Table | Text] = [counts]
    if status.running:
        running = Table(title="running", title_justify="left")
        for column in ("job", "done", "now", "time left", "attempt", "on"):
            running.add_column(column)
        for job, state in status.running[:SHOWN_RUNNING]:
            where = f"{state.node} (SLURM {state.slurm_job})" if state.slurm_job else state.node
            running.add_row(Text(job.id), f"{state.fraction:.0%}", Text(state.message), clock(state.seconds_left),
                            str(state.attempts), Text(where))
        parts.append(running)
        if len(status.running) > SHOWN_RUNNING:
            parts.append(Text(f"... and {len(status.running) - SHOWN_RUNNING} more"))
    if status.begun:
        parts.append(Text(f"{len(status.begun)} of the waiting jobs were begun before and continue from their state"))
    for job, state in status.failed[:SHOWN_RUNNING]:
        parts.append(Text(f"failed: {job.id}: {' '.join(state.reason.split())}", style="red"))
    if len(status.failed) > SHOWN_RUNNING:
        parts.append(Text(f"... and {len(status.failed) - SHOWN_RUNNING} more failed", style="red"))
    return Group(*parts)


def print_summary(collected: Collected) -> None:
    """Means per quench rate, and where the files are."""
    table = Table(title=f"{collected.name} ({collected.quality_note}): {collected.n_glasses} of "
                  f"{collected.n_planned} glasses", title_justify="left")
    table.add_column("quantity")
    for rate in collected.rates:
        table.add_column(f"{rate:g} K/ps", justify="right")
    table.add_column("experiment", justify="right")
    for quantity in collected.measured:
        cells = [collected.cell(quantity, rate) for rate in collected.rates]
        table.add_row(Text(quantity.label), *cells, collected.experiment_text(quantity))
    console(WIDTH).print(table)
    if collected.warning:
        say(f"note: {collected.warning}")
    say("± one standard error over glasses (replicates and configurations); * not settled")
    for path in collected.files:
        say(f"written: {path}")
