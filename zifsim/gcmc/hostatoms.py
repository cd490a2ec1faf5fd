"""Atoms of the host, the direct path: a guest's energy summed over the host's atoms, with an Ewald sum of its own.

The unit cell is cut into voxels; each has its own copy of the periodic images within the cut-off of any of its points,
one kind of atom after the other. So the cost does not grow with the framework, and the sums run over contiguous numbers
in vector registers (looked up through indices they take six times longer). The Ewald sum of the host is over the unit
cell, as a supercell has no other waves, and converged to 1e-9 whatever the guests' sum is.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial.chebyshev import chebinterpolate
from numpy.typing import NDArray
from scipy.special import erf

from zifsim.gcmc.ewald import BYTES_PER_VECTOR, alpha_for
from zifsim.gcmc.grid import divisions_for, structure_factors
from zifsim.gcmc.jit import kernel
from zifsim.gcmc.potential import PairTable
from zifsim.memory import reserve
from zifsim.model.neighbours import periodic_images
from zifsim.units import COULOMB_K_ANGSTROM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
VOXEL_ANGSTROM = 2.5
TOLERANCE = 1e-9
SERIES = 22         # Chebyshev terms of erf(x)/x over 0 ≤ x² ≤ 18.7, where erfc(x) is the tolerance: good to 3e-11
LEAST_S = 1e-4      # Å²: atoms are not points of infinite energy


class HostAtoms(NamedTuple):
    """Summed host.

    ``x``, ``y``, ``z`` (M,) Å and ``charge`` (M,) e of the images near each voxel; those of kind t are the elements
    ``starts[v, t]`` to ``starts[v, t + 1]``. ``divisions`` (3,) voxels of the unit cell ``cell`` (3, 3) Å with
    ``inverse``; ``site_charges`` (S,) e of the guest; ``pairs`` guest sites × kinds. The Ewald sum: ``series``
    (:func:`_smooth_series`) and ``waves`` (H, K, L, 4), the Fourier coefficients of the potential, K/e, for the
    indices h = 0..H−1, k = −K//2..K//2, l = 0..``extents`` (H, K; −1: none): real and imaginary part of what belongs
    to cos(2πl·f), and of what belongs to sin(2πl·f), with −l taken in.
    """

    x: FloatArray
    y: FloatArray
    z: FloatArray
    charge: FloatArray
    starts: IntArray
    divisions: IntArray
    cell: FloatArray
    inverse: FloatArray
    site_charges: FloatArray
    pairs: PairTable
    series: FloatArray
    waves: FloatArray
    extents: IntArray


def host_atoms(positions: FloatArray, kinds: IntArray, charges: FloatArray, cell: FloatArray, pairs: PairTable,
               site_charges: FloatArray) -> HostAtoms:
    """Lay out the atoms of a unit cell (N, 3) Å for the direct path."""
    cutoff = math.sqrt(pairs.cutoff2)
    images, owners = periodic_images(positions, cell, cutoff)
    order = np.argsort(kinds[owners], kind="stable")
    images, owners = np.ascontiguousarray(images[order]), owners[order]
    divisions = np.array(divisions_for(cell, VOXEL_ANGSTROM))
    starts, members = _voxel_lists(images, kinds[owners], pairs.shift.shape[1], cell, divisions, cutoff)
    x, y, z = (np.ascontiguousarray(images[members, axis]) for axis in range(3))
    alpha = alpha_for(cutoff, TOLERANCE)
    waves, extents = _waves(positions, charges if site_charges.any() else np.zeros(len(charges)), cell, alpha)
    return HostAtoms(x, y, z, charges[owners[members]], starts, divisions, np.ascontiguousarray(cell),
                     np.ascontiguousarray(np.linalg.inv(cell)), site_charges, pairs, _smooth_series(alpha, cutoff),
                     waves, extents)


def _voxel_lists(images: FloatArray, kinds: IntArray, n_kinds: int, cell: FloatArray, divisions: IntArray,
                 cutoff: float) -> tuple[IntArray, IntArray]:
    """``starts`` of :class:`HostAtoms`, and which images (M, 3), sorted by their ``kinds`` (M,), its arrays hold."""
    steps = cell / divisions[:, None]
    corners = np.stack(np.meshgrid(*(np.arange(n) for n in divisions), indexing="ij"), axis=-1).reshape(-1, 3)
    diagonals = np.array(list(itertools.product((-0.5, 0.5), repeat=3))) @ steps
    reach2 = float((cutoff + np.linalg.norm(diagonals, axis=1).max()) ** 2)
    centres = (corners + 0.5) @ steps
    counts = np.zeros((len(centres), n_kinds), dtype=np.int64)
    _list_near(images, kinds, centres, reach2, counts, np.zeros(0, dtype=np.int64))
    members = np.zeros(int(counts.sum()), dtype=np.int64)
    _list_near(images, kinds, centres, reach2, counts, members)
    ends = np.cumsum(counts).reshape(counts.shape)
    return np.column_stack([ends[:, 0] - counts[:, 0], ends]), members


@kernel
def _list_near(images, kinds, centres, reach2, counts, members):
    """Count the images of each kind near each centre, and list them where ``members`` has room."""
    counts[:] = 0
    place = 0
    for v in range(centres.shape[0]):
        for m in range(images.shape[0]):
            x, y, z = images[m, 0] - centres[v, 0], images[m, 1] - centres[v, 1], images[m, 2] - centres[v, 2]
            if x * x + y * y + z * z < reach2:
                counts[v, kinds[m]] += 1
                if place < members.shape[0]:
                    members[place] = m
                    place += 1


def _smooth_series(alpha: float, cutoff: float) -> FloatArray:
    """(SERIES,) Chebyshev coefficients, highest first, of k_e·erf(αr)/r over 0 ≤ r² ≤ cutoff², K/e²."""
    def smooth(w: Any) -> Any:
        r = np.sqrt(np.maximum(0.5 * (w + 1.0), 1e-16)) * cutoff
        return COULOMB_K_ANGSTROM * erf(alpha * r) / r

    lowest_first: FloatArray = np.asarray(chebinterpolate(smooth, SERIES - 1), dtype=np.float64)
    return np.ascontiguousarray(lowest_first[::-1])


def _waves(positions: FloatArray, charges: FloatArray, cell: FloatArray, alpha: float) -> tuple[FloatArray, IntArray]:
    """``waves`` and ``extents`` of :class:`HostAtoms`: half of the k-sphere, its vectors counted twice."""
    k_cutoff = 2.0 * alpha * math.sqrt(-math.log(TOLERANCE))
    wanted = np.floor(k_cutoff * np.linalg.norm(cell, axis=1) / (2.0 * math.pi))
    reserve(2.0 * BYTES_PER_VECTOR * float(np.prod(2.0 * wanted + 1.0)),
            "The wave vectors of the framework's Ewald sum", "check the cell's lengths")
    reach = wanted.astype(int)
    axes = [np.arange(0 if a == 0 else -n, n + 1) for a, n in enumerate(reach)]
    index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    k2 = ((index @ (2.0 * math.pi * np.linalg.inv(cell).T)) ** 2).sum(axis=-1)
    inside = (k2 > 0.0) & (k2 <= k_cutoff**2) & charges.any()
    factor = COULOMB_K_ANGSTROM * 4.0 * math.pi / abs(float(np.linalg.det(cell)))
    amplitude = np.where(inside, factor * np.exp(-k2 / (4.0 * alpha**2)) / np.maximum(k2, 1e-12), 0.0) * (
        structure_factors(positions, charges, cell, axes))
    amplitude[1:] *= 2.0
    up, down = amplitude[..., reach[2]:], amplitude[..., reach[2]::-1].copy()
    down[..., 0] = 0.0
    even, odd = up + down, 1j * (up - down)
    extents = np.where(inside, np.abs(index[..., 2]), -1).max(axis=-1)
    return np.stack([even.real, even.imag, odd.real, odd.imag], axis=-1), extents.astype(np.int64)


@kernel
def _fourier_potential(waves, extents, fa, fb, fc):
    """The Fourier part of the potential, K/e, at a fractional position: Clenshaw's recurrence in l, which needs no
    table of phases."""
    ar, ai = math.cos(2.0 * math.pi * fa), math.sin(2.0 * math.pi * fa)
    br, bi = math.cos(2.0 * math.pi * fb), math.sin(2.0 * math.pi * fb)
    cosine, sine = math.cos(2.0 * math.pi * fc), math.sin(2.0 * math.pi * fc)
    twice = 2.0 * cosine
    start_r, start_i = 1.0, 0.0                       # exp(−2πi·K//2·fb)
    for _ in range(waves.shape[1] // 2):
        start_r, start_i = start_r * br + start_i * bi, start_i * br - start_r * bi
    total = 0.0
    hr, hi = 1.0, 0.0                                 # exp(2πi·h·fa)
    for h in range(waves.shape[0]):
        kr, ki = hr * start_r - hi * start_i, hr * start_i + hi * start_r
        for k in range(waves.shape[1]):
            n = extents[h, k]
            if n >= 0:
                e0 = e1 = f0 = f1 = o0 = o1 = p0 = p1 = 0.0
                for step in range(n):
                    e0, e1 = waves[h, k, n - step, 0] - e1 + twice * e0, e0
                    f0, f1 = waves[h, k, n - step, 1] - f1 + twice * f0, f0
                    o0, o1 = waves[h, k, n - step, 2] - o1 + twice * o0, o0
                    p0, p1 = waves[h, k, n - step, 3] - p1 + twice * p0, p0
                total += (kr * (waves[h, k, 0, 0] + cosine * e0 - e1 + sine * o0)
                          - ki * (waves[h, k, 0, 1] + cosine * f0 - f1 + sine * p0))
            kr, ki = kr * br - ki * bi, kr * bi + ki * br
        hr, hi = hr * ar - hi * ai, hr * ai + hi * ar
    return total


@kernel
def _lennard_jones(xs, ys, zs, x, y, z, cutoff2, coefficients, shift):
    """Energy (K) of a site at (x, y, z) with the images at ``xs``, ``ys``, ``zs``, all of one kind."""
    n3 = n4 = n6 = n7 = inside = 0.0
    for n in range(xs.shape[0]):
        dx, dy, dz = x - xs[n], y - ys[n], z - zs[n]
        s = dx * dx + dy * dy + dz * dz
        seen = 1.0 if s < cutoff2 else 0.0
        inverse = seen / (s if s > LEAST_S else LEAST_S)
        cube = inverse * inverse * inverse
        n3 += cube
        n4 += cube * inverse
        n6 += cube * cube
        n7 += cube * cube * inverse
        inside += seen
    return (coefficients[0] * n3 + coefficients[1] * n4 + coefficients[2] * n6 + coefficients[3] * n7
            - shift * inside)


@kernel
def _screened_potential(xs, ys, zs, charge, x, y, z, cutoff2, series):
    """Σ q·k_e·erfc(αr)/r, K/e, at (x, y, z): 1/r minus the smooth part, by Clenshaw's recurrence."""
    total = 0.0
    for n in range(xs.shape[0]):
        dx, dy, dz = x - xs[n], y - ys[n], z - zs[n]
        s = dx * dx + dy * dy + dz * dz
        q = charge[n] if s < cutoff2 else 0.0
        s = s if s < cutoff2 else cutoff2
        s = s if s > LEAST_S else LEAST_S
        w = 2.0 * s / cutoff2 - 1.0
        high = higher = 0.0
        for k in range(SERIES - 1):
            high, higher = series[k] + 2.0 * w * high - higher, high
        total += q * (COULOMB_K_ANGSTROM / math.sqrt(s) - (series[SERIES - 1] + w * high - higher))
    return total


