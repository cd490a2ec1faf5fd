"""Energy grids of the rigid host: Lennard-Jones per guest site, and one electrostatic potential.

Each node holds the value and the seven mixed first derivatives along the cell axes (f, ∂a, ∂b, ∂ab, ∂c, ∂ac, ∂bc,
∂abc, per grid step), all analytic, so that tricubic Hermite interpolation needs no finite difference (Lekien & Marsden
2005, doi:10.1002/nme.1296). Lennard-Jones is stored as ln(1 + (U − floor)/scale): the repulsive wall becomes gentle
and the wells keep their digits. Nodes inside an atom's core are marked blocked.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import InputError
from zifsim.gcmc.ewald import alpha_for
from zifsim.gcmc.jit import kernel
from zifsim.gcmc.potential import PairTable
from zifsim.units import COULOMB_K_ANGSTROM

FloatArray = NDArray[np.float64]
BLOCKED = 1e30            # node value inside an atom's core
CORE_FRACTION = 0.6       # of σ: closer than this to an atom is core (u > 1800 ε)
POTENTIAL_ALPHA = 0.7     # 1/Å: the Fourier part is exact on the grid, so the real-space part can be short (5.8 Å)
POTENTIAL_TOLERANCE = 1e-8
POTENTIAL_CORE2 = 1.0     # Å²: no guest charge comes closer than 1 Å to a nucleus; flat inside
BLOCK = 6                 # grid nodes per edge of a block that shares one neighbour list


def divisions_for(cell: FloatArray, spacing_angstrom: float) -> tuple[int, int, int]:
    """Grid nodes along each lattice vector so that none is spaced wider than asked."""
    n = np.ceil(np.linalg.norm(cell, axis=1) / spacing_angstrom - 1e-9).astype(int)
    return int(n[0]), int(n[1]), int(n[2])


def periodic_images(positions: FloatArray, cell: FloatArray, reach: float) -> tuple[FloatArray, NDArray[np.int64]]:
    """All images of atoms (N, 3) within ``reach`` Å of the home cell: (M, 3) positions and (M,) atom indices."""
    inverse = np.linalg.inv(cell)
    fractional = positions @ inverse
    home = fractional - np.floor(fractional)
    margin = reach * np.linalg.norm(inverse, axis=0)
    counts = np.ceil(margin).astype(int)
    images, owners = [], []
    for shift in itertools.product(*(range(-c, c + 1) for c in counts)):
        moved = home + np.array(shift)
        near = np.all((moved > -margin) & (moved < 1.0 + margin), axis=1)
        images.append(moved[near] @ cell)
        owners.append(np.nonzero(near)[0])
    return np.ascontiguousarray(np.concatenate(images)), np.concatenate(owners).astype(np.int64)


@kernel
def _add_radial(node, d, steps, metric, u, u1, u2, u3):
    """Add a radial function's value and mixed derivatives; u1..u3 are derivatives in s = r², d = r − r_atom."""
    a = d[0] * steps[0, 0] + d[1] * steps[0, 1] + d[2] * steps[0, 2]
    b = d[0] * steps[1, 0] + d[1] * steps[1, 1] + d[2] * steps[1, 2]
    c = d[0] * steps[2, 0] + d[1] * steps[2, 1] + d[2] * steps[2, 2]
    node[0] += u
    node[1] += 2.0 * a * u1
    node[2] += 2.0 * b * u1
    node[3] += 4.0 * a * b * u2 + 2.0 * metric[0, 1] * u1
    node[4] += 2.0 * c * u1
    node[5] += 4.0 * a * c * u2 + 2.0 * metric[0, 2] * u1
    node[6] += 4.0 * b * c * u2 + 2.0 * metric[1, 2] * u1
    node[7] += 8.0 * a * b * c * u3 + 4.0 * (a * metric[1, 2] + b * metric[0, 2] + c * metric[0, 1]) * u2


@kernel
def _gather(images, centre, reach2, chosen):
    """Indices of the images within √reach2 of a block's centre; returns how many."""
    count = 0
    for m in range(images.shape[0]):
        x, y, z = images[m, 0] - centre[0], images[m, 1] - centre[1], images[m, 2] - centre[2]
        if x * x + y * y + z * z < reach2:
            chosen[count] = m
            count += 1
    return count


