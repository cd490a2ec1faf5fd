"""Diffusion of a gas of single sites by molecular dynamics, beside the hopping rates of `zifsim access`.

    python benchmarks/guest_dynamics.py [--structure ZIF-8] [--gas H2-Buch-FH@298] [--molecules 200] [--ps 100]

The same host, potential and cut-off (half the cell) for both: molecules that do not feel each other move through the
rigid framework by OpenMM's Langevin dynamics with next to no friction (0.1 /ps), begun on nodes of the free-energy grid
drawn by their Boltzmann weight. D is the slope of the mean-square displacement between a quarter and half of the run;
± one standard error over ten groups of molecules. Transition-state theory knows no recrossing, so it is an upper
bound: close where the barrier is several k_BT, far off where there is none.
"""

from __future__ import annotations

import argparse

import numpy as np
import openmm
from yardstick import machine, row, table

from zifsim.access.filling import Experiment
from zifsim.access.guest_system import host_force
from zifsim.access.kinetics import Kinetics
from zifsim.access.landscape import FreeEnergyGrid, free_energy_grids
from zifsim.cli.access import parse_guests
from zifsim.crystals.load import load_framework
from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.adsorption import load_adsorption_forcefield
from zifsim.melt.box import Box
from zifsim.melt.system import NM
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel

FRICTION_PER_PS, TIMESTEP_PS, FRAME_PS, SETTLE_PS = 0.1, 0.002, 0.1, 2.0
GROUPS, SEED, REFINE = 10, 3, 2
ANGSTROM2_PER_PS_M2_S = 1e-8


def trajectories(framework: Framework, guest: GuestModel, grid: FreeEnergyGrid, forcefield: AdsorptionForceField,
                 cutoff: float, n: int, duration_ps: float) -> np.ndarray:
    """(frames, n, 3) Å, not wrapped, every ``FRAME_PS``."""
    box = Box.of(framework.cell)
    system = openmm.System()
    system.setDefaultPeriodicBoxVectors(*(box.vectors * NM))
    kinds, n_kinds, force = host_force(framework, guest, grid.temperature_k, forcefield, cutoff)
    for kind in kinds:
        system.addParticle(0.0)
        force.addParticle([kind, 0.0])
    for _ in range(n):
        system.addParticle(guest.molar_mass_g_mol)
        force.addParticle([n_kinds, 0.0])
    hosts = len(kinds)
    force.addInteractionGroup(set(range(hosts)), set(range(hosts, hosts + n)))
    system.addForce(force)
    integrator = openmm.LangevinMiddleIntegrator(grid.temperature_k, FRICTION_PER_PS, TIMESTEP_PS)
    integrator.setRandomNumberSeed(SEED)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("CPU"), {"Threads": "1"})
    weights = np.exp(-(grid.values.astype(float) - grid.values.min()) / grid.kt).ravel()
    nodes = np.random.default_rng(SEED).choice(weights.size, n, p=weights / weights.sum())
    places = np.array(np.unravel_index(nodes, grid.values.shape)).T / np.array(grid.values.shape) @ framework.cell
    context.setPositions(box.to_box_frame(np.concatenate([framework.positions, places])) * NM)
    context.setVelocitiesToTemperature(grid.temperature_k, SEED)
    integrator.step(round(SETTLE_PS / TIMESTEP_PS))
    frames = []
    for _ in range(round(duration_ps / FRAME_PS)):
        integrator.step(round(FRAME_PS / TIMESTEP_PS))
        frames.append(context.getState(getPositions=True).getPositions(asNumpy=True)._value[hosts:] / NM)
    return np.array(frames)


def diffusion(path: np.ndarray) -> tuple[float, float]:
    """D, m²/s, and its standard error, from positions (frames, n, 3) Å."""
    lags = np.unique(np.linspace(len(path) // 4, len(path) // 2, 20).astype(int))
    squared = np.array([((path[lag:] - path[:-lag]) ** 2).sum(axis=2).mean(axis=0) for lag in lags])      # (lags, n)
    groups = [np.polyfit(lags * FRAME_PS, part.mean(axis=1), 1)[0] / 6.0 * ANGSTROM2_PER_PS_M2_S
              for part in np.array_split(squared, GROUPS, axis=1)]
    return float(np.mean(groups)), float(np.std(groups, ddof=1) / np.sqrt(GROUPS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--structure", default="ZIF-8")
    parser.add_argument("--gas", default="H2-Buch-FH@298", metavar="MODEL@K,...", help="of one site, without charges")
    parser.add_argument("--molecules", type=int, default=200)
    parser.add_argument("--ps", type=float, default=100.0)
    parser.add_argument("--spacing", type=float, default=0.2, metavar="Å", help="of the grid, halved for the hopping")
    options = parser.parse_args()
    framework, forcefield = load_framework(options.structure), load_adsorption_forcefield("PP")
    cutoff = 0.499 * float(framework.cell_widths.min())
    settings = GCMCSettings(cutoff_angstrom=cutoff, grid_spacing_angstrom=options.spacing)
    print(f"{framework.name}, {options.molecules} molecules, {options.ps:g} ps; {machine()}\n")
    table(["gas", "K", "barrier, kJ/mol", "in k_BT", "D by dynamics, m²/s", "D by hopping, m²/s", "dynamics / hopping"])
    for guest, kelvin in parse_guests(options.gas, 298.0):
        if len(guest.sites) > 1 or guest.has_charges:
            parser.error(f"{guest.name} is more than one site without charge")
        (grid,) = free_energy_grids(framework, [(guest, kelvin)], forcefield, settings, refine=REFINE)
        kinetics = Kinetics.of(grid, guest)
        hopping = float(np.trace(kinetics.diffusion(Experiment()))) / 3.0
        mean, error = diffusion(trajectories(framework, guest, grid, forcefield, cutoff, options.molecules, options.ps))
        row([guest.name, f"{kelvin:g}", f"{kinetics.barrier:.1f}", f"{kinetics.barrier / grid.kt:.1f}",
             f"{mean:.2g} ± {error:.1g}", f"{hopping:.2g}", f"{mean / hopping:.2g} ± {error / hopping:.1g}"])


if __name__ == "__main__":
    main()
