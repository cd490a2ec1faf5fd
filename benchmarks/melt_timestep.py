"""What a time step costs in accuracy: energy drift without a thermostat, mean temperature with one.

    python benchmarks/melt_timestep.py [--timesteps 0.5 1 1.5] [--temperatures 300 1500] [--ps 10]

ZIF-62, one cell, default force field, one thread, constant volume; about eight CPU minutes at the defaults. All steps
begin from the same configuration, held at its temperature for 4 ps before. Drift is the slope of the total energy under
plain Verlet; errors are one standard error over ten blocks.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ.setdefault("OPENMM_CPU_THREADS", "1")

import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import unit
from yardstick import machine, row, table

from zifsim.crystals.load import load_framework
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.platform import choose_platform
from zifsim.melt.relax import settle
from zifsim.melt.system import NM, MeltSystem, build_model
from zifsim.units import GAS_CONSTANT

FRICTION_PER_PS, SEED, BLOCKS = 5.0, 11, 10
START_PS, SETTLE_PS, SAMPLE_FS = 4.0, 0.5, 10.0
Series = NDArray[np.float64]


def open_context(model: MeltSystem, integrator: openmm.Integrator) -> openmm.Context:
    choice = choose_platform("CPU", cpu_threads=1)
    return openmm.Context(model.system, integrator, openmm.Platform.getPlatformByName(choice.name), choice.properties)


def langevin(kelvin: float, timestep_fs: float) -> openmm.Integrator:
    integrator = openmm.LangevinMiddleIntegrator(kelvin, FRICTION_PER_PS, timestep_fs * 1e-3)
    integrator.setRandomNumberSeed(SEED)
    return integrator


def start_of(model: MeltSystem, kelvin: float) -> openmm.State:
    """Positions and velocities after ``START_PS`` at a temperature."""
    integrator = langevin(kelvin, 0.5)
    context = open_context(model, integrator)
    context.setPositions(model.positions * NM)
    settle(context)
    context.setVelocitiesToTemperature(kelvin, SEED)
    integrator.step(round(START_PS * 2000))
    return context.getState(getPositions=True, getVelocities=True)


def sample(model: MeltSystem, integrator: openmm.Integrator, start: openmm.State, timestep_fs: float,
           duration_ps: float) -> tuple[Series, Series, float]:
    """Kinetic and potential energy, kJ/mol, every ``SAMPLE_FS``, and the processor time of a step, s."""
    context = open_context(model, integrator)
    context.setPositions(start.getPositions(asNumpy=True))
    context.setVelocities(start.getVelocities(asNumpy=True))
    integrator.step(round(SETTLE_PS * 1000 / timestep_fs))
    every = round(SAMPLE_FS / timestep_fs)
    rows, cpu_s = [], 0.0
    for _ in range(round(duration_ps * 1000 / SAMPLE_FS)):
        clock = time.process_time()
        integrator.step(every)
        cpu_s += time.process_time() - clock
        state = context.getState(getEnergy=True)
        rows.append([e.value_in_unit(unit.kilojoule_per_mole)
                     for e in (state.getKineticEnergy(), state.getPotentialEnergy())])
    kinetic, potential = np.array(rows).T
    return kinetic, potential, cpu_s / (len(rows) * every)


def blocks(series: Series) -> Series:
    return np.array([part.mean() for part in np.array_split(series, BLOCKS)])


def measure(model: MeltSystem, start: openmm.State, kelvin: float, timestep_fs: float, duration_ps: float) -> None:
    particles = len(model.positions)
    kinetic, potential, _ = sample(model, openmm.VerletIntegrator(timestep_fs * 1e-3), start, timestep_fs, duration_ps)
    total = kinetic + potential
    times_ns = (np.arange(BLOCKS) + 0.5) * duration_ps / BLOCKS / 1000.0
    (slope, _), covariance = np.polyfit(times_ns, blocks(total), 1, cov=True)
    kinetic, potential, step_s = sample(model, langevin(kelvin, timestep_fs), start, timestep_fs, duration_ps)
    temperature = blocks(kinetic) * 2000.0 / (3 * particles * GAS_CONSTANT)
    row([f"{kelvin:g}", f"{timestep_fs:g}", f"{slope / particles:.2f} ± {np.sqrt(covariance[0, 0]) / particles:.2f}",
         f"{total.std():.2f}", f"{temperature.mean():.1f} ± {temperature.std(ddof=1) / np.sqrt(BLOCKS):.1f}",
         f"{potential.mean():.0f} ± {blocks(potential).std(ddof=1) / np.sqrt(BLOCKS):.0f}",
         f"{timestep_fs * 1e-6 * 86400.0 / step_s:.0f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--structure", default="ZIF-62")
    parser.add_argument("--forcefield", default="nb-ZIF-FF-s")
    parser.add_argument("--timesteps", type=float, nargs="+", default=(0.5, 1.0, 1.5), metavar="FS")
    parser.add_argument("--temperatures", type=float, nargs="+", default=(300.0, 1500.0), metavar="K")
    parser.add_argument("--ps", type=float, default=10.0, help="length of every run")
    arguments = parser.parse_args()
    model = build_model(load_framework(arguments.structure), load_melt_forcefield(arguments.forcefield))
    print(f"{machine()}\n{model.framework.name}, {len(model.positions)} particles, {arguments.forcefield}, "
          f"OpenMM {openmm.__version__}, {arguments.ps:g} ps each\n")
    table(["K", "step, fs", "drift, kJ/mol per particle and ns", "r.m.s. fluctuation of the total, kJ/mol",
           "mean temperature, K", "mean potential energy, kJ/mol", "ns/day"])
    for kelvin in arguments.temperatures:
        start = start_of(model, kelvin)
        for timestep_fs in arguments.timesteps:
            try:
                measure(model, start, kelvin, timestep_fs, arguments.ps)
            except openmm.OpenMMException:          # coordinates are no longer numbers
                row([f"{kelvin:g}", f"{timestep_fs:g}", "flies apart", "", "", "", ""])


if __name__ == "__main__":
    main()
