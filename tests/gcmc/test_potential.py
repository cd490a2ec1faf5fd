"""Pair potentials: mixing, truncation, tail, Feynman–Hibbs."""

import math

import numpy as np
import pytest
from gcmc_naive import METHANE, guest_model, lennard_jones, mixed, pair_energy
from scipy.integrate import quad
from scipy.special import erfc

from zifsim.gcmc.guests import guest_pairs
from zifsim.gcmc.potential import (
    feynman_hibbs_area,
    pair_splines,
    pair_table,
    quantum_area_of,
    spline_energy,
)
from zifsim.gcmc.settings import GCMCSettings
from zifsim.units import AMU_KG, ANGSTROM_M, BOLTZMANN_J_K, COULOMB_K_ANGSTROM, HBAR_J_S

A = ((79.0, 3.05), (27.0, 2.80))
B = ((43.0, 2.34), (36.5, 3.26), (15.3, 2.44))


def table(truncation="truncated", cutoff=12.0, **changes):
    epsilon_a, sigma_a = (np.array(x) for x in zip(*A, strict=True))
    epsilon_b, sigma_b = (np.array(x) for x in zip(*B, strict=True))
    return pair_table(epsilon_a, sigma_a, epsilon_b, sigma_b, cutoff_angstrom=cutoff, truncation=truncation, **changes)


def energy(pairs, a, b, r):
    return pair_energy(pairs, a, b, r * r)


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
def test_coefficients_equal_the_textbook_formula(truncation, area):
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


# ---------------------------------------------------------------- tabulated site–site energies

CHARGES = np.array([-0.35, 0.7, 0.0, 0.4])
SITES = np.array([(79.0, 3.05), (27.0, 2.80), (148.0, 3.73), (0.0, 1.0)])     # the last is a bare charge
REACH = 17.0


def tabulated(truncation, alpha, area=0.0, cutoff=12.0):
    """Lennard-Jones and Coulomb of four kinds of sites, exact and as splines."""
    pairs = pair_table(*SITES.T, *SITES.T, cutoff_angstrom=cutoff, truncation=truncation, quantum_area=area)
    return pairs, pair_splines(pairs, np.outer(CHARGES, CHARGES), alpha, REACH)


def looked_up(splines, a, b, s):
    row = splines.rows[a, b]
    return 0.0 if row < 0 else spline_energy(splines.cubics, row, splines.start, splines.per_area, s)


def exact(pairs, alpha, a, b, s):
    """Lennard-Jones and Coulomb terms of two sites, K, and the sum of their sizes."""
    r = math.sqrt(s)
    lj = pair_energy(pairs, a, b, s) if s < pairs.cutoff2 else 0.0
    coulomb = COULOMB_K_ANGSTROM * CHARGES[a] * CHARGES[b] * erfc(alpha * r) / r
    size = float(np.abs(pairs.coefficients[a, b]) @ [s**-3, s**-4, s**-6, s**-7]) + abs(coulomb)
    return lj, coulomb, size


@pytest.mark.parametrize("truncation", ["truncated", "shifted", "tail"])
@pytest.mark.parametrize(("alpha", "area"), [(0.0, 0.0), (0.2, 0.013), (0.35, 0.0)])
def test_splines_equal_the_formulas_for_all_pairs_of_sites(truncation, alpha, area):
    pairs, splines = tabulated(truncation, alpha, area)
    points = np.concatenate([np.linspace(4.0, 144.0, 400), np.random.default_rng(1).uniform(144.0, REACH**2, 100)])
    for a in range(4):
        for b in range(4):
            for s in points:
                lj, coulomb, size = exact(pairs, alpha, a, b, s)
                assert looked_up(splines, a, b, s) == pytest.approx(lj + coulomb, rel=0.0, abs=1e-7 * size)
    # in the core a look-up is as steep a wall as the formula: nearer than √6 Å² nothing of it counts
    for s in np.linspace(1.0, 4.0, 50):
        lj, coulomb, size = exact(pairs, alpha, 0, 0, s)
        assert looked_up(splines, 0, 0, s) == pytest.approx(lj + coulomb, rel=0.0, abs=1e-3 * size)


