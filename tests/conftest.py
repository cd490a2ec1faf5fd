"""Tests leave the user's cache of host grids alone, and two workers do not compile the same kernels."""

import os

import pytest

os.environ["ZIFSIM_CACHE"] = "off"

NEED_KERNELS = ("access", "cli", "gcmc")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the sampling kernels come last.

    With `-n 2 --dist worksteal` the second worker begins with them; when the first one gets there, they are compiled.
    """
    items.sort(key=lambda item: item.path.parent.name in NEED_KERNELS)
