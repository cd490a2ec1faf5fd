"""Mixtures: fugacities, the symmetry of like gases, the Henry limit, and resuming."""

import math
from dataclasses import replace

import numpy as np
import pytest
from gcmc_naive import CO2, CUBIC, FORCEFIELD, METHANE, quick_settings, toy_framework

from zifsim.errors import InputError
from zifsim.gcmc import mixtures
from zifsim.gcmc.engine import run_point
from zifsim.gcmc.eos import PengRobinson, mixture_fugacities_pa
from zifsim.gcmc.mixtures import merge_starts, run_mixture
from zifsim.gcmc.system import make_system
from zifsim.gcmc.widom import widom
from zifsim.io.guests import load_guest
from zifsim.model.uptake import MixturePoint

TEMPERATURE = 300.0
TWIN = replace(METHANE, name="CH4-twin", gas="twin")
FRAMEWORK = toy_framework(CUBIC * 1.2)


def test_mixture_fugacities_of_one_gas_split_in_two_are_its_shares():
    gas = load_guest("CO2")
    pure = PengRobinson(gas).fugacity_pa(300.0, 2e6)
    fugacities = mixture_fugacities_pa((gas, gas), (0.3, 0.7), 300.0, 2e6)
    assert fugacities == pytest.approx((0.3 * pure, 0.7 * pure), rel=1e-10)


def test_mixture_fugacities_obey_gibbs_and_duhem():
    # Σ yᵢ dln fᵢ/dy = 0 at constant temperature and pressure
    models, step = (load_guest("CO2"), load_guest("N2")), 1e-5
    for y in (0.15, 0.5, 0.9):
        up, down = (np.log(mixture_fugacities_pa(models, (y + s, 1 - y - s), 280.0, 3e6)) for s in (step, -step))
        assert np.array([y, 1 - y]) @ (up - down) / (2 * step) == pytest.approx(0.0, abs=1e-6)


def test_mixture_fugacities_become_partial_pressures():
    models = (load_guest("CO2"), load_guest("N2"), load_guest("CH4"))
    f = mixture_fugacities_pa(models, (0.2, 0.5, 0.3), 300.0, 10.0)
    assert f == pytest.approx((2.0, 5.0, 3.0), rel=1e-5)


def test_two_names_for_one_gas_share_its_loading():
    settings = quick_settings(min_moves=400_000, max_moves=400_000)
    pressure = 2e5
    points = [run_mixture(FRAMEWORK, (METHANE, TWIN), {"CH4": 0.3, "twin": 0.7}, FORCEFIELD, TEMPERATURE, [pressure],
                          replace(settings, seed=seed)).points[0] for seed in range(7, 12)]
    system = make_system(FRAMEWORK, METHANE, FORCEFIELD, TEMPERATURE, settings)
    alone, _ = run_point(system, pressure, PengRobinson(METHANE).fugacity_pa(TEMPERATURE, pressure), 3)
    for gas, fraction in (("CH4", 0.3), ("twin", 0.7)):
        mean = sum(p.loadings_mol_kg[gas] for p in points) / len(points)
        error = math.hypot(*(p.loading_errors_mol_kg[gas] for p in points)) / len(points)
        both = math.hypot(error, fraction * alone.loading_error_mol_kg)
        assert abs(mean - fraction * alone.loading_mol_kg) < 4.0 * both
    ratios = [p.selectivity("CH4", "twin") for p in points]
    error = math.hypot(*(e for _, e in ratios)) / len(points)
    assert abs(sum(ratio for ratio, _ in ratios) / len(points) - 1.0) < 4.0 * error


def test_selectivity_becomes_the_ratio_of_henry_coefficients():
    settings = quick_settings(min_moves=200_000, max_moves=3_000_000, target_relative_error=0.02)
    (point,) = run_mixture(FRAMEWORK, (CO2, METHANE), {"CO2": 0.5, "CH4": 0.5}, FORCEFIELD, TEMPERATURE, [2e3],
                           settings).points
    henry = [widom(FRAMEWORK, model, FORCEFIELD, TEMPERATURE, replace(settings, widom_insertions=200_000))
             for model in (CO2, METHANE)]
    expected = henry[0].henry_coefficient_mol_kg_pa / henry[1].henry_coefficient_mol_kg_pa
    relative = math.hypot(*(h.henry_error_mol_kg_pa / h.henry_coefficient_mol_kg_pa for h in henry))
    selectivity, error = point.selectivity("CO2", "CH4")
    # 1 %: what is left of the gases' attraction at 0.02 bar
    assert abs(selectivity - expected) < 4.0 * math.hypot(error, expected * relative) + 0.01 * expected


