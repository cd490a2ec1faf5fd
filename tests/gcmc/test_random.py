"""Random streams: the published algorithm bit for bit, and numbers that look random."""

import numpy as np
import pytest
from gcmc_twin import Xoroshiro
from scipy.stats import chisquare

from zifsim.gcmc.jit import kernel
from zifsim.gcmc.random import streams, uniform


@kernel
def _fill(rng, stream, out):
    for i in range(out.shape[0]):
        out[i] = uniform(rng, stream)


def numbers(rng, stream, n):
    out = np.zeros(n)
    _fill(rng, stream, out)
    return out


@pytest.mark.parametrize("state", [(1, 2), (2**64 - 1, 2**63 + 5), (0, 1), *map(tuple, streams(9, 3).tolist())])
def test_kernel_equals_xoroshiro128_plus_plus_in_whole_numbers(state):
    rng, twin = np.array([state], dtype=np.uint64), Xoroshiro(state)
    assert numbers(rng, 0, 2000).tolist() == [twin.random() for _ in range(2000)]
    assert rng[0].tolist() == [twin.low, twin.high]


def test_whole_numbers_are_those_of_the_authors_program():
    # output of xoroshiro128plusplus.c (prng.di.unimi.it) from s = {1, 2}, as the Rust package rand_xoshiro quotes it
    twin = Xoroshiro((1, 2))
    assert [twin.whole() for _ in range(10)] == [
        393217, 669327710093319, 1732421326133921491, 11394790081659126983, 9555452776773192676, 3586421180005889563,
        1691397964866707553, 10735626796753111697, 15216282715349408991, 14247243556711267923]


def test_a_stream_moves_on_without_touching_the_others():
    rng = streams(4, 3)
    before = rng.copy()
    numbers(rng, 1, 10)
    assert np.array_equal(rng[[0, 2]], before[[0, 2]])
    assert not np.array_equal(rng[1], before[1])


def test_streams_differ_and_the_first_do_not_depend_on_how_many_there_are():
    few, many = streams(11, 4), streams(11, 65)
    assert np.array_equal(few, many[:4])
    assert len({tuple(s) for s in np.concatenate([many, streams(12, 65)]).tolist()}) == 130
    first = np.array([numbers(many, t, 1000) for t in range(65)])
    # correlations of 65 streams with one another: 2080 pairs, each 1/√1000 wide; 5σ
    correlation = np.corrcoef(first) - np.eye(65)
    assert np.abs(correlation).max() < 5.0 / np.sqrt(1000)


@pytest.mark.parametrize("seed", [1, 2])
def test_numbers_are_uniform_and_uncorrelated(seed):
    n = 1_000_000
    x = numbers(streams(seed, 1), 0, n)
    assert 0.0 <= x.min() < 1e-5
    assert 1.0 - 1e-5 < x.max() < 1.0
    for power in (1, 2, 3, 4):     # ⟨xᵖ⟩ = 1/(p + 1), variance 1/(2p + 1) − 1/(p + 1)²; 4σ
        sigma = np.sqrt((1 / (2 * power + 1) - 1 / (power + 1) ** 2) / n)
        assert (x**power).mean() == pytest.approx(1 / (power + 1), abs=4 * sigma)
    for lag in (1, 2, 3, 17):
        assert np.corrcoef(x[:-lag], x[lag:])[0, 1] == pytest.approx(0.0, abs=4 / np.sqrt(n))
    # squares of the plane: no lattice of neighbouring numbers
    cells, _, _ = np.histogram2d(x[::2], x[1::2], bins=32, range=[[0, 1], [0, 1]])
    assert chisquare(cells.ravel()).pvalue > 1e-3
    # the lowest bits that are used
    assert (np.floor(x * 2**53) % 8).mean() == pytest.approx(3.5, abs=4 * 2.3 / np.sqrt(n))
