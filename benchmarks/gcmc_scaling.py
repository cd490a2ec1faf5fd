"""How the cost of a move grows, what a second thread brings, and what biased insertion brings in a glass.

    python benchmarks/gcmc_scaling.py [--parts guests,size,threads,bias] [--sizes 1,2,3,4] [--glass GLASS.extxyz]

guests   CO2 in ZIF-8 at 0.1 to 10 bar: microseconds per move against the number of guests.
size     ZIF-8 given as 1×1×1 to 4×4×4 framework: at 1 bar the guests grow with the cell; at 1 bar/n³ they stay as many,
         so that what is left is the size of the framework. (Up to 2×2×2 the engine's own cell is 2×2×2, as the cut-off
         of 12 Å asks.) The grid of the whole given cell is built, coarsely, and timed apart.
threads  wall time of an isotherm of eight pressures, one thread against two, grids included.
bias     every gas in a glass: processor seconds to 1 % with biased trials against plain insertion.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from gcmc_vs_peers import SETTINGS
from yardstick import Cost, cost_of_point, machine, rounded, row, table, timed_point, without_grid_cache, yardstick

from zifsim.crystals.load import load_framework
from zifsim.gcmc import sampling
from zifsim.gcmc.engine import run_isotherm
from zifsim.gcmc.eos import PengRobinson
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import AdsorptionSystem, make_system
from zifsim.gcmc.walker import Walker
from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
from zifsim.io.guests import load_guest
from zifsim.model.framework import Framework

BAR_PA = 1e5
GAS, TEMPERATURE_K = "CO2-TraPPE", 273.0
FILLING_MOVES, TIMED_MOVES = 60_000, 40_000
PRESSURES_BAR = (0.1, 0.3, 1.0, 3.0, 10.0)
COARSE_GRID_ANGSTROM = 0.5        # 4×4×4 cells of 17 Å would take gigabytes and minutes at 0.2 Å
ISOTHERM_BAR = np.linspace(0.125, 1.0, 8)
ISOTHERM_MOVES = 300_000
GLASS_GASES = {"CO2": 273.0, "CH4": 273.0, "O2": 273.0, "H2": 77.0, "N2": 77.0}
GLASS_FORCEFIELD, GLASS_CHARGES = "PP", "ZIF-FF"
ROOT = Path(__file__).resolve().parents[1]


def exactly(settings: GCMCSettings, moves: int) -> GCMCSettings:
    """The same settings for a run of just so many moves."""
    return replace(settings, min_moves=moves, max_moves=moves)


def per_move(system: AdsorptionSystem, pressure_pa: float, start: Walker | None = None) -> tuple[float, float, Walker]:
    """Mean number of guests and processor microseconds per move of a filled cell; fugacity = pressure."""
    settings = system.settings
    filling = replace(system, settings=exactly(settings, FILLING_MOVES))
    filled = timed_point(filling, pressure_pa, pressure_pa, 1, start)[1]
    timed = replace(system, settings=exactly(settings, TIMED_MOVES))
    point, walker, cpu = timed_point(timed, pressure_pa, pressure_pa, 2, filled)
    return point.molecules_per_cell, cpu / TIMED_MOVES * 1e6, walker


def cost_against_guests() -> None:
    framework, forcefield = yardstick()
    system = make_system(framework, load_guest(GAS), forcefield, TEMPERATURE_K, SETTINGS)
    table(["CO2 273 K in ZIF-8 2×2×2, bar", "⟨N⟩", "µs per move", "µs per move and guest"])
    walker = None
    for pressure in PRESSURES_BAR:
        n, microseconds, walker = per_move(system, pressure * BAR_PA, walker)
        row([f"{pressure:g}", f"{n:.1f}", f"{microseconds:.1f}", f"{microseconds / n:.2f}"])


def cost_against_size(sizes: list[int]) -> None:
    without_grid_cache()
    unit, forcefield = yardstick()
    guest = load_guest(GAS)
    settings = replace(SETTINGS, grid_spacing_angstrom=COARSE_GRID_ANGSTROM)
    table(["framework", "atoms", "engine's cell", "⟨N⟩ at 1 bar", "µs per move", "⟨N⟩ at few mbar", "µs per move",
           f"grids at {COARSE_GRID_ANGSTROM} Å, CPU s"])
    for n in sizes:
        framework = unit.supercell((n, n, n))
        clock = time.process_time()
        system = make_system(framework, guest, forcefield, TEMPERATURE_K, settings)
        grids = time.process_time() - clock
        cell = "×".join(str(n * r) for r in system.repeats)
        cells = float(np.prod([n * r for r in system.repeats]))
        full, full_us, _ = per_move(system, BAR_PA)
        few, few_us, _ = per_move(system, BAR_PA / cells)
        row([f"{n}×{n}×{n}", str(framework.n_atoms), cell, f"{full:.1f}", f"{full_us:.1f}", f"{few:.1f}",
             f"{few_us:.1f}", f"{grids:.1f}"])


def gain_of_threads() -> None:
    without_grid_cache()
    framework, forcefield = yardstick()
    guest = load_guest(GAS)
    settings = exactly(SETTINGS, ISOTHERM_MOVES)
    run_isotherm(framework, guest, forcefield, TEMPERATURE_K, [BAR_PA], exactly(SETTINGS, 5000))
    table(["isotherm of 8 pressures, CO2 273 K in ZIF-8", "wall s", "speed-up"])
    alone = 0.0
    for threads in range(1, min(2, os.cpu_count() or 1) + 1):
        clock = time.monotonic()
        run_isotherm(framework, guest, forcefield, TEMPERATURE_K, list(ISOTHERM_BAR * BAR_PA), settings,
                     threads=threads)
        wall = time.monotonic() - clock
        alone = alone or wall
        row([f"{threads} thread{'s' if threads > 1 else ''}", f"{wall:.1f}", f"{alone / wall:.2f}"])


def find_glass() -> Path | None:
    """The first glass of the quick study, if that has been run."""
    return min(ROOT.glob("results/*/melt/*/glass.extxyz"), default=None)


def gain_in_glass(framework: Framework, gas: str, temperature_k: float, seconds: float) -> tuple[Cost, Cost]:
    """Cost with biased trials and with plain ones, both from one settled configuration, ``seconds`` each at most."""
    guest, forcefield = load_guest(gas), load_adsorption_forcefield(GLASS_FORCEFIELD)
    settings = GCMCSettings(widom_insertions=0)
    fugacity = PengRobinson(guest).fugacity_pa(temperature_k, BAR_PA)
    kinds = {"biased": settings, "plain": replace(settings, n_trials=1, bias_exponent=0.0)}
    most_trials = sampling.MAX_TRIALS
    walker: Walker | None = None
    costs: list[Cost] = []
    for name, kind in kinds.items():
        # The engine adds trials where insertions fail; plain insertion is to stay plain.
        sampling.MAX_TRIALS = most_trials if name == "biased" else 1
        system = make_system(framework, guest, forcefield, temperature_k, kind)
        brief = replace(system, settings=exactly(kind, FILLING_MOVES))
        _, filled, cpu = timed_point(brief, BAR_PA, fugacity, 1, walker)
        walker = walker or filled
        most = max(FILLING_MOVES, int(seconds / cpu * FILLING_MOVES))
        bounded = replace(system, settings=replace(kind, min_moves=min(kind.min_moves, most), max_moves=most))
        point, _, cpu = timed_point(bounded, BAR_PA, fugacity, 3, walker)
        costs.append(cost_of_point(point, cpu, costs[0] if costs else None))
    sampling.MAX_TRIALS = most_trials
    return costs[0], costs[1]


def gain_of_bias(path: Path, gases: list[str], seconds: float) -> None:
    framework = assign_charges(load_framework(path), load_charge_set(GLASS_CHARGES))
    print(f"{framework.name}, {framework.density_g_cm3:.2f} g/cm³, {GLASS_FORCEFIELD} with charges {GLASS_CHARGES}, "
          "1 bar\n")
    table(["gas", "⟨N⟩ biased", "CPU s to 1 %", "⟨N⟩ plain", "CPU s to 1 %", "gain"])
    for gas in gases:
        temperature_k = GLASS_GASES[gas]
        biased, uniform = gain_in_glass(framework, gas, temperature_k, seconds)
        gain = rounded(uniform.seconds / biased.seconds) if biased.settled else "–"
        row([f"{gas} {temperature_k:g} K", biased.loading, biased.time, uniform.loading, uniform.time,
             f"{uniform.mark} {gain}".strip()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="guests,size,threads,bias")
    parser.add_argument("--sizes", default="1,2,3,4", help="cells along an edge, for the part size")
    parser.add_argument("--gases", default=",".join(GLASS_GASES), help="for the part bias")
    parser.add_argument("--glass", type=Path, default=find_glass(), help="extXYZ or CIF; default: the quick study's")
    parser.add_argument("--seconds", type=float, default=20.0, help="processor time of a run in the glass")
    arguments = parser.parse_args()
    print(machine())
    for part in arguments.parts.split(","):
        print()
        if part == "guests":
            cost_against_guests()
        elif part == "size":
            cost_against_size([int(n) for n in arguments.sizes.split(",")])
        elif part == "threads":
            gain_of_threads()
        elif part == "bias" and arguments.glass is not None:
            gain_of_bias(arguments.glass, arguments.gases.split(","), arguments.seconds)
        elif part == "bias":
            print("No glass: name one with --glass, or run the quick study (make run). Left out.")
        else:
            parser.error(f"--parts: '{part}' is none of guests, size, threads, bias")


if __name__ == "__main__":
    main()
