"""A material is compared as what it is: by its composition, and as a glass only where it has melted."""

import json
from pathlib import Path

import pytest
from synthetic_results import loading_point, write_isotherm, write_study
from test_report import command_line
from typer.testing import CliRunner

from zifsim.compare import ComparisonTable, run_comparison
from zifsim.compare.materials import is_made_of
from zifsim.compare.reference import load_reference
from zifsim.compare.scores import ALL, score_table
from zifsim.melt.glass import called
from zifsim.report import write_report
from zifsim.structures import load_structure

ZIF8, TWO, THREE, FOUR = ("Zn12 C96 H120 N48", "Zn16 C104 H100 N64", "Zn16 C108 H102 N64", "Zn16 C112 H104 N64")


def rows(table: ComparisonTable, material: str, section: str) -> list:
    return [row for row in table.section(section) if row.material == material and row.gas == "CO2"]


def write(folder: Path, material: str, configuration: str, **changes: object) -> None:
    stage = write_isotherm(folder, material, configuration, "CO2", 273.0, [loading_point(1.0, 40.0, 0.4)])
    path = stage / "isotherm.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(("material", "formula", "same"), [
    ("ZIF-62", THREE, True), ("ZIF-62", FOUR, True), ("agZIF-62", "Zn32 C220 H206 N128", True),     # 3.5 bIm a cell
    ("ZIF-62", TWO, False), ("ZIF-62", ZIF8, False), ("ZIF-62", "Co16 C108 H102 N64", False),
    ("ZIF-62", "Zn16 C108 H102", False), ("ZIF-8", ZIF8, True), ("ZIF-8", "Zn C8 H10 N4", True),
    ("ZIF-8", "Zn C6 H6 N4", False), ("ZIF-8", "Zn12 C96 H120 N48 O6", False),
])
def test_a_composition_is_that_of_a_material(material: str, formula: str, same: bool) -> None:
    assert is_made_of(formula, load_reference().compositions[material]) is same


@pytest.mark.parametrize("bim_per_cell", [3, 4])
def test_the_shipped_crystals_are_what_they_are_compared_as(bim_per_cell: int) -> None:
    compositions = load_reference().compositions
    assert is_made_of(load_structure("ZIF-62", bim_per_cell=bim_per_cell).formula, compositions["ZIF-62"])
    assert is_made_of(load_structure("ZIF-8").formula, compositions["ZIF-8"])
    assert {material for blend in load_reference().blends.values() for material in blend} <= set(compositions)


def test_another_composition_is_not_compared_and_still_shown(tmp_path: Path, quick_pictures: None) -> None:
    write_study(tmp_path)
    write(tmp_path, "ZIF-62", "A", formula=ZIF8)
    write(tmp_path, "ZIF-8", "A", formula=ZIF8)
    table = run_comparison(tmp_path)
    said = ("not compared: what is called ZIF-62 here is Zn C8 H10 N4, the reference Zn8 C54 H51 N32 to "
            "Zn2 C14 H13 N8")
    for material in ("ZIF-62", "(ZIF-8)(ZIF-62)(20/80)"):       # and what it is a part of
        (compared,), (own,) = rows(table, material, "table1"), rows(table, material, "own")
        assert (compared.ours, compared.note) == (None, said)
        assert own.ours.value == pytest.approx(40.0)
        assert own.ours_minus_experiment is None
    (zif8,) = rows(table, "ZIF-8", "literature")
    assert zif8.ours_minus_experiment == 0.0
    assert table.warnings == (said.capitalize()[0] + said[1:] + ".",)
    assert {s.group: s for s in score_table(table)}[ALL].n_rows == 0
    printed = " ".join(CliRunner().invoke(command_line(), ["compare", str(tmp_path)]).output.split())
    for text in (printed, (tmp_path / "table1.md").read_text(), write_report(tmp_path).read_text()):
        assert "ot compared: what is called ZIF-62 here is Zn C8 H10 N4" in text


def test_results_that_do_not_know_their_composition_are_compared(tmp_path: Path) -> None:
    """Those of 0.1.0; and a material without a reference has any."""
    write_study(tmp_path)
    write(tmp_path, "ZIF-62", "A")
    write(tmp_path, "mine", "A", formula="Zn C6 H6 N4")
    table = run_comparison(tmp_path)
    assert rows(table, "ZIF-62", "table1")[0].ours is not None
    assert rows(table, "mine", "own")[0].ours is not None
    assert table.warnings == ()


def glass(folder: Path, configuration: str, bonds_kept: float) -> None:
    write(folder, "agZIF-62", configuration, formula=THREE)
    stage = folder / "melt" / f"agZIF-62-{configuration}"
    stage.mkdir(parents=True)
    (stage / "melt.json").write_text(json.dumps({"material": "agZIF-62", "configuration": configuration,
                                                 "bonds_kept": bonds_kept, "can_break": True,
                                                 "forcefield": "nb-ZIF-FF-s"}))


def test_what_has_not_melted_is_said_beside_its_uptake(tmp_path: Path, quick_pictures: None) -> None:
    write_study(tmp_path)
    write(tmp_path, "ZIF-8", "A", formula=ZIF8)
    for configuration, kept in (("A-r1", 0.92), ("B-r1", 0.2), ("A-r2", 0.89)):
        glass(tmp_path, configuration, kept)
    table = run_comparison(tmp_path)
    said = "no glass, not melted: agZIF-62 A-r1 (92 %) and agZIF-62 A-r2 (89 %) kept of the crystal's Zn–N bonds"
    for material in ("agZIF-62", "ag[(ZIF-8)0.2(ZIF-62)0.8]"):
        (row,) = rows(table, material, "table1")
        assert said in row.note
        assert row.ours is not None         # of an unfinished melt too
    assert table.warnings == ("N" + said[1:] + ".",)
    printed = " ".join(CliRunner().invoke(command_line(), ["compare", str(tmp_path)]).output.split())
    assert said[1:] in printed
    assert said[1:] in (tmp_path / "table1.md").read_text()
    assert said[1:].replace("'", "&#39;") in write_report(tmp_path).read_text()


def test_a_structure_file_of_what_has_not_melted_is_known_by_its_name(tmp_path: Path) -> None:
    from zifsim.io.melt_forcefields import load_melt_forcefield

    left = called(load_structure("ZIF-8"), 0.8, load_melt_forcefield("nb-ZIF-FF-s"))
    write_study(tmp_path)
    write(tmp_path, "agZIF-62", "A", formula=THREE, framework=left.name)
    assert "agZIF-62 A (more than half) kept" in rows(run_comparison(tmp_path), "agZIF-62", "table1")[0].note
