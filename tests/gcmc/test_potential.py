"""Pair potentials: mixing, truncation, tail, Feynman–Hibbs."""

import math

import numpy as np
import pytest
from gcmc_naive import METHANE, guest_model, lennard_jones, mixed
from scipy.integrate import quad

from zifsim.gcmc.potential import feynman_hibbs_area, pair_energy, pair_table, quantum_area_of
from zifsim.units import AMU_KG, ANGSTROM_M, BOLTZMANN_J_K, HBAR_J_S

A = ((79.0, 3.05), (27.0, 2.80))
B = ((43.0, 2.34), (36.5, 3.26), (15.3, 2.44))


def table(truncation="truncated", cutoff=12.0, **changes):
    epsilon_a, sigma_a = (np.array(x) for x in zip(*A, strict=True))
    epsilon_b, sigma_b = (np.array(x) for x in zip(*B, strict=True))
    return pair_table(epsilon_a, sigma_a, epsilon_b, sigma_b, cutoff_angstrom=cutoff, truncation=truncation, **changes)


def energy(pairs, a, b, r):
    return pair_energy(pairs.coefficients, pairs.shift, a, b, r * r)


@pytest.mark.parametrize("mixing", ["lorentz-berthelot", "geometric"])
def test_mixed_pairs_cross_zero_at_sigma_and_have_their_minimum_at_minus_epsilon(mixing):
    pairs = table(mixing=mixing)
    for i, a in enumerate(A):
        for j, b in enumerate(B):
            epsilon, sigma = mixed(a, b, mixing)
            assert energy(pairs, i, j, sigma) == pytest.approx(0.0, abs=1e-10 * epsilon)
            assert energy(pairs, i, j, 2 ** (1 / 6) * sigma) == pytest.approx(-epsilon, rel=1e-12)


@pytest.mark.parametrize("truncation", ["truncated", "shifted", "tail"])
@pytest.mark.parametrize("area", [0.0, 0.013])
def test_kernel_equals_the_textbook_formula(truncation, area):
    pairs = table(truncation, quantum_area=area)
    for i, a in enumerate(A):
        for j, b in enumerate(B):
            for r in (2.2, 3.0, 4.5, 11.9):
                expected = float(lennard_jones(r, *mixed(a, b), 12.0, truncation, area))
                assert energy(pairs, i, j, r) == pytest.approx(expected, rel=1e-11, abs=1e-12)


def test_shifted_potential_is_zero_at_the_cutoff_and_the_others_are_not():
    assert energy(table("shifted"), 0, 1, 12.0) == pytest.approx(0.0, abs=1e-14)
    assert energy(table("truncated"), 0, 1, 12.0) < -0.01


@pytest.mark.parametrize("area", [0.0, 0.02])
def test_tail_is_the_integral_beyond_the_cutoff(area):
    pairs = table("tail", cutoff=9.0, quantum_area=area)
    for i, a in enumerate(A):
        for j, b in enumerate(B):
            epsilon, sigma = mixed(a, b)
            integral, _ = quad(lambda r, e=epsilon, s=sigma: 4 * math.pi * r * r * float(
                lennard_jones(r, e, s, math.inf, area=area)), 9.0, math.inf, epsabs=1e-10)
            assert pairs.tail[i, j] == pytest.approx(integral, rel=1e-8)
    assert not table("truncated").tail.any()
    assert not table("shifted").tail.any()


def test_feynman_hibbs_term_is_area_times_the_laplacian_by_finite_differences():
    area = 0.02
    classical, quantum = table(), table(quantum_area=area)
    h = 1e-3
    for r in (2.6, 3.2, 4.0, 6.0):
        low, mid, high = (energy(classical, 0, 1, r + d) for d in (-h, 0.0, h))
        laplacian = (high - 2 * mid + low) / h**2 + 2.0 / r * (high - low) / (2 * h)
        assert energy(quantum, 0, 1, r) - mid == pytest.approx(area * laplacian, rel=1e-4)


def test_feynman_hibbs_uses_the_full_mass_against_the_host_and_half_of_it_between_guests():
    hydrogen = guest_model([(36.7, 2.958, 0.0, 0.0)], mass=2.016, feynman_hibbs=True)
    expected = HBAR_J_S**2 / (24 * 2.016 * AMU_KG * BOLTZMANN_J_K * 77.0) / ANGSTROM_M**2
    assert quantum_area_of(hydrogen, 77.0, None) == pytest.approx(expected, rel=1e-12)
    assert quantum_area_of(hydrogen, 77.0, hydrogen) == pytest.approx(2 * expected, rel=1e-12)
    assert quantum_area_of(METHANE, 77.0, None) == 0.0
    assert feynman_hibbs_area(1.0, 77.0) == pytest.approx(2.016 * expected, rel=1e-12)
    # ħ²/(k_B amu Å²) is 48.5 K: the correction of H2 at 77 K is an area of a hundredth of a square ångström
    assert expected == pytest.approx(48.508 / (24 * 2.016 * 77.0), rel=1e-3)