@pytest.mark.parametrize("truncation", ["truncated", "shifted"])
def test_lennard_jones_ends_exactly_at_the_cutoff_and_coulomb_goes_on(truncation):
    pairs, splines = tabulated(truncation, 0.1)
    inside, outside = 144.0 * (1 - 1e-12), 144.0 * (1 + 1e-12)
    for a in range(4):
        for b in range(4):
            lj, coulomb, size = exact(pairs, 0.1, a, b, inside)
            assert looked_up(splines, a, b, inside) == pytest.approx(lj + coulomb, rel=0.0, abs=1e-7 * size)
            assert looked_up(splines, a, b, outside) == pytest.approx(coulomb, rel=0.0, abs=1e-7 * size)
    jump = looked_up(splines, 2, 2, inside) - looked_up(splines, 2, 2, outside)
    expected = 4 * 148.0 * ((3.73 / 12) ** 12 - (3.73 / 12) ** 6) if truncation == "truncated" else 0.0
    assert jump == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_equal_pairs_share_a_row_and_silent_ones_have_none():
    _, splines = tabulated("shifted", 0.2)
    assert splines.rows.shape == (4, 4)
    assert np.array_equal(splines.rows, splines.rows.T)
    assert splines.rows[2, 3] == -1                      # no charge meets no Lennard-Jones
    assert len({*splines.rows.ravel().tolist()} - {-1}) == len(splines.cubics) - 1 == 9
    assert splines.rows[3, 3] >= 0                       # charges alone


def test_nearer_than_the_table_begins_the_energy_stays_that_of_its_start():
    _, splines = tabulated("shifted", 0.2)
    at_start = looked_up(splines, 0, 0, splines.start)
    assert at_start > 1e9
    for s in (0.0, 1e-9, 0.5 * splines.start):
        assert looked_up(splines, 0, 0, s) == at_start


def test_unlike_gases_mix_by_the_geometric_rule_only_if_both_were_fitted_with_it():
    settings = GCMCSettings(cutoff_angstrom=9.0, truncation="shifted")
    first = guest_model([(80.0, 3.0, 0.0, 0.0)], "a", "CO2", mixing="geometric")
    for rule, expected in (("geometric", "geometric"), ("lorentz-berthelot", "lorentz-berthelot")):
        second = guest_model([(20.0, 4.0, 0.0, 0.0)], "b", "N2", mixing=rule)
        pairs = guest_pairs((first, second), 300.0, settings)
        for i, j, rows in ((0, 1, (first, second)), (1, 0, (second, first)), (0, 0, (first, first))):
            a, b = ((g.sites[0].epsilon_k, g.sites[0].sigma_angstrom) for g in rows)
            e, s = mixed(a, b, expected if i != j else "geometric")
            assert energy(pairs, i, j, 4.2) == pytest.approx(float(lennard_jones(4.2, e, s, 9.0, "shifted")), rel=1e-9)


def test_a_pair_of_gases_is_quantum_if_one_of_them_is_with_their_reduced_mass():
    hydrogen = guest_model([(36.7, 2.958, 0.0, 0.0)], "h2", "H2", mass=2.016, feynman_hibbs=True)
    reduced = 2.016 * 16.0 / 18.016
    assert quantum_area_of(hydrogen, 77.0, METHANE) == pytest.approx(feynman_hibbs_area(reduced, 77.0), rel=1e-12)
    assert quantum_area_of(METHANE, 77.0, hydrogen) == quantum_area_of(hydrogen, 77.0, METHANE)
    pairs = guest_pairs((hydrogen, METHANE), 77.0, GCMCSettings(cutoff_angstrom=9.0))
    e, s = mixed((36.7, 2.958), (148.0, 3.73))
    assert energy(pairs, 0, 1, 3.5) == pytest.approx(
        float(lennard_jones(3.5, e, s, 9.0, area=feynman_hibbs_area(reduced, 77.0))), rel=1e-9)
    assert energy(pairs, 1, 1, 3.5) == pytest.approx(float(lennard_jones(3.5, 148.0, 3.73, 9.0)), rel=1e-9)
