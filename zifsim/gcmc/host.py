"""The rigid host as the guest feels it: interpolated from grids, or summed over its atoms.

Both paths are one function, :func:`host_energy`, so a move does not know which is in use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import InputError
from zifsim.gcmc.ewald import (
    Ewald,
    add_structure_factor,
    ewald_split,
    fourier_cross,
    phase_scratch,
    screened_coulomb,
)
from zifsim.gcmc.grid import BLOCKED, compress, divisions_for, interpolate, lj_grid, potential_grid, wrapped
from zifsim.gcmc.jit import inlined, kernel
from zifsim.gcmc.potential import PairTable, pair_energy, pair_table, quantum_area_of
from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.adsorption import lj_parameters
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel, GuestSite

FloatArray = NDArray[np.float64]
OVERLAP = 1e29   # K: an energy at or above this is an overlap


class HostGrid(NamedTuple):
    """Interpolated host. ``nodes`` (G, nx+1, ny+1, nz+1, 8) float32: energy grids, then, where a site needs it alone,
    the potential (K/e); ``transform`` (G, 2) floor and scale of the compressed grids (K); ``site_grid`` (S,) energy
    grid of each guest site, −1: none; ``charges`` (S,) e that meet the potential grid, 0 where the energy grid holds
    the Coulomb part already; ``inverse`` (3, 3) of the unit cell."""

    nodes: NDArray[np.float32]
    transform: FloatArray
    site_grid: NDArray[np.int64]
    charges: FloatArray
    inverse: FloatArray


class HostAtoms(NamedTuple):
    """Summed host. ``positions`` (N, 3) Å of the supercell, ``kinds`` (N,) columns of ``pairs``, ``charges`` (N,) e,
    ``guest_charges`` (S,) e, ``real``, ``imaginary`` (K,) structure factor of the host's charges."""

    positions: FloatArray
    kinds: NDArray[np.int64]
    charges: FloatArray
    guest_charges: FloatArray
    pairs: PairTable
    real: FloatArray
    imaginary: FloatArray


class Host(NamedTuple):
    """A host for the guests of a run: the path in use, its arrays and Ewald split, the supercell (3, 3) Å and the
    tail energy of a molecule of each gas (C,), K."""

    use_grid: bool
    grid: HostGrid
    atoms: HostAtoms
    ewald: Ewald
    cell: FloatArray
    inverse_cell: FloatArray
    tail_energies: FloatArray


def framework_kinds(framework: Framework, forcefield: AdsorptionForceField) -> tuple[
        NDArray[np.int64], FloatArray, FloatArray]:
    """(N,) kind of each atom, and (M,) ε/k_B (K), (M,) σ (Å) of the kinds: atoms with the same parameters.

    Raises InputError for an atom without parameters.
    """
    parameters = np.column_stack(lj_parameters(framework, forcefield))
    rows, kinds = np.unique(parameters, axis=0, return_inverse=True)
    return kinds.ravel().astype(np.int64), rows[:, 0].copy(), rows[:, 1].copy()


def host_pairs(kinds_epsilon: FloatArray, kinds_sigma: FloatArray, models: Sequence[GuestModel],
               temperature_k: float, settings: GCMCSettings) -> PairTable:
    """Pair table of the sites of all gases (F,) × framework kinds."""
    tables = [pair_table(
        np.array([s.epsilon_k for s in model.sites]), np.array([s.sigma_angstrom for s in model.sites]),
        kinds_epsilon, kinds_sigma, cutoff_angstrom=settings.cutoff_angstrom, truncation=settings.truncation,
        mixing=model.mixing, quantum_area=quantum_area_of(model, temperature_k, None)) for model in models]
    return PairTable(np.concatenate([t.coefficients for t in tables]), np.concatenate([t.shift for t in tables]),
                     np.concatenate([t.tail for t in tables]), tables[0].cutoff2)


