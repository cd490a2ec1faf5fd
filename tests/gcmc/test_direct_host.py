"""The direct path: sums over the atoms near a voxel, and the host's own Ewald sum."""

import math
from dataclasses import replace

import numpy as np
import pytest
from gcmc_naive import (
    CO2,
    CUBIC,
    FORCEFIELD,
    LOPSIDED,
    METHANE,
    TRICLINIC,
    fourier_factors,
    host_lj,
    lattice_shifts,
    quick_settings,
    structure_factor,
    toy_framework,
    wave_vectors,
    wrap,
)
from scipy.special import erfc

from zifsim.gcmc import hostatoms
from zifsim.gcmc.hostatoms import TOLERANCE, direct_energy
from zifsim.gcmc.system import supercell_repeats
from zifsim.model.framework import Framework
from zifsim.units import COULOMB_K_ANGSTROM

CELLS = pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])


def host_of(framework, guest=METHANE, cutoff=6.0, truncation="truncated"):
    from zifsim.gcmc.host import make_host

    settings = quick_settings(cutoff_angstrom=cutoff, truncation=truncation, host_path="direct")
    return make_host(framework, supercell_repeats(framework, (guest,), cutoff), (guest,), FORCEFIELD, 273.0, settings)


def random_sites(framework, n_sites, n=12, seed=0):
    """(n, n_sites, 3) independent points in and around the cell, none nearer than 1.5 Å to an atom."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < n * n_sites:
        point = (3.0 * rng.random(3) - 1.0) @ framework.cell
        if np.linalg.norm(framework.minimum_image(framework.positions - point), axis=1).min() > 1.5:
            found.append(point)
    return np.array(found).reshape(n, n_sites, 3)


@CELLS
@pytest.mark.parametrize("truncation", ["truncated", "shifted"])
@pytest.mark.parametrize("cutoff", [3.0, 6.0, 15.0])       # 15 Å: longer than the cell
def test_lennard_jones_equals_the_sum_over_all_images(cell, truncation, cutoff):
    framework = toy_framework(cell)
    atoms, site = host_of(framework, METHANE, cutoff, truncation).atoms, METHANE.sites[0]
    sites = random_sites(framework, 1)
    for m, point in enumerate(sites[:, 0]):
        expected = host_lj(point, site.epsilon_k, site.sigma_angstrom, framework, FORCEFIELD, cutoff, truncation)
        assert direct_energy(atoms, 0, sites.shape[1], sites, m)[0] == pytest.approx(expected, rel=1e-11, abs=1e-9)


def ewald_potential(framework, point, alpha=0.6):
    """Potential (K/e) at a point by a plain Ewald sum with another split."""
    shifts = lattice_shifts(framework.cell, 6.0 / alpha)
    r = np.linalg.norm(wrap(point - framework.positions, framework.cell)[:, None] + shifts, axis=-1)
    real = (framework.charges[:, None] * erfc(alpha * r) / r).sum() * COULOMB_K_ANGSTROM
    k = wave_vectors(framework.cell, 12.0 * alpha)
    waves = fourier_factors(k, framework.cell, alpha) * structure_factor(k, framework.positions, framework.charges)
    return real + 2.0 * float((waves.conj() * np.exp(1j * k @ point)).real.sum())


@CELLS
@pytest.mark.parametrize("cutoff", [4.0, 6.0, 12.8])
def test_coulomb_equals_a_plain_ewald_sum_of_another_split(cell, cutoff):
    framework = toy_framework(cell)
    atoms, charges = host_of(framework, LOPSIDED, cutoff).atoms, LOPSIDED.charges
    sites = random_sites(framework, len(charges), n=4)
    for m, molecule in enumerate(sites):
        expected = sum(q * ewald_potential(framework, r) for q, r in zip(charges, molecule, strict=True))
        assert direct_energy(atoms, 0, sites.shape[1], sites, m)[1] == pytest.approx(expected, rel=1e-7, abs=2e-3)
        assert abs(expected) > 1.0


def test_the_series_is_the_smooth_part_of_the_screened_potential():
    cutoff = 9.0
    alpha = hostatoms.alpha_for(cutoff, TOLERANCE)
    series = hostatoms._smooth_series(alpha, cutoff)
    near = np.zeros(1)
    for r in (0.3, 0.9, 2.0, 4.5, 8.0, 8.999):
        got = hostatoms._screened_potential(near, near, near, np.ones(1), r, 0.0, 0.0, cutoff**2, series)
        assert got == pytest.approx(COULOMB_K_ANGSTROM * math.erfc(alpha * r) / r, rel=1e-9, abs=1e-5)
    assert hostatoms._screened_potential(near, near, near, np.ones(1), 9.001, 0.0, 0.0, cutoff**2, series) == 0.0


@CELLS
def test_energy_has_the_period_of_the_unit_cell(cell):
    framework = toy_framework(cell)
    atoms = host_of(framework, CO2).atoms
    sites = random_sites(framework, 3, n=1)
    shifted = sites + np.array([2, -1, 3]) @ cell
    expected = direct_energy(atoms, 0, sites.shape[1], sites, 0)
    assert direct_energy(atoms, 0, shifted.shape[1], shifted, 0) == pytest.approx(expected, rel=1e-9)


def test_energy_does_not_depend_on_the_voxels(monkeypatch):
    framework = toy_framework(TRICLINIC)
    sites, energies = random_sites(framework, 3, n=3), []
    for edge in (1.3, 2.5, 50.0):
        monkeypatch.setattr(hostatoms, "VOXEL_ANGSTROM", edge)
        atoms = host_of(framework, CO2).atoms
        energies.append([direct_energy(atoms, 0, sites.shape[1], sites, m) for m in range(3)])
    assert energies[0] == pytest.approx(np.array(energies[1]), rel=1e-11)
    assert energies[2] == pytest.approx(np.array(energies[1]), rel=1e-11)


def test_a_supercell_given_as_such_has_the_energy_of_its_unit_cell():
    framework = toy_framework(TRICLINIC)
    double = framework.supercell((2, 1, 1))
    assert isinstance(double, Framework)
    one, two = host_of(framework, CO2).atoms, host_of(double, CO2).atoms
    sites = random_sites(framework, 3, n=3)
    for m in range(3):
        expected = direct_energy(one, 0, sites.shape[1], sites, m)
        assert direct_energy(two, 0, sites.shape[1], sites, m) == pytest.approx(expected, rel=1e-7, abs=1e-3)


def test_a_gas_without_charges_ignores_those_of_the_host():
    framework = toy_framework()
    sites = random_sites(framework, 1, n=1)
    lj, coulomb = direct_energy(host_of(framework).atoms, 0, sites.shape[1], sites, 0)
    bare = direct_energy(host_of(replace(framework, charges=None)).atoms, 0, sites.shape[1], sites, 0)
    assert coulomb == 0.0
    assert bare == (lj, 0.0)
