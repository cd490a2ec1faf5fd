"""``zifsim access`` as a user meets it."""

import json
import shutil

import pytest

from zifsim.campaign.bundle import make_bundle, verify_bundle
from zifsim.cli.app import main

QUICK = ["--cutoff", "7", "--spacing", "0.6", "--gas", "CH4@300"]


def failing(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["access", *arguments])
    assert stop.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_rigid_run_writes_table_numbers_and_picture(tmp_path, capsys):
    out = tmp_path / "zif8"
    with pytest.raises(SystemExit) as stop:
        main(["access", "ZIF-8", *QUICK, "--out", str(out), "--size-um", "50", "--hours", "2"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "barrier" in text
    assert "50 µm" in text
    data = json.loads((out / "access.json").read_text())
    result, = data["results"]
    assert result["n_snapshots"] == 0
    assert result["barrier_kj_mol"] > 0.0
    assert (result["size_um"], result["hours"]) == (50.0, 2.0)
    assert len(result["reaches"]) == 12
    assert {"zifsim_version", "settings", "framework_sha256"} <= set(data)
    assert (out / "access.csv").read_text().startswith("gas,guest_model,temperature_k,")
    assert (out / "access.png").read_bytes().startswith(b"\x89PNG")
    names = {"access.json", "access.csv", "access.png", "blocked.npz"}
    assert set(json.loads((out / "record.json").read_text())["outputs_sha256"]) == names
    assert set(json.loads((out / "DONE").read_text())["outputs"]) == names | {"record.json"}
    assert json.loads((out / "config.json").read_text())["kind"] == "access"


@pytest.mark.slow
def test_snapshots_are_made_kept_and_read_again(tmp_path, capsys):
    out = tmp_path / "zif8"
    command = ["access", "ZIF-8", *QUICK, "--platform", "CPU", "--snapshots"]
    with pytest.raises(SystemExit) as stop:
        main([*command, "2", "--out", str(out)])
    assert stop.value.code == 0
    rows = json.loads((out / "access.json").read_text())["results"]
    assert [r["n_snapshots"] for r in rows] == [0, 2]
    assert rows[1]["snapshot_temperature_k"] == 300.0
    with pytest.raises(SystemExit) as stop:
        main([*command, str(out / "snapshots-300K"), "--out", str(tmp_path / "read")])
    assert stop.value.code == 0
    read = json.loads((tmp_path / "read" / "access.json").read_text())["results"]
    assert read[1]["barrier_kj_mol"] == pytest.approx(rows[1]["barrier_kj_mol"])


@pytest.mark.parametrize(("arguments", "says"), [
    (["ZIF-8", "--gas", "N2@cold"], "is no temperature"),
    (["ZIF-8", "--gas", "N3"], "Unknown gas"),
    (["ZIF-8", "--gas", "N2@77,N2@77"], "twice"),
    (["ZIF-8", "--hours", "0"], "must be a number above 0"),
    (["ZIF-8", "--pressure", "nan"], "must be a number above 0"),
    (["ZIF-8", "--snapshots", "0"], "whole number from 1"),
    (["ZIF-8", "--snapshots", "5", "--snapshot-temperature", "-1"], "must be a number above 0"),
    (["ZIF-8", "--umbrella-ps", "5"], "add --snapshots"),
    (["ZIF-8", "--snapshots", "nowhere"], "no file or folder nowhere"),
    (["ZIF-9"], "Unknown"),
])
def test_wrong_input_is_one_line(arguments, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert says in failing(arguments, capsys)
    assert not (tmp_path / "results").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path, capsys):
    (tmp_path / "thesis.tex").write_text("dear")
    assert "other files" in failing(["ZIF-8", *QUICK, "--out", str(tmp_path)], capsys)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished rigid run of CH4; tests copy it."""
    out = tmp_path_factory.mktemp("access") / "zif8"
    with pytest.raises(SystemExit) as stop:
        main(["access", "ZIF-8", *QUICK, "--out", str(out)])
    assert stop.value.code == 0
    return out


@pytest.fixture
def out(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "zif8")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in (".lock", "run.log")}


@pytest.mark.parametrize(("changed", "says"), [
    (["--forcefield", "UFF"], "forcefield: PP, not UFF"), (["--size-um", "50"], "size_um: 10.0, not 50.0"),
    (["--hours", "2"], "hours"), (["--seed", "2"], "seed: 1, not 2"), (["--cutoff", "8"], "cutoff_angstrom"),
    (["--snapshots", "2"], "snapshots: 0, not 2"), (["--pressure", "1"], "pressure_bar"),
])
def test_a_folder_of_another_calculation_is_refused_by_content(out, capsys, changed, says):
    before = contents(out)
    error = failing(["ZIF-8", *QUICK, "--out", str(out), *changed], capsys)
    assert "holds another access" in error
    assert says in error
    assert contents(out) == before


def test_another_framework_is_refused(out, capsys):
    before = contents(out)
    assert "other framework" in failing(["ZIF-62", *QUICK, "--out", str(out)], capsys)
    assert contents(out) == before


def test_a_finished_run_is_shown_again_and_an_altered_one_refused(out, capsys):
    before = contents(out)
    with pytest.raises(SystemExit) as stop:
        main(["access", "ZIF-8", *QUICK, "--out", str(out), "--threads", "2"])
    assert stop.value.code == 0
    assert "CH4 300 K" in capsys.readouterr().out
    assert contents(out) == before
    (out / "access.csv").write_text("altered")
    assert "access.csv is not what its run wrote" in failing(["ZIF-8", *QUICK, "--out", str(out)], capsys)


def test_gases_may_be_added_and_none_is_lost(out, capsys):
    before = contents(out)
    other = ["ZIF-8", "--cutoff", "7", "--spacing", "0.6", "--out", str(out), "--gas"]
    assert "holds results of CH4-TraPPE@300, which this run would lose" in failing([*other, "H2@77"], capsys)
    assert contents(out) == before
    with pytest.raises(SystemExit) as stop:
        main(["access", *other, "CH4@300,H2@77"])
    assert stop.value.code == 0
    old, new = (json.loads(text)["results"] for text in (before["access.json"], (out / "access.json").read_bytes()))
    assert new[0] == old[0]
    assert [r["gas"] for r in new] == ["CH4", "H2"]


def test_without_a_folder_named_every_calculation_gets_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for changed in ([], ["--size-um", "50"], ["--gas", "H2@77"]):
        with pytest.raises(SystemExit) as stop:
            main(["access", "ZIF-8", *QUICK, *changed])
        assert stop.value.code == 0
    folders = sorted(path.name for path in (tmp_path / "results" / "access").iterdir())
    assert folders[0] == "ZIF-8"
    assert len(folders) == 3
    assert all(name.startswith("ZIF-8-") for name in folders[1:])


def test_a_finished_folder_is_bundled_and_verified(out, tmp_path):
    bundle = make_bundle(out, tmp_path / "b.tar.gz")
    assert bundle.n_stages == 1
    assert verify_bundle(tmp_path / "b.tar.gz").fingerprint == bundle.fingerprint


def test_the_old_name_of_umbrella_sampling_is_accepted_and_told(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["access", "ZIF-8", *QUICK, "--led-ps", "5", "--out", str(tmp_path)])
    told, error = capsys.readouterr().err.strip().splitlines()
    assert told == "--led-ps is now called --umbrella-ps."
    assert "--umbrella-ps" in error
    assert "--snapshots" in error


def test_a_number_that_is_none_is_no_result(tmp_path, capsys, monkeypatch):
    from dataclasses import replace

    from zifsim.access import run

    made = run._result
    monkeypatch.setattr(run, "_result", lambda *a, **k: replace(made(*a, **k), diffusion_m2_s=float("nan")))
    with pytest.raises(SystemExit) as stop:
        main(["access", "ZIF-8", *QUICK, "--out", str(tmp_path / "out")])
    assert stop.value.code == 1
    assert "diffusion_m2_s came out as nan, which is no result" in capsys.readouterr().err
    assert not (tmp_path / "out" / "access.json").exists()


def test_a_feynman_hibbs_gas_out_of_its_range_is_noted(tmp_path, capsys):
    """As `zifsim gcmc` does."""
    for gas, noted in (("H2@30,H2@77", True), ("H2@77", False)):
        out = tmp_path / str(noted)
        with pytest.raises(SystemExit) as stop:
            main(["access", "ZIF-8", "--cutoff", "7", "--spacing", "0.6", "--gas", gas, "--out", str(out)])
        assert stop.value.code == 0
        notes = json.loads((out / "access.json").read_text())["notes"]
        assert ["30 K" in note and "Feynman" in note for note in notes] == [True] * noted
        assert capsys.readouterr().out.count("note: ") == 2 * noted     # before and after
