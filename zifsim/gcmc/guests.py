"""Guests of a run as the kernels see them: bodies, charges, site–site energies, and how far they reach.

A run holds one or several gases, its components. Their sites lie one after another in flat arrays; component c owns
the sites ``first[c]`` ≤ f < ``first[c + 1]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from zifsim.errors import InputError
from zifsim.gcmc.ewald import Ewald, ewald_split, exclusion_energy, self_energy
from zifsim.gcmc.potential import PairSplines, PairTable, pair_splines, pair_table, quantum_area_of
from zifsim.gcmc.settings import GCMCSettings
from zifsim.model.guest import GuestModel

FloatArray = NDArray[np.float64]
OVERLAP_TEMPERATURES = 100.0   # in units of k_B T: wells are at most some 50 k_B T deep, so this is e⁻⁵⁰ or less
IMAGES = 8                     # of a guest that may lie within a cell's width: two along each axis
SMALLEST_DIPOLE = 1e-3         # e·Å: a smaller one is rounding of the model's charges


class Guests(NamedTuple):
    """What all molecules of a run share.

    ``body`` (F, 3) Å and ``charges`` (F,) e of the sites; ``first`` (C + 1,) where each component's sites begin;
    ``rotates`` (C,); ``splines`` site–site energies; ``metric`` (6,) of the supercell: r² = f·G·f for a fractional
    vector f, as (G_aa, G_bb, G_cc, 2G_ab, 2G_ac, 2G_bc); ``reach2`` Å²: centres farther apart than √reach2 do not
    interact in real space; ``core2`` (C, C) Å²: centres closer than √core2 always overlap; ``core2_least`` their
    smallest; ``overlap_k``: an energy whose Boltzmann factor is nothing; ``self_energies`` (C,) K: constant Ewald
    term per molecule; ``tails`` (C, C) K·Å³ of one pair; ``fourier``: the Ewald sum has a Fourier part; ``pointlike``:
    every molecule is one site at its centre; ``images`` of each molecule that count: 1, the nearest, or all of
    :data:`IMAGES`.
    """

    body: FloatArray
    charges: FloatArray
    first: NDArray[np.int64]
    rotates: NDArray[np.bool_]
    splines: PairSplines
    metric: FloatArray
    reach2: float
    core2: FloatArray
    core2_least: float
    overlap_k: float
    self_energies: FloatArray
    tails: FloatArray
    fourier: bool
    pointlike: bool
    images: int


def guest_pairs(models: Sequence[GuestModel], temperature_k: float, settings: GCMCSettings) -> PairTable:
    """Lennard-Jones of all sites of all gases against each other, (F, F).

    Unlike gases mix by Lorentz–Berthelot unless both were fitted with the geometric rule.
    """
    rows = []
    for a in models:
        row = [pair_table(_epsilon(a), _sigma(a), _epsilon(b), _sigma(b), cutoff_angstrom=settings.cutoff_angstrom,
                          truncation=settings.truncation,
                          mixing=a.mixing if a.mixing == b.mixing else "lorentz-berthelot",
                          quantum_area=quantum_area_of(a, temperature_k, b)) for b in models]
        rows.append(PairTable(np.concatenate([p.coefficients for p in row], axis=1),
                              np.concatenate([p.shift for p in row], axis=1),
                              np.concatenate([p.tail for p in row], axis=1), row[0].cutoff2))
    return PairTable(np.concatenate([p.coefficients for p in rows]), np.concatenate([p.shift for p in rows]),
                     np.concatenate([p.tail for p in rows]), rows[0].cutoff2)


def _epsilon(model: GuestModel) -> FloatArray:
    return np.array([s.epsilon_k for s in model.sites])


def _sigma(model: GuestModel) -> FloatArray:
    return np.array([s.sigma_angstrom for s in model.sites])


def make_guests(models: Sequence[GuestModel], temperature_k: float, settings: GCMCSettings, ewald: Ewald,
                supercell: FloatArray, *, lennard_jones: bool = True, coulomb: bool = True) -> Guests:
    """Guest constants for a temperature (Feynman–Hibbs), an Ewald split and a supercell (3, 3) Å.

    ``lennard_jones``, ``coulomb``: leave a term out of the site–site energies, to have the other by itself.
    """
    pairs = guest_pairs(models, temperature_k, settings)
    first = np.concatenate([[0], np.cumsum([len(m.sites) for m in models])]).astype(np.int64)
    body, charges = np.concatenate([m.site_positions for m in models]), np.concatenate([m.charges for m in models])
    radii = np.array([m.radius_angstrom for m in models])
    reach = settings.cutoff_angstrom + 2.0 * float(radii.max())
    overlap_k = OVERLAP_TEMPERATURES * temperature_k
    blocks = [slice(first[c], first[c + 1]) for c in range(len(models))]
    core = np.array([[_core_distance(pairs.coefficients[a, b], body[a], body[b], overlap_k) for b in blocks]
                     for a in blocks])
    zero = PairTable(np.zeros_like(pairs.coefficients), np.zeros_like(pairs.shift), pairs.tail, pairs.cutoff2)
    splines = pair_splines(pairs if lennard_jones else zero, np.outer(charges, charges) * coulomb, ewald.alpha,
                           reach + 2.0 * float(radii.max()))
    metric = supercell @ supercell.T
    constants = [self_energy(ewald.alpha, m.charges) + exclusion_energy(ewald.alpha, m.charges, m.site_positions)
                 if len(ewald.k_factor) else 0.0 for m in models]
    tails = np.array([[pairs.tail[a, b].sum() for b in blocks] for a in blocks])
    return Guests(
        body, charges, first, radii > 0.0, splines,
        np.array([*metric.diagonal(), 2 * metric[0, 1], 2 * metric[0, 2], 2 * metric[1, 2]]), reach**2,
        core**2, float(core.min() ** 2), overlap_k, np.array(constants), tails, len(ewald.k_factor) > 0,
        bool(np.all(radii == 0.0)), IMAGES if settings.guest_images == "all" else 1)


def _core_distance(coefficients: FloatArray, body_a: FloatArray, body_b: FloatArray, overlap_k: float) -> float:
    """Centre distance (Å) at and below which two molecules overlap in every one of many orientations."""
    rng = np.random.default_rng(0)
    turns = Rotation.concatenate([Rotation.identity(1), Rotation.from_euler("x", [90], degrees=True),
                                  Rotation.from_euler("y", [90], degrees=True), Rotation.random(60, rng=rng)])
    a, b = (np.einsum("rij,sj->rsi", turns.as_matrix(), body) for body in (body_a, body_b))
    core = 0.0
    for distance in np.arange(0.2, 4.0, 0.1):
        r2 = ((a[:, None, :, None] - b[None, :, None, :] - [0.0, 0.0, distance]) ** 2).sum(axis=-1)
        r2 = np.maximum(r2, 1e-2)
        powers = np.stack([r2**-3.0, r2**-4.0, r2**-6.0, r2**-7.0], axis=-1)
        energy = np.einsum("pqabc,abc->pq", powers, coefficients)
        if energy.min() < overlap_k:
            break
        core = float(distance)
    return core


def guest_ewald(models: Sequence[GuestModel], supercell: FloatArray, settings: GCMCSettings) -> Ewald:
    """The split of the guests' Coulomb energy that a run samples with.

    With ``guest_coulomb = "cutoff"`` there is no screening and no Fourier part: molecules within the cut-off meet with
    their bare charges, each as a whole. Without net charge and dipole that is exact but for a quadrupole's r⁻⁵, less
    than 0.1 K per molecule for the gases here, and less than a loose Ewald sum leaves; it is measured after every
    pressure. Raises InputError where a molecule has a dipole and "cutoff" was asked for.
    """
    reach = settings.cutoff_angstrom + 2.0 * max(m.radius_angstrom for m in models)
    polar = check_coulomb(models, settings)
    screened = settings.guest_coulomb == "ewald" or (settings.guest_coulomb == "auto" and polar)
    if not screened or not any(m.has_charges for m in models):
        return ewald_split(supercell, reach, settings.ewald_tolerance, alpha=0.0, k_cutoff=0.0)
    return ewald_split(supercell, reach, settings.ewald_tolerance)


def check_coulomb(models: Sequence[GuestModel], settings: GCMCSettings) -> list[str]:
    """Names of the models with a dipole; raises InputError where they rule out the ``guest_coulomb`` asked for."""
    polar = [m.name for m in models if dipole_e_angstrom(m) > SMALLEST_DIPOLE]
    if settings.guest_coulomb == "cutoff" and polar:
        raise InputError(f"{', '.join(polar)} has a dipole moment; guest_coulomb must be 'ewald' or 'auto' for it.")
    return polar


def dipole_e_angstrom(model: GuestModel) -> float:
    """Length of a molecule's dipole moment, e·Å (a net charge counts as one: it, too, asks for Ewald)."""
    dipole = np.linalg.norm(model.charges @ model.site_positions)
    return float(max(dipole, abs(model.charges.sum())))
