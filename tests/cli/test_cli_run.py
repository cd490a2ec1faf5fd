"""``zifsim run``: bad input changes nothing, --dry-run writes nothing, exit codes tell what happened."""

import json
import os
from pathlib import Path

import pytest
from cli_call import call

from zifsim.campaign.stagefolder import owner_claim

STUDY = """
[study]
name = "small"
[materials."ZIF-8"]
structure = "ZIF-8"
[materials."agZIF-8"]
glass_of = "ZIF-8"
[melt]
hold_ps = 1
quench_rate_k_per_ps = 1000
[[gcmc.gases]]
gas = "CH4"
temperature_k = 273
pressures_bar = [0.1, 1.0]
"""


@pytest.fixture(autouse=True)
def in_a_folder_with_a_study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(STUDY)


def snapshot():
    return {p: p.read_bytes() for p in Path().rglob("*") if p.is_file()}


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["absent.toml"], "No study file 'absent.toml'"),
    (["small.toml", "--set", "gcmc.cutof=9"], "Did you mean 'cutoff_angstrom'?"),
    (["small.toml", "--set", "gcmc.gases.0.gas=CO3"], "Did you mean 'CO2"),
    (["small.toml", "--set", "gcmc.forcefield=UUF"], "Did you mean 'UFF'?"),
    (["small.toml", "--set", "gcmc.charges=ZIFFF"], "Did you mean 'ZIF-FF'?"),
    (["small.toml", "--set", "melt.forcefield=nb-ZIF-F"], "Did you mean 'nb-ZIF-FF'?"),
    (["small.toml", "--set", "melt.program=pape"], "pape"),
    (["small.toml", "--set", "materials.ZIF-8.structure=ZIF-9"], "Did you mean 'ZIF-8'?"),
    (["small.toml", "--set", "materials.ZIF-8.structure=absent.cif"], "No file 'absent.cif'"),
    (["small.toml", "--set", "materials.ZIF-8.bim_per_cell=2"], "mixes linkers"),
    (["small.toml", "--set", "gcmc.gases.0.pressures_bar=[-1.0, 1.0]"], "pressures_bar.0 = -1 is not allowed"),
    (["small.toml", "--set", "gcmc.gases.0.temperature_k=-5"], "temperature_k = -5"),
])
@pytest.mark.parametrize("dry", [[], ["--dry-run"]], ids=["run", "dry-run"])
def test_wrong_input_is_one_line_exit_code_2_and_nothing_written(capsys, arguments, sentence, dry):
    before = snapshot()
    assert call("run", *arguments, *dry) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert sentence in error
    assert snapshot() == before


def test_a_folder_with_another_study_is_left_alone(capsys):
    owner_claim("study", {"study": {"name": "theirs"}}).write(Path("out"))
    before = snapshot()
    assert call("run", "small.toml", "--out", "out") == 2
    assert "holds another study (name: theirs, not small)" in capsys.readouterr().err
    assert snapshot() == before


def test_dry_run_shows_stages_cells_steps_time_and_disk_and_writes_nothing(capsys):
    before = snapshot()
    assert call("run", "small.toml", "--dry-run") == 0
    text = capsys.readouterr().out
    for piece in ("build ZIF-8 A", "melt agZIF-8 A-r1", "gcmc agZIF-8 A-r1 CH4 273 K", "276 atoms",
                  "372 particles", "steps", "2×2×2", "Estimated", "MB", "Nothing was written"):
        assert piece in text
    assert snapshot() == before


@pytest.fixture
def fake_plan(monkeypatch):
    """Replaces the plan of the study by given fake stages."""
    from zifsim.campaign import run
    from zifsim.campaign.stage import Stage

    rooms = Path(__file__).resolve().parents[1]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(rooms / "campaign"), str(rooms.parent)]))

    def use(*functions):
        stages = [Stage("fake", f"s{i}", {"n": 2}, f"fake_stages:{f}") for i, f in enumerate(functions)]
        monkeypatch.setattr(run, "make_plan", lambda study, workers: stages)

    return use


@pytest.mark.parametrize(("functions", "code"), [
    (["count"], 0), (["count", "crash"], 1), (["count", "refuse"], 2), (["crash", "refuse"], 1),
])
def test_the_exit_code_tells_done_failed_and_wrong_input(fake_plan, capsys, functions, code):
    fake_plan(*functions)
    assert call("run", "small.toml") == code
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == sum(f != "count" for f in functions)
    assert all(line.startswith("error: fake s") for line in errors)
    done = list(Path("results/small/fake").glob("*/DONE"))
    assert len(done) == functions.count("count")


def test_the_study_is_kept_with_its_defaults(fake_plan):
    fake_plan("count")
    assert call("run", "small.toml", "--set", "melt.hold_ps=3") == 0
    kept = json.loads(Path("results/small/study.json").read_text())
    assert kept["melt"]["hold_ps"] == 3
    assert kept["gcmc"]["forcefield"] == "PP"


def test_the_script_of_the_production_study_reports_wrong_input_like_the_command():
    import subprocess
    import sys

    script = Path(__file__).parents[2] / "workflows" / "flux_melting.py"
    answer = subprocess.run([sys.executable, str(script), "melt.hold_ps=-1"], capture_output=True, text=True,
                            check=False)
    assert answer.returncode == 2
    assert "melt.hold_ps = -1" in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert not Path("results").exists()
