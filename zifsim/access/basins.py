"""Basins of a free-energy grid, their weights, and the surfaces that divide them.

Basins shallower than :data:`SHALLOW` k_BT are merged with the neighbour they spill into: between them a molecule does
not wait, and a rate means nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zifsim.access.flood import Flooding, flood
from zifsim.access.landscape import FreeEnergyGrid
from zifsim.access.unionfind import attach, find
from zifsim.gcmc.jit import kernel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
SHALLOW = 1.0           # k_BT
NORMAL_RADIUS = 3.5     # nodes around a face that tell which way its surface is turned: areas of planes within 10 %


@dataclass(frozen=True, slots=True, eq=False)
class Basins:
    """``labels`` (nx, ny, nz) basin of each node, −1 in the atoms; of the B basins ``minima`` (B,) and
    ``network_levels`` (B,), kJ/mol: lowest free energy, and the level at which a basin is joined to a percolating
    network (inf: never); ``weights`` (B,) ∫exp(−(F − F₀)/k_BT) dV, Å³, with F₀ = ``reference``, the lowest F, kJ/mol.

    Windows: basins ``pairs`` (W, 2) meet, the second ``offsets`` (W, 3) cells from the first, in a surface of
    ``areas`` (W,) ∫exp(−(F − F₀)/k_BT) dS, Å². One entry per pair and offset, in one direction.
    """

    labels: NDArray[np.int32]
    minima: FloatArray
    network_levels: FloatArray
    weights: FloatArray
    reference: float
    pairs: IntArray
    offsets: IntArray
    areas: FloatArray

    @property
    def probabilities(self) -> FloatArray:
        """(B,) Boltzmann probability of each basin: the part of the molecules that it holds at vanishing loading."""
        return np.asarray(self.weights / self.weights.sum())


def find_basins(grid: FreeEnergyGrid, flooding: Flooding | None = None) -> Basins:
    """Partition a free-energy grid (``flooding``: of its values, if there is one already)."""
    flooding = flooding or flood(grid.values)
    kept, shift = _merge_shallow(flooding, SHALLOW * grid.kt)
    rock = flooding.labels < 0
    labels = kept[flooding.labels].astype(np.int32)      # −1 picks a wrong one, put right on the next line
    labels[rock] = -1
    images = flooding.images + shift[flooding.labels]
    n_basins = int(kept.max()) + 1
    minima, levels = np.full(n_basins, np.inf), np.full(n_basins, np.inf)
    np.minimum.at(minima, kept, flooding.minima)
    np.minimum.at(levels, kept, flooding.network_levels)
    reference = float(flooding.minima[0])
    boltzmann = np.exp(-(grid.values.astype(np.float64) - reference) / grid.kt)
    weights = np.zeros(n_basins)
    np.add.at(weights, labels[~rock], boltzmann[~rock] * grid.node_volume)
    pairs, offsets, areas = _windows(labels, images.astype(np.int32), boltzmann, grid)
    return Basins(labels, minima, levels, weights, reference, pairs, offsets, areas)


def _merge_shallow(flooding: Flooding, depth: float) -> tuple[IntArray, IntArray]:
    """New number (B,) of each basin, and (B, 3) what must be added to its nodes' images, with shallow ones merged."""
    n = len(flooding.seeds)
    parent, shift, size = np.arange(n), np.zeros((n, 3), dtype=np.int64), np.ones(n, dtype=np.int64)
    of_a, of_b = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)
    for a, b, *cells in flooding.saddles[flooding.depths < depth].tolist():
        root_a, root_b = find(parent, shift, a, of_a), find(parent, shift, b, of_b)
        if root_a != root_b:
            attach(parent, shift, size, root_a, root_b, np.array(cells) + of_a - of_b)
    roots, moved = np.empty(n, dtype=np.int64), np.empty((n, 3), dtype=np.int64)
    for basin in range(n):
        roots[basin] = find(parent, shift, basin, of_a)
        moved[basin] = of_a
    # Copy R of a basin lies in copy R − shift of its root, and a node with image c lies in copy −c.
    _, numbers = np.unique(roots, return_inverse=True)
    return numbers.astype(np.int64), moved


def _windows(labels: NDArray[np.int32], images: NDArray[np.int32], boltzmann: FloatArray,
             grid: FreeEnergyGrid) -> tuple[IntArray, IntArray, FloatArray]:
    """``pairs``, ``offsets`` and ``areas`` of :class:`Basins`."""
    shape = np.array(labels.shape, dtype=np.int64)
    inverse_steps = np.linalg.inv(grid.cell / shape[:, None])
    face_vectors = np.ascontiguousarray((inverse_steps * grid.node_volume).T)      # (3, 3): area vector per axis, Å²
    reach = int(NORMAL_RADIUS + 0.5)
    edge = np.arange(-reach, reach + 1)
    ball = np.array([(i, j, k) for i in edge for j in edge for k in edge], dtype=np.int64)
    count = _faces(labels, images, boltzmann, shape, face_vectors, inverse_steps, ball, np.empty((0, 5), np.int64),
                   np.empty(0))
    keys, areas = np.empty((count, 5), dtype=np.int64), np.empty(count)
    _faces(labels, images, boltzmann, shape, face_vectors, inverse_steps, ball, keys, areas)
    # One direction: the smaller basin first, or for a basin and its own copy the first offset that is positive.
    first_offset = np.where(keys[:, 2] != 0, keys[:, 2], np.where(keys[:, 3] != 0, keys[:, 3], keys[:, 4]))
    turn = (keys[:, 0] > keys[:, 1]) | ((keys[:, 0] == keys[:, 1]) & (first_offset < 0))
    keys[turn] = np.column_stack([keys[turn][:, [1, 0]], -keys[turn][:, 2:]])
    unique, index = np.unique(keys, axis=0, return_inverse=True)
    summed = np.zeros(len(unique))
    np.add.at(summed, index.ravel(), areas)
    return unique[:, :2], unique[:, 2:], summed