@kernel
def _fill_lj(first, last, steps, metric, images, kinds, coefficients, shift, core2, cutoff2, chosen, vectors, out):
    """Lennard-Jones of one guest site on the grid planes first ≤ i < last; ``out`` (nx, ny, nz, 8), K.

    ``chosen`` (M,) and ``vectors`` (3, 3) are scratch.
    """
    centre, point, d = vectors[0], vectors[1], vectors[2]
    nx, ny, nz = out.shape[0], out.shape[1], out.shape[2]
    half_diagonal = 0.5 * BLOCK * (
        math.sqrt(metric[0, 0]) + math.sqrt(metric[1, 1]) + math.sqrt(metric[2, 2]))
    reach2 = (math.sqrt(cutoff2) + half_diagonal) ** 2
    for i0 in range(first, last, BLOCK):
        for j0 in range(0, ny, BLOCK):
            for k0 in range(0, nz, BLOCK):
                for x in range(3):
                    centre[x] = ((i0 + 0.5 * BLOCK) * steps[0, x] + (j0 + 0.5 * BLOCK) * steps[1, x]
                                 + (k0 + 0.5 * BLOCK) * steps[2, x])
                count = _gather(images, centre, reach2, chosen)
                for i in range(i0, min(i0 + BLOCK, last)):
                    for j in range(j0, min(j0 + BLOCK, ny)):
                        for k in range(k0, min(k0 + BLOCK, nz)):
                            for x in range(3):
                                point[x] = i * steps[0, x] + j * steps[1, x] + k * steps[2, x]
                            _lj_node(out[i, j, k], point, d, steps, metric, images, kinds, chosen, count,
                                     coefficients, shift, core2, cutoff2)
    return nx


@kernel
def _lj_node(node, point, d, steps, metric, images, kinds, chosen, count, coefficients, shift, core2, cutoff2):
    for c in range(count):
        m = chosen[c]
        x, y, z = point[0] - images[m, 0], point[1] - images[m, 1], point[2] - images[m, 2]
        if x * x + y * y + z * z < core2[kinds[m]]:
            node[0] = BLOCKED
            return
    for c in range(count):
        m = chosen[c]
        d[0], d[1], d[2] = point[0] - images[m, 0], point[1] - images[m, 1], point[2] - images[m, 2]
        s = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
        kind = kinds[m]
        if s < cutoff2 and coefficients[kind, 2] != 0.0:   # an atom of ε = 0 has no core, and may lie on a node
            inverse = 1.0 / s
            inverse3 = inverse * inverse * inverse
            p3 = coefficients[kind, 0] * inverse3
            p4 = coefficients[kind, 1] * inverse3 * inverse
            p6 = coefficients[kind, 2] * inverse3 * inverse3
            p7 = coefficients[kind, 3] * inverse3 * inverse3 * inverse
            u = p3 + p4 + p6 + p7 - shift[kind]
            u1 = -(3.0 * p3 + 4.0 * p4 + 6.0 * p6 + 7.0 * p7) * inverse
            u2 = (12.0 * p3 + 20.0 * p4 + 42.0 * p6 + 56.0 * p7) * inverse * inverse
            u3 = -(60.0 * p3 + 120.0 * p4 + 336.0 * p6 + 504.0 * p7) * inverse3
            _add_radial(node, d, steps, metric, u, u1, u2, u3)


@kernel
def _fill_screened(first, last, steps, metric, images, charges, alpha, cutoff2, chosen, vectors, out):
    """Real-space part Σ q erfc(αr)/r of the potential on the planes first ≤ i < last, in e/Å (see above)."""
    centre, d = vectors[0], vectors[1]
    ny, nz = out.shape[1], out.shape[2]
    half_diagonal = 0.5 * BLOCK * (
        math.sqrt(metric[0, 0]) + math.sqrt(metric[1, 1]) + math.sqrt(metric[2, 2]))
    reach2 = (math.sqrt(cutoff2) + half_diagonal) ** 2
    gauss = 2.0 * alpha * alpha
    root_pi = math.sqrt(math.pi)
    for i0 in range(first, last, BLOCK):
        for j0 in range(0, ny, BLOCK):
            for k0 in range(0, nz, BLOCK):
                for x in range(3):
                    centre[x] = ((i0 + 0.5 * BLOCK) * steps[0, x] + (j0 + 0.5 * BLOCK) * steps[1, x]
                                 + (k0 + 0.5 * BLOCK) * steps[2, x])
                count = _gather(images, centre, reach2, chosen)
                for i in range(i0, min(i0 + BLOCK, last)):
                    for j in range(j0, min(j0 + BLOCK, ny)):
                        for k in range(k0, min(k0 + BLOCK, nz)):
                            for c in range(count):
                                m = chosen[c]
                                for x in range(3):
                                    d[x] = (i * steps[0, x] + j * steps[1, x] + k * steps[2, x]
                                            - images[m, x])
                                s = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
                                if s >= cutoff2:
                                    continue
                                s = max(s, POTENTIAL_CORE2)
                                r = math.sqrt(s)
                                # B_n recursion of Smith: dB_n/ds = −B_{n+1}/2
                                tail = math.exp(-alpha * alpha * s) / (alpha * root_pi)
                                b0 = math.erfc(alpha * r) / r
                                b1 = (b0 + gauss * tail) / s
                                b2 = (3.0 * b1 + gauss * gauss * tail) / s
                                b3 = (5.0 * b2 + gauss * gauss * gauss * tail) / s
                                q = charges[m]
                                _add_radial(out[i, j, k], d, steps, metric,
                                            q * b0, -0.5 * q * b1, 0.25 * q * b2, -0.125 * q * b3)


