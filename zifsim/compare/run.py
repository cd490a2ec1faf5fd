"""From a results folder to the table on disk."""

from __future__ import annotations

from pathlib import Path

from zifsim.compare.export import write_tables
from zifsim.compare.reference import load_reference
from zifsim.compare.results import read_results
from zifsim.compare.table import ComparisonTable, build_table


def run_comparison(out_dir: str | Path) -> ComparisonTable:
    """Read a results folder, compare, and write ``table1.md``, ``.csv``, ``.tex`` and ``scores.csv`` into it.

    Raises
    ------
    InputError: the folder cannot be read; nothing is written then.
    """
    table = build_table(read_results(out_dir), load_reference())
    write_tables(table, Path(out_dir))
    return table
