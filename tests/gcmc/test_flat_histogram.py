"""Transition-matrix sampling: exact histograms, and the same isotherm as plain GCMC."""

import math

import numpy as np
import pytest
from gcmc_naive import (
    CO2,
    CUBIC,
    METHANE,
    empty_box,
    fugacity,
    guest_model,
    ideal_transitions,
    one_kind_framework,
    quick_settings,
    system_of,
    toy_framework,
)

from zifsim.errors import InputError
from zifsim.gcmc import flat_histogram
from zifsim.gcmc.engine import run_point
from zifsim.gcmc.flat_histogram import FlatHistogram, log_probability_of, sample_flat_histogram
from zifsim.gcmc.macrostates import Ladder
from zifsim.gcmc.sampling import log_activities
from zifsim.gcmc.system import make_system

TEMPERATURE = 300.0
# a force too weak to be felt, but a site: an ideal gas
IDEAL = guest_model([(1e-9, 1.0, 0.0, 0.0)], "ideal", "CH4", 16.0, critical_temperature_k=190.6,
                    critical_pressure_pa=4.6e6, acentric_factor=0.011)


LADDER = Ladder(-4, 12)


def ideal_histogram(means, tried=None):
    """Of walkers that saw an ideal gas of such means at 1 bar, without noise."""
    (log_activity,) = log_activities((1e5,), TEMPERATURE)
    ladder, tried = Ladder.around(log_activity), tried or [1.0] * len(means)
    transitions = np.array([ideal_transitions(60, mean / math.exp(log_activity), ladder, n)
                            for mean, n in zip(means, tried, strict=True)])
    return FlatHistogram(1e5, TEMPERATURE, ladder, transitions, np.zeros((len(means), 60)), np.ones((len(means), 60)))


def test_log_probability_of_perfect_transitions_is_exact():
    # an ideal gas of mean 3: inserting at N has the ratio 3/(N+1)
    n = np.arange(20)
    expected = n * math.log(3.0) - np.array([math.lgamma(i + 1) for i in n])
    found = log_probability_of(ideal_transitions(20, 1.0, LADDER)[None], LADDER, math.log(3.0))
    assert found == pytest.approx(expected, abs=1e-12)


def test_walkers_with_different_numbers_of_trials_do_not_spoil_each_other():
    # both know the exact ratios 3/(N+1); one accepts four times as often, and they dwell at different N
    n = np.arange(20)
    transitions = np.array([ideal_transitions(20, 1.0, LADDER, tried, acceptance) for tried, acceptance in (
        (1000.0 * np.exp(-0.3 * n), 0.2), (5.0 * np.exp(0.3 * n), 0.05))])
    expected = n * math.log(3.0) - np.array([math.lgamma(i + 1) for i in n])
    assert log_probability_of(transitions, LADDER, math.log(3.0)) == pytest.approx(expected, abs=1e-12)


def test_a_range_that_was_guessed_too_short_grows(monkeypatch):
    # the scout of a slowly filling cell sees far too few molecules; an ideal gas of mean 30 needs some 60
    system = system_of(empty_box(30.0), IDEAL, TEMPERATURE, target_relative_error=0.02, max_moves=3_000_000)
    pressure = fugacity(30.0 / system.volume, TEMPERATURE)
    monkeypatch.setattr(flat_histogram, "_scout", lambda system, *_: (system.new_walker(), 30))
    mean, error = sample_flat_histogram(system, [pressure], 5, n_walkers=4).loading(pressure)
    assert abs(mean - 30.0) < 4.0 * error + 0.02 * mean


def test_another_fugacity_shifts_the_histogram_exactly():
    histogram = ideal_histogram((3.0, 3.0))
    for factor in (0.1, 1.0, 4.0):
        mean, error = histogram.loading(factor * 1e5)
        assert mean == pytest.approx(3.0 * factor, rel=1e-9)
        assert error == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(InputError, match="histogram ends at 59"):
        histogram.loading(4e6)


