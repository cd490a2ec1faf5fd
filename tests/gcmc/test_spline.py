"""The periodic B-spline: partition of unity, waves, order, zero-mean error, compression."""

import itertools
import math

import numpy as np
import pytest

from zifsim.gcmc.spline import interpolate, spline_of, spline_of_energy


def at(spline, fractions):
    return np.array([interpolate(spline.coefficients[None], 0, *f) for f in fractions])


def wave_nodes(n, index):
    """cos(2π k·f + 0.4) on n×n×n nodes, and the function itself."""
    def wave(f):
        return np.cos(2 * math.pi * f @ np.array(index) + 0.4)

    fractions = np.stack(np.meshgrid(*[np.arange(n) / n] * 3, indexing="ij"), axis=-1)
    return wave(fractions), wave


def test_a_constant_stays_a_constant():
    spline = spline_of(np.full((5, 4, 6), 2.5))
    assert at(spline, np.random.default_rng(0).random((50, 3))) == pytest.approx(2.5, rel=1e-6)


@pytest.mark.parametrize("edge", [0.0, np.nextafter(1.0, 0.0)])
def test_the_cell_s_border_is_part_of_it(edge):
    nodes, wave = wave_nodes(12, (1, 1, 0))
    for f in itertools.product((edge, 0.3), repeat=3):
        assert interpolate(spline_of(nodes).coefficients[None], 0, *f) == pytest.approx(wave(np.array(f)), abs=2e-3)


def test_each_axis_goes_its_own_way():
    rng = np.random.default_rng(1)
    f = rng.random((100, 3))
    fractions = np.stack(np.meshgrid(np.arange(20) / 20, np.arange(24) / 24, np.arange(30) / 30, indexing="ij"), -1)

    def function(x):
        return np.sin(2 * math.pi * x[..., 0]) + 2 * np.cos(4 * math.pi * x[..., 1]) * np.sin(2 * math.pi * x[..., 2])

    assert at(spline_of(function(fractions)), f) == pytest.approx(function(f), abs=5e-4)


def test_the_error_falls_with_the_fourth_power_of_the_spacing():
    f = np.random.default_rng(2).random((500, 3))
    errors = []
    for n in (8, 16, 32):
        nodes, wave = wave_nodes(n, (1, 2, 0))
        errors.append(float(np.abs(at(spline_of(nodes), f) - wave(f)).max()))
    assert math.log2(errors[0] / errors[1]) > 3.7
    assert math.log2(errors[1] / errors[2]) > 3.7


@pytest.mark.parametrize("per_wave", [6, 9, 18])
def test_a_wave_is_carried_with_its_full_strength(per_wave):
    # that is: the error has no part that is in phase with the function, so averages keep their value. A spline through
    # the nodes would carry 2e-3 too little at 6 nodes per wave
    n = 36
    nodes, wave = wave_nodes(n, (n // per_wave, 0, 0))
    fractions = np.zeros((360, 3))
    fractions[:, 0] = (np.arange(360) + 0.5) / 360
    expected = wave(fractions)
    error = at(spline_of(nodes), fractions) - expected
    strength = (error * expected).mean() / (expected**2).mean()
    through_nodes = (math.sin(math.pi / per_wave) / (math.pi / per_wave)) ** 4 / (
        1 - (2 - 2 * math.cos(2 * math.pi / per_wave)) / 6) - 1
    assert abs(strength) < max(3e-7, 0.15 * abs(through_nodes))
    assert np.abs(error).max() > 10 * abs(strength)


def test_compressed_energies_come_back():
    rng = np.random.default_rng(3)
    smooth = sum(a * np.asarray(wave_nodes(24, k)[0]) for a, k in zip(
        (900.0, 500.0, 300.0), ((1, 0, 0), (0, 1, 1), (1, 1, 0)), strict=True)) - 800.0
    spline = spline_of_energy(smooth)
    f = rng.random((200, 3))
    expected = sum(a * wave_nodes(2, k)[1](f) for a, k in zip(
        (900.0, 500.0, 300.0), ((1, 0, 0), (0, 1, 1), (1, 1, 0)), strict=True)) - 800.0
    assert spline.floor + spline.scale * np.exp(at(spline, f)) == pytest.approx(expected, abs=2.0)


@pytest.mark.parametrize("lowest", [-3000.0, 0.0, 5e3])
def test_compression_holds_whatever_the_sign_of_the_lowest_energy(lowest):
    energies = lowest + np.geomspace(1.0, 1e12, 64).reshape(4, 4, 4)
    spline = spline_of_energy(energies)
    assert spline.floor < lowest
    assert np.all(np.isfinite(spline.coefficients))
