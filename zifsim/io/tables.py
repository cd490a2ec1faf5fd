"""Tables as CSV, Markdown and LaTeX (booktabs): rows of cells in, one whole file out, written atomically."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from zifsim.errors import InputError
from zifsim.io.files import write_text_atomic

Cell = str | float | int | bool | None

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
    "Å": r"\AA{}",
    "†": r"$^\dagger$",
    "₂": "$_2$",
    "₄": "$_4$",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Machine-readable CSV (RFC 4180): a header, full precision, true/false, and empty cells for None."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        _check_width(row, columns)
        writer.writerow([_plain(cell) for cell in row])
    write_text_atomic(path, stream.getvalue())


def read_run_table(path: Path, unfinished: bool = False) -> dict[str, list[str]]:
    """The columns of a run's ``state.csv`` as text: steps that rise, the name of the segment, numbers.

    ``unfinished``: a last row without its end is one that is being written, and does not count.

    Raises
    ------
    InputError: a row that no run wrote (named), or none.
    """
    try:
        text = path.read_text(encoding="utf-8")
        rows = list(csv.DictReader((text.rpartition("\n")[0] if unfinished else text).splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is damaged ({error}); restore it, or run the melt again.") from None
    if not rows and unfinished:
        raise InputError(f"{path} has no rows yet; wait for the melt's first.")
    if not rows or "segment" not in rows[0] or "step" not in rows[0]:
        raise InputError(f"{path} has no rows with step and segment. Run the melt again.")
    before = -1
    for number, row in enumerate(rows, start=2):
        try:
            step = int(row["step"])
            numbers = [float(value) for name, value in row.items() if name != "segment"]
            if step < before or len(numbers) != len(rows[0]) - 1 or row["segment"] is None:
                raise ValueError
        except (ValueError, TypeError):
            raise InputError(f"{path}, line {number}, is damaged; restore the file, or run the melt again.") from None
        before = step
    return {name: [row[name] for row in rows] for name in rows[0]}


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    """A GitHub-flavoured Markdown table; ``align`` has one of ``l``, ``r``, ``c`` per column."""
    marks = {"l": ":--", "r": "--:", "c": ":-:"}
    lines = [_markdown_row(columns), _markdown_row([marks[a] for a in align], escape=False)]
    for row in rows:
        _check_width(row, columns)
        lines.append(_markdown_row(row))
    return "\n".join(lines) + "\n"


def latex_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    align: str,
    caption: str,
    label: str,
    rule_before: Sequence[int] = (),
) -> str:
    """A ``table`` float for the booktabs package; ``rule_before`` lists rows that open a new group."""
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex_escape(caption)}}}",
        rf"\label{{{label}}}",
        rf"\begin{{tabular}}{{{align}}}",
        r"\toprule",
        _latex_row(columns),
        r"\midrule",
    ]
    for index, row in enumerate(rows):
        _check_width(row, columns)
        if index in rule_before:
            lines.append(r"\midrule")
        lines.append(_latex_row(row))
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def latex_escape(text: str) -> str:
    """Text with everything that LaTeX would act on made literal."""
    return "".join(_LATEX.get(character, character) for character in text)


def _plain(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return repr(cell) if isinstance(cell, float) else str(cell)


def _markdown_row(cells: Sequence[str], escape: bool = True) -> str:
    shown = [c.replace("|", "\\|") for c in cells] if escape else cells
    return "| " + " | ".join(shown) + " |"


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(latex_escape(c) for c in cells) + r" \\"


def _check_width(row: Sequence[Cell], columns: Sequence[str]) -> None:
    if len(row) != len(columns):
        raise ValueError(f"a row of {len(row)} cells in a table of {len(columns)} columns: {row}")


def with_error(value: float, error: float) -> str:
    """``19.70 ± 0.43``: two digits of the error, three decimals where there is none; dashes for NaN."""
    return f"{like_its_error(value, error)} ± {like_its_error(error, error)}"


def like_its_error(value: float, error: float) -> str:
    """A value with as many digits as its error is given with."""
    digits = 3 if not 0.0 < error < math.inf else min(8, max(0, 1 - math.floor(math.log10(error))))
    return "–" if math.isnan(value) else f"{value:.{digits}f}"
