"""Peng–Robinson against reference equations of state, against itself by other routes, and in its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from published_gases import SATURATED, Row
from scipy.integrate import quad
from scipy.optimize import brentq

from zifsim.errors import InputError
from zifsim.gcmc.eos import PengRobinson
from zifsim.gcmc.reference_eos import ReferenceEquation
from zifsim.io.guests import load_guest

R = 8.31446261815324


def gas(name: str, metastable: bool = False) -> PengRobinson:
    return PengRobinson(load_guest(name), metastable)


def pressure(eos: PengRobinson, temperature: float, volume: float) -> float:
    """p(T, V) as the paper writes it, a form that the class never evaluates."""
    a, b = eos.attraction_pa_m6_mol2(temperature), eos.covolume_m3_mol
    return R * temperature / (volume - b) - a / (volume * (volume + b) + b * (volume - b))


@pytest.mark.parametrize(("name", "temperature", "p"), [
    ("CO2", 273.0, 1e5), ("CO2", 273.0, 1e6), ("N2", 77.0, 5e4), ("N2", 273.0, 1e5), ("CH4", 273.0, 1e5),
    ("O2", 273.0, 1e5), ("H2", 77.0, 1e5)])
def test_fugacity_and_density_agree_with_reference_equations_of_state(name: str, temperature: float, p: float) -> None:
    """Which in turn agree with their published tables: test_bulk.py."""
    eos, reference = gas(name), ReferenceEquation(name)
    assert eos.fugacity_pa(temperature, p) == pytest.approx(reference.fugacity_pa(temperature, p), rel=5e-3)
    density = reference.molar_density_mol_m3(temperature, p)
    assert eos.molar_density_mol_m3(temperature, p) == pytest.approx(density, rel=5e-3)


USED = {"N2": 77.0, "O2": 90.0, "H2": 1e9}     # K; a cubic equation is worse further below, and for hydrogen


@pytest.mark.parametrize("row", [row for row in SATURATED if row.temperature >= USED.get(row.gas, 0.0)],
                         ids=lambda row: f"{row.gas} {row.temperature:g} K")
def test_saturation_pressure_is_within_two_per_cent_of_the_published_tables(row: Row) -> None:
    assert gas(row.gas).saturation_pressure_pa(row.temperature) == pytest.approx(row.pressure_pa[0], rel=0.02)


@pytest.mark.parametrize(("name", "temperature", "p"), [
    ("CO2", 273.0, 1e6), ("N2", 77.0, 1e5), ("CH4", 273.0, 1e7), ("H2", 77.0, 1e6),
])
def test_fugacity_is_the_integral_of_z_minus_one_over_p(name: str, temperature: float, p: float) -> None:
    eos = gas(name, metastable=True)
    integral, _ = quad(
        lambda x: (eos.compressibility(temperature, x) - 1.0) / x, 1e-3, p, epsabs=1e-10, limit=200)
    assert math.log(eos.fugacity_coefficient(temperature, p)) == pytest.approx(integral, abs=1e-7)


@pytest.mark.parametrize(("name", "temperature", "p"), [
    ("CO2", 273.0, 3e6), ("N2", 77.0, 1e5), ("N2", 77.0, 1e-3), ("O2", 273.0, 1e5), ("N2", 77.0, 1e6),
])
def test_every_root_lies_on_the_explicit_isotherm(name: str, temperature: float, p: float) -> None:
    eos = gas(name)
    roots = eos.compressibility_roots(temperature, p)
    volumes = roots * R * temperature / p
    assert np.all(volumes > eos.covolume_m3_mol)
    tension = R * temperature / volumes[0]     # scale of the two large terms that nearly cancel
    for volume in volumes:
        assert pressure(eos, temperature, volume) == pytest.approx(p, rel=1e-9, abs=1e-9 * tension)


def test_three_roots_between_the_spinodals_and_one_outside() -> None:
    eos = gas("N2", metastable=True)
    b = eos.covolume_m3_mol
    volumes = np.geomspace(1.05 * b, 200 * b, 20001)
    isotherm = np.array([pressure(eos, 77.0, v) for v in volumes])
    top = isotherm[volumes > 4 * b].max()       # vapour spinodal, found by scanning the isotherm
    assert len(eos.compressibility_roots(77.0, 0.999 * top)) == 3
    assert len(eos.compressibility_roots(77.0, 1.001 * top)) == 1
    assert eos.phase(77.0, 0.999 * top) == "vapour"
    assert eos.phase(77.0, 1.001 * top) == "liquid"


def test_saturation_obeys_maxwells_equal_area_rule() -> None:
    for name, temperature in [("N2", 77.0), ("CO2", 273.0)]:
        eos = gas(name)
        p0 = eos.saturation_pressure_pa(temperature)
        z = eos.compressibility_roots(temperature, p0)
        liquid, vapour = z[0] * R * temperature / p0, z[-1] * R * temperature / p0
        area, _ = quad(
            lambda v, e=eos, t=temperature: pressure(e, t, v), liquid, vapour, epsrel=1e-11, limit=500)
        assert area == pytest.approx(p0 * (vapour - liquid), rel=1e-7)


def test_vapour_branch_is_kept_beyond_saturation_where_it_is_asked_for() -> None:
    eos = gas("N2", metastable=True)
    p0 = eos.saturation_pressure_pa(77.0)
    assert p0 < 1e5
    assert eos.beyond_saturation(77.0, 1e5)
    assert not eos.beyond_saturation(77.0, 0.9 * p0)
    assert eos.phase(77.0, 1e5) == "vapour"
    assert 0.95 < eos.fugacity_coefficient(77.0, 1e5) < eos.fugacity_coefficient(77.0, p0)
    assert eos.compressibility(77.0, 1e5) > 0.9
    assert not gas("CO2").beyond_saturation(310.0, 1e8)
    stable = gas("N2")
    assert stable.phase(77.0, 1e5) == "liquid"
    assert stable.fugacity_pa(77.0, 1e5) < eos.fugacity_pa(77.0, 1e5)
    assert stable.fugacity_pa(77.0, p0) == pytest.approx(eos.fugacity_pa(77.0, p0), rel=1e-9)
    assert stable.molar_density_mol_m3(77.0, 1e5) == pytest.approx(eos.molar_density_mol_m3(77.0, p0), rel=1e-9)


def test_saturation_pressure_is_found_from_near_critical_to_very_cold() -> None:
    eos = gas("N2")
    temperatures = np.linspace(15.0, 126.191, 40)
    pressures = np.array([eos.saturation_pressure_pa(t) for t in temperatures])
    assert np.all(np.diff(pressures) > 0)
    assert pressures[0] < 1e-10
    assert pressures[-1] == pytest.approx(3395800.0, rel=1e-4)
    for t, p in zip(temperatures, pressures, strict=True):
        z = eos.compressibility_roots(t, p)
        assert len(z) == 3
        assert z[0] < z[-1]


def test_fugacity_coefficient_tends_to_one_with_the_second_virial_slope() -> None:
    for name, temperature in [("CO2", 273.0), ("N2", 77.0), ("H2", 77.0)]:
        eos = gas(name)
        virial = eos.covolume_m3_mol - eos.attraction_pa_m6_mol2(temperature) / (R * temperature)
        p = 10.0
        assert math.log(eos.fugacity_coefficient(temperature, p)) == pytest.approx(
            virial * p / (R * temperature), rel=1e-3)
        assert eos.fugacity_coefficient(temperature, 1e-6) == pytest.approx(1.0, abs=1e-9)


def test_critical_point_is_where_it_was_put() -> None:
    eos = gas("CO2")
    t, p = eos.guest.critical_temperature_k, eos.guest.critical_pressure_pa
    volume = 0.3074013 * R * t / p
    step = 1e-3 * volume
    assert pressure(eos, t, volume) == pytest.approx(p, rel=1e-6)
    slope = (pressure(eos, t, volume + step) - pressure(eos, t, volume - step)) / (2 * step)
    assert abs(slope * volume / p) < 1e-4
    assert eos.phase(t, p) == "supercritical"


def test_acentric_factor_is_recovered_from_the_saturation_pressure() -> None:
    # Pitzer's definition: ω = −log10(p0/pc) − 1 at T = 0.7 Tc
    for name in ("CO2", "N2", "O2", "CH4"):
        eos = gas(name)
        p0 = eos.saturation_pressure_pa(0.7 * eos.guest.critical_temperature_k)
        omega = -math.log10(p0 / eos.guest.critical_pressure_pa) - 1.0
        assert omega == pytest.approx(eos.guest.acentric_factor, abs=0.01)


def test_boiling_point_of_nitrogen_at_one_atmosphere() -> None:
    eos = gas("N2")
    boiling = brentq(lambda t: eos.saturation_pressure_pa(t) - 101325.0, 60.0, 120.0)
    assert boiling == pytest.approx(77.355, abs=0.3)     # Span et al. 2000, doi:10.1063/1.1349047, p. 1403


@pytest.mark.parametrize(("temperature", "p"), [
    (-77.0, 1e5), (0.0, 1e5), (math.nan, 1e5), (9.9, 1e5), (1e5, 1e5),
    (77.0, -1e5), (77.0, 0.0), (77.0, math.inf), (77.0, math.nan), (77.0, 1.01e8), (77.0, 1e-315),
])
def test_states_that_are_impossible_or_out_of_range_are_refused(temperature: float, p: float) -> None:
    with pytest.raises(InputError, match=r"must lie in 10 to 2000 K|above 0 and at most 1000 bar"):
        gas("N2").fugacity_pa(temperature, p)


@pytest.mark.parametrize("name", ["CO2", "N2", "O2", "CH4", "H2"])
def test_every_allowed_state_has_a_fugacity_and_a_density(name: str) -> None:
    eos = gas(name)
    for temperature in np.geomspace(10.0, 2000.0, 25):
        for p in np.geomspace(1e-7, 1e8, 25):
            assert 0.0 < eos.fugacity_pa(temperature, min(p, 1e8)) < math.inf
            assert eos.molar_density_mol_m3(temperature, min(p, 1e8)) > 0.0


def test_supercritical_gas_has_no_saturation_pressure() -> None:
    with pytest.raises(InputError, match="CH4 does not condense at 273 K"):
        gas("CH4").saturation_pressure_pa(273.0)
