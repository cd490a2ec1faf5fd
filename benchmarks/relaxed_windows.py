"""How far windows give way to the molecule that passes them: a check of the barriers of `zifsim access`.

    python benchmarks/relaxed_windows.py STRUCTURE ACCESS_FOLDER GAS@K [--axis b]

Averages over snapshots of the empty framework see a window open by chance. Here the molecule pushes it open: it is led
along the easiest path through the averaged landscape of the folder (`zifsim access --snapshots`), and at every place
the energy of framework and molecule together is minimised, with the molecule held in the plane across the path. Highest
less lowest energy is the barrier at rest of a framework that gives way: the limit of the free-energy barrier in a cold
classical crystal, but for entropy. A molecule of several sites is begun along x, y and z, and the lowest counts.
Energies are good to 1 or 2 kJ/mol: the minimiser ends in neighbouring minima of the framework. Lennard-Jones and damped
Coulomb end at half the cell.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import unit
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from zifsim.access.flexible import average_snapshots
from zifsim.access.kinetics import Kinetics
from zifsim.access.snapshots import read_snapshots
from zifsim.build.load import load_framework
from zifsim.cli.access import parse_guests
from zifsim.errors import InputError, ZifsimError
from zifsim.gcmc.host import framework_kinds, host_pairs
from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
from zifsim.io.files import read_json
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.relax import settle
from zifsim.melt.system import build_model
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.units import COULOMB_K_ANGSTROM, KELVIN_TO_KJ_MOL

NM = 0.1
ALPHA, RESTRAINT = 2.0, 2e5         # 1/nm; kJ/mol/nm²
# The guest's centre (1) and the framework's (2): held in a plane across the path.
PLANE = "0.5*hold*(nx*(x1-x2)+ny*(y1-y2)+nz*(z1-z2)-at)^2", ("hold", "nx", "ny", "nz", "at")
MOST_KT = 300.0                     # k_BT above the lowest node: shut


def easiest_path(grid, start, axis):
    """(n, 3) Å from the node ``start`` to its next image along ``axis``, of least Σ exp(F/k_BT), and F (n,), kJ/mol."""
    values = np.concatenate([grid.values] * 2, axis=axis)
    index = np.arange(values.size).reshape(values.shape)
    flat = np.exp(np.minimum((values.ravel().astype(float) - values.min()) / grid.kt, MOST_KT))
    rows, columns = [], []
    for along in range(3):
        for step in (1, -1):
            there = np.roll(index, -step, along)
            keep = np.ones(values.shape, dtype=bool)
            if along == axis:       # the doubled axis has ends
                keep = np.moveaxis(keep, along, 0)
                keep[-1 if step == 1 else 0] = False
                keep = np.moveaxis(keep, 0, along)
            rows.append(index[keep])
            columns.append(there[keep])
    rows, columns = np.concatenate(rows), np.concatenate(columns)
    graph = coo_array((flat[columns], (rows, columns)), shape=(values.size, values.size)).tocsr()
    first = np.array(np.unravel_index(start, grid.values.shape))
    last = first.copy()
    last[axis] += grid.values.shape[axis]
    begin, end = (int(np.ravel_multi_index(p, values.shape)) for p in (first, last))
    previous = dijkstra(graph, indices=begin, return_predecessors=True)[1]
    nodes = [end]
    while nodes[-1] != begin:
        nodes.append(int(previous[nodes[-1]]))
    nodes = np.array(nodes[::-1])
    places = np.array(np.unravel_index(nodes, values.shape)).T
    steps = np.diff(places, axis=0)
    shape = np.array(values.shape)
    steps -= np.round(steps / shape).astype(int) * shape        # over the cell's faces
    path = (first + np.concatenate([[[0, 0, 0]], np.cumsum(steps, axis=0)])) / grid.values.shape @ grid.cell
    return path, values.ravel()[nodes]


def host_force(framework, guest, temperature_k, forcefield, cutoff):
    """Kinds of the atoms (N,), how many there are, and OpenMM's force between them and the guest's sites; cutoff in Å.

    Particles have a charge and a type: an atom's kind, then the sites of the guest, then one that feels nothing.
    """
    kinds, epsilon, sigma = framework_kinds(framework, forcefield)
    table = host_pairs(epsilon, sigma, [guest], temperature_k, GCMCSettings(cutoff_angstrom=cutoff)).coefficients
    size = len(epsilon) + len(guest.sites) + 1
    force = openmm.CustomNonbondedForce(
        "c3(t1,t2)/r^6 + c4(t1,t2)/r^8 + c6(t1,t2)/r^12 + c7(t1,t2)/r^14 + k*q1*q2*(erfc(a*r)/r - erfc(a*rc)/rc)")
    for column, (name, power) in enumerate((("c3", 6), ("c4", 8), ("c6", 12), ("c7", 14))):
        full = np.zeros((size, size))
        full[len(epsilon):-1, :len(epsilon)] = table[:, :, column] * KELVIN_TO_KJ_MOL * NM**power
        full += full.T
        force.addTabulatedFunction(name, openmm.Discrete2DFunction(size, size, full.T.ravel().tolist()))
    for name, value in (("k", COULOMB_K_ANGSTROM * KELVIN_TO_KJ_MOL * NM), ("a", ALPHA), ("rc", cutoff * NM)):
        force.addGlobalParameter(name, value)
    force.addPerParticleParameter("t")
    force.addPerParticleParameter("q")
    force.setNonbondedMethod(openmm.CustomNonbondedForce.CutoffPeriodic)
    force.setCutoffDistance(cutoff * NM)
    return kinds, len(epsilon), force


def with_guest(framework, guest, temperature_k, forcefield, dynamics, restraint=PLANE, integrator=None):
    """OpenMM context of the framework and one rigid linear guest, its centre held by ``restraint``, and the model of
    the framework, whose particles come first."""
    model = build_model(framework, load_melt_forcefield(dynamics))
    system, n = model.system, model.system.getNumParticles()       # atoms, then dummy sites, which no guest feels
    cutoff = 0.499 * float(np.linalg.norm(model.box.vectors, axis=1).min())
    kinds, n_kinds, force = host_force(framework, guest, temperature_k, forcefield, cutoff)
    sites, m = guest.site_positions, len(guest.sites)
    charges = framework.charges if guest.has_charges else np.zeros(framework.n_atoms)
    for particle in range(n):
        force.addParticle([kinds[particle], charges[particle]] if particle < framework.n_atoms else [n_kinds + m, 0.0])
    ends = np.argsort(np.linalg.norm(sites, axis=1))[-2:] if m > 1 else [0]
    for site in range(m):
        system.addParticle(guest.molar_mass_g_mol / len(ends) if site in ends else 0.0)
        force.addParticle([n_kinds + site, guest.sites[site].charge_e])
    if m > 1:
        first, last = (int(n + e) for e in ends)
        span = sites[ends[1]] - sites[ends[0]]
        system.addConstraint(first, last, float(np.linalg.norm(span)) * NM)
        for site in set(range(m)) - set(ends):
            part = float((sites[site] - sites[ends[0]]) @ span / (span @ span))
            system.setVirtualSite(n + site, openmm.TwoParticleAverageSite(first, last, 1.0 - part, part))
    force.addInteractionGroup(set(range(n)), set(range(n, n + m)))
    for other in system.getForces():
        if isinstance(other, openmm.NonbondedForce):
            for _ in range(m):
                other.addParticle(0.0, 0.1, 0.0)
            for a in range(m):
                for b in range(a):
                    other.addException(n + a, n + b, 0.0, 0.1, 0.0)
            for exception in range(other.getNumExceptions()):       # OpenMM wants the same pairs left out everywhere
                force.addExclusion(*other.getExceptionParameters(exception)[:2])
        elif isinstance(other, openmm.CustomNonbondedForce):
            for _ in range(m):
                other.addParticle([0.0] * other.getNumPerParticleParameters())
            for a in range(m):
                for b in range(a):
                    other.addExclusion(n + a, n + b)
    system.addForce(force)
    expression, parameters = restraint
    hold = openmm.CustomCentroidBondForce(2, expression)
    hold.addGroup([n + int(e) for e in ends])
    hold.addGroup(list(range(n)))
    hold.addBond([0, 1])
    for name in parameters:
        hold.addGlobalParameter(name, 0.0)
    system.addForce(hold)
    context = openmm.Context(system, integrator or openmm.VerletIntegrator(0.001),
                             openmm.Platform.getPlatformByName("CPU"), {"Threads": "1"})
    return context, model


def energy(context):
    """Total energy without the restraint's, kJ/mol."""
    total = context.getState(getEnergy=True).getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)
    stiff = context.getParameter("hold")
    context.setParameter("hold", 0.0)
    free = context.getState(getEnergy=True).getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)
    context.setParameter("hold", stiff)
    assert total - free < 1.0, "the restraint gives way"
    return free


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("structure", help="as given to `zifsim access`")
    parser.add_argument("folder", type=Path, help="its --out")
    parser.add_argument("gas", metavar="GAS@K", help="one of its gases")
    parser.add_argument("--axis", choices=tuple("abc"), default="b", help="along which the path leads on")
    options = parser.parse_args()
    try:
        follow(options.structure, options.folder, options.gas, options.axis)
    except ZifsimError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


