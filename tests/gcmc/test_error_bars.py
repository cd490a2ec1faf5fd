"""Error bars against the truth: the spread of many independent runs of the same point."""

import numpy as np
import pytest

from zifsim.crystals.load import load_framework
from zifsim.gcmc.engine import run_point
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import make_system
from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
from zifsim.io.guests import load_guest

SEEDS = 200     # the spread of their means is known to 5 %: 20 % is 4 sigma
FEW = 50        # here to 10 %


def runs_of(gas: str, moves: int, seeds: int):
    """The same point of ZIF-8 at 273 K and 1 bar, from an empty cell, with many seeds and a fixed length."""
    framework = assign_charges(load_framework("ZIF-8"), load_charge_set("ZIF-FF"))
    settings = GCMCSettings(grid_spacing_angstrom=0.4, min_moves=moves, max_moves=moves, widom_insertions=0)
    system = make_system(framework, load_guest(gas), load_adsorption_forcefield("PP"), 273.0, settings)
    return [run_point(system, 1e5, 1e5, seed)[0] for seed in range(1, seeds + 1)]


def assert_honest(points) -> None:
    means = np.array([p.molecules_per_cell for p in points])
    # of a point that is flagged the error says how far its series still moved, which is no standard error
    settled = [p.molecules_per_cell_error for p in points if p.equilibrated]
    reported = np.sqrt(np.mean(np.square(settled)))
    assert len(settled) >= 0.95 * len(points)
    assert reported == pytest.approx(means.std(ddof=1), rel=4.0 / np.sqrt(2.0 * len(points)))
    beyond = np.abs(means - means.mean()) > 2.0 * np.array([p.molecules_per_cell_error for p in points])
    assert beyond.mean() < 0.05 + 4.0 * np.sqrt(0.05 * 0.95 / len(points))     # 5 % expected


@pytest.mark.parametrize("seeds", [FEW, pytest.param(SEEDS, marks=pytest.mark.slow)])
def test_reported_errors_are_the_true_spread_of_methane(seeds: int) -> None:
    assert_honest(runs_of("CH4", 60_000, seeds))


@pytest.mark.slow
def test_reported_errors_are_the_true_spread_of_carbon_dioxide() -> None:
    assert_honest(runs_of("CO2", 200_000, SEEDS))
