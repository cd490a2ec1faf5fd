"""The state of one Monte Carlo walker, and the energy of a guest among the others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from zifsim.gcmc.ewald import Ewald, Phases, ewald_split, exclusion_energy, phase_scratch, screened_coulomb, self_energy
from zifsim.gcmc.host import OVERLAP
from zifsim.gcmc.jit import inlined, kernel
from zifsim.gcmc.potential import PairTable, pair_energy, pair_table, quantum_area_of
from zifsim.gcmc.settings import GCMCSettings
from zifsim.model.guest import GuestModel

FloatArray = NDArray[np.float64]
OVERLAP_TEMPERATURES = 150.0   # in units of k_B T: wells are at most some 50 k_B T deep, so this is e⁻¹⁰⁰ or less

# Places in ``Walker.energy``: the running total of each term, K.
HOST_LJ, HOST_COULOMB, PAIR_LJ, PAIR_COULOMB, FOURIER, TAIL = range(6)
N_TERMS = 6


class Guests(NamedTuple):
    """What all guests of a gas share.

    ``body`` (S, 3) Å; ``charges`` (S,) e; ``pairs`` site × site; ``reach2`` Å²: centres farther apart than √reach2
    do not interact in real space; centres closer than √core2 always overlap; ``overlap_k``: an energy whose Boltzmann
    factor is nothing; ``self_energy`` K: constant Ewald term per molecule; ``tail_sum`` K·Å³ of one pair.
    """

    body: FloatArray
    charges: FloatArray
    pairs: PairTable
    reach2: float
    core2: float
    overlap_k: float
    self_energy: float
    tail_sum: float
    charged: bool
    rotates: bool


class Walker(NamedTuple):
    """Arrays that the moves change. ``number`` (1,) of molecules; ``centres`` (M, 3); ``quaternions`` (M, 4);
    ``sites`` (M, S, 3) Å; ``host_energies`` (M, 2) K; ``real``, ``imaginary`` (K,) structure factor;
    ``energy`` (6,) running totals, K; ``accepted``, ``attempted`` (5,) per move type."""

    number: NDArray[np.int64]
    centres: FloatArray
    quaternions: FloatArray
    sites: FloatArray
    host_energies: FloatArray
    real: FloatArray
    imaginary: FloatArray
    energy: FloatArray
    accepted: NDArray[np.int64]
    attempted: NDArray[np.int64]


class Scratch(NamedTuple):
    """Work space of the moves, so that the move loop allocates nothing."""

    neighbours: NDArray[np.int64]
    shifts: FloatArray
    phases: Phases
    real: FloatArray
    imaginary: FloatArray
    host_real: FloatArray
    host_imaginary: FloatArray
    trial_centres: FloatArray
    trial_quaternions: FloatArray
    trial_sites: FloatArray
    trial_energies: FloatArray
    trial_log_weights: FloatArray


def make_guests(guest: GuestModel, temperature_k: float, settings: GCMCSettings, ewald: Ewald) -> Guests:
    """Guest constants for a temperature (Feynman–Hibbs) and an Ewald split."""
    epsilon = np.array([s.epsilon_k for s in guest.sites])
    sigma = np.array([s.sigma_angstrom for s in guest.sites])
    pairs = pair_table(epsilon, sigma, epsilon, sigma, cutoff_angstrom=settings.cutoff_angstrom,
                       truncation=settings.truncation, mixing=guest.mixing,
                       quantum_area=quantum_area_of(guest, temperature_k, "guest"))
    body, charges = guest.site_positions, guest.charges
    radius = guest.radius_angstrom
    constant = 0.0
    if guest.has_charges:
        constant = self_energy(ewald.alpha, charges) + exclusion_energy(ewald.alpha, charges, body)
    overlap_k = OVERLAP_TEMPERATURES * temperature_k
    return Guests(body, charges, pairs, (settings.cutoff_angstrom + 2.0 * radius) ** 2,
                  _core_distance(pairs, body, overlap_k) ** 2, overlap_k, constant,
                  float(pairs.tail.sum()), guest.has_charges, radius > 0.0)


def _core_distance(pairs: PairTable, body: FloatArray, overlap_k: float) -> float:
    """Centre distance (Å) at and below which two molecules overlap in every one of many orientations."""
    rng = np.random.default_rng(0)
    turns = Rotation.concatenate([Rotation.identity(1), Rotation.from_euler("x", [90], degrees=True),
                                  Rotation.from_euler("y", [90], degrees=True), Rotation.random(60, rng=rng)])
    turned = np.einsum("rij,sj->rsi", turns.as_matrix(), body)
    core = 0.0
    for distance in np.arange(0.2, 4.0, 0.1):
        r2 = ((turned[:, None, :, None] - turned[None, :, None, :] - [0.0, 0.0, distance]) ** 2).sum(axis=-1)
        r2 = np.maximum(r2, 1e-2)
        powers = np.stack([r2**-3.0, r2**-4.0, r2**-6.0, r2**-7.0], axis=-1)
        energy = np.einsum("pqabc,abc->pq", powers, pairs.coefficients)
        if energy.min() < 2.0 * overlap_k:
            break
        core = float(distance)
    return core


def guest_ewald(guest: GuestModel, supercell: FloatArray, settings: GCMCSettings) -> Ewald:
    """The Ewald split of a supercell; a guest without charges gets one without k-vectors."""
    # On the grid path only molecules meet in real space, and they are cut as wholes: the split may use that reach.
    radius = guest.radius_angstrom
    screened = settings.cutoff_angstrom + (2.0 * radius if settings.host_path == "grid" else 0.0)
    return ewald_split(supercell, screened, settings.ewald_tolerance, k_cutoff=None if guest.has_charges else 0.0,
                       extent_angstrom=4.0 * radius)


def make_walker(guests: Guests, ewald: Ewald, capacity: int) -> Walker:
    """An empty cell with room for ``capacity`` molecules."""
    sites, waves = len(guests.body), len(ewald.k_factor)
    return Walker(np.zeros(1, dtype=np.int64), np.zeros((capacity, 3)), np.zeros((capacity, 4)),
                  np.zeros((capacity, sites, 3)), np.zeros((capacity, 2)), np.zeros(waves), np.zeros(waves),
                  np.zeros(N_TERMS), np.zeros(5, dtype=np.int64), np.zeros(5, dtype=np.int64))


def make_scratch(guests: Guests, ewald: Ewald, n_trials: int, capacity: int) -> Scratch:
    """Work space for ``n_trials`` trial placements among up to ``capacity`` molecules."""
    sites, waves = len(guests.body), len(ewald.k_factor)
    return Scratch(np.zeros(capacity, dtype=np.int64), np.zeros((capacity, 3)), phase_scratch(ewald),
                   np.zeros(waves), np.zeros(waves), np.zeros(waves), np.zeros(waves),
                   np.zeros((n_trials, 3)), np.zeros((n_trials, 4)), np.zeros((n_trials, sites, 3)),
                   np.zeros((n_trials, 4)), np.zeros(n_trials))


@kernel
def place_sites(body, centres, quaternions, sites, m):
    """Write the sites of molecule ``m`` from its centre (M, 3) and unit quaternion (M, 4; w, x, y, z)."""
    w, x, y, z = quaternions[m, 0], quaternions[m, 1], quaternions[m, 2], quaternions[m, 3]
    for s in range(body.shape[0]):
        a, b, c = body[s, 0], body[s, 1], body[s, 2]
        sites[m, s, 0] = (centres[m, 0] + (1 - 2 * (y * y + z * z)) * a + 2 * (x * y - w * z) * b
                          + 2 * (x * z + w * y) * c)
        sites[m, s, 1] = (centres[m, 1] + 2 * (x * y + w * z) * a + (1 - 2 * (x * x + z * z)) * b
                          + 2 * (y * z - w * x) * c)
        sites[m, s, 2] = (centres[m, 2] + 2 * (x * z - w * y) * a + 2 * (y * z + w * x) * b
                          + (1 - 2 * (x * x + y * y)) * c)


@inlined
def guest_energy(walker, guests, ewald, host, scratch, sites, centres, m, skip):
    """:func:`pair_energies` of molecule ``m`` of ``sites`` with all of the walker's molecules but ``skip``."""
    lj, coulomb = pair_energies(walker.number[0], walker.centres, walker.sites, guests.charges, guests.pairs,
                                guests.reach2, guests.overlap_k, ewald.table, ewald.alpha, host.cell,
                                host.inverse_cell, scratch.neighbours, scratch.shifts, sites, centres, m, skip)
    return lj, coulomb


