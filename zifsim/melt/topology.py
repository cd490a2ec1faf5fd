"""Particles and bonded topology of a framework under a melt force field, dummy sites included.

Dissociable models carry a tetrahedron of four He sites on every Zn and one Ne site on every N (Balestra &
Semino 2022, doi:10.1063/5.0128656); the Zn–N bond is then no bond of the graph but a pair interaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.transform import Rotation

from zifsim.errors import InputError
from zifsim.melt.box import minimum_image
from zifsim.model.forcefield import MeltForceField
from zifsim.model.framework import Framework

FloatArray = NDArray[np.float64]

HE_DISTANCE = 0.9       # Å, Zn–He (r0 of the bond term)
NE_DISTANCE = 0.5       # Å, N–Ne
TETRAHEDRON = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3.0)


@dataclass(frozen=True, slots=True)
class Topology:
    """The framework's atoms in their order, then the dummy sites.

    types: force-field type of each of the P particles. positions: (P, 3), Å, molecules whole.
    bonds, angles, dihedrals: particle indices. planar: improper centres, each with its three neighbours.
    parents: of every dummy site, the atom that carries it. molecules: connected components.
    """

    types: tuple[str, ...]
    positions: FloatArray
    bonds: tuple[tuple[int, int], ...]
    angles: tuple[tuple[int, int, int], ...]
    dihedrals: tuple[tuple[int, int, int, int], ...]
    planar: tuple[tuple[int, int, int, int], ...]
    parents: tuple[int, ...]
    molecules: tuple[tuple[int, ...], ...]


def build_topology(fw: Framework, forcefield: MeltForceField, positions: FloatArray,
                   box: FloatArray) -> Topology:
    """Particles, bonds, angles, dihedrals, planar centres of ``fw``; positions (N, 3) in ``box``'s frame.

    Raises
    ------
    InputError: the framework has no types or bonds, or an atom type that the force field does not know.
    """
    _check_types(fw, forcefield)
    zinc_bond = [("Zn" in (fw.types[i], fw.types[j])) for i, j in fw.bonds]
    bonds = [(int(i), int(j)) for (i, j), zinc in zip(fw.bonds, zinc_bond, strict=True)
             if not (zinc and forcefield.dissociable)]
    types, parents = list(fw.types), []
    if forcefield.dissociable:
        sites = [positions]
        for atom, kind in enumerate(fw.types):
            if kind not in ("Zn", "N1"):
                continue
            near = _neighbour_directions(fw, positions, box, atom, "N1" if kind == "Zn" else None)
            new = (_helium_directions(near) * HE_DISTANCE if kind == "Zn" else
                   _lone_pair_direction(near)[None] * NE_DISTANCE)
            indices = range(len(types), len(types) + len(new))
            sites.append(positions[atom] + new)
            types += ["He" if kind == "Zn" else "Ne"] * len(new)
            parents += [atom] * len(new)
            bonds += [(atom, i) for i in indices] + list(combinations(indices, 2))
        positions = np.concatenate(sites)
    neighbours = _adjacency(len(types), bonds)
    molecules = _molecules(len(types), bonds)
    if forcefield.dissociable:
        positions = make_whole(positions, neighbours, molecules, box)
    return Topology(tuple(types), positions, tuple(bonds), _angles(neighbours),
                    _dihedrals(types, bonds, neighbours), _planar_centres(types, neighbours), tuple(parents),
                    molecules)


def bare_topology(fw: Framework, positions: FloatArray, box: FloatArray) -> Topology:
    """The framework's atoms alone, linkers and metals as molecules: nothing but bonds inside linkers."""
    _check_types(fw, None)
    metal = np.array([t == "Zn" for t in fw.types])
    bonds = [(int(i), int(j)) for i, j in fw.bonds if not metal[[i, j]].any()]
    neighbours = _adjacency(fw.n_atoms, bonds)
    molecules = _molecules(fw.n_atoms, bonds)
    return Topology(tuple(fw.types), make_whole(positions, neighbours, molecules, box), tuple(bonds), (), (), (), (),
                    molecules)


def make_whole(positions: FloatArray, neighbours: list[list[int]], molecules: tuple[tuple[int, ...], ...],
               box: FloatArray) -> FloatArray:
    """Positions, Å, with every molecule in one piece (its first atom stays), as the barostat needs them."""
    whole = positions.copy()
    for molecule in molecules:
        todo, done = [molecule[0]], {molecule[0]}
        while todo:
            atom = todo.pop()
            for other in neighbours[atom]:
                if other not in done:
                    whole[other] = whole[atom] + minimum_image(positions[other] - positions[atom], box)
                    done.add(other)
                    todo.append(other)
    return whole


