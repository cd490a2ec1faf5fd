"""``zifsim gcmc``: what it refuses, what it writes, that it resumes and repeats."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_call import call

from zifsim.cli.gcmc import parse_pressures, parse_unit
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, UnknownNameError
from zifsim.io.resources import data_folder
from zifsim.io.xyz import write_framework
from zifsim.model.framework import BuildingUnit

QUICK = ["--temperature", "273", "--pressures", "0.5,1", "--max-moves", "20000", "--cutoff", "8"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def drawn():
    """For the tests that look at the picture; the others do without, as it takes longer than the sampling."""


@pytest.fixture(autouse=True)
def quick_picture(request, monkeypatch):
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr("zifsim.report.isotherm.isotherm_png", lambda isotherm, unit: unit.encode())


def snapshot():
    return {p: p.read_bytes() for p in Path().rglob("*") if p.is_file()}


def test_pressures_are_read_in_bar_and_sorted():
    assert parse_pressures("1,0.01") == pytest.approx([1e3, 1e5])


def test_a_range_is_evenly_spaced_on_a_log_scale():
    assert parse_pressures("0.01:1:3") == pytest.approx([1e3, 1e4, 1e5])


@pytest.mark.parametrize("text", ["", "a", "0", "-1", "1,1", "nan", "inf", "1:0.1:3", "0:1:3", "0.1:1:1", "1:2"])
def test_pressures_that_make_no_sense_are_refused(text):
    with pytest.raises(InputError, match="--pressures"):
        parse_pressures(text)


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["absent.cif", "--gas", "CH4"], "No file 'absent.cif'"),
    (["ZIF-8", "--gas", "CO3"], "Did you mean 'CO2"),
    (["ZIF-8", "--gas", "CH4", "--forcefield", "UUF"], "Did you mean 'UFF'?"),
    (["ZIF-8", "--gas", "CH4", "--charges", "ZIF-F"], "Did you mean 'ZIF-FF'?"),
    (["ZIF-8", "--gas", "CH4", "--pressures", "-1"], "not a positive pressure"),
    (["ZIF-8", "--gas", "CH4", "--pressures", "1001"], "at most 1000 bar"),
    (["ZIF-8", "--gas", "CH4", "--pressures", "1e-320"], "there is no gas to speak of"),
    (["ZIF-8", "--gas", "CH4", "--pressures", "nan"], "not a positive pressure"),
    (["ZIF-8", "--gas", "CH4", "--pressures", "1:0.1:3"], "0 < start < stop"),
    (["ZIF-8", "--gas", "CH4", "--pressures", "0.1:1:100000"], "n from 2 to 1000"),
    (["ZIF-8", "--gas", "CH4", "--relative-pressures", "0.1"], "CH4 does not condense at 273 K"),
    (["ZIF-8", "--gas", "CO2", "--relative-pressures", "-1"], "--relative-pressures '-1'"),
    (["ZIF-8", "--gas", "CO2", "--relative-pressures", "0.1", "--pressures", "1"], "not both"),
    (["ZIF-8", "--gas", "CH4", "--temperature", "0"], "temperature"),
    (["ZIF-8", "--gas", "CH4", "--temperature", "nan"], "temperature"),
    (["ZIF-8", "--gas", "CH4", "--temperature", "5000"], "10 to 2000 K"),
    (["ZIF-8", "--gas", "CH4", "--cutoff", "1000"], "3 to 30 Å"),
    (["ZIF-8", "--gas", "CH4", "--cutoff", "nan"], "3 to 30 Å"),
    (["ZIF-8", "--gas", "CH4", "--error", "nan"], "--error"),
    (["ZIF-8", "--gas", "CH4", "--max-moves", "10"], "--max-moves 10"),
    (["ZIF-8", "--gas", "CH4", "--unit", "mol/l"], "Unknown --unit 'mol/l'"),
    (["ZIF-8", "--gas", "CH4", "--truncation", "smooth"], "'smooth'"),
    (["ZIF-62", "--gas", "CO2", "--charges", "RESP"], "RESP"),
    (["ZIF-8", "--gas", "CH4", "--starts", "full"], "starts 'full' is not one of auto, empty, both"),
    (["ZIF-8", "--gas", "CH4", "--coulomb", "none"], "guest_coulomb 'none'"),
    (["ZIF-8", "--gas", "CH4", "--flat-histogram", "--starts", "both"], "--starts belongs to sampling"),
])
def test_wrong_input_is_one_line_exit_code_2_and_nothing_written(capsys, arguments, sentence):
    assert call("gcmc", *arguments, "--out", "out") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert sentence in error
    assert snapshot() == {}


def overlapping(crystal):
    return replace(crystal, positions=np.vstack([crystal.positions[1] + 0.3, crystal.positions[1:]]))


def filled_with_zinc(crystal):
    """Zinc wherever there is a hole: no room for a gas, and far from neutral."""
    ticks = (np.arange(8) + 0.5) / 8
    points = np.array(np.meshgrid(ticks, ticks, ticks)).reshape(3, -1).T @ crystal.cell
    distance = np.linalg.norm(crystal.minimum_image(crystal.positions[None] - points[:, None]), axis=-1)
    points = points[distance.min(axis=1) > 1.5]
    extra = tuple(BuildingUnit("Zn", (crystal.n_atoms + i,)) for i in range(len(points)))
    return replace(crystal, name="filled", species=crystal.species + ("Zn",) * len(points),
                   positions=np.vstack([crystal.positions, points]), types=crystal.types + ("Zn",) * len(points),
                   units=crystal.units + extra)


def test_a_coordinate_that_is_no_number_is_refused_with_its_atom(capsys):
    write_framework("crystal.extxyz", load_framework("ZIF-8"))
    *head, last = Path("crystal.extxyz").read_text().splitlines()
    element, x, _, *rest = last.split()
    Path("crystal.extxyz").write_text("\n".join([*head, " ".join([element, x, "nan", *rest])]) + "\n")
    assert call("gcmc", "crystal.extxyz", "--gas", "CH4", "--out", "out") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "crystal.extxyz" in error
    assert "atom 276" in error
    assert not Path("out").exists()


@pytest.mark.parametrize(("spoil", "gas", "sentence"), [
    (overlapping, "CH4", "apart; remove the overlap"),
    (filled_with_zinc, "CO2", "is not neutral: +209.3312 e per cell"),
])
def test_a_framework_that_cannot_be_is_refused_before_anything_is_written(capsys, spoil, gas, sentence):
    write_framework("crystal.extxyz", spoil(load_framework("ZIF-8")))
    before = snapshot()
    assert call("gcmc", "crystal.extxyz", "--gas", gas, "--out", "out") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert sentence in error
    assert snapshot() == before


@pytest.mark.parametrize(("folder", "option", "name", "drop", "sentence"), [
    ("guests", "--gas", "CO2-TraPPE", "acentric_factor", "the key 'critical.acentric_factor' is missing"),
    ("guests", "--gas", "CO2-TraPPE", "charge_e", "the key 'sites.0.charge_e' is missing"),
    ("adsorption", "--forcefield", "PP", "Zn", "has no row for Zn"),
])
def test_an_incomplete_parameter_file_is_refused_by_name(capsys, folder, option, name, drop, sentence):
    lines = (data_folder("forcefields") / folder / f"{name}.toml").read_text().splitlines()
    Path("own.toml").write_text("\n".join(line for line in lines if not line.startswith(drop)) + "\n")
    options = {"--gas": "CO2", "--out": "out"} | {option: "own.toml"}
    assert call("gcmc", "ZIF-8", *[word for pair in options.items() for word in pair]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.parametrize("out", ["thesis.tex", "thesis.tex/results", "/proc/zifsim"])
def test_a_place_that_cannot_be_a_folder_is_refused(capsys, out):
    Path("thesis.tex").write_text("precious")
    assert call("gcmc", "ZIF-8", "--gas", "CH4", *QUICK, "--out", out) == 2
    error = capsys.readouterr().err
    assert "--out" in error
    assert error.count("\n") == 1
    assert snapshot() == {Path("thesis.tex"): b"precious"}


def test_a_crystal_without_room_takes_up_nothing_and_the_command_says_so(capsys):
    write_framework("filled.extxyz", filled_with_zinc(load_framework("ZIF-8")))
    assert call("gcmc", "filled.extxyz", "--gas", "CH4", "--cutoff", "8", "--pressures", "0.1,1") == 0
    text = capsys.readouterr().out
    assert "No room for the gas: CH4 finds no place in filled" in text
    assert text.count("no room for the gas") == 2
    with open("results/gcmc/filled_CH4_273K/isotherm.csv") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(r["loading_mol_kg"]) for r in rows] == [0.0, 0.0]
    assert [r["heat_of_adsorption_kj_mol"] for r in rows] == ["", ""]
    assert call("widom", "filled.extxyz", "--gas", "CH4", "--cutoff", "8", "--insertions", "50000") == 0
    assert "Henry coefficient is 0" in capsys.readouterr().out


def test_a_dry_run_shows_the_plan_and_writes_nothing(capsys):
    assert call("gcmc", "ZIF-8", "--gas", "N2", "-T", "77", "--relative-pressures", "0.1,0.5,2", "--dry-run") == 0
    text = capsys.readouterr().out
    assert "2×2×2 unit cells, 2208 atoms" in text
    assert "condenses at p₀ = 0.9715 bar" in text
    assert "at 1.943 bar, the fugacity is that of the liquid" in text
    assert "results/gcmc/ZIF-8_N2_77K" in text
    assert snapshot() == {}


def test_vapour_and_liquid_beyond_saturation_are_told_apart(capsys):
    command = ["gcmc", "ZIF-8", "--gas", "CO2", "-T", "250", "--pressures", "10,20,25,100", "--dry-run"]
    assert call(*command) == 0
    text = capsys.readouterr().out
    assert "gas outside: Span & Wagner 1996 (CoolProp)" in text
    assert "at 20 bar to 100 bar, the fugacity is that of the liquid" in text
    assert call(*command, "--metastable") == 0
    text = capsys.readouterr().out
    assert "metastable vapour kept" in text
    assert "at 20 bar to 25 bar, the fugacity is that of the metastable vapour" in text
    assert "at 100 bar, no vapour is left: the fugacity is that of the liquid" in text


def test_without_out_the_folder_is_named_after_the_input_and_other_jobs_get_their_own(capsys):
    def folder_of(*changes):
        assert call("gcmc", "ZIF-8", "--gas", "CH4", *QUICK, *changes, "--dry-run") == 0
        line = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("results: "))
        return Path(line.split()[1])

    plain = folder_of()
    assert plain == Path("results/gcmc/ZIF-8_CH4_273K")
    assert folder_of("--seed", "2") == plain                   # nothing there yet
    assert folder_of("--gas", "CO2-EPM2") == Path("results/gcmc/ZIF-8_CO2-EPM2_273K")
    plain.mkdir(parents=True)
    (plain / "config.json").write_text('{"kind": "isotherm", "key": "other"}')
    own = folder_of()
    assert own.name.startswith("ZIF-8_CH4_273K-")
    assert folder_of() == own != folder_of("--seed", "2")


@pytest.mark.parametrize(("text", "unit"), [
    ("mol/kg", "mol_kg"), ("mmol/g", "mmol_g"), ("mL/g", "ml_stp_g"), ("mL(STP)/g", "ml_stp_g"),
    ("cm3(STP)/g", "ml_stp_g"), ("wt%", "wt_percent"), ("wt %", "wt_percent"),
    ("molecules/unit-cell", "molecules_per_unit_cell"), ("molecules/supercell", "molecules_per_supercell"),
])
def test_units_are_understood_as_people_write_them(text, unit):
    assert parse_unit(text) == unit


def test_an_unknown_unit_is_named_with_the_known_ones():
    with pytest.raises(UnknownNameError, match="molecules/supercell"):
        parse_unit("kg")


def test_an_isotherm_is_written_with_its_record_and_the_same_command_is_a_no_op(drawn, capsys):
    command = ["gcmc", "ZIF-8", "--gas", "CH4", *QUICK, "--out", "out"]
    assert call(*command) == 0
    assert "mL(STP)/g" in capsys.readouterr().out
    with open("out/isotherm.csv") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(r["pressure_pa"]) for r in rows] == pytest.approx([5e4, 1e5])
    assert 0 < float(rows[0]["loading_mol_kg"]) < float(rows[1]["loading_mol_kg"]) < 2
    for row in rows:
        loading, molecules = float(row["loading_mmol_g"]), float(row["loading_molecules_per_unit_cell"])
        assert float(row["loading_ml_stp_g"]) == pytest.approx(22.41397 * loading, rel=1e-6)
        assert float(row["loading_wt_percent"]) == pytest.approx(1.6043 * loading, rel=1e-3)
        assert molecules == pytest.approx(2.7311 * loading, rel=1e-3)       # 12 Zn(mIm)2 of 227.59 g/mol
        assert float(row["excess_ml_stp_g"]) < float(row["loading_ml_stp_g"])
        assert row["p_over_p0"] == ""
    derived = json.loads(Path("out/isotherm.json").read_text())["derived"]
    assert derived["excess_wt_percent"] == [float(r["excess_wt_percent"]) for r in rows]
    record = json.loads(Path("out/record.json").read_text())
    assert record["exit_reason"] == "finished"
    assert set(record["outputs_sha256"]) == {"isotherm.json", "isotherm.csv", "isotherm.aif", "isotherm.png"}
    assert Path("out/isotherm.png").read_bytes().startswith(b"\x89PNG")
    before = snapshot()
    assert call(*command) == 0
    after = snapshot()
    assert after.keys() == before.keys()
    assert all(after[p] == before[p] for p in before if p.name != ".lock")
    capsys.readouterr()
    assert call(*command, "--unit", "wt%") == 0         # only the picture is drawn anew
    assert "absolute, wt %" in capsys.readouterr().out
    redrawn = snapshot()
    assert {p.name for p in before if redrawn[p] != before[p]} <= {"isotherm.png", "record.json", "DONE", ".lock"}
    assert call(*command) == 0
    assert Path("out/isotherm.png").read_bytes() == before[Path("out/isotherm.png")]


def test_a_molecule_with_a_dipole_refuses_the_coulomb_cut_off(capsys):
    text = (data_folder("forcefields") / "guests" / "CO2-TraPPE.toml").read_text()
    Path("own.toml").write_text(text.replace("position = [0.0, 0.0, 1.16]", "position = [0.0, 0.0, 1.36]"))
    assert "1.36" in Path("own.toml").read_text()
    assert call("gcmc", "ZIF-8", "--gas", "own.toml", "--coulomb", "cutoff", "--out", "out") == 2
    assert "has a dipole moment" in capsys.readouterr().err
    assert not Path("out").exists()
    assert call("gcmc", "ZIF-8", "--gas", "own.toml", "--coulomb", "auto", "--dry-run") == 0


def test_both_starts_are_said_before_the_run_and_have_columns_of_their_own(capsys):
    assert call("gcmc", "ZIF-8", "--gas", "N2", "-T", "77", "--pressures", "0.1", "--dry-run") == 0
    text = capsys.readouterr().out
    assert "sampled twice, from an empty and from a full cell, because 77 K is far below" in text
    assert call("gcmc", "ZIF-8", "--gas", "N2", "-T", "77", "--pressures", "0.1", "--starts", "empty", "--dry-run") == 0
    assert "sampled twice" not in capsys.readouterr().out
    command = ["gcmc", "ZIF-8", "--gas", "CH4", *QUICK, "--pressures", "50", "--starts", "both", "--out", "out"]
    assert call(*command) == 0
    text = capsys.readouterr().out
    assert "sampled twice, from an empty and from a full cell, as asked" in text
    assert "from full," in text
    with open("out/isotherm.csv") as stream:
        (row,) = csv.DictReader(stream)
    low, high = sorted(float(row[name]) for name in ("from_empty_mol_kg", "from_full_mol_kg"))
    assert 0.0 < low <= float(row["loading_mol_kg"]) <= high


def test_a_flat_histogram_writes_the_usual_files_and_its_probability(capsys):
    command = ["gcmc", "ZIF-8", "--gas", "CH4", *QUICK, "--flat-histogram", "--out", "out"]
    assert call(*command) == 0
    assert "one flat histogram" in capsys.readouterr().out
    with open("out/isotherm.csv") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["n_moves"] == rows[1]["n_moves"] == "160000"      # 8 walkers of 20000
    assert 0 < float(rows[0]["loading_mol_kg"]) < float(rows[1]["loading_mol_kg"]) < 2
    assert all(row["effective_samples"] == "" and row["from_full_mol_kg"] for row in rows)
    record = json.loads(Path("out/record.json").read_text())
    assert "ln_probability.csv" in record["outputs_sha256"]
    assert json.loads(Path("out/isotherm.json").read_text())["settings"]["flat_histogram"] is True
    before = {p: b for p, b in snapshot().items() if p.name != ".lock"}
    assert call(*command) == 0
    assert {p: b for p, b in snapshot().items() if p.name != ".lock"} == before
    # the same pressures sampled one by one are another calculation
    assert call(*[word for word in command if word != "--flat-histogram"]) == 2


def test_a_run_that_lost_its_last_pressure_continues_to_the_same_numbers():
    command = ["gcmc", "ZIF-8", "--gas", "CH4", *QUICK, "--out", "out"]
    assert call(*command) == 0
    first = Path("out/isotherm.csv").read_bytes()
    for name in ("DONE", "isotherm.csv", "isotherm.json", "isotherm.aif", "isotherm.png"):
        Path("out", name).unlink()
    for lost in Path("out/points").glob("100000Pa*"):
        lost.unlink()
    assert call(*command) == 0
    assert Path("out/isotherm.csv").read_bytes() == first


@pytest.mark.parametrize("change", [["--seed", "2"], ["--temperature", "300"], ["--forcefield", "UFF"]])
def test_a_folder_of_another_calculation_is_refused_and_left_alone(change, capsys):
    Path("out").mkdir()
    Path("out/config.json").write_text('{"kind": "isotherm", "key": "other"}')
    before = snapshot()
    assert call("gcmc", "ZIF-8", "--gas", "CH4", *QUICK, *change, "--out", "out") == 2
    assert "holds another isotherm" in capsys.readouterr().err
    assert snapshot() == before


def test_a_folder_of_other_files_is_refused_and_left_alone(capsys):
    Path("out").mkdir()
    Path("out/thesis.tex").write_text("precious")
    assert call("gcmc", "ZIF-8", "--gas", "CH4", *QUICK, "--out", "out") == 2
    assert "holds other files" in capsys.readouterr().err
    assert snapshot() == {Path("out/thesis.tex"): b"precious"}


def finished_points():
    return {p.name: p.read_bytes() for p in Path("out/points").iterdir()}


def loadings():
    with open("out/isotherm.csv") as stream:
        return {float(r["pressure_pa"]): r for r in csv.DictReader(stream)}


def test_a_pressure_more_in_the_same_folder_keeps_those_that_are_there(capsys):
    def command(pressures, *more):
        return call("gcmc", "ZIF-8", "--gas", "CH4", *QUICK, "--pressures", pressures, *more, "--out", "out")

    assert command("0.1,1") == 0
    before, rows = finished_points(), loadings()
    capsys.readouterr()
    assert command("0.1,0.5,1") == 0
    text = capsys.readouterr().out
    assert "finished before and kept as it is: 0.1 bar, 1 bar" in text
    assert [line for line in text.splitlines() if "done: 0.5 bar" in line and "mL(STP)/g" in line]
    kept = {n: c for n, c in before.items() if n.endswith("Pa.json")}
    assert {name: content for name, content in finished_points().items() if name in kept} == kept
    assert {p: row for p, row in loadings().items() if p in rows} == rows
    assert list(loadings()) == [1e4, 5e4, 1e5]
    assert json.loads(Path("out/config.json").read_text())["config"]["pressures_pa"] == [1e4, 5e4, 1e5]
    three = finished_points()
    assert command("0.5") == 0                      # fewer: just those, and nothing is deleted
    assert list(loadings()) == [5e4]
    assert finished_points() == three
    assert command("0.5", "--max-moves", "40000", "--error", "0.002") == 0
    assert [r["n_moves"] for r in loadings().values()] == ["40000"]
    assert {n: c for n, c in finished_points().items() if n in kept} == kept
    assert command("0.1", "--seed", "2") == 2       # what else changes is another calculation
    assert "holds another isotherm (seed: 1, not 2)" in capsys.readouterr().err


def test_every_pressure_is_told_of_when_it_is_finished(capsys, monkeypatch):
    told = []

    def note(*words, **how):
        told.append((" ".join(map(str, words)), finished_points() if Path("out/points").is_dir() else {}))

    monkeypatch.setattr("builtins.print", note)
    assert call("gcmc", "ZIF-8", "--gas", "CH4", *QUICK, "--out", "out") == 0
    lines = {text.partition("done: ")[2].partition(":")[0]: files for text, files in told if "done: " in text}
    assert list(lines) == ["0.5 bar", "1 bar"]
    assert "100000Pa.json" not in lines["0.5 bar"]
    assert "100000Pa.json" in lines["1 bar"]


@pytest.mark.parametrize(("content", "sentence"), [
    ("{", "isotherm.json is damaged"), ("[1]", "isotherm.json is not an isotherm"),
    ('{"schema": 9}', "isotherm.json is of a newer zifsim (schema 9"),
])
def test_a_result_that_cannot_be_read_is_one_sentence(capsys, content, sentence):
    Path("isotherm.json").write_text(content)
    assert call("iast", ".", "isotherm.json", "--composition", "CO2=0.5,N2=0.5") == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
