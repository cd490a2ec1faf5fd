"""Ewald sums of rigid guests: split, k-vectors, structure factors, self and exclusion terms.

U = Σ_pairs q_i q_j erfc(αr)/r + Σ_k A_k |S(k)|² + constant per molecule, tin-foil boundary
(de Leeuw, Perram & Smith 1980, doi:10.1098/rspa.1980.0135). Works for any cell shape. The pairs are summed elsewhere:
their screened energy is part of the site–site table (:func:`zifsim.gcmc.potential.pair_splines`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfcinv

from zifsim.gcmc.jit import kernel
from zifsim.memory import reserve
from zifsim.units import COULOMB_K_ANGSTROM

FloatArray = NDArray[np.float64]


class Ewald(NamedTuple):
    """An Ewald split of one cell.

    ``alpha`` 1/Å. Half the k-sphere in layers of equal last index, whose first two indices are the
    leading ``columns`` (C, 2), shortest first: ``layers`` (L, 4) last index, first and end column, first k-vector.
    Long inner loops over columns are what makes the sum quick. ``k_factor`` (K,) in K/e² (both halves counted, 0
    outside the sphere); ``k_max`` (3,) largest |index| per axis; ``inverse_cell`` (3, 3), fractional = r @
    inverse_cell.
    """

    alpha: float
    columns: NDArray[np.int64]
    layers: NDArray[np.int64]
    k_factor: FloatArray
    k_max: NDArray[np.int64]
    inverse_cell: FloatArray


BYTES_PER_VECTOR = 64       # index triple, factor, structure factor


class Phases(NamedTuple):
    """Powers of exp(2πi f): ``axes`` (3, 2, 2·max(k_max)+1) per axis, real and imaginary parts apart;
    ``flat_real``, ``flat_imaginary`` (C,) products of the first two axes times the charge."""

    axes: FloatArray
    flat_real: FloatArray
    flat_imaginary: FloatArray


def alpha_for(cutoff: float, tolerance: float) -> float:
    """Screening parameter at which erfc(α r_c) equals the tolerance, 1/Å."""
    return float(erfcinv(tolerance)) / cutoff if tolerance > 0 else 0.0


def ewald_split(cell: FloatArray, cutoff_angstrom: float, tolerance: float, alpha: float | None = None,
                k_cutoff: float | None = None) -> Ewald:
    """Choose α and the k-vectors of a cell (3, 3) Å for a relative tolerance, or take those given (1/Å)."""
    alpha = alpha_for(cutoff_angstrom, tolerance) if alpha is None else alpha
    if k_cutoff is None:
        k_cutoff = 2.0 * alpha * math.sqrt(-math.log(tolerance))
    columns, layers, index = _half_sphere(cell, k_cutoff)
    k2 = ((index @ (2.0 * math.pi * np.linalg.inv(cell).T)) ** 2).sum(axis=1)
    inside = k2 <= k_cutoff**2 * (1 + 1e-12)
    volume = abs(float(np.linalg.det(cell)))
    factor = np.where(inside, COULOMB_K_ANGSTROM * 4.0 * math.pi / volume * np.exp(-k2 / (4.0 * alpha**2)) / k2, 0.0)
    return Ewald(alpha, columns, layers, factor, np.abs(index).max(axis=0, initial=0),
                 np.ascontiguousarray(np.linalg.inv(cell)))


def _half_sphere(cell: FloatArray, k_cutoff: float) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """``columns`` and ``layers`` of :class:`Ewald`, and the k-vectors' index triples (K, 3) in their order."""
    reciprocal = 2.0 * math.pi * np.linalg.inv(cell).T
    wanted = np.floor(k_cutoff * np.linalg.norm(cell, axis=1) / (2.0 * math.pi) + 1e-9)
    reserve(BYTES_PER_VECTOR * float(np.prod(2.0 * wanted + 1.0)), "The wave vectors of an Ewald sum in a cell of "
            f"{' × '.join(f'{x:.4g}' for x in np.linalg.norm(cell, axis=1))} Å", "check the cell's lengths")
    reach = wanted.astype(np.int64)
    x, y = (a.ravel() for a in np.meshgrid(np.arange(reach[0] + 1), np.arange(-reach[1], reach[1] + 1), indexing="ij"))
    half = (x > 0) | (y >= 0)
    columns = np.column_stack([x[half], y[half]])
    length2 = ((columns @ reciprocal[:2]) ** 2).sum(axis=1)
    columns = columns[np.argsort(length2, kind="stable")]        # (0, 0) comes first
    layers, triples, count = [], [], 0
    for z in range(-int(reach[2]), int(reach[2]) + 1):
        k2 = ((np.column_stack([columns, np.full(len(columns), z)]) @ reciprocal) ** 2).sum(axis=1)
        inside = np.nonzero(k2 <= k_cutoff**2 * (1 + 1e-12))[0]
        first = 0 if z > 0 else 1                                 # of ±(0, 0, z) only one half
        end = int(inside.max(initial=-1)) + 1
        if end > first:
            layers.append((z, first, end, count))
            triples.append(np.column_stack([columns[first:end], np.full(end - first, z)]))
            count += end - first
    empty = np.zeros((0, 3), dtype=np.int64)
    return (np.ascontiguousarray(columns), np.array(layers, dtype=np.int64).reshape(-1, 4),
            np.concatenate([empty, *triples]))


