"""A crystal without a hole: uptake zero at once, and a framework with one is sampled."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zifsim.gcmc.engine import run_isotherm
from zifsim.gcmc.mixtures import run_mixture
from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.guests import load_guest
from zifsim.model.forcefield import AdsorptionForceField, LennardJones
from zifsim.model.framework import Framework

CARBON = AdsorptionForceField("test", "", {"C": LennardJones(50.0, 3.4, "test")}, "test")


def cubic_carbon(spacing: float, repeats: int = 4) -> Framework:
    """A simple cubic crystal of carbon atoms (Å)."""
    positions = np.array([(i, j, k) for i in range(repeats) for j in range(repeats) for k in range(repeats)])
    return Framework("cubic", ("C",) * len(positions), positions * spacing, np.eye(3) * spacing * repeats)


def isotherm(spacing: float, max_moves: int):
    settings = GCMCSettings(cutoff_angstrom=8.0, grid_spacing_angstrom=0.4, min_moves=5_000, max_moves=max_moves,
                            widom_insertions=20_000)
    return run_isotherm(cubic_carbon(spacing), load_guest("CH4"), CARBON, 273.0, [1e3, 1e5], settings)


def test_a_crystal_without_room_takes_up_nothing_and_is_not_sampled() -> None:
    result = isotherm(2.5, 10**9)       # 10⁹ moves would take all day
    assert result.no_room
    assert [p.loading_mol_kg for p in result.points] == [0.0, 0.0]
    assert all(p.n_moves == 0 and math.isnan(p.heat_of_adsorption_kj_mol) for p in result.points)
    assert result.henry is not None
    assert result.henry.henry_coefficient_mol_kg_pa == 0.0
    assert math.isnan(result.henry.heat_of_adsorption_kj_mol)
    assert result.void_fraction == pytest.approx(0.0, abs=1e-6)


def test_a_mixture_without_room_takes_up_nothing_and_is_not_sampled() -> None:
    settings = GCMCSettings(cutoff_angstrom=8.0, grid_spacing_angstrom=0.4, max_moves=10**9, widom_insertions=20_000)
    (point,) = run_mixture(cubic_carbon(2.5), (load_guest("CH4"), load_guest("H2")), {"CH4": 0.5, "H2": 0.5}, CARBON,
                           273.0, [1e5], settings).points
    assert point.loadings_mol_kg == {"CH4": 0.0, "H2": 0.0}
    assert (point.n_moves, point.equilibrated) == (0, True)


def test_a_crystal_with_room_is_sampled() -> None:
    result = isotherm(6.0, 10_000)
    assert not result.no_room
    assert result.points[1].loading_mol_kg > 0.0
