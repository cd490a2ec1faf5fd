"""Slips are one sentence that says what to do, whatever function they are made in."""

import pytest

import zifsim
from zifsim.errors import InputError, UnknownNameError, ZifsimError


@pytest.mark.parametrize(("slip", "words"), [
    (lambda: zifsim.gas("CO3"), "Unknown gas or guest model 'CO3'. Did you mean 'CO2"),
    (lambda: zifsim.isotherm("ZIF-8", "CO3"), "Unknown gas or guest model 'CO3'"),
    (lambda: zifsim.isotherm("ZIF8", "CO2"), "Did you mean 'ZIF-8'"),
    (lambda: zifsim.isotherm("ZIF-8", "CH4", pressures_bar=-1), "A pressure of -1 bar cannot be sampled"),
    (lambda: zifsim.isotherm("ZIF-8", "CH4", pressures_bar=[]), "No pressure was given"),
    (lambda: zifsim.isotherm("ZIF-8", "CH4", pressures_bar=[1, 1.0]), "twice"),
    (lambda: zifsim.isotherm("ZIF-8", "CH4", pressures_bar="1 bar"), "pressures_bar must be numbers"),
    (lambda: zifsim.isotherm("ZIF-8", "CH4", temperature_k=0), "0 K"),
    (lambda: zifsim.isotherm("ZIF-8", "CH4", cutof_angstrom=12), "Unknown setting 'cutof_angstrom'. Did you mean"),
    (lambda: zifsim.isotherm("ZIF-8", "CH4", cutoff_angstrom=-12), "must lie in 3 to 30"),
    (lambda: zifsim.isotherm("ZIF-62", "CO2", charges="PP"), "Charge set PP has no value for"),
    (lambda: zifsim.load("ZIF-62", charges="PP"), "Charge set PP has no value for"),
    (lambda: zifsim.henry("ZIF-8", "CH4", temperature_k=-3), "-3 K"),
    (lambda: zifsim.mixture("ZIF-8", {"CO2": 0.5, "N2": 0.4}), "sum to 0.9"),
    (lambda: zifsim.mixture("ZIF-8", {"CO2": 1.0}), "at least two gases"),
    (lambda: zifsim.iast([], {"CO2": 0.5, "N2": 0.5}), "CO2"),
    (lambda: zifsim.access("ZIF-8", {"CO3": 273}), "Unknown gas or guest model 'CO3'"),
    (lambda: zifsim.access("ZIF-8", {"CO2": 273}, hours=-1), "above 0 and at most"),
    (lambda: zifsim.melt("ZIF-8", hold_ps=-1), "hold"),
    (lambda: zifsim.melt("ZIF-8", timestep=1), "Unknown setting 'timestep'"),
    (lambda: zifsim.analyse("ZIF-8", rmax=3), "Unknown setting 'rmax'. Did you mean 'r_max'"),
    (lambda: zifsim.run_study("quik"), "quik"),
    (lambda: zifsim.run_study("quick", changes={"melt.hold": 1}), "hold"),
])
def test_a_slip_is_one_sentence(slip, words):
    with pytest.raises(ZifsimError) as caught:
        slip()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_wrong_charts_units_and_gases_of_pictures_are_named(zif8):
    analysis = zifsim.analyse(zif8)
    with pytest.raises(UnknownNameError, match="Did you mean 'angles'"):
        analysis.plot(chart="angle")
    with pytest.raises(InputError, match="has no panel 7; it has: 0"):
        analysis.plot(panel=7)
