"""How far windows give way to the molecule that passes them: a check of the barriers of `zifsim access`.

    python benchmarks/relaxed_windows.py STRUCTURE ACCESS_FOLDER GAS@K [--axis b]

Averages over snapshots of the empty framework see a window open by chance. Here the molecule pushes it open: it goes
along the easiest path through the averaged landscape of the folder (`zifsim access --snapshots`), and at every place
the energy of framework and molecule together is minimised, with the molecule held in the plane across the path. Highest
less lowest energy is the barrier at rest of a framework that gives way: the limit of the free-energy barrier in a cold
classical crystal, but for entropy. A molecule of several sites is begun along x, y and z, and the lowest counts.
Energies are good to 1 or 2 kJ/mol: the minimiser ends in neighbouring minima of the framework. Lennard-Jones and damped
Coulomb end at half the cell. With heat and entropy: `zifsim access --umbrella-ps`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import openmm
from openmm import unit

from zifsim.access.flexible import average_snapshots
from zifsim.access.guest_system import Restraint, guest_system, turned
from zifsim.access.kinetics import Kinetics
from zifsim.access.path import GuestPath, easiest_path
from zifsim.access.snapshots import read_snapshots
from zifsim.cli.access import parse_guests
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, ZifsimError
from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
from zifsim.io.files import read_json
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.platform import choose_platform
from zifsim.melt.relax import settle
from zifsim.melt.system import NM
from zifsim.model.forcefield import AdsorptionForceField, MeltForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel

STIFF = 2e5         # kJ/mol/nm²
# The guest's centre in a plane across the path, that moves with the framework's.
PLANE = Restraint("0.5*hold*(nx*(x1-x2)+ny*(y1-y2)+nz*(z1-z2)-at)^2", ("hold", "nx", "ny", "nz", "at"))


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


class Way(NamedTuple):
    """The best path of a gas through the averaged landscape of an access folder; ``barrier``: its lowest of all."""

    framework: Framework
    guest: GuestModel
    temperature_k: float
    forcefield: AdsorptionForceField
    dynamics: MeltForceField
    path: GuestPath
    barrier: float


def way_of(structure, folder, gas, axis):
    """The :class:`Way` of GAS@K along an axis (a, b or c)."""
    (guest, temperature_k), = parse_guests(gas, 273.0)
    access = read_json(folder / "access.json")
    framework = load_framework(structure)
    forcefield = load_adsorption_forcefield(access["settings"]["forcefield"])
    averaged = [(r["snapshot_temperature_k"], *parse_guests(f"{r['guest_model']}@{r['temperature_k']}", 273.0))
                for r in access["results"] if r["n_snapshots"] and not r["umbrella"]]
    at_k = {(model.name, t): at_k for at_k, (model, t) in averaged}
    if (guest.name, temperature_k) not in at_k:
        raise InputError(f"{folder} has no average over snapshots for {guest.name} at {temperature_k:g} K; it has "
                         f"{', '.join(f'{m} {t:g} K' for m, t in at_k) or 'none'}.")
    made_at = at_k[guest.name, temperature_k]
    guests = [one for at_k, one in averaged if at_k == made_at]         # as in the run, so that its average is found
    if any(model.has_charges for _, (model, _) in averaged):
        framework = assign_charges(framework, load_charge_set(access["settings"]["charges"]))
    frames = read_snapshots(folder / f"snapshots-{made_at:g}K" if made_at is not None
                            else Path(read_json(folder / "config.json")["snapshots_from"]), framework)
    settings = GCMCSettings(**access["settings"]["gcmc"])
    averages = average_snapshots(frames, guests, forcefield, settings, folder=folder / "average")
    averaged_for = [(m.name, t) for m, t in guests]
    kinetics = Kinetics.of(averages[averaged_for.index((guest.name, temperature_k))].grid(), guest)
    along = "abc".index(axis)
    path = easiest_path(kinetics.grid, kinetics.start, along, float(kinetics.flooding.axis_levels[along]))
    dynamics = load_melt_forcefield(access["settings"]["dynamics"] or "ZIF-FF")
    return Way(framework, guest, temperature_k, forcefield, dynamics, path, kinetics.barrier)


def follow(structure, folder, gas, axis):
    """Take the gas along its easiest path and print the energies along it, relaxed and averaged."""
    way = way_of(structure, folder, gas, axis)
    guest, averaged = way.guest, way.path.levels
    inside = guest_system(way.framework, guest, way.temperature_k, way.forcefield, way.dynamics, PLANE)
    context = inside.context(openmm.VerletIntegrator(0.001), choose_platform("CPU", cpu_threads=1))
    alone = inside.model.positions
    path = inside.model.box.to_box_frame(way.path.places)
    tangent = np.gradient(path, axis=0)
    tangent = np.array([tangent[max(0, i - 2):i + 3].mean(axis=0) for i in range(len(path))])
    tangent /= np.linalg.norm(tangent, axis=1)[:, None]
    axes = np.eye(3)
    rows = []
    masses = inside.masses[:len(alone)]
    centroid = masses @ alone / masses.sum()
    for place, along, level in zip(path[::2], tangent[::2], averaged[::2], strict=True):
        best = None
        for direction in axes if len(guest.sites) > 1 else axes[:1]:
            body = place + turned(guest.site_positions, direction)
            context.setPositions(np.concatenate([alone, body]) * NM)
            for name, value in zip(("nx", "ny", "nz"), along, strict=True):
                context.setParameter(name, float(value))
            context.setParameter("at", float(along @ (place - centroid)) * NM)
            context.setParameter("hold", STIFF)
            settle(context)
            found = energy(context)
            best = found if best is None else min(best, found)
        rows.append(best)
        print(f"{len(rows):3d} {np.round(place, 2)} relaxed {best - rows[0]:8.2f} averaged {level - averaged[0]:8.2f}",
              flush=True)
    print(f"{guest.name}: relaxed barrier {max(rows) - min(rows):.2f} kJ/mol along a path with an averaged one of "
          f"{way.path.barrier:.2f}; lowest of all paths {way.barrier:.2f}")


if __name__ == "__main__":
    main()
