"""Disorder of a crystal as sites: which alternatives exclude each other, and which linkers they make.

All symmetry copies of all atoms are laid out in the cell. Disordered atoms that share an ordered linker core,
are bonded, or lie on top of each other belong to one site; within a site, each disorder group (or, for a
negative group, each symmetry copy of it) is one alternative. Nothing here knows a particular crystal.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers, vdw_radii
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, dijkstra

from zifsim.crystals.linkers import METALS, bond_cutoffs, find_fragments
from zifsim.errors import InputError
from zifsim.model.disordered import DisorderedStructure
from zifsim.model.framework import FloatArray, IntArray
from zifsim.model.neighbours import bonded_pairs

SAME_POSITION = 0.1     # Å: symmetry copies of one atom closer than this are one atom on a special position
ON_TOP = 1.0            # Å: atoms of different alternatives this close exclude each other
# Alternatives clash when non-bonded atoms come closer than this part of the sum of their van der Waals radii
# (Bondi, J. Phys. Chem. 1964, doi:10.1021/j100785a001): H–H 1.7, C–H 2.0, C–C 2.4 Å.
CLASH_FRACTION = 0.70


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to fill a site: the linker it completes, its occupancy, and its atoms in the expanded cell."""

    kind: str
    occupancy: float
    atoms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the cell with alternatives, one per kind of linker."""

    alternatives: tuple[Alternative, ...]

    @property
    def mixed(self) -> bool:
        """Whether the alternatives differ in linker, not only in orientation."""
        return len(self.alternatives) > 1

    def choice_of(self, kind: str) -> int:
        """Index of the alternative that makes a linker ``kind``."""
        return [a.kind for a in self.alternatives].index(kind)


@dataclass(frozen=True, slots=True, eq=False)
class ExpandedCrystal:
    """Every symmetry copy of every atom, ordered or not.

    Attributes
    ----------
    species: (N,) symbols. positions: (N, 3) Å.
    row, operation: (N,) asymmetric atom and symmetry operation that an atom comes from.
    ordered: indices of the atoms that every arrangement holds.
    sites: numbered by the first operation that makes them.
    clashes: pairs ((site, alternative), (site, alternative)) that cannot stand side by side.
    """

    structure: DisorderedStructure
    species: tuple[str, ...]
    positions: FloatArray
    row: IntArray
    operation: IntArray
    ordered: tuple[int, ...]
    sites: tuple[Site, ...]
    clashes: frozenset[tuple[tuple[int, int], tuple[int, int]]]

    @property
    def mixed_sites(self) -> tuple[int, ...]:
        """Sites whose alternatives are different linkers."""
        return tuple(k for k, site in enumerate(self.sites) if site.mixed)


def _lay_out(structure: DisorderedStructure) -> tuple[list[str], FloatArray, list[int], list[int]]:
    """Species, positions (Å, wrapped), asymmetric row and operation of all distinct copies, by operation."""
    found: list[tuple[int, int, FloatArray]] = []
    for row, atom in enumerate(structure.atoms):
        distinct = np.empty((0, 3))
        for operation, image in enumerate(structure.copies(np.array(atom.fractional))):
            image = image - np.floor(image)
            apart = distinct - image
            apart -= np.round(apart)
            if np.all(np.linalg.norm(apart @ structure.cell, axis=1) > SAME_POSITION):
                distinct = np.vstack([distinct, image])
                found.append((operation, row, image))
    found.sort(key=lambda item: item[:2])
    fractional = np.array([image for _, _, image in found])
    return ([structure.atoms[row].species for _, row, _ in found], fractional @ structure.cell,
            [row for _, row, _ in found], [operation for operation, _, _ in found])


def _pairs(species: list[str], positions: FloatArray, cell: FloatArray,
           cutoffs: dict[tuple[str, str], float]) -> tuple[IntArray, FloatArray]:
    """(P, 2) pairs i < j within the cut-offs, and their distances (Å)."""
    i, j, d = bonded_pairs(species, positions, cell, cutoffs)
    keep = i < j
    return np.column_stack([i, j])[keep].astype(np.int64), d[keep]


def _label(n: int, edges: list[tuple[int, int]]) -> IntArray:
    """(n,) number of the connected component of each node."""
    if not edges:
        return np.arange(n)
    i, j = np.array(edges).T
    labels = connected_components(coo_array((np.ones(len(i)), (i, j)), shape=(n, n)), directed=False)[1]
    return np.asarray(labels, dtype=np.int64)


def _nearest_anchor(n: int, links: list[tuple[int, int, float]], anchors: list[int]) -> IntArray:
    """(n,) the anchor each atom reaches by the shortest way along links (i, j, length in Å); −1 for none."""
    if not links or not anchors:
        return np.full(n, -1)
    i, j, lengths = zip(*links, strict=True)
    graph = coo_array((lengths, (i, j)), shape=(n, n)).tocsr()
    _, _, sources = dijkstra(graph, directed=False, indices=anchors, return_predecessors=True, min_only=True)
    return np.asarray(np.where(sources < 0, -1, sources), dtype=np.int64)


def _site_labels(structure: DisorderedStructure, species: list[str], rows: list[int], bonds: IntArray,
                 lengths: FloatArray, near: IntArray) -> IntArray:
    """(N,) site label of each atom; meaningful for disordered atoms only.

    A disordered atom belongs to the ordered linker core that it reaches by the shortest way along bonds, so
    that alternatives of neighbouring sites may overlap without becoming one site. Pieces that reach no core
    (whole disordered linkers) are sites by themselves, with what they are bonded to or lie on top of.
    """
    atoms = [structure.atoms[r] for r in rows]
    cores, links = [], []
    for (i, j), length in zip(bonds.tolist(), lengths.tolist(), strict=True):
        if species[i] in METALS or species[j] in METALS:
            continue
        if atoms[i].group == atoms[j].group == 0:
            cores.append((i, j))
        elif (not (atoms[i].group and atoms[j].group)
              or (atoms[i].assembly, atoms[i].group) == (atoms[j].assembly, atoms[j].group)):
            links.append((i, j, length))
    core = _label(len(atoms), cores)
    anchors = [k for k, atom in enumerate(atoms) if atom.group == 0 and species[k] not in METALS]
    anchor = _nearest_anchor(len(atoms), links, anchors)
    edges = [(i, j) for i, j, _ in links if anchor[i] < 0]
    first: dict[tuple[int, str], int] = {}
    for k, atom in enumerate(atoms):
        if atom.group and anchor[k] >= 0:
            edges.append((k, first.setdefault((int(core[anchor[k]]), atom.assembly), k)))
    for i, j in near.tolist():
        disordered = atoms[i].group and atoms[j].group and atoms[i].assembly == atoms[j].assembly
        exclusive = atoms[i].group != atoms[j].group or atoms[i].group < 0
        if disordered and exclusive and (anchor[i] < 0 or anchor[j] < 0):
            edges.append((i, j))
    return _label(len(atoms), edges)


def _group_alternatives(structure: DisorderedStructure, rows: list[int], operations: list[int],
                        labels: IntArray) -> list[list[tuple[int, ...]]]:
    """Atoms of each alternative of each site: most occupied first, proper rotations before mirror images."""
    members: dict[int, dict[tuple[int, int, int], list[int]]] = defaultdict(lambda: defaultdict(list))
    improper = np.linalg.det(structure.rotations) < 0
    for k, row in enumerate(rows):
        group = structure.atoms[row].group
        if group > 0:
            members[int(labels[k])][group, 0, 0].append(k)
        elif group < 0:
            members[int(labels[k])][group, int(improper[operations[k]]), operations[k]].append(k)
    sites = []
    for alternatives in members.values():
        first = {key: structure.atoms[rows[atoms[0]]] for key, atoms in alternatives.items()}
        total = sum(atom.occupancy for atom in first.values())
        if abs(total - 1.0) > 0.02:
            label = next(iter(first.values())).label
            raise InputError(f"{structure.source}: the alternatives at the site of atom {label} have a "
                             f"total occupancy of {total:.3f}, not 1. Remove solvent or complete the groups.")
        keys = sorted(alternatives, key=lambda key: (-first[key].occupancy, key[1:], key[0]))
        sites.append([tuple(alternatives[key]) for key in keys])
    return sites


def _name_linkers(structure: DisorderedStructure, species: list[str], rows: list[int], bonds: IntArray,
                  ordered: list[int], alternatives: list[list[tuple[int, ...]]]) -> tuple[Site, ...]:
    """Sites with the linker that each alternative completes; of equal linkers in a site the first is kept."""
    named: list[dict[str, Alternative]] = [{} for _ in alternatives]
    for rank in range(max(map(len, alternatives), default=0)):
        owner = dict.fromkeys(ordered, -1)
        for s, choices in enumerate(alternatives):
            owner.update(dict.fromkeys(choices[rank] if rank < len(choices) else (), s))
        chosen = sorted(owner)
        number = {atom: n for n, atom in enumerate(chosen)}
        inside = [(number[i], number[j]) for i, j in bonds.tolist()
                  if i in owner and j in owner and (owner[i] == owner[j] or -1 in (owner[i], owner[j]))]
        pairs = np.array(inside, dtype=np.int64).reshape(-1, 2)
        for fragment in find_fragments([species[a] for a in chosen], pairs):
            for s in {owner[chosen[a]] for a in fragment.atoms} - {-1}:
                atoms = alternatives[s][rank]
                atom = structure.atoms[rows[atoms[0]]]
                if fragment.kind is None:
                    raise InputError(
                        f"{structure.source}: disorder group {atom.group} (first atom {atom.label}) makes a "
                        f"fragment {fragment.formula}, which is no known linker. Check that each group has "
                        "all atoms of its alternative, hydrogens included.")
                named[s].setdefault(fragment.kind, Alternative(fragment.kind, atom.occupancy, atoms))
    return tuple(Site(tuple(kinds.values())) for kinds in named)


def _find_clashes(species: list[str], positions: FloatArray, cell: FloatArray,
                  sites: tuple[Site, ...]) -> frozenset[tuple[tuple[int, int], tuple[int, int]]]:
    owners = {atom: (s, a) for s, site in enumerate(sites)
              for a, alternative in enumerate(site.alternatives) for atom in alternative.atoms}
    members = sorted(owners)
    if not members:
        return frozenset()
    symbols = [species[a] for a in members]
    # Elements without a van der Waals radius in the table (some metals) are taken as 2 Å.
    radius = {e: float(np.nan_to_num(vdw_radii[atomic_numbers[e]], nan=2.0)) for e in set(symbols)}
    cutoffs = {(p, q): CLASH_FRACTION * (radius[p] + radius[q]) for p in radius for q in radius if p <= q}
    pairs, _ = _pairs(symbols, positions[members], cell, cutoffs)
    found = set()
    for i, j in pairs.tolist():
        first, second = sorted((owners[members[i]], owners[members[j]]))
        if first[0] != second[0]:
            found.add((first, second))
    return frozenset(found)


def expand(structure: DisorderedStructure) -> ExpandedCrystal:
    """Lay out a crystal and find its sites, their alternatives and which of these clash.

    Raises
    ------
    InputError: occupancies of a site that do not add up to one, or a group that completes no known linker.
    """
    species, positions, rows, operations = _lay_out(structure)
    bonds, lengths = _pairs(species, positions, structure.cell, bond_cutoffs(species))
    elements = set(species)
    near_cutoffs = dict.fromkeys(((p, q) for p in elements for q in elements if p <= q), ON_TOP)
    near, _ = _pairs(species, positions, structure.cell, near_cutoffs)
    labels = _site_labels(structure, species, rows, bonds, lengths, near)
    alternatives = _group_alternatives(structure, rows, operations, labels)
    ordered = [k for k, row in enumerate(rows) if structure.atoms[row].group == 0]
    sites = _name_linkers(structure, species, rows, bonds, ordered, alternatives)
    return ExpandedCrystal(
        structure=structure, species=tuple(species), positions=positions, row=np.array(rows),
        operation=np.array(operations), ordered=tuple(ordered), sites=sites,
        clashes=_find_clashes(species, positions, structure.cell, sites),
    )
