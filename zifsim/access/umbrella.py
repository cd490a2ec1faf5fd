"""Umbrella sampling of a guest along a path through the moving framework: no rare event to wait for.

An average over snapshots of the empty framework waits for windows that open by chance; at 77 K one snapshot in hundreds
makes all of it. Here a soft harmonic restraint (the umbrella) holds the molecule at place after place of the easiest
path through the averaged landscape, the window among them, which it keeps open, with dynamics of framework and molecule
together at the temperature of the gas. The mean force of the restraint is the gradient of the restrained molecule's
free energy, which the molecule's own spread at each place turns into that without restraint (umbrella integration,
Kästner & Thiel 2005, doi:10.1063/1.2052648). The path ends at an image of its start, where F must be what it was: how
far it is not (the closure) is a check, and part of the error. The field calls the places windows; in this room windows
are the framework's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import unit

from zifsim.access.guest_system import GuestSystem, Restraint, guest_system, turned
from zifsim.access.path import GuestPath
from zifsim.access.result import UmbrellaBarrier
from zifsim.errors import InputError
from zifsim.limits import DURATION
from zifsim.melt.context import settle_on
from zifsim.melt.platform import choose_platform
from zifsim.melt.system import NM
from zifsim.model.forcefield import AdsorptionForceField, MeltForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.rng import derive_seed
from zifsim.runs import stopping
from zifsim.runs.digest import digest
from zifsim.runs.progress import Event, Report, silent
from zifsim.runs.seal import kept, made_of, read_sealed_arrays, write_sealed_arrays
from zifsim.units import KELVIN_TO_KJ_MOL

FloatArray = NDArray[np.float64]
STIFFNESS = 50.0                    # of the restraint, kJ/mol/Å²: at 77 K the molecule is within 0.1 Å of its centre
BIAS = Restraint("0.5*hold*((x1-x2-ax)^2+(y1-y2-ay)^2+(z1-z2-az)^2)", ("hold", "ax", "ay", "az"))
SPACING = 0.5                       # Å between places, at most (but for the spacing of the path's own nodes)
FRICTION, STEP_PS = 5.0, 0.001      # 1/ps; ps
EVERY, BLOCKS = 10, 10              # steps between readings; blocks of time for the error
LEAST_PS = 1.0                      # at a place: with less the mean force is noise
SETTLING = 0.25                     # of the time at a place, on top of it, not counted
WARMING_PS = 10.0                   # before the first place
STREAM = "led"                      # of random numbers: the method's old name, kept so that numbers stay the same


@dataclass(frozen=True, slots=True)
class UmbrellaSettings:
    """``ps`` counted at each place; ``dynamics``: force field of the framework; ``platform``, ``threads``: OpenMM's."""

    ps: float
    dynamics: MeltForceField
    seed: int = 1
    platform: str = "auto"
    threads: int | None = 1

    def __post_init__(self) -> None:
        if not LEAST_PS <= self.ps <= DURATION.high:
            raise InputError(f"Umbrella sampling needs {LEAST_PS:g} to {DURATION.high:g} ps at each place, not "
                             f"{self.ps:g}.")


def umbrella_barrier(framework: Framework, guest: GuestModel, temperature_k: float, forcefield: AdsorptionForceField,
         path: GuestPath, axis: int, settings: UmbrellaSettings, *,
                     folder: Path | None = None, part: str = "umbrella sampling",
                     report: Report = silent) -> UmbrellaBarrier:
    """Sample one guest along ``path``, which runs one cell on along ``axis``, in the framework (charges assigned).

    ``folder``: finished places are kept there, and the same call continues with them, to the same numbers on one CPU
    thread. ``report`` is told of ``part``.

    Raises
    ------
    InputError: a guest that is neither a point nor linear, missing parameters or charges. RunInterrupted: asked to
    stop.
    """
    inside = guest_system(framework, guest, temperature_k, forcefield, settings.dynamics, BIAS)
    name = _digest(framework, guest, temperature_k, forcefield, path, settings)
    keep = _thinned(path)
    places, averaged = inside.model.box.to_box_frame(path.places[keep]), path.levels[keep]
    sampling = _Sampling(inside, guest, temperature_k, settings, report)
    forces = []
    for number, place in enumerate(places):
        stored = folder / f"{name}-{number:03d}.npz" if folder else None
        there = stored is not None and stored.exists()      # or damaged, which sampling tells
        forces.append(sampling.forces_at(place, number, stored))
        report(Event(part, (number + 1) / len(places), f"{number + 1} of {len(places)} places",
                     kind="resumed" if there else "progress"))
    level, blocks = free_energy(places, np.array(forces), temperature_k * KELVIN_TO_KJ_MOL)
    return _barrier(places, level, blocks, averaged - averaged[0], "abc"[axis], settings.ps)


