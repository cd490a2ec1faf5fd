"""Errors of correlated series against their true spread, equilibration, and heats with exact answers.

All statistical claims use fixed seeds; a spread measured over k seeds is itself known to 1/sqrt(2k).
"""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from zifsim.errors import SimulationError
from zifsim.gcmc.statistics import SeriesSummary, heat_of_adsorption, summarise


def ar1(tau: float, n: int, seed: int) -> NDArray[np.float64]:
    """Stationary AR(1) series of variance 1 whose autocorrelation is exp(−t/tau)."""
    rho = math.exp(-1.0 / tau)
    noise = np.random.default_rng(seed).standard_normal(n) * math.sqrt(1.0 - rho * rho)
    noise[0] /= math.sqrt(1.0 - rho * rho)
    return lfilter([1.0], [1.0, -rho], noise)


def birth_death(mean: float, n: int, seed: int) -> NDArray[np.float64]:
    """Counts from a grand canonical walk of an ideal gas: Poisson of the given mean, correlated."""
    rng = np.random.default_rng(seed)
    counts, current = np.empty(n), 0
    for i, (insert, u) in enumerate(zip(rng.random(n) < 0.5, rng.random(n), strict=True)):
        if insert:
            current += u < mean / (current + 1)
        else:
            current -= u < current / mean
        counts[i] = current
    return counts


def true_inefficiency(tau: float) -> float:
    rho = math.exp(-1.0 / tau)
    return (1.0 + rho) / (1.0 - rho)


@pytest.mark.parametrize(("tau", "n"), [(1.0, 1000), (10.0, 10_000), (50.0, 10_000), (100.0, 100_000)])
def test_standard_error_covers_the_true_spread_of_correlated_series(tau: float, n: int) -> None:
    seeds = 150                                     # spread known to 6 %
    every = [summarise(ar1(tau, n, seed)) for seed in range(seeds)]
    results = [r for r in every if r.equilibrated]      # the error of an unsettled series is its drift
    error = math.sqrt(np.mean([r.standard_error**2 for r in results]))
    spread = float(np.std([r.mean for r in results]))
    exact = math.sqrt(true_inefficiency(tau) / n)
    assert error == pytest.approx(spread, rel=0.15)
    assert error == pytest.approx(exact, rel=0.10)
    effective = np.median([r.effective_samples for r in results])
    assert effective == pytest.approx(n / true_inefficiency(tau), rel=0.15)
    assert len(results) > 0.97 * seeds


def test_few_effective_samples_are_not_passed_off_as_many() -> None:
    results = [summarise(ar1(200.0, 4000, seed)) for seed in range(60)]      # worth 10 samples
    assert np.mean([r.equilibrated for r in results]) < 0.25
    assert np.median([r.effective_samples for r in results]) < 20.0


def test_poisson_counts_have_the_error_of_independent_samples() -> None:
    mean, n = 3.0, 5000
    exact = math.sqrt(mean / n)
    results = [r for r in (summarise(np.random.default_rng(seed).poisson(mean, n)) for seed in range(60))
               if r.equilibrated]
    assert len(results) >= 55
    assert math.sqrt(np.mean([r.standard_error**2 for r in results])) == pytest.approx(exact, rel=0.10)
    assert np.std([r.mean for r in results]) == pytest.approx(exact, rel=3 / math.sqrt(120))     # 3 sigma
    for result in results:
        assert abs(result.mean - mean) < 4.0 * exact
        assert result.effective_samples <= n - result.equilibration_index
    assert np.mean([r.equilibrated for r in results]) > 0.95


def test_walk_that_starts_empty_is_cut_and_its_mean_is_within_its_error() -> None:
    pulls = []
    for seed in range(40):
        result = summarise(birth_death(40.0, 10_000, seed))
        pulls.append((result.mean - 40.0) / result.standard_error)
    assert np.max(np.abs(pulls)) < 4.5
    assert 0.75 < math.sqrt(np.mean(np.square(pulls))) < 1.35     # known to 11 %, and what the start leaves


def test_drifting_start_is_cut() -> None:
    for seed in range(10):
        series = 30.0 + ar1(10.0, 20_000, seed)
        series[:4000] -= np.linspace(30.0, 0.0, 4000)
        result = summarise(series)
        assert 3000 <= result.equilibration_index <= 6000
        assert result.equilibrated
        assert abs(result.mean - 30.0) < 5.0 * math.sqrt(true_inefficiency(10.0) / 16_000)


