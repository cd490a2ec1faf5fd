"""A small, quick host: one unit cell of ZIF-8, coarse settings."""

import pytest

import zifsim


@pytest.fixture(scope="session")
def zif8():
    return zifsim.load("ZIF-8")


@pytest.fixture(scope="session")
def quick():
    """Settings with which a pressure takes a second."""
    return {"max_moves": 20_000, "widom_insertions": 2_000, "grid_spacing_angstrom": 0.4, "target_relative_error": 0.2}
