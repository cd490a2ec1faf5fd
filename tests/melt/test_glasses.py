"""The shipped glasses are what their records say, and the script that makes them resumes, skips and refuses."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from zifsim.crystals.load import load_framework
from zifsim.io.files import read_json
from zifsim.io.resources import find_data
from zifsim.runs.digest import sha256_file

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "workflows" / "glasses.py"
FOLDER = ROOT / "structures" / "glasses"
SHIPPED = sorted(FOLDER.glob("*.cif"))

TINY = """
seed = 1
structure = "ZIF-8"
forcefield = "nb-ZIF-FF-s"
relax_with = "ZIF-FF"
supercell = [1, 1, 1]
cutoff_angstrom = 7.0
tail_correction = true
[program]
quench_rate_k_per_ps = 1000.0
heat_rate_k_per_ps = 1000.0
equilibrate_ps = 0.1
melt_temperature_k = 350.0
[program.paper]
hold_ps = 0.1
[[batch]]
bim_per_cell = 0
programs = ["paper"]
configurations = ["A"]
numbers = [1]
"""


def script():
    spec = importlib.util.spec_from_file_location("glasses", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["glasses"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_a_shipped_glass_loads_by_its_name_and_is_what_its_record_says(path: Path) -> None:
    record = read_json(path.with_suffix(".json"))
    assert find_data("structure", path.stem.lower(), "structures", ".cif") == path
    assert record["record"]["outputs_sha256"][path.name] == sha256_file(path)
    glass, result = load_framework(path.stem), record["result"]
    crystal = load_framework("ZIF-62")
    assert glass.unit_counts()["Zn"] == crystal.unit_counts()["Zn"] * np.prod(record["record"]["settings"]["supercell"])
    assert {"Zn", "Im", "bIm"} == set(glass.unit_counts())          # linkers in one piece
    assert glass.density_g_cm3 == pytest.approx(result["density_g_cm3"], rel=2e-3)
    assert result["can_break"]
    assert result["min_zn_zn_angstrom"] > 4.0
    last = record["segments"][-1]
    assert last["mean_temperature_k"] == pytest.approx(300.0, rel=0.02)     # 20 ps, σ about 0.5 %


def test_every_shipped_glass_is_in_the_list_with_the_same_settings_and_in_the_readme() -> None:
    glasses = {g.name: g for g in script().glasses(FOLDER / "glasses.toml")}
    text = (FOLDER / "README.md").read_text()
    for path in SHIPPED:
        assert script().is_there(glasses[path.stem], path)
        assert path.stem in text
    listed = [word for word in text.replace("`", " ").replace("|", " ").split() if word.startswith("agZIF-62-")]
    assert {w for w in listed if w[-1].isdigit()} <= {p.stem for p in SHIPPED}


def test_the_list_has_both_compositions_configurations_and_routes_with_three_seeds() -> None:
    glasses = list(script().glasses(FOLDER / "glasses.toml"))
    assert len({g.name for g in glasses}) == len({g.seed for g in glasses}) == len(glasses) == 24
    assert {(g.bim_per_cell, g.configuration, g.program) for g in glasses} == {
        (bim, letter, program) for bim in (3, 4) for letter in "AB" for program in ("paper", "dense")}
    assert [g.name for g in glasses[:2]] == ["agZIF-62-A-dense-1", "agZIF-62-B-dense-1"]
    for glass in glasses:
        assert glass.program_numbers["hold_ps"] >= 60.0
        assert glass.program_numbers["quench_rate_k_per_ps"] <= 10.0
        assert ("anneal_ps" in glass.program_numbers) == (glass.program == "dense")


@pytest.mark.slow
def test_the_script_makes_a_glass_skips_it_and_refuses_another_recipe(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY)
    command = [sys.executable, str(SCRIPT), str(tmp_path / "tiny.toml"), str(tmp_path / "runs")]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    path = tmp_path / "agZIF-8-bIm0-A-paper-1.cif"
    assert f"made {path}" in made.stdout
    record = read_json(path.with_suffix(".json"))
    assert [s["name"] for s in record["segments"]] == ["heat", "melt", "quench", "equilibrate"]
    assert record["record"]["versions"]["openmm"]
    assert load_framework(path).unit_counts() == {"Zn": 12, "mIm": 24}
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""
    (tmp_path / "tiny.toml").write_text(TINY.replace("hold_ps = 0.1", "hold_ps = 0.2"))
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "made with other settings" in refused.stderr


@pytest.fixture
def quench_rates(tmp_path: Path) -> list[str]:
    """The command that quenches a tiny liquid, without its rates."""
    (tmp_path / "tiny.toml").write_text(TINY.replace("paper", "dense").replace("0.1\n[[", "0.1\nanneal_ps = 0.5\n[["))
    return [sys.executable, str(SCRIPT.with_name("quench_rates.py")), "agZIF-8-bIm0-A-dense-1", "--settle-ps", "0.1",
            "--equilibrate-ps", "0.6", "--list", str(tmp_path / "tiny.toml"), "--runs", str(tmp_path / "runs"),
            "--out", str(tmp_path / "out")]


def test_bad_rates_are_refused(quench_rates: list[str]) -> None:
    refused = subprocess.run([*quench_rates, "--rates", "100,-1"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "a rate must be > 0" in refused.stderr


@pytest.mark.slow
def test_liquids_are_quenched_at_several_rates(quench_rates: list[str], tmp_path: Path) -> None:
    command = quench_rates
    done = subprocess.run([*command, "--rates", "1000,500,250"], capture_output=True, text=True, check=True).stdout
    assert [line.split("|")[1].strip() for line in done.splitlines() if line.startswith("|")][2:] == [
        "1000", "500", "250", "per decade"]
    ends = {rate: read_json(tmp_path / "out" / f"agZIF-8-bIm0-A-dense-1-{rate}" / "config.json")["config"]["program"][
        "segments"] for rate in (1000, 250)}
    assert [s["duration_ps"] for s in ends[1000]] == pytest.approx([0.1, 0.7, 0.6])
    assert [s["duration_ps"] for s in ends[250]] == pytest.approx([0.1, 2.8, 0.6])
    starts = [(tmp_path / "out" / f"agZIF-8-bIm0-A-dense-1-{r}" / "state.csv").read_text().splitlines()[1].split(",")
              for r in (1000, 250)]
    assert starts[0][5] == starts[1][5] != "0.924"  # one liquid
    again = subprocess.run([*command, "--rates", "1000,500,250"], capture_output=True, text=True, check=True).stdout
    assert "platform" in done
    assert "platform" not in again
