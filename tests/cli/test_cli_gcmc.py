"""``zifsim gcmc``: what it refuses, what it writes, that it resumes and repeats."""

import csv
import json
from pathlib import Path

import pytest

from zifsim.cli import app
from zifsim.cli.gcmc import parse_pressures
from zifsim.errors import InputError

QUICK = ["--temperature", "273", "--pressures", "0.5,1", "--max-moves", "20000", "--cutoff", "8"]


def call(*arguments):
    try:
        app.main([str(a) for a in arguments])
    except SystemExit as end:
        return end.code or 0
    return 0


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


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
    (["ZIF-8", "--gas", "CH4", "--temperature", "0"], "temperature"),
    (["ZIF-8", "--gas", "CH4", "--truncation", "smooth"], "'smooth'"),
    (["ZIF-62", "--gas", "CO2", "--charges", "RESP"], "RESP"),
])
def test_wrong_input_is_one_line_exit_code_2_and_nothing_written(capsys, arguments, sentence):
    assert call("gcmc", *arguments, "--out", "out") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert sentence in error
    assert snapshot() == {}


def test_an_isotherm_is_written_with_its_record_and_the_same_command_is_a_no_op(capsys):
    command = ["gcmc", "ZIF-8", "--gas", "CH4", *QUICK, "--out", "out"]
    assert call(*command) == 0
    assert "mL(STP)/g" in capsys.readouterr().out
    with open("out/isotherm.csv") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(r["pressure_pa"]) for r in rows] == pytest.approx([5e4, 1e5])
    assert 0 < float(rows[0]["loading_mol_kg"]) < float(rows[1]["loading_mol_kg"]) < 2
    record = json.loads(Path("out/record.json").read_text())
    assert record["exit_reason"] == "finished"
    assert set(record["outputs_sha256"]) == {"isotherm.json", "isotherm.csv", "isotherm.aif", "isotherm.png"}
    assert Path("out/isotherm.png").read_bytes().startswith(b"\x89PNG")
    before = snapshot()
    assert call(*command) == 0
    after = snapshot()
    assert after.keys() == before.keys()
    assert all(after[p] == before[p] for p in before if p.name != ".lock")


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
    Path("out/config.json").write_text('{"key": "other"}')
    before = snapshot()
    assert call("gcmc", "ZIF-8", "--gas", "CH4", *QUICK, *change, "--out", "out") == 2
    assert "holds another calculation" in capsys.readouterr().err
    assert snapshot() == before


def test_a_folder_of_other_files_is_refused_and_left_alone(capsys):
    Path("out").mkdir()
    Path("out/thesis.tex").write_text("precious")
    assert call("gcmc", "ZIF-8", "--gas", "CH4", *QUICK, "--out", "out") == 2
    assert "holds other files" in capsys.readouterr().err
    assert snapshot() == {Path("out/thesis.tex"): b"precious"}
