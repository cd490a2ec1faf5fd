"""Angles at the metal and at the linker, and how tetrahedral the metal's surroundings are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from zifsim.analysis.frames import Frames
from zifsim.analysis.quantity import Quantity, over_frames
from zifsim.melt.box import minimum_image
from zifsim.melt.coordination import ZN_N_CUTOFF, metal_nitrogen_pairs

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
EDGES = np.arange(0.0, 181.0, 1.0)      # degrees
REACH = 6.0                             # Å in which the four nearest N of a metal are sought


@dataclass(frozen=True, slots=True, eq=False)
class AngleDistribution:
    """One kind of angle: (F,) mean and standard deviation within each frame, degrees (NaN where there is none);
    ``density`` (180,) per degree over all frames, at ``centres``."""

    mean: FloatArray
    deviation: FloatArray
    density: FloatArray

    @property
    def centres(self) -> FloatArray:
        """(180,) degrees."""
        return np.asarray(0.5 * (EDGES[1:] + EDGES[:-1]), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class AnglesResult:
    """``n_zn_n``: between all N bonded to a metal. ``zn_linker_zn``: between two metals bonded to the two N of a
    linker, seen from the centre of its five-membered ring. ``q4``: (F,) mean tetrahedral order of the metals."""

    cutoff: float
    n_zn_n: AngleDistribution
    zn_linker_zn: AngleDistribution
    q4: FloatArray

    def quantities(self) -> list[Quantity]:
        """The rows of the table."""
        return [
            over_frames("n_zn_n", "N–metal–N angle", "°", self.n_zn_n.mean),
            over_frames("n_zn_n_width", "  its s.d.", "°", self.n_zn_n.deviation),
            over_frames("zn_linker_zn", "metal–linker–metal angle", "°", self.zn_linker_zn.mean),
            over_frames("zn_linker_zn_width", "  its s.d.", "°", self.zn_linker_zn.deviation),
            over_frames("q4", "tetrahedral order q₄", "", self.q4),
        ]


@dataclass(frozen=True, slots=True)
class Angles:
    """Angles between bonds shorter than ``cutoff`` Å (:class:`zifsim.analysis.coordination.Coordination`).

    q₄ = 1 − 3/8 Σ (cos ψ + 1/3)² over the six angles between the four nearest N of a metal, bonded or not: 1 for a
    tetrahedron, 0 on average for directions at random (Errington & Debenedetti, Nature 2001, 409, 318,
    doi:10.1038/35053024).
    """

    cutoff: float = ZN_N_CUTOFF

    def compute(self, frames: Frames) -> AnglesResult:
        """Angles of every frame."""
        metals, nitrogens, rings = frames.metals, frames.nitrogens, frames.rings
        n_zn_n, zn_linker_zn, order = _Series(), _Series(), []
        for frame in frames:
            near, distances = metal_nitrogen_pairs(frame.positions, frame.box, metals, nitrogens, REACH)
            bonded = near[distances <= self.cutoff]
            vectors = minimum_image(frame.positions[bonded[:, 1]] - frame.positions[bonded[:, 0]], frame.box)
            n_zn_n.add(_between(_pairs_of(bonded[:, 0]), vectors))
            first, second = _from_ring(frame.positions, frame.box, bonded, rings)
            zn_linker_zn.add(_angles(first, second))
            order.append(_tetrahedral(near, distances, metals, frame.positions, frame.box))
        return AnglesResult(self.cutoff, n_zn_n.result(), zn_linker_zn.result(), np.array(order))


class _Series:
    """Collects the angles of one kind, frame by frame."""

    def __init__(self) -> None:
        self.moments: list[tuple[float, float]] = []
        self.counts = np.zeros(len(EDGES) - 1)

    def add(self, angles: FloatArray) -> None:
        self.moments.append((float(angles.mean()), float(angles.std())) if len(angles) else (np.nan, np.nan))
        self.counts += np.histogram(angles, EDGES)[0]

    def result(self) -> AngleDistribution:
        mean, deviation = np.array(self.moments).T
        return AngleDistribution(mean, deviation, self.counts / max(1.0, self.counts.sum()))


def _pairs_of(owner: IntArray) -> IntArray:
    """(P, 2) all pairs of rows that have the same owner."""
    rows = [np.flatnonzero(owner == o) for o in np.unique(owner)]
    return np.array([p for r in rows for p in combinations(r.tolist(), 2)], dtype=np.int64).reshape(-1, 2)


def _between(pairs: IntArray, vectors: FloatArray) -> FloatArray:
    return _angles(vectors[pairs[:, 0]], vectors[pairs[:, 1]])


def _angles(first: FloatArray, second: FloatArray) -> FloatArray:
    """Angles between rows of (P, 3), degrees; by atan2, which is exact near 0 and 180 degrees."""
    sine = np.linalg.norm(np.cross(first, second), axis=-1)
    return np.asarray(np.degrees(np.arctan2(sine, np.einsum("ij,ij->i", first, second))), dtype=np.float64)


def _from_ring(positions: FloatArray, box: FloatArray, bonded: IntArray,
               rings: IntArray) -> tuple[FloatArray, FloatArray]:
    """Vectors (P, 3) from a ring's centre to a metal on its one N, and to a metal on its other N."""
    metals_of: dict[int, list[int]] = {}
    for metal, nitrogen in bonded.tolist():
        metals_of.setdefault(nitrogen, []).append(metal)
    ends = []
    for number, ring in enumerate(rings.tolist()):
        with_metal = [a for a in ring if a in metals_of]
        ends += [(number, one, i, other, j) for one, other in combinations(with_metal, 2)
                 for i in metals_of[one] for j in metals_of[other]]
    if not ends:
        return np.empty((0, 3)), np.empty((0, 3))
    number, one, i, other, j = np.array(ends).T
    # By way of the N, so that every step is shorter than half a cell.
    spokes = minimum_image(positions[rings] - positions[rings[:, :1]], box)
    centres = positions[rings[:, 0]] + spokes.mean(axis=1)

    def to_metal(nitrogen: IntArray, metal: IntArray) -> FloatArray:
        return (minimum_image(positions[nitrogen] - centres[number], box)
                + minimum_image(positions[metal] - positions[nitrogen], box))

    return to_metal(one, i), to_metal(other, j)


def _tetrahedral(near: IntArray, distances: FloatArray, metals: IntArray, positions: FloatArray,
                 box: FloatArray) -> float:
    """Mean q₄ of the metals that have four N within reach; NaN where none has."""
    order = np.lexsort((distances, near[:, 0]))
    near = near[order]
    starts = np.searchsorted(near[:, 0], metals)
    starts = starts[[np.count_nonzero(near[:, 0] == m) >= 4 for m in metals]]
    if len(starts) == 0:
        return float("nan")
    four = near[starts[:, None] + np.arange(4)]
    unit = minimum_image(positions[four[..., 1]] - positions[four[..., 0]], box)
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    cosines = np.einsum("mix,mjx->mij", unit, unit)[:, *np.triu_indices(4, 1)]
    return float((1.0 - 0.375 * ((cosines + 1.0 / 3.0) ** 2).sum(axis=1)).mean())
