"""Run a temperature program on a framework: minimise, heat, hold, quench; resumable at any moment."""

from __future__ import annotations

import fcntl
import hashlib
import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any

from zifsim.errors import InputError, RunInterrupted
from zifsim.io.files import write_json_atomic
from zifsim.io.trajectory import drop_parts_after, merge_parts
from zifsim.melt.checkpoint import CHECKPOINT, STATE_TABLE, Checkpoint, read_checkpoint, truncate_table
from zifsim.melt.dynamics import COLUMNS, PARTS, Dynamics, Progress
from zifsim.melt.glass import make_result
from zifsim.melt.platform import PlatformChoice, choose_platform
from zifsim.melt.program import check_temperatures, validated
from zifsim.melt.result import MeltResult, read_result, write_result
from zifsim.melt.settings import MeltSettings
from zifsim.melt.system import build_model
from zifsim.model.forcefield import MeltForceField
from zifsim.model.framework import Framework
from zifsim.model.schedule import TemperatureProgram

__all__ = ["MeltResult", "MeltSettings", "Progress", "run_melt", "stop_signals"]

TRAJECTORY = "trajectory.dcd"
RUN = "run.json"
LOCK = ".melt.lock"
STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


def run_melt(fw: Framework, forcefield: MeltForceField, program: TemperatureProgram,
             settings: MeltSettings, out_dir: str | Path, progress: Progress | None = None,
             say: Callable[[str], None] | None = None) -> MeltResult:
    """Melt and quench ``fw``; the same call again continues from the checkpoint, or returns the result.

    On the CPU platform with the same versions and threads a run that was stopped or killed ends with the same
    result as one that was not.

    Writes ``run.json``, ``state.csv``, ``trajectory.dcd``, ``checkpoint.json``, ``glass.extxyz`` and ``melt.json``.

    Parameters
    ----------
    fw: types and bonds assigned. out_dir: folder of this run alone (created).
    progress: called as ``progress(step, total, info)`` at least once a second where one update of the
        temperature takes less; ``info`` has temperature_k, set_point_k, density_g_cm3, coordination,
        min_zn_zn, segment, ns_per_day, eta_s.
    say: takes what the user should read once (platform, bonds that cannot break, other versions).

    Raises
    ------
    InputError: force field, program or folder do not fit. SimulationError: the run became unphysical; the
    last good checkpoint is kept. RunInterrupted: SIGTERM or SIGUSR1; the state was saved first.
    """
    tell = say or (lambda text: None)
    folder = Path(out_dir)
    check_temperatures(validated(program), forcefield)
    digest = input_digest(fw, forcefield, program, settings)
    finished = read_result(folder)
    _own_checkpoint(folder, digest, finished)
    if finished is not None:
        return finished
    choice = choose_platform(settings.platform, precision=settings.precision,
                             cpu_threads=settings.cpu_threads, device=settings.device, say=tell)
    if not forcefield.dissociable:
        tell(f"{forcefield.name} is bonded: Zn–N bonds cannot break; rings and coordination are inputs here.")
    model = build_model(fw, forcefield, cutoff_angstrom=settings.cutoff_angstrom,
                        ewald_tolerance=settings.ewald_tolerance, tail_correction=settings.tail_correction)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        checkpoint = _own_checkpoint(folder, digest, None)
        _roll_back(folder, checkpoint)
        if checkpoint is not None and (differences := checkpoint.differences(choice.note)):
            tell(f"continuing from a checkpoint, but {' and '.join(differences)}: equally valid, not the same path "
                 "to the last digit.")
        write_json_atomic(folder / RUN, run_record(fw, forcefield, program, settings, choice, digest))
        dynamics = Dynamics(model, program, settings, choice, folder, digest, checkpoint)
        with stop_signals() as stop:
            reached_the_end = dynamics.run(progress, stop)
        if not reached_the_end:
            raise RunInterrupted(f"saved at step {dynamics.saved_step} of {program.n_steps} in "
                                 f"{folder / CHECKPOINT}; the same command continues.")
        interval = settings.steps(settings.frame_interval_ps, program.timestep_fs)
        merge_parts(folder / PARTS, folder / TRAJECTORY, interval, program.timestep_fs / 1000.0)
        result = make_result(dynamics, choice, folder / STATE_TABLE)
        write_result(folder, result)
    return result


def _own_checkpoint(folder: Path, digest: str, finished: MeltResult | None) -> Checkpoint | None:
    """The folder's checkpoint; raises InputError where it, or the result, is that of another melt."""
    checkpoint = read_checkpoint(folder)
    for found, what in ((finished, "result"), (checkpoint, "checkpoint")):
        if found is not None and found.input_sha256 != digest:
            raise InputError(f"{folder} holds the {what} of another melt (other structure, force field, "
                             "program or settings); choose another folder.")
    return checkpoint


def input_digest(fw: Framework, forcefield: MeltForceField, program: TemperatureProgram,
                 settings: MeltSettings) -> str:
    """sha256 of all that decides the outcome (platform and threads, which decide the speed, left out)."""
    values = {"framework": fw.content_hash(), "forcefield": asdict(forcefield), "program": asdict(program),
              "settings": settings.physics()}
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=list).encode()).hexdigest()


def run_record(fw: Framework, forcefield: MeltForceField, program: TemperatureProgram, settings: MeltSettings,
               choice: PlatformChoice, digest: str) -> dict[str, Any]:
    """What is run, for people and reports: structure, force field, program, settings, platform, versions."""
    return {"structure": fw.name, "formula": fw.formula, "source": fw.source, "atoms": fw.n_atoms,
            "forcefield": forcefield.name, "forcefield_description": forcefield.description,
            "can_break": forcefield.dissociable, "program": asdict(program), "settings": asdict(settings),
            "platform": choice.note, "versions": {p: version(p) for p in ("zifsim", "openmm", "numpy")},
            "input_sha256": digest}


def _roll_back(folder: Path, checkpoint: Checkpoint | None) -> None:
    """Forget what was written after the checkpoint, so that no row or frame can come twice."""
    if checkpoint is None:
        (folder / STATE_TABLE).unlink(missing_ok=True)
        (folder / TRAJECTORY).unlink(missing_ok=True)
    else:
        truncate_table(folder, checkpoint.step, COLUMNS)
    drop_parts_after(folder / PARTS, -1 if checkpoint is None else checkpoint.step)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other runs out of ``folder``; the operating system frees the lock however this process ends."""
    with open(folder / LOCK, "a") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{folder} is in use by another melt; wait for it, stop it, or choose another "
                             "folder.") from None
        yield


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGUSR1 set while the block runs (in the main thread only)."""
    stop = threading.Event()

    def request(number: int, frame: FrameType | None) -> None:
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, request) for number in STOP_SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
