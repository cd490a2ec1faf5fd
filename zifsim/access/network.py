"""Hopping between basins: transition-state rates, the diffusion tensor, and how long a pocket takes to fill.

A window lets √(k_BT/2πm)·∫exp(−βF)dS molecules through per second in either direction, if its basin is at equilibrium
and none turns back: k(i→j) = √(k_BT/2πm)·∫_window exp(−βF)dS / ∫_i exp(−βF)dV. That is an upper bound (transition-state
theory on a free-energy grid, e.g. Mace, Barthel & Smit 2019, doi:10.1021/acs.jctc.8b01255).

These rates obey detailed balance, so the hopping is a network of conductances. It is solved by eliminating one basin
after the other (star–mesh transformation): sums and products of positive numbers only, so that nothing is lost where
conductances differ by hundreds of powers of ten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zifsim.access.basins import Basins
from zifsim.gcmc.jit import kernel
from zifsim.units import AMU_KG, ANGSTROM_M, BOLTZMANN_J_K

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Hopping:
    """``conductance`` (3, 3) m²/s: the diffusion tensor of the molecules if all basins took part, in proportion to
    their weights; divided by the probability of those that do, it is that of the rest. ``exchange_s`` (B,): mean time
    in which a molecule gets from a basin to the percolating network, 0 within it, inf where there is no way.
    """

    conductance_m2_s: FloatArray
    exchange_s: FloatArray


class _Mesh(NamedTuple):
    """Conductances between basins: ``strength`` (B, B) Å², ``displacement`` (B, B, 3) Å from row to column, and
    ``tensor`` (3, 3) Å⁴, what flows in a uniform gradient without passing from one basin to another: all between a
    basin and its own copies, and what two unlike ways between the same basins have over their mean."""

    strength: FloatArray
    displacement: FloatArray
    tensor: FloatArray


def crossing_speed(temperature_k: float, mass_amu: float) -> float:
    """√(k_BT/2πm), m/s: molecules of an ideal gas cross a plane to one side at this speed times their density."""
    return math.sqrt(BOLTZMANN_J_K * temperature_k / (2.0 * math.pi * mass_amu * AMU_KG))


def hopping(basins: Basins, cell: FloatArray, temperature_k: float, mass_amu: float) -> Hopping:
    """Diffusion and exchange times of a molecule of ``mass_amu`` among basins of a cell (3, 3) Å."""
    speed = crossing_speed(temperature_k, mass_amu) / ANGSTROM_M        # Å/s
    n = len(basins.weights)
    mesh = _mesh(basins, cell)
    _eliminate(*mesh, np.zeros(n), np.ones(n, dtype=np.bool_), np.empty(n, dtype=np.int64), np.empty(n, np.int64))
    tensor = np.triu(mesh.tensor) + np.triu(mesh.tensor, 1).T
    network = np.isfinite(basins.network_levels) & (basins.network_levels <= basins.network_levels.min())
    times = _exchange(_mesh(basins, cell), basins.weights / speed, network)
    return Hopping(tensor * speed / basins.weights.sum() * ANGSTROM_M**2, times)


def _mesh(basins: Basins, cell: FloatArray) -> _Mesh:
    n = len(basins.weights)
    mesh = _Mesh(np.zeros((n, n)), np.zeros((n, n, 3)), np.zeros((3, 3)))
    for (i, j), vector, area in zip(basins.pairs.tolist(), basins.offsets @ cell, basins.areas.tolist(), strict=True):
        if i == j:
            mesh.tensor[:] += area * np.outer(vector, vector)
        elif area > 0.0:
            _add_edge(*mesh, i, j, area, *vector)
    return mesh


@kernel
def _add_edge(strength: FloatArray, displacement: FloatArray, tensor: FloatArray, i: int, j: int, g: float, dx: float,
              dy: float, dz: float) -> None:
    """Add a conductance ``g`` from i to j over the displacement (dx, dy, dz); ``tensor`` is kept as its upper half."""
    old = strength[i, j]
    new = old + g
    dx, dy, dz = dx - displacement[i, j, 0], dy - displacement[i, j, 1], dz - displacement[i, j, 2]
    both, part = old * (g / new), g / new
    tensor[0, 0] += both * dx * dx
    tensor[1, 1] += both * dy * dy
    tensor[2, 2] += both * dz * dz
    tensor[0, 1] += both * dx * dy
    tensor[0, 2] += both * dx * dz
    tensor[1, 2] += both * dy * dz
    displacement[i, j, 0] += part * dx
    displacement[i, j, 1] += part * dy
    displacement[i, j, 2] += part * dz
    for x in range(3):
        displacement[j, i, x] = -displacement[i, j, x]
    strength[i, j] = strength[j, i] = new


@kernel
def _eliminate(strength: FloatArray, displacement: FloatArray, tensor: FloatArray, source: FloatArray,
               removable: NDArray[np.bool_], order: NDArray[np.int64], degree: NDArray[np.int64]) -> int:
    """Eliminate all ``removable`` nodes, those with the fewest neighbours first; returns how many there were.

    Every two neighbours of an eliminated node get the conductance by way of it; the node's ``source`` (what flows in
    there) goes to its neighbours in proportion to those. The neighbours forget an eliminated node; its own row is left
    for substituting back. ``order`` (B,) of elimination; ``degree`` (B,) is scratch.
    """
    n = strength.shape[0]
    for i in range(n):
        degree[i] = _neighbours(strength, i)
    eliminated = 0
    while True:
        node = -1
        for i in range(n):
            if removable[i] and (node < 0 or degree[i] < degree[node]):
                node = i
        if node < 0:
            return eliminated
        removable[node] = False
        order[eliminated] = node
        eliminated += 1
        total = 0.0
        for j in range(n):
            total += strength[node, j]
        if total == 0.0:
            continue
        for j in range(n):
            if strength[node, j] > 0.0:
                strength[j, node] = 0.0
        for i in range(n):
            if strength[node, i] > 0.0:
                source[i] += source[node] * (strength[node, i] / total)
                _bypass(strength, displacement, tensor, node, i, total)
        for i in range(n):
            if strength[node, i] > 0.0:
                degree[i] = _neighbours(strength, i)


@kernel
def _neighbours(strength: FloatArray, i: int) -> int:
    count = 0
    for j in range(strength.shape[0]):
        count += strength[i, j] > 0.0
    return count


@kernel
def _bypass(strength: FloatArray, displacement: FloatArray, tensor: FloatArray, node: int, i: int,
            total: float) -> None:
    """Connect neighbour ``i`` of ``node``, whose conductances sum up to ``total``, with those numbered below it."""
    for j in range(i):
        g = (strength[node, i] / total) * strength[node, j]
        if g > 0.0:
            _add_edge(strength, displacement, tensor, i, j, g, displacement[node, j, 0] - displacement[node, i, 0],
                      displacement[node, j, 1] - displacement[node, i, 1],
                      displacement[node, j, 2] - displacement[node, i, 2])


def _exchange(mesh: _Mesh, injected: FloatArray, network: NDArray[np.bool_]) -> FloatArray:
    """Mean first-passage times (B,) to the network, s: the potentials of basins around a grounded network, each
    of which takes in its weight over the crossing speed."""
    n = len(network)
    source, order = injected.copy(), np.empty(n, dtype=np.int64)
    count = _eliminate(*mesh, source, ~network, order, np.empty(n, dtype=np.int64))
    times = np.zeros(n)
    for node in order[:count][::-1]:
        onward = mesh.strength[node] > 0.0
        to = mesh.strength[node, onward]
        times[node] = (source[node] + to @ times[onward]) / to.sum() if len(to) else math.inf
    return times
