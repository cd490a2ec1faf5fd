"""End to end: the moves together sample ensembles whose answers are known exactly."""

import math

import numpy as np
import pytest
from gcmc_naive import (
    BALANCED,
    CO2,
    CUBIC,
    FORCEFIELD,
    METHANE,
    block_mean,
    empty_box,
    fugacity,
    guest_model,
    lennard_jones,
    mixed,
    one_kind_framework,
    quick_settings,
    random_turn,
    sample,
    system_of,
    toy_framework,
    walker_with,
)
from scipy.integrate import quad
from scipy.special import gamma
from scipy.stats import poisson

from zifsim.gcmc.engine import run_point
from zifsim.gcmc.host import OVERLAP, host_energy
from zifsim.gcmc.jit import kernel
from zifsim.gcmc.system import make_system
from zifsim.gcmc.walker import HOST
from zifsim.gcmc.widom import henry_from_blocks, mean_weights

TEMPERATURE = 300.0
GHOST = guest_model([(1e-20, 0.1, 0.0, 0.0)], "ghost", "CH4", 16.0)
TRANSLATION_ONLY, ROTATION_ONLY, REGROWTH_ONLY = (0, 0, 0, 1.0, 0), (0, 0, 0, 0, 1.0), (0, 0, 1.0, 0, 0)


def assert_within(measured, exact, sigmas=4.0, exact_error=0.0):
    """A (mean, standard error) agrees with an exact value within so many standard errors.

    Seeds are fixed, but another processor rounds differently and so walks another path: 4 σ of some forty
    comparisons fail by chance once in a hundred machines; 3 σ would once in nine.
    """
    mean, error = measured
    assert abs(mean - exact) < sigmas * math.hypot(error, exact_error), f"{mean:.5g} ± {error:.2g}, exact {exact:.5g}"


@kernel
def _energies(host, sites, scratch, out):
    """Host LJ and Coulomb of every molecule of ``sites`` into ``out`` (M, 2)."""
    for m in range(sites.shape[0]):
        lj, coulomb = host_energy(host, 0, sites.shape[1], sites, m)
        out[m, 0] = lj
        out[m, 1] = coulomb


def host_energies(system, sites):
    """(M,) host energies of molecules (M, S, 3), infinite in an overlap."""
    out = np.zeros((len(sites), 2))
    _energies(system.host, np.ascontiguousarray(sites), system.new_scratch(), out)
    return np.where(out[:, 0] >= OVERLAP, np.inf, out.sum(axis=1))


def boltzmann_average(energies, temperature_k):
    """⟨U⟩ over placements drawn uniformly."""
    weights = np.exp(-(energies - energies.min()) / temperature_k)
    return float((weights * np.where(np.isfinite(energies), energies, 0.0)).sum() / weights.sum())


def lattice_points(cell, n):
    """n³ points of a regular lattice, off the corners."""
    axis = (np.arange(n) + 0.37) / n
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3) @ cell


# ---------------------------------------------------------------- no interactions, hard walls

@pytest.mark.parametrize(("exponent", "trials"), [(0.0, 1), (0.5, 4)])
def test_ideal_gas_has_the_ideal_number_and_a_poisson_distribution(exponent, trials):
    system = system_of(empty_box(16.0), GHOST, TEMPERATURE, bias_exponent=exponent, n_trials=trials)
    expected = 5.0
    _, counts, energies = sample(system, expected / system.volume, 1_000_000, 3, every=250)
    assert_within(block_mean(counts), expected)
    assert np.abs(energies).max() < 1e-3      # the grid is single precision
    counted = np.bincount(counts.astype(int)[20:], minlength=15)
    model = poisson.pmf(np.arange(len(counted)), expected) * counted.sum()
    observed = np.append(counted[1:11], [counted[0], counted[11:].sum()])
    model = np.append(model[1:11], [model[0], counted.sum() - model[:11].sum()])
    # 11 degrees of freedom: 99.9 % below 31.3
    assert ((observed - model) ** 2 / model).sum() < 31.3


