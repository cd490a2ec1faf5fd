"""Powder diffraction pattern of a crystal: positions and heights of its Bragg peaks, by pymatgen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import InputError
from zifsim.model.framework import Framework

FloatArray = NDArray[np.float64]
COPPER_K_ALPHA = 1.54184        # Å


@dataclass(frozen=True, slots=True, eq=False)
class PowderResult:
    """``two_theta`` (P,) degrees, ``spacing`` (P,) d of the planes, Å, ``intensity`` (P,) with the highest at 100, and
    ``hkl`` the first of the planes that coincide there."""

    two_theta: FloatArray
    spacing: FloatArray
    intensity: FloatArray
    hkl: tuple[tuple[int, int, int], ...]
    wavelength: float


@dataclass(frozen=True, slots=True)
class PowderPattern:
    """Kinematic intensities with Lorentz and polarisation factors, no thermal motion; Cu Kα by default.

    Of the atoms in one cell taken as a crystal; in a cell cut from a glass the peaks are the cell's own.
    """

    wavelength: float = COPPER_K_ALPHA
    two_theta: tuple[float, float] = (3.0, 40.0)

    def __post_init__(self) -> None:
        low, high = self.two_theta
        if not (self.wavelength > 0.0 and 0.0 <= low < high < 180.0):
            raise InputError(f"a wavelength of {self.wavelength:g} Å and 2θ from {low:g} to {high:g} degrees make no "
                             "powder pattern; give a positive wavelength and rising angles below 180.")

    def compute(self, framework: Framework) -> PowderResult:
        """All peaks above 0.1 % of the highest."""
        from pymatgen.analysis.diffraction.xrd import XRDCalculator
        from pymatgen.core import Structure

        structure = Structure(framework.cell, list(framework.species), framework.fractional)
        pattern = XRDCalculator(wavelength=self.wavelength).get_pattern(structure, two_theta_range=self.two_theta)
        hkl = tuple((int(h), int(k), int(m)) for h, k, m in (peak[0]["hkl"] for peak in pattern.hkls))
        return PowderResult(np.asarray(pattern.x), np.asarray(pattern.d_hkls), np.asarray(pattern.y), hkl,
                            self.wavelength)
