"""What the first run of a gas costs before its first number, and how long a later start takes.

    python benchmarks/compile.py [--guest CO2-TraPPE] [--rows 15]

Two processes, one after the other, with an empty folder for kernels and none for grids: the first compiles, the second
reads what the first has kept. A kernel's seconds are its own, without those of the kernels that it calls.
"""

from __future__ import annotations

import argparse
import collections
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

MOVES = 5000


def first_number(guest: str, rows: int) -> None:
    """From nothing to the first ``MOVES`` moves at 1 bar, and the costliest kernels, where any are compiled."""
    from dataclasses import replace

    from numba.core import event

    class Clock(event.Listener):
        """Processor seconds of every compilation, without those within it."""

        def __init__(self) -> None:
            self.running: list[list[float]] = []
            self.seconds: collections.Counter[str] = collections.Counter()
            self.forms: collections.Counter[str] = collections.Counter()

        def on_start(self, event: Any) -> None:
            self.running.append([time.process_time(), 0.0])

        def on_end(self, event: Any) -> None:
            begin, within = self.running.pop()
            total = time.process_time() - begin
            if self.running:
                self.running[-1][1] += total
            function = event.data["dispatcher"].py_func
            name = f"{function.__module__.rsplit('.', 1)[-1]}.{function.__name__}"
            self.seconds[name] += total - within
            self.forms[name] += 1

    clock = Clock()
    event.register("numba:compile", clock)
    from gcmc_vs_peers import SETTINGS
    from yardstick import PRESSURE_PA, row, table, timed_point, without_grid_cache, yardstick

    from zifsim.gcmc.system import make_system
    from zifsim.io.guests import load_guest

    without_grid_cache()
    imported = time.process_time()
    framework, forcefield = yardstick()
    system = make_system(framework, load_guest(guest), forcefield, 273.0,
                         replace(SETTINGS, min_moves=MOVES, max_moves=MOVES, widom_insertions=0))
    made = time.process_time()
    timed_point(system, PRESSURE_PA, PRESSURE_PA, 1)
    end = time.process_time()
    print(f"imports {imported:.1f}, structure, grids and bias {made - imported:.1f}, first {MOVES} moves "
          f"{end - made:.1f}, in all {end:.1f} CPU s; of these compiling {sum(clock.seconds.values()):.1f}\n")
    if clock.seconds:
        table(["kernel", "forms", "CPU s"])
        for name, seconds in clock.seconds.most_common(rows):
            row([name, str(clock.forms[name]), f"{seconds:.2f}"])
        print()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guest", default="CO2-TraPPE")
    parser.add_argument("--rows", type=int, default=15, help="kernels listed")
    parser.add_argument("--within", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.within:
        first_number(arguments.guest, arguments.rows)
        return
    from yardstick import machine

    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first start", "later start"):
            clock = time.monotonic()
            print(f"\n{name}: ", end="", flush=True)
            subprocess.run([sys.executable, __file__, "--within", "--guest", arguments.guest,
                            "--rows", str(arguments.rows)],
                           env=os.environ | {"NUMBA_CACHE_DIR": folder}, check=True)
            print(f"wall time {time.monotonic() - clock:.1f} s")


if __name__ == "__main__":
    main()
