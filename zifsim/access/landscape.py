"""The free energy of one guest molecule in a rigid framework, on a grid: F(r; T) = −k_BT ln⟨exp(−U/k_BT)⟩.

The average is over orientations about the centre at r. An orientation moves a site by the same vector at every node,
so its energies are the host's spline read with constant weights: short sums along rows, which the compiler vectorises.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zifsim.access.orientations import SAME_ANGSTROM, oriented_bodies
from zifsim.errors import InputError
from zifsim.gcmc.grid import divisions_for
from zifsim.gcmc.host import CORE_K, HostGrid, UnitCell, felt_charges, framework_kinds, host_grid, host_pairs
from zifsim.gcmc.jit import kernel
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.spline import PADDING
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.units import KELVIN_TO_KJ_MOL

FloatArray = NDArray[np.float64]
SingleArray = NDArray[np.float32]
DIRECTIONS = 48         # of a linear molecule: below 30 kJ/mol, F is within 0.2 (N2, O2) to 0.7 (CO2) kJ/mol rms of 400
MOST_NODES = 100_000_000        # some 4 GiB with all that basins need


@dataclass(frozen=True, slots=True, eq=False)
class FreeEnergyGrid:
    """``values`` (nx, ny, nz) kJ/mol, float32, inf inside the atoms; node (i, j, k) lies at the fractional position
    (i/nx, j/ny, k/nz) of ``cell`` (3, 3) Å. Zero is a molecule in vacuum."""

    values: SingleArray
    cell: FloatArray
    temperature_k: float

    @property
    def kt(self) -> float:
        """k_BT, kJ/mol."""
        return self.temperature_k * KELVIN_TO_KJ_MOL

    @property
    def node_volume(self) -> float:
        """Å³."""
        return float(abs(np.linalg.det(self.cell))) / self.values.size

    def mean_weight(self) -> float:
        """⟨exp(−F/k_BT)⟩ over the cell: the Henry coefficient in units of that of an empty box."""
        return float(np.exp(-self.values.astype(np.float64) / self.kt).mean())


def free_energy_grids(framework: Framework, guests: Sequence[tuple[GuestModel, float]],
                      forcefield: AdsorptionForceField, settings: GCMCSettings, *,
                      divisions: tuple[int, int, int] | None = None, refine: int = 1, directions: int = DIRECTIONS,
                      threads: int = 1, keep: bool = True) -> list[FreeEnergyGrid]:
    """Free energies of several (model, temperature in K) in one framework whose charges are assigned.

    ``divisions``: nodes of the host's grid along a, b, c (None: the settings' spacing); ``refine``: that many times as
    many nodes for the free energy, read from the same splines. ``keep``: keep the host's grids in the cache.
    Raises InputError for missing parameters or charges, or a grid that no memory holds.
    """
    divisions = divisions or divisions_for(framework.cell, settings.grid_spacing_angstrom)
    if math.prod(divisions) * refine**3 > MOST_NODES:
        raise InputError(f"{framework.name}: a free-energy grid of {math.prod(divisions) * refine**3:.1e} nodes is too "
                         "large; use a wider spacing or a smaller cell.")
    host = _host(framework, guests, forcefield, settings, divisions, threads, keep)
    ends = np.cumsum([len(model.sites) for model, _ in guests])
    grids = []
    for (model, temperature_k), end in zip(guests, ends, strict=True):
        sites = slice(end - len(model.sites), end)
        values = _average(host, host.site_grid[sites], host.charges[sites], oriented_bodies(model, directions),
                          divisions, refine, temperature_k, threads)
        grids.append(FreeEnergyGrid(values, np.array(framework.cell), temperature_k))
    return grids


def _host(framework: Framework, guests: Sequence[tuple[GuestModel, float]], forcefield: AdsorptionForceField,
          settings: GCMCSettings, divisions: tuple[int, int, int], threads: int, keep: bool) -> HostGrid:
    """Splines of all sites of all guests, each with the Feynman–Hibbs terms of its own temperature."""
    kinds, epsilon, sigma = framework_kinds(framework, forcefield)
    tables = [host_pairs(epsilon, sigma, [model], temperature_k, settings) for model, temperature_k in guests]
    pairs = tables[0]._replace(coefficients=np.concatenate([t.coefficients for t in tables]),
                               shift=np.concatenate([t.shift for t in tables]),
                               tail=np.concatenate([t.tail for t in tables]))
    unit = UnitCell(framework.positions, kinds, felt_charges(framework, [model for model, _ in guests]), framework.cell)
    sites = [site for model, _ in guests for site in model.sites]
    return host_grid(unit, pairs, sites, divisions, True, threads, keep=keep)


def _average(host: HostGrid, site_grid: NDArray[np.int64], charges: FloatArray, bodies: FloatArray,
             divisions: tuple[int, int, int], refine: int, temperature_k: float, threads: int) -> SingleArray:
    """Free energies, kJ/mol, on ``refine`` times the host's nodes, from the offsets (n, S, 3) Å of all orientations."""
    moving = np.abs(bodies).max(axis=(0, 2)) > SAME_ANGSTROM       # sites at the centre are read once
    order = np.argsort(moving, kind="stable")
    n_still = int((~moving).sum()) if moving.any() else 0
    last = host.splines.shape[0] - 1
    # A site without Lennard-Jones reads nothing but the potential, one whose charge is merged nothing but its energy.
    rows, loads = np.where(site_grid >= 0, site_grid, last)[order], np.where(site_grid >= 0, np.inf, charges)[order]
    shifts = bodies[:, order] @ host.inverse * np.array(divisions)          # in nodes
    values = np.empty([n * refine for n in divisions], dtype=np.float32)
    for a, b, c in itertools.product(range(refine), repeat=3):              # the nodes between are shifted nodes
        moved = shifts + np.array([a, b, c]) / refine
        starts = np.floor(moved).astype(np.int64)
        values[a::refine, b::refine, c::refine] = _planes(
            host, rows, loads, starts, _spline_weights(moved - starts), n_still, divisions, temperature_k, threads)
    return values


