"""`zifsim run` killed or stopped before each change it makes to files: the same command ends with the same results."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import Runner, kill_everywhere, signal_everywhere

STUDY = """
[study]
name = "tiny"
quality = "quick"
seed = 7
workers = 1

[materials."ZIF-8"]
structure = "ZIF-8"

[gcmc]
cutoff_angstrom = 7.0
grid_spacing_angstrom = 0.6
min_moves = 2000
max_moves = 2000
min_effective_samples = 2
widom_insertions = 500

[[gcmc.gases]]
gas = "CH4"
temperature_k = 300.0
pressures_bar = [0.5, 1.0]
"""
RESULTS = ("build/*/framework.extxyz", "build/*/framework.cif", "gcmc/*/isotherm.json", "table1.csv", "study.json")


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    (tmp_path / "tiny.toml").write_text(STUDY)
    compiled = ["gcmc", "ZIF-8", "--gas", "CH4", "--cutoff", "7", "--max-moves", "1000", "--out", tmp_path / "compiled"]
    subprocess.run([sys.executable, "-m", "zifsim", *compiled], check=True, stdout=subprocess.DEVNULL)
    with Runner(tmp_path / "scratch", warm="import zifsim.campaign.plan, zifsim.report.html, zifsim.cli.app") as warm:
        yield warm


def results(out: Path) -> dict[str, bytes]:
    found = {p.relative_to(out).as_posix(): p.read_bytes() for pattern in RESULTS for p in out.glob(pattern)}
    assert len(found) == len(RESULTS)
    return found


def same(out: Path, whole: Path) -> None:
    assert results(out) == results(whole)
    assert not list(out.rglob(".*.tmp"))
    assert (out / "DONE").is_file()


def command(runner: Runner) -> list[str]:
    return ["run", str(runner.scratch.parent / "tiny.toml"), "--out", "{out}"]


@pytest.mark.slow
def test_killed_before_any_change_the_same_command_ends_with_the_same_results(runner: Runner) -> None:
    assert kill_everywhere(runner, command(runner), same) > 30


@pytest.mark.slow
def test_stopped_before_any_change_it_says_75_and_goes_on(runner: Runner) -> None:
    assert signal_everywhere(runner, command(runner), same, send=signal.SIGTERM)[0] == 75


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGUSR1, 75), (signal.SIGINT, 130)])
def test_other_signals(runner: Runner, number: int, code: int) -> None:
    assert signal_everywhere(runner, command(runner), same, send=number, code=code)[0] == code