def _in_slabs(fill: Callable[..., Any], out: FloatArray, n_images: int, threads: int, *arguments: Any) -> None:
    """Run ``fill(first, last, *arguments, scratch…, out)`` over slabs of grid planes in ``threads`` threads."""
    planes = out.shape[0]
    with ThreadPoolExecutor(threads) as pool:
        jobs = [pool.submit(fill, i, min(i + BLOCK, planes), *arguments, np.empty(n_images, dtype=np.int64),
                            np.empty((3, 3)), out) for i in range(0, planes, BLOCK)]
        for job in jobs:
            job.result()


def lj_grid(positions: FloatArray, kinds: NDArray[np.int64], cell: FloatArray, pairs: PairTable, site: int,
            divisions: tuple[int, int, int], threads: int = 1) -> FloatArray:
    """(nx, ny, nz, 8) Lennard-Jones energy and derivatives of guest site ``site`` (row of ``pairs``), K.

    ``positions`` (N, 3) Å and ``kinds`` (N,) columns of ``pairs``; core nodes hold :data:`BLOCKED`.
    """
    steps = cell / np.array(divisions)[:, None]
    images, owners = periodic_images(positions, cell, math.sqrt(pairs.cutoff2))
    coefficients = np.ascontiguousarray(pairs.coefficients[site])
    # σ⁶ = −c6/c3 for the classical part
    with np.errstate(divide="ignore", invalid="ignore"):
        sigma6 = np.where(coefficients[:, 0] != 0.0, -coefficients[:, 2] / coefficients[:, 0], 0.0)
    core2 = CORE_FRACTION**2 * np.cbrt(sigma6)
    out = np.zeros((*divisions, 8))
    _in_slabs(_fill_lj, out, len(images), threads, steps, steps @ steps.T, images, kinds[owners],
              coefficients, np.ascontiguousarray(pairs.shift[site]), core2, pairs.cutoff2)
    return out


def potential_grid(positions: FloatArray, charges: FloatArray, cell: FloatArray,
                   divisions: tuple[int, int, int], threads: int = 1) -> FloatArray:
    """(nx, ny, nz, 8) electrostatic potential of the periodic host and its derivatives, K/e (tin-foil Ewald)."""
    alpha = POTENTIAL_ALPHA
    cutoff = alpha_for(1.0, POTENTIAL_TOLERANCE) / alpha
    steps = cell / np.array(divisions)[:, None]
    images, owners = periodic_images(positions, cell, cutoff)
    out = np.zeros((*divisions, 8))
    _in_slabs(_fill_screened, out, len(images), threads, steps, steps @ steps.T, images,
              np.ascontiguousarray(charges[owners]), alpha, cutoff**2)
    out += _fourier_potential(positions, charges, cell, divisions, alpha)
    out *= COULOMB_K_ANGSTROM
    return out


