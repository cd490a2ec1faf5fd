"""Tests leave the user's cache of host grids alone, and two workers do not compile the same kernels."""

import os
import sys
from pathlib import Path

import pytest

os.environ["ZIFSIM_CACHE"] = "off"
sys.path.insert(0, str(Path(__file__).parent / "runs"))     # faults.py, for the tests of every room

NEED_KERNELS = ("access", "api", "cli", "gcmc")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the sampling kernels come last.

    With `-n 2 --dist worksteal` the second worker begins with them; when the first one gets there, they are compiled.
    """
    items.sort(key=lambda item: item.path.parent.name in NEED_KERNELS)