def _check_types(fw: Framework, forcefield: MeltForceField | None) -> None:
    if not fw.types or not len(fw.bonds):
        raise InputError(f"{fw.name}: atoms have no force-field types; build the framework from a CIF first "
                         "('zifsim build'), so that its linkers are recognised.")
    if forcefield is not None and (unknown := sorted(set(fw.types) - set(forcefield.atoms))):
        kinds = sorted({u.kind for u in fw.units if any(fw.types[a] in unknown for a in u.atoms)})
        where = f" (in {', '.join(kinds)})" if kinds else ""
        raise InputError(f"{fw.name}: force field {forcefield.name} does not know the atom types "
                         f"{', '.join(unknown)}{where}; add them to a copy of its TOML file.")


def _neighbour_directions(fw: Framework, positions: FloatArray, box: FloatArray, atom: int,
                          only: str | None) -> FloatArray:
    """(K, 3) unit vectors from an atom to its bonded neighbours (of one type, or all but Zn)."""
    partners = [int(b) if a == atom else int(a) for a, b in fw.bonds[np.any(fw.bonds == atom, axis=1)]]
    partners = [p for p in partners if (fw.types[p] == only if only else fw.types[p] != "Zn")]
    vectors = minimum_image(positions[partners] - positions[atom], box).reshape(-1, 3)
    lengths = np.linalg.norm(vectors, axis=1)
    nearest = np.argsort(lengths)[:4]
    directions: FloatArray = vectors[nearest] / lengths[nearest, None]
    return directions


def _helium_directions(towards: FloatArray) -> FloatArray:
    """(4, 3) corners of a regular tetrahedron turned as near as may be to up to four N directions (Kabsch).

    Rotations reach the even labellings of the corners; the odd ones are tried as a second labelling.
    """
    if not len(towards):
        upright: FloatArray = TETRAHEDRON
        return upright
    fits = [Rotation.align_vectors(towards, corners[: len(towards)])
            for corners in (TETRAHEDRON, TETRAHEDRON[[1, 0, 2, 3]])]
    rotation, _ = min(fits, key=lambda fit: float(fit[1]))
    directions: FloatArray = rotation.apply(TETRAHEDRON)
    return directions


def _lone_pair_direction(towards: FloatArray) -> FloatArray:
    """(3,) unit vector of the outer bisector between a ring nitrogen's two bonds."""
    outwards = -towards.sum(axis=0)
    direction: FloatArray = outwards / np.linalg.norm(outwards)
    return direction


def _adjacency(n: int, bonds: list[tuple[int, int]]) -> list[list[int]]:
    neighbours: list[list[int]] = [[] for _ in range(n)]
    for i, j in bonds:
        neighbours[i].append(j)
        neighbours[j].append(i)
    return neighbours


def _molecules(n: int, bonds: list[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """Connected components of the bond graph, in the order of their first particle."""
    i, j = np.array(bonds).T
    graph = coo_array((np.ones(len(bonds)), (i, j)), shape=(n, n))
    count, label = connected_components(graph, directed=False)
    members: list[list[int]] = [[] for _ in range(count)]
    for particle, molecule in enumerate(label):
        members[molecule].append(particle)
    return tuple(tuple(m) for m in sorted(members))


def _angles(neighbours: list[list[int]]) -> tuple[tuple[int, int, int], ...]:
    return tuple((i, centre, k) for centre, near in enumerate(neighbours) for i, k in combinations(near, 2))


def _dihedrals(types: list[str], bonds: list[tuple[int, int]],
               neighbours: list[list[int]]) -> tuple[tuple[int, int, int, int], ...]:
    """All chains of four but those inside a Zn cage, which its angles hold in shape already."""
    cage = {"Zn", "He"}
    return tuple((i, j, k, m) for j, k in bonds if not {types[j], types[k]} <= cage
                 for i in neighbours[j] if i != k for m in neighbours[k] if m not in (j, i))


def _planar_centres(types: list[str], neighbours: list[list[int]]) -> tuple[tuple[int, int, int, int], ...]:
    """Atoms of a linker with exactly three neighbours: the centres of improper terms."""
    return tuple((centre, near[0], near[1], near[2]) for centre, near in enumerate(neighbours)
                 if len(near) == 3 and types[centre] != "Zn")
