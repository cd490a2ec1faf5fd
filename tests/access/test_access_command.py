"""``zifsim access`` as a user meets it."""

import json
import signal

import pytest

from zifsim.cli.access import _common_temperature, _stopped_by_signals
from zifsim.cli.app import main
from zifsim.errors import RunInterrupted

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
    assert json.loads((out / "record.json").read_text())["outputs_sha256"]


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
        main([*command, str(out / "snapshots"), "--out", str(tmp_path / "read")])
    assert stop.value.code == 0
    read = json.loads((tmp_path / "read" / "access.json").read_text())["results"]
    assert read[1]["barrier_kj_mol"] == pytest.approx(rows[1]["barrier_kj_mol"])


@pytest.mark.parametrize(("arguments", "says"), [
    (["ZIF-8", "--gas", "N2@cold"], "is no temperature"),
    (["ZIF-8", "--gas", "N3"], "Unknown gas"),
    (["ZIF-8", "--gas", "N2@77,N2@77"], "twice"),
    (["ZIF-8", "--hours", "0"], "must be positive"),
    (["ZIF-8", "--pressure", "nan"], "must be positive"),
    (["ZIF-8", "--snapshots", "0"], "at least one"),
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


def test_results_of_other_gases_or_of_another_framework_are_not_overwritten(tmp_path, capsys):
    out = tmp_path / "zif8"
    with pytest.raises(SystemExit) as stop:
        main(["access", "ZIF-8", *QUICK, "--out", str(out)])
    assert stop.value.code == 0
    before = (out / "access.json").read_bytes()
    other = ["--cutoff", "7", "--spacing", "0.6", "--out", str(out), "--gas"]
    capsys.readouterr()
    assert "CH4-TraPPE@300, which this run would overwrite" in failing(["ZIF-8", *other, "H2@77"], capsys)
    assert "not of ZIF-62" in failing(["ZIF-62", *other, "CH4@300"], capsys)
    assert (out / "access.json").read_bytes() == before
    with pytest.raises(SystemExit) as stop:
        main(["access", "ZIF-8", *other, "CH4@300,H2@77"])
    assert stop.value.code == 0


@pytest.mark.parametrize(("temperatures", "k", "said"), [([77.0, 77.0], 77.0, ""), ([77.0, 273.0], 300.0, "77, 273 K")])
def test_snapshots_have_the_temperature_of_the_gases(temperatures, k, said, capsys):
    assert _common_temperature(temperatures) == k
    out = capsys.readouterr().out
    assert bool(out) == bool(said)
    assert said in out


def test_a_signal_while_averaging_is_a_stop_that_continues():
    with pytest.raises(RunInterrupted, match="by SIGTERM; the same command continues"), _stopped_by_signals():
        signal.raise_signal(signal.SIGTERM)


def test_the_old_name_of_umbrella_sampling_is_accepted_and_told(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["access", "ZIF-8", *QUICK, "--led-ps", "5", "--out", str(tmp_path)])
    told, error = capsys.readouterr().err.strip().splitlines()
    assert told == "--led-ps is now called --umbrella-ps."
    assert "--umbrella-ps" in error
    assert "--snapshots" in error
