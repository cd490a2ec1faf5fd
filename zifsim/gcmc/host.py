"""Host of a run, rigid, as the guest feels it: interpolated from grids, or summed over its atoms.

Both paths are one function, :func:`host_energy`, so a move does not know which is in use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import InputError
from zifsim.gcmc import gridcache
from zifsim.gcmc.grid import divisions_for, lj_energies, potential
from zifsim.gcmc.hostatoms import HostAtoms, direct_energy, host_atoms
from zifsim.gcmc.jit import inlined, kernel
from zifsim.gcmc.potential import PairTable, pair_table, quantum_area_of
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.spline import Spline, interpolate, spline_of, spline_of_energy
from zifsim.io.adsorption import lj_parameters
from zifsim.memory import reserve
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel, GuestSite

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
OVERLAP = 1e29   # K: an energy at or above this is an overlap
CORE_K = 1e6     # K: a site this deep inside an atom is an overlap; what the grid holds there is not exact


class HostGrid(NamedTuple):
    """Interpolated host. ``splines`` (G, nx+3, ny+3, nz+3) float32: energies of the sites, then, where a site needs it
    alone, the potential (K/e); ``transform`` (G, 2) floor and scale of the compressed energies (K); ``site_grid``
    (S,) grid of each site of all gases, −1: none; ``charges`` (S,) e that meet the potential grid, 0 where the energy
    grid holds the Coulomb part already; ``inverse`` (3, 3) of the unit cell; ``blocked`` (bx, by, bz) 1 at nodes where
    no molecule's centre may be ((1, 1, 1): nowhere), ``mass_fractions`` (S,) of each site in its molecule's mass."""

    splines: NDArray[np.float32]
    transform: FloatArray
    site_grid: IntArray
    charges: FloatArray
    inverse: FloatArray
    blocked: NDArray[np.uint8]
    mass_fractions: FloatArray


class Host(NamedTuple):
    """A host for the gases of a run: the path in use, its arrays, the supercell (3, 3) Å and the tail energy of a
    molecule of each gas (C,), K."""

    use_grid: bool
    grid: HostGrid
    atoms: HostAtoms
    cell: FloatArray
    inverse_cell: FloatArray
    tail_energies: FloatArray


class UnitCell(NamedTuple):
    """What grids are made of: ``positions`` (N, 3) Å, ``kinds`` (N,), ``charges`` (N,) e, ``cell`` (3, 3) Å."""

    positions: FloatArray
    kinds: IntArray
    charges: FloatArray
    cell: FloatArray


def framework_kinds(framework: Framework, forcefield: AdsorptionForceField) -> tuple[IntArray, FloatArray, FloatArray]:
    """(N,) kind of each atom, and (M,) ε/k_B (K), (M,) σ (Å) of the kinds: atoms with the same parameters.

    Raises InputError for an atom without parameters.
    """
    parameters = np.column_stack(lj_parameters(framework, forcefield))
    rows, kinds = np.unique(parameters, axis=0, return_inverse=True)
    return kinds.ravel().astype(np.int64), rows[:, 0].copy(), rows[:, 1].copy()


def host_pairs(kinds_epsilon: FloatArray, kinds_sigma: FloatArray, models: Sequence[GuestModel],
               temperature_k: float, settings: GCMCSettings) -> PairTable:
    """Pair table of the sites of all gases × framework kinds."""
    tables = [pair_table(
        np.array([s.epsilon_k for s in model.sites]), np.array([s.sigma_angstrom for s in model.sites]),
        kinds_epsilon, kinds_sigma, cutoff_angstrom=settings.cutoff_angstrom, truncation=settings.truncation,
        mixing=model.mixing, quantum_area=quantum_area_of(model, temperature_k, None)) for model in models]
    return PairTable(np.concatenate([t.coefficients for t in tables]), np.concatenate([t.shift for t in tables]),
                     np.concatenate([t.tail for t in tables]), tables[0].cutoff2)


def felt_charges(framework: Framework, models: Sequence[GuestModel]) -> FloatArray:
    """(N,) charges of the atoms, e; zeros where no guest feels them.

    Raises InputError where a guest is charged and the framework has no charges.
    """
    charged = [m.name for m in models if m.has_charges]
    if not charged:
        return np.zeros(framework.n_atoms)
    if framework.charges is None:
        raise InputError(f"{charged[0]} carries charges but framework {framework.name} has none; "
                         "name a charge set (for example --charges ZIF-FF).")
    return np.array(framework.charges, dtype=np.float64)


def make_host(framework: Framework, repeats: tuple[int, int, int], models: Sequence[GuestModel],
              forcefield: AdsorptionForceField, temperature_k: float, settings: GCMCSettings,
              *, merge_coulomb: bool = False, threads: int = 1, blocked: NDArray[np.bool_] | None = None) -> Host:
    """Prepare a host for one or several gases: load or build its grids, or lay out its atoms for the direct path.

    ``merge_coulomb`` (grid path): the energy of a charged Lennard-Jones site is looked up as one number and reported
    as Lennard-Jones, for sampling; leave it off where the terms are wanted apart. ``blocked`` (grid path): (bx, by, bz)
    nodes of the unit cell whose surroundings have infinite energy for the centre of a molecule.

    Raises InputError where parameters or charges are missing, or a mask is given to the direct path.
    """
    kinds, epsilon, sigma = framework_kinds(framework, forcefield)
    pairs = host_pairs(epsilon, sigma, models, temperature_k, settings)
    charges = felt_charges(framework, models)
    per_kind = np.bincount(kinds, minlength=len(epsilon)) / framework.volume
    ends = np.cumsum([len(m.sites) for m in models])
    tails = np.array([part.sum() for part in np.split(pairs.tail @ per_kind, ends[:-1])])
    supercell = framework.cell * np.array(repeats)[:, None]
    unit = UnitCell(framework.positions, kinds, np.array(charges, dtype=np.float64), framework.cell)
    sites = [site for model in models for site in model.sites]
    site_charges = np.array([s.charge_e for s in sites])
    use_grid = settings.host_path == "grid"
    if use_grid:
        for model in models:
            if not any(s.epsilon_k > 0.0 for s in model.sites):
                raise InputError(f"Guest {model.name} has no Lennard-Jones site; nothing would keep it out of the "
                                 "atoms.")
        grid = host_grid(unit, pairs, sites, divisions_for(unit.cell, settings.grid_spacing_angstrom), merge_coulomb,
                         threads)
        if blocked is not None:
            fractions = [s.mass_amu / model.molar_mass_g_mol for model in models for s in model.sites]
            grid = grid._replace(blocked=np.ascontiguousarray(blocked, dtype=np.uint8),
                                 mass_fractions=np.array(fractions))
        atoms = host_atoms(unit.positions[:0], kinds[:0], unit.charges[:0], unit.cell, pairs, site_charges)
    else:
        if blocked is not None:
            raise InputError("Pores can be blocked on the grid only: leave host_path at 'grid'.")
        grid = HostGrid(np.zeros((1, 4, 4, 4), dtype=np.float32), np.zeros((1, 2)),
                        np.zeros(len(sites), dtype=np.int64), site_charges, np.eye(3),
                        np.zeros((1, 1, 1), dtype=np.uint8), np.zeros(len(sites)))
        atoms = host_atoms(*unit, pairs, site_charges)
    return Host(use_grid, grid, atoms, np.ascontiguousarray(supercell),
                np.ascontiguousarray(np.linalg.inv(supercell)), tails)


def host_grid(unit: UnitCell, pairs: PairTable, sites: Sequence[GuestSite], divisions: tuple[int, int, int],
              merge_coulomb: bool, threads: int, *, keep: bool = True) -> HostGrid:
    """One grid per distinct Lennard-Jones site, then, for the charges that are left, the electrostatic potential.

    ``sites`` are the rows of ``pairs``, of whatever guests. ``merge_coulomb`` adds each site's Coulomb energy to its
    Lennard-Jones grid: one look-up instead of two. ``keep``: use the cache on disk.
    """
    alone = np.array([s.charge_e for s in sites])
    rows: dict[tuple[bytes, float], int] = {}      # distinct grids, in order
    chosen: list[tuple[int, float]] = []           # of each grid, the row of ``pairs`` and the charge merged into it
    site_grid = []
    for site, parameters in enumerate(sites):
        if parameters.epsilon_k == 0.0:
            site_grid.append(-1)
            continue
        merged = parameters.charge_e if merge_coulomb else 0.0
        if merge_coulomb:
            alone[site] = 0.0
        key = (pairs.coefficients[site].tobytes() + pairs.shift[site].tobytes(), merged)
        if key not in rows:
            rows[key] = len(chosen)
            chosen.append((site, merged))
        site_grid.append(rows[key])
    splines = site_splines(unit, pairs, chosen, bool(alone.any()), divisions, threads, keep=keep)
    transform = np.array([(s.floor, s.scale) for s in splines])
    stacked = np.empty((len(splines), *splines[0].coefficients.shape), dtype=np.float32)
    for g in range(len(splines)):           # each is let go when it is copied
        stacked[g] = splines.pop(0).coefficients
    return HostGrid(stacked, transform,
                    np.array(site_grid, dtype=np.int64), alone, np.ascontiguousarray(np.linalg.inv(unit.cell)),
                    np.zeros((1, 1, 1), dtype=np.uint8), np.zeros(len(sites)))


def site_splines(unit: UnitCell, pairs: PairTable, sites: list[tuple[int, float]], with_potential: bool,
                 divisions: tuple[int, int, int], threads: int, *, keep: bool = True) -> list[Spline]:
    """Energies of ``sites``, (row of ``pairs``, charge in e) each, then the potential, from the cache or built.

    What the cache lacks is built in one pass over the nodes, and kept; without ``keep`` the cache is left alone.
    """
    # the spline of each grid in single precision; of those that are built the energies in double, twice
    reserve(math.prod(divisions) * 20.0 * (len(sites) + with_potential),
            f"{len(sites) + with_potential} grids of {' × '.join(map(str, divisions))} nodes", "take a wider spacing")
    geometry = (unit.cell, divisions, unit.positions)
    names = [gridcache.entry_name("energy", *geometry, unit.kinds, pairs.coefficients[site], pairs.shift[site],
                                  pairs.cutoff2, charge, unit.charges if charge else 0.0) for site, charge in sites]
    if with_potential:
        names.append(gridcache.entry_name("potential", *geometry, unit.charges))
    splines = [gridcache.load(name) if keep else None for name in names]
    missing = [n for n, spline in enumerate(splines) if spline is None]
    energies = [n for n in missing if n < len(sites)]
    electric = np.broadcast_to(0.0, divisions)
    if any(n >= len(sites) or sites[n][1] != 0.0 for n in missing):
        electric = potential(unit.positions, unit.charges, unit.cell, divisions, threads)
    values = lj_energies(unit.positions, unit.kinds, unit.cell, pairs, [sites[n][0] for n in energies], divisions,
                         threads)
    for energy, n in zip(values, energies, strict=True):
        for plane, electric_plane in zip(energy, electric, strict=True):
            plane += sites[n][1] * electric_plane
    for n in missing:           # one after the other: memory is what limits large cells
        made = spline_of(electric, threads) if n >= len(sites) else spline_of_energy(values[energies.index(n)], threads)
        splines[n] = made
        if keep:
            gridcache.store(names[n], made)
    return [s for s in splines if s is not None]


@inlined
def host_energy(host: Host, first: int, count: int, sites: FloatArray, m: int) -> tuple[float, float]:
    """(Lennard-Jones, Coulomb) energy in K of a molecule with the host.

    Its ``count`` sites are ``sites[m]`` (S, 3) Å, whose parameters begin at the flat index ``first``. An overlap
    returns (OVERLAP, 0).
    """
    if host.use_grid:
        lj, coulomb = grid_energy(host.grid, first, count, sites, m)
    else:
        lj, coulomb = direct_energy(host.atoms, first, count, sites, m)
    return lj, coulomb


@kernel
def grid_energy(grid: HostGrid, first: int, count: int, sites: FloatArray, m: int) -> tuple[float, float]:
    """:func:`host_energy` by interpolation."""
    lj = coulomb = 0.0
    inverse = grid.inverse
    if grid.blocked.shape[0] > 1 and _is_blocked(grid, first, count, sites, m):
        return OVERLAP, 0.0
    last = grid.splines.shape[0] - 1
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
            energy = grid.transform[g, 0] + grid.transform[g, 1] * math.exp(interpolate(grid.splines, g, fa, fb, fc))
            if energy > CORE_K:
                return OVERLAP, 0.0
            lj += energy
        if grid.charges[first + site] != 0.0:
            coulomb += grid.charges[first + site] * interpolate(grid.splines, last, fa, fb, fc)
    return lj, coulomb


@kernel
def _is_blocked(grid: HostGrid, first: int, count: int, sites: FloatArray, m: int) -> bool:
    """Whether the node nearest to a molecule's centre of mass is blocked."""
    inverse, blocked = grid.inverse, grid.blocked
    x = y = z = 0.0
    for site in range(count):
        fraction = grid.mass_fractions[first + site]
        x += fraction * sites[m, site, 0]
        y += fraction * sites[m, site, 1]
        z += fraction * sites[m, site, 2]
    fa = x * inverse[0, 0] + y * inverse[1, 0] + z * inverse[2, 0]
    fb = x * inverse[0, 1] + y * inverse[1, 1] + z * inverse[2, 1]
    fc = x * inverse[0, 2] + y * inverse[1, 2] + z * inverse[2, 2]
    # math.floor is a float on a card, which is no index
    i = int((fa - math.floor(fa)) * blocked.shape[0] + 0.5) % blocked.shape[0]
    j = int((fb - math.floor(fb)) * blocked.shape[1] + 0.5) % blocked.shape[1]
    k = int((fc - math.floor(fc)) * blocked.shape[2] + 0.5) % blocked.shape[2]
    closed: bool = blocked[i, j, k] != 0
    return closed
