"""Which atoms are near each other in a periodic cell, in time and memory linear in the atoms.

The images of the atoms that can matter are laid out around the home cell and looked up in a tree, which does not care
how empty the cell is: a box of a million Å takes no more than the atoms in it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from zifsim.memory import reserve

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BYTES_PER_IMAGE = 100       # position, owner, a node of the tree
BYTES_PER_PAIR = 100
ITSELF = 1e-9               # Å


def periodic_images(positions: FloatArray, cell: FloatArray, reach: float) -> tuple[FloatArray, IntArray]:
    """All images of atoms (N, 3) within ``reach`` Å of the home cell: (M, 3) positions and (M,) atom indices.

    Raises
    ------
    InputError: so many images that memory does not hold them.
    """
    inverse = np.linalg.inv(cell)
    fractional = positions @ inverse
    home = fractional - np.floor(fractional)
    margin = reach * np.linalg.norm(inverse, axis=0)
    reserve(BYTES_PER_IMAGE * len(positions) * float(np.prod(1.0 + 2.0 * margin)),
            f"The periodic images of {len(positions)} atoms within {reach:g} Å of a cell of {_edges(cell)} Å",
            "a cell so small, or a reach so long, is hardly meant")
    counts = np.ceil(margin).astype(int)
    images, owners = [], []
    for shift in itertools.product(*(range(-c, c + 1) for c in counts)):
        moved = home + np.array(shift)
        near = np.all((moved > -margin) & (moved < 1.0 + margin), axis=1)
        images.append(moved[near] @ cell)
        owners.append(np.nonzero(near)[0])
    return np.ascontiguousarray(np.concatenate(images)), np.concatenate(owners).astype(np.int64)


def neighbour_pairs(positions: ArrayLike, cell: ArrayLike, reach: float) -> tuple[IntArray, IntArray, FloatArray]:
    """All pairs of atoms (N, 3) within ``reach`` Å, images included: (P,) i, (P,) j, (P,) distances, Å.

    Every pair comes both ways, an atom with an image of its own too; sorted by i, j and distance.

    Raises
    ------
    InputError: so many pairs that memory does not hold them.
    """
    positions, cell = np.asarray(positions, dtype=np.float64), np.asarray(cell, dtype=np.float64)
    if len(positions) == 0:
        none = np.empty(0, dtype=np.int64)
        return none, none.copy(), np.empty(0)
    fractional = positions @ np.linalg.inv(cell)
    home = (fractional - np.floor(fractional)) @ cell
    images, owners = periodic_images(positions, cell, reach)
    homes, tree = cKDTree(home), cKDTree(images)
    reserve(BYTES_PER_PAIR * float(homes.count_neighbors(tree, reach)),
            f"All pairs of {len(positions)} atoms within {reach:g} Å in a cell of {_edges(cell)} Å",
            "check that the coordinates belong to the cell")
    found = homes.sparse_distance_matrix(tree, reach, output_type="ndarray")
    i, j, d = found["i"].astype(np.int64), owners[found["j"]], np.asarray(found["v"], dtype=np.float64)
    # an atom is no neighbour of itself: of its own images the one it lies on is left out
    itself = (i == j) & (d < ITSELF)
    i, j, d = i[~itself], j[~itself], d[~itself]
    order = np.lexsort((d, j, i))
    return i[order], j[order], d[order]


def bonded_pairs(species: Sequence[str], positions: ArrayLike, cell: ArrayLike,
                 cutoffs: Mapping[tuple[str, str], float]) -> tuple[IntArray, IntArray, FloatArray]:
    """:func:`neighbour_pairs` within the cut-off (Å) of each pair's elements; those without one are left out."""
    kinds = sorted(set(species))
    table = np.zeros((len(kinds), len(kinds)))
    for (a, b), cutoff in cutoffs.items():
        if a in kinds and b in kinds:
            table[kinds.index(a), kinds.index(b)] = table[kinds.index(b), kinds.index(a)] = cutoff
    if not table.any():
        return neighbour_pairs(np.empty((0, 3)), cell, 0.0)
    kind = np.array([kinds.index(s) for s in species])
    i, j, d = neighbour_pairs(positions, cell, float(table.max()))
    near = d < table[kind[i], kind[j]]
    return i[near], j[near], d[near]


def _edges(cell: FloatArray) -> str:
    return " × ".join(f"{length:.4g}" for length in np.linalg.norm(cell, axis=1))
