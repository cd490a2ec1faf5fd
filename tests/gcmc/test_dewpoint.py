"""Where a mixture condenses: against CoolProp's own Peng-Robinson flash, the limit of one gas, and what is said."""

import pytest

from zifsim.gcmc.dewpoint import condensation_notes, dew_pressure_pa, parts, phase_of
from zifsim.gcmc.eos import PengRobinson, mixture_is_liquid
from zifsim.io.guests import load_guest
from zifsim.model.guest import GuestModel

FLUIDS = {"CO2": "CarbonDioxide", "CH4": "Methane", "N2": "Nitrogen", "O2": "Oxygen"}
MIXTURES = [("CO2", "CH4", 0.5, 240.0), ("CO2", "CH4", 0.7, 230.0), ("N2", "O2", 0.79, 77.0),
            ("CO2", "N2", 0.9, 240.0), ("CH4", "N2", 0.5, 130.0)]


def gases(*names: str) -> list[GuestModel]:
    return [load_guest(name) for name in names]


@pytest.mark.parametrize(("one", "other", "fraction", "temperature"), MIXTURES)
def test_the_dew_and_bubble_points_are_those_of_an_independent_flash(one: str, other: str, fraction: float,
                                                                     temperature: float) -> None:
    """The same equation and mixing rule (no interaction parameters); the critical constants differ by 1e-4. (Near the
    mixture's critical point that flash ends in the trivial solution, so none of these lies there.)"""
    from CoolProp import AbstractState, CoolProp

    flash = AbstractState("PR", f"{FLUIDS[one]}&{FLUIDS[other]}")
    flash.set_mole_fractions([fraction, 1.0 - fraction])
    flash.update(CoolProp.QT_INPUTS, 1.0, temperature)
    dew = flash.p()
    flash.update(CoolProp.QT_INPUTS, 0.0, temperature)
    bubble = flash.p()
    assert abs(flash.mole_fractions_vapor()[0] - fraction) > 0.1
    models, y = gases(one, other), (fraction, 1.0 - fraction)
    assert dew_pressure_pa(models, y, temperature, 0.99 * bubble) == pytest.approx(dew, rel=5e-4)
    assert [parts(models, y, temperature, p) for p in (0.99 * dew, 1.01 * dew, 0.99 * bubble, 1.01 * bubble)] == [
        False, True, True, False]
    assert phase_of(models, y, temperature, 0.99 * dew) == "gas"
    if temperature == 77.0:
        assert phase_of(models, y, temperature, 1.01 * bubble) == "liquid"


def test_nearly_one_gas_condenses_where_that_gas_does() -> None:
    p0 = PengRobinson(load_guest("CO2")).saturation_pressure_pa(273.0)
    models, y = gases("CO2", "CH4"), (1.0 - 1e-7, 1e-7)
    assert [phase_of(models, y, 273.0, x * p0) for x in (0.999, 1.001)] == ["gas", "liquid"]
    assert dew_pressure_pa(models, y, 273.0, 1.5 * p0) == pytest.approx(p0, rel=1e-5)


@pytest.mark.parametrize("name", ["CO2", "N2"])
def test_liquid_of_one_fluid_is_what_the_equation_of_a_gas_calls_so(name: str) -> None:
    eos = PengRobinson(load_guest(name))
    critical = eos.guest.critical_temperature_k
    for temperature in (0.6 * critical, 0.95 * critical, 1.1 * critical):
        for pressure in (1e4, 1e6, 5e6, 9e7):
            assert mixture_is_liquid(gases(name), (1.0,), temperature, pressure) == (
                eos.phase(temperature, pressure) == "liquid")


def test_what_condenses_is_said_with_where_and_which_pressures() -> None:
    models, y = gases("CO2", "CH4"), (0.7, 0.3)
    assert condensation_notes(models, y, 230.0, (1e5, 12e5)) == []
    assert condensation_notes(gases("CO2", "H2"), (0.5, 0.5), 310.0, (1e5, 9e7)) == []       # nothing can condense
    two, liquid = condensation_notes(models, y, 230.0, (1e5, 20e5, 30e5, 90e5))
    assert two == ("0.7 CO2 + 0.3 CH4 condenses from 12.99 bar on at 230 K (Peng-Robinson, one-fluid mixing); at 20 "
                   "bar to 30 bar it parts into vapour and liquid, which no gas outside would be: the fugacities are "
                   "those of one phase of the composition asked for, which is not stable there.")
    assert "at 90 bar the fugacities are those of a liquid of this composition" in liquid
    (metastable,) = condensation_notes(models, y, 230.0, (20e5,), metastable=True)
    assert "vapour of the composition asked for" in metastable
