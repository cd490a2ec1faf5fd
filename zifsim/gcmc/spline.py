"""Splines of periodic functions on the cell, tricubic: values on nodes in, coefficients out, look-up by a kernel.

A B-spline needs one number per node where Hermite interpolation needs eight, so the grids of a host stay in the
processor's cache. The coefficients follow from the nodes by an FFT (Unser 1999, doi:10.1109/79.799930).

A spline *through* the nodes errs to one side between them (by h⁴f⁗/720 on average), and Boltzmann averages inherit
that bias. Here each wave of the function is scaled such that the spline carries it with its full strength instead: the
error has zero mean over a grid cell, and Henry coefficients are 10 to 50 times closer.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from zifsim.gcmc.jit import kernel

FloatArray = NDArray[np.float64]
BEFORE, PADDING = 1, 3     # planes repeated before the first node, and in all, so that look-ups need no modulo


class Spline(NamedTuple):
    """``coefficients`` (nx+3, ny+3, nz+3), wrapped. Of an energy they describe ln((U − floor)/scale), K: the repulsive
    wall becomes gentle and the wells keep their digits."""

    coefficients: NDArray[np.float32]
    floor: float = 0.0
    scale: float = 1.0


def spline_of(values: FloatArray, threads: int = 1) -> Spline:
    """The spline of periodic node values (nx, ny, nz) as they are."""
    return Spline(spline_coefficients(values, threads))


def spline_of_energy(energies: FloatArray, threads: int = 1) -> Spline:
    """The spline of compressed energies (nx, ny, nz), K, which are overwritten: large ones are many."""
    lowest = float(energies.min())
    scale = 500.0 + 0.5 * abs(lowest)     # between the nodes the energy may be lower, but not by as much as this
    floor = lowest - scale
    energies -= floor
    energies /= scale
    return Spline(spline_coefficients(np.log(energies, out=energies), threads), floor, scale)


def spline_coefficients(values: FloatArray, threads: int = 1) -> NDArray[np.float32]:
    """Wrapped coefficients (nx+3, ny+3, nz+3) of the mean-preserving cubic spline of periodic ``values``."""
    spectrum = scipy.fft.rfftn(values, workers=threads)
    for axis, n in enumerate(values.shape):
        angle = 2.0 * math.pi * np.arange(spectrum.shape[axis]) / n
        c = 2.0 - 2.0 * np.cos(angle)                     # symbol of the second difference
        # A cubic spline carries a wave with the strength (sin(angle/2)/(angle/2))⁴ of its coefficients. The inverse of
        # that: interpolation, 1/(1 − c/6), times a series in c, cut off because it has to stay local.
        factor = (1.0 + c**2 / 720 + 17 * c**3 / 30240 + 23 * c**4 / 151200) / (1.0 - c / 6.0)
        spectrum *= np.expand_dims(factor, [a for a in range(3) if a != axis])
    coefficients = scipy.fft.irfftn(spectrum, s=values.shape, workers=threads, overwrite_x=True).astype(np.float32)
    del spectrum
    return np.ascontiguousarray(np.pad(coefficients, (BEFORE, PADDING - BEFORE), mode="wrap"))


@kernel
def _weights(t: float) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """The four cubic B-splines that overlap a grid cell, at 0 ≤ t < 1 (float32, like the coefficients)."""
    u = 1.0 - t
    return (np.float32(u * u * u / 6.0), np.float32(2.0 / 3.0 - t * t * (1.0 - 0.5 * t)),
            np.float32(2.0 / 3.0 - u * u * (1.0 - 0.5 * u)), np.float32(t * t * t / 6.0))


@kernel
def interpolate(splines: NDArray[np.float32], grid: int, fa: float, fb: float, fc: float) -> float:
    """Value of ``splines[grid]``, (G, nx+3, ny+3, nz+3) coefficients, at fractional coordinates in [0, 1)."""
    nx, ny, nz = splines.shape[1] - PADDING, splines.shape[2] - PADDING, splines.shape[3] - PADDING
    xa, xb, xc = fa * nx, fb * ny, fc * nz
    # rounding may put a fraction just below 1 onto the border
    i, j, k = min(int(xa), nx - 1), min(int(xb), ny - 1), min(int(xc), nz - 1)
    a0, a1, a2, a3 = _weights(xa - i)
    b0, b1, b2, b3 = _weights(xb - j)
    c0, c1, c2, c3 = _weights(xc - k)
    s0 = s1 = s2 = s3 = np.float32(0.0)
    for p in range(4):
        wa = a0 if p == 0 else (a1 if p == 1 else (a2 if p == 2 else a3))
        for q in range(4):
            w = wa * (b0 if q == 0 else (b1 if q == 1 else (b2 if q == 2 else b3)))
            s0 += w * splines[grid, i + p, j + q, k]
            s1 += w * splines[grid, i + p, j + q, k + 1]
            s2 += w * splines[grid, i + p, j + q, k + 2]
            s3 += w * splines[grid, i + p, j + q, k + 3]
    return float(c0 * s0 + c1 * s1 + c2 * s2 + c3 * s3)
