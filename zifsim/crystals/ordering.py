"""Ordered cells from a disordered crystal: linker arrangements without clashes and their symmetry classes.

An arrangement is the set of mixed sites that hold the minority linker (in ZIF-62: bIm). Two arrangements are
the same class if an operation of the space group carries one into the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from zifsim.crystals.disorder import ExpandedCrystal
from zifsim.crystals.linkers import recognise
from zifsim.errors import InputError
from zifsim.model.framework import Framework, IntArray

MAX_ARRANGEMENTS = 20_000
SYMMETRY_TOLERANCE = 0.3   # Å


@dataclass(frozen=True, slots=True)
class LinkerClass:
    """A symmetry class of arrangements: letter, first arrangement (mixed-site numbers), multiplicity."""

    letter: str
    sites: tuple[int, ...]
    multiplicity: int


def minority_linker(crystal: ExpandedCrystal) -> str | None:
    """The linker that is counted on the mixed sites: bIm if it is one of the two, else the less occupied one.

    Raises
    ------
    InputError: sites that mix other than one same pair of linkers.
    """
    mixes = {tuple(sorted(a.kind for a in crystal.sites[s].alternatives)) for s in crystal.mixed_sites}
    if not mixes:
        return None
    if len(mixes) > 1 or len(next(iter(mixes))) != 2:
        raise InputError(f"{crystal.structure.source}: its sites mix {sorted(mixes)}; one pair of linkers "
                         "per structure is supported. Order the other sites in the file.")
    first, second = crystal.sites[crystal.mixed_sites[0]].alternatives[:2]
    return "bIm" if "bIm" in (first.kind, second.kind) else second.kind


def default_count(crystal: ExpandedCrystal) -> int:
    """The whole number of minority linkers per cell nearest to the occupancies of the file."""
    kind = minority_linker(crystal)
    if kind is None:
        return 0
    sites = [crystal.sites[s] for s in crystal.mixed_sites]
    return round(sum(site.alternatives[site.choice_of(kind)].occupancy for site in sites))


def find_arrangements(crystal: ExpandedCrystal, count: int) -> list[tuple[int, ...]]:
    """All sets of ``count`` mixed sites (numbered from 0) that can hold the minority linker, sorted.

    Raises
    ------
    InputError: there are too many to enumerate.
    """
    kind = minority_linker(crystal)
    mixed = crystal.mixed_sites
    if kind is None:
        return [()] if count == 0 else []
    minority = [crystal.sites[s].choice_of(kind) for s in mixed]

    def clashes(n: int, chosen: list[bool], value: bool) -> bool:
        own = (mixed[n], minority[n] if value else 1 - minority[n])
        others = ((mixed[m], minority[m] if is_minority else 1 - minority[m])
                  for m, is_minority in enumerate(chosen))
        return any((other, own) in crystal.clashes for other in others)

    def extend(chosen: list[bool], left: int) -> Iterator[tuple[int, ...]]:
        if len(chosen) == len(mixed):
            yield tuple(n for n, is_minority in enumerate(chosen) if is_minority)
            return
        for value in (True, False):
            fits = left > 0 if value else left < len(mixed) - len(chosen)
            if fits and not clashes(len(chosen), chosen, value):
                yield from extend([*chosen, value], left - value)

    found = []
    for arrangement in extend([], count):
        found.append(arrangement)
        if len(found) > MAX_ARRANGEMENTS:
            raise InputError(f"{crystal.structure.source}: more than {MAX_ARRANGEMENTS} arrangements of "
                             f"{count} {kind} on {len(mixed)} sites. Choose fewer, or give an ordered CIF.")
    return sorted(found)


def site_permutations(crystal: ExpandedCrystal) -> IntArray:
    """(M, S) where each symmetry operation carries each mixed site, found from the positions of its atoms.

    Raises
    ------
    InputError: the operations do not map the mixed sites onto each other.
    """
    structure = crystal.structure
    fractional = np.linalg.solve(structure.cell.T, crystal.positions.T).T
    mixed = crystal.mixed_sites
    atoms = [(n, atom) for n, s in enumerate(mixed)
             for alternative in crystal.sites[s].alternatives for atom in alternative.atoms]
    table = np.empty((len(structure.rotations), len(mixed)), dtype=np.int64)
    for n, s in enumerate(mixed):
        atom = crystal.sites[s].alternatives[0].atoms[0]
        same = [(m, k) for m, k in atoms if crystal.row[k] == crystal.row[atom]]
        targets = fractional[[k for _, k in same]]
        for operation, image in enumerate(structure.copies(fractional[atom])):
            apart = targets - image
            distances = np.linalg.norm((apart - np.round(apart)) @ structure.cell, axis=1)
            nearest = int(np.argmin(distances))
            if distances[nearest] > SYMMETRY_TOLERANCE:
                raise InputError(f"{structure.source}: symmetry operation {operation + 1} does not fit the "
                                 "others. List the complete group of operations.")
            table[operation, n] = same[nearest][0]
    return table


def find_classes(crystal: ExpandedCrystal, count: int) -> list[LinkerClass]:
    """Symmetry classes of the arrangements of ``count`` minority linkers, lettered A, B, ...

    Raises
    ------
    InputError: no arrangement of that many linkers is free of clashes.
    """
    arrangements = find_arrangements(crystal, count)
    if not arrangements:
        raise InputError(_no_room(crystal, count))
    permutations = site_permutations(crystal)
    multiplicity: dict[tuple[int, ...], int] = {}
    for arrangement in arrangements:
        orbit = {tuple(sorted(permutation[list(arrangement)].tolist())) for permutation in permutations}
        first = min(orbit)
        multiplicity[first] = multiplicity.get(first, 0) + 1
    return [LinkerClass(_letter(k), sites, multiplicity[sites])
            for k, sites in enumerate(_rank(crystal, multiplicity))]


def _no_room(crystal: ExpandedCrystal, count: int) -> str:
    kind, source = minority_linker(crystal), crystal.structure.source
    if kind is None:
        return (f"{source}: {count} bIm per cell were asked for, but no site of this structure mixes "
                "linkers. Leave the number out.")
    most = max(n for n in range(len(crystal.mixed_sites) + 1) if find_arrangements(crystal, n))
    return f"{source}: {count} {kind} per cell do not fit; 0 to {most} can be placed without a clash."


def _letter(index: int) -> str:
    """A, B, ... Z, AA, AB, ..."""
    return (_letter(index // 26 - 1) if index >= 26 else "") + chr(ord("A") + index % 26)


def _separation(crystal: ExpandedCrystal, sites: tuple[int, ...]) -> float:
    """Shortest distance (Å, to 0.01) between the minority linkers; infinite for fewer than two."""
    cell = crystal.structure.cell
    kind = minority_linker(crystal)
    centres = []
    for n in sites:
        site = crystal.sites[crystal.mixed_sites[n]]
        members = crystal.positions[list(site.alternatives[site.choice_of(kind or "")].atoms)]
        steps = np.linalg.solve(cell.T, (members - members[0]).T).T
        centres.append(members[0] + ((steps - np.round(steps)) @ cell).mean(axis=0))
    distances = [np.inf]
    for k, centre in enumerate(centres):
        for other in centres[:k]:
            step = np.linalg.solve(cell.T, other - centre)
            distances.append(float(np.linalg.norm((step - np.round(step)) @ cell)))
    return round(min(distances), 2)


def _rank(crystal: ExpandedCrystal, multiplicity: dict[tuple[int, ...], int]) -> list[tuple[int, ...]]:
    """Arrangements in the order of their letters.

    A is the likeliest class (greatest multiplicity), B the one among the others whose minority linkers keep
    farthest apart: two unlike guesses at a distribution that diffraction averages over. The rest follow by
    multiplicity. Ties go to the arrangement that comes first by site numbers.
    """
    likely = sorted(multiplicity, key=lambda sites: (-multiplicity[sites], sites))
    spread = sorted(likely[1:], key=lambda sites: (-_separation(crystal, sites), sites))
    return [*likely[:1], *spread[:1], *(sites for sites in likely[1:] if sites not in spread[:1])]


def order(crystal: ExpandedCrystal, chosen: LinkerClass) -> Framework:
    """The ordered P1 cell of one class: linkers recognised, bonded and typed."""
    structure = crystal.structure
    kind, count = minority_linker(crystal), len(chosen.sites)
    atoms = list(crystal.ordered)
    minority = {crystal.mixed_sites[n] for n in chosen.sites}
    for s, site in enumerate(crystal.sites):
        fits = [a for a in site.alternatives if not site.mixed or (a.kind == kind) == (s in minority)]
        atoms.extend(fits[0].atoms)
    atoms.sort()
    name, source = structure.name, structure.source
    if kind is not None:
        name = f"{structure.name}-{kind}{count}-{chosen.letter}"
        numbers = " ".join(map(str, chosen.sites)) or "none"
        source += (f"; {count} {kind} per cell, configuration {chosen.letter} (mixed sites {numbers}; "
                   f"multiplicity {chosen.multiplicity})")
    species = [crystal.species[a] for a in atoms]
    return recognise(name, species, crystal.positions[atoms], structure.cell, source)
