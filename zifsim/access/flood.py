"""Flooding a periodic landscape from its lowest node upwards: basins, saddles between them, percolation.

Every node joins the basin of its lowest flooded neighbour (of six); one without flooded neighbours opens a basin. Where
two basins meet, their sets are united; where a set meets itself displaced by whole cells, it percolates. All levels are
exact on the grid: the lowest over all lattice paths of the highest node on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zifsim.access.unionfind import add_to_lattice, attach, find
from zifsim.gcmc.jit import kernel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Flooding:
    """A flooded grid (nx, ny, nz) with B basins, numbered by their lowest node, ascending.

    ``labels`` (nx, ny, nz) basin of each node, −1 where the landscape is infinite; ``images`` (nx, ny, nz, 3) by how
    many cells a node must be moved to be connected to its basin's seed; ``seeds`` (B,) flat index of the lowest node
    and ``minima`` (B,) its level. ``saddles`` (M, 5): basin a, basin b and the cells from a's frame to b's, of every
    meeting that united two sets, with ``saddle_levels`` (M,) and ``depths`` (M,) of the shallower of both sets.
    ``axis_levels`` (3,): lowest level at which a path leads on along a, b, c; ``dimension_levels`` (3,): at which one
    set percolates in one, two, three dimensions. ``network_levels`` (B,): level at which a basin's set percolates.
    All levels are inf where it never happens.
    """

    labels: NDArray[np.int32]
    images: NDArray[np.int8]
    seeds: IntArray
    minima: FloatArray
    saddles: IntArray
    saddle_levels: FloatArray
    depths: FloatArray
    axis_levels: FloatArray
    dimension_levels: FloatArray
    network_levels: FloatArray

    @property
    def percolation_level(self) -> float:
        """Lowest level at which anything percolates, inf if nothing does."""
        return float(self.dimension_levels[0])


def flood(values: NDArray[np.float32] | FloatArray) -> Flooding:
    """Flood a periodic landscape (nx, ny, nz); inf is rock."""
    shape = np.array(values.shape, dtype=np.int64)
    flat = np.ascontiguousarray(values).ravel()
    order = np.argsort(flat, kind="stable").astype(np.int32)
    order = order[:int(np.isfinite(flat).sum())]
    most = len(order) // 2 + 2
    labels, images = np.full(len(flat), -1, dtype=np.int32), np.zeros((len(flat), 3), dtype=np.int8)
    seeds, network = np.empty(most, dtype=np.int64), np.full(most, np.inf)
    parent, shift, size = np.empty(most, dtype=np.int64), np.zeros((most, 3), dtype=np.int64), np.ones(most, np.int64)
    lattice, rank = np.zeros((most, 3, 3), dtype=np.int64), np.zeros(most, dtype=np.int64)
    members = np.stack([np.arange(most), np.full(most, -1)], axis=1)     # last member of a set, next member
    saddles, levels = np.empty((most, 5), dtype=np.int64), np.empty((most, 2))
    axes, dimensions = np.full(3, np.inf), np.full(3, np.inf)
    lowest = np.empty(most)
    scratch = np.zeros((4, 3), dtype=np.int64)
    n_basins, n_saddles = _flood(flat, order, shape, labels, images, seeds, parent, shift, size, lattice, rank, members,
                                 lowest, saddles, levels, axes, dimensions, network, scratch)
    seeds = seeds[:n_basins].copy()
    return Flooding(labels.reshape(values.shape), images.reshape(*values.shape, 3), seeds,
                    flat[seeds].astype(np.float64), saddles[:n_saddles].copy(), levels[:n_saddles, 0].copy(),
                    levels[:n_saddles, 1].copy(), axes, dimensions, network[:n_basins].copy())


@kernel
def _neighbour(v: int, direction: int, shape: IntArray, wrap: IntArray) -> int:
    """Flat index of one of six neighbours of node ``v``; ``wrap`` (3,) cells that the step enters."""
    k = v % shape[2]
    j = (v // shape[2]) % shape[1]
    i = v // (shape[2] * shape[1])
    wrap[0] = wrap[1] = wrap[2] = 0
    axis, step = direction // 2, 1 if direction % 2 == 0 else -1
    if axis == 0:
        i += step
        wrap[0] = 1 if i == shape[0] else (-1 if i < 0 else 0)
        i -= wrap[0] * shape[0]
    elif axis == 1:
        j += step
        wrap[1] = 1 if j == shape[1] else (-1 if j < 0 else 0)
        j -= wrap[1] * shape[1]
    else:
        k += step
        wrap[2] = 1 if k == shape[2] else (-1 if k < 0 else 0)
        k -= wrap[2] * shape[2]
    flat: int = (i * shape[1] + j) * shape[2] + k
    return flat


@kernel
def _flood(flat: NDArray[Any], order: NDArray[np.int32], shape: IntArray, labels: NDArray[np.int32],
           images: NDArray[np.int8], seeds: IntArray, parent: IntArray, shift: IntArray, size: IntArray,
           lattice: IntArray, rank: IntArray, members: IntArray, lowest: FloatArray, saddles: IntArray,
           levels: FloatArray, axes: FloatArray, dimensions: FloatArray, network: FloatArray,
           scratch: IntArray) -> tuple[int, int]:
    """:func:`flood`; returns the numbers of basins and saddles.

    With image(v) as in ``images``, node v of the home cell belongs to the copy −image(v) of its basin.
    """
    wrap, of_a, of_b, between = scratch[0], scratch[1], scratch[2], scratch[3]
    n_basins = n_saddles = 0
    for at in range(order.shape[0]):
        v = order[at]
        level = flat[v]
        best = towards = -1
        for direction in range(6):
            n = _neighbour(v, direction, shape, wrap)
            if labels[n] >= 0 and n != v and (best < 0 or flat[n] < flat[best]):
                best, towards = n, direction
        if best < 0:
            labels[v], seeds[n_basins], parent[n_basins], lowest[n_basins] = n_basins, v, n_basins, level
            n_basins += 1
        else:
            labels[v] = labels[_neighbour(v, towards, shape, wrap)]
            for x in range(3):
                images[v, x] = images[best, x] - wrap[x]
        for direction in range(6):
            n = _neighbour(v, direction, shape, wrap)
            if labels[n] < 0:
                continue
            root_a, root_b = find(parent, shift, labels[v], of_a), find(parent, shift, labels[n], of_b)
            # Copies of the two basins that touch here, and from them the cells between the frames of the roots.
            for x in range(3):
                between[x] = (wrap[x] - images[n, x] - of_b[x]) - (-images[v, x] - of_a[x])
            if root_a == root_b:
                before = rank[root_a]
                rank[root_a] = add_to_lattice(lattice[root_a], before, between)
                if rank[root_a] > before:
                    _percolates(root_a, level, before, lattice, rank, axes, dimensions, network, members)
                continue
            saddles[n_saddles, 0], saddles[n_saddles, 1] = labels[v], labels[n]
            for x in range(3):
                saddles[n_saddles, 2 + x] = wrap[x] - images[n, x] + images[v, x]
            levels[n_saddles, 0] = level
            levels[n_saddles, 1] = level - max(lowest[root_a], lowest[root_b])
            n_saddles += 1
            _unite(root_a, root_b, between, level, parent, shift, size, lattice, rank, members, lowest, axes,
                   dimensions, network)
    return n_basins, n_saddles


@kernel
def _unite(root_a: int, root_b: int, between: IntArray, level: float, parent: IntArray, shift: IntArray,
           size: IntArray, lattice: IntArray, rank: IntArray, members: IntArray, lowest: FloatArray, axes: FloatArray,
           dimensions: FloatArray, network: FloatArray) -> None:
    """Unite two sets of basins and what is known of them."""
    depth = min(lowest[root_a], lowest[root_b])
    root = attach(parent, shift, size, root_a, root_b, between)
    other = root_b if root == root_a else root_a
    lowest[root] = depth
    before = max(rank[root], rank[other])
    alone = min(rank[root], rank[other])
    for r in range(rank[other]):
        rank[root] = add_to_lattice(lattice[root], rank[root], lattice[other, r])
    members[members[root, 0], 1] = other        # the other's list follows the root's
    members[root, 0] = members[other, 0]
    if rank[root] > before or (alone == 0 and before > 0):
        _percolates(root, level, min(before, rank[root]), lattice, rank, axes, dimensions, network, members)


@kernel
def _percolates(root: int, level: float, before: int, lattice: IntArray, rank: IntArray, axes: FloatArray,
                dimensions: FloatArray, network: FloatArray, members: IntArray) -> None:
    """Note the level at which a set percolates, or does so in more dimensions than ``before``."""
    for r in range(rank[root]):
        for x in range(3):
            if lattice[root, r, x] != 0 and axes[x] > level:
                axes[x] = level
    for d in range(before, rank[root]):
        if dimensions[d] > level:
            dimensions[d] = level
    b = root
    while b >= 0:
        if network[b] > level:
            network[b] = level
        b = members[b, 1]
