"""Widom insertion: exact cases, both host paths, and the published model of ZIF-8."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from gcmc_naive import (
    CO2,
    CUBIC,
    FORCEFIELD,
    METHANE,
    TRICLINIC,
    empty_box,
    host_lj,
    one_kind_framework,
    quick_settings,
    reference_data,
    reference_framework,
    reference_guest,
    system_of,
    toy_framework,
)

from zifsim.gcmc import widom as widom_module
from zifsim.gcmc.system import make_system
from zifsim.gcmc.widom import henry_from_blocks, mean_weights, widom, widom_in
from zifsim.units import AMU_KG, AVOGADRO, BOLTZMANN_J_K, GAS_CONSTANT, KELVIN_TO_KJ_MOL

TEMPERATURE = 300.0


def test_empty_box_has_the_henry_coefficient_of_an_ideal_gas_and_heat_rt():
    framework = empty_box(16.0)
    result = widom(framework, METHANE, FORCEFIELD, TEMPERATURE, quick_settings(widom_insertions=5000))
    ideal = 16.0**3 * 1e-30 / (BOLTZMANN_J_K * TEMPERATURE) / AVOGADRO / (framework.mass_amu * AMU_KG)
    assert result.henry_coefficient_mol_kg_pa == pytest.approx(ideal, rel=1e-6)
    assert result.heat_of_adsorption_kj_mol == pytest.approx(GAS_CONSTANT * TEMPERATURE / 1e3, abs=1e-5)


def test_errors_are_the_spread_of_independent_runs_and_an_ideal_gas_has_the_heat_rt():
    """Blocks made up from a normal distribution: many sets of twenty, whose results scatter as much as each says."""
    system = SimpleNamespace(volume=1000.0, temperature_k=TEMPERATURE, mass_amu=500.0, guest_models=(METHANE,),
                             framework=SimpleNamespace(name="made up"))
    rng = np.random.default_rng(1)
    energy, results = -800.0, []
    for _ in range(400):
        weights = rng.normal(5.0, 0.5, 20)
        blocks = np.stack([weights, weights * energy * rng.normal(1.0, 0.02, 20)], axis=1)
        results.append(henry_from_blocks(system, blocks, 1000, 1))
    for value, error in (("henry_coefficient_mol_kg_pa", "henry_error_mol_kg_pa"),
                         ("heat_of_adsorption_kj_mol", "heat_of_adsorption_error_kj_mol")):
        spread = np.std([getattr(r, value) for r in results], ddof=1)
        assert np.mean([getattr(r, error) for r in results]) == pytest.approx(spread, rel=0.15)     # 4 sigma of 400
    rt = GAS_CONSTANT * TEMPERATURE / 1e3
    mean = np.mean([r.heat_of_adsorption_kj_mol for r in results])
    assert mean == pytest.approx(rt - energy * KELVIN_TO_KJ_MOL, rel=2e-3)
    ideal = henry_from_blocks(system, np.tile([1.0, 0.0], (20, 1)), 1000, 1)
    assert ideal.heat_of_adsorption_kj_mol == pytest.approx(rt, rel=1e-12)
    assert ideal.henry_error_mol_kg_pa == 0.0


def test_mean_weight_equals_a_plain_quadrature_of_naive_sums():
    framework = toy_framework(CUBIC)
    system = system_of(framework, METHANE, TEMPERATURE, host_path="direct", truncation="shifted")
    axis = (np.arange(12) + 0.37) / 12
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3) @ CUBIC
    site = METHANE.sites[0]
    u = np.array([host_lj(p, site.epsilon_k, site.sigma_angstrom, framework, FORCEFIELD, 6.0, "shifted")
                  for p in points])
    w = np.exp(-u / TEMPERATURE)
    blocks = mean_weights(system, 100_000, 2)
    error = blocks.std(axis=0) / math.sqrt(len(blocks))
    # 1.1 Å between the quadrature's points: good to a per cent
    assert blocks[:, 0].mean() == pytest.approx(w.mean(), abs=4 * error[0] + 0.01 * w.mean())
    assert blocks[:, 1].mean() == pytest.approx((w * u).mean(), abs=4 * error[1] + 0.02 * abs((w * u).mean()))


@pytest.mark.parametrize("guest", [METHANE, CO2], ids=lambda g: g.name)
@pytest.mark.parametrize("cell", [CUBIC * 1.3, TRICLINIC * 1.3], ids=["cubic", "triclinic"])
def test_grid_and_direct_path_give_the_same_henry_coefficient_and_heat(guest, cell, monkeypatch):
    # A few deep places make up the average here, so the grid's error in each of them shows (test_grid.py: mean error).
    # The same placements on both paths: they share one bias, so that not even its rounding differs
    systems = [system_of(toy_framework(cell), guest, TEMPERATURE, host_path=path, truncation="shifted",
                         grid_spacing_angstrom=0.15, ewald_tolerance=1e-5, bias_exponent=0.0)
               for path in ("grid", "direct")]
    shared = widom_module.make_bias(systems[0].host, systems[0].guests, systems[0].new_scratch(), cell, (1, 1, 1),
                                    TEMPERATURE, 1.0, 1)
    monkeypatch.setattr(widom_module, "make_bias", lambda *_: shared)
    grid, direct = (mean_weights(system, 10_000, 5).mean(axis=0) for system in systems)
    assert grid[0] == pytest.approx(direct[0], rel=1e-3)
    # ⟨U⟩ within a kelvin
    assert grid[1] / grid[0] == pytest.approx(direct[1] / direct[0], abs=1.0)


def test_heat_is_the_temperature_derivative_of_the_henry_coefficient():
    framework, low, high = toy_framework(CUBIC), 295.0, 305.0
    results = {t: widom(framework, METHANE, FORCEFIELD, t, quick_settings(widom_insertions=200_000))
               for t in (low, 300.0, high)}
    # van 't Hoff: K_H ∝ ⟨w⟩/T and q = RT² d ln(K_H)/dT·(−1); RT is part of both
    slope = (math.log(results[high].henry_coefficient_mol_kg_pa / results[low].henry_coefficient_mol_kg_pa)
             / (1 / high - 1 / low))
    heat = slope * KELVIN_TO_KJ_MOL
    error = 4 * math.hypot(*(results[t].henry_error_mol_kg_pa / results[t].henry_coefficient_mol_kg_pa
                             for t in (low, high))) / (1 / low - 1 / high) * KELVIN_TO_KJ_MOL
    assert results[300.0].heat_of_adsorption_kj_mol == pytest.approx(heat, abs=error + 0.05)
    assert error < 1.0


def test_same_seed_same_result_and_another_seed_within_errors():
    system = system_of(toy_framework(CUBIC), METHANE, TEMPERATURE)
    first, second = mean_weights(system, 50_000, 1), mean_weights(system, 50_000, 1)
    assert np.array_equal(first, second)
    other = mean_weights(system, 50_000, 2)
    error = math.hypot(first[:, 0].std(), other[:, 0].std()) / math.sqrt(len(first))
    assert 0 < abs(first[:, 0].mean() - other[:, 0].mean()) < 4 * error


@pytest.mark.parametrize("sigma", [5.5, 8.5], ids=["repulsive-everywhere", "all-core"])
def test_a_host_without_room_takes_nothing(sigma):
    framework, forcefield = one_kind_framework([(0.1, 0.0, 0.0)], 4.0, 60.0, sigma)
    result = widom_in(system_of(framework, METHANE, TEMPERATURE, forcefield, widom_insertions=500))
    assert 0.0 <= result.henry_coefficient_mol_kg_pa < 1e-12
    assert math.isnan(result.heat_of_adsorption_kj_mol) == (result.henry_coefficient_mol_kg_pa == 0.0)


@pytest.mark.parametrize(("gas", "expected", "error", "insertions"), [
    ("CH4", 8.66, 0.02, 200_000), ("CO2", 16.54, 0.09, 200_000)])
def test_reference_model_of_zif8_has_its_known_mean_boltzmann_weight(gas, expected, error, insertions):
    # direct sums of independent codes at 273 K, 12 Å, shifted; the grid is coarse to be quick
    data = reference_data()
    framework, forcefield = reference_framework(data)
    system = make_system(framework, reference_guest(data, gas), forcefield, 273.0, quick_settings(
        cutoff_angstrom=12.0, truncation="shifted", grid_spacing_angstrom=0.3, ewald_tolerance=1e-4))
    weights = mean_weights(system, insertions, 1)[:, 0]
    own = weights.std(ddof=1) / math.sqrt(len(weights))
    assert own < 0.02 * expected
    assert weights.mean() == pytest.approx(expected, abs=4 * math.hypot(error, own))
