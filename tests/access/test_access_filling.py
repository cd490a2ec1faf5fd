"""How particles and pockets fill: Crank's sphere, exchange, and the band of sizes and times."""

import numpy as np
import pytest

from zifsim.access.basins import Basins
from zifsim.access.filling import (
    EARLY,
    FILLED,
    FILLED_FOURIER,
    Experiment,
    accessible_fraction,
    diffusion_m2_s,
    fill_time_s,
    sphere_filled,
)
from zifsim.access.network import Hopping
from zifsim.access.result import time_text


def basins_of(weights):
    n = len(weights)
    return Basins(np.zeros((1, 1, 1), dtype=np.int32), np.zeros(n), np.zeros(n), np.array(weights, dtype=float), 0.0,
                  np.zeros((0, 2), dtype=int), np.zeros((0, 3), dtype=int), np.zeros(0))


def test_a_sphere_fills_as_crank_says():
    """Against the diffusion equation in a sphere solved by finite differences, u = r·c, c(R) = 1."""
    n, fourier = 200, 0.05
    u = np.zeros(n + 1)
    step = 0.4 / n**2
    for _ in range(round(fourier / step)):
        u[n] = 1.0
        u[1:-1] += 0.4 * (u[2:] - 2 * u[1:-1] + u[:-2])
    r = np.arange(n + 1) / n
    assert 3.0 * np.trapezoid(u * r, r) == pytest.approx(sphere_filled(fourier), abs=2e-3)


def test_both_series_meet_and_ninety_percent_is_where_it_should_be():
    assert sphere_filled(EARLY * 0.999999) == pytest.approx(sphere_filled(EARLY * 1.000001), abs=1e-6)
    assert sphere_filled(FILLED_FOURIER) == pytest.approx(FILLED, abs=1e-5)
    assert sphere_filled(0.0) == 0.0
    assert sphere_filled(10.0) == pytest.approx(1.0)


def test_fill_times_grow_with_the_square_of_the_size():
    assert fill_time_s(1e-12, 100.0) == pytest.approx(100.0 * fill_time_s(1e-12, 10.0))
    assert fill_time_s(0.0, 1.0) == np.inf


def test_after_its_fill_time_a_particle_of_that_diameter_is_filled_to_ninety_percent():
    diffusion, size_um = 3e-12, 20.0
    fourier = diffusion * fill_time_s(diffusion, size_um) / Experiment(size_um=size_um).radius_m ** 2
    assert sphere_filled(fourier) == pytest.approx(FILLED, abs=1e-5)
    # Crank 1975: √(D t)/R is 0.43 where a sphere is filled to nine tenths; R = 10 µm
    assert fill_time_s(diffusion, size_um) == pytest.approx((0.43 * 10e-6) ** 2 / diffusion, rel=0.02)


def test_a_slow_pocket_is_left_out_and_a_fast_one_counts():
    basins = basins_of([6.0, 3.0, 1.0])
    hopping = Hopping(np.eye(3) * 1e-9, np.array([0.0, 1e-3, 1e12]))
    experiment = Experiment(size_um=1.0, hours=1.0)
    assert accessible_fraction(basins, hopping, experiment) == pytest.approx(0.9)
    # The tensor belongs to those that take part: the same flow, carried by nine tenths of the molecules.
    assert np.diag(diffusion_m2_s(basins, hopping, experiment.seconds)) == pytest.approx(np.full(3, 1e-9 / 0.9))


def test_a_pocket_fills_with_its_exchange_time():
    basins, hour = basins_of([1.0, 1.0]), 3600.0
    hopping = Hopping(np.eye(3), np.array([0.0, hour]))
    assert accessible_fraction(basins, hopping, Experiment(1.0, 1.0)) == pytest.approx(0.5 + 0.5 * (1.0 - np.exp(-1.0)))


def test_a_closed_framework_takes_up_nothing():
    hopping = Hopping(np.zeros((3, 3)), np.array([np.inf, np.inf]))
    assert accessible_fraction(basins_of([1.0, 1.0]), hopping, Experiment()) == 0.0


def test_fractions_grow_with_time_and_shrink_with_size():
    basins, hopping = basins_of([1.0]), Hopping(np.eye(3) * 1e-17, np.array([0.0]))
    by_time = [accessible_fraction(basins, hopping, Experiment(10.0, h)) for h in (0.1, 1.0, 24.0)]
    by_size = [accessible_fraction(basins, hopping, Experiment(s, 1.0)) for s in (1.0, 10.0, 1000.0)]
    assert by_time == sorted(by_time)
    assert by_size == sorted(by_size, reverse=True)
    assert 0.0 < by_size[-1] < by_size[0] < 1.0


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0.4 s"), (90.0, "1.5 min"), (7200.0, "2 h"), (1e5, "1.2 days"),
                                               (3.156e16, "10^9 years"), (np.inf, "never")])
def test_times_are_written_for_people(seconds, text):
    assert time_text(seconds) == text
