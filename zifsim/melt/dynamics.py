"""Molecular dynamics of a melt: from checkpoint to checkpoint, with guards and records on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import unit

from zifsim.errors import SimulationError
from zifsim.io.trajectory import Frame, write_part
from zifsim.melt.box import widths
from zifsim.melt.checkpoint import STATE_TABLE, Checkpoint, chained, deserialised, versions, write_checkpoint
from zifsim.melt.context import (
    configuration,
    degrees_of_freedom,
    make_integrator,
    open_context,
    set_temperatures,
    settle_on,
)
from zifsim.melt.observe import Observer
from zifsim.melt.platform import PlatformChoice
from zifsim.melt.program import bath_temperature
from zifsim.melt.settings import MeltSettings
from zifsim.melt.system import NM, MeltSystem
from zifsim.model.schedule import TemperatureProgram
from zifsim.rng import derive_seed
from zifsim.runs import stopping
from zifsim.runs.digest import RunningDigest
from zifsim.runs.progress import Event, Report
from zifsim.units import AMU_PER_CUBIC_ANGSTROM_TO_G_CM3, GAS_CONSTANT

FloatArray = NDArray[np.float64]
PARTS = "trajectory"            # folder of trajectory parts inside the run's folder

COLUMNS = ("step", "time_ps", "segment", "set_point_k", "temperature_k", "density_g_cm3", "energy_kj_mol",
           "volume_a3", "zn_n_coordination", "min_zn_zn_a", "bonds_kept", "bonds_new", "ax_a", "bx_a", "by_a",
           "cx_a", "cy_a", "cz_a")
REPORT_INTERVAL_S = 0.5
PATIENCE_S = 10.0               # a run asked to stop goes on to its next checkpoint if that takes no longer
MS_PER_DAY = 86_400_000.0
# A run has blown up where its temperature is beyond three times the hottest set point (thermal fluctuations of the
# smallest cells are a tenth), or its volume a fifth of or five times that of the start (melts: 0.5 to 2).
RUNAWAY, COLLAPSED, BURST = 3.0, 0.2, 5.0
THERMALISE_PS, THERMALISE_FRICTION_PER_PS = 0.1, 100.0


class Dynamics:
    """One run in progress. ``step`` counts steps of the whole program; ``state`` is the last checkpoint's."""

    def __init__(self, model: MeltSystem, program: TemperatureProgram, settings: MeltSettings,
                 choice: PlatformChoice, folder: Path, digest: str, checkpoint: Checkpoint | None) -> None:
        self.model, self.program, self.settings = model, program, settings
        self.choice, self.folder, self.digest = choice, folder, digest
        self.observer = Observer(model)
        self.step = 0 if checkpoint is None else checkpoint.step
        self.saved_step = self.step
        self.state: openmm.State | None = None if checkpoint is None else checkpoint.state
        self.wall_before_s = 0.0 if checkpoint is None else checkpoint.wall_s
        self.info: dict[str, Any] = {}
        self._frames: list[Frame] = []
        self._rows: list[str] = []
        self._table = RunningDigest(folder / STATE_TABLE)
        self._frames_sha256 = "" if checkpoint is None else checkpoint.frames_sha256
        self._context: openmm.Context | None = None
        self._dof = degrees_of_freedom(model.system)
        self._first_step, self._began, self._reported = self.step, time.monotonic(), 0.0
        self._state_steps = settings.steps(settings.state_interval_ps, program.timestep_fs)
        self._frame_steps = settings.steps(settings.frame_interval_ps, program.timestep_fs)
        self._checkpoint_steps = (settings.checkpoint_steps(choice.is_gpu, program.timestep_fs)
                                  if checkpoint is None else checkpoint.interval_steps)

    @property
    def wall_s(self) -> float:
        """Wall time of the run so far, earlier starts of it included, s."""
        return self.wall_before_s + time.monotonic() - self._began

    @property
    def ns_per_day(self) -> float:
        """Speed since this start."""
        elapsed_ms = (time.monotonic() - self._began) * 1000.0
        return (self.step - self._first_step) * self.program.timestep_fs * 1e-6 / elapsed_ms * MS_PER_DAY

    def run(self, report: Report, part: str) -> bool:
        """Step to the end of the program; False where this process was asked to stop and the last checkpoint stands.

        ``report`` is given events of ``part`` with the numbers of the last row (see :func:`zifsim.melt.run.run_melt`).

        Raises
        ------
        SimulationError: the run became unphysical; the last good checkpoint stands.
        """
        def tell() -> None:
            if self.info:           # after a resume, empty until the first new row
                report(Event(part, self.step / self.program.n_steps,
                             f"{_message(self.info)}, {self.ns_per_day:.1f} ns/day", self._values()))

        try:
            if self.state is None:
                report(Event(part, 0.0, "minimising the energy"))
                self._begin()
            else:
                report(Event(part, self.step / self.program.n_steps, f"continues at step {self.step}",
                             {"step": self.step}, "resumed"))
            while self.step < self.program.n_steps:
                if stopping.asked() or not self._stretch(tell):
                    return False
        except openmm.OpenMMException as error:
            raise self._failure(_reason(str(error))) from error
        return True

    def configuration(self) -> tuple[FloatArray, FloatArray]:
        """Positions (P, 3) and box (3, 3) of the last checkpoint, Å, in OpenMM's frame."""
        assert self.state is not None, "run() begins with a state"
        return configuration(self.state)

    @property
    def _live(self) -> openmm.Context:
        assert self._context is not None, "a stretch opens its context first"
        return self._context

    def _open(self) -> None:
        """The context of the stretch that begins now; the old one goes first, to spare a GPU two at a time."""
        self._context = None
        segment = self.program.segments[self.program.locate(self.step)[0]]
        self._context = open_context(self.model, segment, self.settings, self.program.timestep_fs, self.choice,
                                     self.state, self.step)

    def _begin(self) -> None:
        """Minimise the starting structure, bring it to the first set point in its cell, record and save it.

        Velocities are drawn for twice the set point, because half of that energy flows into the potential.
        """
        kelvin = self.program.temperature_at(0)
        integrator = make_integrator(kelvin, THERMALISE_FRICTION_PER_PS, self.program.timestep_fs,
                                     derive_seed(self.settings.seed, "thermalise"))
        context = openmm.Context(self.model.system, integrator, openmm.Platform.getPlatformByName(self.choice.name),
                                 self.choice.properties)
        context.setPositions(self.model.positions * NM)
        settle_on(context, self.choice)
        context.setVelocitiesToTemperature(2.0 * kelvin * unit.kelvin, derive_seed(self.settings.seed, "velocities"))
        integrator.step(round(THERMALISE_PS * 1000.0 / self.program.timestep_fs))
        self._context = context
        self._look(row=True, frame=False)
        self._save()
        self.wall_before_s, self._began = self.wall_s, time.monotonic()     # speed is that of the dynamics

    def _stretch(self, tell: Callable[[], None]) -> bool:
        """From one checkpoint to the next, which lies at a multiple of the interval or where a segment ends.

        False where this process was asked to stop and the next checkpoint is too far off; the last one then stands.
        """
        self._open()
        index, done = self.program.locate(self.step)
        end = min(self.step - self.step % self._checkpoint_steps + self._checkpoint_steps,
                  self.step + self.program.steps_of(self.program.segments[index]) - done)
        while self.step < end:
            if stopping.asked() and (end - self.step) * self._seconds_per_step() > PATIENCE_S:
                return False
            self._advance(end)
            if self._segment_ends() or time.monotonic() - self._reported > REPORT_INTERVAL_S:
                self._reported = time.monotonic()
                self._write_rows()
                tell()
        self._save()
        return True

    def _advance(self, end: int) -> None:
        """Steps up to the next change of the set point, then whatever is due there."""
        every = self.settings.update_steps
        steps = min(every - self.step % every, end - self.step)
        index, _ = self.program.locate(self.step)
        middle = self.step + steps // 2
        set_temperatures(self._live, self.program.segments[index],
                         bath_temperature(self.program, middle, self.settings.friction_per_ps),
                         self.program.temperature_at(middle))
        self._live.getIntegrator().step(steps)
        self.step += steps
        row = self.step % self._state_steps == 0 or self.step == self.program.n_steps
        frame = self.step % self._frame_steps == 0
        if row or frame or self.step == end:
            self._look(row, frame)

    def _look(self, row: bool, frame: bool) -> None:
        """Measure and check the configuration; keep a row of ``state.csv`` and a frame where they are due."""
        state = self._live.getState(getPositions=True, getEnergy=True)
        positions, box = configuration(state)
        energy = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)
        kinetic = state.getKineticEnergy().value_in_unit(unit.kilojoule_per_mole)
        temperature = 2.0 * kinetic * 1000.0 / (self._dof * GAS_CONSTANT)
        if not (np.isfinite(energy) and np.isfinite(kinetic)):
            raise self._failure("the energy is not finite (atoms have collided)")
        if widths(box).min() <= 2.0 * self.model.cutoff_angstrom:
            raise self._failure("the cell has become too small for the cut-off")
        hottest = RUNAWAY * max(max(s.from_k, s.to_k) for s in self.program.segments)
        if temperature > hottest:
            raise self._failure(f"the temperature has run away to {temperature:.4g} K, beyond {hottest:.4g} K, "
                                f"{RUNAWAY:g} times the hottest set point")
        volume = float(np.linalg.det(box))
        share = volume / self.model.framework.volume
        if not COLLAPSED <= share <= BURST:
            raise self._failure(f"the cell has {'collapsed' if share < COLLAPSED else 'burst'} to {share:.3g} of the "
                                "volume that it began with")
        try:
            seen = self.observer.watch(positions, box)
        except SimulationError as error:
            raise self._failure(str(error)) from error
        if frame:
            self._frames.append(Frame(self.step, positions[: self.model.framework.n_atoms], box))
        if not row:
            return
        index, _ = self.program.locate(max(0, self.step - 1))
        density = self.model.framework.mass_amu / volume * AMU_PER_CUBIC_ANGSTROM_TO_G_CM3
        set_point = self.program.temperature_at(self.step)
        self.info = {"segment": self.program.segments[index].name, "temperature_k": temperature,
                     "set_point_k": set_point, "density_g_cm3": density, "coordination": seen.coordination,
                     "min_zn_zn": seen.min_zn_zn}
        values = (set_point, temperature, density, energy, volume, seen.coordination, seen.min_zn_zn,
                  seen.bonds_kept, seen.bonds_new, *box[np.tril_indices(3)])
        self._rows.append(f"{self.step},{self.step * self.program.timestep_fs / 1000.0:.4f},"
                          f"{self.info['segment'].replace(',', ' ')},"
                          + ",".join(f"{v:.6g}" if abs(v) < 1e4 else f"{v:.3f}" for v in values) + "\n")

    def _segment_ends(self) -> bool:
        return self.step == self.program.n_steps or self.program.locate(self.step)[1] == 0

    def _values(self) -> dict[str, Any]:
        """The last row's numbers, the step and the speed."""
        return self.info | {"step": self.step, "total": self.program.n_steps, "ns_per_day": self.ns_per_day}

    def _seconds_per_step(self) -> float:
        return (time.monotonic() - self._began) / max(1, self.step - self._first_step)

    def _write_rows(self) -> None:
        head = "" if self._table.size else ",".join(COLUMNS) + "\n"
        text = (head + "".join(self._rows)).encode()
        with open(self.folder / STATE_TABLE, "ab") as stream:
            stream.write(text)
        self._table.add(text)
        self._rows.clear()

    def _save(self) -> None:
        """Rows and frames first, the checkpoint that vouches for them last; what follows starts from its text."""
        self._write_rows()
        part = write_part(self.folder / PARTS, self._frames, self._frame_steps, self.program.timestep_fs / 1000.0)
        self._frames.clear()
        if part is not None:
            self._frames_sha256 = chained(self._frames_sha256, part)
        text = openmm.XmlSerializer.serialize(self._live.getState(getPositions=True, getVelocities=True))
        write_checkpoint(self.folder, Checkpoint(
            self.digest, self.step, self.settings.seed, self._checkpoint_steps, self.wall_s, versions(),
            self.choice.note, self._table.size, self._table.sha256, self._frames_sha256, text))
        self.state, self.saved_step = deserialised(text), self.step

    def _failure(self, why: str) -> SimulationError:
        index, _ = self.program.locate(self.step)
        kept = ("There is no checkpoint yet" if self.state is None else
                f"The last good checkpoint, of step {self.saved_step}, is kept in {self.folder}")
        return SimulationError(
            f"{self.model.framework.name}: the melt stopped at step {self.step} (segment "
            f"'{self.program.segments[index].name}', {self.program.temperature_at(self.step):.0f} K): {why}. "
            f"{kept}; use a shorter time step, a larger cell or a lower temperature.")


def _message(info: Mapping[str, Any]) -> str:
    """The state of a melt in one line."""
    return (f"{info['segment']} {info['temperature_k']:.0f} K (set {info['set_point_k']:.0f}), "
            f"{info['density_g_cm3']:.3f} g/cm³, Zn–N {info['coordination']:.2f}, min Zn–Zn {info['min_zn_zn']:.2f} Å")


def _reason(message: str) -> str:
    """OpenMM's message in our words."""
    if "box size" in message:
        return "the cell has become too small for the cut-off"
    if "NaN" in message:
        return "the energy is not finite (atoms have collided)"
    return message.strip().splitlines()[0].rstrip(".")