@kernel
def in_core(count, all_centres, core2, cell, inverse, centres, m, skip):
    """True if centre ``m`` is so close to another molecule's that they overlap whatever their orientations."""
    for j in range(count):
        x, y, z = (centres[m, 0] - all_centres[j, 0], centres[m, 1] - all_centres[j, 1],
                   centres[m, 2] - all_centres[j, 2])
        ia = np.rint(x * inverse[0, 0] + y * inverse[1, 0] + z * inverse[2, 0])
        ib = np.rint(x * inverse[0, 1] + y * inverse[1, 1] + z * inverse[2, 1])
        ic = np.rint(x * inverse[0, 2] + y * inverse[1, 2] + z * inverse[2, 2])
        x -= ia * cell[0, 0] + ib * cell[1, 0] + ic * cell[2, 0]
        y -= ia * cell[0, 1] + ib * cell[1, 1] + ic * cell[2, 1]
        z -= ia * cell[0, 2] + ib * cell[1, 2] + ic * cell[2, 2]
        if x * x + y * y + z * z < core2 and j != skip:
            return True
    return False


@kernel
def pair_energies(count, all_centres, all_sites, charges, pairs, reach2, overlap_k, table, alpha, cell, inverse,
                  neighbours, shifts, sites, centres, m, skip):
    """Real-space (Lennard-Jones, Coulomb) energy in K of one molecule with ``count`` others.

    An overlap returns (OVERLAP, 0). The image is chosen by the centres, which is exact because supercells are
    wider than twice √reach2. Lennard-Jones is cut site by site; the screened Coulomb term molecule by molecule, so
    that no charge is parted from its partners at the cut-off.
    """
    near, nearest, nearest2 = 0, 0, reach2
    cx, cy, cz = centres[m, 0], centres[m, 1], centres[m, 2]
    for j in range(count):
        x, y, z = cx - all_centres[j, 0], cy - all_centres[j, 1], cz - all_centres[j, 2]
        ia = np.rint(x * inverse[0, 0] + y * inverse[1, 0] + z * inverse[2, 0])
        ib = np.rint(x * inverse[0, 1] + y * inverse[1, 1] + z * inverse[2, 1])
        ic = np.rint(x * inverse[0, 2] + y * inverse[1, 2] + z * inverse[2, 2])
        sx = ia * cell[0, 0] + ib * cell[1, 0] + ic * cell[2, 0]
        sy = ia * cell[0, 1] + ib * cell[1, 1] + ic * cell[2, 1]
        sz = ia * cell[0, 2] + ib * cell[1, 2] + ic * cell[2, 2]
        x, y, z = x - sx, y - sy, z - sz
        distance2 = x * x + y * y + z * z
        if distance2 > reach2 or j == skip:
            continue
        if distance2 < nearest2:
            nearest, nearest2 = near, distance2
        neighbours[near], shifts[near, 0], shifts[near, 1], shifts[near, 2] = j, sx, sy, sz
        near += 1
    lj = coulomb = 0.0
    n_sites = sites.shape[1]
    coefficients, shift, cutoff2 = pairs.coefficients, pairs.shift, pairs.cutoff2
    for order in range(near):
        # The nearest first: most overlaps are with it, and the rest need not be summed then.
        i = nearest if order == 0 else (order - 1 if order <= nearest else order)
        j = neighbours[i]
        for a in range(n_sites):
            ax, ay, az = sites[m, a, 0] - shifts[i, 0], sites[m, a, 1] - shifts[i, 1], sites[m, a, 2] - shifts[i, 2]
            for b in range(n_sites):
                dx, dy, dz = ax - all_sites[j, b, 0], ay - all_sites[j, b, 1], az - all_sites[j, b, 2]
                s = dx * dx + dy * dy + dz * dz
                if s < cutoff2 and coefficients[a, b, 0] != 0.0:
                    lj += pair_energy(coefficients, shift, a, b, max(s, 1e-4))
                qq = charges[a] * charges[b]
                if qq != 0.0:
                    coulomb += qq * screened_coulomb(table, alpha, s)
        if lj > overlap_k:
            return OVERLAP, 0.0
    return lj, coulomb
