"""Comparison from a results folder to the table on disk."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from zifsim.compare.accessible import with_access
from zifsim.compare.export import write_tables
from zifsim.compare.reference import load_reference
from zifsim.compare.results import read_results
from zifsim.compare.table import ComparisonTable, build_table


def run_comparison(out_dir: str | Path, access: Iterable[str] = ()) -> ComparisonTable:
    """Read a results folder, compare, and write ``table1.md``, ``.csv``, ``.tex`` and ``scores.csv`` into it.

    ``access``: accessibility beside that of the study's own stages, ``MATERIAL[:CONFIGURATION]=FOLDER`` each.

    Raises
    ------
    InputError: the folder or one of ``access`` cannot be read; nothing is written then.
    """
    table = build_table(with_access(read_results(out_dir), access), load_reference())
    write_tables(table, Path(out_dir))
    return table
