"""``zifsim gcmc`` killed with -9 at random moments ends with the very numbers of a run that was left alone."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from zifsim.cli import app
from zifsim.crystals.load import load_framework
from zifsim.io.files import read_json
from zifsim.io.xyz import write_framework

# The command as a user runs it, with checkpoints every 50 ms instead of 20 s so that kills fall between many of them.
PROGRAM = """
import sys
from zifsim.gcmc import sampling
assert sampling.CHECKPOINT_S > 1.0
sampling.CHECKPOINT_S = 0.05
from zifsim.cli.entry import entry
entry(sys.argv[1:])
"""
LONGEST_S = 120.0


@pytest.fixture(autouse=True)
def small_crystal(tmp_path, monkeypatch):
    """ZIF-8 shrunk to the smallest cell that holds the cut-off, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    crystal = load_framework("ZIF-8")
    write_framework("small.extxyz", replace(crystal, positions=0.8 * crystal.positions, cell=0.8 * crystal.cell))


def command(out: str) -> list[str]:
    return ["gcmc", "small.extxyz", "--gas", "CO2", "--cutoff", "4.4", "--pressures", "0.1,1,10", "--error", "1e-6",
            "--max-moves", "1000000", "--threads", "2", "--out", out]


def start(out: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, *command(out)], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True,
                            env=os.environ | {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})


def files(folder: Path) -> set[tuple[str, int]]:
    return {(p.name, p.stat().st_mtime_ns) for p in folder.glob("*.npz")}


def new_checkpoint(process: subprocess.Popen, folder: Path) -> bool:
    """Wait for the process to write one; False where it came to its end before."""
    before, began = files(folder), time.monotonic()
    while files(folder) <= before:
        if process.poll() is not None:
            return False
        if time.monotonic() - began > LONGEST_S:
            process.kill()
            pytest.fail(f"no checkpoint in {LONGEST_S:g} s")
        time.sleep(0.005)
    return True


def stop(process: subprocess.Popen, signum: int) -> tuple[int, str]:
    """Exit code and last words."""
    process.send_signal(signum)
    _, error = process.communicate(timeout=LONGEST_S)
    return process.returncode, error


def run_to_the_end(out: str) -> Path:
    with pytest.raises(SystemExit) as end:
        app.main(command(out))
    assert end.value.code == 0
    return Path(out)


@pytest.mark.slow
def test_killed_again_and_again_the_isotherm_is_that_of_an_uninterrupted_run():
    alone = run_to_the_end("alone")      # first, so that it is the one to compile on a fresh machine
    moment, landed = random.Random(20190101), []
    for signum in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        process = start("killed")
        if not new_checkpoint(process, Path("killed/points")):
            break
        time.sleep(moment.uniform(0.0, 0.15))
        code, error = stop(process, signum)
        landed.append(code)
        if code == 75:
            assert error.startswith("stopped: by SIGTERM; the same command continues")
            assert "SIGTERM" in read_json(Path("killed/record.json"))["exit_reason"]
    assert landed[:2] == [-signal.SIGKILL, 75]      # a third one where the run is not too fast for it
    killed = run_to_the_end("killed")
    assert read_json(alone / "isotherm.json")["points"][-1]["molecules_per_cell"] > 1.0
    for name in ("isotherm.json", "isotherm.csv"):
        assert (killed / name).read_bytes() == (alone / name).read_bytes()
