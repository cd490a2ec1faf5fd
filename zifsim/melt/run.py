"""Melt-quench runs: a temperature program on a framework (minimise, heat, hold, quench), resumable at any moment."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from zifsim.errors import DamagedError, InputError, RunInterrupted
from zifsim.io.files import write_bytes_atomic
from zifsim.io.trajectory import drop_parts_after, merge_parts
from zifsim.melt.checkpoint import (
    CHECKPOINT,
    STATE_TABLE,
    Checkpoint,
    check_frames,
    check_results,
    read_checkpoint,
    truncate_table,
    write_checkpoint,
)
from zifsim.melt.dynamics import COLUMNS, PARTS, PATIENCE_S, Dynamics
from zifsim.melt.glass import make_result
from zifsim.melt.platform import PlatformChoice, choose_platform
from zifsim.melt.program import check_temperatures, validated
from zifsim.melt.result import GLASS, RESULT, MeltResult, read_result, write_glass
from zifsim.melt.settings import MeltSettings
from zifsim.melt.system import MeltSystem, build_model
from zifsim.model.forcefield import MeltForceField
from zifsim.model.framework import Framework
from zifsim.model.schedule import TemperatureProgram
from zifsim.runs import stopping
from zifsim.runs.digest import digest, sha256_bytes, sha256_file
from zifsim.runs.progress import Event, Report, note, silent

__all__ = ["MeltResult", "MeltSettings", "PreparedMelt", "prepare_melt", "run_melt"]

TRAJECTORY = "trajectory.dcd"


@dataclass(frozen=True, slots=True)
class PreparedMelt:
    """A melt that can begin: everything about it is known to fit. ``part``: its name in events."""

    model: MeltSystem
    program: TemperatureProgram
    settings: MeltSettings
    choice: PlatformChoice
    input_sha256: str
    part: str

    def run(self, folder: Path, report: Report = silent) -> MeltResult:
        """Run or continue it in a folder that the caller holds; see :func:`run_melt`."""
        finished, checkpoint = _found(folder, self.input_sha256, report)
        if finished is not None:
            return _read_back(finished, self.part, report)
        folder.mkdir(parents=True, exist_ok=True)
        _roll_back(folder, checkpoint, self.program.n_steps)
        if checkpoint is not None and (differences := checkpoint.differences(self.choice.note)):
            report(note(f"continuing from a checkpoint, but {' and '.join(differences)}: equally valid, not the same "
                        "path to the last digit."))
        dynamics = Dynamics(self.model, self.program, self.settings, self.choice, folder, self.input_sha256, checkpoint)
        with stopping.polled(2.0 * PATIENCE_S):     # the dynamics looks itself, and leaves within its own patience
            reached_the_end = dynamics.run(report, self.part)
        if not reached_the_end:
            report(note(f"{self.part}: saved at step {dynamics.saved_step} of {self.program.n_steps} in "
                        f"{folder / CHECKPOINT}"))
            stopping.check()
            raise RunInterrupted(stopping.HINT)
        report(Event(self.part, 1.0, "minimising the glass"))
        interval = self.settings.steps(self.settings.frame_interval_ps, self.program.timestep_fs)
        merge_parts(folder / PARTS, folder / TRAJECTORY, interval, self.program.timestep_fs / 1000.0)
        result = make_result(dynamics, self.choice, folder / STATE_TABLE)
        if not result.melted:
            report(note(f"{self.part}: {result.verdict}; what it left is no glass."))
        _finish(folder, result)
        report(Event(self.part, 1.0, result.summary, kind="done"))
        return result


def prepare_melt(fw: Framework, forcefield: MeltForceField, program: TemperatureProgram, settings: MeltSettings,
                 report: Report = silent, part: str = "") -> PreparedMelt:
    """Check that a melt can be run, choose its platform and build its OpenMM system; nothing is written.

    Raises
    ------
    InputError, UnknownNameError: force field, program, settings, structure or platform do not fit.
    """
    check_temperatures(validated(program), forcefield)
    choice = choose_platform(settings.platform, precision=settings.precision, cpu_threads=settings.cpu_threads,
                             device=settings.device, report=report)
    if not forcefield.dissociable:
        report(note(f"{forcefield.name} is bonded: Zn–N bonds cannot break; rings and coordination are inputs here."))
    model = build_model(fw, forcefield, cutoff_angstrom=settings.cutoff_angstrom,
                        ewald_tolerance=settings.ewald_tolerance, tail_correction=settings.tail_correction)
    return PreparedMelt(model, program, settings, choice, input_digest(fw, forcefield, program, settings),
                        part or fw.name)


def run_melt(fw: Framework, forcefield: MeltForceField, program: TemperatureProgram, settings: MeltSettings,
             folder: str | Path, report: Report = silent, part: str = "") -> MeltResult:
    """Melt and quench ``fw``; the same call again continues from the checkpoint, or returns the result.

    On the CPU platform with the same versions and threads a run that was stopped or killed ends with the same
    result as one that was not.

    Writes ``state.csv``, ``trajectory.dcd``, ``checkpoint.json``, ``glass.extxyz`` and ``melt.json``.

    Parameters
    ----------
    fw: types and bonds assigned. folder: of this run alone, which the caller holds
        (:class:`zifsim.campaign.melt_job.MeltJob` does that too, and keeps a record); created.
    report: told events of ``part`` (the framework's name by default) at most twice a second and where a segment ends,
        with the last row's numbers as values: segment, temperature_k, set_point_k, density_g_cm3, coordination,
        min_zn_zn, step, total, ns_per_day. Notes say what is to be read once (platform, bonds that cannot break, other
        versions).

    Raises
    ------
    InputError: force field, program or folder do not fit. SimulationError: the run became unphysical; the
    last good checkpoint is kept. RunInterrupted: this process was asked to stop; the state was saved first.
    """
    folder = Path(folder)
    check_temperatures(validated(program), forcefield)
    finished, _ = _found(folder, input_digest(fw, forcefield, program, settings), report)
    if finished is not None:
        return _read_back(finished, part or fw.name, report)
    return prepare_melt(fw, forcefield, program, settings, report, part).run(folder, report)


def read_finished(fw: Framework, forcefield: MeltForceField, program: TemperatureProgram, settings: MeltSettings,
                  folder: Path, report: Report = silent, part: str = "") -> MeltResult:
    """The result of a melt whose files somebody else vouches for, as :func:`run_melt` returns it.

    Raises
    ------
    InputError: there is none, or it is that of another melt.
    """
    finished = read_result(folder)
    if finished is None:
        raise InputError(f"{folder} holds no finished melt.")
    _check_same(folder, finished.input_sha256, input_digest(fw, forcefield, program, settings), "result")
    return _read_back(finished, part or fw.name, report)


def _found(folder: Path, input_sha256: str, report: Report) -> tuple[MeltResult | None, Checkpoint | None]:
    """The folder's result and checkpoint. A result that is not what was written is told, and made again from the
    checkpoint.

    Raises
    ------
    InputError: one of them is that of another melt, or the checkpoint, the table or the frames are damaged.
    """
    checkpoint = read_checkpoint(folder)
    if checkpoint is not None:
        _check_same(folder, checkpoint.input_sha256, input_sha256, "checkpoint")
    if not (folder / RESULT).is_file():
        return None, checkpoint
    try:
        if checkpoint is not None:
            check_results(folder, checkpoint, (RESULT, GLASS))
        finished = read_result(folder)
    except DamagedError as error:
        if checkpoint is None:
            raise
        report(note(f"{error.fault}, so the glass is made again."))
        return None, checkpoint
    if finished is not None:
        _check_same(folder, finished.input_sha256, input_sha256, "result")
        if checkpoint is not None:
            check_results(folder, checkpoint, (STATE_TABLE, TRAJECTORY))
    return finished, checkpoint


def _check_same(folder: Path, found: str, input_sha256: str, what: str) -> None:
    if found != input_sha256:
        raise InputError(f"{folder} holds the {what} of another melt (other structure, force field, program or "
                         "settings); choose another folder.")


def _finish(folder: Path, result: MeltResult) -> None:
    """The glass first, then its digest and the others' in the checkpoint, and melt.json, which says that all is there,
    last."""
    text = write_glass(folder, result)
    checkpoint = read_checkpoint(folder)
    if checkpoint is None:
        raise InputError(f"{folder / CHECKPOINT} has vanished; run the same melt again.")
    there = [name for name in (GLASS, STATE_TABLE, TRAJECTORY) if (folder / name).is_file()]
    write_checkpoint(folder, replace(checkpoint, results={
        RESULT: sha256_bytes(text), **{name: sha256_file(folder / name) for name in there}}))
    write_bytes_atomic(folder / RESULT, text)


def _read_back(result: MeltResult, part: str, report: Report) -> MeltResult:
    report(Event(part, 1.0, result.summary, kind="resumed"))
    return result


def input_digest(fw: Framework, forcefield: MeltForceField, program: TemperatureProgram,
                 settings: MeltSettings) -> str:
    """sha256 of all that decides the outcome (platform and threads, which decide the speed, left out)."""
    return digest({"framework": fw.content_hash(), "forcefield": asdict(forcefield), "program": asdict(program),
                   "settings": settings.physics()})


def _roll_back(folder: Path, checkpoint: Checkpoint | None, n_steps: int) -> None:
    """Forget what was written after the checkpoint, so that no row or frame can come twice.

    Raises
    ------
    InputError: what was written before it is damaged.
    """
    if checkpoint is None:
        (folder / STATE_TABLE).unlink(missing_ok=True)
    else:
        truncate_table(folder, checkpoint, COLUMNS)
    if checkpoint is None or checkpoint.step < n_steps:
        (folder / TRAJECTORY).unlink(missing_ok=True)
    drop_parts_after(folder / PARTS, -1 if checkpoint is None else checkpoint.step)
    if checkpoint is not None and not (folder / TRAJECTORY).is_file():      # else their merging had begun
        check_frames(folder, folder / PARTS, checkpoint)
