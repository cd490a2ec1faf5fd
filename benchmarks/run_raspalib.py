"""One RASPA3 run through its wheel: a job as JSON on stdin, molecules per cycle and CPU seconds as JSON on stdout.

Needs nothing but ``raspalib``, so that it can live in an environment of its own. Called by gcmc_vs_peers.py.
"""

from __future__ import annotations

import json
import sys
import time

import raspalib as rl

CUTOFF = 12.0
ATOMIC_NUMBER = {"H": 1, "C": 6, "N": 7, "O": 8, "Zn": 30, "X": 1}


def main() -> None:
    job = json.load(sys.stdin)
    host = sorted(set(job["types"]))
    guest: list[list] = []
    for site in job["sites"]:
        if site[0] not in [g[0] for g in guest]:
            guest.append(site)
    names = [f"host_{t}" for t in host] + [f"guest_{g[0]}" for g in guest]
    atoms = [rl.PseudoAtom(name=f"host_{t}", framework_type=True, mass=1.0, charge=job["charges"].get(t,
             job["charges"].get(t[0], 0.0)), atomic_number=ATOMIC_NUMBER["Zn" if t == "Zn" else t[0]]) for t in host]
    atoms += [rl.PseudoAtom(name=f"guest_{g[0]}", framework_type=False, mass=g[2], charge=g[5],
                            atomic_number=ATOMIC_NUMBER[g[1]]) for g in guest]
    lj = [rl.VDWParameters(*job["lj"][t]) for t in host]
    lj += [rl.VDWParameters(g[3], g[4] if g[3] > 0 else 1.0) for g in guest]
    forcefield = rl.ForceField(
        pseudo_atoms=atoms, parameters=lj, mixing_rule=rl.ForceField.MixingRule.LORENTZ_BERTHELOT,
        cutoff_framework_vdw=CUTOFF, cutoff_molecule_vdw=CUTOFF, cutoff_coulomb=CUTOFF, shifted=True,
        tail_corrections=False, use_charge=True)
    framework = rl.Framework(
        forcefield, "host", rl.SimulationBox(*job["cell"]), 1,
        [rl.Atom(position=tuple(f), charge=job["charges"].get(t, 0.0), type=host.index(t))
         for f, t in zip(job["fractional"], job["types"], strict=True)], [2, 2, 2])
    rotates = len(job["sites"]) > 1
    moves = rl.MCMoveProbabilities(translation_probability=0.5, rotation_probability=0.5 if rotates else 0.0,
                                   reinsertion_cbmc_probability=0.5, swap_cbmc_probability=1.0)
    # RASPA3 grows a molecule from its first atom: the one that carries the Lennard-Jones site goes first.
    order = sorted(job["sites"], key=lambda s: -s[3])
    component = rl.Component(
        forcefield, "guest", *job["critical"],
        [rl.Atom(position=tuple(s[6:9]), charge=s[5], type=names.index(f"guest_{s[0]}")) for s in order],
        particle_probabilities=moves, fugacity_coefficient=1.0)
    system = rl.System(forcefield, None, False, job["temperature_k"], job["pressure_pa"], 0.45, framework,
                       [component], [], [0], 5, rl.MCMoveProbabilities())
    run = rl.MonteCarlo(number_of_cycles=job["cycles"], number_of_initialization_cycles=job["cycles"] // 5,
                        systems=[system], output_to_files=False, random_seed=5)
    run.setup()
    run.initialize()
    molecules: list[float] = []
    clock = time.process_time()
    run.production(lambda: molecules.append(float(run.systems[0].number_of_molecules_per_component[0])), 1)
    cpu = time.process_time() - clock
    print(json.dumps({"cpu_s": cpu, "molecules": molecules}))


if __name__ == "__main__":
    main()