def test_ideal_gas_is_poisson_at_every_fugacity():
    system = system_of(empty_box(30.0), IDEAL, TEMPERATURE, target_relative_error=0.01, max_moves=400_000)
    activities = np.array([1.0, 4.0, 8.0]) / system.volume
    pressures = [fugacity(a, TEMPERATURE) for a in activities]
    histogram = sample_flat_histogram(system, pressures, 5, n_walkers=4)
    for activity, pressure in zip(activities, pressures, strict=True):
        mean, error = histogram.loading(pressure)
        assert abs(mean - activity * system.volume) < 4.0 * error + 0.02 * mean
        heat, _ = histogram.heat_of_adsorption_kj_mol(pressure)
        assert heat == pytest.approx(8.314462618e-3 * TEMPERATURE, rel=1e-6)


def test_same_isotherm_as_plain_sampling():
    system = system_of(toy_framework(CUBIC * 1.2), METHANE, TEMPERATURE, min_moves=50_000, max_moves=2_000_000,
                       target_relative_error=0.01)
    pressures = [fugacity(a, TEMPERATURE) for a in (2e-5, 3e-4, 2e-3)]
    histogram = sample_flat_histogram(system, pressures, 3, n_walkers=4)
    for pressure in pressures:
        point, _ = run_point(system, pressure, pressure, 8)
        mean, error = histogram.loading(pressure)
        assert abs(mean - point.molecules_per_cell) < 4.0 * math.hypot(error, point.molecules_per_cell_error)
        heat, heat_error = histogram.heat_of_adsorption_kj_mol(pressure)
        both = math.hypot(heat_error, point.heat_of_adsorption_error_kj_mol)
        assert abs(heat - point.heat_of_adsorption_kj_mol) < 4.0 * both


def test_a_mixture_is_refused():
    framework, forcefield = one_kind_framework([[0.0, 0.0, 0.0]], 13.0, 50.0, 3.0)
    system = make_system(framework, (METHANE, CO2), forcefield, TEMPERATURE, quick_settings())
    with pytest.raises(InputError, match="one gas"):
        sample_flat_histogram(system, [1e5], 1)


def test_continues_from_its_checkpoints_to_the_same_histogram(tmp_path):
    system = system_of(toy_framework(CUBIC * 1.2), METHANE, TEMPERATURE, min_moves=200_000, max_moves=200_000)
    pressures = [fugacity(1e-3, TEMPERATURE)]
    whole = sample_flat_histogram(system, pressures, 4, n_walkers=2)

    def kill(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):      # after the first of two rounds
        sample_flat_histogram(system, pressures, 4, n_walkers=2, out_dir=tmp_path, report=kill)
    resumed = sample_flat_histogram(system, pressures, 4, n_walkers=2, out_dir=tmp_path)
    n = min(resumed.visits.shape[1], whole.visits.shape[1])
    assert np.array_equal(resumed.visits[:, :n], whole.visits[:, :n])
    assert resumed.loading(pressures[0]) == whole.loading(pressures[0])


def test_a_small_error_is_not_enough_while_the_two_halves_of_the_walkers_disagree(monkeypatch):
    system = system_of(empty_box(30.0), IDEAL, TEMPERATURE, target_relative_error=0.5, max_moves=300_000)
    pressures = [fugacity(4.0 / system.volume, TEMPERATURE)]
    assert sample_flat_histogram(system, pressures, 5, n_walkers=2).n_moves == 2 * 100_000
    monkeypatch.setattr(FlatHistogram, "halves", lambda self, fugacity_pa: (3.0, 5.0, False))
    assert sample_flat_histogram(system, pressures, 5, n_walkers=2).n_moves == 2 * 300_000


def test_halves_with_little_data_meet_within_their_own_error():
    # walkers that began full saw a hundredth of the transitions, and scatter by 10 %
    means = [3.0 if w % 2 == 0 else 3.0 * (0.8, 1.0, 0.9, 1.1)[w // 2] for w in range(8)]
    histogram = ideal_histogram(means, [1000.0 if w % 2 == 0 else 10.0 for w in range(8)])
    empty, full, meet = histogram.halves(1e5)
    assert empty == pytest.approx(3.0)
    assert full == pytest.approx(2.85, abs=0.03)
    assert histogram.loading(1e5)[1] < 0.005     # far less than the halves' difference
    assert meet
