"""Lennard-Jones pair potentials as powers of s = r²: mixing, Feynman–Hibbs, truncation and tail.

Every pair is u(s) = c3/s³ + c4/s⁴ + c6/s⁶ + c7/s⁷ − shift for s < cutoff². The classical 12-6 potential has c3
and c6; the quadratic Feynman–Hibbs correction (Feynman & Hibbs 1965; Sesé, Mol. Phys. 1994,
doi:10.1080/00268979400100481) adds c4 and c7. One form serves all gases, so one kernel does.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from zifsim.gcmc.jit import kernel
from zifsim.model.guest import GuestModel
from zifsim.units import AMU_KG, ANGSTROM_M, BOLTZMANN_J_K, COULOMB_K_ANGSTROM, HBAR_J_S

FloatArray = NDArray[np.float64]


QUANTUM_LEFT_OUT = 0.2  # of a well's depth: a larger term may not be left out of the Feynman–Hibbs series
SPLINE_STEP = 0.05     # Å²: at 2.5 Å a Lennard-Jones wall is good to 3e-8 of itself
SPLINE_START = 0.25    # Å²: deep inside any core


class PairTable(NamedTuple):
    """Pair potentials between A row sites and B column sites, energies in K, lengths in Å.

    ``coefficients`` (A, B, 4) of s⁻³, s⁻⁴, s⁻⁶, s⁻⁷; ``shift`` (A, B) subtracted inside the cut-off;
    ``tail`` (A, B): ∫ 4πr² u(r) dr beyond the cut-off, K·Å³ (0 unless asked for).
    """

    coefficients: FloatArray
    shift: FloatArray
    tail: FloatArray
    cutoff2: float


class PairSplines(NamedTuple):
    """Site–site energies as cubics in s = r², all sites of all gases against each other.

    ``rows`` (F, F) row of ``cubics`` for two sites, −1 where nothing acts; ``cubics`` (P, I, 4) coefficients of
    interval i, that is of s from ``start`` + i/``per_area``, in K; nearer than ``start`` (Å²) the energy is that at
    ``start``.
    """

    rows: NDArray[np.int64]
    cubics: FloatArray
    start: float
    per_area: float


def feynman_hibbs_area(reduced_mass_amu: float, temperature_k: float) -> float:
    """ħ²/(24 μ k_B T) in Å²: the factor of (U″ + 2U′/r) in the quadratic Feynman–Hibbs potential."""
    area_m2 = HBAR_J_S**2 / (24.0 * reduced_mass_amu * AMU_KG * BOLTZMANN_J_K * temperature_k)
    return area_m2 / ANGSTROM_M**2


def pair_table(
    epsilon_a: FloatArray, sigma_a: FloatArray, epsilon_b: FloatArray, sigma_b: FloatArray, *,
    cutoff_angstrom: float, truncation: str, mixing: str = "lorentz-berthelot", quantum_area: float = 0.0,
) -> PairTable:
    """Mix (A,) and (B,) site parameters (ε/k_B in K, σ in Å) into a :class:`PairTable`.

    ``quantum_area`` is :func:`feynman_hibbs_area`, 0 for classical guests.
    """
    epsilon = np.sqrt(np.outer(epsilon_a, epsilon_b))
    if mixing == "geometric":
        sigma = np.sqrt(np.outer(sigma_a, sigma_b))
    else:
        sigma = 0.5 * (np.asarray(sigma_a)[:, None] + np.asarray(sigma_b)[None, :])
    attraction, repulsion = -4.0 * epsilon * sigma**6, 4.0 * epsilon * sigma**12
    coefficients = np.stack(
        [attraction, 30.0 * quantum_area * attraction, repulsion, 132.0 * quantum_area * repulsion], axis=-1
    )
    rc = cutoff_angstrom
    at_cutoff = coefficients @ np.array([rc**-6, rc**-8, rc**-12, rc**-14])
    beyond = coefficients @ (4.0 * math.pi * np.array([rc**-3 / 3, rc**-5 / 5, rc**-9 / 9, rc**-11 / 11]))
    zero = np.zeros_like(at_cutoff)
    return PairTable(
        np.ascontiguousarray(coefficients),
        at_cutoff if truncation == "shifted" else zero,
        beyond if truncation == "tail" else zero.copy(),
        rc * rc,
    )


def quantum_area_of(guest: GuestModel, temperature_k: float, partner: GuestModel | None) -> float:
    """Feynman–Hibbs area of a guest against another, or against a rigid host (None: μ = m), Å².

    A pair is quantum if either molecule is.
    """
    if not (guest.feynman_hibbs or (partner is not None and partner.feynman_hibbs)):
        return 0.0
    mass = guest.molar_mass_g_mol
    if partner is not None:
        mass = mass * partner.molar_mass_g_mol / (mass + partner.molar_mass_g_mol)
    return feynman_hibbs_area(mass, temperature_k)


def quantum_note(guest: GuestModel, temperature_k: float) -> str:
    """What a user should know of a gas's Feynman–Hibbs correction at a temperature; nothing where it holds, or there is
    none.

    The molecule is smeared as a Gaussian, U → U + a∇²U + ½a²∇⁴U + … with a of :func:`feynman_hibbs_area`, and the
    series is cut after its second term. At the minimum r₀ = 2^(1/6) σ of two Lennard-Jones sites a∇²U = 72 ε a/r₀² and
    ½a²∇⁴U = 10332 ε (a/r₀²)²; the correction is out of its range where the latter, left out, exceeds a fifth of ε (H2:
    below 41 K). Against a rigid host a is half as large, and the limit half as high.
    """
    sites = [s for s in guest.sites if s.epsilon_k > 0.0 and s.sigma_angstrom > 0.0]
    if not (guest.feynman_hibbs and sites):
        return ""
    at_one_kelvin = quantum_area_of(guest, 1.0, guest)
    size = min(2.0 ** (1.0 / 3.0) * s.sigma_angstrom**2 for s in sites)
    left_out = 10332.0 * (at_one_kelvin / temperature_k / size) ** 2
    if left_out <= QUANTUM_LEFT_OUT:
        return ""
    limit = at_one_kelvin / size * math.sqrt(10332.0 / QUANTUM_LEFT_OUT)
    return (f"the quadratic Feynman-Hibbs correction of {guest.name} is out of its range below {limit:.0f} K: at "
            f"{temperature_k:g} K the next term of its series, which is left out, is {left_out:.0%} of the depth of "
            "the well between two molecules; take the numbers as a rough guess.")


def pair_splines(pairs: PairTable, coulomb: FloatArray, alpha: float, reach_angstrom: float) -> PairSplines:
    """Tabulate Lennard-Jones and screened Coulomb k_e q_a q_b erfc(αr)/r of (F, F) site pairs up to a reach, K.

    ``coulomb`` (F, F) holds q_a q_b in e². Lennard-Jones ends at its cut-off, which is a border between intervals;
    Coulomb does not end. Each cubic has the exact value and slope at both ends of its interval.
    """
    cutoff2 = pairs.cutoff2
    n_inside = int(np.ceil((cutoff2 - SPLINE_START) / SPLINE_STEP))
    step = (cutoff2 - SPLINE_START) / n_inside
    n = max(n_inside, int(np.ceil((reach_angstrom**2 - SPLINE_START) / step))) + 2
    s = SPLINE_START + step * np.arange(n + 1)
    rows = np.concatenate([pairs.coefficients, pairs.shift[..., None], coulomb[..., None]], axis=-1).reshape(-1, 6)
    kinds, index = np.unique(rows, axis=0, return_inverse=True)
    index = index.reshape(coulomb.shape)
    silent = np.abs(kinds).sum(axis=1) == 0.0
    cubics = np.zeros((len(kinds), n, 4))
    for row, (c3, c4, c6, c7, shift, charge) in enumerate(kinds):
        value = c3 * s**-3 + c4 * s**-4 + c6 * s**-6 + c7 * s**-7 - shift
        slope = -(3 * c3 * s**-4 + 4 * c4 * s**-5 + 6 * c6 * s**-7 + 7 * c7 * s**-8)
        cubics[row, :n_inside] = _hermite(value[:n_inside + 1], slope[:n_inside + 1] * step)
        r = np.sqrt(s)
        screened = COULOMB_K_ANGSTROM * charge * erfc(alpha * r) / r
        gauss = COULOMB_K_ANGSTROM * charge * 2.0 * alpha / math.sqrt(math.pi) * np.exp(-(alpha**2) * s)
        cubics[row] += _hermite(screened, -0.5 * (screened + gauss) / s * step)
    return PairSplines(np.where(silent[index], -1, index).astype(np.int64), cubics, SPLINE_START, 1.0 / step)


def _hermite(value: FloatArray, slope: FloatArray) -> FloatArray:
    """(n, 4) power coefficients on 0 ≤ t < 1 from n + 1 values and slopes (per interval)."""
    rise = np.diff(value)
    return np.stack([value[:-1], slope[:-1], 3.0 * rise - 2.0 * slope[:-1] - slope[1:],
                     slope[:-1] + slope[1:] - 2.0 * rise], axis=-1)


@kernel
def spline_energy(cubics: FloatArray, row: int, start: float, per_area: float, s: float) -> float:
    """Energy (K) of a site pair of kind ``row`` at s = r² (Å²)."""
    x = (s - start) * per_area
    if x <= 0.0:
        core: float = cubics[row, 0, 0]
        return core
    i = int(x)
    t = x - i
    energy: float = cubics[row, i, 0] + t * (cubics[row, i, 1] + t * (cubics[row, i, 2] + t * cubics[row, i, 3]))
    return energy
