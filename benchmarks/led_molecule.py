"""The free energy along a guest's path through a framework in thermal motion: the barrier of `zifsim access`, without
its rare events.

    python benchmarks/led_molecule.py STRUCTURE ACCESS_FOLDER GAS@K [--axis b] [--ps 20]

`zifsim access --snapshots` waits for windows that open by chance; at low temperature one snapshot in hundreds makes the
average. Here the molecule is in the window and holds it open: it is led along the easiest path through the averaged
landscape of the folder on a soft tether, with dynamics of framework and molecule together at the temperature of the
gas. The mean pull on the tether is the gradient of the free energy of the molecule on its tether; integrated from place
to place, and freed of the tether by the spread of the molecule around each (umbrella integration,
doi:10.1063/1.2052648), it gives F along the path. The path ends at the image of its begin, where F must be what it was:
by how much it is not (*closure*) is a check that needs no other method. ± is one standard error, of the pull by blocks
of time at each place, summed along the path.

The average's own F is printed beside it. Lennard-Jones and damped Coulomb end at half the cell.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import openmm
from openmm import unit
from relaxed_windows import NM, path_of, turned, with_guest

from zifsim.errors import ZifsimError
from zifsim.melt.relax import settle
from zifsim.units import KELVIN_TO_KJ_MOL

STIFFNESS = 50.0                    # of the tether, kJ/mol/Å²
HOLD = "0.5*hold*((x1-x2-ax)^2+(y1-y2-ay)^2+(z1-z2-az)^2)", ("hold", "ax", "ay", "az")
FRICTION, STEP_PS = 5.0, 0.001      # 1/ps; ps
EVERY, BLOCKS = 10, 10              # steps between readings of the tether; blocks of time for the error
EQUILIBRATION = 0.25                # of the time at a place, not counted


def pulls_at(context, places, steps, centre_now):
    """Readings (n, m, 3) kJ/mol/Å of the pull on the tether at places (n, 3) Å from the framework's centre; ``steps``
    are made at each. ``centre_now()`` gives the molecule's place, Å."""
    readings = []
    for number, place in enumerate(places):
        for name, value in zip(("ax", "ay", "az"), place, strict=True):
            context.setParameter(name, float(value) * NM)
        context.getIntegrator().step(round(EQUILIBRATION * steps))
        here = []
        for _ in range(round((1 - EQUILIBRATION) * steps) // EVERY):
            context.getIntegrator().step(EVERY)
            here.append(STIFFNESS * (place - centre_now()))
        readings.append(here)
        print(f"{number + 1:3d} of {len(places)} {np.round(place, 2)} pull {np.round(np.mean(here, axis=0), 1)} "
              "kJ/mol/Å", flush=True)
    return np.array(readings)


def free_energy(places, pulls, kt):
    """F (n,), kJ/mol, along places (n, 3) Å from the readings of the pull (n, m, 3), and its standard error (n,).

    The mean pull is the gradient of the tethered free energy F_k, which the trapezoidal rule integrates. Where F is a
    parabola over the molecule's spread S (covariance) around its mean place, d from the tether's end,
    F = F_k + k_BT/2·(ln det(S·k/k_BT) + d·S⁻¹·d).
    """
    blocks = np.stack([block.mean(axis=1) for block in np.array_split(pulls, BLOCKS, axis=1)], axis=1)
    means, errors = blocks.mean(axis=1), blocks.std(axis=1, ddof=1) / np.sqrt(BLOCKS)
    freed = []
    for here in pulls:
        d, spread = here.mean(axis=0) / STIFFNESS, np.cov(here.T) / STIFFNESS**2
        freed.append(0.5 * kt * (np.linalg.slogdet(spread * STIFFNESS / kt)[1] + d @ np.linalg.solve(spread, d)))
    tethered, error = integrated(places, means, errors)
    return tethered + freed - freed[0], error


def integrated(places, forces, errors):
    """F (n,) along places (n, 3) from gradients (n, 3) by the trapezoidal rule, 0 at the first, and the standard error
    of its rise from place to place, summed up to each (n,)."""
    steps = np.diff(places, axis=0)
    rise = 0.5 * np.einsum("ni,ni->n", steps, forces[1:] + forces[:-1])
    weights = np.zeros_like(places)
    variances = [0.0]
    for n, step in enumerate(steps):
        weights[n] += 0.5 * step
        weights[n + 1] += 0.5 * step
        variances.append(float(np.sum((weights[:n + 2] * errors[:n + 2]) ** 2)))
    return np.concatenate([[0.0], np.cumsum(rise)]), np.sqrt(variances)


def lead(structure, folder, gas, axis, ps):
    """Lead the gas along its path and print its free energy, by the mean force and by the average over snapshots."""
    led = path_of(structure, folder, gas, axis)
    integrator = openmm.LangevinMiddleIntegrator(led.temperature_k, FRICTION, STEP_PS)
    integrator.setRandomNumberSeed(1)
    context, model = with_guest(led.framework, led.guest, led.temperature_k, led.forcefield, led.dynamics, HOLD,
                                integrator)
    keep = np.unique([*range(0, len(led.places), 2), len(led.places) - 1])
    path, averaged = model.box.to_box_frame(led.places)[keep], led.averaged[keep]
    n = len(model.positions)
    masses = np.array([context.getSystem().getParticleMass(i).value_in_unit(unit.amu)
                       for i in range(context.getSystem().getNumParticles())])
    centre = masses[:n] @ model.positions / masses[:n].sum()

    def place_now():
        at = context.getState(getPositions=True).getPositions(asNumpy=True).value_in_unit(unit.angstrom)
        return masses[n:] @ at[n:] / masses[n:].sum() - masses[:n] @ at[:n] / masses[:n].sum()

    body = path[0] + led.guest.site_positions @ turned(led.guest.site_positions, np.array([1.0, 0.0, 0.0]))
    context.setPositions(np.concatenate([model.positions, body]) * NM)
    context.setParameter("hold", STIFFNESS / NM**2)
    for name, value in zip(("ax", "ay", "az"), path[0] - centre, strict=True):
        context.setParameter(name, float(value) * NM)
    settle(context)
    context.setVelocitiesToTemperature(led.temperature_k, 1)
    steps = round(ps / STEP_PS)
    integrator.step(steps)              # the framework warms up
    level, error = free_energy(path - centre, pulls_at(context, path - centre, steps, place_now),
                               led.temperature_k * KELVIN_TO_KJ_MOL)
    for place, f, e, other in zip(path, level, error, averaged - averaged[0], strict=True):
        print(f"{np.round(place, 2)} led {f:7.2f} ± {e:.2f}  averaged {other:7.2f}")
    top, bottom = int(np.argmax(level)), int(np.argmin(level))
    print(f"{led.guest.name} {led.temperature_k:g} K: barrier {level[top] - level[bottom]:.1f} kJ/mol led, "
          f"{averaged.max() - averaged.min():.1f} averaged along this path, {led.barrier:.1f} averaged on the best; "
          f"closure {level[-1]:.1f} ± {error[-1]:.1f}; {ps:g} ps at each of {len(path)} places")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("structure", help="as given to `zifsim access`")
    parser.add_argument("folder", type=Path, help="its --out")
    parser.add_argument("gas", metavar="GAS@K", help="one of its gases")
    parser.add_argument("--axis", choices=tuple("abc"), default="b", help="along which the path leads on")
    parser.add_argument("--ps", type=float, default=20.0, help="time at each place, ps")
    options = parser.parse_args()
    try:
        lead(options.structure, options.folder, options.gas, options.axis, options.ps)
    except ZifsimError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
