"""Hop rates, diffusion and exchange times: analytic potentials, and a dense twin of the elimination."""

import numpy as np
import pytest
from scipy.special import i0

from zifsim.access.basins import Basins, find_basins
from zifsim.access.landscape import FreeEnergyGrid
from zifsim.access.network import crossing_speed, hopping
from zifsim.units import ANGSTROM_M, KELVIN_TO_KJ_MOL

T, MASS = 300.0, 16.0
KT = T * KELVIN_TO_KJ_MOL
TRICLINIC = np.array([[8.0, 0, 0], [3.0, 8.0, 0], [-2.0, 3.0, 9.0]])


def cosine_grid(function, shape, cell):
    x, y, z = np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij")
    return FreeEnergyGrid(function(x, y, z).astype(np.float32), np.array(cell, dtype=float), T)


def wave(t):
    return np.cos(2.0 * np.pi * t)


def exact_diffusion(amplitude, spacing):
    """m²/s over F = −A cos(2πs/d) by transition-state theory: k = v exp(−βA)/(d I₀(βA)) to either side, D = k d²."""
    beta = amplitude / KT
    return crossing_speed(T, MASS) * np.exp(-beta) / i0(beta) * spacing * ANGSTROM_M


def diffusion(grid):
    return hopping(find_basins(grid), grid.cell, T, MASS).conductance_m2_s


def network_of(weights, pairs, offsets, areas, network):
    """Basins without a grid; the network percolates at level 0."""
    levels = np.where(network, 0.0, 1.0)
    return Basins(np.zeros((1, 1, 1), dtype=np.int32), np.zeros(len(weights)), levels, np.array(weights, dtype=float),
                  0.0, np.array(pairs).reshape(-1, 2), np.array(offsets).reshape(-1, 3), np.array(areas, dtype=float))


def random_network(seed, n, decades):
    rng = np.random.default_rng(seed)
    pairs = np.array([(i, j) for i in range(n) for j in range(i, n) if i == j or rng.random() < 0.4])
    offsets = rng.integers(-1, 2, (len(pairs), 3))
    keep = (pairs[:, 0] != pairs[:, 1]) | (offsets != 0).any(axis=1)
    pairs, offsets = pairs[keep], offsets[keep]
    pairs, offsets = np.concatenate([pairs, pairs[:5]]), np.concatenate([offsets, offsets[:5] + np.array([1, 0, 0])])
    return pairs, offsets, 10.0 ** rng.uniform(-decades, 0.0, len(pairs)), rng.random(n) + 0.1


def test_cosines_have_the_rates_of_the_exact_integrals():
    grid = cosine_grid(lambda x, y, z: -5 * wave(x) - 8 * wave(y) - 12 * wave(z), (40, 40, 40),
                       np.diag([8.0, 9.0, 10.0]))
    expected = [exact_diffusion(a, d) for a, d in ((5, 8.0), (8, 9.0), (12, 10.0))]
    assert np.diag(diffusion(grid)) == pytest.approx(expected, rel=1e-3)


def test_a_ridge_between_nodes_costs_little():
    grid = cosine_grid(lambda x, y, z: -12 * wave(x), (41, 8, 8), np.diag([8.0, 9.0, 10.0]))
    assert diffusion(grid)[0, 0] == pytest.approx(exact_diffusion(12, 8.0), rel=0.02)


def test_a_triclinic_cell_diffuses_along_its_planes_normals():
    grid = cosine_grid(lambda x, y, z: -5 * wave(x) - 8 * wave(y) - 12 * wave(z), (40, 40, 44), TRICLINIC)
    tensor, inverse = diffusion(grid), np.linalg.inv(TRICLINIC)
    widths = 1.0 / np.linalg.norm(inverse, axis=0)
    along = [inverse[:, a] @ tensor @ inverse[:, a] * widths[a] ** 2 for a in range(3)]
    assert along == pytest.approx([exact_diffusion(a, d) for a, d in zip((5, 8, 12), widths, strict=True)], rel=1e-3)


@pytest.mark.parametrize("planes", [(1, 1, 0), (1, 2, 0), (1, 3, 0), (1, 1, 1), (2, 3, 1)])
def test_oblique_planes_lose_little_to_the_staircase(planes):
    """Faces of nodes would overestimate the area of (111) by 73 %."""
    grid = cosine_grid(lambda x, y, z: -8 * wave(planes[0] * x + planes[1] * y + planes[2] * z), (60, 60, 60),
                       np.diag([8.0, 8.0, 8.0]))
    normal = np.array(planes) / np.linalg.norm(planes)
    expected = exact_diffusion(8, 8.0 / np.linalg.norm(planes))
    assert normal @ diffusion(grid) @ normal == pytest.approx(expected, rel=0.12)


