"""Pore size distribution: for points of the void, the largest sphere between the atoms that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from zifsim.analysis.frames import Frames
from zifsim.analysis.quantity import Quantity, over_frames
from zifsim.analysis.radii import radii_of
from zifsim.gcmc.grid import divisions_for
from zifsim.gcmc.jit import kernel
from zifsim.io.trajectory import Frame
from zifsim.model.neighbours import periodic_images

FloatArray = NDArray[np.float64]
REACH = 15.0            # Å; no pore of a ZIF is this wide
BIN = 0.25              # Å
LEAST_DIAMETER = 1.0    # Å; narrower gaps between atoms are no pores


@dataclass(frozen=True, slots=True, eq=False)
class PoreSizesResult:
    """``diameter`` (B,) Å and ``share`` (B,) per Å of the void in pores of that diameter, over all frames.

    ``largest``, ``mean`` (F,): the largest pore and the mean over the void, Å, of each frame.
    """

    diameter: FloatArray
    share: FloatArray
    largest: FloatArray
    mean: FloatArray

    def quantities(self) -> list[Quantity]:
        """The rows of the table."""
        return [over_frames("pore_size_mean", "pore size, mean over the void", "Å", self.mean)]


@dataclass(frozen=True, slots=True)
class PoreSizes:
    """Geometric pore sizes (Gelb & Gubbins, Langmuir 1999, 15, 305, doi:10.1021/la9808418).

    Spheres are centred on a grid of ``spacing`` Å, so diameters are too small by up to that; ``points`` random points
    of the void are asked for the largest sphere around them, in at most ``frames`` frames, evenly spread.
    """

    points: int = 5_000
    spacing: float = 0.25
    frames: int = 3
    seed: int = 1

    def compute(self, frames: Frames) -> PoreSizesResult:
        """Sizes in the chosen frames.

        Raises
        ------
        InputError: an element has no radius.
        """
        radii = radii_of(frames)
        rng = np.random.default_rng(self.seed)
        sizes = [self._sizes(frame, frames.framework.species, radii, rng) for frame in frames.spread_over(self.frames)]
        edges = np.arange(0.0, 2.0 * REACH + BIN, BIN)
        counts = np.histogram(np.concatenate(sizes), edges)[0]
        last = int(np.max(np.flatnonzero(counts), initial=0)) + 2
        centres = 0.5 * (edges[1:] + edges[:-1])
        return PoreSizesResult(centres[:last], (counts / max(1, counts.sum()) / BIN)[:last],
                               np.array([s.max(initial=0.0) for s in sizes]),
                               np.array([s.mean() if len(s) else np.nan for s in sizes]))

    def _sizes(self, frame: Frame, species: Sequence[str], radii: dict[str, float],
               rng: np.random.Generator) -> FloatArray:
        """Diameters around random points of the void of one frame."""
        divisions = divisions_for(frame.box, self.spacing)
        nodes = np.stack(np.meshgrid(*(np.arange(n) / n for n in divisions), indexing="ij"), axis=-1).reshape(-1, 3)
        points = rng.random((self.points, 3))
        clear = clearance(np.concatenate([nodes, points]) @ frame.box, frame, species, radii)
        room, at_point = clear[: len(nodes)], clear[len(nodes):]
        order = np.argsort(-room)
        order = order[room[order] > 0.5 * LEAST_DIAMETER]
        best = np.zeros(len(points))
        _largest_around(points, np.ascontiguousarray(nodes[order]), np.ascontiguousarray(room[order]),
                        np.ascontiguousarray(frame.box), best)
        return np.asarray(2.0 * best[(best > 0.0) & (at_point > 0.0)], dtype=np.float64)


def clearance(where: FloatArray, frame: Frame, species: Sequence[str], radii: dict[str, float]) -> FloatArray:
    """(P,) distance from points (P, 3) in the home cell to the nearest atom's surface, Å; negative inside an atom."""
    images, owners = periodic_images(frame.positions, frame.box, REACH)
    elements = np.array(species)[owners]
    found = [cKDTree(images[elements == e]).query(where)[0] - radii[e] for e in set(species)]
    return np.asarray(np.min(found, axis=0), dtype=np.float64)


@kernel
def _largest_around(points: FloatArray, nodes: FloatArray, room: FloatArray, box: FloatArray,
                    best: FloatArray) -> None:
    """For points (P, 3), fractional: the room of the roomiest node whose sphere holds them; nodes by falling room."""
    for p in range(points.shape[0]):
        for n in range(nodes.shape[0]):
            u, v, w = points[p, 0] - nodes[n, 0], points[p, 1] - nodes[n, 1], points[p, 2] - nodes[n, 2]
            u -= round(u)
            v -= round(v)
            w -= round(w)
            x = u * box[0, 0] + v * box[1, 0] + w * box[2, 0]
            y = u * box[0, 1] + v * box[1, 1] + w * box[2, 1]
            z = u * box[0, 2] + v * box[1, 2] + w * box[2, 2]
            if x * x + y * y + z * z <= room[n] * room[n]:
                best[p] = room[n]
                break
