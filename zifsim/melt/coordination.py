"""Coordination, which N are bonded to which metal: one definition for watching, making and analysing glasses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Å; in melt and glass the Zn–N pair distribution has its first minimum near here, between the bond at 2.0 Å
# and the next shell beyond 3 Å.
ZN_N_CUTOFF = 2.6


def metal_nitrogen_pairs(positions: FloatArray, box: FloatArray, metals: IntArray, nitrogens: IntArray,
                         cutoff: float = ZN_N_CUTOFF) -> tuple[IntArray, FloatArray]:
    """(M, 2) atom indices (metal, N) within the cut-off, and their M distances, Å.

    ``positions`` (N, 3) in ``box`` (3, 3) rows, Å, a along x and b in the xy plane; ``metals`` and ``nitrogens``
    are atom indices.
    """
    from MDAnalysis.lib.distances import capped_distance

    found, distances = capped_distance(positions[metals].astype(np.float32), positions[nitrogens].astype(np.float32),
                                       cutoff, box=dimensions(box))
    atoms = np.column_stack([metals[found[:, 0]], nitrogens[found[:, 1]]])
    return atoms.astype(np.int64), np.asarray(distances, dtype=np.float64)


def dimensions(box: FloatArray) -> NDArray[np.float32]:
    """(6,) lengths, Å, and angles, degrees, as MDAnalysis takes a box."""
    from ase.geometry import cell_to_cellpar

    return np.asarray(cell_to_cellpar(box), dtype=np.float32)  # type: ignore[no-untyped-call]