def test_run_point_of_an_ideal_gas_returns_fugacity_times_volume_over_kt():
    system = system_of(empty_box(16.0), GHOST, TEMPERATURE, max_moves=200_000, min_moves=200_000)
    point, _ = run_point(system, 1e5, fugacity(4.0 / system.volume, TEMPERATURE), 5)
    assert_within((point.molecules_per_cell, point.molecules_per_cell_error), 4.0)
    assert point.equilibrated
    assert point.loading_mol_kg == pytest.approx(point.molecules_per_cell / system.mass_amu * 1e3)
    # heat of an ideal gas without a host: RT
    assert point.heat_of_adsorption_kj_mol == pytest.approx(8.314462618e-3 * TEMPERATURE, abs=1e-4)


def test_soft_wall_takes_exactly_its_excluded_volume():
    # u = C/r¹² excludes (4π/3)(βC)^(1/4) Γ(3/4); the attraction of σ = 30 Å and ε = 1e-9 K is 3e-3 K at the wall
    framework, forcefield = one_kind_framework([(8.0, 8.0, 8.0)], 16.0, 1e-9, 59.9)
    ghost = guest_model([(1e-9, 0.1, 0.0, 0.0)], "ghost", "CH4", 16.0)
    system = system_of(framework, ghost, TEMPERATURE, forcefield, cutoff_angstrom=8.0, host_path="direct",
                       bias_exponent=0.0)
    repulsion = 4e-9 * 30.0**12 / TEMPERATURE
    excluded = 4 * math.pi / 3 * repulsion**0.25 * gamma(0.75)
    assert 100 < excluded < 0.2 * system.volume
    activity = 20.0 / system.volume
    _, counts, _ = sample(system, activity, 600_000, 8)
    assert_within(block_mean(counts), activity * (system.volume - excluded))


# ---------------------------------------------------------------- one molecule: canonical averages

def mean_host_energy(system, walker, probabilities, seed, n_moves=100_000, steps=(1.5, 1.2)):
    assert walker.total[0] == 1
    _, counts, energies = sample(system, 1e-9, n_moves, seed, probabilities=probabilities, walker=walker, steps=steps,
                                 every=10)
    assert set(counts) == {1.0}
    # an uncharged host term only: the image of the molecule with itself does not change with its place here
    return block_mean(energies)


@pytest.mark.parametrize(("probabilities", "exponent", "trials"), [
    (TRANSLATION_ONLY, 0.0, 1), (REGROWTH_ONLY, 0.0, 1), (REGROWTH_ONLY, 0.5, 6)],
    ids=["translation", "regrowth-plain", "regrowth-biased"])
def test_one_atom_takes_the_boltzmann_average_of_the_host(probabilities, exponent, trials):
    system = system_of(toy_framework(CUBIC), METHANE, TEMPERATURE, bias_exponent=exponent, n_trials=trials)
    exact = boltzmann_average(host_energies(system, lattice_points(CUBIC, 60)[:, None]), TEMPERATURE)
    assert_within(mean_host_energy(system, walker_with(system, 1), probabilities, 4), exact)


def test_a_turning_molecule_takes_the_boltzmann_average_over_orientations():
    system = system_of(toy_framework(CUBIC * 1.3), CO2, TEMPERATURE)
    walker = walker_with(system, 1)
    place = walker.centres[:, 0].copy()
    centre = place @ system.host.cell
    rng = np.random.default_rng(0)
    bodies = np.array([CO2.site_positions @ random_turn(rng).T for _ in range(20_000)])
    exact = boltzmann_average(host_energies(system, centre + bodies), TEMPERATURE)
    before = walker.energy[HOST]
    _, _, energies = sample(system, 1e-9, 200_000, 6, probabilities=ROTATION_ONLY, walker=walker, every=10)
    rest = energies[-1] - walker.energy[HOST]
    assert walker.centres[:, 0] == pytest.approx(place)
    assert walker.energy[HOST] != before
    mean, error = block_mean(energies - rest)
    assert_within((mean, error), exact, exact_error=max(1.0, 0.01 * abs(exact)))