@kernel
def direct_energy(atoms, offset, count, sites, m):
    """(Lennard-Jones, Coulomb) energy in K of ``count`` sites of ``sites[m]`` (S, 3) Å with every atom in reach.

    Their parameters begin at the flat index ``offset``.
    """
    lj = coulomb = 0.0
    cell, inverse, starts, pairs = atoms.cell, atoms.inverse, atoms.starts, atoms.pairs
    for s in range(count):
        site = offset + s
        x, y, z = sites[m, s, 0], sites[m, s, 1], sites[m, s, 2]
        fa = x * inverse[0, 0] + y * inverse[1, 0] + z * inverse[2, 0]
        fb = x * inverse[0, 1] + y * inverse[1, 1] + z * inverse[2, 1]
        fc = x * inverse[0, 2] + y * inverse[1, 2] + z * inverse[2, 2]
        fa, fb, fc = fa - math.floor(fa), fb - math.floor(fb), fc - math.floor(fc)
        x = fa * cell[0, 0] + fb * cell[1, 0] + fc * cell[2, 0]
        y = fa * cell[0, 1] + fb * cell[1, 1] + fc * cell[2, 1]
        z = fa * cell[0, 2] + fb * cell[1, 2] + fc * cell[2, 2]
        v = 0
        for axis, f in ((0, fa), (1, fb), (2, fc)):
            n = atoms.divisions[axis]
            v = v * n + min(int(f * n), n - 1)
        n_kinds = starts.shape[1] - 1
        for kind in range(n_kinds):
            first, end = starts[v, kind], starts[v, kind + 1]
            if pairs.coefficients[site, kind, 0] != 0.0:
                lj += _lennard_jones(atoms.x[first:end], atoms.y[first:end], atoms.z[first:end], x, y, z,
                                     pairs.cutoff2, pairs.coefficients[site, kind], pairs.shift[site, kind])
        q = atoms.site_charges[site]
        if q != 0.0:
            first, end = starts[v, 0], starts[v, n_kinds]
            coulomb += q * (_screened_potential(atoms.x[first:end], atoms.y[first:end], atoms.z[first:end],
                                                atoms.charge[first:end], x, y, z, pairs.cutoff2, atoms.series)
                            + _fourier_potential(atoms.waves, atoms.extents, fa, fb, fc))
    return lj, coulomb
