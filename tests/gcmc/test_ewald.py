"""Ewald sums against known lattices, other splits, other cells and published reference energies."""

import math

import numpy as np
import pytest
from gcmc_naive import (
    CUBIC,
    DATA,
    TRICLINIC,
    empty_box,
    ewald_energy,
    fourier_factors,
    guest_model,
    intramolecular,
    pair_energy,
    random_turn,
    structure_factor,
    system_of,
    wave_vectors,
    wrap,
)
from scipy.special import erfc

from zifsim.gcmc.energy import load_configuration, total_energy
from zifsim.gcmc.ewald import (
    add_structure_factor,
    alpha_for,
    ewald_split,
    exclusion_energy,
    fourier_change,
    fourier_energy,
    phase_scratch,
    self_energy,
)
from zifsim.gcmc.potential import pair_splines, pair_table, spline_energy
from zifsim.units import COULOMB_K_ANGSTROM, KELVIN_TO_KJ_MOL


def factors(split, positions, charges, sign=1.0):
    real, imaginary = np.zeros(len(split.k_factor)), np.zeros(len(split.k_factor))
    # the charges stand among those of other molecules: the first is in row 2
    listed = np.concatenate([[7.0, -3.0], charges, [5.0]])
    add_structure_factor(split, np.ascontiguousarray(positions)[None], 0, listed, 2, len(charges), sign,
                         phase_scratch(split), real, imaginary)
    return real, imaginary


def kernel_energy(positions, charges, cell, split, cutoff):
    """Energy (K) of separate charges, waves by the engine's kernels; the cell must be wider than twice the cut-off."""
    energy = fourier_energy(split, *factors(split, positions, charges)) + self_energy(split.alpha, charges)
    for i in range(len(charges)):
        for j in range(i):
            r = float(np.linalg.norm(wrap(positions[i] - positions[j], cell)))
            if r < cutoff:
                energy += COULOMB_K_ANGSTROM * charges[i] * charges[j] * erfc(split.alpha * r) / r
    return energy


def random_charges(cell, n=10, seed=5):
    rng = np.random.default_rng(seed)
    charges = rng.normal(size=n)
    return rng.random((n, 3)) @ cell, charges - charges.mean()


def test_screening_parameter_brings_the_real_space_term_to_the_tolerance_at_the_cutoff():
    assert erfc(alpha_for(12.0, 1e-5) * 12.0) == pytest.approx(1e-5, rel=1e-6)


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])
def test_wave_vectors_and_structure_factors_equal_complex_exponentials(cell):
    split = ewald_split(cell, 6.0, 1e-6)
    positions, charges = random_charges(cell)
    k = wave_vectors(cell, 2.0 * split.alpha * math.sqrt(-math.log(1e-6)))
    assert 2 * np.count_nonzero(split.k_factor) == len(k)
    assert split.k_factor.sum() == pytest.approx(fourier_factors(k, cell, split.alpha).sum(), rel=1e-12)
    expected = float(fourier_factors(k, cell, split.alpha) @ np.abs(structure_factor(k, positions, charges)) ** 2)
    assert fourier_energy(split, *factors(split, positions, charges)) == pytest.approx(expected, rel=1e-11)


def test_incremental_fourier_energies_add_up():
    split = ewald_split(TRICLINIC, 6.0, 1e-5)
    first, second = random_charges(TRICLINIC, seed=1), random_charges(TRICLINIC, seed=2)
    a, b = factors(split, *first), factors(split, *second)
    together = fourier_energy(split, a[0] + b[0], a[1] + b[1])
    assert fourier_energy(split, *a) + fourier_change(split, *a, *b) == pytest.approx(together, rel=1e-12)
    assert factors(split, *first, sign=-1.0)[0] == pytest.approx(-a[0], abs=1e-12)


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])
def test_total_energy_does_not_depend_on_the_split(cell):
    positions, charges = random_charges(cell)
    expected = ewald_energy(positions, charges, cell)
    for alpha in (0.9, 1.1, 1.4):
        split = ewald_split(cell, 6.0, 1e-9, alpha=alpha, k_cutoff=10.0 * alpha)
        assert kernel_energy(positions, charges, cell, split, 6.0) == pytest.approx(expected, rel=1e-7)