def free_energy(places: FloatArray, forces: FloatArray, kt: float) -> tuple[FloatArray, FloatArray]:
    """F (n,), kJ/mol, along places (n, 3) Å from readings (n, m, 3) kJ/mol/Å of the restraint's force, and the same
    (BLOCKS, n) from every block of time by itself, restraint included.

    The mean force is the gradient of the restrained free energy, F_k, integrated by the trapezoidal rule. Where F is a
    parabola over the molecule's spread S (covariance) around its mean place, d from the restraint's centre,
    F = F_k + k_BT/2·(ln det(S·k/k_BT) + d·S⁻¹·d).
    """
    freed = np.empty(len(places))
    for n, here in enumerate(forces):
        d, spread = here.mean(axis=0) / STIFFNESS, np.cov(here.T) / STIFFNESS**2
        freed[n] = 0.5 * kt * (np.linalg.slogdet(spread * STIFFNESS / kt)[1] + d @ np.linalg.solve(spread, d))
    blocks = np.array([integrated(places, block.mean(axis=1)) for block in np.array_split(forces, BLOCKS, axis=1)])
    return integrated(places, forces.mean(axis=1)) + freed - freed[0], blocks


def integrated(places: FloatArray, gradients: FloatArray) -> FloatArray:
    """(n,) along places (n, 3) from gradients (n, 3), 0 at the first."""
    rises = 0.5 * np.einsum("ni,ni->n", np.diff(places, axis=0), gradients[1:] + gradients[:-1])
    return np.concatenate([[0.0], np.cumsum(rises)])


def _barrier(places: FloatArray, level: FloatArray, blocks: FloatArray, averaged: FloatArray, axis: str,
             ps: float) -> UmbrellaBarrier:
    """Highest above lowest, the closure spread over the path, with the error of that difference."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))])
    closure = float(level[-1])

    def closed(values: FloatArray) -> FloatArray:
        even: FloatArray = values - values[..., -1:] * along / along[-1]
        return even

    flat = closed(level)
    top, bottom = int(np.argmax(flat)), int(np.argmin(flat))
    differences = closed(blocks)[:, top] - closed(blocks)[:, bottom]
    error = float(np.hypot(differences.std(ddof=1) / np.sqrt(len(blocks)), 0.5 * closure))
    profile = tuple((float(a), float(f), float(o)) for a, f, o in zip(along, flat, averaged, strict=True))
    return UmbrellaBarrier(axis, float(flat[top] - flat[bottom]), error, float(averaged.max() - averaged.min()),
                           closure, len(places), ps, profile)


def _thinned(path: GuestPath) -> NDArray[np.int64]:
    """Indices of places some ``SPACING`` apart, the path's highest and both its ends among them."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path.places, axis=0), axis=1))])
    keep, top, last = [0], int(np.argmax(path.levels)), len(along) - 1
    for n in range(1, last + 1):
        if n in (top, last) or along[min(n + 1, last)] - along[keep[-1]] > SPACING + 1e-9:
            keep.append(n)
    return np.array(keep)


