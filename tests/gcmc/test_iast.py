"""IAST against exact results: extended Langmuir, one gas, Henry's limit, and an independent solution."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import fsolve

from zifsim.errors import InputError
from zifsim.gcmc.iast import PureGas, differences, iast
from zifsim.model.uptake import HenryResult, Isotherm, LoadingPoint, MixturePoint

PRESSURES = np.geomspace(1e2, 1e7, 16)


def langmuir(saturation: float, affinity: float) -> Callable[[float], float]:
    return lambda p: saturation * affinity * p / (1.0 + affinity * p)


def isotherm(gas: str, q: Callable[[float], float], pressures=PRESSURES, henry: float | None = None,
             relative_error: float = 0.0, fugacity_coefficient: float = 1.0, temperature: float = 273.0) -> Isotherm:
    points = tuple(LoadingPoint(float(p), fugacity_coefficient * float(p), q(p), relative_error * q(p), q(p), 1.0, 0.1,
                                20.0, 0.1, 1000, 100, 50.0, True, 1) for p in pressures)
    widom = HenryResult(gas, temperature, henry, relative_error * henry, 20.0, 0.1, 1000, 1) if henry else None
    return Isotherm(gas, gas, "PP", "ZIF-FF", "host", "abc", temperature, (1, 1, 1), points, widom)


@pytest.mark.parametrize("pressure", [1.0, 3e4, 1e5, 1.2e6])
def test_equal_saturations_give_the_extended_langmuir_model_exactly(pressure: float) -> None:
    affinities = {"CO2": 3e-5, "CH4": 4e-6, "N2": 1e-6}
    y = {"CO2": 0.15, "CH4": 0.25, "N2": 0.6}
    gases = [isotherm(g, langmuir(4.0, b), henry=4.0 * b) for g, b in affinities.items()]
    mixture = iast(gases, y, pressure, n_bootstrap=0)
    denominator = 1.0 + sum(affinities[g] * y[g] * pressure for g in y)
    for gas in y:
        assert mixture.loadings_mol_kg[gas] == pytest.approx(
            4.0 * affinities[gas] * y[gas] * pressure / denominator, rel=1e-9)
    assert mixture.selectivity("CO2", "N2")[0] == pytest.approx(30.0, rel=1e-9)
    assert mixture.source == "iast"


def test_unequal_saturations_agree_with_the_equations_solved_directly() -> None:
    models = {"CO2": langmuir(5.0, 3e-5), "N2": lambda p: 2.0 * (1e-6 * p) ** 0.9 / (1.0 + (1e-6 * p) ** 0.9)}
    y, pressure = {"CO2": 0.3, "N2": 0.7}, 5e5
    potential = {g: lambda p, q=q: quad(lambda u: q(math.exp(u)), math.log(1e-9), math.log(p), limit=200)[0]
                 for g, q in models.items()}

    def equations(unknown):
        x, log_a, log_b = unknown
        a, b = math.exp(log_a), math.exp(log_b)
        return [x * a / (0.3 * pressure) - 1.0, (1.0 - x) * b / (0.7 * pressure) - 1.0,
                potential["CO2"](a) - potential["N2"](b)]

    x, log_a, log_b = fsolve(equations, [0.9, math.log(2e5), math.log(5e6)])
    total = 1.0 / (x / models["CO2"](math.exp(log_a)) + (1.0 - x) / models["N2"](math.exp(log_b)))
    fine = np.geomspace(1e-2, 1e8, 400)
    mixture = iast([isotherm(g, q, fine) for g, q in models.items()], y, pressure, n_bootstrap=0)
    assert mixture.loadings_mol_kg["CO2"] == pytest.approx(x * total, rel=2e-4)
    assert mixture.loadings_mol_kg["N2"] == pytest.approx((1.0 - x) * total, rel=2e-4)


@pytest.mark.parametrize("pressure", [10.0, 1e2, 12345.0, 1e7])
def test_a_single_gas_is_its_own_isotherm(pressure: float) -> None:
    q = langmuir(4.0, 1e-5)
    assert iast([isotherm("CO2", q, henry=4e-5)], {"CO2": 1.0}, pressure, n_bootstrap=0).loadings_mol_kg[
        "CO2"] == pytest.approx(q(pressure), rel=1e-9)


def test_a_trace_in_a_mixture_with_nothing_else_leaves_the_other_gas_as_it_is() -> None:
    q = langmuir(4.0, 1e-5)
    gases = [isotherm("CO2", q, henry=4e-5), isotherm("N2", langmuir(3.0, 1e-6), henry=3e-6)]
    mixture = iast(gases, {"CO2": 1.0 - 1e-9, "N2": 1e-9}, 1e5, n_bootstrap=0)
    assert mixture.loadings_mol_kg["CO2"] == pytest.approx(q(1e5), rel=1e-7)
    absent = iast(gases, {"CO2": 1.0, "N2": 0.0}, 1e5, n_bootstrap=0)
    assert absent.loadings_mol_kg == {"CO2": pytest.approx(q(1e5)), "N2": 0.0}
    assert math.isnan(absent.selectivity("N2", "CO2")[0])


@pytest.mark.parametrize("y", [0.5, 1e-6])
def test_at_low_pressure_the_selectivity_is_the_ratio_of_henry_coefficients(y: float) -> None:
    gases = [isotherm("CO2", langmuir(5.0, 3e-5), henry=1.5e-4), isotherm("N2", langmuir(2.0, 1e-6), henry=2e-6)]
    mixture = iast(gases, {"CO2": y, "N2": 1.0 - y}, 1e-3, n_bootstrap=0)
    assert mixture.selectivity("CO2", "N2")[0] == pytest.approx(75.0, rel=1e-6)
    assert mixture.selectivity("N2", "CO2")[0] == pytest.approx(1.0 / 75.0, rel=1e-6)


def test_without_a_henry_coefficient_henrys_law_goes_through_the_first_point() -> None:
    q = langmuir(4.0, 1e-3)
    gas = isotherm("CO2", q, [1e3, 1e4])
    assert iast([gas], {"CO2": 1.0}, 500.0, n_bootstrap=0).loadings_mol_kg["CO2"] == pytest.approx(q(1e3) / 2.0)


def test_spreading_pressure_and_its_inverse_also_where_the_loading_has_a_step() -> None:
    pressures = np.array([1e2, 1e3, 2e3, 1e4, 1e5])
    loadings = np.array([0.01, 0.2, 3.0, 3.5, 3.6])      # the slope of p/q changes its sign
    gas = PureGas.through("N2", pressures, loadings, 1e-4)
    for p in np.geomspace(1.0, 1e5, 40):
        exact, _ = quad(lambda x: gas.loading(x) / x, 1e-12, p, points=pressures[pressures < p], limit=500)
        assert gas.potential(p) == pytest.approx(exact, rel=1e-6)
        assert gas.pressure_at(gas.potential(p)) == pytest.approx(p, rel=1e-9)
    assert [gas.loading(p) for p in pressures] == pytest.approx(loadings.tolist())


def test_beyond_the_last_point_there_is_an_error_or_the_langmuir_curve() -> None:
    affinities, y = {"CO2": 3e-5, "N2": 1e-6}, {"CO2": 0.5, "N2": 0.5}
    gases = [isotherm(g, langmuir(4.0, b), np.geomspace(1e3, 1e5, 5)) for g, b in affinities.items()]
    with pytest.raises(InputError, match="isotherm of N2 beyond its last point, 1 bar"):
        iast(gases, y, 1e5, n_bootstrap=0)
    mixture = iast(gases, y, 1e5, extrapolation="langmuir", n_bootstrap=0)
    assert mixture.loadings_mol_kg["N2"] == pytest.approx(4.0 * 0.05 / (1.0 + 1.55), rel=1e-3)
    straight = isotherm("N2", lambda p: 1e-6 * p, [1e3, 1e4])
    with pytest.raises(InputError, match="no saturation"):
        iast([straight], {"N2": 1.0}, 1e5, extrapolation="langmuir")


def test_errors_are_those_of_the_isotherms_and_repeat_with_the_seed() -> None:
    gases = [isotherm("CO2", langmuir(4.0, 1e-5), henry=4e-5, relative_error=0.02)]
    one = iast(gases, {"CO2": 1.0}, float(PRESSURES[8]), n_bootstrap=2000)
    # at a point of the isotherm the mixture of one gas has the point's error; 2000 draws know it to 1.6 % (one sigma)
    assert one.loading_errors_mol_kg["CO2"] == pytest.approx(0.02 * one.loadings_mol_kg["CO2"], rel=0.06)
    both = [*gases, isotherm("N2", langmuir(3.0, 1e-6), henry=3e-6, relative_error=0.05)]
    first, again, other = (iast(both, {"CO2": 0.2, "N2": 0.8}, 1e5, seed=s) for s in (1, 1, 2))
    assert first == again
    assert first.loading_errors_mol_kg != other.loading_errors_mol_kg
    assert 0.01 < first.loading_errors_mol_kg["N2"] / first.loadings_mol_kg["N2"] < 0.08


def test_fugacities_are_read_against_fugacities() -> None:
    gas = isotherm("CO2", langmuir(4.0, 1e-5), fugacity_coefficient=0.5)
    mixture = iast([gas], {"CO2": 1.0}, 2e5, fugacities_pa={"CO2": 1e5}, n_bootstrap=0)
    assert mixture.loadings_mol_kg["CO2"] == pytest.approx(langmuir(4.0, 1e-5)(2e5), rel=1e-9)


def test_a_gas_without_room_takes_no_part() -> None:
    nothing = tuple(LoadingPoint(p, p, 0.0, 0.0, 0.0, 0.0, 0.0, math.nan, math.nan, 0, 0, 0.0, True, 1)
                    for p in (1e3, 1e5))
    closed = Isotherm("CH4", "CH4", "PP", "ZIF-FF", "host", "abc", 273.0, (1, 1, 1), nothing)
    q = langmuir(4.0, 1e-5)
    mixture = iast([isotherm("H2", q), closed], {"H2": 0.5, "CH4": 0.5}, 1e5, n_bootstrap=0)
    assert mixture.loadings_mol_kg == {"H2": pytest.approx(q(5e4), rel=1e-9), "CH4": 0.0}
    assert mixture.selectivity("CH4", "H2")[0] == 0.0


@pytest.mark.parametrize(("gases", "composition", "pressure", "sentence"), [
    (["CO2", "N2"], {"CO2": 1.0}, 1e5, "one isotherm for each gas"),
    (["CO2", "N2"], {"CO2": 0.5, "CH4": 0.5}, 1e5, "one isotherm for each gas"),
    (["CO2", "N2"], {"CO2": 0.5, "N2": 0.6}, 1e5, "sum to 1"),
    (["CO2", "N2"], {"CO2": -0.5, "N2": 1.5}, 1e5, "sum to 1"),
    (["CO2", "N2"], {"CO2": 0.5, "N2": 0.5}, 0.0, "above 0"),
    ([], {}, 1e5, "sum to 1"),
])
def test_what_cannot_be_a_mixture_is_refused(gases, composition, pressure, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        iast([isotherm(g, langmuir(4.0, 1e-5)) for g in gases], composition, pressure)


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"geometry_sha256": "b"}, "frameworks: two that are both called host, with their atoms in different places"),
    ({"framework": "other", "geometry_sha256": "b"}, "frameworks: host and other"),
    ({"framework_sha256": "other"}, "charges: two sets that are both called ZIF-FF"),
    ({"forcefield_sha256": "b"}, "force fields: two that are both called PP, with different parameters"),
    ({"settings": {"truncation": "tail", "cutoff_angstrom": 12.8}}, "truncations: truncated and tail"),
])
def test_what_bears_the_same_name_is_told_apart_by_its_content(changes: dict[str, Any], sentence: str) -> None:
    known = {"geometry_sha256": "a", "forcefield_sha256": "a",
             "settings": {"truncation": "truncated", "cutoff_angstrom": 12.8}}
    one = replace(isotherm("CO2", langmuir(4.0, 1e-5)), **known)
    other = replace(isotherm("N2", langmuir(4.0, 1e-6)), **known | changes)
    with pytest.raises(InputError, match=sentence):
        iast([one, other], {"CO2": 0.5, "N2": 0.5}, 1e5, n_bootstrap=0)
    allowed = iast([one, other], {"CO2": 0.5, "N2": 0.5}, 1e5, n_bootstrap=0, allow_different=True)
    assert allowed.loadings_mol_kg["CO2"] > allowed.loadings_mol_kg["N2"]


def test_a_gas_without_charges_does_not_feel_those_of_the_framework() -> None:
    one = replace(isotherm("CO2", langmuir(4.0, 1e-5)), geometry_sha256="a", framework_sha256="charged")
    other = replace(isotherm("CH4", langmuir(4.0, 1e-6)), geometry_sha256="a", framework_sha256="bare", charges="none")
    assert differences([one, other]) == []


def test_isotherms_of_different_temperatures_are_refused() -> None:
    q = langmuir(4.0, 1e-5)
    with pytest.raises(InputError, match="CO2 and N2 have other temperatures: 273 and 298 K"):
        iast([isotherm("CO2", q), isotherm("N2", q, temperature=298.0)], {"CO2": 0.5, "N2": 0.5}, 1e5)


def test_mixture_points_become_json_and_come_back() -> None:
    point = MixturePoint("host", 273.0, 1e5, {"CO2": 0.2, "N2": 0.8}, {"CO2": 1.0, "N2": 0.5},
                         {"CO2": 0.01, "N2": math.nan}, "iast")
    text = json.dumps(point.to_dict(), allow_nan=False)
    assert json.loads(text)["selectivities"]["CO2/N2"]["value"] == pytest.approx(8.0)
    assert repr(MixturePoint.from_dict(json.loads(text))) == repr(point)
    exact = MixturePoint("host", 273.0, 1e5, {"CO2": 0.2, "N2": 0.8}, {"CO2": 1.0, "N2": 0.5},
                         {"CO2": 0.03, "N2": 0.02}, "gcmc")
    assert exact.selectivity("CO2", "N2") == (pytest.approx(8.0), pytest.approx(8.0 * 0.05))
    assert exact.total_mol_kg == 1.5
