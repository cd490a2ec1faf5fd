"""The reference numbers, and what they imply about themselves."""

import csv
from pathlib import Path

import pytest

from zifsim.compare.reference import composition_tension, implied_zif8, load_reference

TRANSCRIBED = Path(__file__).resolve().parents[1] / "data/longley2019"


def transcribed_rows(name: str) -> list[dict[str, str]]:
    with open(TRANSCRIBED / name, encoding="utf-8") as stream:
        return list(csv.DictReader(line for line in stream if not line.startswith("#")))


def test_table1_has_four_materials_and_five_gases() -> None:
    reference = load_reference()
    assert len(reference.table1) == 20
    assert len(reference.materials) == 4
    assert len({(r.material, r.gas) for r in reference.table1}) == 20
    assert all(r.low == r.high and r.simulation is not None for r in reference.table1)
    assert all("doi:10." in r.origin for r in reference.table1)


def test_table1_equals_an_independent_transcription() -> None:
    reference = load_reference()
    rows = transcribed_rows("table1.csv")
    assert len(rows) == 20
    for row in rows:
        ours = reference.find(row["material"], row["gas"])
        assert ours.high == float(row["experiment_ml_stp_g"])
        assert ours.simulation == float(row["simulation_ml_stp_g"])
        assert ours.temperature_k == float(row["temperature_k"])
        assert ("Widmer" in ours.origin) == (row["experiment_origin"] == "ref50")


def test_every_value_of_the_text_is_carried() -> None:
    reference = load_reference()
    uptakes = (*reference.text, *reference.cited)
    known = {(r.material, value) for r in uptakes for value in (r.high, r.simulation)}
    known |= {(p.material, p.value) for p in reference.properties}
    for row in transcribed_rows("text_values.csv"):
        assert (row["material"], float(row["value"])) in known, row


def test_measured_zeros_are_kinetic() -> None:
    zeros = {(r.material, r.gas) for r in load_reference().table1 if r.kinetic_zero}
    assert zeros == {("ZIF-62", "O2"), ("ZIF-62", "N2"), ("agZIF-62", "N2")}


def test_implied_zif8_uptakes_are_those_worked_out_by_hand() -> None:
    implied = {i.gas: i for i in implied_zif8(load_reference())}
    by_hand = {
        "H2": (77.5, 80.5), "CO2": (11.9, 14.3), "O2": (1.2, 3.7), "N2": (339.2, 345.9), "CH4": (6.1, 7.9),
    }
    for gas, (crystal, glass) in by_hand.items():
        assert implied[gas].simulation_crystal == pytest.approx(crystal, abs=1e-9)
        assert implied[gas].simulation_glass == pytest.approx(glass, abs=1e-9)
        assert implied[gas].rounding == pytest.approx(0.45)
        assert implied[gas].simulation_disagrees
    assert implied["H2"].experiment_crystal == pytest.approx(2.5)
    assert implied["CH4"].experiment_crystal == pytest.approx(-32.0)


def test_stated_composition_contradicts_the_occupancies() -> None:
    tension = composition_tension(load_reference())
    assert (tension.bim_per_cell_from_occupancy, tension.bim_per_cell_stated) == (3.0, 4.0)
    assert tension.formula_from_occupancy == "Zn(Im)1.8125(bIm)0.1875"
    assert tension.formula_stated == "Zn(Im)1.75(bIm)0.25"


def test_zif8_is_compared_with_ranges() -> None:
    ranges = {(r.gas, r.temperature_k): (r.low, r.high) for r in load_reference().zif8}
    assert ranges["CO2", 273.0] == (30.0, 41.0)
    assert ranges["N2", 77.0] == (290.0, 550.0)
