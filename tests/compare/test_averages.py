"""Averages over models and mass-weighted blends: by hand, and against Monte Carlo resampling."""

import math

import numpy as np
import pytest

from zifsim.averages import average_models, mass_weighted
from zifsim.errors import InputError
from zifsim.model.uptake import UptakeEstimate


def single(value: float, error: float, equilibrated: bool = True) -> UptakeEstimate:
    return UptakeEstimate(value, error, 0.0, 1, equilibrated)


def test_average_of_models_keeps_sampling_error_and_spread_apart() -> None:
    mean = average_models([single(10.0, 0.3), single(14.0, 0.4), single(12.0, 1.2)])
    assert mean.value == pytest.approx(12.0)
    assert mean.sampling_error == pytest.approx(1.3 / 3.0)      # sqrt(0.09 + 0.16 + 1.44) / 3
    assert mean.model_spread == pytest.approx(2.0)              # sqrt((4 + 4 + 0) / 2)
    assert mean.n_models == 3


def test_one_model_says_nothing_about_spread() -> None:
    assert average_models([single(5.0, 0.2)]) == UptakeEstimate(5.0, 0.2, 0.0, 1, True)


def test_one_unequilibrated_model_marks_the_average() -> None:
    assert not average_models([single(5.0, 0.2), single(6.0, 0.2, equilibrated=False)]).equilibrated


def test_blend_of_masses_that_do_not_sum_to_one() -> None:
    zif8 = UptakeEstimate(80.0, 2.0, 0.0, 1)
    zif62 = UptakeEstimate(115.0, 1.5, 7.0, 2)
    mix = mass_weighted([(1.0, zif8), (4.0, zif62)])
    assert mix.value == pytest.approx(108.0)                                  # (80 + 4*115) / 5
    assert mix.sampling_error == pytest.approx(math.sqrt(4.0 + 36.0) / 5.0)   # sqrt(2² + 6²) / 5
    assert mix.model_spread == pytest.approx(5.6)                             # 4*7 / 5
    assert mix.n_models == 2
    assert mix.equilibrated


def test_published_blend_rows_follow_from_their_parts() -> None:
    """Table 1's simulated H2: 0.2 × 77.5 + 0.8 × 130.5 = 119.9."""
    mix = mass_weighted([(0.2, single(77.5, 0.0)), (0.8, single(130.5, 0.0))])
    assert mix.value == pytest.approx(119.9)


@pytest.mark.parametrize("weight", [0.0, -0.2, math.nan, math.inf])
def test_weight_that_is_not_positive_is_refused(weight: float) -> None:
    with pytest.raises(InputError, match="positive mass fraction"):
        mass_weighted([(0.8, single(1.0, 0.1)), (weight, single(1.0, 0.1))])


def test_empty_input_is_refused() -> None:
    with pytest.raises(InputError, match="at least one"):
        average_models([])
    with pytest.raises(InputError, match="at least one"):
        mass_weighted([])


def test_averages_are_not_averaged_again() -> None:
    pair = average_models([single(1.0, 0.1), single(2.0, 0.1)])
    with pytest.raises(InputError, match="already an average"):
        average_models([pair, single(1.0, 0.1)])


def test_sampling_error_matches_monte_carlo_resampling() -> None:
    """Resample every model's loading with its error 40 000 times: the blend's scatter is the stated error.

    The relative error of a standard deviation of n samples is 1/sqrt(2n); 4 sigma are allowed.
    """
    n = 40_000
    rng = np.random.default_rng(20260101)
    zif8, glasses = (330.0, 7.0), [(60.0, 1.5), (40.0, 2.5), (45.0, 0.5)]
    mix = mass_weighted([(0.2, single(*zif8)), (0.8, average_models([single(*g) for g in glasses]))])
    sampled = 0.2 * rng.normal(*zif8, n) + 0.8 * np.mean([rng.normal(*g, n) for g in glasses], axis=0)
    assert sampled.std() == pytest.approx(mix.sampling_error, rel=4.0 / math.sqrt(2 * n))
    assert sampled.mean() == pytest.approx(mix.value, abs=4.0 * mix.sampling_error / math.sqrt(n))


def test_model_spread_of_a_blend_is_that_of_all_its_combinations() -> None:
    """Draw models of both parts from normal populations: over 20 000 studies of 2 and 3 models, the mean
    square of the spread is the variance of the blends that the populations form, within 4 sigma."""
    rng = np.random.default_rng(7)
    studies, squares = 20_000, []
    crystals, glasses = rng.normal(80.0, 5.0, (studies, 2)), rng.normal(50.0, 10.0, (studies, 3))
    for first, second in zip(crystals, glasses, strict=True):
        parts = [(0.2, average_models([single(v, 0.0) for v in first])),
                 (0.8, average_models([single(v, 0.0) for v in second]))]
        squares.append(mass_weighted(parts).model_spread ** 2)
    expected = (0.2 * 5.0) ** 2 + (0.8 * 10.0) ** 2
    assert np.mean(squares) == pytest.approx(expected, abs=4.0 * np.std(squares) / math.sqrt(studies))
