"""Path of least resistance through a guest's free-energy landscape, from a node to an image of it in the next cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from zifsim.access.landscape import FreeEnergyGrid

FloatArray = NDArray[np.float64]
STEP = 1.0 / 40.0   # what a node costs by being there, that at the top of the best path costing 1: 10 Å of way
MOST_KT = 300.0     # k_BT above that top: the most that a node may cost


@dataclass(frozen=True, slots=True, eq=False)
class GuestPath:
    """``places`` (n, 3) Å from a node to an image of it, in steps between neighbours; ``levels`` (n,) kJ/mol."""

    places: FloatArray
    levels: FloatArray

    @property
    def barrier(self) -> float:
        """Highest above lowest level, kJ/mol."""
        return float(self.levels.max() - self.levels.min())


def easiest_path(grid: FreeEnergyGrid, start: int, axis: int, top: float) -> GuestPath:
    """The easiest path from the node ``start`` (flat index) to an image of it in the next cell along ``axis``, or some
    cells aside of that where the way leads there.

    ``top``, kJ/mol: the level at which a path opens. Σ (exp((F − top)/k_BT) + ``STEP``) is least: what is low costs
    its length only, so that the path does not wander from one deep basin to the next.

    Raises
    ------
    ValueError: they are not joined at all.
    """
    shape = np.array(grid.values.shape)
    index, costs = _doubled(grid, axis, top)
    first = np.array(np.unravel_index(start, grid.values.shape))
    last = first.copy()
    last[axis] += shape[axis]
    begin, end = int(index[tuple(first)]), int(index[tuple(last)])
    previous = dijkstra(_graph(index, costs, axis), indices=begin, return_predecessors=True)[1]
    nodes = [end]
    while nodes[-1] != begin:
        if previous[nodes[-1]] < 0:
            raise ValueError(f"no path along axis {axis}")
        nodes.append(int(previous[nodes[-1]]))
    places = np.array(np.unravel_index(nodes[::-1], index.shape)).T
    steps = np.diff(places, axis=0)
    steps -= np.round(steps / index.shape).astype(int) * shape        # over the cell's faces
    corners = first + np.concatenate([[[0, 0, 0]], np.cumsum(steps, axis=0)])
    levels = grid.values[tuple((corners % shape).T)].astype(np.float64)
    return GuestPath(corners / shape @ grid.cell, levels)


def _doubled(grid: FreeEnergyGrid, axis: int, top: float) -> tuple[NDArray[np.int64], FloatArray]:
    """Numbers of the nodes of two cells in a row along ``axis``, and what it costs to step on each (flat)."""
    values = np.concatenate([grid.values] * 2, axis=axis)
    heights = (values.ravel().astype(np.float64) - top) / grid.kt
    costs = np.where(heights < np.inf, np.exp(np.minimum(heights, MOST_KT)) + STEP, np.inf)
    return np.arange(values.size).reshape(values.shape), costs


def _graph(index: NDArray[np.int64], costs: FloatArray, axis: int) -> csr_array:
    """Steps between the six neighbours of every node, periodic but for the doubled ``axis``, which has ends."""
    rows, columns = [], []
    for along in range(3):
        for step in (1, -1):
            there = np.roll(index, -step, along)
            keep = np.isfinite(costs).reshape(index.shape) & np.isfinite(costs[there])
            if along == axis:
                np.moveaxis(keep, along, 0)[-1 if step == 1 else 0] = False
            rows.append(index[keep])
            columns.append(there[keep])
    to = np.concatenate(columns)
    return coo_array((costs[to], (np.concatenate(rows), to)), shape=(index.size, index.size)).tocsr()