@pytest.mark.parametrize("probabilities", [REGROWTH_ONLY, (0, 0, 0, 0.5, 0.5)],
                         ids=["regrowth", "translation-and-rotation"])
def test_one_charged_molecule_takes_the_widom_average_of_the_host(probabilities):
    system = system_of(toy_framework(CUBIC * 1.3), CO2, TEMPERATURE, ewald_tolerance=1e-3)
    blocks = mean_weights(system, 2_000_000, 1)    # fewer miss the few deep places, and their error bar too
    ratio = blocks[:, 1] / blocks[:, 0]
    exact, exact_error = blocks[:, 1].mean() / blocks[:, 0].mean(), ratio.std() / math.sqrt(len(ratio))
    measured = mean_host_energy(system, walker_with(system, 1), probabilities, 9, steps=(2.0, 1.5))
    # 0.5 K more: the molecule's interaction with its own images, 17 Å away
    assert_within(measured, exact, exact_error=exact_error + 0.5)


# ---------------------------------------------------------------- two molecules: pairs and wells

def pair_weight(guest, cutoff, volume, temperature_k, power=0):
    """∫ u^power exp(−βu) over the relative position of two one-site molecules in a periodic box."""
    site = guest.sites[0]

    def u(r):
        return float(lennard_jones(r, site.epsilon_k, site.sigma_angstrom, cutoff))

    inside, _ = quad(lambda r: 4 * math.pi * r * r * u(r)**power * math.exp(-u(r) / temperature_k), 1.5, cutoff,
                     limit=300)
    outside = volume - 4 * math.pi / 3 * cutoff**3
    return inside + (outside if power == 0 else 0.0)


@pytest.mark.parametrize(("probabilities", "trials"), [(TRANSLATION_ONLY, 1), (REGROWTH_ONLY, 1), (REGROWTH_ONLY, 5)],
                         ids=["translation", "regrowth-1", "regrowth-5"])
def test_two_molecules_in_a_box_take_the_exact_pair_energy(probabilities, trials):
    system = system_of(empty_box(13.0), METHANE, 150.0, n_trials=trials)
    weight = [pair_weight(METHANE, 6.0, system.volume, 150.0, p) for p in (0, 1)]
    _, _, energies = sample(system, 1e-9, 400_000, 2, probabilities=probabilities, walker=walker_with(system, 2),
                            every=10, steps=(3.0, 0.5))
    assert_within(block_mean(energies), weight[1] / weight[0])


def test_a_dilute_imperfect_gas_has_the_exact_number_of_pairs():
    system = system_of(empty_box(13.0), METHANE, 150.0, n_trials=3)
    volume = system.volume
    activity = 0.05 / volume
    _, counts, _ = sample(system, activity, 1_000_000, 6)
    # Ξ = 1 + zV + z²V·w/2 + …: the third term of the ratio P(2)/P(1) cancels every other unknown
    n1, n2 = (counts == 1).astype(float), (counts == 2).astype(float)
    ratio = activity * pair_weight(METHANE, 6.0, volume, 150.0) / 2
    assert_within(block_mean(n2 - ratio * n1), 0.0)
    assert n2.mean() > 1e-3
    assert ratio > 1.1 * activity * volume / 2


