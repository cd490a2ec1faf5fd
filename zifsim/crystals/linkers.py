"""Linkers and nodes of a ZIF, recognised as a graph, and the ZIF-FF type of every atom.

Atoms closer than a cut-off are bonded; cutting the metal–N bonds leaves fragments; a fragment is a linker if
its graph equals a template's. Graphs are compared by colour refinement (Weisfeiler & Leman 1968): an atom's
colour is its element and, repeatedly, the colours of its neighbours. Symmetry-equivalent atoms end with one
colour, and that is what a force-field type is, so one pass recognises and types the linker. Bonds are found
across periodic boundaries, and nodes need not be four-coordinated: melts and glasses are recognised alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import ArrayLike

from zifsim.errors import InputError
from zifsim.model.framework import BuildingUnit, FloatArray, Framework, IntArray
from zifsim.model.neighbours import bonded_pairs, neighbour_pairs

METALS = ("Zn", "Co")
# Zn–N pairs lie at 1.9–2.3 Å in crystals and 300 K glasses; between 2.3 and 2.6 Å there are none.
METAL_N_CUTOFF = 2.5
# Upper ends of bonds in hot linkers and in refined disorder (benzo C–C up to 1.52 Å); the nearest
# non-bonded neighbours (1,3 pairs) begin at 2.0 Å.
LINKER_CUTOFFS = {("C", "C"): 1.75, ("C", "N"): 1.70, ("C", "H"): 1.40, ("H", "N"): 1.35, ("N", "N"): 1.60,
                  ("H", "H"): 0.90}
OVERLAP = 0.60   # Å; no two nuclei come this close (H–H in a hydrogen molecule is 0.74 Å)


@dataclass(frozen=True, slots=True)
class LinkerTemplate:
    """A linker as a graph: ZIF-FF types of its atoms (element = first letter), bonds by atom number."""

    kind: str
    types: tuple[str, ...]
    bonds: tuple[tuple[int, int], ...]

    @property
    def species(self) -> tuple[str, ...]:
        return tuple(t[0] for t in self.types)


_RING = ((0, 1), (1, 2), (2, 3), (3, 4), (4, 0))   # C(NCN), N, C, C, N
LINKERS = (
    LinkerTemplate("Im", ("C4", "N1", "C2", "C2", "N1", "H4", "H2", "H2"), (*_RING, (0, 5), (2, 6), (3, 7))),
    LinkerTemplate("mIm", ("C1", "N1", "C2", "C2", "N1", "C3", "H2", "H2", "H3", "H3", "H3"),
                   (*_RING, (0, 5), (2, 6), (3, 7), (5, 8), (5, 9), (5, 10))),
    LinkerTemplate("bIm",
                   ("C4", "N1", "C5", "C5", "N1", "H4", "C6", "C7", "C7", "C6", "H6", "H7", "H7", "H6"),
                   (*_RING, (0, 5), (2, 6), (6, 7), (7, 8), (8, 9), (9, 3),
                    (6, 10), (7, 11), (8, 12), (9, 13))),
)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A connected piece of the structure without its metal atoms; ``kind`` is None where no template fits."""

    kind: str | None
    atoms: tuple[int, ...]
    types: tuple[str, ...]
    formula: str


def bond_cutoffs(elements: Iterable[str]) -> dict[tuple[str, str], float]:
    """Å up to which two elements count as bonded; 1.2 × covalent radii for pairs without a value."""
    cutoffs = {}
    for pair in combinations_with_replacement(sorted(set(elements)), 2):
        if any(e in METALS for e in pair):
            if "N" in pair:                         # nodes are joined through nitrogen only
                cutoffs[pair] = METAL_N_CUTOFF
        else:
            radii = sum(covalent_radii[atomic_numbers[e]] for e in pair)
            cutoffs[pair] = LINKER_CUTOFFS.get(pair, 1.2 * radii)
    return cutoffs


def find_bonds(species: Sequence[str], positions: ArrayLike, cell: ArrayLike, source: str) -> IntArray:
    """(B, 2) bonded pairs i < j under periodic boundaries.

    Raises
    ------
    InputError: two atoms coincide, or the cell is so small that an atom is bonded to two images of another.
    """
    i, j, d = neighbour_pairs(positions, cell, OVERLAP)
    if len(i):
        a, b = int(i[0]), int(j[0])
        raise InputError(f"{source}: atoms {a + 1} ({species[a]}) and {b + 1} ({species[b]}) are "
                         f"{d[0]:.2f} Å apart. Remove duplicates, or mark alternatives as disorder groups.")
    i, j, _ = bonded_pairs(species, positions, cell, bond_cutoffs(species))
    pairs = np.column_stack([i, j])[i <= j].astype(np.int64)
    unique, counts = np.unique(pairs, axis=0, return_counts=True)
    doubled = unique[(counts > 1) | (unique[:, 0] == unique[:, 1])]
    if len(doubled):
        raise InputError(f"{source}: the cell is too small: atom {doubled[0][0] + 1} is bonded to more than "
                         "one periodic image of another. Repeat the cell before loading it.")
    return unique


