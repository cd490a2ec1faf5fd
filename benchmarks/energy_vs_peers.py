"""The energy of one same configuration by term: zifsim beside LAMMPS, RASPA3 and RASPA2.

    python benchmarks/energy_vs_peers.py [--gas CO2] [--raspa3 PYTHON] [--raspa2 PYTHON] [--lammps PYTHON]

Molecules of a short run at 1 bar in the yardstick's ZIF-8 2×2×2, summed again by each code. zifsim stands here with its
direct path and converged Ewald sums (the figures of ``zifsim energy``), and with the grid and the Ewald split that it
samples with. What differences to expect: Coulomb and Boltzmann constants of the codes differ by 1e-6; RASPA2 and RASPA3
run here at their usual Ewald precision of 1e-6 (1 K in the total); LAMMPS takes erfc from a polynomial with errors of
1e-7, which an exclusion term of 18 308 K per CO2 turns into 0.1 K.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from gcmc_vs_peers import CASES, SETTINGS, one_bar
from yardstick import PEERS, has_peer, job_of, machine, molecules_for, row, run_peer, sites_of, table, yardstick

from zifsim.gcmc.energy import configuration_energy
from zifsim.gcmc.system import make_system
from zifsim.io.guests import load_guest

TERMS = ("host_guest_lj_k", "host_guest_coulomb_k", "guest_guest_lj_k", "guest_guest_coulomb_k")
FILLING_MOVES = 40_000
EXACT_TOLERANCE = 1e-10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gas", default="CO2", choices=[name for name, (_, _, shared) in CASES.items() if shared])
    for peer in PEERS:
        parser.add_argument(f"--{peer.lower()}", metavar="PYTHON", default="", help=f"interpreter that has {peer}")
    arguments = vars(parser.parse_args())
    model, temperature_k, _ = CASES[arguments["gas"]]
    framework, forcefield = yardstick()
    guest = load_guest(model)
    brief = replace(SETTINGS, min_moves=FILLING_MOVES, max_moves=FILLING_MOVES)
    walker = one_bar(make_system(framework, guest, forcefield, temperature_k, brief), 1)[1]
    sites = sites_of(framework, walker)

    exactly = replace(SETTINGS, host_path="direct", ewald_tolerance=EXACT_TOLERANCE)
    found = {name: configuration_energy(framework, guest, forcefield, temperature_k, sites, settings).to_dict()
             for name, settings in (("zifsim", exactly), ("zifsim as it samples", SETTINGS))}
    job = job_of(framework, guest, forcefield, temperature_k, task="energy", molecules=molecules_for(guest, sites))
    for peer in PEERS:
        python = arguments[peer.lower()]
        if python and has_peer(peer, python):
            found[peer] = run_peer(peer, python, job)
    print(f"{machine()}\n\n{len(sites)} {model} in ZIF-8 2×2×2; K; in brackets the difference from zifsim.\n")
    table(["term", *found])
    exact = found["zifsim"]
    for term in TERMS:
        row([term.removesuffix("_k").replace("_", " "), f"{exact[term]:.4f}",
             *(f"{other[term]:.4f} ({other[term] - exact[term]:+.4f})" for name, other in found.items()
               if name != "zifsim")])
    totals = {name: sum(terms[t] for t in TERMS) for name, terms in found.items()}
    row(["total per molecule", *(f"{total / len(sites):.4f}" for total in totals.values())])


if __name__ == "__main__":
    main()
