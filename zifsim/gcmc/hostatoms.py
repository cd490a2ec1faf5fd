"""The direct path: a guest's energy summed over the host's atoms, with an Ewald sum of its own.

The unit cell is cut into voxels; each lists the periodic images within the cut-off of any of its points, so the cost
does not grow with the framework. The Ewald sum of the host is over the unit cell (a supercell has no other waves) and
converged to 1e-9 whatever the guests' sum is.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from zifsim.gcmc.ewald import alpha_for, screened_coulomb, screened_coulomb_table
from zifsim.gcmc.grid import divisions_for, periodic_images
from zifsim.gcmc.jit import kernel
from zifsim.gcmc.potential import PairTable, pair_energy
from zifsim.units import COULOMB_K_ANGSTROM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
VOXEL_ANGSTROM = 2.0
TOLERANCE = 1e-9


class HostAtoms(NamedTuple):
    """Summed host.

    ``images`` (M, 4) x, y, z (Å) and charge (e); ``kinds`` (M,) columns of ``pairs``; ``members`` images of each voxel,
    those of voxel v from ``starts[v]`` to ``starts[v + 1]``; ``divisions`` (3,) voxels of the unit cell ``cell`` (3, 3)
    Å with ``inverse``; ``site_charges`` (S,) e of all gases. The Ewald sum: ``alpha`` 1/Å, ``table``
    (:func:`screened_coulomb_table`) and ``waves`` (H, K, L, 2), the Fourier coefficients of the potential, K/e, for
    the indices 0..H−1, −K//2..K//2, −L//2..L//2, of which the last are used up to ±``extents`` (H, K), −1: none.
    """

    images: FloatArray
    kinds: IntArray
    starts: IntArray
    members: NDArray[np.int32]
    divisions: IntArray
    cell: FloatArray
    inverse: FloatArray
    site_charges: FloatArray
    pairs: PairTable
    alpha: float
    table: FloatArray
    waves: FloatArray
    extents: IntArray


def host_atoms(positions: FloatArray, kinds: IntArray, charges: FloatArray, cell: FloatArray, pairs: PairTable,
               site_charges: FloatArray) -> HostAtoms:
    """Lay out the atoms of a unit cell (N, 3) Å for the direct path."""
    cutoff = math.sqrt(pairs.cutoff2)
    images, owners = periodic_images(positions, cell, cutoff)
    divisions = np.array(divisions_for(cell, VOXEL_ANGSTROM))
    steps = cell / divisions[:, None]
    corners = np.stack(np.meshgrid(*(np.arange(n) for n in divisions), indexing="ij"), axis=-1).reshape(-1, 3)
    diagonals = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]) @ steps
    reach = cutoff + np.linalg.norm(diagonals, axis=1).max()
    lists = cKDTree(images.reshape(-1, 3)).query_ball_point((corners + 0.5) @ steps, reach, return_sorted=True)
    starts = np.concatenate([[0], np.cumsum([len(one) for one in lists])]).astype(np.int64)
    alpha = alpha_for(cutoff, TOLERANCE)
    waves, extents = _waves(positions, charges if site_charges.any() else np.zeros(len(charges)), cell, alpha)
    return HostAtoms(
        np.column_stack([images, charges[owners]]), kinds[owners], starts,
        np.concatenate([np.zeros(0), *lists]).astype(np.int32), divisions, np.ascontiguousarray(cell),
        np.ascontiguousarray(np.linalg.inv(cell)), site_charges, pairs, alpha,
        screened_coulomb_table(alpha, cutoff), waves, extents)


def _waves(positions: FloatArray, charges: FloatArray, cell: FloatArray, alpha: float) -> tuple[FloatArray, IntArray]:
    """``waves`` and ``extents`` of :class:`HostAtoms`: half of the k-sphere, its vectors counted twice."""
    k_cutoff = 2.0 * alpha * math.sqrt(-math.log(TOLERANCE))
    reach = np.floor(k_cutoff * np.linalg.norm(cell, axis=1) / (2.0 * math.pi)).astype(int)
    axes = [np.arange(0 if a == 0 else -n, n + 1) for a, n in enumerate(reach)]
    index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    k2 = ((index @ (2.0 * math.pi * np.linalg.inv(cell).T)) ** 2).sum(axis=-1)
    inside = (k2 > 0.0) & (k2 <= k_cutoff**2)
    fractional = positions @ np.linalg.inv(cell)
    phases = [np.exp(-2j * np.pi * np.outer(n, f)) for n, f in zip(axes, fractional.T, strict=True)]
    structure = np.stack([(row * charges * phases[1]) @ phases[2].T for row in phases[0]])
    factor = COULOMB_K_ANGSTROM * 4.0 * math.pi / abs(float(np.linalg.det(cell)))
    amplitude = np.where(inside, factor * np.exp(-k2 / (4.0 * alpha**2)) / np.maximum(k2, 1e-12), 0.0) * structure
    amplitude[1:] *= 2.0
    used = inside & (charges.any())
    extents = np.where(used, np.abs(index[..., 2]), -1).max(axis=-1)
    return np.stack([amplitude.real, amplitude.imag], axis=-1), extents.astype(np.int64)


@kernel
def _fourier_potential(waves, extents, fa, fb, fc):
    """Re Σ waves·exp(2πi(h·fa + k·fb + l·fc)) by Horner's rule in l: no scratch, and the chains run side by side."""
    ar, ai = math.cos(2.0 * math.pi * fa), math.sin(2.0 * math.pi * fa)
    br, bi = math.cos(2.0 * math.pi * fb), math.sin(2.0 * math.pi * fb)
    cr, ci = math.cos(2.0 * math.pi * fc), math.sin(2.0 * math.pi * fc)
    middle_k, middle_l = waves.shape[1] // 2, waves.shape[2] // 2
    start_r, start_i = 1.0, 0.0                       # exp(−2πi·K//2·fb)
    for _ in range(middle_k):
        start_r, start_i = start_r * br + start_i * bi, start_i * br - start_r * bi
    total = 0.0
    hr, hi = 1.0, 0.0                                 # exp(2πi·h·fa)
    for h in range(waves.shape[0]):
        kr, ki = hr * start_r - hi * start_i, hr * start_i + hi * start_r
        for k in range(waves.shape[1]):
            n = extents[h, k]
            if n >= 0:
                # Σ over +l and, by the conjugate phase, over −l, in one pass from the outermost inwards
                pr = pi = mr = mi = 0.0
                for step in range(n):
                    up, down = middle_l + n - step, middle_l - n + step
                    pr, pi = (waves[h, k, up, 0] + pr) * cr - (waves[h, k, up, 1] + pi) * ci, (
                        (waves[h, k, up, 0] + pr) * ci + (waves[h, k, up, 1] + pi) * cr)
                    mr, mi = (waves[h, k, down, 0] + mr) * cr + (waves[h, k, down, 1] + mi) * ci, (
                        (waves[h, k, down, 1] + mi) * cr - (waves[h, k, down, 0] + mr) * ci)
                total += kr * (pr + mr + waves[h, k, middle_l, 0]) - ki * (pi + mi + waves[h, k, middle_l, 1])
            kr, ki = kr * br - ki * bi, kr * bi + ki * br
        hr, hi = hr * ar - hi * ai, hr * ai + hi * ar
    return total


