"""``zifsim compare``: set a study's uptakes beside experiment and the published simulation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zifsim.cli import options
from zifsim.cli.terminal import console

if TYPE_CHECKING:
    from rich.table import Table

    from zifsim.compare.table import ComparisonTable

WIDE = 120  # columns of a terminal that shows nearly every column of the tables
NARROW_TABLE = ("Material", "Gas", "This work", "Experiment", "Published sim.")
WIDE_WITH_ACCESS = ("Material", "Gas", "This work", "Accessible", "Experiment", "Published sim.", "Ours − exp.",
                    "Acc. − exp.")
NARROW_WITH_ACCESS = ("Material", "Gas", "This work", "Accessible", "Experiment")
NARROW_SCORES = ("Rows", "n", "MAE ours", "MAE acc.", "MAE publ.", "Factor ours", "Factor acc.", "Factor publ.")

NO_WRAP = ("Material", "Rows", "This work", "Accessible")


def compare(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Results folder that `zifsim run` wrote.")],
    access: options.Access = None,
) -> None:
    """Recompute the comparison table of a results folder and print it.

    Writes table1.csv, table1.md, table1.tex and scores.csv into DIR. Uptake in mL(STP)/g at 1 bar: mean over
    models ± standard error of sampling, spread between models, what of it is accessible in the time of the
    experiment, experiment, published simulation, deviations, scores. Materials without isotherms are shown as missing.
    Terminals under 120 columns see fewer.

    Example: zifsim compare results/quick --access ZIF-62=results/access/zif-62
    """

    from zifsim.compare import export, run_comparison
    from zifsim.compare.scores import score_table

    table = run_comparison(folder, access or [])
    terminal = console()
    wide = terminal.width >= WIDE
    quick = table.quality == "quick"
    terminal.print(f"{table.quality_note.capitalize()}.", style="bold yellow" if quick else "bold green")
    for warning in table.warnings:
        terminal.print(warning, style="bold yellow")
    rows = [export.shown_row(row) for row in table.rows]
    scores = [export.shown_score(score) for score in score_table(table)]
    terminal.print(_table(export.SHOWN, rows, _columns(wide, table), "Gas"))
    terminal.print(export.EXPLANATION, style="dim")
    if not table.has_access:
        terminal.print(export.NO_ACCESS, style="dim")
    terminal.print(_table(export.SCORE_SHOWN, scores, _score_columns(wide, table.has_access), "Rows"))
    terminal.print(export.SCORE_EXPLANATION, style="dim")
    terminal.print(f"Settings: {table.settings_line}.")
    terminal.print(f"Written: {folder / 'table1.csv'} (also .md and .tex) and {folder / 'scores.csv'}")


def _columns(wide: bool, table: ComparisonTable) -> Sequence[str]:
    """Columns of the table that fit and hold something."""
    from zifsim.compare.export import columns_in_use

    if table.has_access:
        return WIDE_WITH_ACCESS if wide else NARROW_WITH_ACCESS
    return columns_in_use(table) if wide else NARROW_TABLE


def _score_columns(wide: bool, with_access: bool) -> Sequence[str]:
    from zifsim.compare.export import SCORE_SHOWN

    return [name for name in (SCORE_SHOWN if wide else NARROW_SCORES) if with_access or "acc." not in name]


def _table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], wanted: Sequence[str], last_text_column: str
) -> Table:
    """The wanted columns; text to the left, numbers to the right, and a line where a new material begins."""
    from rich import box
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD)
    keep = [columns.index(name) for name in wanted]
    text = columns.index(last_text_column)
    for index in keep:
        shown.add_column(columns[index], justify="left" if index <= text else "right",
                         no_wrap=columns[index] in NO_WRAP)
    grouped = last_text_column != columns[0]
    previous = None
    for row in rows:
        cells = [row[index] for index in keep]
        if grouped and row[0] == previous:
            cells[0] = ""
        elif grouped and previous is not None:
            shown.add_section()
        previous = row[0]
        shown.add_row(*cells)
    return shown
