"""A melt whose files were damaged, stopped or finished: never another number, never a crash."""

import os
import random
import shutil
import signal
from dataclasses import fields
from pathlib import Path

import pytest
from damage import MUTATIONS, damaged

from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, RunInterrupted
from zifsim.io.files import read_json, write_json_atomic
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt import run
from zifsim.melt.checkpoint import read_checkpoint
from zifsim.melt.run import MeltSettings, input_digest, run_melt
from zifsim.model.schedule import Segment, TemperatureProgram
from zifsim.runs import stopping
from zifsim.runs.progress import Event, silent

PROGRAM = TemperatureProgram("tiny", (
    Segment("heat", 300.0, 320.0, 0.04, "NVT"), Segment("hold", 320.0, 320.0, 0.02)), 1.0)
SETTINGS = MeltSettings(platform="CPU", cpu_threads=1, state_interval_ps=0.01, frame_interval_ps=0.01,
                        checkpoint_interval_ps=0.02)


@pytest.fixture(scope="module")
def given():
    return load_framework("ZIF-8"), load_melt_forcefield("nb-ZIF-FF-s"), PROGRAM, SETTINGS


@pytest.fixture(scope="module")
def stopped(given, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped at one of its checkpoints, and went on a little."""
    folder = tmp_path_factory.mktemp("stopped")

    def stop(event: Event) -> None:
        if event.values.get("step", 0) > 20 and not stopping.asked():
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(RunInterrupted), stopping.stoppable():
        run_melt(*given, folder, stop)
    assert [p.name for p in (folder / "trajectory").iterdir()]
    with open(folder / "state.csv", "a") as table:
        table.write("600,0.3,ho")
    return folder


@pytest.fixture(scope="module")
def finished(given, stopped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shutil.copytree(stopped, tmp_path_factory.mktemp("finished") / "run")
    run_melt(*given, folder)
    return folder


def numbers(result):
    return {f.name: getattr(result, f.name) for f in fields(result) if f.name != "framework"}, \
        result.framework.content_hash()


def files_of(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def test_what_a_stopped_run_continues_from_is_whole_or_one_sentence(given, stopped: Path, tmp_path: Path) -> None:
    draw, key, out = random.Random(1), input_digest(*given), shutil.copytree(stopped, tmp_path / "out")
    good, table = read_checkpoint(stopped), (stopped / "state.csv").read_bytes()
    assert good is not None
    for _ in range(MUTATIONS):
        path = draw.choice(files_of(out))
        before = damaged(draw, path)
        try:
            result, checkpoint = run._found(out, key, silent)
            run._roll_back(out, checkpoint, PROGRAM.n_steps)
        except InputError:
            pass
        else:
            assert result is None
            assert checkpoint == good
            assert (out / "state.csv").read_bytes() == table[:good.table_bytes]
        path.write_bytes(before)


def test_a_finished_run_is_read_back_as_it_was_or_made_again(given, finished: Path, tmp_path: Path) -> None:
    draw, key, out = random.Random(2), input_digest(*given), shutil.copytree(finished, tmp_path / "out")
    good, checkpoint = run._found(finished, key, silent)
    told: list[str] = []
    for _ in range(MUTATIONS):
        path = draw.choice(files_of(out))
        before = damaged(draw, path)
        try:
            result, found = run._found(out, key, lambda event: told.append(event.message))
        except InputError:
            pass
        else:
            assert found == checkpoint
            assert result is None or numbers(result) == numbers(good)
        path.write_bytes(before)
    assert any("melt.json is damaged" in message and "the glass is made again" in message for message in told)


@pytest.mark.parametrize("change", [
    {"step": 10**9}, {"step": -5}, {"versions": ["a"]}, {"wall_s": float("nan")}, {"state_xml": ""}, {"sha256": "00"}])
def test_a_checkpoint_that_was_edited_is_one_sentence(given, stopped: Path, tmp_path: Path, change: dict) -> None:
    out = shutil.copytree(stopped, tmp_path / "out")
    write_json_atomic(out / "checkpoint.json", read_json(out / "checkpoint.json") | change)
    with pytest.raises(InputError, match=r"checkpoint\.json is damaged .*; restore it, or delete .* begin the melt"):
        run_melt(*given, out)


def test_a_damaged_result_is_made_again_from_the_checkpoint(given, finished: Path, tmp_path: Path) -> None:
    out = shutil.copytree(finished, tmp_path / "out")
    good = run_melt(*given, finished)
    for name in ("melt.json", "glass.extxyz"):
        (out / name).write_text("")
    again = run_melt(*given, out)
    assert (again.density_g_cm3, again.n_steps) == (good.density_g_cm3, good.n_steps)
    assert (out / "glass.extxyz").read_bytes() == (finished / "glass.extxyz").read_bytes()


@pytest.mark.parametrize("name", ["state.csv", "trajectory.dcd"])
def test_the_table_and_the_frames_are_looked_at(given, finished: Path, tmp_path: Path, name: str) -> None:
    out = shutil.copytree(finished, tmp_path / "out")
    content = (out / name).read_bytes()
    (out / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError, match=f"{name} is damaged"):
        run_melt(*given, out)
