"""Density and cell of crystals at 300 K and 1 bar, by force field, against experiment.

    python benchmarks/crystal_density.py [--ps 25] [--structures ZIF-8 ZIF-62] [--tail-correction] [--out FOLDER]

Anisotropic barostat, one cell, one thread; about three CPU minutes in all. The first quarter of every run is left out;
± is one standard error, correlation accounted for; a star marks a density that still drifted. Experiment is the shipped
cell, room temperature (sources: structures/SOURCES.md). The same --out folder continues what was stopped.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OPENMM_CPU_THREADS", "1")

import numpy as np
import openmm
from yardstick import machine, row, table

from zifsim.crystals.load import load_framework
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.glass import average, last_segment
from zifsim.melt.run import MeltSettings, run_melt
from zifsim.model.framework import Framework
from zifsim.model.schedule import Segment, TemperatureProgram


def measure(framework: Framework, forcefield: str, duration_ps: float, seed: int, tail: bool, folder: Path) -> None:
    program = TemperatureProgram("hold", (Segment("hold", 300.0, 300.0, duration_ps, barostat="anisotropic"),), 1.0)
    settings = MeltSettings(seed=seed, platform="CPU", cpu_threads=1, state_interval_ps=0.05, tail_correction=tail)
    result = run_melt(framework, load_melt_forcefield(forcefield), program, settings, folder)
    rows = last_segment(folder / "state.csv", -1)
    density = average(rows["density_g_cm3"])
    kept = slice(density.first, None)
    edges = [np.mean(rows[name][kept]) for name in ("ax_a", "by_a", "cz_a")]
    before = framework.density_g_cm3
    row([framework.name, forcefield, f"{density.mean:.3f} ± {density.error:.3f}{'' if density.settled else ' *'}",
         f"{before:.3f}", f"{100 * (density.mean / before - 1):+.1f}",
         " × ".join(f"{edge:.2f}" for edge in edges), f"{result.mean_zn_n_angstrom:.3f}",
         f"{np.mean(rows['temperature_k'][kept]):.0f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--structures", nargs="+", default=("ZIF-8", "ZIF-62"), metavar="NAME")
    parser.add_argument("--forcefields", nargs="+", default=("ZIF-FF", "nb-ZIF-FF-s"), metavar="NAME")
    parser.add_argument("--ps", type=float, default=25.0, help="length of every run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tail-correction", action="store_true", help="of Lennard-Jones beyond the cut-off of 7 Å")
    parser.add_argument("--out", type=Path, help="keep the runs here; a temporary folder by default")
    arguments = parser.parse_args()
    print(f"{machine()}\nOpenMM {openmm.__version__}, 300 K, 1 bar, {arguments.ps:g} ps, 1 fs, seed {arguments.seed}, "
          f"cut-off 7 Å {'with' if arguments.tail_correction else 'without'} tail correction\n")
    table(["", "force field", "density, g/cm³", "experiment", "deviation, %", "cell, Å", "Zn–N at the end, Å", "K"])
    with tempfile.TemporaryDirectory() as scratch:
        for structure in arguments.structures:
            for forcefield in arguments.forcefields:
                folder = (arguments.out or Path(scratch)) / f"{structure}-{forcefield}"
                measure(load_framework(structure), forcefield, arguments.ps, arguments.seed,
                        arguments.tail_correction, folder)


if __name__ == "__main__":
    main()