def test_series_that_never_settles_is_flagged() -> None:
    n = 20_000
    for seed in range(5):
        ramp = np.linspace(0.0, 30.0, n) + ar1(10.0, n, seed)
        late = np.where(np.arange(n) < 0.7 * n, 0.0, 30.0) + ar1(10.0, n, seed)
        stuck = np.concatenate([np.round(5 * ar1(10.0, n // 3, seed)), np.full(n - n // 3, 7.0)])
        for series in (ramp, late, stuck, np.cumsum(ar1(1.0, n, seed))):
            assert not summarise(series).equilibrated


def test_slow_drift_is_flagged_even_with_many_effective_samples() -> None:
    n = 20_000
    for seed in range(5):
        series = np.random.default_rng(seed).standard_normal(n) + np.linspace(0.0, 0.25, n)
        assert not summarise(series).equilibrated


def test_block_averaging_of_long_series_changes_neither_mean_nor_error() -> None:
    series = ar1(30.0, 100_007, 3)
    long, short = summarise(series), summarise(series[7 + 100_000 - 2000 * 50:])
    assert long.mean == pytest.approx(series[long.equilibration_index:].mean(), abs=1e-12)
    assert long.standard_error == pytest.approx(short.standard_error, rel=0.02)
    assert long.standard_error == pytest.approx(math.sqrt(true_inefficiency(30.0) / 100_000), rel=0.15)


def test_empty_series_of_counts_gets_the_poisson_bound() -> None:
    assert summarise(np.zeros(500)) == SeriesSummary(0.0, 1 / 500, 0, 500.0, True)
    assert summarise(np.zeros(500), resolution=0.2).standard_error == pytest.approx(0.2 / 500)
    assert not summarise(np.zeros(5)).equilibrated


def test_constant_other_than_zero_cannot_be_told_from_stuck() -> None:
    result = summarise(np.full(500, 4))
    assert (result.mean, result.standard_error) == (4.0, 1.0)   # one molecule, the smallest change it could have missed
    assert not result.equilibrated


def test_one_event_in_many_samples_has_the_error_of_one_event() -> None:
    series = np.zeros(4000)
    series[1234] = 1.0
    result = summarise(series)
    assert result.mean == pytest.approx(1 / 4000)
    assert result.standard_error == pytest.approx(1 / 4000, rel=0.1)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 10])
def test_very_short_series_give_finite_numbers_and_the_flag(length: int) -> None:
    result = summarise(np.arange(length))
    assert math.isfinite(result.mean)
    assert result.standard_error > 0.0
    assert not result.equilibrated


@pytest.mark.parametrize("series", [[], [1.0, math.nan], [math.inf, 2.0]])
def test_empty_or_non_finite_series_are_refused(series: list[float]) -> None:
    with pytest.raises(SimulationError, match="not finite"):
        summarise(series)


def test_fluctuation_heat_of_a_linear_energy_is_exact_without_noise() -> None:
    n = np.round(20.0 + 4.0 * ar1(5.0, 4000, 1))
    heat, error = heat_of_adsorption(n, 1e6 - 2000.0 * n, 300.0)
    assert heat == pytest.approx((300.0 + 2000.0) * 8.31446261815324e-3, rel=1e-10)
    assert error == pytest.approx(0.0, abs=1e-6)


def test_fluctuation_heat_and_its_error_on_correlated_series() -> None:
    # U = aN + bN² + noise with Gaussian N: cov(U, N)/var(N) = a + 2b⟨N⟩ exactly
    a, b, mean, sigma, temperature = -1800.0, -5.0, 30.0, 3.0, 273.0
    exact = (temperature - (a + 2.0 * b * mean)) * 8.31446261815324e-3
    results = []
    for seed in range(150):
        n = mean + sigma * ar1(20.0, 10_000, seed)
        u = a * n + b * n * n + 2000.0 * ar1(20.0, 10_000, 10_000 + seed)
        results.append(heat_of_adsorption(n, u, temperature))
    heats, errors = np.array(results).T
    assert abs(heats.mean() - exact) < 4.0 * heats.std() / math.sqrt(150)
    assert math.sqrt(np.mean(errors**2)) == pytest.approx(heats.std(), rel=0.20)     # spread known to 6 %


def test_heat_of_an_ideal_lattice_gas_is_minus_the_site_energy_plus_rt() -> None:
    n = birth_death(8.0, 20_000, 2)
    heat, _ = heat_of_adsorption(n, -1500.0 * n, 200.0)
    assert heat == pytest.approx(1700.0 * 8.31446261815324e-3, rel=1e-10)


def test_heat_is_nan_where_the_number_never_changes() -> None:
    heat, error = heat_of_adsorption(np.full(100, 3), np.random.default_rng(0).random(100), 300.0)
    assert math.isnan(heat)
    assert math.isnan(error)


def test_heat_from_a_single_event_has_no_error_estimate() -> None:
    n = np.zeros(1000)
    n[500] = 1.0
    heat, error = heat_of_adsorption(n, -2000.0 * n, 300.0)
    assert heat == pytest.approx(2300.0 * 8.31446261815324e-3)
    assert math.isnan(error)


def test_importing_statistics_is_quiet_and_does_not_load_pymbar() -> None:
    code = ("import sys; import zifsim.gcmc.statistics as s; assert 'pymbar' not in sys.modules; "
            "import numpy as np; s.summarise(np.random.default_rng(0).random(100))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr == ""


def test_unsettled_series_report_how_far_they_still_move() -> None:
    rng = np.random.default_rng(5)
    result = summarise(np.linspace(0.0, 300.0, 4000) + rng.normal(size=4000))
    assert not result.equilibrated
    assert result.mean == pytest.approx(225.0, abs=5.0)             # of the last half
    assert result.standard_error == pytest.approx(100.0, abs=10.0)  # between its first and last third


def test_a_loading_that_hardly_ever_changes_is_not_settled() -> None:
    stuck = np.full(50_000, 112.0)
    for start in range(500, 50_000, 6_000):         # nine excursions of three samples
        stuck[start:start + 3] = 113.0
    assert not summarise(stuck).equilibrated
    rare = np.zeros(50_000)
    rare[::100] = 1.0                               # as seldom occupied, but a thousand times
    assert summarise(rare).equilibrated
