"""``zifsim gcmc`` and ``mixture`` killed, or asked to stop, before each change they make to their folder."""

import errno
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from faults import Runner, kill_everywhere, signal_everywhere

from zifsim.crystals.load import load_framework
from zifsim.io.files import read_json
from zifsim.io.xyz import write_framework

# Checkpoints after every block; few test insertions, little filling, no void fraction and no picture: those are not
# looked at. Kernels are loaded before the forks.
WARM = """
import os, tempfile
import zifsim.cli.gcmc as command, zifsim.report.isotherm, zifsim.report.mixture
from zifsim.cli import app
from zifsim.gcmc import branches, pooled, sampling, system
sampling.CHECKPOINT_S, branches.FILLING_MOVES = -1.0, 5_000
pooled.CHECKPOINT_S, pooled.OPENING_MOVES = -1.0, 2_000
system.helium_void_fraction = lambda *arguments: 0.5
make = command.make_settings
command.make_settings = lambda **values: make(**values | {"widom_insertions": 2000})
zifsim.report.isotherm.isotherm_png = zifsim.report.mixture.mixture_png = lambda result, unit: unit.encode()
for words in (["gcmc", "small.extxyz", "--gas", "CO2"], ["mixture", "small.extxyz", "--composition", "CO2=0.5,N2=0.5"]):
    try:
        app.main([*words, "--cutoff", "4.4", "--max-moves", "1000", "--out", tempfile.mkdtemp()])
    except SystemExit:
        pass
"""
QUICK = ["small.extxyz", "--cutoff", "4.4", "--max-moves", "6000", "--out", "{out}"]
GCMC = ["gcmc", *QUICK, "--gas", "CO2", "--starts", "both", "--pressures", "1,20"]
MIXTURE = ["mixture", *QUICK, "--composition", "CO2=0.5,N2=0.5", "--pressures", "10"]
PLAIN = [*GCMC, "--isotherm", "plain"]
MORE = ["gcmc", *QUICK, "--gas", "CO2", "--pressures", "1,5,20", "--max-moves", "7000"]


@pytest.fixture
def runner(tmp_path, monkeypatch):
    """In a folder with ZIF-8 shrunk to the smallest cell that holds the cut-off; grids are made once."""
    monkeypatch.setenv("ZIFSIM_CACHE", str(tmp_path / "grids"))
    monkeypatch.chdir(tmp_path)
    crystal = load_framework("ZIF-8")
    write_framework("small.extxyz", replace(crystal, positions=0.8 * crystal.positions, cell=0.8 * crystal.cell))
    with Runner(tmp_path, WARM) as runner:
        yield runner


def same(out: Path, whole: Path) -> None:
    def contents(folder):
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*")
                if p.suffix in (".json", ".csv", ".tmp", ".png") and p.name != "record.json"}

    assert contents(out) == contents(whole)
    assert (out / "DONE").is_file()
    assert not list(out.glob("points/*.checkpoint.npz"))


@pytest.mark.parametrize("command", [GCMC, pytest.param(PLAIN, marks=pytest.mark.slow)], ids=["pooled", "plain"])
def test_killed_before_any_change_the_same_command_ends_with_the_same_files(runner, command):
    assert kill_everywhere(runner, command, same) > 30


@pytest.mark.slow
def test_a_mixture_that_is_killed_ends_with_the_same_files(runner):
    assert kill_everywhere(runner, MIXTURE, same, points=lambda n: range(1, n + 1, 3)) > 5


@pytest.mark.slow
def test_killed_while_a_finished_folder_is_asked_for_more(runner, tmp_path):
    first = ["gcmc", *QUICK, "--gas", "CO2", "--pressures", "1,20"]
    assert runner.run([a.replace("{out}", str(tmp_path / "first")) for a in first], tmp_path / "first").code == 0
    assert kill_everywhere(runner, MORE, same, prepare=lambda out: shutil.copytree(tmp_path / "first", out)) > 30
    points = read_json(tmp_path / "whole" / "isotherm.json")["points"]
    assert [p["n_moves"] for p in points] == [7_000] * 3


@pytest.mark.slow
def test_asked_to_stop_before_any_change_it_stops_or_has_finished(runner):
    codes = signal_everywhere(runner, GCMC, same, send=signal.SIGUSR1, points=lambda n: range(1, n + 1, 3))
    assert codes[:3] == [75] * 3


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks_is_told_of_and_used(runner, tmp_path, number):
    done = runner.run([a.replace("{out}", str(tmp_path / "out")) for a in MIXTURE], tmp_path / "out", flock=number)
    assert done.code == 0
    assert "has no locks" in done.stderr