def self_energy(alpha: float, charges: FloatArray) -> float:
    """Self term of one molecule's Gaussians, K: −k_e α/√π Σ q²."""
    return -COULOMB_K_ANGSTROM * alpha / math.sqrt(math.pi) * float(np.sum(np.square(charges)))


def exclusion_energy(alpha: float, charges: FloatArray, positions: FloatArray) -> float:
    """Removes a rigid molecule's own pairs from the Fourier sum, K: −k_e Σ q_a q_b erf(αr)/r."""
    total = 0.0
    for a in range(len(charges)):
        for b in range(a):
            r = float(np.linalg.norm(positions[a] - positions[b]))
            total -= COULOMB_K_ANGSTROM * charges[a] * charges[b] * math.erf(alpha * r) / r
    return float(total)


@kernel
def add_structure_factor(ewald: Ewald, sites: FloatArray, m: int, charges: FloatArray, first: int, count: int,
                         sign: float, phases: Phases, real: FloatArray, imaginary: FloatArray) -> None:
    """Add sign·Σ q exp(ik·r) of ``count`` sites of ``sites[m]`` (S, 3) Å, whose charges begin at ``first``, to
    ``real``, ``imaginary`` (K,).

    ``phases`` is scratch (:func:`phase_scratch`).
    """
    inverse, columns, layers = ewald.inverse_cell, ewald.columns, ewald.layers
    axes, flat_re, flat_im = phases.axes, phases.flat_real, phases.flat_imaginary
    nx, ny, nz = ewald.k_max[0], ewald.k_max[1], ewald.k_max[2]
    for site in range(count):
        q = sign * charges[first + site]
        if q == 0.0:
            continue
        for axis in range(3):
            f = (sites[m, site, 0] * inverse[0, axis] + sites[m, site, 1] * inverse[1, axis]
                 + sites[m, site, 2] * inverse[2, axis])
            n = ewald.k_max[axis]
            angle = 2.0 * math.pi * (f - math.floor(f))
            c, s = math.cos(angle), math.sin(angle)
            re, im = 1.0, 0.0
            axes[axis, 0, n], axes[axis, 1, n] = re, im
            for p in range(1, n + 1):
                re, im = re * c - im * s, re * s + im * c
                axes[axis, 0, n + p], axes[axis, 1, n + p] = re, im
                axes[axis, 0, n - p], axes[axis, 1, n - p] = re, -im
        for column in range(columns.shape[0]):
            ix, iy = columns[column, 0] + nx, columns[column, 1] + ny
            xr, xi, yr, yi = axes[0, 0, ix], axes[0, 1, ix], axes[1, 0, iy], axes[1, 1, iy]
            flat_re[column], flat_im[column] = q * (xr * yr - xi * yi), q * (xr * yi + xi * yr)
        for layer in range(layers.shape[0]):
            zr, zi = axes[2, 0, layers[layer, 0] + nz], axes[2, 1, layers[layer, 0] + nz]
            start, offset = layers[layer, 1], layers[layer, 3]
            for j in range(layers[layer, 2] - start):
                real[offset + j] += flat_re[start + j] * zr - flat_im[start + j] * zi
                imaginary[offset + j] += flat_re[start + j] * zi + flat_im[start + j] * zr


@kernel
def fourier_energy(ewald: Ewald, real: FloatArray, imaginary: FloatArray) -> float:
    """Σ_k A_k |S(k)|², K."""
    total = 0.0
    for k in range(ewald.k_factor.shape[0]):
        total += ewald.k_factor[k] * (real[k] * real[k] + imaginary[k] * imaginary[k])
    return total


@kernel
def fourier_change(ewald: Ewald, real: FloatArray, imaginary: FloatArray, change_real: FloatArray,
                   change_imaginary: FloatArray) -> float:
    """Change of Σ_k A_k |S(k)|² when (change_real, change_imaginary) is added to S, K."""
    total = 0.0
    for k in range(ewald.k_factor.shape[0]):
        total += ewald.k_factor[k] * (
            change_real[k] * (2.0 * real[k] + change_real[k])
            + change_imaginary[k] * (2.0 * imaginary[k] + change_imaginary[k]))
    return total


def phase_scratch(ewald: Ewald) -> Phases:
    """Scratch for :func:`add_structure_factor`."""
    columns = len(ewald.columns)
    return Phases(np.zeros((3, 2, 2 * int(ewald.k_max.max(initial=0)) + 1)), np.zeros(columns), np.zeros(columns))
