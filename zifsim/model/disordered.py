"""A crystal as a CIF tells it: an asymmetric unit with occupancies, disorder groups and symmetry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zifsim.model.framework import FloatArray


@dataclass(frozen=True, slots=True)
class AsymmetricAtom:
    """One row of a CIF's atom list.

    ``group`` 0 is an ordered (shared) atom. Atoms of one ``assembly`` with different positive groups exclude
    each other; a negative group is disorder about a symmetry element: its own copies exclude each other.
    """

    label: str
    species: str
    fractional: tuple[float, float, float]
    occupancy: float = 1.0
    assembly: str = ""
    group: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class DisorderedStructure:
    """Asymmetric unit, cell and symmetry.

    Attributes
    ----------
    cell: (3, 3) lattice vectors as rows, Å.
    rotations, translations: (M, 3, 3) and (M, 3), x' = R x + t (fractional), in the file's order.
    spacegroup: Hermann–Mauguin symbol, or "" where the file gives operations only.
    """

    name: str
    cell: FloatArray
    atoms: tuple[AsymmetricAtom, ...]
    rotations: FloatArray
    translations: FloatArray
    spacegroup: str
    source: str

    def copies(self, fractional: FloatArray) -> FloatArray:
        """(M, 3) images of a fractional position under every operation, not wrapped."""
        images: FloatArray = np.einsum("mij,j->mi", self.rotations, fractional) + self.translations
        return images
