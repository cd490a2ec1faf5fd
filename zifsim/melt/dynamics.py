"""The molecular dynamics of a melt: contexts for the segments, the loop over steps, guards and records."""

from __future__ import annotations

import copy
import threading
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
from zifsim.melt.checkpoint import STATE_TABLE, Checkpoint, write_checkpoint
from zifsim.melt.observe import Observer
from zifsim.melt.platform import PlatformChoice
from zifsim.melt.relax import settle
from zifsim.melt.settings import MeltSettings
from zifsim.melt.system import NM, MeltModel
from zifsim.model.schedule import Segment, TemperatureProgram
from zifsim.rng import derive_seed
from zifsim.units import AMU_PER_CUBIC_ANGSTROM_TO_G_CM3, GAS_CONSTANT

FloatArray = NDArray[np.float64]
Progress = Callable[[int, int, Mapping[str, Any]], None]
PARTS = "trajectory"            # folder of trajectory parts inside the run's folder

COLUMNS = ("step", "time_ps", "segment", "set_point_k", "temperature_k", "density_g_cm3", "energy_kj_mol",
           "volume_a3", "zn_n_coordination", "min_zn_zn_a", "ax_a", "bx_a", "by_a", "cx_a", "cy_a", "cz_a")
REPORT_INTERVAL_S = 0.5
MS_PER_DAY = 86_400_000.0


