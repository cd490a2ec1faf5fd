"""``zifsim analyse`` killed before each change it makes to its folder, stopped there, and denied locks."""

import errno
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import Runner, kill_everywhere, signal_everywhere

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "analysis"))
from test_analysis_dynamics import make_melt

ENTRY = "zifsim.cli.entry:entry"      # takes stop signals from its first line
# What is measured is measured once, and pictures are left out: this is about files.
WARM = """
import zifsim.campaign.analysis_job as job, zifsim.cli.screen
from zifsim.analysis.frames import load_frames
found = job.analyse(load_frames({melt!r}), job.AnalysisSettings(q_resolution=0.5, r_max=6.0))
job.analyse = lambda frames, settings, measured, report: found
job.chart_figure, job.to_png = (lambda chart: chart.name), str.encode
"""


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runner, Path]]:
    """A runner that has measured a melt already, and the melt."""
    melt = tmp_path_factory.mktemp("analyse") / "melt"
    make_melt(melt)
    with Runner(melt.parent / "runs", warm=WARM.format(melt=str(melt))) as runner:
        yield runner, melt


@pytest.fixture
def runner(warm: tuple[Runner, Path], tmp_path: Path) -> Runner:
    warm[0].scratch = tmp_path
    return warm[0]


@pytest.fixture
def command(warm: tuple[Runner, Path]) -> list[str]:
    return ["analyse", str(warm[1]), "--q-resolution", "0.5", "--r-max", "6", "--out", "{out}"]


def same(out: Path, whole: Path) -> None:
    """All files but those that hold times are the same, and nothing is left over."""
    timed = {"record.json", "DONE", ".lock", "run.log"}
    assert {p.name for p in out.iterdir()} - timed == {p.name for p in whole.iterdir()} - timed
    for path in whole.iterdir():
        if path.name not in timed:
            assert (out / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_kill_before_any_change_is_made_good_by_the_same_command(runner: Runner, command: list[str]) -> None:
    assert kill_everywhere(runner, command, same, target=ENTRY) > 20


def test_a_stop_signal_before_any_change_ends_with_75_and_the_same_command_goes_on(runner: Runner,
                                                                                  command: list[str]) -> None:
    codes = signal_everywhere(runner, command, same, target=ENTRY, points=lambda n: range(1, n + 1, 5))
    assert 75 in codes


def test_without_locks_it_says_so_and_runs(runner: Runner, command: list[str], tmp_path: Path) -> None:
    words = [*command[:-1], str(tmp_path / "out")]
    for number in (errno.ENOSYS, errno.ENOLCK):
        done = runner.run(words, tmp_path / "out", target=ENTRY, flock=number)
        assert done.code == 0, done
        assert "no locks" in done.stderr


def test_ctrl_c_is_130(runner: Runner, command: list[str], tmp_path: Path) -> None:
    words = [*command[:-1], str(tmp_path / "out")]
    assert runner.run(words, tmp_path / "out", target=ENTRY, kill_at=5, send=signal.SIGINT).code == 130
