"""Which voxels of the cell the guests themselves cover: where a further molecule cannot go, no trial is wasted.

In a dense pore nearly every random position lies on top of a molecule (cavity bias; Mezei 1980,
doi:10.1080/00268978000101971). Each molecule covers the voxels around its own; trials that draw a covered voxel weigh
nothing, at the price of one look-up. A molecule that stands in a voxel covered by others is not removed or regrown,
because it could not be put back: that keeps detailed balance, whatever is covered.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from zifsim.gcmc.jit import inlined, kernel


def stencil(voxel_vectors: NDArray[np.float64], radius_angstrom: float) -> NDArray[np.int64]:
    """(n, 3) steps from a voxel to all voxels whose centres lie within a radius of its own.

    ``voxel_vectors`` (3, 3) Å, one row per axis.
    """
    widths = 1.0 / np.linalg.norm(np.linalg.inv(voxel_vectors), axis=0)
    reach = [math.ceil(radius_angstrom / w) for w in widths]
    steps = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))))
    near = np.linalg.norm(steps @ voxel_vectors, axis=1) <= radius_angstrom
    return np.ascontiguousarray(steps[near].astype(np.int64))


@kernel
def voxel_of(divisions, repeats, centres, m, axis):
    """Voxel of the supercell, along one axis, in which ``centres[:, m]`` (fractional) lies."""
    n = divisions[axis] * repeats[axis]
    f = centres[axis, m]
    return min(int((f - math.floor(f)) * n), n - 1)


@kernel
def covered_at(covered, bias, centres, m):
    """How many molecules cover the voxel of ``centres[:, m]``."""
    x = voxel_of(bias.divisions, bias.repeats, centres, m, 0)
    y = voxel_of(bias.divisions, bias.repeats, centres, m, 1)
    z = voxel_of(bias.divisions, bias.repeats, centres, m, 2)
    return covered[x, y, z]


@kernel
def _cover(covered, steps, x, y, z, change):
    nx, ny, nz = covered.shape
    for s in range(steps.shape[0]):
        i, j, k = x + steps[s, 0], y + steps[s, 1], z + steps[s, 2]
        # a stencil is narrower than the cell: one period is enough
        i += nx if i < 0 else (-nx if i >= nx else 0)
        j += ny if j < 0 else (-ny if j >= ny else 0)
        k += nz if k < 0 else (-nz if k >= nz else 0)
        covered[i, j, k] += change


@inlined
def cover(bias, covered, centres, m, change):
    """Count the molecule at ``centres[:, m]`` in (+1) or out (−1) of the voxels around it."""
    _cover(covered, bias.stencil, voxel_of(bias.divisions, bias.repeats, centres, m, 0),
           voxel_of(bias.divisions, bias.repeats, centres, m, 1),
           voxel_of(bias.divisions, bias.repeats, centres, m, 2), change)


@kernel
def cover_all(bias, covered, total, centres):
    """Fill ``covered`` (X, Y, Z) anew from ``total`` molecules."""
    covered[:] = 0
    for m in range(total):
        cover(bias, covered, centres, m, 1)
