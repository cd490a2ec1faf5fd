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

# Pictures are made from what is measured before, and left out here: they take most of the time.
WARM = """
import zifsim.campaign.analysis_job as job, zifsim.cli.screen
from zifsim.analysis.frames import load_frames
from zifsim.analysis.summary import AnalysisSettings, analyse
analyse(load_frames({melt!r}), AnalysisSettings(q_resolution=0.3))      # loads the kernels
job.chart_figure, job.to_png = (lambda chart: chart.name), str.encode
"""


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    make_melt(tmp_path / "melt")
    with Runner(tmp_path / "runs", warm=WARM.format(melt=str(tmp_path / "melt"))) as runner:
        yield runner


def command(tmp_path: Path) -> list[str]:
    return ["analyse", str(tmp_path / "melt"), "--q-resolution", "0.3", "--out", "{out}"]


def same(out: Path, whole: Path) -> None:
    """All files but those that hold times are the same, and nothing is left over."""
    timed = {"record.json", "DONE", ".lock", "run.log"}
    assert {p.name for p in out.iterdir()} - timed == {p.name for p in whole.iterdir()} - timed
    for path in whole.iterdir():
        if path.name not in timed:
            assert (out / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_kill_before_any_change_is_made_good_by_the_same_command(runner: Runner, tmp_path: Path) -> None:
    assert kill_everywhere(runner, command(tmp_path), same) > 20


def test_a_stop_signal_before_any_change_ends_with_75_and_the_same_command_goes_on(runner: Runner,
                                                                                  tmp_path: Path) -> None:
    codes = signal_everywhere(runner, command(tmp_path), same, points=lambda n: range(1, n + 1, 5))
    assert 75 in codes


def test_without_locks_it_says_so_and_runs(runner: Runner, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [a.replace("{out}", str(out)) for a in command(tmp_path)]
    done = runner.run(words, out, flock=errno.ENOSYS)
    assert done.code == 0, done
    assert "no locks" in done.stderr


def test_ctrl_c_is_130(runner: Runner, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [a.replace("{out}", str(out)) for a in command(tmp_path)]
    assert runner.run(words, out, kill_at=5, send=signal.SIGINT).code == 130