class _Sampling:
    """A context with the guest under its restraint, from place to place; each begins with a stream of its own from what
    the one before left, so that it does not matter where the run was stopped."""

    def __init__(self, inside: GuestSystem, guest: GuestModel, temperature_k: float,
                 settings: UmbrellaSettings, report: Report) -> None:
        self._guest, self._settings, self._temperature_k = guest, settings, temperature_k
        self._report = report
        self._model, self._masses = inside.model, inside.masses
        self._n = len(inside.model.positions)
        self._integrator = openmm.LangevinMiddleIntegrator(temperature_k, FRICTION, STEP_PS)
        self._choice = choose_platform(settings.platform, cpu_threads=settings.threads, report=report)
        self._context = inside.context(self._integrator, self._choice)
        masses = self._masses[:self._n]
        self._centre = masses @ inside.model.positions / masses.sum()
        self._state: tuple[FloatArray, FloatArray] | None = None

    def forces_at(self, place: FloatArray, number: int, stored: Path | None) -> FloatArray:
        """Readings (m, 3) kJ/mol/Å of the restraint's force at a place (3,) Å, made, or read where it is finished."""
        held = kept(stored, _stored, self._report) if stored else None
        if held is not None:
            self._state = held[1:]
            return held[0]
        self._begin(place, number)
        forces = []
        for _ in range(round(self._settings.ps / STEP_PS) // EVERY):
            stopping.check()
            self._integrator.step(EVERY)
            forces.append(STIFFNESS * (place - self._centre - self._away()))
        state = self._context.getState(getPositions=True, getVelocities=True)
        self._state = (state.getPositions(asNumpy=True).value_in_unit(unit.nanometer),
                       state.getVelocities(asNumpy=True).value_in_unit(unit.nanometer / unit.picosecond))
        if stored:
            write_sealed_arrays(stored, forces=np.array(forces), positions=self._state[0], velocities=self._state[1])
        return np.array(forces)

    def _begin(self, place: FloatArray, number: int) -> None:
        """Take up where the last place ended, or put the molecule into the framework, and let it settle at this one."""
        self._integrator.setRandomNumberSeed(derive_seed(self._settings.seed, STREAM, number))
        self._context.reinitialize()
        for name, value in zip(BIAS.parameters, (STIFFNESS / NM**2, *((place - self._centre) * NM)), strict=True):
            self._context.setParameter(name, float(value))
        settling = SETTLING * self._settings.ps
        if self._state is None:
            body = place + turned(self._guest.site_positions, np.array([1.0, 0.0, 0.0]))
            self._context.setPositions(np.concatenate([self._model.positions, body]) * NM)
            settle_on(self._context, self._choice)
            self._context.setVelocitiesToTemperature(self._temperature_k, derive_seed(self._settings.seed, STREAM))
            settling += WARMING_PS
        else:
            self._context.setPositions(self._state[0])
            self._context.setVelocities(self._state[1])
        self._integrator.step(round(settling / STEP_PS))

    def _away(self) -> FloatArray:
        """(3,) Å from the framework's centre to the guest's."""
        at = self._context.getState(getPositions=True).getPositions(asNumpy=True).value_in_unit(unit.angstrom)
        guest, framework = self._masses[self._n:], self._masses[:self._n]
        away: FloatArray = guest @ at[self._n:] / guest.sum() - framework @ at[:self._n] / framework.sum()
        return away


def _stored(path: Path) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Forces at a place, and the positions and velocities that it ended with."""
    held = read_sealed_arrays(path)
    return made_of(path, lambda: (held["forces"], held["positions"], held["velocities"]))


def _digest(framework: Framework, guest: GuestModel, temperature_k: float, forcefield: AdsorptionForceField,
            path: GuestPath, settings: UmbrellaSettings) -> str:
    """Name of what the readings of umbrella sampling are made from."""
    return digest([framework.content_hash(), guest, temperature_k, forcefield, path.places, settings.ps, settings.seed,
                   settings.dynamics, STIFFNESS, SPACING, FRICTION, STEP_PS, WARMING_PS, SETTLING, EVERY])[:16]
