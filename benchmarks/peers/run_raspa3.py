"""RASPA3 through its Python wheel: a job as JSON on stdin (yardstick.job_of), the result as JSON on stdout.

Needs nothing but ``raspalib``, so that it can live in an environment of its own. The wheel has no interpolation grids.
``task = "gcmc"``: molecules after every cycle for about ``seconds`` of processor time, from an empty cell.
``task = "energy"``: terms in K of the given ``molecules``.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

ATOMIC_NUMBER = {"H": 1, "C": 6, "N": 7, "O": 8, "Zn": 30, "X": 1}
TRIAL_CYCLES = 30
KELVIN_PER_UNIT = 10.0 / 8.314462618      # RASPA3's energies are in 10 J/mol
START_SHARE = 5          # one cycle in five comes before production


def model(job: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Force field, framework and component of a job."""
    import raspalib as rl

    kinds = [(f"host_{i}_{k[0]}", True, *k[1:]) for i, k in enumerate(job["host_kinds"])]
    kinds += [(f"guest_{i}_{k[0]}", False, *k[1:]) for i, k in enumerate(job["guest_kinds"])]
    atoms = [rl.PseudoAtom(name=name, framework_type=is_host, mass=mass, charge=charge,
                           atomic_number=ATOMIC_NUMBER[element])
             for name, is_host, element, mass, _, _, charge in kinds]
    # A site without Lennard-Jones has σ = 0 here, of which RASPA3 would take the sixth power's inverse.
    rows = [rl.VDWParameters(epsilon, sigma if epsilon > 0 else 1.0) for *_, epsilon, sigma, _ in kinds]
    forcefield = rl.ForceField(
        pseudo_atoms=atoms, parameters=rows, mixing_rule=rl.ForceField.MixingRule.LORENTZ_BERTHELOT,
        cutoff_framework_vdw=job["cutoff"], cutoff_molecule_vdw=job["cutoff"], cutoff_coulomb=job["cutoff"],
        shifted=True, tail_corrections=False, use_charge=True)
    box = [row[i] for i, row in enumerate(job["cell"])]
    host = [rl.Atom(position=tuple(f), charge=job["host_kinds"][kind][5], type=kind)
            for kind, *f in job["host_atoms"]]
    framework = rl.Framework(forcefield, "host", rl.SimulationBox(*box), 1, host, job["repeats"])
    first = len(job["host_kinds"])
    sites = [rl.Atom(position=tuple(r), charge=job["guest_kinds"][kind][5], type=first + kind)
             for kind, *r in job["guest_sites"]]
    moves = rl.MCMoveProbabilities(translation_probability=0.5, rotation_probability=0.5 if len(sites) > 1 else 0.0,
                                   reinsertion_cbmc_probability=0.5, swap_cbmc_probability=1.0)
    component = rl.Component(forcefield, "guest", *job["critical"], sites, particle_probabilities=moves,
                             fugacity_coefficient=1.0)
    return forcefield, framework, component


def gcmc(job: dict[str, Any], cycles: int) -> dict[str, Any]:
    """Molecules after each of ``cycles`` production cycles, and their processor time."""
    import raspalib as rl

    forcefield, framework, component = model(job)
    system = rl.System(forcefield, None, False, job["temperature_k"], job["pressure_pa"], 0.45, framework,
                       [component], [], [0], 5, rl.MCMoveProbabilities())
    run = rl.MonteCarlo(number_of_cycles=cycles, number_of_initialization_cycles=max(1, cycles // START_SHARE),
                        systems=[system], output_to_files=False, random_seed=5)
    run.setup()
    run.initialize()
    molecules: list[float] = []
    clock = time.process_time()
    run.production(lambda: molecules.append(float(run.systems[0].number_of_molecules_per_component[0])), 1)
    cpu = time.process_time() - clock
    return {"cpu_s": cpu, "molecules": molecules, "moves": sum(max(20.0, n) for n in molecules)}


def energy(job: dict[str, Any]) -> dict[str, float]:
    """Terms of fixed molecules, K; the guests' own Coulomb energy comes from the same box without the framework."""
    import raspalib as rl

    forcefield, framework, component = model(job)
    box = rl.SimulationBox(*[row[i] * n for i, (row, n) in enumerate(zip(job["cell"], job["repeats"], strict=True))])
    positions = [[tuple(r) for molecule in job["molecules"] for r in molecule]]

    def total(with_host: bool) -> Any:
        system = rl.System(forcefield, None if with_host else box, False, job["temperature_k"], job["pressure_pa"],
                           0.45, framework if with_host else None, [component], positions, [0], 5,
                           rl.MCMoveProbabilities())
        return system.compute_total_energies()

    whole, guests = total(True), total(False)
    terms = {"host_guest_lj": whole.framework_molecule_vdw, "guest_guest_lj": whole.molecule_molecule_vdw,
             "guest_guest_coulomb": guests.coulomb_energy(),
             "host_guest_coulomb": whole.coulomb_energy() - guests.coulomb_energy()}
    return {f"{name}_k": value * KELVIN_PER_UNIT for name, value in terms.items()}


def main() -> None:
    if "--check" in sys.argv:
        __import__("raspalib")
        return
    job = json.load(sys.stdin)
    if job["task"] == "energy":
        print(json.dumps(energy(job)))
        return
    trial = gcmc(job, TRIAL_CYCLES)
    filled = max(max(trial["molecules"]), 20.0) / 20.0      # later cycles hold more molecules than the first ones
    per_cycle = trial["cpu_s"] / TRIAL_CYCLES * filled
    print(json.dumps(gcmc(job, max(100, int(job["seconds"] / per_cycle / (1 + 1 / START_SHARE))))))


if __name__ == "__main__":
    main()