class Dynamics:
    """One run in progress. ``step`` counts integrator steps of the whole program."""

    def __init__(self, model: MeltModel, program: TemperatureProgram, settings: MeltSettings,
                 choice: PlatformChoice, folder: Path, digest: str, checkpoint: Checkpoint | None,
                 say: Callable[[str], None]) -> None:
        self.model, self.program, self.settings = model, program, settings
        self.choice, self.folder, self.digest, self.say = choice, folder, digest, say
        self.observer = Observer(model)
        self.step = 0 if checkpoint is None else checkpoint.step
        self.wall_before_s = 0.0 if checkpoint is None else checkpoint.wall_s
        self.info: dict[str, Any] = {}
        self._frames: list[Frame] = []
        self._rows: list[str] = []
        self._context: openmm.Context | None = None
        self._segment: Segment | None = None
        self._start = None if checkpoint is None else checkpoint.state
        self._first_step, self._began, self._saved_at = self.step, time.monotonic(), time.monotonic()
        self._state_steps = settings.steps(settings.state_interval_ps, program.timestep_fs)
        self._frame_steps = settings.steps(settings.frame_interval_ps, program.timestep_fs)
        if checkpoint is not None and checkpoint.openmm_version != openmm.__version__:
            say(f"the checkpoint was written by OpenMM {checkpoint.openmm_version}, this is "
                f"{openmm.__version__}; continuing with it.")

    @property
    def wall_s(self) -> float:
        """Wall time of the run so far, earlier starts of it included, s."""
        return self.wall_before_s + time.monotonic() - self._began

    @property
    def ns_per_day(self) -> float:
        """Speed since this start."""
        elapsed_ms = (time.monotonic() - self._began) * 1000.0
        return (self.step - self._first_step) * self.program.timestep_fs * 1e-6 / elapsed_ms * MS_PER_DAY

    def run(self, progress: Progress | None, stop: threading.Event) -> None:
        """Step to the end of the program, or until ``stop`` is set; saves in both cases."""
        total, reported = self.program.n_steps, 0.0
        self._enter(self.program.segments[self.program.locate(self.step)[0]])
        if self.step == 0:
            self._begin()
        while self.step < total and not stop.is_set():
            try:
                self._advance()
            except openmm.OpenMMException as error:
                raise self._failure(_reason(str(error))) from error
            if time.monotonic() - reported > REPORT_INTERVAL_S or self.step == total:
                reported = time.monotonic()
                if progress is not None and self.info:     # after a resume, empty until the first new row
                    progress(self.step, total, self._report(total))
            if time.monotonic() - self._saved_at > self.settings.checkpoint_interval_s:
                self.save()
        self.save()

    def configuration(self) -> tuple[FloatArray, FloatArray]:
        """Positions (P, 3) and box (3, 3) as they are now, Å, in OpenMM's frame."""
        state = self._live.getState(getPositions=True)
        return (_angstrom(state.getPositions(asNumpy=True)),
                _angstrom(state.getPeriodicBoxVectors(asNumpy=True)))

    @property
    def _live(self) -> openmm.Context:
        assert self._context is not None, "run() opens the context"
        return self._context

    def _begin(self) -> None:
        """Minimise the starting structure, give it velocities, record it."""
        settle(self._live)
        self._live.setVelocitiesToTemperature(self.program.temperature_at(0) * unit.kelvin,
                                              derive_seed(self.settings.seed, "velocities"))
        self._record()
        self._began = time.monotonic()

    def _advance(self) -> None:
        """Steps up to the next change of the set point, then whatever is due there."""
        index, done = self.program.locate(self.step)
        segment = self.program.segments[index]
        if segment is not self._segment:
            self._enter(segment)
        every = self.settings.update_steps
        chunk = min(every - self.step % every, self.program.steps_of(segment) - done)
        self._set_temperature(self.program.temperature_at(self.step + chunk // 2))
        self._live.getIntegrator().step(chunk)
        self.step += chunk
        if self.step % self._state_steps == 0 or self.step == self.program.n_steps:
            self._record()
        if self.step % self._frame_steps == 0:
            positions, box = self.configuration()
            self._frames.append(Frame(self.step, positions[: self.model.framework.n_atoms], box))

    def _enter(self, segment: Segment) -> None:
        """Open the context that a segment needs, or keep the one at hand where it fits."""
        before, self._segment = self._segment, segment
        if before is not None and _ensemble(before) == _ensemble(segment):
            self._set_pressure(segment)
            return
        system = copy.deepcopy(self.model.system)
        if segment.ensemble == "NPT":
            system.addForce(_barostat(segment, self.model, self.settings, self.step))
        integrator = openmm.LangevinMiddleIntegrator(
            segment.from_k, self.settings.friction_per_ps, self.program.timestep_fs * 1e-3)
        integrator.setRandomNumberSeed(derive_seed(self.settings.seed, "thermostat", self.step))
        state = self._start
        if self._context is not None:
            state = self._context.getState(getPositions=True, getVelocities=True)
        # The old context goes first: two at a time would double the memory on a GPU.
        self._context = self._start = None
        platform = openmm.Platform.getPlatformByName(self.choice.name)
        self._context = openmm.Context(system, integrator, platform, self.choice.properties)
        if state is None:
            self._context.setPositions(self.model.positions * NM)
        else:
            self._context.setPeriodicBoxVectors(*state.getPeriodicBoxVectors())
            self._context.setPositions(state.getPositions(asNumpy=True))
            self._context.setVelocities(state.getVelocities(asNumpy=True))

    def _set_temperature(self, kelvin: float) -> None:
        self._live.getIntegrator().setTemperature(kelvin)
        if self._segment is not None and self._segment.ensemble == "NPT":
            barostat = (openmm.MonteCarloAnisotropicBarostat if self._segment.barostat == "anisotropic"
                        else openmm.MonteCarloBarostat)
            self._live.setParameter(barostat.Temperature(), kelvin)

    def _set_pressure(self, segment: Segment) -> None:
        if segment.ensemble == "NPT" and segment.barostat == "isotropic":
            self._live.setParameter(openmm.MonteCarloBarostat.Pressure(), segment.pressure_bar)
        elif segment.ensemble == "NPT":
            for axis in "XYZ":
                name = getattr(openmm.MonteCarloAnisotropicBarostat, f"Pressure{axis}")()
                self._live.setParameter(name, segment.pressure_bar)

    def _record(self) -> None:
        """Measure, check, and keep a row of ``state.csv``."""
        state = self._live.getState(getPositions=True, getEnergy=True)
        positions = _angstrom(state.getPositions(asNumpy=True))
        box = _angstrom(state.getPeriodicBoxVectors(asNumpy=True))
        energy = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)
        kinetic = state.getKineticEnergy().value_in_unit(unit.kilojoule_per_mole)
        if not (np.isfinite(energy) and np.isfinite(kinetic)):
            raise self._failure("the energy is not finite")
        if widths(box).min() <= 2.0 * self.model.cutoff_angstrom:
            raise self._failure("the cell has become too small for the cut-off")
        try:
            seen = self.observer.watch(positions, box)
        except SimulationError as error:
            raise self._failure(str(error)) from error
        index, _ = self.program.locate(max(0, self.step - 1))
        volume = float(np.linalg.det(box))
        density = self.model.framework.mass_amu / volume * AMU_PER_CUBIC_ANGSTROM_TO_G_CM3
        # Langevin dynamics without constraints conserves no momentum: every particle has three free degrees.
        temperature = 2.0 * kinetic * 1000.0 / (3 * len(positions) * GAS_CONSTANT)
        set_point = self.program.temperature_at(self.step)
        self.info = {"segment": self.program.segments[index].name, "temperature_k": temperature,
                     "set_point_k": set_point, "density_g_cm3": density, "coordination": seen.coordination,
                     "min_zn_zn": seen.min_zn_zn}
        values = (set_point, temperature, density, energy, volume, seen.coordination, seen.min_zn_zn,
                  *box[np.tril_indices(3)])
        self._rows.append(f"{self.step},{self.step * self.program.timestep_fs / 1000.0:.4f},"
                          f"{self.info['segment'].replace(',', ' ')},"
                          + ",".join(f"{v:.6g}" if abs(v) < 1e4 else f"{v:.3f}" for v in values) + "\n")

    def _report(self, total: int) -> dict[str, Any]:
        self._write_rows()
        speed = self.ns_per_day
        left_ns = (total - self.step) * self.program.timestep_fs * 1e-6
        return self.info | {"ns_per_day": speed, "eta_s": left_ns / speed * 86400.0 if speed > 0 else None}

    def _write_rows(self) -> None:
        path = self.folder / STATE_TABLE
        with open(path, "a") as stream:
            if stream.tell() == 0:
                stream.write(",".join(COLUMNS) + "\n")
            stream.writelines(self._rows)
        self._rows.clear()

    def save(self) -> None:
        """Rows and frames first, the checkpoint that vouches for them last."""
        self._write_rows()
        write_part(self.folder / PARTS, self._frames, self._frame_steps, self.program.timestep_fs / 1000.0)
        self._frames.clear()
        state = self._live.getState(getPositions=True, getVelocities=True)
        write_checkpoint(self.folder, Checkpoint(
            self.digest, self.step, self.settings.seed, self.wall_s, openmm.__version__,
            openmm.XmlSerializer.serialize(state)))
        self._saved_at = time.monotonic()

    def _failure(self, why: str) -> SimulationError:
        index, _ = self.program.locate(self.step)
        return SimulationError(
            f"{self.model.framework.name}: the melt stopped at step {self.step} (segment "
            f"'{self.program.segments[index].name}', {self.program.temperature_at(self.step):.0f} K): {why}. "
            f"The last good checkpoint is kept in {self.folder}; use a shorter time step, a larger cell or a "
            "lower temperature.")


def _ensemble(segment: Segment) -> tuple[str, str]:
    return (segment.ensemble, segment.barostat if segment.ensemble == "NPT" else "")


def _barostat(segment: Segment, model: MeltModel, settings: MeltSettings, step: int) -> openmm.Force:
    """Rigid molecules are moved in the dissociable model; a bonded network is one molecule, so atoms are."""
    pressure, kelvin = segment.pressure_bar, segment.from_k
    if segment.barostat == "anisotropic":
        barostat = openmm.MonteCarloAnisotropicBarostat(openmm.Vec3(pressure, pressure, pressure), kelvin,
                                                        True, True, True, settings.barostat_interval)
    else:
        barostat = openmm.MonteCarloBarostat(pressure, kelvin, settings.barostat_interval)
    barostat.setScaleMoleculesAsRigid(model.forcefield.dissociable)
    barostat.setRandomNumberSeed(derive_seed(settings.seed, "barostat", step))
    return barostat


def _angstrom(quantity: Any) -> FloatArray:
    return np.array(quantity.value_in_unit(unit.angstrom), dtype=np.float64)


def _reason(message: str) -> str:
    """OpenMM's message in our words."""
    if "box size" in message:
        return "the cell has become too small for the cut-off"
    if "NaN" in message:
        return "the energy is not finite (atoms have collided)"
    return message.strip().splitlines()[0].rstrip(".")
