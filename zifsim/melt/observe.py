"""Observables of a framework that melts: Zn–N coordination, the closest zincs, linkers in one piece."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import SimulationError
from zifsim.melt.box import minimum_image
from zifsim.melt.coordination import dimensions, metal_nitrogen_pairs
from zifsim.melt.system import MeltSystem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Å; closer zincs have fused (crystal 5.9 Å). That far up their wall it is 14 k_B T even at 1500 K, where long melts
# brush 4 Å and part again.
MIN_ZN_ZN = 3.5
LONGEST_BOND = 1.5              # times its rest length: a linker bond beyond has broken
ZN_ZN_SEARCH = 7.0              # Å


@dataclass(frozen=True, slots=True)
class Observation:
    """Mean Zn–N coordination number and shortest Zn–Zn distance, Å, of one configuration.

    ``bonds_kept`` and ``bonds_new``: Zn–N pairs of the start that are still there, and pairs that are new, per pair of
    the start.
    """

    coordination: float
    min_zn_zn: float
    bonds_kept: float
    bonds_new: float


class Observer:
    """Measures configurations of one model; raises where they have become unphysical."""

    def __init__(self, model: MeltSystem) -> None:
        fw = model.framework
        self.zinc = np.flatnonzero([t == "Zn" for t in fw.types])
        self.nitrogen = np.flatnonzero([t == "N1" for t in fw.types])
        metal = np.isin(fw.bonds, self.zinc).any(axis=1)
        self.linker_bonds = fw.bonds[~metal]
        self.crystal_pairs = _as_set(fw.bonds[metal], self.zinc)
        rest = {frozenset(t.types): t.r0 for t in model.forcefield.bonds}
        self.longest = LONGEST_BOND * np.array(
            [rest[frozenset((fw.types[i], fw.types[j]))] for i, j in self.linker_bonds])

    def pairs(self, positions: FloatArray, box: FloatArray) -> tuple[IntArray, FloatArray]:
        """(M, 2) atom indices (Zn, N) within the cut-off, and their M distances, Å."""
        return metal_nitrogen_pairs(positions, box, self.zinc, self.nitrogen)

    def closest_zincs(self, positions: FloatArray, box: FloatArray) -> float:
        """Shortest Zn–Zn distance, Å (infinite beyond 7 Å)."""
        from MDAnalysis.lib.distances import self_capped_distance

        _, distances = self_capped_distance(positions[self.zinc].astype(np.float32), ZN_ZN_SEARCH,
                                            box=dimensions(box))
        return float(distances.min(initial=np.inf))

    def watch(self, positions: FloatArray, box: FloatArray) -> Observation:
        """Measure atom positions (N, 3) in a box, Å.

        Raises
        ------
        SimulationError: a linker bond has broken, or two Zn have fused.
        """
        i, j = self.linker_bonds.T
        lengths = np.linalg.norm(minimum_image(positions[j] - positions[i], box), axis=1)
        if (lengths > self.longest).any():
            worst = int(np.argmax(lengths / self.longest))
            raise SimulationError(f"the linker bond between atoms {i[worst]} and {j[worst]} has stretched to "
                                  f"{lengths[worst]:.2f} Å (broken)")
        closest = self.closest_zincs(positions, box)
        if closest < MIN_ZN_ZN:
            raise SimulationError(f"two Zn have come as close as {closest:.2f} Å (fused)")
        pairs, _ = self.pairs(positions, box)
        return Observation(len(pairs) / max(1, len(self.zinc)), closest, *self.bonds_kept_and_new(pairs))

    def bonds_kept_and_new(self, pairs: IntArray) -> tuple[float, float]:
        """Zn–N pairs of the start that are still there, and pairs that are new, per pair of the start."""
        now = _as_set(pairs, self.zinc)
        before = max(1, len(self.crystal_pairs))
        return len(now & self.crystal_pairs) / before, len(now - self.crystal_pairs) / before


def _as_set(pairs: IntArray, zinc: IntArray) -> frozenset[tuple[int, int]]:
    """Pairs as (Zn, N) tuples."""
    first = np.isin(pairs[:, 0], zinc)
    return frozenset((int(a), int(b)) if zn else (int(b), int(a))
                     for (a, b), zn in zip(pairs, first, strict=True))
