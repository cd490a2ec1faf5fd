"""``zifsim access`` killed with -9 before every file it writes: the same command ends with the same bytes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

QUICK = ["ZIF-8", "--cutoff", "7", "--spacing", "0.8", "--gas", "CH4@300"]


def points(folder: Path, *arguments: str) -> int:
    answer = subprocess.run([sys.executable, str(Path(__file__).with_name("kill_points.py")), str(folder), *QUICK,
                             *arguments], capture_output=True, text=True, check=False,
                            env=os.environ | {"OPENMM_CPU_THREADS": "1"})
    assert answer.returncode == 0, answer.stderr
    return int(answer.stdout.split()[-1])


def test_a_rigid_run_killed_before_any_write_ends_alike(tmp_path):
    assert points(tmp_path) >= 8        # config, record, four results, record, DONE


@pytest.mark.slow
def test_a_run_with_snapshots_killed_before_any_write_ends_alike(tmp_path):
    assert points(tmp_path, "--snapshots", "2", "--platform", "CPU") >= 14