class GuestPath(NamedTuple):
    """The easiest path of a gas through the averaged landscape of an access folder: ``places`` (n, 3) Å, from the
    lowest node to its next image, and ``averaged`` (n,) free energies there, kJ/mol; ``barrier``: the lowest of all."""

    framework: Framework
    guest: GuestModel
    temperature_k: float
    forcefield: AdsorptionForceField
    dynamics: str
    places: NDArray[np.float64]
    averaged: NDArray[np.float64]
    barrier: float


def path_of(structure, folder, gas, axis):
    """The :class:`GuestPath` of GAS@K along an axis (a, b or c)."""
    (guest, temperature_k), = parse_guests(gas, 273.0)
    access = read_json(folder / "access.json")
    framework = load_framework(structure)
    forcefield = load_adsorption_forcefield(access["settings"]["forcefield"])
    guests = [g for r in access["results"] if r["n_snapshots"]
              for g in parse_guests(f"{r['guest_model']}@{r['temperature_k']}", 273.0)]
    made = access["settings"]["snapshots"]
    if any(model.has_charges for model, _ in guests):       # as `zifsim access` does, so that its average is found
        framework = assign_charges(framework, load_charge_set(access["settings"]["charges"]))
    frames = read_snapshots(folder / "snapshots" if made.isdigit() else Path(made), framework)
    settings = GCMCSettings(**access["settings"]["gcmc"])
    averages = average_snapshots(frames, guests, forcefield, settings, folder=folder / "average")
    averaged_for = [(m.name, t) for m, t in guests]
    if (guest.name, temperature_k) not in averaged_for:
        raise InputError(f"{folder} has no average over snapshots for {guest.name} at {temperature_k:g} K; it has "
                         f"{', '.join(f'{m} {t:g} K' for m, t in averaged_for) or 'none'}.")
    number = averaged_for.index((guest.name, temperature_k))
    grid = averages[number].grid()
    kinetics = Kinetics.of(grid, guest)
    flooding = kinetics.flooding
    first = np.flatnonzero(flooding.network_levels == flooding.network_levels.min())
    start = int(flooding.seeds[first[np.argmin(flooding.minima[first])]])      # of the network that percolates first
    return GuestPath(framework, guest, temperature_k, forcefield, access["settings"]["dynamics"],
                *easiest_path(grid, start, "abc".index(axis)), kinetics.barrier)


