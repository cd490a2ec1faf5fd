"""What the GPU walker's kernel takes of a card, without one: registers, spills, shared memory, time to compile.

    python benchmarks/gpu_compile.py [--gases CO2-TraPPE] [--targets 8.0,9.0] [--ptxas PATH] [--keep FOLDER]

Needs numba-cuda (the extra ``gpu``); ``ptxas``, which turns PTX into machine code and tells the numbers, is looked for
among NVIDIA's packages (``pip install nvidia-cuda-nvcc``), whose version fits, and then on the PATH; without it the
table ends at the PTX. Warps on a multiprocessor: of 65,536 registers, a warp per walker. Minutes of one core.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numba.cuda.dispatcher
import numpy as np
from gcmc_vs_peers import SETTINGS
from numba import cuda, typeof
from yardstick import PRESSURE_PA, machine, row, table, yardstick

from zifsim.gcmc import gpu
from zifsim.gcmc.system import make_system
from zifsim.io.guests import load_guest

TEMPERATURE_K = 273.0
REGISTERS, MOST_WARPS = 65_536, 64      # of a multiprocessor
INSTRUCTIONS = {"double": re.compile(r"\b(?:add|sub|mul|fma|div|sqrt|rcp|neg|abs|min|max|setp\.\w+)\.(?:rn\.)?f64\b"),
                "single": re.compile(r"\b(?:add|sub|mul|fma|div|sqrt|rcp|neg|abs|min|max|setp\.\w+)\.(?:rn\.)?f32\b")}


def find_ptxas(given: str) -> str:
    """Path of ptxas; empty where there is none."""
    packages = sorted(Path(sysconfig.get_path("purelib")).glob("nvidia/*/bin/ptxas"))
    return given or (str(packages[-1]) if packages else shutil.which("ptxas") or "")


def ptx_of(batch: gpu.Batch, target: tuple[int, int]) -> str:
    """PTX of the kernel for a compute capability."""
    # device functions ask the card at hand what it is; there is none
    numba.cuda.dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=target)
    gpu.teach_rint()
    field, conditions, walkers, series = gpu.arguments_for(batch, 10)
    values = (field, conditions, walkers, gpu.scratches_for(batch, gpu.LANES, np.zeros), series, 0, 100, 10)
    ptx: str = cuda.compile_ptx(gpu.walk.py_func, tuple(typeof(v) for v in values), device=False, cc=target)[0]
    return ptx


def resources(ptxas: str, ptx: Path, target: tuple[int, int]) -> list[str]:
    """Registers, warps, spilled bytes stored and loaded, stack, shared memory of the kernel, and seconds of ptxas."""
    clock = time.monotonic()
    done = subprocess.run([ptxas, "-v", f"-arch=sm_{target[0]}{target[1]}", str(ptx), "-o",
                           str(ptx.with_suffix(".cubin"))], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"ptxas failed: {done.stderr.strip()[-500:]}")
    stack, stores, loads = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads",
                                      done.stderr)[0]
    registers = int(re.findall(r"Used (\d+) registers", done.stderr)[0])
    shared = (re.findall(r"(\d+) bytes smem", done.stderr) or ["0"])[0]
    warps = min(MOST_WARPS, REGISTERS // (32 * (-(-registers // 8) * 8)))      # handed out by eights
    return [str(registers), str(warps), stores, loads, stack, shared, f"{time.monotonic() - clock:.0f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gases", default="CO2-TraPPE", help="of one batch, a mixture where there are several")
    parser.add_argument("--targets", default="8.0,9.0", help="compute capabilities")
    parser.add_argument("--ptxas", default="", metavar="PATH")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="for the PTX and the machine code")
    options = parser.parse_args()
    if importlib.util.find_spec("numba_cuda") is None:
        sys.exit("The kernel is compiled by the package numba-cuda: pip install 'zifsim[gpu]'.")
    ptxas = find_ptxas(options.ptxas)
    framework, forcefield = yardstick()
    models = tuple(load_guest(name) for name in options.gases.split(","))
    system = make_system(framework, models, forcefield, TEMPERATURE_K, SETTINGS)
    batch = gpu.Batch(system, np.full((2, len(models)), PRESSURE_PA), [1, 2], gpu.LANES)
    print(f"{options.gases}; numba-cuda {version('numba-cuda')}; ptxas {ptxas or 'not found'}\n{machine()}\n")
    table(["target", "PTX, CPU s", "lines", "double", "single", *(["registers", "warps", "spill stores, bytes",
           "spill loads", "stack", "shared", "ptxas, s"] if ptxas else [])])
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name in options.targets.split(","):
            major, minor = (int(part) for part in name.split("."))
            clock = time.process_time()
            ptx = ptx_of(batch, (major, minor))
            spent = time.process_time() - clock
            path = folder / f"walk-sm{major}{minor}.ptx"
            path.write_text(ptx, encoding="utf-8")
            counts = [str(len(pattern.findall(ptx))) for pattern in INSTRUCTIONS.values()]
            row([name, f"{spent:.0f}", str(ptx.count("\n")), *counts,
                 *(resources(ptxas, path, (major, minor)) if ptxas else [])])


if __name__ == "__main__":
    main()
