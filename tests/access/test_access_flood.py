"""Percolation on analytic landscapes with known saddles, and against a slow twin."""

import itertools

import numpy as np
import pytest

from zifsim.access.flood import flood

INF = np.inf


def landscape(function, shape):
    """``function`` of fractional coordinates on the nodes of a grid."""
    x, y, z = np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij")
    return function(x, y, z)


def wave(t):
    return np.cos(2.0 * np.pi * t)


def percolates_below(values, level):
    """Twin: lattice vectors of closed paths through nodes up to ``level``, found by walking from node to node."""
    shape, vectors, seen = values.shape, [], {}
    for start in itertools.product(*(range(n) for n in shape)):
        if start in seen or not values[start] <= level:
            continue
        seen[start] = np.zeros(3, dtype=int)
        todo = [start]
        while todo:
            node = todo.pop()
            for axis, step in itertools.product(range(3), (1, -1)):
                there = list(node)
                there[axis] += step
                cells = seen[node].copy()
                cells[axis] += there[axis] // shape[axis]
                there = tuple(int(t % n) for t, n in zip(there, shape, strict=True))
                if not values[there] <= level:
                    continue
                if there not in seen:
                    seen[there] = cells
                    todo.append(there)
                elif (seen[there] != cells).any():
                    vectors.append(cells - seen[there])
    return np.array(vectors).reshape(-1, 3)


def test_a_sum_of_cosines_percolates_at_its_saddles():
    values = landscape(lambda x, y, z: -wave(x) - 2.0 * wave(y) - 4.0 * wave(z), (20, 24, 16))
    found = flood(values)
    assert found.minima == pytest.approx([-7.0])
    # To pass along one axis its cosine turns over, the others stay at their best.
    assert found.axis_levels == pytest.approx([-5.0, -3.0, 1.0])
    assert found.dimension_levels == pytest.approx([-5.0, -3.0, 1.0])
    assert found.network_levels == pytest.approx([-5.0])


def test_planes_shut_one_axis_only():
    values = landscape(lambda x, y, z: np.where((x > 0.4) & (x < 0.6), INF, wave(y)), (20, 12, 10))
    found = flood(values)
    assert found.axis_levels == pytest.approx([INF, 1.0, -1.0])
    assert found.dimension_levels == pytest.approx([-1.0, 1.0, INF])


def test_a_tube_is_open_along_itself_only():
    values = landscape(lambda x, y, z: np.where(np.hypot(x - 0.5, y - 0.5) < 0.3, 3.0 * wave(z), INF), (16, 16, 20))
    found = flood(values)
    assert found.axis_levels == pytest.approx([INF, INF, 3.0])
    assert found.dimension_levels == pytest.approx([3.0, INF, INF])


def test_isolated_cages_never_percolate():
    values = landscape(lambda x, y, z: np.where(np.max(np.abs([x - 0.5, y - 0.5, z - 0.5]), axis=0) < 0.3, -1.0, INF),
                       (20, 20, 20))
    found = flood(values)
    assert found.percolation_level == INF
    assert not np.isfinite(found.network_levels).any()


def test_cubic_windows_open_at_their_own_level():
    """Walls at the cell's faces, each with a square window of a level of its own."""
    values = np.zeros((20, 20, 20))
    for axis, level in enumerate((5.0, 7.0, 9.0)):
        face = [slice(None)] * 3
        face[axis] = 0
        values[tuple(face)] = INF
        window = [slice(8, 13)] * 3
        window[axis] = 0
        values[tuple(window)] = level
    assert flood(values).axis_levels == pytest.approx([5.0, 7.0, 9.0])


@pytest.mark.parametrize("slope", [(1, 1, 0), (2, 1, 0), (3, -1, 0), (1, 2, 3)])
def test_a_diagonal_path_closes_only_after_several_cells(slope):
    """A thread through the nodes along a lattice vector, in rock: it meets itself only that many cells further on."""
    n = 24
    values = np.full((n, n, n), INF)
    position = np.zeros(3, dtype=int)
    steps = [np.sign(s) * np.eye(3, dtype=int)[axis] for axis, s in enumerate(slope) for _ in range(abs(s))]
    for _ in range(n):
        for step in steps:
            position = position + step
            values[tuple(position % n)] = 0.0
    values[tuple((n // 2) * np.array(slope) % n)] = 2.5      # one gate
    found = flood(values)
    assert found.dimension_levels[0] == pytest.approx(2.5)
    assert [np.isfinite(level) for level in found.axis_levels] == [s != 0 for s in slope]


def test_a_pocket_joins_the_network_at_its_own_saddle():
    values = np.full((20, 6, 6), INF)
    values[:12, 2, 2] = -1.0          # a channel along a ...
    values[12:, 2, 2] = 0.0
    values[5, 3, 2] = 4.0             # ... and a pocket behind a gate
    values[5, 4, 2] = -3.0
    found = flood(values)
    assert found.percolation_level == pytest.approx(0.0)
    levels = dict(zip(found.minima.tolist(), found.network_levels.tolist(), strict=True))
    assert levels[-3.0] == pytest.approx(4.0)
    assert levels[-1.0] == pytest.approx(0.0)


@pytest.mark.parametrize("seed", range(6))
def test_random_landscapes_agree_with_the_twin(seed):
    rng = np.random.default_rng(seed)
    values = rng.permutation(5 * 6 * 4).reshape(5, 6, 4).astype(float)
    values[rng.random(values.shape) < 0.2] = INF
    found = flood(values)
    levels = np.unique(values[np.isfinite(values)])
    first = next((x for x in levels if len(percolates_below(values, x))), INF)
    assert found.percolation_level == first
    for axis in range(3):
        first = next((x for x in levels if (percolates_below(values, x)[:, axis] != 0).any()), INF)
        assert found.axis_levels[axis] == first


def test_levels_do_not_depend_on_where_the_cell_begins():
    rng = np.random.default_rng(3)
    values = rng.random((9, 8, 7))
    moved = np.roll(values, (4, 3, 2), axis=(0, 1, 2))
    assert flood(values).axis_levels == pytest.approx(flood(moved).axis_levels)
    assert np.sort(flood(values).network_levels) == pytest.approx(np.sort(flood(moved).network_levels))
