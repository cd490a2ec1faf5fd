"""N2 at 77 K, the hard case: processor seconds until a run from an empty and a run from a full cell meet.

    python benchmarks/n2_77k.py [--structures ZIF-8,ZIF-62] [--pressures 0.01,1] [--seconds 120]

Two walkers of one system, one in an empty cell, one in a cell filled to the brim (branches.full_walker), take turns in
rounds that double in length. They have met in the first round in which both series have settled, both errors are below
3 % and the loadings agree within two standard errors of their difference. The time counts all moves of both walkers,
the filling included; grids and compiling are not counted. PP, ZIF-FF charges, defaults of ``zifsim gcmc``; 1 bar lies
above the saturation pressure of 0.97 bar, so its fugacity is that of the metastable vapour.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import replace

from yardstick import machine, row, table, timed_point

from zifsim.build.load import load_framework
from zifsim.gcmc.branches import full_walker
from zifsim.gcmc.eos import PengRobinson
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import AdsorptionSystem, make_system
from zifsim.gcmc.walker import Walker
from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
from zifsim.io.guests import load_guest
from zifsim.model.uptake import LoadingPoint

TEMPERATURE_K = 77.0
FORCEFIELD, CHARGES = "PP", "ZIF-FF"
BAR_PA = 1e5
FIRST_ROUND = 50_000
LARGEST_ERROR = 0.03
SIGMAS = 2.0


def of_length(system: AdsorptionSystem, moves: int) -> AdsorptionSystem:
    """The same system for runs of just so many moves."""
    return replace(system, settings=replace(system.settings, min_moves=moves, max_moves=moves))


def met(empty: LoadingPoint, full: LoadingPoint) -> bool:
    """True if both settled on the same loading, and know it well enough for that to mean something."""
    for point in (empty, full):
        if not point.equilibrated or point.molecules_per_cell_error > LARGEST_ERROR * point.molecules_per_cell:
            return False
    apart = abs(empty.molecules_per_cell - full.molecules_per_cell)
    return apart <= SIGMAS * math.hypot(empty.molecules_per_cell_error, full.molecules_per_cell_error)


def race(system: AdsorptionSystem, pressure_pa: float, fugacity_pa: float,
         seconds: float) -> tuple[list[LoadingPoint], list[float], bool]:
    """Points of the last round and processor seconds, from empty and from full; whether they met."""
    clock = time.process_time()
    filled = full_walker(system, 1)
    filling = time.process_time() - clock
    walkers: list[Walker | None] = [None, filled]
    spent, moves, number = [0.0, filling], FIRST_ROUND, 0
    while True:
        points = []
        for i, walker in enumerate(walkers):
            number += 1
            point, walkers[i], cpu = timed_point(of_length(system, moves), pressure_pa, fugacity_pa, number, walker)
            points.append(point)
            spent[i] += cpu
        if met(*points):
            return points, spent, True
        # The next round takes about as long as all before it.
        if 2.0 * sum(spent) > seconds:
            return points, spent, False
        moves *= 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--structures", default="ZIF-8,ZIF-62", help="names or files; of ZIF-62, configuration A")
    parser.add_argument("--pressures", default="0.01,1", help="bar")
    parser.add_argument("--seconds", type=float, default=120.0, help="processor time for a case, both walkers")
    arguments = parser.parse_args()
    guest, forcefield = load_guest("N2"), load_adsorption_forcefield(FORCEFIELD)
    print(f"{machine()}\n")
    table(["N2 77 K in", "bar", "⟨N⟩ from empty", "⟨N⟩ from full", "CPU s from empty", "CPU s from full", "met"])
    for structure in arguments.structures.split(","):
        framework = assign_charges(load_framework(structure), load_charge_set(CHARGES))
        system = make_system(framework, guest, forcefield, TEMPERATURE_K, GCMCSettings(widom_insertions=0))
        timed_point(of_length(system, 1000), BAR_PA, BAR_PA, 1)
        for bar in map(float, arguments.pressures.split(",")):
            fugacity = PengRobinson(guest).fugacity_pa(TEMPERATURE_K, bar * BAR_PA)
            points, spent, together = race(system, bar * BAR_PA, fugacity, arguments.seconds)
            row([framework.name, f"{bar:g}",
                 *(f"{p.molecules_per_cell:.1f} ± {p.molecules_per_cell_error:.1f}" for p in points),
                 *(f"{s:.0f}" for s in spent), "yes" if together else f"not in {sum(spent):.0f} s"])


if __name__ == "__main__":
    main()
