"""N2 at 77 K, the hard case: processor seconds until a run from an empty and a run from a full cell meet.

    python benchmarks/n2_77k.py [--structures ZIF-8,ZIF-62] [--pressures 0.01,1] [--images all] [--seconds 120]

Two walkers of one system, one in an empty cell, one in a cell filled to the brim (branches.full_walker), take turns,
the one that has had less time next. They have met as soon as both series have settled, both errors are below 3 % and
the loadings agree within two standard errors of their difference. The time counts all moves of both walkers, the
filling included; grids and compiling are not counted. PP, ZIF-FF charges, defaults of ``zifsim gcmc``; 1 bar lies
above the saturation pressure of 0.97 bar, so its fugacity is that of the metastable vapour.
"""

from __future__ import annotations

import argparse
import math
import time

from yardstick import machine, row, table

from zifsim.crystals.load import load_framework
from zifsim.gcmc.branches import full_walker
from zifsim.gcmc.eos import PengRobinson
from zifsim.gcmc.sampling import BLOCK_MOVES, advance, new_run
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.statistics import SeriesSummary
from zifsim.gcmc.system import AdsorptionSystem, make_system
from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
from zifsim.io.guests import load_guest

TEMPERATURE_K = 77.0
FORCEFIELD, CHARGES = "PP", "ZIF-FF"
BAR_PA = 1e5
GROWTH = 1.15         # of the processor time between two looks
LARGEST_ERROR = 0.03
SIGMAS = 2.0


def met(empty: SeriesSummary, full: SeriesSummary) -> bool:
    """True if both settled on the same loading, and know it well enough for that to mean something."""
    for series in (empty, full):
        if not series.equilibrated or series.standard_error > LARGEST_ERROR * series.mean:
            return False
    return abs(empty.mean - full.mean) <= SIGMAS * math.hypot(empty.standard_error, full.standard_error)


def race(system: AdsorptionSystem, fugacity_pa: float, seconds: float) -> tuple[list[SeriesSummary], list[float], bool]:
    """Loadings and processor seconds, from empty and from full; whether they met."""
    spent, judged = [0.0, 0.0], 0.0
    clock = time.process_time()
    runs = [new_run(system, 1), new_run(system, 2, full_walker(system, 1))]
    spent[1] = time.process_time() - clock
    while True:
        slower = int(spent[1] < spent[0])      # whichever has had less time
        clock = time.process_time()
        advance(system, runs[slower], (fugacity_pa,), BLOCK_MOVES)
        spent[slower] += time.process_time() - clock
        if sum(spent) > GROWTH * judged and min(run.moves - run.adapted_at for run in runs) > 0:
            judged = sum(spent)
            series = [run.summaries()[0] for run in runs]
            if met(*series) or judged > seconds:
                return series, spent, met(*series)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--structures", default="ZIF-8,ZIF-62", help="names or files; of ZIF-62, configuration A")
    parser.add_argument("--pressures", default="0.01,1", help="bar")
    parser.add_argument("--images", default="all", help="of a guest: nearest (2×2×2 cells) or all (one)")
    parser.add_argument("--seconds", type=float, default=120.0, help="processor time for a case, both walkers")
    arguments = parser.parse_args()
    guest, forcefield = load_guest("N2"), load_adsorption_forcefield(FORCEFIELD)
    print(f"{machine()}\n")
    table(["N2 77 K in", "bar", "⟨N⟩ from empty", "⟨N⟩ from full", "CPU s from empty", "CPU s from full", "met"])
    for structure in arguments.structures.split(","):
        framework = assign_charges(load_framework(structure), load_charge_set(CHARGES))
        system = make_system(framework, guest, forcefield, TEMPERATURE_K,
                             GCMCSettings(widom_insertions=0, guest_images=arguments.images))
        advance(system, new_run(system, 1), (BAR_PA,), 1000)        # compiles
        for bar in map(float, arguments.pressures.split(",")):
            fugacity = PengRobinson(guest).fugacity_pa(TEMPERATURE_K, bar * BAR_PA)
            series, spent, together = race(system, fugacity, arguments.seconds)
            row([framework.name, f"{bar:g}", *(f"{x.mean:.1f} ± {x.standard_error:.1f}" for x in series),
                 *(f"{s:.0f}" for s in spent), "yes" if together else f"not in {sum(spent):.0f} s"])


if __name__ == "__main__":
    main()