def follow(structure, folder, gas, axis):
    """Lead the gas along its easiest path and print the energies along it, relaxed and averaged."""
    led = path_of(structure, folder, gas, axis)
    guest, averaged = led.guest, led.averaged
    context, model = with_guest(led.framework, guest, led.temperature_k, led.forcefield, led.dynamics)
    alone = model.positions
    path = model.box.to_box_frame(led.places)
    tangent = np.gradient(path, axis=0)
    tangent = np.array([tangent[max(0, i - 2):i + 3].mean(axis=0) for i in range(len(path))])
    tangent /= np.linalg.norm(tangent, axis=1)[:, None]
    axes = np.eye(3)
    rows = []
    masses = np.array([context.getSystem().getParticleMass(i).value_in_unit(unit.amu) for i in range(len(alone))])
    centroid = masses @ alone / masses.sum()
    for place, along, level in zip(path[::2], tangent[::2], averaged[::2], strict=True):
        best = None
        for direction in axes if len(guest.sites) > 1 else axes[:1]:
            body = place + guest.site_positions @ turned(guest.site_positions, direction)
            context.setPositions(np.concatenate([alone, body]) * NM)
            for name, value in zip(("nx", "ny", "nz"), along, strict=True):
                context.setParameter(name, float(value))
            context.setParameter("at", float(along @ (place - centroid)) * NM)
            context.setParameter("hold", RESTRAINT)
            settle(context)
            found = energy(context)
            best = found if best is None else min(best, found)
        rows.append(best)
        print(f"{len(rows):3d} {np.round(place, 2)} relaxed {best - rows[0]:8.2f} averaged {level - averaged[0]:8.2f}",
              flush=True)
    print(f"{guest.name}: relaxed barrier {max(rows) - min(rows):.2f} kJ/mol along a path with an averaged one of "
          f"{averaged.max() - averaged.min():.2f}; lowest of all paths {led.barrier:.2f}")


def turned(sites, direction):
    """(3, 3) rotation that lays the molecule's axis along ``direction`` (row vectors)."""
    extent = sites[np.argmax(np.linalg.norm(sites, axis=1))]
    if not np.linalg.norm(extent) > 0.0:
        return np.eye(3)
    a, b = extent / np.linalg.norm(extent), np.asarray(direction)
    if abs(a @ b) > 0.999:
        return np.eye(3)
    v, c = np.cross(a, b), a @ b
    k = np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])
    return (np.eye(3) + k + k @ k / (1.0 + c)).T


if __name__ == "__main__":
    main()
