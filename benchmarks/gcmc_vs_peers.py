"""CPU seconds to 1 % standard error of the loading: zifsim beside RASPA3, one model, one machine, one run.

    python benchmarks/gcmc_vs_peers.py [--cases CO2,CH4,O2,H2] [--peer-python PYTHON] [--peer-cycles 2000]

ZIF-8 2×2×2, 1 bar, fugacity = pressure, 12 Å cut and shifted, one thread each. RASPA3 is its Python wheel, `pip
install raspalib`, in this environment or in the one whose interpreter --peer-python names; where it is missing its
column is left out. Errors of both come from zifsim.gcmc.statistics, so that the same ruler measures both.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from zifsim.build.ordering import build_frameworks
from zifsim.gcmc.engine import run_point
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.statistics import summarise
from zifsim.gcmc.system import make_system
from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
from zifsim.io.guests import load_guest
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel

HERE = Path(__file__).parent
MODEL = HERE / "yardstick.toml"
PRESSURE_PA = 1e5
CASES = {"CO2": ("CO2-TraPPE", 273.0), "CH4": ("CH4-TraPPE", 273.0), "O2": ("O2-TraPPE", 273.0),
         "H2": ("H2-Darkrim-Levesque", 77.0)}


def ours(framework: Framework, guest: GuestModel, temperature_k: float) -> dict[str, float]:
    """Loading, error and CPU seconds of zifsim; grids and compilation are timed apart."""
    forcefield = load_adsorption_forcefield(MODEL)
    settings = GCMCSettings(cutoff_angstrom=12.0, truncation="shifted", target_relative_error=0.01,
                            widom_insertions=0)
    short = GCMCSettings(cutoff_angstrom=12.0, truncation="shifted", min_moves=5000, max_moves=5000,
                         widom_insertions=0)
    run_point(make_system(framework, guest, forcefield, temperature_k, short), PRESSURE_PA, PRESSURE_PA, 1)
    clock = time.process_time()
    system = make_system(framework, guest, forcefield, temperature_k, settings)
    grids = time.process_time() - clock
    clock = time.process_time()
    point, _ = run_point(system, PRESSURE_PA, PRESSURE_PA, 1)
    cpu = time.process_time() - clock
    relative = point.molecules_per_cell_error / point.molecules_per_cell
    return {"n": point.molecules_per_cell, "error": point.molecules_per_cell_error, "moves_per_s": point.n_moves / cpu,
            "to_one_percent_s": cpu * (relative / 0.01) ** 2, "grids_s": grids}


def peer(python: str, framework: Framework, guest: GuestModel, temperature_k: float, cycles: int) -> dict[str, float]:
    """The same of RASPA3's wheel, run by ``python`` (benchmarks/run_raspalib.py)."""
    forcefield = load_adsorption_forcefield(MODEL)
    charges = load_charge_set(MODEL).charges
    job = {
        "cell": framework.cell.diagonal().tolist(), "fractional": framework.fractional.tolist(),
        "types": list(framework.types), "charges": dict(charges),
        "lj": {t: [forcefield.atoms[t[:2] if t == "Zn" else t[0]].epsilon_k,
                   forcefield.atoms[t[:2] if t == "Zn" else t[0]].sigma_angstrom] for t in set(framework.types)},
        "sites": [[s.label, s.element, s.mass_amu, s.epsilon_k, s.sigma_angstrom, s.charge_e, *s.position]
                  for s in guest.sites],
        "critical": [guest.critical_temperature_k, guest.critical_pressure_pa, guest.acentric_factor],
        "temperature_k": temperature_k, "pressure_pa": PRESSURE_PA, "cycles": cycles}
    done = subprocess.run([python, str(HERE / "run_raspalib.py")], input=json.dumps(job), text=True,
                          capture_output=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    summary = summarise(np.array(result["molecules"]))
    relative = summary.standard_error / summary.mean
    return {"n": summary.mean, "error": summary.standard_error,
            "to_one_percent_s": result["cpu_s"] * (relative / 0.01) ** 2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--peer-cycles", type=int, default=2000)
    arguments = parser.parse_args()
    has_peer = subprocess.run([arguments.peer_python, "-c", "import raspalib"], capture_output=True).returncode == 0
    framework = assign_charges(build_frameworks("ZIF-8")[0], load_charge_set(MODEL))
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, one thread each")
    print("| case | zifsim ⟨N⟩ | CPU s to 1 % | moves/s | grids, s | RASPA3 ⟨N⟩ | CPU s to 1 % | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    for case in arguments.cases.split(","):
        model, temperature_k = CASES[case]
        guest = load_guest(model)
        a = ours(framework, guest, temperature_k)
        row = (f"| {case} {temperature_k:g} K | {a['n']:.2f} ± {a['error']:.2f} | {a['to_one_percent_s']:.2f} | "
               f"{a['moves_per_s']:.3g} | {a['grids_s']:.1f} |")
        if has_peer:
            b = peer(arguments.peer_python, framework, guest, temperature_k, arguments.peer_cycles)
            row += (f" {b['n']:.2f} ± {b['error']:.2f} | {b['to_one_percent_s']:.0f} | "
                    f"{b['to_one_percent_s'] / a['to_one_percent_s']:.0f}× |")
        else:
            row += " not installed | – | – |"
        print(row, flush=True)


if __name__ == "__main__":
    main()