def _fourier_potential(positions: FloatArray, charges: FloatArray, cell: FloatArray,
                       divisions: tuple[int, int, int], alpha: float) -> FloatArray:
    """The Gaussian-smeared part: its few wave vectors put on the grid by inverse FFT, derivatives exact, e/Å."""
    k_cutoff = 2.0 * alpha * math.sqrt(-math.log(POTENTIAL_TOLERANCE))
    reach = np.floor(k_cutoff * np.linalg.norm(cell, axis=1) / (2.0 * math.pi)).astype(int)
    if np.any(2 * reach + 1 > np.array(divisions)):
        widest = math.pi / k_cutoff
        raise InputError(f"A host grid of {divisions[0]}×{divisions[1]}×{divisions[2]} nodes is too coarse for the "
                         f"electrostatic potential; set grid_spacing_angstrom to {widest:.2f} or less.")
    axes = [np.arange(-n, n + 1) for n in reach]
    index = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    wave = index @ (2.0 * math.pi * np.linalg.inv(cell).T)
    k2 = (wave**2).sum(axis=1)
    inside = (k2 > 0) & (k2 <= k_cutoff**2)
    index, k2 = index[inside], k2[inside]
    fractional = positions @ np.linalg.inv(cell)
    structure = np.concatenate([np.exp(-2j * np.pi * (part @ fractional.T)) @ charges
                                for part in np.array_split(index, max(1, len(index) // 4096))])
    volume = abs(float(np.linalg.det(cell)))
    amplitude = 4.0 * math.pi / volume * np.exp(-k2 / (4.0 * alpha**2)) / k2 * structure
    per_step = 2j * np.pi * index / np.array(divisions)
    place = tuple((index % np.array(divisions)).T)
    result = np.empty((*divisions, 8))
    for order, axes_of in enumerate(((), (0,), (1,), (0, 1), (2,), (0, 2), (1, 2), (0, 1, 2))):
        spectrum = np.zeros(divisions, dtype=complex)
        spectrum[place] = amplitude * np.prod(per_step[:, list(axes_of)], axis=1)
        result[..., order] = np.fft.ifftn(spectrum).real * spectrum.size
    return result


def compress(energies: FloatArray) -> tuple[NDArray[np.float32], float, float]:
    """Lennard-Jones nodes (nx, ny, nz, 8) K -> (float32 nodes of ln(1 + (U − floor)/scale), floor, scale)."""
    u = energies
    blocked = u[..., 0] >= BLOCKED
    open_values = u[..., 0][~blocked]
    lowest = float(open_values.min()) if open_values.size else 0.0
    floor, scale = lowest - 0.2 * abs(lowest) - 100.0, max(500.0, -lowest)   # below the lowest, whatever its sign
    v = 1.0 + (u[..., 0] - floor) / scale
    p = 1.0 / (scale * v)
    g = np.empty_like(u)
    g[..., 0] = np.log(v)
    for i in (1, 2, 4):
        g[..., i] = p * u[..., i]
    for i, j in ((1, 2), (1, 4), (2, 4)):
        g[..., i + j] = p * u[..., i + j] - p**2 * u[..., i] * u[..., j]
    g[..., 7] = (p * u[..., 7] - p**2 * (u[..., 1] * u[..., 6] + u[..., 2] * u[..., 5] + u[..., 4] * u[..., 3])
                 + 2.0 * p**3 * u[..., 1] * u[..., 2] * u[..., 4])
    g[blocked] = 0.0
    g[blocked, 0] = BLOCKED
    return g.astype(np.float32), floor, scale


def wrapped(nodes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Nodes with the first plane of each axis repeated at its end, so that interpolation needs no modulo."""
    return np.ascontiguousarray(np.pad(nodes, ((0, 1), (0, 1), (0, 1), (0, 0)), mode="wrap"))


@kernel
def interpolate(nodes, grid, fa, fb, fc):
    """Tricubic Hermite value of ``nodes[grid]`` at fractional coordinates in [0, 1).

    ``nodes`` (G, nx+1, ny+1, nz+1, 8); :data:`BLOCKED` if any corner is core.
    """
    xa, xb, xc = fa * (nodes.shape[1] - 1), fb * (nodes.shape[2] - 1), fc * (nodes.shape[3] - 1)
    i = min(int(xa), nodes.shape[1] - 2)
    j = min(int(xb), nodes.shape[2] - 2)
    k = min(int(xc), nodes.shape[3] - 2)
    t, u, v = xa - i, xb - j, xc - k
    total = 0.0
    for ca in range(2):
        da = t - ca
        wa = (1.0 - abs(da)) ** 2
        va, sa = wa * (1.0 + 2.0 * abs(da)), wa * da
        for cb in range(2):
            db = u - cb
            wb = (1.0 - abs(db)) ** 2
            vb, sb = wb * (1.0 + 2.0 * abs(db)), wb * db
            for cc in range(2):
                x, y, z = i + ca, j + cb, k + cc
                if nodes[grid, x, y, z, 0] >= 1e29:
                    return BLOCKED
                dc = v - cc
                wc = (1.0 - abs(dc)) ** 2
                vc, sc = wc * (1.0 + 2.0 * abs(dc)), wc * dc
                total += (
                    vc * (vb * (va * nodes[grid, x, y, z, 0] + sa * nodes[grid, x, y, z, 1])
                          + sb * (va * nodes[grid, x, y, z, 2] + sa * nodes[grid, x, y, z, 3]))
                    + sc * (vb * (va * nodes[grid, x, y, z, 4] + sa * nodes[grid, x, y, z, 5])
                            + sb * (va * nodes[grid, x, y, z, 6] + sa * nodes[grid, x, y, z, 7])))
    return total


