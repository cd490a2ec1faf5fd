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

from zifsim.gcmc.jit import kernel
from zifsim.model.guest import GuestModel
from zifsim.units import AMU_KG, ANGSTROM_M, BOLTZMANN_J_K, HBAR_J_S

FloatArray = NDArray[np.float64]


class PairTable(NamedTuple):
    """Pair potentials between A row sites and B column sites, energies in K, lengths in Å.

    ``coefficients`` (A, B, 4) of s⁻³, s⁻⁴, s⁻⁶, s⁻⁷; ``shift`` (A, B) subtracted inside the cut-off;
    ``tail`` (A, B): ∫ 4πr² u(r) dr beyond the cut-off, K·Å³ (0 unless asked for).
    """

    coefficients: FloatArray
    shift: FloatArray
    tail: FloatArray
    cutoff2: float


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


def quantum_area_of(guest: GuestModel, temperature_k: float, partner: str) -> float:
    """Feynman–Hibbs area of a guest against a rigid ``host`` (μ = m) or another ``guest`` (μ = m/2), Å²."""
    if not guest.feynman_hibbs:
        return 0.0
    mass = guest.molar_mass_g_mol * (0.5 if partner == "guest" else 1.0)
    return feynman_hibbs_area(mass, temperature_k)


@kernel
def pair_energy(coefficients, shift, a, b, s):
    """u(s) in K of sites a and b at s = r² (Å²) inside the cut-off."""
    inverse = 1.0 / s
    inverse3 = inverse * inverse * inverse
    return (
        inverse3 * (coefficients[a, b, 0] + coefficients[a, b, 1] * inverse
                    + inverse3 * (coefficients[a, b, 2] + coefficients[a, b, 3] * inverse))
        - shift[a, b]
    )
