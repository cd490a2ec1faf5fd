"""Contacts: how close the building units of a cell come to each other without being bonded."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from zifsim.crystals.linkers import METALS
from zifsim.model.framework import Framework


def shortest_contacts(framework: Framework, within: float = 4.0) -> dict[str, float]:
    """Shortest distance (Å) per pair of elements between atoms of different units that are not bonded.

    Pairs are named alphabetically (``C–H``); those with no contact ``within`` Å are left out.
    """
    unit_of = np.empty(framework.n_atoms, dtype=np.int64)
    for number, unit in enumerate(framework.units):
        unit_of[list(unit.atoms)] = number
    atoms = Atoms(symbols=list(framework.species), positions=framework.positions, cell=framework.cell,
                  pbc=True)
    i, j, d = neighbor_list("ijd", atoms, within)  # type: ignore[no-untyped-call]
    bonded = set(map(tuple, framework.bonds.tolist()))
    shortest: dict[str, float] = {}
    for a, b, distance in zip(i.tolist(), j.tolist(), d.tolist(), strict=True):
        if a < b and unit_of[a] != unit_of[b] and (a, b) not in bonded and (b, a) not in bonded:
            pair = "–".join(sorted((framework.species[a], framework.species[b])))
            shortest[pair] = min(distance, shortest.get(pair, np.inf))
    return dict(sorted(shortest.items(), key=lambda item: item[1]))


def metal_nitrogen_distances(framework: Framework) -> list[float]:
    """Lengths (Å) of the metal–N bonds, in the order of the bonds."""
    pairs = [b for b in framework.bonds.tolist() if any(framework.species[a] in METALS for a in b)]
    i, j = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    steps = framework.minimum_image(framework.positions[j] - framework.positions[i])
    lengths: list[float] = np.linalg.norm(steps, axis=1).tolist()
    return lengths
