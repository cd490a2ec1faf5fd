"""CSV, Markdown and LaTeX writers."""

import csv
from pathlib import Path

import pytest

from zifsim.io.tables import latex_escape, latex_table, markdown_table, write_csv


def test_csv_keeps_full_precision_and_odd_text(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "table.csv"
    rows = [["a, \"b\"\nc", 0.1 + 0.2, None, True], ["ag[(ZIF-8)0.2]", 1e-300, 3, False]]
    write_csv(path, ["name", "value_k", "count", "flag"], rows)
    with open(path, newline="") as stream:
        header, first, second = csv.reader(stream)
    assert header == ["name", "value_k", "count", "flag"]
    assert first == ["a, \"b\"\nc", "0.30000000000000004", "", "true"]
    assert float(second[1]) == 1e-300
    assert [p.name for p in path.parent.iterdir()] == ["table.csv"]   # no temporary file left


def test_row_of_wrong_width_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="3 cells in a table of 2"):
        write_csv(tmp_path / "t.csv", ["a", "b"], [[1, 2, 3]])
    assert not list(tmp_path.iterdir())


def test_markdown_escapes_pipes_and_aligns() -> None:
    text = markdown_table(["a", "|b|"], [["x|y", "1"]], "lr")
    assert text.splitlines() == ["| a | \\|b\\| |", "| :-- | --: |", "| x\\|y | 1 |"]


def test_latex_makes_special_characters_literal() -> None:
    assert latex_escape("50 % of a_b & ±1 Å, CO₂") == r"50 \% of a\_b \& $\pm$1 \AA{}, CO$_2$"
    assert latex_escape("\\{}") == r"\textbackslash{}\{\}"


def test_latex_table_has_rules_between_groups() -> None:
    text = latex_table(["a", "b"], [["1", "2"], ["3", "4"]], "lr", "A caption", "tab:x", rule_before=[1])
    lines = text.splitlines()
    assert lines.count(r"\midrule") == 2
    assert lines.index(r"3 & 4 \\") == lines.index(r"1 & 2 \\") + 2
    assert r"\begin{tabular}{lr}" in lines
