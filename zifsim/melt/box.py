"""Cell as OpenMM wants it: first vector along x, second in the xy plane, lattice-reduced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Box:
    """How the cell given by a user relates to the box that is simulated: ``box = shear @ cell @ rotation``.

    ``vectors`` (3, 3): the box, rows, Å. ``rotation`` (3, 3): turns row vectors into OpenMM's frame.
    ``shear`` (3, 3): integers of determinant one, which choose other vectors of the same lattice.
    """

    vectors: FloatArray
    rotation: FloatArray
    shear: FloatArray

    @classmethod
    def of(cls, cell: FloatArray) -> Box:
        """The reduced box of a cell (rows, Å); a left-handed cell is turned over by the rotation."""
        orthogonal, upper = np.linalg.qr(cell.T)
        signs = np.sign(np.diag(upper))
        rotation = orthogonal * signs
        lower = (upper * signs[:, None]).T
        shear = np.eye(3)
        for row, by in ((1, 0), (2, 1), (2, 0)):
            times = np.round(lower[row, by] / lower[by, by])
            lower[row] -= times * lower[by]
            shear[row] -= times * shear[by]
        return cls(lower, rotation, shear)

    def to_box_frame(self, positions: FloatArray) -> FloatArray:
        """Positions (N, 3) of the user's frame in OpenMM's frame, Å."""
        turned: FloatArray = positions @ self.rotation
        return turned

    def positions_back(self, positions: FloatArray) -> FloatArray:
        """Inverse of :meth:`to_box_frame`."""
        turned: FloatArray = positions @ self.rotation.T
        return turned

    def cell_back(self, vectors: FloatArray) -> FloatArray:
        """The user's cell (3, 3), Å, that belongs to a box which has changed its size to ``vectors``."""
        cell: FloatArray = np.linalg.solve(self.shear, vectors) @ self.rotation.T
        return cell


def minimum_image(vectors: FloatArray, box: FloatArray) -> FloatArray:
    """Shortest images of ``vectors`` (..., 3) in a box (rows), Å; exact under half a box width."""
    fractional = vectors @ np.linalg.inv(box)
    shortest: FloatArray = vectors - np.round(fractional) @ box
    return shortest


def widths(box: FloatArray) -> FloatArray:
    """(3,) perpendicular distances between opposite faces, Å."""
    result: FloatArray = 1.0 / np.linalg.norm(np.linalg.inv(box), axis=0)
    return result