@pytest.mark.parametrize(("exponent", "trials"), [(0.0, 4), (0.5, 1), (0.5, 4)])
@pytest.mark.parametrize("filling", [0.7, 3.0])
def test_two_site_langmuir_toy_follows_its_exact_isotherm(filling, exponent, trials):
    # Two wells far apart, each a host atom whose attractive shell is so small that a second guest cannot fit:
    # Ξ = (1 + z q)², with q the integral of exp(−βu) over one well.
    edge, cutoff, depth = 17.0, 8.0, 14.0
    framework, forcefield = one_kind_framework([(2.0, 2.0, 2.0), (10.5, 10.5, 10.5)], edge,
                                               (depth * TEMPERATURE) ** 2 / TEMPERATURE, 0.5)
    guest = guest_model([(TEMPERATURE, 6.0, 0.0, 0.0)], "big", "CH4", 16.0, mixing="geometric")
    system = system_of(framework, guest, TEMPERATURE, forcefield, cutoff_angstrom=cutoff, host_path="direct",
                       bias_exponent=exponent, n_trials=trials)
    epsilon, sigma = mixed((forcefield.atoms["Zn"].epsilon_k, 0.5), (TEMPERATURE, 6.0), "geometric")
    q, _ = quad(lambda r: 4 * math.pi * r * r * math.exp(-float(lennard_jones(r, epsilon, sigma, cutoff))
                                                         / TEMPERATURE), 1.0, cutoff, points=[1.9, 2.5], limit=300)
    outside = system.volume - 2 * 4 * math.pi / 3 * cutoff**3
    activity = filling / q
    assert abs(outside * activity) < 2e-3          # what lies outside the wells does not matter
    _, counts, _ = sample(system, activity, 800_000, 12)
    filled = filling / (1 + filling)
    assert counts.max() >= 2
    assert (counts > 2).mean() < 2e-3
    assert_within(block_mean(counts), 2 * filled, exact_error=2e-3)
    for n, probability in enumerate(((1 - filled) ** 2, 2 * filled * (1 - filled), filled**2)):
        assert_within(block_mean(counts == n), probability, exact_error=2e-3)


# ---------------------------------------------------------------- biased against plain, low pressure

def test_biased_and_plain_sampling_give_the_same_loading_and_energy():
    framework, results = toy_framework(CUBIC * 1.3), []
    for exponent, trials, seed in ((0.0, 1, 1), (0.5, 8, 2), (1.0, 2, 3)):
        system = system_of(framework, CO2, TEMPERATURE, bias_exponent=exponent, n_trials=trials)
        _, counts, energies = sample(system, 3e-5, 100_000 if trials > 1 else 300_000, seed)
        results.append((block_mean(counts), block_mean(energies)))
    assert 1.0 < results[0][0][0] < 30.0
    for loading, energy in results[1:]:
        assert_within(loading, results[0][0][0], exact_error=results[0][0][1])
        assert_within(energy, results[0][1][0], exact_error=results[0][1][1])


@pytest.mark.parametrize("probabilities", [(0.5, 0.5, 0, 0, 0), (0.1, 0.1, 0.1, 0.35, 0.35)],
                         ids=["swaps", "mostly-local"])
def test_loading_does_not_depend_on_the_mix_of_moves(probabilities):
    system = system_of(toy_framework(CUBIC * 1.3), CO2, TEMPERATURE)
    reference = block_mean(sample(system, 3e-5, 100_000, 1, probabilities=BALANCED)[1])
    assert_within(block_mean(sample(system, 3e-5, 100_000, 2, probabilities=probabilities)[1]), reference[0],
                  exact_error=reference[1])


@pytest.mark.parametrize("guest", [METHANE, CO2], ids=lambda g: g.name)
def test_low_pressure_slope_and_heat_are_the_henry_coefficient_and_heat_of_widom(guest):
    system = make_system(toy_framework(CUBIC * 1.3), guest, FORCEFIELD, TEMPERATURE, quick_settings(
        min_moves=400_000, max_moves=400_000, ewald_tolerance=1e-3, truncation="tail"))
    henry = henry_from_blocks(system, mean_weights(system, 100_000, 3), 100_000, 3)
    per_molecule = 1e3 / system.mass_amu
    pressure = 0.08 * per_molecule / henry.henry_coefficient_mol_kg_pa        # 0.08 molecules in the cell
    point, _ = run_point(system, pressure, pressure, 4)
    expected = henry.henry_coefficient_mol_kg_pa * pressure
    # guests attract one another: a second virial term of a few per cent at this loading is allowed for
    assert_within((point.loading_mol_kg, point.loading_error_mol_kg), expected,
                  exact_error=henry.henry_error_mol_kg_pa * pressure + 0.03 * expected)
    assert_within((point.heat_of_adsorption_kj_mol, point.heat_of_adsorption_error_kj_mol),
                  henry.heat_of_adsorption_kj_mol, exact_error=henry.heat_of_adsorption_error_kj_mol + 0.1)
    assert point.heat_of_adsorption_error_kj_mol < 1.0