@kernel
def direct_energy(atoms, first, count, sites, m):
    """(Lennard-Jones, Coulomb) energy in K of ``count`` sites of ``sites[m]`` (S, 3) Å with every atom in reach."""
    lj = coulomb = 0.0
    cell, inverse, images, pairs = atoms.cell, atoms.inverse, atoms.images, atoms.pairs
    for site in range(count):
        x, y, z = sites[m, site, 0], sites[m, site, 1], sites[m, site, 2]
        fa = x * inverse[0, 0] + y * inverse[1, 0] + z * inverse[2, 0]
        fb = x * inverse[0, 1] + y * inverse[1, 1] + z * inverse[2, 1]
        fc = x * inverse[0, 2] + y * inverse[1, 2] + z * inverse[2, 2]
        fa, fb, fc = fa - math.floor(fa), fb - math.floor(fb), fc - math.floor(fc)
        x = fa * cell[0, 0] + fb * cell[1, 0] + fc * cell[2, 0]
        y = fa * cell[0, 1] + fb * cell[1, 1] + fc * cell[2, 1]
        z = fa * cell[0, 2] + fb * cell[1, 2] + fc * cell[2, 2]
        voxel = 0
        for axis, f in ((0, fa), (1, fb), (2, fc)):
            n = atoms.divisions[axis]
            voxel = voxel * n + min(int(f * n), n - 1)
        q = atoms.site_charges[first + site]
        potential = 0.0
        for place in range(atoms.starts[voxel], atoms.starts[voxel + 1]):
            atom = atoms.members[place]
            dx, dy, dz = x - images[atom, 0], y - images[atom, 1], z - images[atom, 2]
            s = dx * dx + dy * dy + dz * dz
            if s < pairs.cutoff2:
                lj += pair_energy(pairs.coefficients, pairs.shift, first + site, atoms.kinds[atom], max(s, 1e-4))
                if q != 0.0:
                    potential += images[atom, 3] * screened_coulomb(atoms.table, atoms.alpha, s)
        if q != 0.0:
            coulomb += q * (potential + _fourier_potential(atoms.waves, atoms.extents, fa, fb, fc))
    return lj, coulomb
