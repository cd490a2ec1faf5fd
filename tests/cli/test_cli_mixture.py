"""``zifsim mixture``: what it refuses, what it writes, that it resumes after kill -9, and IAST beside it."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_call import call

from zifsim.crystals.load import load_framework
from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
from zifsim.io.files import read_json
from zifsim.io.xyz import write_framework
from zifsim.model.uptake import HenryResult, Isotherm, LoadingPoint
from zifsim.runs.digest import digest

COMPOSITION = ["--composition", "CO2=0.5,N2=0.5"]
QUICK = [*COMPOSITION, "--pressures", "1,10", "--max-moves", "20000", "--cutoff", "4.4"]
# checkpoints after every block, so that a kill falls behind one
PROGRAM = """
import sys
from zifsim.gcmc import sampling
assert sampling.CHECKPOINT_S > 1.0
sampling.CHECKPOINT_S = 0.0
from zifsim.cli.entry import entry
entry(sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def small_crystal(tmp_path, monkeypatch):
    """ZIF-8 shrunk to the smallest cell that holds the cut-off, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    crystal = load_framework("ZIF-8")
    write_framework("small.extxyz", replace(crystal, positions=0.8 * crystal.positions, cell=0.8 * crystal.cell))


def rows(folder="out"):
    with open(Path(folder, "mixture.csv")) as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["--composition", "CO2:0.5"], "cannot be read"),
    (["--composition", "CO2=1"], "at least two gases"),
    (["--composition", "CO2=0.5,N2=0.6"], "sum to 1.1"),
    (["--composition", "CO2=1.5,N2=-0.5"], "must be positive"),
    (["--composition", "CO2=0.5,CO3=0.5"], "Did you mean"),
    (["--composition", "CO2=0.5,CO2-EPM2=0.5"], "names a gas twice"),
    ([*COMPOSITION, "--pressures", "-1"], "not a positive pressure"),
    ([*COMPOSITION, "--pressures", "2000"], "at most 1000 bar"),
    ([*COMPOSITION, "--coulomb", "none"], "guest_coulomb 'none'"),
    ([*COMPOSITION, "--max-moves", "10"], "--max-moves 10"),
    ([*COMPOSITION, "--pure", "absent,other"], "No file 'absent'"),
])
def test_wrong_input_is_one_line_exit_code_2_and_nothing_written(capsys, arguments, sentence):
    assert call("mixture", "small.extxyz", *arguments, "--out", "out") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert sentence in error
    assert not Path("out").exists()


def test_a_dry_run_shows_the_fugacity_of_every_gas_and_writes_nothing(capsys):
    assert call("mixture", "ZIF-8", "--composition", "CO2=0.15,N2=0.85", "-T", "298", "-p", "0.1,10", "--dry-run") == 0
    text = capsys.readouterr().out
    assert "0.15 CO2 + 0.85 N2 (CO2-TraPPE, N2-TraPPE) in ZIF-8 at 298 K" in text
    assert "1.43973" in text        # less than the partial pressure of 1.5 bar
    assert "results/mixture/ZIF-8_CO2-N2_298K" in text
    assert not Path("results").exists()


def test_a_mixture_is_written_in_every_unit_with_its_record_and_the_same_command_is_a_no_op(capsys):
    command = ["mixture", "small.extxyz", *QUICK, "--out", "out"]
    assert call(*command) == 0
    assert "selectivity CO2/N2" in capsys.readouterr().out
    table = rows()
    assert [float(r["pressure_pa"]) for r in table] == pytest.approx([1e5, 1e6])
    for row in table:
        for gas, molar_mass in (("CO2", 44.01), ("N2", 28.01)):
            loading = float(row[f"loading_{gas}_mol_kg"])
            assert float(row[f"loading_{gas}_ml_stp_g"]) == pytest.approx(22.41397 * loading, rel=1e-6)
            assert float(row[f"loading_{gas}_wt_percent"]) == pytest.approx(0.1 * molar_mass * loading, rel=1e-3)
            assert float(row[f"fugacity_{gas}_pa"]) == pytest.approx(0.5 * float(row["pressure_pa"]), rel=0.1)
        # equal fractions outside: the selectivity is the ratio of the loadings
        assert float(row["selectivity_CO2_over_N2"]) == pytest.approx(
            float(row["loading_CO2_mmol_g"]) / float(row["loading_N2_mmol_g"]))
        assert float(row["selectivity_error_CO2_over_N2"]) > 0.0
    written = json.loads(Path("out/mixture.json").read_text())
    assert written["derived"]["loading_CO2_wt_percent"] == [float(r["loading_CO2_wt_percent"]) for r in table]
    assert read_json(Path("out/record.json"))["exit_reason"] == "finished"
    before = {p: p.read_bytes() for p in Path("out").rglob("*") if p.is_file() and p.name != ".lock"}
    assert call(*command) == 0
    assert {p: p.read_bytes() for p in before} == before
    assert call(*command, "--unit", "mol/kg") == 0      # only the picture is drawn anew
    changed = {p.name for p in before if p.read_bytes() != before[p]}
    assert changed == {"mixture.png", "record.json", "DONE"}
    assert call(*command, "--seed", "2") == 2
    assert "holds another mixture" in capsys.readouterr().err


@pytest.mark.slow
def test_killed_with_minus_9_it_continues_to_the_same_numbers():
    command = ["mixture", "small.extxyz", *COMPOSITION, "--pressures", "1,10", "--error", "1e-6", "--max-moves",
               "600000", "--cutoff", "4.4"]
    environment = os.environ | {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *command, "--out", "killed"], env=environment,
                               stdout=subprocess.DEVNULL)
    until = time.monotonic() + 400.0        # compilation included
    while not list(Path("killed/points").glob("*.checkpoint.npz")):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not Path("killed/mixture.csv").exists()
    assert call(*command, "--out", "killed") == 0
    assert call(*command, "--out", "whole") == 0
    assert Path("killed/mixture.csv").read_bytes() == Path("whole/mixture.csv").read_bytes()


def pure_isotherms(**changes):
    """Langmuir isotherms of equal saturation in the small crystal, so that the mixture is extended Langmuir."""
    framework = assign_charges(load_framework("small.extxyz"), load_charge_set("ZIF-FF"))
    values = {"framework": framework.name, "framework_sha256": framework.content_hash(), "temperature_k": 273.0,
              "forcefield": "PP", "geometry_sha256": framework.geometry_hash(),
              "forcefield_sha256": digest(load_adsorption_forcefield("PP"))} | changes
    for gas, b in {"CO2": 3e-5, "N2": 1e-6}.items():
        points = tuple(LoadingPoint(p, p, q, 0.01 * q, q, 1.0, 0.01, 20.0, 0.1, 1000, 100, 50.0, True, 1)
                       for p in np.geomspace(1e3, 1e8, 12).tolist() for q in [4.0 * b * p / (1.0 + b * p)])
        henry = HenryResult(gas, values["temperature_k"], 4.0 * b, 0.01 * b, 20.0, 0.1, 1000, 1)
        isotherm = Isotherm(gas=gas, guest_model=gas, charges="ZIF-FF", supercell=(1, 1, 1), points=points,
                            henry=henry, **values)
        Path(gas).mkdir(exist_ok=True)
        Path(gas, "isotherm.json").write_text(json.dumps(isotherm.to_dict()))


def test_iast_is_shown_beside_the_sampled_loadings_at_the_same_fugacities(capsys):
    pure_isotherms()
    command = ["mixture", "small.extxyz", *QUICK, "--pressures", "1", "--out", "out", "--pure", "CO2,N2",
               "--unit", "mol/kg"]
    assert call(*command) == 0
    line = next(x for x in capsys.readouterr().out.splitlines() if "IAST │" in x)
    (row,) = rows()
    reduced = {"CO2": 3e-5 * float(row["fugacity_CO2_pa"]), "N2": 1e-6 * float(row["fugacity_N2_pa"])}
    total = 1.0 + sum(reduced.values())
    for cell, gas in zip(line.split("│")[3:5], reduced, strict=True):
        assert float(cell.split("±")[0]) == pytest.approx(4.0 * reduced[gas] / total, rel=0.01)


@pytest.mark.parametrize(("change", "sentence"), [
    ({"temperature_k": 298.0}, "temperatures: 273 and 298 K"),
    ({"framework": "other", "geometry_sha256": "abc"}, "frameworks: ZIF-8 and other"),
    ({"framework_sha256": "abc"}, "charges: two sets that are both called ZIF-FF"),
    ({"geometry_sha256": "abc"}, "both called ZIF-8, with their atoms in different places"),
    ({"forcefield_sha256": "abc"}, "both called PP, with different parameters"),
    ({"forcefield": "UFF", "forcefield_sha256": "abc"}, "force fields: PP and UFF"),
])
def test_pure_isotherms_that_do_not_belong_to_the_mixture_are_refused(capsys, change, sentence):
    pure_isotherms(**change)
    assert call("mixture", "small.extxyz", *QUICK, "--pure", "CO2,N2", "--out", "out") == 2
    assert sentence in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_mixture_beyond_its_dew_point_is_called_so_on_the_screen_and_in_the_result(capsys, monkeypatch):
    """As a pure gas beyond its saturation pressure is."""
    monkeypatch.setattr("zifsim.gcmc.mixtures.points_where_there_is_room",      # nothing is sampled
                        lambda system, pressures, sample, empty: (list(map(empty, pressures)), None))
    cold = ["mixture", "small.extxyz", "--composition", "CO2=0.5,CH4=0.5", "-T", "250", "--cutoff", "4.4"]
    said = "0.5 CO2 + 0.5 CH4 condenses from 40.41 bar on at 250 K"
    assert call(*cold, "--pressures", "30", "--dry-run") == 0
    assert "condenses" not in capsys.readouterr().out
    assert call(*cold, "--pressures", "30,60", "--dry-run") == 0
    shown = capsys.readouterr().out
    assert f"note: {said}" in shown
    assert "two phases" in shown
    assert call(*cold, "--pressures", "60", "--out", "out") == 0
    assert capsys.readouterr().out.count(f"note: {said}") == 2          # before and after
    assert any(said in note for note in read_json(Path("out/mixture.json"))["settings"]["notes"])
