"""Moves per second of many walkers on a CUDA card, beside one thread of the CPU.

    python benchmarks/gcmc_gpu.py [--gases CO2-TraPPE,CH4-TraPPE] [--walkers 64,512,4096] [--moves 20000] [--trials 32]

All walkers sample ZIF-8 2×2×2 at 273 K and 1 bar (fugacity = pressure), each with seeds of its own. The first run
compiles the kernel and fills the cells; the second, from there, is timed with its transfers. The loading is the mean
over the walkers of the second half of that run, with the error of that mean; the CPU runs as many trials per move from
one of the filled cells. Ends with one sentence where there is no card.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from gcmc_vs_peers import SETTINGS
from yardstick import PRESSURE_PA, machine, row, table, yardstick

from zifsim.errors import InputError
from zifsim.gcmc.gpu import SIMULATED, Batch, BatchSeries, check_card, sample_on_gpu
from zifsim.gcmc.sampling import advance, new_run
from zifsim.gcmc.system import AdsorptionSystem, make_system
from zifsim.io.guests import load_guest

TEMPERATURE_K = 273.0
CPU_MOVES = 20_000


def card() -> str:
    """Name and compute capability of the card in use. Raises InputError without one."""
    from numba import cuda

    check_card()
    if SIMULATED:
        return "CUDA's simulator, which tells nothing about speed"
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else device.name
    return f"{name}, compute capability {'.'.join(str(n) for n in device.compute_capability)}"


def timed(batch: Batch, n_moves: int) -> tuple[BatchSeries, float]:
    start = time.perf_counter()
    (series,) = sample_on_gpu([batch], n_moves)
    return series, time.perf_counter() - start


def batch_of(system: AdsorptionSystem, n: int, trials: int, first_seed: int, starts: tuple = ()) -> Batch:
    return Batch(system, np.full((n, 1), PRESSURE_PA), range(first_seed, first_seed + n), trials, starts)


def cpu_moves_per_second(system: AdsorptionSystem, batch: Batch, series: BatchSeries) -> float:
    """Of one thread, from the first of the filled cells, with as many trials per move; processor time."""
    run = new_run(system, 1, series.walkers[0])
    run.n_trials = batch.n_trials
    advance(system, run, (PRESSURE_PA,), 100)      # compiles
    run.n_trials, start = batch.n_trials, time.process_time()
    advance(system, run, (PRESSURE_PA,), CPU_MOVES)
    return CPU_MOVES / (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gases", default="CO2-TraPPE,CH4-TraPPE")
    parser.add_argument("--walkers", default="64,512,4096")
    parser.add_argument("--moves", type=int, default=20_000)
    parser.add_argument("--trials", type=int, default=32)
    options = parser.parse_args()
    try:
        name = card()
    except InputError as error:
        sys.exit(str(error))
    print(f"{name}; {machine()}\n")
    framework, forcefield = yardstick()
    table(["gas", "walkers", "trials", "⟨N⟩", "first run, s", "timed run, s", "moves/s, card", "moves/s, one thread",
           "ratio"])
    for gas in options.gases.split(","):
        system = make_system(framework, load_guest(gas), forcefield, TEMPERATURE_K, SETTINGS)
        for n in (int(w) for w in options.walkers.split(",")):
            filled, first = timed(batch_of(system, n, options.trials, 1), options.moves)
            batch = batch_of(system, n, options.trials, n + 1, filled.walkers)
            series, seconds = timed(batch, options.moves)
            means = series.counts[:, series.counts.shape[1] // 2:, 0].mean(axis=1)
            rate, alone = n * options.moves / seconds, cpu_moves_per_second(system, batch, filled)
            row([gas, str(n), str(options.trials), f"{means.mean():.2f} ± {means.std(ddof=1) / np.sqrt(n):.2f}",
                 f"{first:.1f}", f"{seconds:.2f}", f"{rate:.3g}", f"{alone:.3g}", f"{rate / alone:.1f}×"])


if __name__ == "__main__":
    main()
