"""Contacts: how close the building units of a cell come to each other without being bonded."""

from __future__ import annotations

import numpy as np

from zifsim.crystals.linkers import METALS
from zifsim.model.framework import Framework
from zifsim.model.neighbours import neighbour_pairs


def shortest_contacts(framework: Framework, within: float = 4.0) -> dict[str, float]:
    """Shortest distance (Å) per pair of elements between atoms of different units that are not bonded.

    Pairs are named alphabetically (``C–H``); those with no contact ``within`` Å are left out.
    """
    unit_of = np.empty(framework.n_atoms, dtype=np.int64)
    for number, unit in enumerate(framework.units):
        unit_of[list(unit.atoms)] = number
    i, j, d = neighbour_pairs(framework.positions, framework.cell, within)
    # a number per pair of atoms, so that bonds are found among the contacts at once
    numbers, bonds = i * framework.n_atoms + j, np.sort(framework.bonds, axis=1)
    apart = (i < j) & (unit_of[i] != unit_of[j]) & ~np.isin(numbers, bonds[:, 0] * framework.n_atoms + bonds[:, 1])
    elements = sorted(set(framework.species))
    kind = np.array([elements.index(s) for s in framework.species])
    first, second = np.minimum(kind[i], kind[j])[apart], np.maximum(kind[i], kind[j])[apart]
    shortest: dict[str, float] = {}
    for pair in np.unique(first * len(elements) + second).tolist():
        a, b = divmod(pair, len(elements))
        shortest[f"{elements[a]}–{elements[b]}"] = float(d[apart][(first == a) & (second == b)].min())
    return dict(sorted(shortest.items(), key=lambda item: item[1]))


def metal_nitrogen_distances(framework: Framework) -> list[float]:
    """Lengths (Å) of the metal–N bonds, in the order of the bonds."""
    pairs = [b for b in framework.bonds.tolist() if any(framework.species[a] in METALS for a in b)]
    i, j = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    steps = framework.minimum_image(framework.positions[j] - framework.positions[i])
    lengths: list[float] = np.linalg.norm(steps, axis=1).tolist()
    return lengths
