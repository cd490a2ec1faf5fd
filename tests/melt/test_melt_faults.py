"""``zifsim melt`` killed before each change it makes to files, stopped there, and started twice at once."""

import errno
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import Runner, kill_everywhere, signal_everywhere

from zifsim.io.files import read_json
from zifsim.runs.folder import finished_outputs

# Two segments, three checkpoints; rows and frames between them (QUICK).
PROGRAM = """
timestep_fs = 1.0
[[segment]]
name = "heat"
to_k = 320
duration_ps = 0.02
ensemble = "NVT"
[[segment]]
name = "hold"
to_k = 320
duration_ps = 0.02
"""
WARM = """
import zifsim.cli.app, zifsim.cli.melt_view, zifsim.cli.screen, zifsim.crystals.load, zifsim.io.melt_forcefields
import MDAnalysis.lib.distances, MDAnalysis.lib.formats.libdcd, pymbar.timeseries, rich.console
import zifsim.campaign.melt_job, zifsim.campaign.replicas, zifsim.melt.relax, zifsim.report.melt
zifsim.crystals.load.load_framework("ZIF-8")
"""
# Frames often enough, and nothing that takes long without being looked at: pictures, the energy minimum's last digits.
QUICK = """
import functools, zifsim.melt.settings as settings
settings.MeltSettings = functools.partial(settings.MeltSettings, state_interval_ps=0.01, frame_interval_ps=0.01)
zifsim.report.melt.to_png = lambda figure: b"png"
zifsim.report.melt.to_svg = lambda figure, name, text: "<svg/>"
zifsim.melt.relax.ENERGY_TOLERANCE = 1e3
zifsim.melt.relax.FORCE_TOLERANCE = 100.0
zifsim.report.melt.page_template("melt.html.j2")
"""
WALL_TIMES = {"wall_s", "ns_per_day"}
NAMES = {"config.json", "record.json", "state.csv", "trajectory.dcd", "checkpoint.json", "glass.extxyz", "melt.json",
         "melt.html", "melt.png", "DONE"}


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    (tmp_path / "program.toml").write_text(PROGRAM)
    return ["melt", "ZIF-8", "--program", str(tmp_path / "program.toml"), "--platform", "CPU", "--threads", "1",
            "--out", "{out}"]


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    with Runner(tmp_path_factory.mktemp("melt"), WARM + QUICK) as runner:
        yield runner


@pytest.fixture
def runner(warm: Runner, tmp_path: Path) -> Runner:
    warm.scratch = tmp_path / "runs"
    warm.scratch.mkdir()
    return warm


def same(folder: Path, whole: Path) -> None:
    """The same files, and the same bytes where no time or date stands in them; nothing half written."""
    names = {p.name for p in folder.rglob("*")} - {"run.log", ".lock"}
    assert names == {p.name for p in whole.rglob("*")} - {"run.log", ".lock"} >= NAMES
    for name in ("config.json", "state.csv", "trajectory.dcd", "glass.extxyz"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name
    ours, theirs = (read_json(f / "melt.json") for f in (folder, whole))
    assert {k: v for k, v in ours.items() if k not in WALL_TIMES} == {
        k: v for k, v in theirs.items() if k not in WALL_TIMES}
    assert finished_outputs(folder) is not None


def test_kill_9_before_each_change_and_the_same_command_ends_the_same(runner: Runner, arguments: list[str]) -> None:
    assert kill_everywhere(runner, arguments, same) > 20


@pytest.mark.slow
def test_sigterm_before_each_change_ends_with_75_or_0(runner: Runner, arguments: list[str]) -> None:
    codes = signal_everywhere(runner, arguments, same, points=lambda n: range(1, n + 1, 3))
    assert codes.count(75) > len(codes) // 2


@pytest.mark.slow
def test_replicas_killed_together_end_the_same(tmp_path: Path, arguments: list[str]) -> None:
    """Two side by side, parent and children killed at once before every ninth change of them all."""
    def same_replicas(out: Path, whole: Path) -> None:
        for name in ("replica-1", "replica-2"):
            assert (out / name / "glass.extxyz").read_bytes() == (whole / name / "glass.extxyz").read_bytes()
            assert finished_outputs(out / name) is not None
        assert finished_outputs(out) is not None
        assert not list(out.rglob(".*.tmp"))

    with Runner(tmp_path / "runs", WARM) as runner:
        assert kill_everywhere(runner, [*arguments, "--replicas", "2"], same_replicas,
                               points=lambda n: range(1, n + 1, 9)) > 4


@pytest.mark.slow
def test_signals_at_any_time_end_with_75_or_0(runner: Runner, arguments: list[str], tmp_path: Path) -> None:
    command = [a.replace("{out}", str(tmp_path / "out")) for a in arguments]
    for number, (send, code) in enumerate([(signal.SIGTERM, 75), (signal.SIGUSR1, 75), (signal.SIGINT, 130)] * 10):
        out = tmp_path / f"out-{number}"
        command[-1] = str(out)
        stopped = runner.run(command, out, send=send, after_s=0.02 + 0.1 * number)
        assert stopped.code in (code, 0), stopped
        assert runner.run(command, out).code == 0


@pytest.mark.slow
def test_of_two_at_once_one_runs_and_the_other_says_who_holds_the_folder(arguments: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "zifsim", *(a.replace("{out}", str(out)) for a in arguments)]
    (tmp_path / "program.toml").write_text(PROGRAM.replace("0.02", "0.2"))
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 90.0
    while not (out / "checkpoint.json").exists():
        assert time.monotonic() < until, "the first does not begin"
        time.sleep(0.05)
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert f"is in use by another zifsim run (process {first.pid} on" in second.stderr
    assert first.wait(90) == 0
    assert read_json(out / "melt.json")["n_steps"] == 400


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_flock_is_told_and_used(runner: Runner, arguments: list[str], tmp_path: Path,
                                                      number: int) -> None:
    out = tmp_path / "out"
    done = runner.run([a.replace("{out}", str(out)) for a in arguments], out, flock=number)
    assert done.code == 0, done
    assert "has no locks" in done.stderr
    assert finished_outputs(out) is not None
