"""The gas outside: which equation of state, which branch, and the reference equations against published values."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from published_gases import SATURATED, SINGLE, Row
from scipy.integrate import quad

from zifsim.errors import InputError
from zifsim.gcmc.bulk import equation_of_state, notes_of, why_not_reference
from zifsim.gcmc.eos import PengRobinson, mixture_fugacities_pa
from zifsim.gcmc.potential import quantum_note
from zifsim.gcmc.reference_eos import ReferenceEquation
from zifsim.io.guests import load_guest

GASES = ("CO2", "N2", "O2", "CH4", "H2")

MILLIKELVIN = 2e-4          # of a pressure or density, where the printed temperature is what was rounded


def near(printed: tuple[float, float], by_pressure: bool = False) -> object:
    """Equal to a printed number within one unit of its last digit."""
    value, digit = printed
    return pytest.approx(value, abs=max(digit, MILLIKELVIN * value if by_pressure else 0.0))


@pytest.mark.parametrize("row", SATURATED, ids=lambda row: f"{row.gas} {row.temperature:g} K")
def test_saturation_pressure_and_vapour_are_those_of_the_published_tables(row: Row) -> None:
    eos, by_pressure = ReferenceEquation(row.gas), row.pressure_unit != 1e6
    assert eos.saturation_pressure_pa(row.temperature) == near(row.pressure_pa, by_pressure)
    if row.density:
        saturation = eos.saturation_pressure_pa(row.temperature)
        assert eos.molar_density_mol_m3(row.temperature, saturation) == near(row.molar_density, by_pressure)


@pytest.mark.parametrize("row", SINGLE, ids=lambda row: f"{row.gas} {row.temperature:g} K {row.pressure} MPa")
def test_the_density_of_a_gas_is_that_of_the_published_tables(row: Row) -> None:
    density = ReferenceEquation(row.gas).molar_density_mol_m3(row.temperature, row.pressure_pa[0])
    assert density == near(row.molar_density)


@pytest.mark.parametrize(("name", "temperature", "p"), [
    ("CO2", 273.0, 1e6), ("CH4", 273.0, 1e7), ("H2", 77.0, 1e7), ("N2", 300.0, 5e7), ("O2", 100.0, 2e5),
])
def test_fugacity_is_the_integral_of_z_minus_one_over_p(name: str, temperature: float, p: float) -> None:
    eos = ReferenceEquation(name)
    constant = eos._state().gas_constant()      # of the equation's time: 8.31451 in most, 8.31446 today

    def integrand(log_p: float) -> float:
        x = math.exp(log_p)
        return x / (eos.molar_density_mol_m3(temperature, x) * constant * temperature) - 1.0

    integral, _ = quad(integrand, math.log(1e-6 * p), math.log(p), epsabs=1e-9, limit=100)
    assert math.log(eos.fugacity_coefficient(temperature, p)) == pytest.approx(integral, abs=1e-6)


def test_hydrogen_at_77_k_and_100_bar_is_not_what_peng_robinson_says() -> None:
    hydrogen = load_guest("H2")
    fugacity = equation_of_state(hydrogen, 77.0).fugacity_pa(77.0, 1e7)     # the integral of its Z − 1: tested above
    assert PengRobinson(hydrogen).fugacity_pa(77.0, 1e7) / fugacity - 1.0 == pytest.approx(-0.13, abs=0.005)


@pytest.mark.parametrize("equation", [ReferenceEquation("CO2"), PengRobinson(load_guest("CO2"))])
def test_fugacity_of_co2_never_falls_with_rising_pressure(equation: ReferenceEquation | PengRobinson) -> None:
    pressures = np.linspace(1e5, 80e5, 80)
    for temperature in (230.0, 273.0, 300.0):
        fugacities = [equation.fugacity_pa(temperature, float(p)) for p in pressures]
        assert np.all(np.diff(fugacities) > 0.0)


def test_beyond_saturation_the_liquid_is_taken_unless_the_metastable_vapour_is_asked_for() -> None:
    carbon_dioxide = load_guest("CO2")
    stable = equation_of_state(carbon_dioxide, 273.0)
    kept = equation_of_state(carbon_dioxide, 273.0, metastable=True)
    p0 = stable.saturation_pressure_pa(273.0)
    assert [stable.phase(273.0, p) for p in (0.99 * p0, p0, 1.01 * p0)] == ["vapour", "vapour", "liquid"]
    assert [kept.phase(273.0, p) for p in (1.01 * p0, 42e5, 45e5)] == ["vapour", "vapour", "liquid"]
    # Beyond p0, d ln f/dp = V/RT; liquid at 273 K by Span & Wagner, Table 34: 999 kg/m³ at 260 K, 884 at 280 K
    poynting = 5e5 * 44.0098e-3 / 929.0 / (8.31451 * 273.0)
    ratio = stable.fugacity_pa(273.0, 50e5) / stable.fugacity_pa(273.0, 45e5)
    assert math.log(ratio) == pytest.approx(poynting, rel=0.03)
    assert kept.fugacity_pa(273.0, 40e5) > stable.fugacity_pa(273.0, 40e5) > stable.fugacity_pa(273.0, p0)
    # vapour and liquid meet at p0
    assert stable.fugacity_pa(273.0, p0 * (1 + 1e-8)) == pytest.approx(stable.fugacity_pa(273.0, p0), rel=1e-6)
    # the excess is over what is left of the vapour
    assert stable.molar_density_mol_m3(273.0, 45e5) == pytest.approx(stable.molar_density_mol_m3(273.0, p0), rel=1e-6)


def test_the_root_of_the_lowest_gibbs_energy_is_taken_of_a_mixture() -> None:
    gases, fractions = [load_guest("CO2"), load_guest("CH4")], (0.95, 0.05)

    def gibbs(pressure: float, metastable: bool = False) -> float:
        return float(np.dot(fractions, np.log(mixture_fugacities_pa(gases, fractions, 250.0, pressure, metastable))))

    assert np.all(np.diff([gibbs(p) for p in np.linspace(10e5, 60e5, 60)]) > 0.0)
    assert gibbs(25e5) < gibbs(25e5, metastable=True)
    assert gibbs(10e5) == gibbs(10e5, metastable=True)


@pytest.mark.parametrize("name", GASES)
def test_named_gases_are_taken_by_their_reference_equation(name: str) -> None:
    eos = equation_of_state(load_guest(name), 298.0)
    assert "CoolProp" in eos.name
    assert eos.source.startswith("doi:")
    assert notes_of((load_guest(name),), 298.0) == []


@pytest.mark.parametrize("name", GASES)
def test_every_allowed_state_has_a_fugacity_and_a_density(name: str) -> None:
    for temperature in np.geomspace(10.0, 2000.0, 8):
        eos = equation_of_state(load_guest(name), float(temperature))
        for p in np.geomspace(1e-7, 9.99e7, 7):
            assert 0.0 < eos.fugacity_pa(float(temperature), float(p)) < math.inf
            assert eos.molar_density_mol_m3(float(temperature), float(p)) > 0.0


def test_a_gas_of_the_user_or_out_of_range_is_taken_by_peng_robinson_and_that_is_said() -> None:
    carbon_dioxide = load_guest("CO2")
    own = replace(carbon_dioxide, gas="CO2-like")
    assert equation_of_state(own, 273.0).name == "Peng-Robinson"
    assert why_not_reference(own, 273.0) == ""
    strange = replace(carbon_dioxide, critical_temperature_k=200.0)
    assert equation_of_state(strange, 273.0).name == "Peng-Robinson"
    assert "critical constants" in notes_of((strange,), 273.0)[0]
    assert equation_of_state(carbon_dioxide, 195.0).name == "Peng-Robinson"
    assert "outside the reference equation of CO2 (216.592 to 2000 K)" in notes_of((carbon_dioxide,), 195.0)[0]


@pytest.mark.parametrize(("temperature", "p"), [
    (-77.0, 1e5), (math.nan, 1e5), (9.9, 1e5), (77.0, 0.0), (77.0, -1.0), (77.0, math.nan), (77.0, 1.01e8),
    (77.0, 1e-315),
])
def test_states_that_are_impossible_or_out_of_range_are_refused(temperature: float, p: float) -> None:
    with pytest.raises(InputError, match=r"must lie in 10 to 2000 K|above 0 and at most 1000 bar"):
        equation_of_state(load_guest("N2"), temperature).fugacity_pa(temperature, p)


def test_a_supercritical_gas_has_no_saturation_pressure() -> None:
    eos = equation_of_state(load_guest("CH4"), 273.0)
    assert math.isnan(eos.saturation_or_nan_pa(273.0))
    assert eos.phase(273.0, 1e5) == "supercritical"
    with pytest.raises(InputError, match="CH4 does not condense at 273 K"):
        eos.saturation_pressure_pa(273.0)


def test_fugacity_tends_to_the_pressure_of_an_ideal_gas() -> None:
    for name in GASES:
        for temperature in (77.0, 298.0):
            eos = equation_of_state(load_guest(name), temperature)
            assert eos.fugacity_pa(temperature, 1e-3) == pytest.approx(1e-3, rel=1e-5)


def test_feynman_hibbs_out_of_its_range_is_said() -> None:
    hydrogen = load_guest("H2")
    assert quantum_note(hydrogen, 77.0) == ""
    assert quantum_note(hydrogen, 42.0) == ""
    assert "out of its range below 41 K" in quantum_note(hydrogen, 40.0)
    assert quantum_note(load_guest("H2-Buch"), 20.0) == ""
    assert quantum_note(load_guest("CO2"), 20.0) == ""
    assert notes_of((hydrogen,), 20.0)[0] == quantum_note(hydrogen, 20.0)
