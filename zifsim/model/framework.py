"""A framework: atoms in a periodic cell, with the nodes and linkers they belong to."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from ase.data import atomic_masses, atomic_numbers
from numpy.typing import ArrayLike, NDArray

from zifsim.errors import InputError
from zifsim.limits import ATOM_CHARGE, CELL_EDGE, COORDINATE
from zifsim.memory import reserve
from zifsim.model.shown import Shown
from zifsim.printable import one_line
from zifsim.units import AMU_PER_CUBIC_ANGSTROM_TO_G_CM3

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
FAR = 1e150     # Å, whose square overflows
BYTES_PER_ATOM = 2000       # symbols, types, bonds and units as Python holds them, and what is made of them next


@dataclass(frozen=True, slots=True)
class BuildingUnit:
    """A metal node or a linker: its kind (``Zn``, ``Im``, ``mIm``, ``bIm``) and the indices of its atoms."""

    kind: str
    atoms: tuple[int, ...]


def _check_numbers(species: tuple[str, ...], positions: FloatArray, cell: FloatArray,
                   charges: FloatArray | None) -> None:
    """Raise InputError where a coordinate, an edge of the cell or a charge is not finite, or beyond all use."""
    edges = np.linalg.norm(cell, axis=1) if np.isfinite(cell).all() and np.abs(cell).max() < FAR else np.full(3, np.inf)
    for edge in edges:
        CELL_EDGE.check(float(edge), "An edge of the cell")
    for atom in np.flatnonzero(~(np.abs(positions) <= COORDINATE.high).all(axis=1))[:1]:
        worst = next(float(x) for x in positions[atom] if not COORDINATE.admit(float(x)))
        COORDINATE.check(worst, f"A coordinate of atom {atom + 1} ({species[atom]})")
    if charges is not None:
        given = np.asarray(charges, dtype=np.float64)
        for atom in np.flatnonzero(~(np.abs(given) <= ATOM_CHARGE.high))[:1]:
            ATOM_CHARGE.check(float(given[atom]), f"The charge of atom {atom + 1} ({species[atom]})")


def _no_bonds() -> IntArray:
    return np.empty((0, 2), dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Framework(Shown):
    """An ordered periodic structure (P1).

    Attributes
    ----------
    name: what it is called in tables and file names.
    species: (N,) chemical symbols.
    positions: (N, 3) Cartesian, Å; not necessarily wrapped into the cell.
    cell: (3, 3) lattice vectors as rows, Å.
    types: (N,) force-field atom types of the ZIF-FF naming (``Zn N1 C1 ... H7``), or empty if unassigned.
    bonds: (B, 2) atom index pairs, each taken at its minimum image; Zn–N bonds included.
    units: nodes and linkers, together covering every atom once; empty if unrecognised.
    charges: (N,) e, or None where no charge set has been assigned.
    source: where it came from (file and what was done to it), one line.
    """

    name: str
    species: tuple[str, ...]
    positions: FloatArray
    cell: FloatArray
    types: tuple[str, ...] = ()
    bonds: IntArray = field(default_factory=_no_bonds)
    units: tuple[BuildingUnit, ...] = ()
    charges: FloatArray | None = None
    source: str = ""

    def __post_init__(self) -> None:
        n = len(self.species)
        positions = np.ascontiguousarray(self.positions, dtype=np.float64)
        cell = np.ascontiguousarray(self.cell, dtype=np.float64)
        bonds = np.ascontiguousarray(self.bonds, dtype=np.int64).reshape(-1, 2)
        if positions.shape != (n, 3):
            raise ValueError(f"positions have shape {positions.shape}, expected ({n}, 3)")
        if cell.shape != (3, 3):
            raise ValueError("cell must be three linearly independent row vectors, shape (3, 3)")
        _check_numbers(self.species, positions, cell, self.charges)
        if abs(np.linalg.det(cell)) < 1e-6:
            raise ValueError("cell must be three linearly independent row vectors, shape (3, 3)")
        if bonds.size and not (bonds.min() >= 0 and bonds.max() < n):
            raise InputError(f"A bond joins atoms that are not there: their numbers must lie in 0 to {n - 1}.")
        if self.types and len(self.types) != n:
            raise ValueError(f"{len(self.types)} types for {n} atoms")
        if self.charges is not None and np.shape(self.charges) != (n,):
            raise ValueError(f"charges have shape {np.shape(self.charges)}, expected ({n},)")
        for array in (positions, cell, bonds):
            array.setflags(write=False)
        object.__setattr__(self, "name", one_line(self.name))
        object.__setattr__(self, "source", one_line(self.source))
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "cell", cell)
        object.__setattr__(self, "bonds", bonds)

    @property
    def n_atoms(self) -> int:
        return len(self.species)

    @property
    def masses(self) -> FloatArray:
        """(N,) atomic masses, amu."""
        return np.array([atomic_masses[atomic_numbers[s]] for s in self.species])

    @property
    def mass_amu(self) -> float:
        """Mass of the cell, amu."""
        return float(self.masses.sum())

    @property
    def volume(self) -> float:
        """Cell volume, Å³."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def density_g_cm3(self) -> float:
        """Bulk (envelope) density of the cell, g/cm³."""
        return self.mass_amu / self.volume * AMU_PER_CUBIC_ANGSTROM_TO_G_CM3

    @property
    def formula(self) -> str:
        """Cell contents, metals first, then C, H, N and the rest: ``Zn16 C108 H102 N64``."""
        counts = Counter(self.species)
        order = sorted(counts, key=lambda s: (s in "CHN", "CHN".find(s), s))
        return " ".join(f"{s}{counts[s]}" for s in order)

    @property
    def fractional(self) -> FloatArray:
        """(N, 3) fractional coordinates (not wrapped)."""
        return np.asarray(np.linalg.solve(self.cell.T, self.positions.T).T, dtype=np.float64)

    @property
    def cell_widths(self) -> FloatArray:
        """(3,) perpendicular distances between opposite cell faces, Å."""
        return np.asarray(1.0 / np.linalg.norm(np.linalg.inv(self.cell), axis=0), dtype=np.float64)

    def unit_counts(self) -> dict[str, int]:
        """How many building units of each kind the cell holds."""
        return dict(Counter(u.kind for u in self.units))

    def minimum_image(self, vectors: ArrayLike) -> FloatArray:
        """Shortest periodic images of ``vectors`` (..., 3), Å (exact for vectors under half a cell width)."""
        vectors = np.asarray(vectors, dtype=np.float64)
        fractional = np.linalg.solve(self.cell.T, vectors.reshape(-1, 3).T).T
        fractional -= np.round(fractional)
        return np.asarray((fractional @ self.cell).reshape(vectors.shape), dtype=np.float64)

    def content_hash(self) -> str:
        """sha256 over everything a simulation depends on: species, positions, cell, types, charges, bonds."""
        digest = hashlib.sha256()
        digest.update(" ".join(self.species).encode())
        digest.update(" ".join(self.types).encode())
        digest.update(np.round(self.positions, 6).tobytes())
        digest.update(np.round(self.cell, 6).tobytes())
        digest.update(self.bonds.tobytes())
        if self.charges is not None:
            digest.update(np.round(self.charges, 8).tobytes())
        return digest.hexdigest()

    def geometry_hash(self) -> str:
        """:meth:`content_hash` without charges: what a gas without charges meets."""
        return replace(self, charges=None).content_hash()

    def supercell(self, repeats: tuple[int, int, int]) -> Framework:
        """The cell repeated ``repeats`` times along a, b, c; bonds are re-found across the new cell.

        Raises
        ------
        InputError: repeats below 1, or more atoms than memory holds.
        """
        if min(repeats) < 1:
            raise InputError(f"Supercell {' '.join(map(str, repeats))}: repeats must be 1 or more.")
        if tuple(repeats) == (1, 1, 1):
            return self
        n, copies = self.n_atoms, math.prod(int(r) for r in repeats)
        reserve(BYTES_PER_ATOM * n * copies, f"The {n * copies:,} atoms of {' × '.join(map(str, repeats))} cells of "
                f"{self.name}", "take fewer repeats")
        shifts = np.stack(np.meshgrid(*(np.arange(r) for r in repeats), indexing="ij"), axis=-1).reshape(-1, 3)
        positions = (self.positions[None] + (shifts @ self.cell)[:, None]).reshape(-1, 3)
        fractional, (first, second) = self.fractional, self.bonds.T
        image = -np.round(fractional[second] - fractional[first]).astype(np.int64)
        target = (shifts[None] + image[:, None]) % np.asarray(repeats)                      # (B, C, 3)
        target = (target[..., 0] * repeats[1] + target[..., 1]) * repeats[2] + target[..., 2]
        bonds = np.stack([np.arange(copies)[None] * n + first[:, None], target * n + second[:, None]], axis=-1)
        return replace(
            self,
            species=self.species * copies,
            positions=positions,
            cell=self.cell * np.asarray(repeats)[:, None],
            types=self.types * copies,
            bonds=bonds.reshape(-1, 2),
            units=tuple(BuildingUnit(u.kind, tuple(a + c * n for a in u.atoms))
                        for c in range(copies) for u in self.units),
            charges=None if self.charges is None else np.tile(self.charges, copies),
            source=f"{self.source}; supercell {'x'.join(map(str, repeats))}",
        )


def amounts(formula: str) -> dict[str, int]:
    """``Zn C8 N4`` as ``{"Zn": 1, "C": 8, "N": 4}``, in its order."""
    return {symbol: int(number or 1) for symbol, number in re.findall(r"([A-Z][a-z]?)(\d*)", formula)}


def reduced(formula: str) -> str:
    """``Zn16 C128 N64`` as ``Zn C8 N4``: what cells of any size of one material have in common."""
    parts = amounts(formula)
    common = math.gcd(*parts.values()) or 1
    return " ".join(f"{symbol}{number // common if number > common else ''}" for symbol, number in parts.items())