def test_a_flat_potential_gives_the_ideal_result():
    """Without a potential the dividing surface is the cell's face: k = v/a each way, so D = v·a."""
    grid = cosine_grid(lambda x, y, z: 0.0 * x, (16, 16, 16), np.diag([8.0, 9.0, 10.0]))
    expected = crossing_speed(T, MASS) * np.array([8.0, 9.0, 10.0]) * ANGSTROM_M
    assert np.diag(diffusion(grid)) == pytest.approx(expected, rel=1e-6)


def test_crossing_speed_is_a_quarter_of_the_mean_speed():
    assert crossing_speed(300.0, 28.0) == pytest.approx(476.3 / 4.0, rel=1e-3)     # N2 at 300 K: 476.3 m/s


def test_two_sites_per_cell_make_a_chain_of_unlike_hops():
    """Alternating conductances g1, g2 in series: D = v a² / (w (1/g1 + 1/g2))."""
    basins = network_of([2.0, 3.0], [(0, 1), (0, 1)], [(0, 0, 0), (-1, 0, 0)], [0.5, 0.01], np.array([True, True]))
    speed = crossing_speed(T, MASS)
    expected = speed * 100.0 / (5.0 * (1 / 0.5 + 1 / 0.01)) * ANGSTROM_M
    assert hopping(basins, np.diag([10.0, 1, 1]), T, MASS).conductance_m2_s[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
def test_elimination_agrees_with_a_dense_solution(seed):
    n = 9
    pairs, offsets, areas, weights = random_network(seed, n, decades=3.0)
    basins = network_of(weights, pairs, offsets, areas, np.arange(n) < 2)
    found = hopping(basins, TRICLINIC, T, MASS)
    speed = crossing_speed(T, MASS) / ANGSTROM_M
    laplacian, flows = np.zeros((n, n)), np.zeros((n, 3))
    tensor = np.zeros((3, 3))
    for (i, j), d, g in zip(pairs, offsets @ TRICLINIC, areas, strict=True):
        laplacian[[i, j], [i, j]] += g * (i != j)
        laplacian[[i, j], [j, i]] -= g * (i != j)
        flows[i] += g * d * (i != j)
        flows[j] -= g * d * (i != j)
        tensor += g * np.outer(d, d)
    potentials = np.linalg.lstsq(laplacian, flows, rcond=None)[0]
    tensor -= flows.T @ potentials
    assert found.conductance_m2_s == pytest.approx(tensor * speed / weights.sum() * ANGSTROM_M**2, rel=1e-8, abs=1e-15)
    times = np.linalg.solve(laplacian[2:, 2:], weights[2:] / speed)
    assert found.exchange_s == pytest.approx(np.concatenate([[0.0, 0.0], times]))


def test_nothing_is_lost_over_two_hundred_decades():
    """A fast pair of pockets behind a window that is 10⁻²⁰⁰ as wide: the pair leaves together."""
    tiny = 1e-200
    basins = network_of([1.0, 4.0, 2.0], [(0, 0), (0, 1), (1, 2)], [(1, 0, 0), (0, 0, 0), (0, 0, 0)], [1.0, tiny, 1.0],
                        np.array([True, False, False]))
    found = hopping(basins, np.diag([10.0, 10, 10]), T, MASS)
    speed = crossing_speed(T, MASS) / ANGSTROM_M
    assert found.exchange_s[1] == pytest.approx(6.0 / (tiny * speed))
    assert found.exchange_s[2] == pytest.approx(6.0 / (tiny * speed))


def test_a_pocket_without_a_window_never_fills():
    basins = network_of([1.0, 4.0], [(0, 0)], [(1, 0, 0)], [1.0], np.array([True, False]))
    assert hopping(basins, np.eye(3) * 10.0, T, MASS).exchange_s == pytest.approx([0.0, np.inf])


def test_weights_are_the_volume_integral():
    grid = cosine_grid(lambda x, y, z: -5 * wave(x), (40, 6, 6), np.diag([8.0, 9.0, 10.0]))
    basins = find_basins(grid)
    assert basins.weights.sum() == pytest.approx(720.0 * i0(5 / KT) * np.exp(-5 / KT), rel=1e-6)


def test_shallow_basins_are_merged_and_deep_ones_kept():
    def double_well(barrier):
        return cosine_grid(lambda x, y, z: 0.5 * barrier * wave(2 * x) - 30.0 * (wave(y) + wave(z)) * 1.0
                           + 20.0 * (wave(x) > 0.9), (40, 10, 10), np.diag([8.0, 8.0, 8.0]))

    assert len(find_basins(double_well(0.5 * KT)).weights) == 1
    assert len(find_basins(double_well(4.0 * KT)).weights) == 2