@kernel
def _faces(labels: NDArray[np.int32], images: NDArray[np.int32], boltzmann: FloatArray, shape: IntArray,
           face_vectors: FloatArray, inverse_steps: NDArray[np.floating[Any]], ball: IntArray, keys: IntArray,
           areas: FloatArray) -> int:
    """Weighted area of every face between nodes of different basins; counts them first, with empty ``keys``.

    A staircase of faces has more area than the surface it stands for: each face counts by its projection onto that
    surface, whose normal is found from which basin the nodes around the face belong to.
    """
    count = 0
    for i in range(shape[0]):
        for j in range(shape[1]):
            for k in range(shape[2]):
                a = labels[i, j, k]
                if a < 0:
                    continue
                for axis in range(3):
                    x, y, z = i + (axis == 0), j + (axis == 1), k + (axis == 2)
                    wx, wy, wz = x // shape[0], y // shape[1], z // shape[2]
                    x, y, z = x - wx * shape[0], y - wy * shape[1], z - wz * shape[2]
                    b = labels[x, y, z]
                    if b < 0:
                        continue
                    # Copies of the basins on either side.
                    ax, ay, az = -images[i, j, k, 0], -images[i, j, k, 1], -images[i, j, k, 2]
                    bx, by, bz = wx - images[x, y, z, 0], wy - images[x, y, z, 1], wz - images[x, y, z, 2]
                    if a == b and ax == bx and ay == by and az == bz:
                        continue
                    weight = min(boltzmann[i, j, k], boltzmann[x, y, z])
                    if weight == 0.0:
                        continue
                    if keys.shape[0] > 0:
                        keys[count, 0], keys[count, 1] = a, b
                        keys[count, 2], keys[count, 3], keys[count, 4] = bx - ax, by - ay, bz - az
                        areas[count] = weight * _projected(labels, images, shape, face_vectors, inverse_steps, ball, i,
                                                           j, k, axis, a, ax, ay, az, b, bx, by, bz)
                    count += 1
    return count


@kernel
def _projected(labels: NDArray[np.int32], images: NDArray[np.int32], shape: IntArray, face_vectors: FloatArray,
               inverse_steps: NDArray[np.floating[Any]], ball: IntArray, i: int, j: int, k: int, axis: int, a: int,
               ax: int, ay: int, az: int, b: int, bx: int, by: int, bz: int) -> float:
    """Area, Å², of the face from node (i, j, k) along ``axis``, seen along the normal of the dividing surface."""
    ma = mb = mx = my = mz = nx = ny = nz = 0.0
    for n in range(ball.shape[0]):
        u, v, w = ball[n, 0] - 0.5 * (axis == 0), ball[n, 1] - 0.5 * (axis == 1), ball[n, 2] - 0.5 * (axis == 2)
        if u * u + v * v + w * w > NORMAL_RADIUS * NORMAL_RADIUS:
            continue
        p, q, r = i + ball[n, 0], j + ball[n, 1], k + ball[n, 2]
        wp, wq, wr = p // shape[0], q // shape[1], r // shape[2]
        p, q, r = p - wp * shape[0], q - wq * shape[1], r - wr * shape[2]
        label = labels[p, q, r]
        if label != a and label != b:
            continue
        cx, cy, cz = wp - images[p, q, r, 0], wq - images[p, q, r, 1], wr - images[p, q, r, 2]
        if label == b and cx == bx and cy == by and cz == bz:
            mb, mx, my, mz = mb + 1.0, mx + u, my + v, mz + w
        elif label == a and cx == ax and cy == ay and cz == az:
            ma, nx, ny, nz = ma + 1.0, nx + u, ny + v, nz + w
    # From the middle of one side to that of the other, in node coordinates; the normal has the reciprocal components.
    mx, my, mz = mx / mb - nx / ma, my / mb - ny / ma, mz / mb - nz / ma
    x = inverse_steps[0, 0] * mx + inverse_steps[0, 1] * my + inverse_steps[0, 2] * mz
    y = inverse_steps[1, 0] * mx + inverse_steps[1, 1] * my + inverse_steps[1, 2] * mz
    z = inverse_steps[2, 0] * mx + inverse_steps[2, 1] * my + inverse_steps[2, 2] * mz
    length = math.sqrt(x * x + y * y + z * z)
    sx, sy, sz = face_vectors[axis, 0], face_vectors[axis, 1], face_vectors[axis, 2]
    area: float = abs(sx * x + sy * y + sz * z) / length
    return area
