"""AIF files, read back with gemmi."""

from dataclasses import replace
from pathlib import Path

import gemmi
import pytest

from zifsim.io.aif import write_aif
from zifsim.model.uptake import HenryResult, Isotherm, LoadingPoint

POINTS = tuple(LoadingPoint(p, 0.98 * p, n, 0.01, 0.99 * n, 20.0, 0.1, 15.0, 0.2, 1000, 100, 50.0, True, 1)
               for p, n in ((1e3, 0.02), (1e5, 1.25)))
ISOTHERM = Isotherm("CO2", "CO2-TraPPE", "PP", "ZIF-FF", "ZIF-62 A", "abc", 273.0, (2, 2, 2), POINTS,
                    HenryResult("CO2", 273.0, 2e-5, 1e-7, 25.0, 0.1, 1000, 1))
MADE = ("2026-01-02T03:04:05+00:00", "0.1.0.dev1+gabc")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_aif(tmp_path / "isotherm.aif", ISOTHERM, *MADE)
    return tmp_path / "isotherm.aif"


def test_aif_holds_every_point_in_its_units(written: Path) -> None:
    block = gemmi.cif.read(str(written)).sole_block()
    table = block.find(["_adsorp_pressure", "_adsorp_amount", "_adsorp_amount_excess"])
    assert [[float(x) for x in row] for row in table] == [[0.01, 0.02, 0.0198], [1.0, 1.25, 1.2375]]
    assert gemmi.cif.as_string(block.find_value("_adsnt_material_id")) == "ZIF-62 A"
    assert float(gemmi.cif.as_string(block.find_value("_adsorp_henry"))) == pytest.approx(2.0)
    assert gemmi.cif.as_string(block.find_value("_simltn_forcefield_adsorbent")) == "PP, charges ZIF-FF"


def test_aif_has_the_saturation_pressure_where_there_is_one(written: Path, tmp_path: Path) -> None:
    assert "_adsorp_p0" not in written.read_text()
    write_aif(tmp_path / "cold.aif", replace(ISOTHERM, saturation_pressure_pa=2e5), *MADE)
    block = gemmi.cif.read(str(tmp_path / "cold.aif")).sole_block()
    assert list(block.find_loop("_adsorp_p0")) == ["2", "2"]


def test_aif_of_a_gas_without_room_has_unknown_heat(tmp_path: Path) -> None:
    henry = HenryResult("CO2", 273.0, 0.0, 0.0, float("nan"), float("nan"), 1000, 1)
    write_aif(tmp_path / "none.aif", replace(ISOTHERM, henry=henry), *MADE)
    block = gemmi.cif.read(str(tmp_path / "none.aif")).sole_block()
    assert block.find_value("_adsorp_enthalpy") == "?"
    assert float(gemmi.cif.as_string(block.find_value("_adsorp_henry"))) == 0.0
