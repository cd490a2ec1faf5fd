"""Unit conversions against values worked out by hand."""

import pytest

from zifsim import units
from zifsim.units import LOADING_UNITS, loading_factor

# ZIF-8: 12 Zn(C4H5N2)2 of 227.59 g/mol = 2731.1 amu in the unit cell; 2×2×2 unit cells; CO2 44.01 g/mol
CASE = {"molar_mass_g_mol": 44.01, "unit_cell_mass_amu": 2731.1, "unit_cells": 8}


@pytest.mark.parametrize(("unit", "expected"), [
    ("mol_kg", 2.5),
    ("mmol_g", 2.5),
    ("ml_stp_g", 56.034925),                     # 2.5e-3 mol/g × 22413.97 mL/mol
    ("wt_percent", 11.0025),                     # 2.5 × 44.01 g in 1000 g
    ("molecules_per_unit_cell", 6.82775),        # 2.5 × 2731.1 / 1000
    ("molecules_per_supercell", 54.622),
])
def test_two_and_a_half_mol_per_kg_by_hand(unit, expected):
    assert 2.5 * loading_factor(unit, **CASE) == pytest.approx(expected, rel=1e-7)


def test_every_listed_unit_has_a_factor():
    assert all(loading_factor(unit, **CASE) > 0 for unit in LOADING_UNITS)


def test_the_molar_volume_at_stp_is_that_of_adsorption_papers():
    assert pytest.approx(22413.97, abs=0.005) == units.STP_ML_MOL


def test_molecules_per_cell_and_mol_per_kg_are_inverse():
    n = 5.0 * loading_factor("molecules_per_supercell", **CASE)
    assert units.molecules_to_mol_kg(n, 8 * 2731.1) == pytest.approx(5.0)


def test_energies_by_hand():
    assert pytest.approx(8.314462618e-3, rel=1e-9) == units.KELVIN_TO_KJ_MOL
    assert pytest.approx(167101.0, rel=1e-5) == units.COULOMB_K_ANGSTROM      # 1 e² at 1 Å
    assert pytest.approx(96.48533, rel=1e-6) == units.EV_TO_KJ_MOL
