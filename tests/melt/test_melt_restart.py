"""A melt that is stopped or killed, whenever that may be, ends with the same result as one that was not."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, RunInterrupted
from zifsim.io.files import read_json
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.io.trajectory import read_dcd
from zifsim.io.xyz import read_framework, write_framework
from zifsim.melt.checkpoint import read_checkpoint, write_checkpoint
from zifsim.melt.result import MeltResult
from zifsim.melt.run import MeltSettings, run_melt
from zifsim.model.framework import Framework
from zifsim.model.schedule import Segment, TemperatureProgram
from zifsim.runs import stopping
from zifsim.runs.progress import Event

# Two ensembles and two barostats; checkpoints at multiples of 100 steps and where a segment ends.
PROGRAM = TemperatureProgram("short", (
    Segment("heat", 300.0, 400.0, 0.11, "NVT"), Segment("cool", 400.0, 300.0, 0.1),
    Segment("hold", 300.0, 300.0, 0.09, barostat="anisotropic")), 0.5)
STEPS = 600
SETTINGS = MeltSettings(platform="CPU", cpu_threads=1, state_interval_ps=0.02, frame_interval_ps=0.03,
                        checkpoint_interval_ps=0.05)
SPEED = {"wall_s", "ns_per_day"}

# The same run in a process of its own, to be killed; it reads its arguments as JSON.
CHILD = """
import json, sys
from pathlib import Path
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.io.xyz import read_framework
from zifsim.melt.run import MeltSettings, run_melt
from zifsim.model.schedule import Segment, TemperatureProgram
given = json.loads(sys.argv[1])
program = TemperatureProgram("short", tuple(Segment(**s) for s in given["segments"]), given["timestep_fs"])
run_melt(read_framework(given["framework"]), load_melt_forcefield("nb-ZIF-FF-s"), program,
         MeltSettings(**given["settings"]), given["folder"])
"""


@pytest.fixture(scope="module")
def zif8() -> Framework:
    return load_framework("ZIF-8")


@pytest.fixture(scope="module")
def whole(zif8: Framework, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MeltResult]:
    """A run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, run_melt(zif8, load_melt_forcefield("nb-ZIF-FF-s"), PROGRAM, SETTINGS, folder)


def assert_same(folder: Path, whole: tuple[Path, MeltResult | None]) -> None:
    """Rows, frames, glass and numbers equal to the last bit, timings aside."""
    for name in ("state.csv", "trajectory.dcd", "glass.extxyz"):
        assert (folder / name).read_bytes() == (whole[0] / name).read_bytes(), name
    numbers = [{k: v for k, v in read_json(f / "melt.json").items() if k not in SPEED} for f in (folder, whole[0])]
    assert numbers[0] == numbers[1]
    assert not (folder / "trajectory").exists()


class Killed(BaseException):
    """Stands for kill -9: nothing is saved on the way out."""


