"""Union–find over periodic sets, whose members also know by how many lattice vectors they are displaced.

Member b of a set lies in the frame of its parent displaced by ``shift[b]`` whole cells. Two members of one set that
meet with another displacement than the one on record have closed a path through the periodic cell: the set percolates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zifsim.gcmc.jit import kernel

IntArray = NDArray[np.int64]


@kernel
def find(parent: IntArray, shift: IntArray, b: int, out: IntArray) -> int:
    """Root of member ``b``; its displacement from the root goes into ``out`` (3,)."""
    out[0] = out[1] = out[2] = 0
    while parent[b] != b:
        for x in range(3):
            out[x] += shift[b, x]
        b = parent[b]
    return b


@kernel
def attach(parent: IntArray, shift: IntArray, size: IntArray, root_a: int, root_b: int, between: IntArray) -> int:
    """Join two roots, b lying ``between`` (3,) cells from a; returns the new root. The larger set keeps its frame."""
    sign = 1
    if size[root_a] < size[root_b]:
        root_a, root_b, sign = root_b, root_a, -1
    parent[root_b] = root_a
    for x in range(3):
        shift[root_b, x] = sign * between[x]
    size[root_a] += size[root_b]
    return root_a


@kernel
def add_to_lattice(vectors: IntArray, rank: int, new: IntArray) -> int:
    """Add ``new`` (3,) to the ``rank`` independent rows of ``vectors`` (3, 3) if it is independent of them.

    Returns the new rank.
    """
    if new[0] == 0 and new[1] == 0 and new[2] == 0:
        return rank
    independent = rank == 0
    if rank == 1:
        a = vectors[0]
        independent = (a[1] * new[2] != a[2] * new[1] or a[2] * new[0] != a[0] * new[2]
                       or a[0] * new[1] != a[1] * new[0])
    elif rank == 2:
        a, b = vectors[0], vectors[1]
        independent = (new[0] * (a[1] * b[2] - a[2] * b[1]) + new[1] * (a[2] * b[0] - a[0] * b[2])
                       + new[2] * (a[0] * b[1] - a[1] * b[0])) != 0
    if independent:
        for x in range(3):
            vectors[rank, x] = new[x]
        return rank + 1
    return rank
