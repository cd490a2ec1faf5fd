"""Linker order: along a common direction, and which kinds share a metal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zifsim.analysis.frames import Frames
from zifsim.analysis.quantity import Quantity, over_frames
from zifsim.melt.box import minimum_image
from zifsim.melt.coordination import ZN_N_CUTOFF, metal_nitrogen_pairs

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
RANDOM_P2 = 0.82        # times 1/√N: mean largest eigenvalue for directions at random, measured for N = 30 to 1000


@dataclass(frozen=True, slots=True, eq=False)
class LinkerOrderResult:
    """Per frame (F,).

    p2: nematic order of the normals of the linkers' rings, 0 (none) to 1 (all parallel).
    p2_random: what directions at random give with as many linkers, on average.
    warren_cowley: kind of linker -> 1 − P(another kind | shares a metal with this kind)/P(another kind); 0 at random,
        below where the kind avoids itself, above where it gathers; NaN where it never shares a metal. For kinds that
        are not alone.
    """

    p2: FloatArray
    p2_random: float
    warren_cowley: dict[str, FloatArray]

    def quantities(self) -> list[Quantity]:
        """The rows of the table; of the kinds of linker the rarest."""
        rows = [over_frames("p2", f"linker order P₂ (random: {self.p2_random:.2f})", "", self.p2)]
        return rows + [over_frames(f"warren_cowley_{kind}", f"Warren–Cowley order of {kind}", "", values)
                       for kind, values in list(self.warren_cowley.items())[:1]]


@dataclass(frozen=True, slots=True)
class LinkerOrder:
    """P₂ is the largest eigenvalue of ⟨(3 n nᵀ − 1)/2⟩ over the ring normals n (Eppenga & Frenkel, Mol. Phys. 1984, 52,
    1303, doi:10.1080/00268978400101951); N directions at random give about 0.82/√N rather than 0.

    Short-range order as by Cowley, Phys. Rev. 1950, 77, 669, doi:10.1103/PhysRev.77.669, over pairs of linkers bonded
    to one metal, with N − 1 others to choose from, so that it is 0 at random in small cells too.
    """

    cutoff: float = ZN_N_CUTOFF

    def compute(self, frames: Frames) -> LinkerOrderResult:
        """Order in every frame."""
        rings, metals, nitrogens = frames.rings, frames.metals, frames.nitrogens
        kinds = np.array([u.kind for u in frames.framework.units if len(u.atoms) > 1])
        linker_of = np.zeros(frames.framework.n_atoms, dtype=np.int64)
        for number, atoms in enumerate(frames.linkers):
            linker_of[list(atoms)] = number
        names, counts = np.unique(kinds, return_counts=True)
        by_rarity = [str(names[k]) for k in np.argsort(counts, kind="stable")]
        p2: list[float] = []
        shared: dict[str, list[float]] = {kind: [] for kind in by_rarity} if len(names) > 1 else {}
        for frame in frames:
            p2.append(nematic_order(ring_normals(frame.positions, frame.box, rings)))
            pairs, _ = metal_nitrogen_pairs(frame.positions, frame.box, metals, nitrogens, self.cutoff)
            together = _sharing(pairs[:, 0], linker_of[pairs[:, 1]])
            for kind, values in shared.items():
                values.append(warren_cowley(together, kinds == kind))
        return LinkerOrderResult(np.array(p2), RANDOM_P2 / np.sqrt(max(1, len(rings))),
                                 {kind: np.array(values) for kind, values in shared.items()})


def ring_normals(positions: FloatArray, box: FloatArray, rings: IntArray) -> FloatArray:
    """(L, 3) unit normals of the rings (L, 5): the direction in which their atoms spread least."""
    spokes = minimum_image(positions[rings] - positions[rings[:, :1]], box)
    spokes = spokes - spokes.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(np.einsum("lax,lay->lxy", spokes, spokes))
    return np.asarray(vectors[:, :, 0], dtype=np.float64)


def nematic_order(directions: FloatArray) -> float:
    """P₂ of unit vectors (L, 3); NaN for none."""
    if len(directions) == 0:
        return float("nan")
    tensor = 1.5 * np.einsum("lx,ly->xy", directions, directions) / len(directions) - 0.5 * np.eye(3)
    return float(np.linalg.eigvalsh(tensor)[-1])


def warren_cowley(pairs: IntArray, of_kind: NDArray[np.bool_]) -> float:
    """1 − (share of other kinds among the partners of this kind)/(their share among all other linkers)."""
    first, second = of_kind[pairs[:, 0]], of_kind[pairs[:, 1]]
    partners = int(first.sum() + second.sum())                  # ends of pairs that are of this kind
    if partners == 0:
        return float("nan")
    other = int((first ^ second).sum()) / partners
    return 1.0 - other * (len(of_kind) - 1) / int((~of_kind).sum())


def _sharing(metal: IntArray, linker: IntArray) -> IntArray:
    """(P, 2) pairs of different linkers bonded to one metal."""
    order = np.argsort(metal, kind="stable")
    groups = np.split(linker[order], np.flatnonzero(np.diff(metal[order])) + 1)
    found = [(a, b) for g in groups for k, a in enumerate(g.tolist()) for b in g[k + 1:].tolist() if a != b]
    return np.array(found, dtype=np.int64).reshape(-1, 2)