@pytest.mark.parametrize("after", [pytest.param(20, marks=pytest.mark.slow), 470])
def test_a_killed_run_ends_with_the_same_bits(zif8: Framework, whole, tmp_path: Path, after: int,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zifsim.melt.dynamics.REPORT_INTERVAL_S", 0.0)
    ff = load_melt_forcefield("nb-ZIF-FF-s")

    def kill(event: Event) -> None:
        if event.values.get("step", 0) >= after:
            raise Killed

    with pytest.raises(Killed):
        run_melt(zif8, ff, PROGRAM, SETTINGS, tmp_path, kill)
    # The kill also tore a row, and a part was written just before the checkpoint that would vouch for it.
    with open(tmp_path / "state.csv", "a") as stream:
        stream.write("600,0.3,ho")
    (tmp_path / "trajectory").mkdir(exist_ok=True)
    (tmp_path / "trajectory" / "part-000000000600.dcd").write_bytes(b"torn")
    run_melt(zif8, ff, PROGRAM, SETTINGS, tmp_path)
    assert_same(tmp_path, whole)
    assert [f.step for f in read_dcd(tmp_path / "trajectory.dcd")] == list(range(60, STEPS + 1, 60))


def test_sigusr1_stops_at_a_checkpoint_with_75_and_the_same_call_continues(zif8: Framework, whole,
                                                                           tmp_path: Path) -> None:
    ff = load_melt_forcefield("nb-ZIF-FF-s")
    events: list[Event] = []

    def stop_in_the_middle(event: Event) -> None:
        events.append(event)
        if event.values.get("step", 0) > 0 and not stopping.asked():
            os.kill(os.getpid(), signal.SIGUSR1)

    with pytest.raises(RunInterrupted, match="by SIGUSR1; the same command continues") as caught, stopping.stoppable():
        run_melt(zif8, ff, PROGRAM, SETTINGS, tmp_path, stop_in_the_middle)
    assert caught.value.exit_code == 75
    step = read_json(tmp_path / "checkpoint.json")["step"]
    assert step in {100, 200, 220, 300, 400, 420, 500}
    assert f"saved at step {step} of 600" in events[-1].message
    run_melt(zif8, ff, PROGRAM, SETTINGS, tmp_path)
    assert_same(tmp_path, whole)


def test_a_run_whose_next_checkpoint_is_far_off_stops_at_once(zif8: Framework, whole, tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zifsim.melt.dynamics.REPORT_INTERVAL_S", 0.0)
    monkeypatch.setattr("zifsim.melt.dynamics.PATIENCE_S", 0.0)
    ff = load_melt_forcefield("nb-ZIF-FF-s")
    seen: list[int] = []

    def stop_at_140(event: Event) -> None:
        seen.append(event.values.get("step", 0))
        if seen[-1] == 140:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(RunInterrupted, match="by SIGINT") as caught, stopping.stoppable():
        run_melt(zif8, ff, PROGRAM, SETTINGS, tmp_path, stop_at_140)
    assert caught.value.exit_code == 130
    assert max(seen) == 140
    assert read_json(tmp_path / "checkpoint.json")["step"] == 100
    run_melt(zif8, ff, PROGRAM, SETTINGS, tmp_path)
    assert_same(tmp_path, whole)


def test_other_versions_platform_and_threads_are_told(zif8: Framework, tmp_path: Path) -> None:
    ff = load_melt_forcefield("nb-ZIF-FF-s")

    def stop_at_once(event: Event) -> None:
        if event.values and not stopping.asked():
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(RunInterrupted), stopping.stoppable():
        run_melt(zif8, ff, PROGRAM, SETTINGS, tmp_path, stop_at_once)
    saved = read_checkpoint(tmp_path)
    write_checkpoint(tmp_path, replace(saved, versions={"zifsim": "0.0.1", "OpenMM": "7.0"}))
    rows = (tmp_path / "state.csv").read_text()
    (tmp_path / "state.csv").write_text(rows.replace("step,time_ps,", "step,", 1))
    with pytest.raises(InputError, match=r"state\.csv has the columns of another version"):
        run_melt(zif8, ff, PROGRAM, SETTINGS, tmp_path)
    (tmp_path / "state.csv").write_text(rows)
    events: list[Event] = []
    run_melt(zif8, ff, PROGRAM, replace(SETTINGS, cpu_threads=2), tmp_path, events.append)
    warning = next(e.message for e in events if "not the same path" in e.message)
    assert "written by zifsim 0.0.1, OpenMM 7.0" in warning
    assert "it ran on CPU, 1 thread, now on CPU, 2 threads" in warning


def test_a_damaged_checkpoint_is_named(zif8: Framework, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.json").write_text('{"step": 12')
    with pytest.raises(InputError, match=r"checkpoint\.json is damaged"):
        run_melt(zif8, load_melt_forcefield("nb-ZIF-FF-s"), PROGRAM, SETTINGS, tmp_path)


def arguments(zif8: Framework, scratch: Path, folder: Path) -> list[str]:
    """The command of the run in a process of its own."""
    write_framework(scratch / "zif8.extxyz", zif8)
    settings = {f.name: getattr(SETTINGS, f.name) for f in fields(SETTINGS)}
    segments = [{f.name: getattr(s, f.name) for f in fields(s)} for s in PROGRAM.segments]
    return [sys.executable, "-c", CHILD, json.dumps({
        "framework": str(scratch / "zif8.extxyz"), "settings": settings, "segments": segments,
        "timestep_fs": PROGRAM.timestep_fs, "folder": str(folder)})]


@pytest.fixture(scope="module")
def whole_process(zif8: Framework, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, None]:
    """A run in a process of its own that nothing disturbed.

    OpenMM's PME takes its number of threads from the process's first context, which in pytest's own process may have
    been another test's.
    """
    scratch = tmp_path_factory.mktemp("process")
    subprocess.run(arguments(zif8, scratch, scratch / "run"), check=True)
    return scratch / "run", None


def run_with_kills(zif8: Framework, folder: Path, scratch: Path, kills: int, seed: int) -> list[int]:
    """Start the run in a process of its own again and again, killing it at random moments; the steps it had saved."""
    rng, saved = np.random.default_rng(seed), []
    command = arguments(zif8, scratch, folder)
    for _ in range(kills):
        process = subprocess.Popen(command)
        began = time.monotonic()
        # Imports and building take a while; the clock that is drawn from starts when the table appears or grows.
        table = folder / "state.csv"
        size = table.stat().st_size if table.exists() else 0
        while process.poll() is None and (not table.exists() or table.stat().st_size == size):
            if time.monotonic() - began > 60.0:
                break
            time.sleep(0.01)
        try:
            process.wait(timeout=float(rng.uniform(0.0, 1.2)))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        path = folder / "checkpoint.json"
        saved.append(read_json(path)["step"] if path.is_file() else 0)
        if process.returncode == 0:
            break
    subprocess.run(command, check=True)
    return saved


@pytest.mark.slow
def test_kill_9_of_the_process_changes_nothing(zif8: Framework, whole_process, tmp_path: Path) -> None:
    saved = run_with_kills(zif8, tmp_path / "run", tmp_path, kills=1, seed=1)
    assert saved == sorted(saved)
    assert_same(tmp_path / "run", whole_process)


@pytest.mark.slow
def test_kill_9_at_twenty_random_moments_changes_nothing(zif8: Framework, whole_process, tmp_path: Path) -> None:
    """Runs are killed and continued until twenty kills have been survived."""
    kills, run = 0, 0
    while kills < 20:
        folder = tmp_path / f"run-{run}"
        saved = run_with_kills(zif8, folder, tmp_path, kills=20 - kills, seed=100 + run)
        kills += sum(step < STEPS for step in saved)
        run += 1
        assert saved == sorted(saved)
        assert_same(folder, whole_process)
        assert read_framework(folder / "glass.extxyz").species == zif8.species
