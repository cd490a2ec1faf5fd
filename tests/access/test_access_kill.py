"""``zifsim access`` killed before each change it makes to its folder: the same command ends with the same bytes."""

from pathlib import Path

import pytest
from faults import Runner, kill_everywhere, signal_everywhere

from zifsim.runs.folder import locked

QUICK = ["access", "ZIF-8", "--cutoff", "7", "--spacing", "0.8", "--gas", "CH4@300", "--out", "{out}"]
SNAPSHOTS = [*QUICK, "--snapshots", "2", "--platform", "CPU"]
# Compiled kernels are loaded once; a picture costs more than all else and is not what is looked at.
WARM = """
from pathlib import Path
import openmm, scipy.sparse.csgraph, rich.table, matplotlib.figure
from zifsim.access import figure, snapshots
from zifsim.campaign.access_job import AccessJob, access_results
from zifsim.access.run import AccessSettings
from zifsim.cli.access import parse_guests
from zifsim.gcmc.settings import GCMCSettings
from zifsim.runs.progress import silent
snapshots.EQUILIBRATION_PS = snapshots.INTERVAL_PS = 0.05
figure.access_png = lambda results, title: title.encode()
settings = AccessSettings(gcmc=GCMCSettings(cutoff_angstrom=7.0, grid_spacing_angstrom=0.8))
access_results(AccessJob.load("ZIF-8", parse_guests("CH4@300", 300.0), "PP", "ZIF-FF", settings), Path("."), silent)
"""


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    with Runner(tmp_path_factory.mktemp("access"), warm=WARM) as runner:
        yield runner


@pytest.fixture
def runner(warm, tmp_path):
    warm.scratch = tmp_path / "runs"
    warm.scratch.mkdir()
    return warm


def same(folder: Path, whole: Path) -> None:
    for name in ("access.json", "access.csv", "access.png", "blocked.npz"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), f"{folder}/{name}"
    assert not list(folder.rglob("*.tmp"))


def test_a_rigid_run_killed_anywhere_ends_alike(runner):
    assert kill_everywhere(runner, QUICK, same) > 15    # eight files, each opened and moved into place


@pytest.mark.slow
def test_a_rigid_run_stopped_anywhere_says_75_and_ends_alike(runner):
    codes = signal_everywhere(runner, QUICK, same, points=lambda n: range(1, n + 1, 3))
    assert codes[0] == 75


@pytest.mark.slow
def test_a_run_with_snapshots_killed_anywhere_ends_alike(runner):
    assert kill_everywhere(runner, SNAPSHOTS, same) > 30


def test_a_folder_in_use_is_refused_by_its_holder(runner, tmp_path):
    out = tmp_path / "out"
    words = [word.replace("{out}", str(out)) for word in QUICK]
    out.mkdir()
    with locked(out):
        refused = runner.run(words, out)
    assert refused.code == 2
    assert "is in use by another zifsim run" in refused.stderr
    assert runner.run(words, out).code == 0