def test_finished_pressures_are_read_back(tmp_path):
    settings = quick_settings(min_moves=20_000, max_moves=20_000)
    arguments = (FRAMEWORK, (CO2, METHANE), {"CO2": 0.5, "CH4": 0.5}, FORCEFIELD, TEMPERATURE)

    def points(pressures, **where):
        return [repr(p) for p in run_mixture(*arguments, pressures, settings, **where).points]    # NaN ≠ NaN

    whole = points([1e4, 1e5])
    assert points([1e4], out_dir=tmp_path) == whole[:1]
    assert points([1e4, 1e5], out_dir=tmp_path) == whole


def test_both_starts_of_a_mixture_meet():
    settings = quick_settings(min_moves=80_000, max_moves=80_000, starts="both")
    points = [run_mixture(FRAMEWORK, (METHANE, TWIN), {"CH4": 0.3, "twin": 0.7}, FORCEFIELD, TEMPERATURE, [2e5],
                          replace(settings, seed=seed)).points[0] for seed in range(7, 12)]
    # within two standard errors in either gas: by chance one good point in ten is not
    met = [point for point in points if point.equilibrated]
    assert len(met) >= 3
    point = met[0]
    assert point.n_moves == 160_000
    for gas, loading in point.loadings_mol_kg.items():
        low, high = sorted((point.from_empty_mol_kg[gas], point.from_full_mol_kg[gas]))
        assert low <= loading <= high
    assert repr(MixturePoint.from_dict(point.to_dict())) == repr(point)


def mixture_point(a, b, errors=(0.1, 0.1)):
    return MixturePoint("host", 300.0, 1e5, {"CO2": 0.5, "CH4": 0.5}, {"CO2": a, "CH4": b},
                        dict(zip(("CO2", "CH4"), errors, strict=True)), "gcmc", n_moves=10,
                        ratio_errors={"CO2/CH4": 0.05}, molecules_per_cell=a + b, grid_error_k=0.1, ewald_error_k=0.2)


def test_starts_of_a_mixture_must_meet_in_every_gas():
    together = merge_starts(mixture_point(2.0, 1.0), mixture_point(2.1, 1.1))
    assert together.equilibrated
    assert together.loadings_mol_kg == pytest.approx({"CO2": 2.05, "CH4": 1.05})
    assert together.ratio_errors == pytest.approx({"CO2/CH4": 0.05 / math.sqrt(2.0)})
    apart = merge_starts(mixture_point(2.0, 1.0), mixture_point(2.1, 2.0))
    assert not apart.equilibrated
    assert apart.loading_errors_mol_kg["CH4"] == pytest.approx(0.5)
    assert apart.selectivity("CO2", "CH4")[1] > 0.3 * apart.selectivity("CO2", "CH4")[0]   # the loadings' own errors


def test_the_error_of_a_selectivity_knows_that_gases_compete():
    # of a fixed number of sites each is taken by a or by b: where one gains the other loses, and the ratio feels both
    taken = np.random.default_rng(5).binomial(10, 0.5, 40_000).astype(float)
    relative = mixtures._ratio_errors(np.stack([taken, 10.0 - taken], axis=1), ("CO2", "CH4"))["CO2/CH4"]
    alone = taken.std() / taken.mean() / math.sqrt(len(taken))
    assert relative == pytest.approx(2.0 * alone, rel=0.1)         # taken as independent it would be √2


@pytest.mark.parametrize(("composition", "message"), [
    ({"CO2": 0.5, "CH4": 0.6}, "sum to 1.1"), ({"CO2": 1.0, "CH4": 0.0}, "must be positive"),
    ({"CO2": 0.5, "N2": 0.5}, "but the gases are CO2, CH4")])
def test_a_composition_that_is_none_is_refused(composition, message):
    with pytest.raises(InputError, match=message):
        run_mixture(FRAMEWORK, (CO2, METHANE), composition, FORCEFIELD, TEMPERATURE, [1e5], quick_settings())
