"""``zifsim run``: a whole study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zifsim.cli.terminal import console, say

if TYPE_CHECKING:
    from zifsim.campaign.run import StudyResult
    from zifsim.compare.table import ComparisonTable

MOST_SHOWN = 500        # stages of a plan; a longer list is read by nobody, and takes its time


def run(
    study: Annotated[str, typer.Argument(
        metavar="STUDY.toml", help="Study file, or the name of a shipped study (quick, flux_melting).")],
    out: Annotated[Path | None, typer.Option(
        "--out", "-o", help="Results folder.", show_default="results/<study name>")] = None,
    changes: Annotated[list[str] | None, typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a value of the file, e.g. melt.hold_ps=10 or "
        "gcmc.gases.0.pressures_bar=[0.1,1.0]; may be repeated.")] = None,
    dry_run: Annotated[bool, typer.Option(
        "--dry-run", help="Print stages, cell sizes, steps, time and disk; write nothing.")] = False,
) -> None:
    """Run a study: build, relax, melt, adsorb, compare, report.

    The same command continues after an interruption; finished stages are not repeated.

    Example: zifsim run workflows/quick.toml --set study.seed=7 --out results/seed7
    """
    if dry_run:
        _show_plan(study, out, changes or [])
        return
    from zifsim.campaign.run import results_folder, run_study
    from zifsim.campaign.study import load_study
    from zifsim.cli.screen import screen

    asked = load_study(study, changes or [])
    with screen(results_folder(asked, out)) as report:
        result = run_study(asked, out, report=report)
    _show_result(result)
    if result.failures:
        raise typer.Exit(2 if result.input_at_fault else 1)


def _show_plan(study: str, out: Path | None, changes: list[str]) -> None:
    from rich.table import Table
    from rich.text import Text

    from zifsim.campaign.estimate import wall_seconds
    from zifsim.campaign.plan import make_plan
    from zifsim.campaign.run import results_folder
    from zifsim.campaign.stagefolder import owner_claim
    from zifsim.campaign.study import load_study
    from zifsim.runs.devices import worker_count
    from zifsim.runs.progress import clock

    plan = load_study(study, changes)
    folder = results_folder(plan, out)
    owner_claim("study", plan.to_dict()).check(folder)
    workers = worker_count(plan.study.workers)
    stages = make_plan(plan, workers)
    title = f"{plan.name}: {len(stages)} stages, {plan.study.quality} settings"
    table = Table(title=title, title_justify="left")
    for column, side in (("stage", "left"), ("cell", "left"), ("work", "left"), ("CPU time", "right"),
                         ("disk MB", "right")):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    for stage in stages[:MOST_SHOWN]:
        table.add_row(Text(stage.id), stage.size, stage.work, clock(stage.seconds), f"{stage.megabytes:.1f}")
    console(150).print(table)
    if len(stages) > MOST_SHOWN:
        say(f"and {len(stages) - MOST_SHOWN} stages more")
    say(f"Estimated: {clock(wall_seconds(stages, workers))} with {workers} processes and no GPU, "
        f"{sum(s.megabytes for s in stages):.0f} MB in {folder}. Nothing was written.")


def _show_result(result: StudyResult) -> None:
    if result.comparison is not None:
        _print_comparison(result.comparison)
    say(f"{result.n_done} of {result.n_stages} stages done in {result.out}")
    for label, path in (("table", result.table), ("report", result.report)):
        if path is not None:
            say(f"{label}: {path}")
    for stage, reason in result.failures.items():
        say(f"error: {stage}: {reason}", error=True)


def _print_comparison(comparison: ComparisonTable) -> None:
    """The rows of the paper's Table 1, in the terminal."""
    from rich.table import Table
    from rich.text import Text

    from zifsim.compare.export import SHOWN, columns_in_use, shown_row

    table = Table(title=f"Uptake at 1 bar, mL(STP)/g ({comparison.quality_note})", title_justify="left",
                  caption=comparison.settings_line, caption_justify="left")
    columns = columns_in_use(comparison)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < 2 else "right")
    for row in comparison.section("table1"):
        cells = dict(zip(SHOWN, shown_row(row), strict=True))
        table.add_row(*(Text(cells[column]) for column in columns))
    console(150).print(table)
    for warning in comparison.warnings:
        say(f"note: {warning}")
