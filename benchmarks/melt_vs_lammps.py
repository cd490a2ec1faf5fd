"""Melt dynamics against LAMMPS: the same model, masses, time step and thermostat, one thread each.

    python benchmarks/melt_vs_lammps.py --lammps PYTHON [--supercell 2 2 2] [--timestep-fs 1.0] [--rounds 5]

Both codes start from the relaxed crystal and take turns, so that a busy machine slows both; processor time counts.
The long-range sum of LAMMPS is set to the force error that zifsim has (both are measured against an Ewald sum of 1e-7).
PYTHON is an interpreter with the ``lammps`` package.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any

os.environ.setdefault("OPENMM_CPU_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import openmm
from numpy.typing import NDArray
from peers.melt_deck import data_file, model_commands
from yardstick import HERE, machine, row, table

from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.platform import PlatformChoice, choose_platform
from zifsim.melt.system import DEFAULT_CUTOFF, NM, MeltSystem, build_model
from zifsim.structures import load_structure

PEER = HERE / "peers" / "run_lammps_melt.py"
EXACT = ("pair_modify table 0", "kspace_style ewald 1e-7")
PPPM = ("1e-4", "5e-5", "3e-5", "2e-5", "1e-5", "5e-6")      # tried in this order until no worse than zifsim
FRICTION_PER_PS, SEED, WARM_UP = 5.0, 7, 200


def lammps(python: str, job: dict[str, Any]) -> dict[str, Any]:
    """The answer of ``peers/run_lammps_melt.py``.

    Raises
    ------
    SystemExit: the interpreter has no LAMMPS that can do it (what it says is shown).
    """
    done = subprocess.run([python, str(PEER)], input=json.dumps(job), text=True, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{python} {PEER.name} failed:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def lammps_energy(python: str, model: MeltSystem,
                  kspace: tuple[str, ...] = EXACT) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Energies by LAMMPS's terms, kJ/mol, and (P, 3) forces, kJ/mol/nm, of the model's positions."""
    answer = lammps(python, {"task": "energy", "data": data_file(model), "commands": model_commands(model, kspace)})
    return answer["energies"], np.array(answer["forces"]).reshape(-1, 3)


def rms(difference: NDArray[np.float64]) -> float:
    """Root mean square length of the force differences."""
    return float(np.sqrt((difference**2).sum(axis=1).mean()))


class Ours:
    """zifsim's dynamics on one thread."""

    def __init__(self, model: MeltSystem, choice: PlatformChoice, kelvin: float, timestep_fs: float) -> None:
        self.integrator = openmm.LangevinMiddleIntegrator(kelvin, FRICTION_PER_PS, timestep_fs * 1e-3)
        self.context = openmm.Context(model.system, self.integrator,
                                      openmm.Platform.getPlatformByName(choice.name), choice.properties)
        self.context.setPositions(model.positions * NM)
        self.forces = np.array(self.context.getState(getForces=True).getForces(asNumpy=True)._value)
        self.context.setVelocitiesToTemperature(kelvin, SEED)
        self.integrator.step(WARM_UP)

    def cpu_s(self, steps: int) -> float:
        clock = time.process_time()
        self.integrator.step(steps)
        return time.process_time() - clock


def compare(python: str, model: MeltSystem, kelvin: float, timestep_fs: float, steps: int, rounds: int) -> None:
    ours = Ours(model, choose_platform("CPU", cpu_threads=1), kelvin, timestep_fs)
    _, exact = lammps_energy(python, model)
    error = rms(ours.forces - exact)
    for accuracy in PPPM:
        kspace = (f"kspace_style pppm {accuracy}",)
        their_error = rms(lammps_energy(python, model, kspace)[1] - exact)
        if their_error <= 1.3 * error:
            break
    job = {"task": "dynamics", "data": data_file(model), "commands": model_commands(model, kspace), "suffix": "opt",
           "temperature_k": kelvin, "friction_per_ps": FRICTION_PER_PS, "seed": SEED, "timestep_fs": timestep_fs,
           "warm_up": WARM_UP, "steps": steps}
    mine, theirs = [], []
    for _ in range(rounds):
        mine.append(ours.cpu_s(steps))
        theirs.append(lammps(python, job)["cpu_s"])
    ns_per_day = steps * timestep_fs * 1e-6 * 86400.0
    ratios = np.array(theirs) / np.array(mine)
    row([f"{model.framework.name}, {len(model.positions)} particles, {kelvin:g} K",
         f"{1e3 * np.median(mine) / steps:.2f}", f"{1e3 * np.median(theirs) / steps:.2f}",
         f"{ns_per_day / np.median(mine):.1f}", f"{ns_per_day / np.median(theirs):.1f}",
         f"{np.median(ratios):.2f} ({ratios.min():.2f}–{ratios.max():.2f})", f"{error:.2f}",
         f"{their_error:.2f} (pppm {accuracy})"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lammps", metavar="PYTHON", required=True, help="interpreter that has lammps")
    parser.add_argument("--structure", default="ZIF-62")
    parser.add_argument("--forcefield", default="nb-ZIF-FF-s")
    parser.add_argument("--supercell", type=int, nargs=3, default=(1, 1, 1), metavar="N")
    parser.add_argument("--cutoff", type=float, default=DEFAULT_CUTOFF, metavar="ANGSTROM")
    parser.add_argument("--temperatures", type=float, nargs="+", default=(300.0, 1500.0), metavar="K")
    parser.add_argument("--timestep-fs", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=500, help="of every round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    forcefield = load_melt_forcefield(arguments.forcefield)
    framework = load_structure(arguments.structure, supercell=tuple(arguments.supercell))
    model = build_model(framework, forcefield, cutoff_angstrom=arguments.cutoff)
    print(f"{machine()}\nOpenMM {openmm.__version__}; {arguments.timestep_fs:g} fs, constant volume, "
          f"cut-off {arguments.cutoff:g} Å, {arguments.rounds} rounds of {arguments.steps} steps, median (range)\n")
    table(["", "zifsim ms/step", "LAMMPS ms/step", "zifsim ns/day", "LAMMPS ns/day", "ratio",
           "force error, kJ/mol/nm", "LAMMPS's"])
    for kelvin in arguments.temperatures:
        compare(arguments.lammps, model, kelvin, arguments.timestep_fs, arguments.steps, arguments.rounds)
    print(f"\nload at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