def _neighbours(n_atoms: int, bonds: Iterable[Sequence[int]]) -> list[list[int]]:
    table: list[list[int]] = [[] for _ in range(n_atoms)]
    for i, j in bonds:
        table[i].append(int(j))
        table[j].append(int(i))
    return table


def _components(neighbours: list[list[int]], members: Iterable[int]) -> list[tuple[int, ...]]:
    """Connected sets among ``members``, each ascending, in the order of their first atoms."""
    waiting = set(members)
    found = []
    for start in sorted(waiting):
        if start not in waiting:
            continue
        waiting.discard(start)
        piece = [start]
        for atom in piece:                          # grows while it is walked: breadth first
            fresh = [k for k in neighbours[atom] if k in waiting]
            waiting.difference_update(fresh)
            piece.extend(fresh)
        found.append(tuple(sorted(piece)))
    return found


def _colours(species: Sequence[str], neighbours: list[list[int]]) -> list[int]:
    """Colours of a fragment's atoms after enough rounds to reach across the largest template."""
    colours = [hash(s) for s in species]
    for _ in range(6):
        colours = [hash((colours[a], tuple(sorted(colours[k] for k in near))))
                   for a, near in enumerate(neighbours)]
    return colours


@cache
def _template_colours() -> tuple[tuple[str, Counter[int], dict[int, str]], ...]:
    result = []
    for template in LINKERS:
        colours = _colours(template.species, _neighbours(len(template.types), template.bonds))
        result.append((template.kind, Counter(colours), dict(zip(colours, template.types, strict=True))))
    return tuple(result)


def _formula(species: Iterable[str]) -> str:
    counts = Counter(species)
    order = sorted(counts, key=lambda s: (s not in "CH", s))
    return "".join(f"{s}{counts[s] if counts[s] > 1 else ''}" for s in order)


def find_fragments(species: Sequence[str], bonds: IntArray) -> list[Fragment]:
    """The pieces left when metal atoms are taken out, each compared with the linker templates."""
    neighbours = _neighbours(len(species), bonds)
    light = [k for k, s in enumerate(species) if s not in METALS]
    fragments = []
    for piece in _components(neighbours, light):
        local = {atom: n for n, atom in enumerate(piece)}
        symbols = [species[a] for a in piece]
        colours = _colours(symbols, [[local[k] for k in neighbours[a] if k in local] for a in piece])
        kind: str | None = None
        types: tuple[str, ...] = ()
        for name, expected, type_of in _template_colours():
            if Counter(colours) == expected:
                kind, types = name, tuple(type_of[c] for c in colours)
        fragments.append(Fragment(kind, piece, types, _formula(symbols)))
    return fragments


def _unknown(fragment: Fragment, species: Sequence[str], positions: FloatArray, source: str) -> InputError:
    symbols = [species[a] for a in fragment.atoms]
    first = fragment.atoms[0]
    x, y, z = positions[first]
    if any(s not in "CHN" for s in symbols) or "N" not in symbols:
        mend = "Remove solvent and guests, or add the linker to zifsim/crystals/linkers.py."
    elif "H" not in symbols:
        mend = "Its hydrogen atoms are missing: add them to the file."
    else:
        mend = "Check its hydrogens and disorder, or add the linker to zifsim/crystals/linkers.py."
    known = ", ".join(t.kind for t in LINKERS)
    return InputError(f"{source}: fragment {fragment.formula} (first atom {first + 1}, {species[first]} at "
                      f"{x:.2f} {y:.2f} {z:.2f} Å) is none of the known linkers {known}. {mend}")


def recognise(name: str, species: Sequence[str], positions: ArrayLike, cell: ArrayLike,
              source: str) -> Framework:
    """Bonds, building units and ZIF-FF types of an ordered periodic structure.

    Parameters
    ----------
    species: (N,) chemical symbols. positions: (N, 3) Å. cell: (3, 3) rows, Å.
    source: file name or origin, used in error messages and kept in the framework.

    Returns
    -------
    Framework in the atom order given; metal–N pairs up to ``METAL_N_CUTOFF`` are bonds.

    Raises
    ------
    InputError: a fragment that is no known linker (formula and first atom are named), or no metal node.
    """
    positions = np.asarray(positions, dtype=np.float64)
    if not any(s in METALS for s in species):
        raise InputError(f"{source}: no {' or '.join(METALS)} atom, so this is not a ZIF that zifsim knows.")
    bonds = find_bonds(species, positions, cell, source)
    types = [s if s in METALS else "" for s in species]
    units = [BuildingUnit(s, (k,)) for k, s in enumerate(species) if s in METALS]
    for fragment in find_fragments(species, bonds):
        if fragment.kind is None:
            raise _unknown(fragment, species, positions, source)
        units.append(BuildingUnit(fragment.kind, fragment.atoms))
        for atom, atom_type in zip(fragment.atoms, fragment.types, strict=True):
            types[atom] = atom_type
    return Framework(name=name, species=tuple(species), positions=positions,
                     cell=np.asarray(cell, dtype=np.float64), types=tuple(types), bonds=bonds,
                     units=tuple(units), source=source)