def make_host(framework: Framework, repeats: tuple[int, int, int], models: Sequence[GuestModel],
              forcefield: AdsorptionForceField, temperature_k: float, settings: GCMCSettings,
              *, merge_coulomb: bool = False, threads: int = 1) -> Host:
    """Prepare a host for one or several gases: build its grids, or lay out its atoms for the direct path.

    ``merge_coulomb`` (grid path): the energy of a charged Lennard-Jones site is looked up as one number and reported
    as Lennard-Jones, for sampling; leave it off where the terms are wanted apart.

    Raises InputError where parameters or charges are missing.
    """
    kinds, epsilon, sigma = framework_kinds(framework, forcefield)
    pairs = host_pairs(epsilon, sigma, models, temperature_k, settings)
    charged = [m.name for m in models if m.has_charges]
    if charged and framework.charges is None:
        raise InputError(f"{charged[0]} carries charges but framework {framework.name} has none; "
                         "name a charge set (for example --charges ZIF-FF).")
    charges = framework.charges if charged else np.zeros(framework.n_atoms)
    assert charges is not None
    per_kind = np.bincount(kinds, minlength=len(epsilon)) / framework.volume
    site_tails = pairs.tail @ per_kind
    ends = np.cumsum([len(m.sites) for m in models])
    tails = np.array([part.sum() for part in np.split(site_tails, ends[:-1])])
    supercell = framework.cell * np.array(repeats)[:, None]
    sites = [site for model in models for site in model.sites]
    guest_charges = np.array([s.charge_e for s in sites])
    direct = settings.host_path == "direct"
    ewald = ewald_split(supercell, settings.cutoff_angstrom, settings.ewald_tolerance,
                        k_cutoff=None if direct and charged else 0.0)
    if direct:
        grid = HostGrid(np.zeros((1, 2, 2, 2, 8), dtype=np.float32), np.zeros((1, 2)),
                        np.zeros(len(sites), dtype=np.int64), guest_charges, np.eye(3))
        atoms = _host_atoms(framework, kinds, charges, repeats, guest_charges, pairs, ewald)
    else:
        for model in models:
            if not any(s.epsilon_k > 0.0 for s in model.sites):
                raise InputError(f"Guest {model.name} has no Lennard-Jones site; nothing would keep it out of the "
                                 "atoms.")
        grid = _host_grid(framework, kinds, charges, pairs, sites, settings, merge_coulomb, threads)
        atoms = _host_atoms(framework, kinds[:0], charges[:0], (0, 0, 0), guest_charges, pairs, ewald)
    return Host(not direct, grid, atoms, ewald, np.ascontiguousarray(supercell),
                np.ascontiguousarray(np.linalg.inv(supercell)), tails)


def _host_atoms(framework: Framework, kinds: NDArray[np.int64], charges: FloatArray,
                repeats: tuple[int, int, int], guest_charges: FloatArray, pairs: PairTable, ewald: Ewald) -> HostAtoms:
    """The supercell's atoms laid out for the direct path (none for ``repeats`` of 0)."""
    shifts = np.array([(i, j, k) for i in range(repeats[0]) for j in range(repeats[1])
                       for k in range(repeats[2])]).reshape(-1, 3) @ framework.cell
    positions = np.ascontiguousarray((framework.positions[None] + shifts[:, None]).reshape(-1, 3))
    all_charges = np.tile(charges, len(shifts)).copy()   # writeable like every other array: one compiled signature
    real, imaginary = np.zeros(len(ewald.k_factor)), np.zeros(len(ewald.k_factor))
    add_structure_factor(ewald, positions[None], 0, all_charges, 0, len(all_charges), 1.0, phase_scratch(ewald), real,
                         imaginary)
    return HostAtoms(positions, np.tile(kinds, len(shifts)), all_charges, guest_charges, pairs, real, imaginary)


def _host_grid(framework: Framework, kinds: NDArray[np.int64], charges: FloatArray, pairs: PairTable,
               sites: Sequence[GuestSite], settings: GCMCSettings, merge_coulomb: bool, threads: int) -> HostGrid:
    """One compressed grid per distinct Lennard-Jones site of the guest, then the electrostatic potential.

    ``merge_coulomb`` adds each site's Coulomb energy to its Lennard-Jones grid: one look-up instead of two.
    """
    divisions = divisions_for(framework.cell, settings.grid_spacing_angstrom)
    alone = np.array([s.charge_e for s in sites])
    potential = (potential_grid(framework.positions, charges, framework.cell, divisions, threads)
                 if alone.any() else None)
    index: dict[tuple[bytes, float], int] = {}
    nodes: list[NDArray[np.float32]] = []
    transform: list[tuple[float, float]] = []
    site_grid: list[int] = []
    for site, parameters in enumerate(sites):
        merged = parameters.charge_e if merge_coulomb else 0.0
        key = (pairs.coefficients[site].tobytes(), merged)
        if parameters.epsilon_k == 0.0:
            site_grid.append(-1)
            continue
        if merge_coulomb:
            alone[site] = 0.0
        if key not in index:
            index[key] = len(nodes)
            energies = lj_grid(framework.positions, kinds, framework.cell, pairs, site, divisions, threads)
            if merged != 0.0 and potential is not None:
                energies[energies[..., 0] < BLOCKED] += merged * potential[energies[..., 0] < BLOCKED]
            grid, floor, scale = compress(energies)
            nodes.append(wrapped(grid))
            transform.append((floor, scale))
        site_grid.append(index[key])
    if potential is not None and alone.any():
        nodes.append(wrapped(potential.astype(np.float32)))
    return HostGrid(np.stack(nodes), np.array(transform), np.array(site_grid, dtype=np.int64), alone,
                    np.ascontiguousarray(np.linalg.inv(framework.cell)))