def _planes(host: HostGrid, rows: NDArray[np.int64], loads: FloatArray, starts: NDArray[np.int64],
            weights: SingleArray, n_still: int, divisions: tuple[int, int, int], temperature_k: float,
            threads: int) -> SingleArray:
    """:func:`_plane` for all planes of the host's nodes, dealt out to threads."""
    values = np.empty(divisions, dtype=np.float32)

    def fill(planes: NDArray[np.int64]) -> None:
        nj, nk = divisions[1:]
        still, energy, total = np.empty((3, nj, nk))
        line, moved = np.empty(nk + PADDING, dtype=np.float32), np.empty(nk, dtype=np.float32)
        for i in planes:
            _plane(host.splines, host.transform, rows, loads, starts, weights, n_still, 1.0 / temperature_k, i, still,
                   energy, total, line, moved, values[i])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, np.array_split(np.arange(divisions[0]), threads)))
    values *= np.float32(KELVIN_TO_KJ_MOL)
    return values


def _spline_weights(t: FloatArray) -> SingleArray:
    """(..., 3, 4) cubic B-spline weights at 0 ≤ t < 1, (..., 3)."""
    u = 1.0 - t
    return np.stack([u**3 / 6.0, 2.0 / 3.0 - t * t * (1.0 - 0.5 * t), 2.0 / 3.0 - u * u * (1.0 - 0.5 * u),
                     t**3 / 6.0], axis=-1).astype(np.float32)


@kernel
def _plane(splines: SingleArray, transform: FloatArray, rows: NDArray[np.int64], loads: FloatArray,
           starts: NDArray[np.int64], weights: SingleArray, n_still: int, beta: float, i: int, still: FloatArray,
           energy: FloatArray, total: FloatArray, line: SingleArray, moved: SingleArray, out: SingleArray) -> None:
    """Free energies (ny, nz), K, of plane ``i`` into ``out``; ``total`` and ``energy`` are scratch, and so is
    ``still``, the energy of the ``n_still`` first sites, which no orientation moves.

    Sites are given by ``rows`` (S,) of ``splines`` and ``loads`` (S,): inf for a compressed energy, else the charge
    that multiplies the potential; orientations by ``starts`` (n, S, 3) and ``weights`` (n, S, 3, 4).
    """
    still[:] = 0.0
    for s in range(n_still):
        _add_site(splines, transform, rows[s], loads[s], starts[0, s], weights[0, s], i, still, line, moved)
    ny, nz = out.shape
    for n in range(starts.shape[0]):
        for j in range(ny):
            for k in range(nz):
                energy[j, k] = still[j, k]
        for s in range(n_still, rows.shape[0]):
            _add_site(splines, transform, rows[s], loads[s], starts[n, s], weights[n, s], i, energy, line, moved)
        for j in range(ny):
            for k in range(nz):
                u = energy[j, k]
                if n == 0:
                    out[j, k], total[j, k] = u, 1.0
                elif u < out[j, k]:                  # the sum is kept relative to the lowest energy so far
                    total[j, k] = 1.0 + total[j, k] * math.exp(beta * (u - out[j, k]))
                    out[j, k] = u
                elif u < np.inf:
                    total[j, k] += math.exp(beta * (out[j, k] - u))
    for j in range(ny):
        for k in range(nz):
            if out[j, k] < np.inf:
                out[j, k] -= math.log(total[j, k] / starts.shape[0]) / beta


@kernel
def _add_site(splines: SingleArray, transform: FloatArray, row: int, load: float, start: NDArray[np.int64],
              weight: SingleArray, i: int, energy: FloatArray, line: SingleArray, moved: SingleArray) -> None:
    """Add to ``energy`` (ny, nz), K, what one site, displaced by a fixed vector, has on the nodes of plane ``i``."""
    nx, ny, nz = splines.shape[1] - PADDING, splines.shape[2] - PADDING, splines.shape[3] - PADDING
    a = (i + start[0]) % nx
    along = start[2] % nz
    c0, c1, c2, c3 = weight[2, 0], weight[2, 1], weight[2, 2], weight[2, 3]
    for j in range(ny):
        b = (j + start[1]) % ny
        for k in range(nz + PADDING):
            line[k] = np.float32(0.0)
        for p in range(4):
            for q in range(4):
                w = weight[0, p] * weight[1, q]
                for k in range(nz + PADDING):
                    line[k] += w * splines[row, a + p, b + q, k]
        for k in range(nz):
            moved[k] = c0 * line[k] + c1 * line[k + 1] + c2 * line[k + 2] + c3 * line[k + 3]
        if load == np.inf:
            floor, scale = transform[row, 0], transform[row, 1]
            for k in range(nz):
                u = floor + scale * math.exp(moved[k])
                m = k - along if k >= along else k - along + nz
                energy[j, m] += u if u < CORE_K else np.inf
        else:
            for k in range(nz):
                m = k - along if k >= along else k - along + nz
                energy[j, m] += load * moved[k]
