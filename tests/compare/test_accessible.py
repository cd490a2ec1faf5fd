"""Accessible loading in the comparison: fractions from access results, averaged and weighted as uptakes are."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_results import GASES, UPTAKE
from test_report import command_line
from typer.testing import CliRunner

from zifsim.access.result import GasAccess, Reach
from zifsim.access.stored import write_access
from zifsim.compare import ComparisonTable, run_comparison
from zifsim.compare.export import NO_ACCESS
from zifsim.compare.scores import ACCESS_KNOWN, ALL, score_table
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, UnknownNameError
from zifsim.model.framework import Framework
from zifsim.report import write_report

FRACTIONS = {"H2": 1.0, "CO2": 1.0, "O2": 0.5, "N2": 0.01, "CH4": 0.9}


@pytest.fixture(scope="module")
def zif8() -> Framework:
    return load_framework("ZIF-8")


def access_folder(folder: Path, framework: Framework, fractions: dict[str, float], forcefield: str = "PP") -> Path:
    results = [GasAccess(
        gas=gas, guest_model=f"{gas}-model", temperature_k=GASES[gas], n_snapshots=50, snapshot_temperature_k=77.0,
        spacing_angstrom=0.2, barrier_kj_mol=5.0, barrier_band=(4.0, 6.0), axis_barriers_kj_mol=(5.0, 5.0, 5.0),
        dimensions=3, diffusion_m2_s=1e-12, diffusion_axes_m2_s=(1e-12,) * 3, size_um=10.0, hours=1.0,
        fill_time_s=1.0, fill_time_band=(1.0, 2.0), accessible_fraction=fraction,
        reaches=(Reach(1.0, 24.0, min(1.0, 2.0 * fraction), 0.0, 1.0), Reach(1000.0, 0.1, 0.5 * fraction, 0.0, 1.0)),
        mean_weight=1.0, n_basins=2, pockets=()) for gas, fraction in fractions.items()]
    write_access(folder, framework, results, {"forcefield": forcefield, "charges": "ZIF-FF"}, "1.0")
    return folder


@pytest.fixture
def zif62_access(tmp_path: Path, zif8: Framework) -> str:
    return f"ZIF-62={access_folder(tmp_path / 'access', zif8, FRACTIONS)}"


def accessible(table: ComparisonTable, material: str, gas: str):
    return next(row.accessible for row in table.rows if (row.material, row.gas) == (material, gas))


def test_the_accessible_uptake_is_the_uptake_times_the_fraction(results_folder: Path, zif62_access: str) -> None:
    table = run_comparison(results_folder, [zif62_access])
    found = accessible(table, "ZIF-62", "N2")
    uptakes = [UPTAKE["ZIF-62", c]["N2"] for c in "AB"]
    assert found.estimate.value == pytest.approx(0.01 * sum(uptakes) / 2)
    assert found.estimate.n_models == 2
    assert (found.low, found.high) == pytest.approx((0.005 * sum(uptakes) / 2, 0.02 * sum(uptakes) / 2))
    assert found.basis == "ZIF-8: 50 snapshots at 77 K (not the isotherm's own atoms); 10 µm, 1 h"
    row = next(row for row in table.rows if (row.material, row.gas) == ("ZIF-62", "N2"))
    assert row.accessible_minus_experiment == pytest.approx(found.estimate.value)
    assert f"accessible: {found.basis}" in row.note


def test_a_blend_needs_the_accessibility_of_every_part(results_folder: Path, zif62_access: str, tmp_path: Path,
                                                         zif8: Framework) -> None:
    blend = "(ZIF-8)(ZIF-62)(20/80)"
    table = run_comparison(results_folder, [zif62_access])
    assert accessible(table, blend, "CH4") is None
    note = next(row.note for row in table.rows if (row.material, row.gas) == (blend, "CH4"))
    assert "no accessibility of ZIF-8 A for CH4-model at 273 K" in note
    other = access_folder(tmp_path / "zif8", zif8, dict.fromkeys(FRACTIONS, 0.8))
    found = accessible(run_comparison(results_folder, [zif62_access, f"ZIF-8={other}"]), blend, "CH4")
    zif62 = sum(UPTAKE["ZIF-62", c]["CH4"] for c in "AB") / 2
    assert found.estimate.value == pytest.approx(0.2 * 0.8 * UPTAKE["ZIF-8", "A"]["CH4"] + 0.8 * 0.9 * zif62)


def test_a_model_of_its_own_goes_before_the_material(results_folder: Path, zif62_access: str, tmp_path: Path,
                                                     zif8: Framework) -> None:
    closed = access_folder(tmp_path / "b", zif8, dict.fromkeys(FRACTIONS, 0.0))
    found = accessible(run_comparison(results_folder, [zif62_access, f"ZIF-62:B={closed}"]), "ZIF-62", "H2")
    assert found.estimate.value == pytest.approx(UPTAKE["ZIF-62", "A"]["H2"] / 2)


def test_another_force_field_is_not_used(results_folder: Path, tmp_path: Path, zif8: Framework) -> None:
    other = access_folder(tmp_path / "uff", zif8, FRACTIONS, forcefield="UFF")
    table = run_comparison(results_folder, [f"ZIF-62={other}"])
    assert not table.has_access
    assert "no accessibility of ZIF-62 A" in next(r.note for r in table.rows if r.material == "ZIF-62")


def test_a_cell_of_another_composition_is_refused(results_folder: Path, zif62_access: str, zif8: Framework) -> None:
    for path in results_folder.glob("gcmc/ZIF-62*/isotherm.json"):
        values = json.loads(path.read_text()) | {"unit_cell_mass_amu": 2.5 * zif8.mass_amu}
        path.write_text(json.dumps(values))
    with pytest.raises(InputError, match="another mass than ZIF-62 A"):
        run_comparison(results_folder, [zif62_access])


@pytest.mark.parametrize("old", [False, True])
def test_stages_of_the_study_need_no_naming(results_folder: Path, zif8: Framework, old: bool) -> None:
    """Their labels are in what the stage was told; stages of the last release have them in the result."""
    for configuration in "AB":
        stage = access_folder(results_folder / "access" / f"ZIF-62-{configuration}", zif8, FRACTIONS)
        labels = {"material": "ZIF-62", "configuration": configuration}
        if old:
            values = json.loads((stage / "access.json").read_text())
            (stage / "access.json").write_text(json.dumps(values | labels))
        else:
            (stage / "config.json").write_text(json.dumps({"kind": "access", "config": labels}))
    assert accessible(run_comparison(results_folder), "ZIF-62", "O2").estimate.value == pytest.approx(0.5 * 5.2)


def test_the_accessible_score_runs_over_the_same_rows(results_folder: Path, zif62_access: str) -> None:
    table = run_comparison(results_folder, [zif62_access])
    scores = {s.group: s for s in score_table(table)}
    rows = table.section("table1")[:5]
    assert {row.material for row in rows} == {"ZIF-62"}
    expected = sum(abs(row.accessible.estimate.value - row.reference.high) for row in rows) / 5
    for group in ("ZIF-62", ACCESS_KNOWN):
        assert scores[group].n_rows == 5
        assert scores[group].mae_accessible == pytest.approx(expected)
    assert scores["ZIF-62"].n_log_rows == 3
    assert scores[ALL].mae_accessible is None
    assert scores["agZIF-62"].log_ratio_accessible is None


def test_what_is_shut_out_altogether_has_no_log_ratio(results_folder: Path, tmp_path: Path, zif8: Framework) -> None:
    closed = access_folder(tmp_path / "closed", zif8, FRACTIONS | {"H2": 0.0})
    table = run_comparison(results_folder, [f"ZIF-62={closed}"])
    score = next(s for s in score_table(table) if s.group == "ZIF-62")
    assert (score.n_rows, score.n_log_rows) == (5, 2)
    assert score.mae_accessible is not None


def test_every_output_has_the_column_and_says_when_it_is_empty(results_folder: Path, zif62_access: str,
                                                                    quick_pictures: None) -> None:
    runner = CliRunner()
    empty = runner.invoke(command_line(), ["compare", str(results_folder)])
    assert "there are no accessibility results" in " ".join(empty.output.split())
    assert NO_ACCESS in (results_folder / "table1.md").read_text()
    with open(results_folder / "table1.csv") as stream:
        assert {row["accessible_ml_stp_g"] for row in csv.DictReader(stream)} == {""}
    answer = runner.invoke(command_line(), ["compare", str(results_folder), "--access", zif62_access],
                           env={"COLUMNS": "80"})
    assert answer.exit_code == 0, answer.output
    assert "1.6 (0.8–3.3)" in answer.output
    page = write_report(results_folder, [zif62_access]).read_text()
    assert "1.6 (0.8–3.3)" in page
    assert NO_ACCESS not in page
    with open(results_folder / "table1.csv") as stream:
        row = next(r for r in csv.DictReader(stream) if (r["material"], r["gas"]) == ("ZIF-62", "N2"))
    assert float(row["accessible_ml_stp_g"]) == pytest.approx(1.64)
    assert "mean_absolute_error_accessible" in (results_folder / "scores.csv").read_text()


@pytest.mark.parametrize(("text", "error", "says"), [
    ("results/access/x", InputError, "give a material and a folder"),
    ("ZIF-9=x", UnknownNameError, "ZIF-9"),
    ("ZIF-62:C=x", UnknownNameError, "ZIF-62:C"),
    ("ZIF-62=nowhere", InputError, r"holds no access\.json"),
])
def test_wrong_names_are_refused(results_folder: Path, text: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        run_comparison(results_folder, [text])
    assert not (results_folder / "table1.csv").exists()


def test_the_isotherms_own_atoms_are_recognised(results_folder: Path, zif62_access: str, zif8: Framework) -> None:
    for path in results_folder.glob("gcmc/ZIF-62*/isotherm.json"):
        values = json.loads(path.read_text()) | {"framework_sha256": replace(zif8, charges=None).content_hash()}
        path.write_text(json.dumps(values))
    assert accessible(run_comparison(results_folder, [zif62_access]), "ZIF-62", "H2").basis == (
        "ZIF-8: 50 snapshots at 77 K; 10 µm, 1 h")