@inlined
def host_energy(host, first, count, sites, m, scratch):
    """(Lennard-Jones, Coulomb) energy in K of a molecule with the host.

    Its ``count`` sites are ``sites[m]`` (S, 3) Å, their parameters begin at the flat index ``first``. An overlap
    returns (OVERLAP, 0).
    """
    if host.use_grid:
        lj, coulomb = grid_energy(host.grid, first, count, sites, m)
    else:
        lj, coulomb = direct_energy(host.atoms, host.cell, host.inverse_cell, host.ewald, first, count, sites, m,
                                    scratch.host_phases, scratch.host_real, scratch.host_imaginary)
    return lj, coulomb


@kernel
def grid_energy(grid, first, count, sites, m):
    """:func:`host_energy` by interpolation."""
    lj = coulomb = 0.0
    inverse = grid.inverse
    last = grid.nodes.shape[0] - 1
    for site in range(count):
        x, y, z = sites[m, site, 0], sites[m, site, 1], sites[m, site, 2]
        fa = x * inverse[0, 0] + y * inverse[1, 0] + z * inverse[2, 0]
        fb = x * inverse[0, 1] + y * inverse[1, 1] + z * inverse[2, 1]
        fc = x * inverse[0, 2] + y * inverse[1, 2] + z * inverse[2, 2]
        fa -= math.floor(fa)
        fb -= math.floor(fb)
        fc -= math.floor(fc)
        g = grid.site_grid[first + site]
        if g >= 0:
            value = interpolate(grid.nodes, g, fa, fb, fc)
            if value >= OVERLAP:
                return OVERLAP, 0.0
            lj += grid.transform[g, 0] + grid.transform[g, 1] * (math.exp(value) - 1.0)
        if grid.charges[first + site] != 0.0:
            coulomb += grid.charges[first + site] * interpolate(grid.nodes, last, fa, fb, fc)
    return lj, coulomb


@kernel
def direct_energy(atoms, cell, inverse, ewald, first, count, sites, m, phases, real, imaginary):
    """:func:`host_energy` summed over the atoms of the supercell, with Ewald; the last three are scratch."""
    lj = coulomb = 0.0
    charged = False
    for site in range(count):
        q = atoms.guest_charges[first + site]
        charged = charged or q != 0.0
        for atom in range(atoms.positions.shape[0]):
            x = sites[m, site, 0] - atoms.positions[atom, 0]
            y = sites[m, site, 1] - atoms.positions[atom, 1]
            z = sites[m, site, 2] - atoms.positions[atom, 2]
            ia = np.rint(x * inverse[0, 0] + y * inverse[1, 0] + z * inverse[2, 0])
            ib = np.rint(x * inverse[0, 1] + y * inverse[1, 1] + z * inverse[2, 1])
            ic = np.rint(x * inverse[0, 2] + y * inverse[1, 2] + z * inverse[2, 2])
            x -= ia * cell[0, 0] + ib * cell[1, 0] + ic * cell[2, 0]
            y -= ia * cell[0, 1] + ib * cell[1, 1] + ic * cell[2, 1]
            z -= ia * cell[0, 2] + ib * cell[1, 2] + ic * cell[2, 2]
            s = x * x + y * y + z * z
            if s < atoms.pairs.cutoff2:
                lj += pair_energy(atoms.pairs.coefficients, atoms.pairs.shift, first + site, atoms.kinds[atom],
                                  max(s, 1e-4))
            if q != 0.0 and s < ewald.cutoff2:
                coulomb += q * atoms.charges[atom] * screened_coulomb(ewald.table, ewald.alpha, s)
    if lj >= OVERLAP:
        return OVERLAP, 0.0
    if charged:
        real[:] = 0.0
        imaginary[:] = 0.0
        add_structure_factor(ewald, sites, m, atoms.guest_charges, first, count, 1.0, phases, real, imaginary)
        coulomb += fourier_cross(ewald, atoms.real, atoms.imaginary, real, imaginary)
    return lj, coulomb


assert OVERLAP < BLOCKED