def test_looser_tolerance_costs_accuracy_and_saves_wave_vectors():
    positions, charges = random_charges(CUBIC)
    expected = ewald_energy(positions, charges, CUBIC)
    errors, sizes = [], []
    for tolerance in (1e-2, 1e-4, 1e-7):
        split = ewald_split(CUBIC, 6.0, tolerance)
        errors.append(abs(kernel_energy(positions, charges, CUBIC, split, 6.0) - expected) / abs(expected))
        sizes.append(np.count_nonzero(split.k_factor))
    assert errors[0] > errors[1] > errors[2]
    assert errors[1] < 1e-3
    assert errors[2] < 1e-6
    assert sizes == sorted(sizes)


def test_rock_salt_has_the_madelung_constant():
    # 1.747564594633182: Borwein, Borwein & Taylor 1985, doi:10.1063/1.526675
    distance = 3.0
    sites = np.array([(i, j, k) for i in range(4) for j in range(4) for k in range(4)])
    charges = (-1.0) ** sites.sum(axis=1)
    cell = np.eye(3) * 4 * distance
    split = ewald_split(cell, 5.9, 1e-10)
    per_pair = kernel_energy(sites * distance, charges, cell, split, 5.9) / 32
    assert per_pair * distance / COULOMB_K_ANGSTROM == pytest.approx(-1.747564594633182, abs=2e-8)


def test_a_lattice_described_by_a_sheared_cell_has_the_same_energy():
    positions, charges = random_charges(CUBIC)
    sheared = np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]]) @ CUBIC
    # the same points in the same lattice; the sheared cell is thinner, so a shorter cut-off is used in both
    expected = kernel_energy(positions, charges, CUBIC, ewald_split(CUBIC, 4.0, 1e-9, alpha=1.3), 4.0)
    energy = ewald_energy(positions, charges, sheared)
    assert energy == pytest.approx(expected, rel=1e-6)
    split = ewald_split(sheared, 4.0, 1e-9, alpha=1.3)
    cubic_split = ewald_split(CUBIC, 4.0, 1e-9, alpha=1.3)
    assert fourier_energy(split, *factors(split, positions, charges)) == pytest.approx(
        fourier_energy(cubic_split, *factors(cubic_split, positions, charges)), rel=1e-10)


def test_self_and_exclusion_terms_leave_no_energy_within_a_molecule_alone_in_a_wide_box():
    charges, body = np.array([-0.35, 0.7, -0.35]), np.array([[0, 0, 1.16], [0, 0, 0], [0, 0, -1.16]])
    cell = np.eye(3) * 60.0
    split = ewald_split(cell, 12.0, 1e-9, alpha=0.35)
    positions = body @ random_turn(np.random.default_rng(1)).T + 30.0
    energy = (fourier_energy(split, *factors(split, positions, charges)) + self_energy(split.alpha, charges)
              + exclusion_energy(split.alpha, charges, body))
    # what is left is the molecule's quadrupole with its images 60 Å away
    assert abs(energy) < 1e-2
    expected = ewald_energy(positions, charges, cell, alpha=0.35) - intramolecular(charges, positions)
    assert energy == pytest.approx(expected, abs=1e-4)


def nist_rows(name):
    lines = (DATA / "nist" / name).read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines[2:] if line.split()]


