"""Integrator, barostat and context of a stretch of a melt, made anew from a written state.

Every stretch between two checkpoints gets its own context, opened from the state that the checkpoint holds and
with random streams derived from (seed, step). A run that goes on and a run that was killed and continues take
the same road, so on a CPU both come to the same end, bit for bit.
"""

from __future__ import annotations

import copy

import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import unit

from zifsim.melt.platform import PlatformChoice
from zifsim.melt.relax import settle
from zifsim.melt.settings import MeltSettings
from zifsim.melt.system import NM, MeltSystem
from zifsim.model.schedule import Segment
from zifsim.rng import derive_seed

FloatArray = NDArray[np.float64]


def make_integrator(kelvin: float, friction_per_ps: float, timestep_fs: float, seed: int) -> openmm.Integrator:
    """The thermostatted integrator of all melts: Langevin, middle scheme (doi:10.1021/acs.jpca.9b02771)."""
    integrator = openmm.LangevinMiddleIntegrator(kelvin, friction_per_ps, timestep_fs * 1e-3)
    integrator.setRandomNumberSeed(seed)
    return integrator


def open_context(model: MeltSystem, segment: Segment, settings: MeltSettings, timestep_fs: float,
                 choice: PlatformChoice, state: openmm.State | None, step: int) -> openmm.Context:
    """A context that runs ``segment`` from ``state`` (None: the model's own positions, no velocities) at ``step``."""
    system = copy.deepcopy(model.system)
    if segment.ensemble == "NPT":
        system.addForce(_barostat(segment, model, settings, derive_seed(settings.seed, "barostat", step)))
    integrator = make_integrator(segment.from_k, settings.friction_per_ps, timestep_fs,
                                 derive_seed(settings.seed, "thermostat", step))
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName(choice.name), choice.properties)
    if state is None:
        context.setPositions(model.positions * NM)
    else:
        context.setPeriodicBoxVectors(*state.getPeriodicBoxVectors())
        context.setPositions(state.getPositions(asNumpy=True))
        context.setVelocities(state.getVelocities(asNumpy=True))
    return context


def settle_on(context: openmm.Context, choice: PlatformChoice) -> None:
    """Bring a context of the chosen platform to its energy minimum, on another platform where the choice says so."""
    if choice.minimiser is None:
        settle(context)
        return
    elsewhere = openmm.Context(context.getSystem(), openmm.VerletIntegrator(0.001),
                               openmm.Platform.getPlatformByName(choice.minimiser.name), choice.minimiser.properties)
    state = context.getState(getPositions=True, getParameters=True)
    elsewhere.setPeriodicBoxVectors(*state.getPeriodicBoxVectors())
    elsewhere.setPositions(state.getPositions(asNumpy=True))
    for name, value in state.getParameters().items():
        elsewhere.setParameter(name, value)
    settle(elsewhere)
    context.setPositions(elsewhere.getState(getPositions=True).getPositions(asNumpy=True))


def set_temperatures(context: openmm.Context, segment: Segment, bath_k: float, set_point_k: float) -> None:
    """The thermostat's bath at ``bath_k``; volume moves are judged at the set point itself."""
    context.getIntegrator().setTemperature(bath_k)
    if segment.ensemble == "NPT":
        barostat = (openmm.MonteCarloAnisotropicBarostat if segment.barostat == "anisotropic"
                    else openmm.MonteCarloBarostat)
        context.setParameter(barostat.Temperature(), set_point_k)


def degrees_of_freedom(system: openmm.System) -> int:
    """Of the kinetic energy: three per particle with a mass, less one per constraint.

    Langevin dynamics conserves no momentum, so the three of the centre of mass count.
    """
    masses = [float(system.getParticleMass(p).value_in_unit(unit.dalton)) for p in range(system.getNumParticles())]
    return 3 * sum(mass > 0.0 for mass in masses) - int(system.getNumConstraints())


def configuration(state: openmm.State) -> tuple[FloatArray, FloatArray]:
    """Positions (P, 3) and box (3, 3) of a state, Å, in OpenMM's frame."""
    positions = state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)
    box = state.getPeriodicBoxVectors(asNumpy=True).value_in_unit(unit.angstrom)
    return np.array(positions, dtype=np.float64), np.array(box, dtype=np.float64)


def _barostat(segment: Segment, model: MeltSystem, settings: MeltSettings, seed: int) -> openmm.Force:
    """Rigid molecules are moved in the dissociable model; a bonded network is one molecule, so atoms are."""
    pressure, kelvin = segment.pressure_bar, segment.from_k
    if segment.barostat == "anisotropic":
        barostat = openmm.MonteCarloAnisotropicBarostat(openmm.Vec3(pressure, pressure, pressure), kelvin,
                                                        True, True, True, settings.barostat_interval)
    else:
        barostat = openmm.MonteCarloBarostat(pressure, kelvin, settings.barostat_interval)
    barostat.setScaleMoleculesAsRigid(model.forcefield.dissociable)
    barostat.setRandomNumberSeed(seed)
    return barostat
