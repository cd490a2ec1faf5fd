"""Grids of the rigid host: Lennard-Jones energy of guest sites, and the electrostatic potential.

Nodes hold plain values; :mod:`zifsim.gcmc.spline` makes them a smooth function. The cell is filled block by block:
the atoms near a block are gathered once, then each of its nodes sums over them, all guest sites in one pass.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from zifsim.gcmc.ewald import alpha_for
from zifsim.gcmc.jit import kernel
from zifsim.gcmc.potential import PairTable
from zifsim.memory import reserve
from zifsim.model.neighbours import periodic_images
from zifsim.units import COULOMB_K_ANGSTROM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CORE2 = 0.8**2            # Å²: closer to a nucleus than 0.8 Å, where no guest comes, energies level off smoothly
POTENTIAL_ALPHA = 1.2     # 1/Å: the Fourier part is exact on the grid, so the real-space part can be short (3.4 Å)
POTENTIAL_TOLERANCE = 1e-8
BYTES_PER_NODE = 64       # while a grid is made: a potential in double precision, its Fourier transform, the splines
BLOCK = 6                 # grid nodes per edge of a block that shares one list of neighbours
TILE = 5                  # blocks along two edges of a tile, whose neighbours are found first
MESH_ORDER = 12           # of the B-splines that spread charges over nodes: waves are good to POTENTIAL_TOLERANCE


def divisions_for(cell: FloatArray, spacing_angstrom: float) -> tuple[int, int, int]:
    """Grid nodes along each lattice vector so that none is spaced wider than asked.

    Raises
    ------
    InputError: a grid that memory does not hold.
    """
    wanted = np.ceil(np.linalg.norm(cell, axis=1) / spacing_angstrom - 1e-9)
    reserve(BYTES_PER_NODE * float(np.prod(wanted)),
            f"A grid of {' × '.join(f'{x:.4g}' for x in wanted)} nodes, {spacing_angstrom:g} Å apart",
            "check the cell's lengths, or take a wider spacing")
    n = wanted.astype(int)
    return int(n[0]), int(n[1]), int(n[2])


@kernel
def _select(images, centre, reach2, chosen):
    """List in ``chosen`` the images within √reach2 of ``centre``, in their order; returns how many."""
    n = 0
    for m in range(images.shape[0]):
        x, y, z = images[m, 0] - centre[0], images[m, 1] - centre[1], images[m, 2] - centre[2]
        if x * x + y * y + z * z < reach2:
            chosen[n] = m
            n += 1
    return n


@kernel
def _gather(images, charges, groups, chosen, n_chosen, centre, reach2, near, counts):
    """Copy those of the first ``n_chosen`` images of ``chosen`` that lie within √reach2 of ``centre`` to ``near``
    (groups, 4, M): x, y, z, charge; ``counts`` (groups,).

    Contiguous coordinates, one group after the other, are what makes the sums over them run in vector registers.
    """
    counts[:] = 0
    for c in range(n_chosen):
        m = chosen[c]
        x, y, z = images[m, 0] - centre[0], images[m, 1] - centre[1], images[m, 2] - centre[2]
        if x * x + y * y + z * z < reach2:
            g = groups[m]
            n = counts[g]
            near[g, 0, n], near[g, 1, n], near[g, 2, n], near[g, 3, n] = (
                images[m, 0], images[m, 1], images[m, 2], charges[m])
            counts[g] = n + 1


@kernel
def _soft(s):
    """s = r² kept away from zero: unchanged from ``CORE2`` on, 0.3·``CORE2`` at the nucleus, three times smooth."""
    t = 1.0 - s / CORE2
    t = t if t > 0.0 else 0.0
    return s + 0.3 * CORE2 * t * t * t * t


@kernel
def _lj_block(near, counts, origin, steps, coefficients, shift, cutoff2, sums, out):
    """Lennard-Jones energies (S, I, J, K), K, on the nodes of one block; ``sums`` (groups, 5) is scratch.

    Σ r⁻ⁿ over the atoms of a kind serve every guest site.
    """
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            for k in range(out.shape[3]):
                x = origin[0] + i * steps[0, 0] + j * steps[1, 0] + k * steps[2, 0]
                y = origin[1] + i * steps[0, 1] + j * steps[1, 1] + k * steps[2, 1]
                z = origin[2] + i * steps[0, 2] + j * steps[1, 2] + k * steps[2, 2]
                for g in range(near.shape[0]):
                    n3 = n4 = n6 = n7 = inside = 0.0
                    for a in range(counts[g]):
                        dx, dy, dz = near[g, 0, a] - x, near[g, 1, a] - y, near[g, 2, a] - z
                        s = dx * dx + dy * dy + dz * dz
                        seen = 1.0 if s < cutoff2 else 0.0
                        inverse = seen / _soft(s)
                        cube = inverse * inverse * inverse
                        n3 += cube
                        n4 += cube * inverse
                        n6 += cube * cube
                        n7 += cube * cube * inverse
                        inside += seen
                    sums[g, 0], sums[g, 1], sums[g, 2], sums[g, 3], sums[g, 4] = n3, n4, n6, n7, inside
                for site in range(out.shape[0]):
                    out[site, i, j, k] = _combine(coefficients, shift, site, sums)


@kernel
def _combine(coefficients, shift, site, sums):
    """Energy of one site from the power sums of each kind of atom."""
    total = 0.0
    for g in range(sums.shape[0]):
        total += (coefficients[site, g, 0] * sums[g, 0] + coefficients[site, g, 1] * sums[g, 1]
                  + coefficients[site, g, 2] * sums[g, 2] + coefficients[site, g, 3] * sums[g, 3]
                  - shift[site, g] * sums[g, 4])
    return total


@kernel
def _screened_block(near, counts, origin, steps, alpha, cutoff2, out):
    """Σ q erfc(αr)/r, e/Å, on the nodes (1, I, J, K) of one block."""
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            for k in range(out.shape[3]):
                x = origin[0] + i * steps[0, 0] + j * steps[1, 0] + k * steps[2, 0]
                y = origin[1] + i * steps[0, 1] + j * steps[1, 1] + k * steps[2, 1]
                z = origin[2] + i * steps[0, 2] + j * steps[1, 2] + k * steps[2, 2]
                total = 0.0
                for a in range(counts[0]):
                    dx, dy, dz = near[0, 0, a] - x, near[0, 1, a] - y, near[0, 2, a] - z
                    s = dx * dx + dy * dy + dz * dz
                    if s < cutoff2:
                        r = math.sqrt(_soft(s))
                        total += near[0, 3, a] * math.erfc(alpha * r) / r
                out[0, i, j, k] = total


def _in_blocks(evaluate: Callable[..., None], out: FloatArray, cell: FloatArray, positions: FloatArray,
               charges: FloatArray, groups: IntArray, n_groups: int, reach: float, threads: int) -> None:
    """Fill ``out`` (F, nx, ny, nz): ``evaluate(near, counts, origin, steps, block of out)`` for every block.

    ``near`` and ``counts`` (:func:`_gather`) hold all images within ``reach`` Å of every node of the block. Atoms come
    as ``positions`` (N, 3) Å, ``charges`` (N,) e and ``groups`` (N,); ``threads`` work on slabs of blocks.
    """
    shape = np.array(out.shape[1:])
    steps = cell / shape[:, None]
    images, owners = periodic_images(positions, cell, reach)
    image_charges, image_groups = charges[owners], groups[owners]
    reserve(32.0 * n_groups * len(images) * threads, f"The atoms within {reach:.4g} Å of a grid's nodes on {threads} "
            "threads", "take fewer threads or a shorter cut-off")

    def reach_of(i: int, j: int, k: int) -> tuple[FloatArray, float]:
        """Centre of a piece of so many nodes from its first one, and the square of what is in reach of any of them."""
        edges = np.array([i - 1, j - 1, k - 1])
        corners = np.array(list(itertools.product((-0.5, 0.5), repeat=3))) * edges @ steps
        return 0.5 * edges @ steps, float((reach + np.linalg.norm(corners, axis=1).max()) ** 2)

    to_centre, block_reach2 = reach_of(BLOCK, BLOCK, BLOCK)
    tile = BLOCK * TILE
    to_tile, tile_reach2 = reach_of(BLOCK, tile, tile)

    def fill_slab(i: int) -> None:
        chosen = np.empty(len(images), dtype=np.int64)
        near, counts = np.empty((n_groups, 4, len(images))), np.empty(n_groups, dtype=np.int64)
        for first_j, first_k in itertools.product(range(0, shape[1], tile), range(0, shape[2], tile)):
            n_chosen = _select(images, np.array([i, first_j, first_k]) @ steps + to_tile, tile_reach2, chosen)
            for j, k in itertools.product(range(first_j, min(first_j + tile, shape[1]), BLOCK),
                                          range(first_k, min(first_k + tile, shape[2]), BLOCK)):
                origin = np.array([i, j, k]) @ steps
                _gather(images, image_charges, image_groups, chosen, n_chosen, origin + to_centre, block_reach2, near,
                        counts)
                evaluate(near, counts, origin, steps, out[:, i:i + BLOCK, j:j + BLOCK, k:k + BLOCK])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill_slab, range(0, shape[0], BLOCK)))


def lj_energies(positions: FloatArray, kinds: IntArray, cell: FloatArray, pairs: PairTable, sites: Sequence[int],
                divisions: tuple[int, int, int], threads: int = 1) -> FloatArray:
    """(S, nx, ny, nz) Lennard-Jones energy of guest sites, K: the rows ``sites`` (S,) of ``pairs``.

    ``positions`` (N, 3) Å and ``kinds`` (N,) columns of ``pairs``.
    """
    out = np.empty((len(sites), *divisions))
    if not sites:
        return out
    n_kinds = pairs.shift.shape[1]
    coefficients, shift = pairs.coefficients[list(sites)], pairs.shift[list(sites)]

    def evaluate(near: FloatArray, counts: IntArray, origin: FloatArray, steps: FloatArray, block: FloatArray) -> None:
        _lj_block(near, counts, origin, steps, coefficients, shift, pairs.cutoff2, np.empty((n_kinds, 5)), block)

    _in_blocks(evaluate, out, cell, positions, np.zeros(len(positions)), kinds, n_kinds, math.sqrt(pairs.cutoff2),
               threads)
    return out


def potential(positions: FloatArray, charges: FloatArray, cell: FloatArray, divisions: tuple[int, int, int],
              threads: int = 1) -> FloatArray:
    """(nx, ny, nz) electrostatic potential of the periodic host on the nodes, K/e (tin-foil Ewald)."""
    # The grid must resolve the Fourier part: a coarse one gets a softer split.
    k_cutoff = math.pi * float(((np.array(divisions) - 1) / np.linalg.norm(cell, axis=1)).min())
    alpha = min(POTENTIAL_ALPHA, k_cutoff / (2.0 * math.sqrt(-math.log(POTENTIAL_TOLERANCE))))
    cutoff = alpha_for(1.0, POTENTIAL_TOLERANCE) / alpha
    out = np.empty((1, *divisions))

    def evaluate(near: FloatArray, counts: IntArray, origin: FloatArray, steps: FloatArray, block: FloatArray) -> None:
        _screened_block(near, counts, origin, steps, alpha, cutoff**2, block)

    _in_blocks(evaluate, out, cell, positions, charges, np.zeros(len(positions), dtype=np.int64), 1, cutoff, threads)
    total: FloatArray = out[0]
    total += _fourier_potential(positions, charges, cell, divisions, alpha, threads)
    total *= COULOMB_K_ANGSTROM
    return total


@kernel
def _wave_sums(charges, x, y, z, real, imaginary):
    """Add Σ q·x·y·z over the atoms to (K, L) sums: phases x (N,), y (N, K), z (N, 2, L) real and imaginary parts."""
    for atom in range(x.shape[0]):
        for k in range(y.shape[1]):
            flat = charges[atom] * x[atom] * y[atom, k]
            for m in range(z.shape[2]):
                real[k, m] += flat.real * z[atom, 0, m] - flat.imag * z[atom, 1, m]
                imaginary[k, m] += flat.real * z[atom, 1, m] + flat.imag * z[atom, 0, m]


def structure_factors(positions: FloatArray, charges: FloatArray, cell: FloatArray, axes: Sequence[IntArray],
                      threads: int = 1) -> NDArray[np.complex128]:
    """Σ q exp(−ik·r) of atoms (N, 3) Å for all wave vectors of indices ``axes``: (H, K, L)."""
    fractional = positions @ np.linalg.inv(cell)
    x, y, z = (np.exp(-2j * np.pi * np.outer(f, n)) for f, n in zip(fractional.T, axes, strict=True))
    z_parts = np.ascontiguousarray(np.stack([z.real, z.imag], axis=1))
    shape = (len(axes[0]), len(axes[1]), len(axes[2]))
    real, imaginary = np.zeros(shape), np.zeros(shape)
    columns = np.ascontiguousarray(x.T)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda h: _wave_sums(charges, columns[h], y, z_parts, real[h], imaginary[h]), range(shape[0])))
    return real + 1j * imaginary


@kernel
def _spread(fractional, charges, mesh, weights):
    """Add charges (N,) e at fractional coordinates (N, 3) to the nodes ``mesh`` (nx, ny, nz), each spread by a B-spline
    of order :data:`MESH_ORDER` along each axis; ``weights`` (3, MESH_ORDER) is scratch.

    The spline of a coordinate u begins at node ⌊u⌋ and ends at ⌊u⌋ − MESH_ORDER + 1 (Essmann et al. 1995,
    doi:10.1063/1.470117).
    """
    for atom in range(charges.shape[0]):
        for axis in range(3):
            u = fractional[atom, axis] * mesh.shape[axis]
            t = u - math.floor(u)
            weights[axis, 0] = 1.0
            for order in range(2, MESH_ORDER + 1):
                weights[axis, order - 1] = (1.0 - t) * weights[axis, order - 2] / (order - 1)
                for n in range(order - 2, 0, -1):
                    weights[axis, n] = ((t + n) * weights[axis, n]
                                        + (order - t - n) * weights[axis, n - 1]) / (order - 1)
                weights[axis, 0] = t * weights[axis, 0] / (order - 1)
        i0 = math.floor(fractional[atom, 0] * mesh.shape[0])
        j0 = math.floor(fractional[atom, 1] * mesh.shape[1])
        k0 = math.floor(fractional[atom, 2] * mesh.shape[2])
        for p in range(MESH_ORDER):
            i = (i0 - p) % mesh.shape[0]
            for q in range(MESH_ORDER):
                j = (j0 - q) % mesh.shape[1]
                w = charges[atom] * weights[0, p] * weights[1, q]
                for r in range(MESH_ORDER):
                    mesh[i, j, (k0 - r) % mesh.shape[2]] += w * weights[2, r]


def _spread_waves(index: IntArray, n: int) -> NDArray[np.complex128]:
    """What the waves (H,) of ``index`` on ``n`` nodes are to be multiplied by where charges were spread over them."""
    knots = np.arange(1, MESH_ORDER)
    values = BSpline.basis_element(np.arange(MESH_ORDER + 1), extrapolate=False)(knots)
    angles = -2j * np.pi * index / n
    factors: NDArray[np.complex128] = np.exp((MESH_ORDER - 1) * angles) / (
        np.exp(np.multiply.outer(angles, knots - 1)) @ values)
    return factors


def _fourier_potential(positions: FloatArray, charges: FloatArray, cell: FloatArray,
                       divisions: tuple[int, int, int], alpha: float, threads: int) -> FloatArray:
    """The Gaussian-smeared part, e/Å: charges spread over the nodes, by FFT to waves, screened, and back."""
    k_cutoff = 2.0 * alpha * math.sqrt(-math.log(POTENTIAL_TOLERANCE))
    most = np.floor(k_cutoff * np.linalg.norm(cell, axis=1) / (2.0 * math.pi)).astype(int)
    mesh = np.zeros(divisions)
    fractional = positions @ np.linalg.inv(cell)
    _spread(fractional - np.floor(fractional), charges, mesh, np.empty((3, MESH_ORDER)))
    spectrum = scipy.fft.rfftn(mesh, workers=threads, overwrite_x=True)
    del mesh
    axes = [(np.arange(n) + (n // 2)) % n - n // 2 for n in divisions[:2]] + [np.arange(divisions[2] // 2 + 1)]
    factors = [np.where(np.abs(axis) <= m, _spread_waves(axis, n), 0.0)
               for axis, m, n in zip(axes, most, divisions, strict=True)]
    reciprocal = 2.0 * math.pi * np.linalg.inv(cell).T
    k, m = (axis.astype(float) for axis in np.ix_(axes[1], axes[2]))
    for plane, h, factor in zip(spectrum, axes[0], factors[0], strict=True):
        k2 = sum((h * reciprocal[0, x] + k * reciprocal[1, x] + m * reciprocal[2, x]) ** 2 for x in range(3))
        k2[0, 0] = math.inf if h == 0 else k2[0, 0]
        plane *= factor * factors[1][:, None] * factors[2] * np.exp(-k2 / (4.0 * alpha**2)) / k2
    volume = abs(float(np.linalg.det(cell)))
    values: FloatArray = scipy.fft.irfftn(spectrum, s=divisions, workers=threads, overwrite_x=True)
    values *= 4.0 * math.pi * math.prod(divisions) / volume
    return values
