"""The adsorption results survive JSON, also where a value is not a number, and speak every unit."""

import json
import math

import pytest

from zifsim.model.uptake import HenryResult, Isotherm, LoadingPoint

POINT = LoadingPoint(1e5, 9.9e4, 0.0, 1e-4, 0.0, 0.0, 1e-4, math.nan, math.nan, 1000, 0, 100.0, True, 1)
HENRY = HenryResult("N2", 77.0, 0.0, 0.0, math.nan, math.nan, 1000, 1)
PLAIN = Isotherm("N2", "N2-TraPPE", "PP", "ZIF-FF", "host", "abc", 77.0, (2, 2, 2), (POINT,), HENRY, {"seed": 1})
LOADED = LoadingPoint(5e4, 4.9e4, 2.0, 0.1, 1.9, 1.6, 0.08, 15.0, 0.2, 1000, 100, 50.0, True, 1)
FULL = Isotherm("N2", "N2-TraPPE", "PP", "ZIF-FF", "host", "abc", 77.0, (1, 1, 2), (POINT, LOADED), HENRY, {},
                molar_mass_g_mol=28.0, unit_cell_mass_amu=400.0, saturation_pressure_pa=1e5, void_fraction=0.5)


@pytest.mark.parametrize("isotherm", [PLAIN, FULL])
def test_isotherms_become_strict_json_and_come_back(isotherm: Isotherm) -> None:
    text = json.dumps(isotherm.to_dict(), allow_nan=False)
    back = Isotherm.from_dict(json.loads(text))
    assert back.supercell == isotherm.supercell
    assert math.isnan(back.points[0].heat_of_adsorption_kj_mol)
    assert back.points[0].loading_error_mol_kg == 1e-4
    assert back.henry is not None
    assert math.isnan(back.henry.heat_of_adsorption_kj_mol)
    assert back.to_dict() == isotherm.to_dict()
    assert repr(back) == repr(isotherm)
    assert isotherm.to_dict()["schema"] == 1


def test_the_table_has_absolute_and_excess_loading_in_every_unit() -> None:
    table = FULL.columns()
    row = {name: cells[1] for name, cells in table.items()}
    assert row["p_over_p0"] == 0.5
    assert row["loading_mol_kg"] == row["loading_mmol_g"] == 2.0
    assert row["excess_ml_stp_g"] == pytest.approx(1.9e-3 * 22413.97, rel=1e-6)
    assert row["loading_error_wt_percent"] == pytest.approx(0.28)
    assert row["loading_molecules_per_unit_cell"] == pytest.approx(0.8)
    assert row["loading_molecules_per_supercell"] == pytest.approx(LOADED.molecules_per_cell)
    assert table["heat_of_adsorption_kj_mol"] == [None, 15.0]
    assert FULL.to_dict()["derived"]["excess_wt_percent"] == pytest.approx([0.0, 5.32])


def test_above_the_critical_temperature_there_is_no_relative_pressure() -> None:
    assert PLAIN.columns()["p_over_p0"] == [None]


def test_an_isotherm_that_was_not_sampled_had_no_room() -> None:
    assert not FULL.no_room
    nothing = LoadingPoint(1e5, 9.9e4, 0.0, 0.0, 0.0, 0.0, 0.0, math.nan, math.nan, 0, 0, 0.0, True, 1)
    assert Isotherm("N2", "", "", "", "", "", 77.0, (1, 1, 1), (nothing,)).no_room
