"""Melts side by side on one GPU (or CPU): ns/day of each and of all, and glasses an hour.

    python benchmarks/melt_gpu.py [--platform CUDA] [--cells 1 2 4] [--side-by-side 1 2 4 8] [--ps 20]

Every melt is the real thing, `zifsim melt --replicas N`: ZIF-62 in NPT at 1000 K, a process each, with its thermostat,
barostat, table, trajectory and checkpoints; starting up and minimising are left out of the time, so the processes
overlap for all but the first and last seconds. One cell has a cut-off of 7 Å with tail correction, larger ones 12 Å. A
glass is the `dense` program of the reference glasses, 337 ps, and one that is quenched at 1 K/ps, 967 ps.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import openmm
from yardstick import machine, row, table

from zifsim.campaign.estimate import dummy_count
from zifsim.campaign.melt_job import MeltJob
from zifsim.campaign.replicas import run_replicas
from zifsim.errors import ZifsimError
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.platform import choose_platform
from zifsim.melt.run import MeltSettings
from zifsim.model.schedule import Segment, TemperatureProgram
from zifsim.structures import load_structure

KELVIN, SEED = 1000.0, 5
SMALL_CUTOFF, CUTOFF = 7.0, 12.0
GLASS_PS = {"10 K/ps": 337.0, "1 K/ps": 967.0}
HOURS_PER_DAY = 24.0


def card(platform: str) -> str:
    """The GPU's name as its driver gives it, or the processor's threads."""
    if platform == "CPU":
        return f"CPU, {os.cpu_count()} cores"
    done = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"],
                          capture_output=True, text=True, check=False)
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 else platform


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--platform", default="CUDA")
    parser.add_argument("--precision", default="mixed")
    parser.add_argument("--cells", type=int, nargs="+", default=(1, 2, 4), metavar="N")
    parser.add_argument("--side-by-side", type=int, nargs="+", default=(1, 2, 4, 8), metavar="N")
    parser.add_argument("--ps", type=float, default=20.0, help="that every melt runs, of the smallest cells")
    parser.add_argument("--timestep-fs", type=float, default=1.0)
    options = parser.parse_args()
    try:
        choice = choose_platform(options.platform, precision=options.precision)
        forcefield = load_melt_forcefield("nb-ZIF-FF-s")
        crystal = load_structure("ZIF-62")
        print(f"{card(choice.name)}; {choice.note}; OpenMM {openmm.__version__}; {machine()}\n")
        table(["cells", "particles", "cut-off, Å", "melts side by side", "ns/day each", "ns/day together",
               *(f"glasses an hour, {name}" for name in GLASS_PS)])
        for n in options.cells:
            cutoff = SMALL_CUTOFF if n == 1 else CUTOFF
            settings = MeltSettings(seed=SEED, platform=options.platform, precision=options.precision,
                                    cutoff_angstrom=cutoff,
                                    tail_correction=True, cpu_threads=1 if choice.name == "CPU" else None)
            duration = options.ps / max(1, n // 2)
            program = TemperatureProgram("speed", (Segment("hold", KELVIN, KELVIN, duration),), options.timestep_fs)
            framework = crystal.supercell((n, n, n))
            for count in options.side_by_side:
                os.environ["ZIFSIM_MELTS_PER_GPU"] = str(count)
                with tempfile.TemporaryDirectory() as folder:
                    results = run_replicas(MeltJob(framework, forcefield, program, settings), count, Path(folder),
                                           at_once=count)
                each = [r.ns_per_day for r in results]
                glasses = (f"{1000.0 * sum(each) / HOURS_PER_DAY / ps:.2g}" for ps in GLASS_PS.values())
                row([f"{n}×{n}×{n}", str(framework.n_atoms + dummy_count(framework)), f"{cutoff:g}", str(count),
                     f"{sum(each) / count:.1f}", f"{sum(each):.0f}", *glasses])
    except ZifsimError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