def test_nist_water_configuration_by_term():
    # NIST SRSW, SPC/E water, configuration 1: L = 20 Å, α = 5.6/L, n² < 27, r_c = 10 Å; kJ/mol
    rows = nist_rows("spce_sample_config_periodic1.xyz")
    positions = np.array([row[1:4] for row in rows], dtype=float).reshape(-1, 3, 3)
    charges = np.array([-0.8476, 0.4238, 0.4238])
    cell = np.eye(3) * 20.0
    positions[:, 1:] = positions[:, :1] + wrap(positions[:, 1:] - positions[:, :1], cell)
    split = ewald_split(cell, 10.0, 1e-6, alpha=5.6 / 20, k_cutoff=2 * math.pi / 20 * math.sqrt(26.5))
    n = len(positions)
    assert n == 100
    fourier = fourier_energy(split, *factors(split, positions.reshape(-1, 3), np.tile(charges, n)))
    own = n * self_energy(split.alpha, charges)
    exclusion = sum(exclusion_energy(split.alpha, charges, m) for m in positions)
    oxygen = (np.array([78.19743111]), np.array([3.16555789]))
    pairs = pair_table(*oxygen, *oxygen, cutoff_angstrom=10.0, truncation="tail")
    nothing = pair_table(np.zeros(3), np.ones(3), np.zeros(3), np.ones(3), cutoff_angstrom=10.0, truncation="truncated")
    screened = pair_splines(nothing, np.outer(charges, charges), split.alpha, 10.0)
    real = lj = 0.0
    for i in range(n):
        for j in range(i):
            s = (wrap(positions[i][:, None] - positions[j][None], cell) ** 2).sum(axis=-1)
            if s[0, 0] < 100.0:
                lj += pair_energy(pairs, 0, 0, s[0, 0])
            for a, b in np.argwhere(s < 100.0):
                real += spline_energy(screened.cubics, screened.rows[a, b], screened.start, screened.per_area, s[a, b])
    tail = 0.5 * n * n * pairs.tail[0, 0] / 20.0**3
    terms = np.array([lj, tail, real, fourier, own, exclusion]) * KELVIN_TO_KJ_MOL
    expected = [827.61105, -6.84874714555, -4646.86076009, 52.13245734, -23652.08037050, 23363.57374187]
    # NIST used older constants: 1e-6 relative
    assert terms == pytest.approx(expected, rel=2e-6)
    assert terms.sum() == pytest.approx(-4062.472624, rel=5e-6)


def test_nist_lennard_jones_configuration():
    # NIST SRSW, 30 particles, L = 8, r_c = 3, reduced units
    centres = np.array([row[1:4] for row in nist_rows("lj_sample_config_periodic4.xyz")], dtype=float)
    n = len(centres)
    assert n == 30
    one = np.ones(1)
    pairs = pair_table(one, one, one, one, cutoff_angstrom=3.0, truncation="tail")
    cell = np.eye(3) * 8.0
    energy = 0.0
    for m in range(n):
        s = (wrap(centres[m] - centres[:m], cell) ** 2).sum(axis=1)
        energy += sum(pair_energy(pairs, 0, 0, x) for x in s[s < 9.0])
    assert energy == pytest.approx(-16.790321304625856, rel=1e-12)
    assert 0.5 * n * n * pairs.tail[0, 0] / 512.0 == pytest.approx(-0.5451660014945704, rel=1e-12)


def test_nist_lennard_jones_configuration_in_the_walker():
    # the same with σ = 3 Å, through the neighbour list and the tabulated energies that the moves use
    centres = 3.0 * np.array([row[1:4] for row in nist_rows("lj_sample_config_periodic4.xyz")], dtype=float)
    argon = guest_model([(1.0, 3.0, 0.0, 0.0)], "LJ", "CH4")
    system = system_of(empty_box(24.0), argon, 1.0, cutoff_angstrom=9.0, truncation="tail")
    walker = system.new_walker()
    load_configuration(walker, system.guests, system.host, centres[:, None])
    _, pairs, _, tail = total_energy(walker, system.host, system.guests, system.ewald, system.volume)
    assert pairs == pytest.approx(-16.790321304625856, rel=1e-8)
    assert tail == pytest.approx(-0.5451660014945704, rel=1e-12)
