"""Rings of the net whose nodes are metals and whose edges are the linkers that bridge them."""

from __future__ import annotations

import importlib.util
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zifsim.analysis.frames import Frames
from zifsim.analysis.quantity import Quantity, over_frames
from zifsim.errors import InputError
from zifsim.io.trajectory import Frame
from zifsim.melt.box import minimum_image, widths
from zifsim.melt.coordination import ZN_N_CUTOFF, metal_nitrogen_pairs

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Net:
    """Bridges between ``n_nodes`` metals, each in both directions and once per pair and image, sorted by ``first``.

    first, second: (E,) node numbers, positions in ``Frames.metals``. image: (E, 3) lattice steps of the second node.
    vector: (E, 3) Å from the first to the second. doubled: bridges left out because another joins the same two.
    """

    n_nodes: int
    first: IntArray
    second: IntArray
    image: IntArray
    vector: FloatArray
    doubled: int

    def supercell(self, repeats: tuple[int, int, int]) -> Net:
        """The same net in the cell repeated along its three vectors."""
        cells = np.array(list(itertools.product(*(range(n) for n in repeats))), dtype=np.int64)
        strides = np.array([repeats[1] * repeats[2], repeats[2], 1], dtype=np.int64)
        size = np.array(repeats, dtype=np.int64)
        target = cells[:, None] + self.image[None]
        wrapped = np.mod(target, size)
        first = (np.arange(len(cells))[:, None] * self.n_nodes + self.first[None]).ravel()
        second = ((wrapped @ strides) * self.n_nodes + self.second[None]).ravel()
        order = np.argsort(first, kind="stable")
        return Net(self.n_nodes * len(cells), first[order], second[order],
                   ((target - wrapped) // size).reshape(-1, 3)[order], np.tile(self.vector, (len(cells), 1))[order],
                   self.doubled * len(cells))


def find_net(frames: Frames, frame: Frame, cutoff: float) -> Net:
    """The net of one frame; a linker bridges every metal on its one N with every metal on its other N."""
    metals, rings = frames.metals, frames.rings
    pairs, _ = metal_nitrogen_pairs(frame.positions, frame.box, metals, frames.nitrogens, cutoff)
    node = np.zeros(frames.framework.n_atoms, dtype=np.int64)
    node[metals] = np.arange(len(metals))
    on: dict[int, list[int]] = {}
    for metal, nitrogen in pairs.tolist():
        on.setdefault(nitrogen, []).append(metal)
    inverse = np.linalg.inv(frame.box)
    bridges: dict[tuple[int, ...], FloatArray] = {}
    doubled = 0
    for ring in rings.tolist():
        for one, other in itertools.permutations([a for a in ring if a in on], 2):
            across = minimum_image(frame.positions[other] - frame.positions[one], frame.box)
            for i, j in itertools.product(on[one], on[other]):
                vector = (minimum_image(frame.positions[one] - frame.positions[i], frame.box) + across
                          + minimum_image(frame.positions[j] - frame.positions[other], frame.box))
                step = (vector - (frame.positions[j] - frame.positions[i])) @ inverse
                key = (int(node[i]), int(node[j]), *np.round(step).astype(int).tolist())
                doubled += key in bridges
                bridges.setdefault(key, vector)
    keys = np.array(sorted(bridges), dtype=np.int64).reshape(-1, 5)
    vectors = np.array([bridges[tuple(k)] for k in keys.tolist()]).reshape(-1, 3)
    return Net(len(metals), keys[:, 0], keys[:, 1], keys[:, 2:], vectors, doubled // 2)


@dataclass(frozen=True, slots=True, eq=False)
class RingsResult:
    """``per_metal`` (F, max_size + 1): shortest-path rings of each size (number of metals) per metal and frame.

    ``edges`` (F,): bridges per metal, those side by side counted once.
    """

    per_metal: FloatArray
    edges: FloatArray

    def quantities(self) -> list[Quantity]:
        """The rows of the table, one per size from three."""
        return [over_frames(f"rings_{n}", f"{n}-rings per metal", "", self.per_metal[:, n])
                for n in range(3, self.per_metal.shape[1])]


@dataclass(frozen=True, slots=True)
class Rings:
    """Shortest-path rings (Franzblau, Phys. Rev. B 1991, 44, 4925, doi:10.1103/PhysRevB.44.4925) by matscipy.

    A ring is one if no two of its nodes are joined by a shorter way outside it. The cell is repeated until no way round
    the periodic box is as short as the largest ring, so small cells give what the infinite net has.

    Parameters
    ----------
    cutoff: Å, of the metal–N bond. max_size: metals in the largest ring looked for. frames: at most so many, evenly
        spread, are looked at.
    """

    cutoff: float = ZN_N_CUTOFF
    max_size: int = 10
    frames: int = 3

    def compute(self, frames: Frames) -> RingsResult:
        """Count the rings of each chosen frame.

        Raises
        ------
        InputError: matscipy is not installed.
        """
        if importlib.util.find_spec("matscipy") is None:
            raise InputError("rings need matscipy: pip install 'zifsim[analysis]', or leave out --rings.")
        rows = []
        for frame in frames.spread_over(self.frames):
            net = find_net(frames, frame, self.cutoff)
            rows.append((self._count(net, frame.box), len(net.first) / 2.0 / max(1, net.n_nodes)))
        per_metal, edges = zip(*rows, strict=True)
        return RingsResult(np.array(per_metal), np.array(edges))

    def _count(self, net: Net, box: FloatArray) -> FloatArray:
        from matscipy.ffi import distances_on_graph, find_sp_rings

        counts = np.zeros(self.max_size + 1)
        if len(net.first) == 0:
            return counts
        longest = float(np.linalg.norm(net.vector, axis=1).max())
        reach = self.max_size | 1       # matscipy finds even rings only if asked for the odd size above
        a, b, c = (np.floor(reach * longest / widths(box)) + 1).astype(int).tolist()
        large = net.supercell((a, b, c))
        i, j = large.first.astype(np.int32), large.second.astype(np.int32)
        found = find_sp_rings(i, j, large.vector, distances_on_graph(i, j), reach)
        counts[: min(len(found), self.max_size + 1)] = found[: self.max_size + 1]
        return counts / large.n_nodes
