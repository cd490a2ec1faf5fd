"""End to end with several gases and with weights: ensembles whose answers are known exactly."""

import math

import numpy as np
import pytest
from gcmc_naive import (
    CO2,
    CUBIC,
    METHANE,
    block_mean,
    empty_box,
    fugacity,
    guest_model,
    lennard_jones,
    mixed,
    noting,
    one_kind_framework,
    sample,
    system_of,
    toy_framework,
    walker_with,
)
from scipy.integrate import quad
from scipy.stats import binom, chisquare, poisson

from zifsim.gcmc.flat_histogram import log_probability_of
from zifsim.gcmc.macrostates import Ladder
from zifsim.gcmc.moves import SWAP
from zifsim.gcmc.sampling import orientations_of, sample_point
from zifsim.gcmc.walker import DOWN, TRIED, UP, copy_walker
from zifsim.gcmc.widom import mean_weights

TEMPERATURE = 300.0
GHOSTS = tuple(guest_model([(1e-20, 0.1, 0.0, 0.0)], f"ghost-{gas}", gas, 16.0) for gas in ("CH4", "N2", "O2"))
POLAR = guest_model([(90.0, 3.1, -0.15, (0.0, 0.1, 0.3)), (40.0, 2.6, 0.15, (0.3, 0.1, -0.7))], "polar", "H2O", 18.0)
ALL_MOVES = (0.2, 0.2, 0.15, 0.15, 0.05, 0.25)


def assert_within(measured, exact, sigmas=4.0, exact_error=0.0):
    """A (mean, standard error) agrees with an exact value within so many standard errors."""
    mean, error = measured
    assert abs(mean - exact) < sigmas * math.hypot(error, exact_error), f"{mean:.5g} ± {error:.2g}, exact {exact:.5g}"


def assert_distributed(numbers, law, most):
    """χ² of nearly independent samples against a law of whole numbers, those from ``most`` on in one bin."""
    counted = np.bincount(np.minimum(np.asarray(numbers).astype(int), most), minlength=most + 1)
    expected = law.pmf(np.arange(most + 1))
    expected[-1] = law.sf(most - 1)
    assert chisquare(counted, expected * counted.sum()).pvalue > 1e-3


# ---------------------------------------------------------------- no interactions

@pytest.mark.parametrize("probabilities", [ALL_MOVES, (0.5, 0.5, 0, 0, 0, 0)], ids=["with-swaps", "without"])
def test_an_ideal_mixture_has_the_ideal_numbers_independent_and_poisson(probabilities):
    system = system_of(empty_box(16.0), GHOSTS, TEMPERATURE)
    expected = np.array([2.0, 4.0, 0.7])
    state, counts, _ = sample(system, expected / system.volume, 1_500_000, 3, probabilities=probabilities, every=300)
    counts = counts[20:]
    for component in range(3):
        assert_within(block_mean(counts[:, component]), expected[component])
        assert_distributed(counts[:, component], poisson(expected[component]), int(expected[component] + 6))
    assert_distributed(counts.sum(axis=1), poisson(expected.sum()), 15)
    correlation = np.corrcoef(counts.T) - np.eye(3)
    assert np.abs(correlation).max() < 4.0 / math.sqrt(len(counts) / 3)
    assert (state.accepted[SWAP] > 0) == (probabilities[SWAP] > 0)


def test_a_state_point_of_an_ideal_mixture_has_the_numbers_of_its_fugacities():
    system = system_of(empty_box(16.0), GHOSTS[:2], TEMPERATURE, max_moves=200_000, min_moves=200_000)
    run = sample_point(system, [fugacity(n / system.volume, TEMPERATURE) for n in (3.0, 1.5)], 5)
    for summary, expected in zip(run.summaries(), (3.0, 1.5), strict=True):
        assert_within((summary.mean, summary.standard_error), expected)
        assert summary.equilibrated
    assert run.walker.accepted[SWAP] > 0


@pytest.mark.parametrize("trials", [1, 4])
def test_swaps_alone_share_a_fixed_number_of_molecules_out_binomially(trials):
    system = system_of(empty_box(16.0), GHOSTS[:2], TEMPERATURE)
    activity, n = np.array([3e-4, 1e-4]), 6
    state, counts, _ = sample(system, activity, 200_000, 4, probabilities=(0, 0, 0, 0, 0, 1.0), every=60, trials=trials,
                              walker=walker_with(system, 2, n - 2))
    assert set(counts.sum(axis=1)) == {float(n)}
    fraction = activity[0] / activity.sum()
    assert_within(block_mean(counts[:, 0]), n * fraction)
    assert_distributed(counts[20:, 0], binom(n, fraction), n)
    assert state.attempted[SWAP] == 200_000


def test_swaps_of_three_gases_share_one_molecule_out_by_their_activities():
    system = system_of(empty_box(16.0), GHOSTS, TEMPERATURE)
    activity = np.array([1e-4, 3e-4, 0.5e-4])
    _, counts, _ = sample(system, activity, 100_000, 4, probabilities=(0, 0, 0, 0, 0, 1.0), every=10,
                          walker=walker_with(system, 1, 0, 0))
    for component in range(3):
        assert_within(block_mean(counts[:, component]), activity[component] / activity.sum())


# ---------------------------------------------------------------- one molecule that may be either gas

@pytest.mark.parametrize(("guests", "temperature", "trials", "coulomb"), [
    ((METHANE, CO2), 300.0, 1, "cutoff"), ((METHANE, CO2), 300.0, 4, "ewald"),
    ((POLAR, METHANE), 500.0, 4, "auto")], ids=["cutoff-1", "ewald-4", "polar-4"])
def test_one_molecule_is_either_gas_in_proportion_to_its_mean_boltzmann_weight(guests, temperature, trials, coulomb):
    # P_b/P_a = z_b⟨exp(−βU_b)⟩/(z_a⟨exp(−βU_a)⟩), the averages from Widom insertion of each gas alone
    framework = toy_framework(CUBIC * 1.3)
    weights = []
    for guest in guests:
        blocks = mean_weights(system_of(framework, guest, temperature, guest_coulomb=coulomb), 100_000, 1)[:, 0]
        weights.append((blocks.mean(), blocks.std(ddof=1) / math.sqrt(len(blocks))))
    system = system_of(framework, guests, temperature, guest_coulomb=coulomb, bias_exponent=0.5, n_trials=trials)
    activity = [1e-4, 1e-4 * weights[0][0] / weights[1][0]]
    # a molecule's interaction with its own images, 17 Å away, is in the Ewald sum: below 0.5 K
    _, counts, energies = sample(system, activity, 200_000, 6, probabilities=(0, 0, 0.4, 0.1, 0.1, 0.4), every=20,
                                 walker=walker_with(system, 1, 0), trials=trials)
    relative = math.hypot(*(error / mean for mean, error in weights)) + 0.5 / temperature
    assert_within(block_mean(counts[:, 1]), 0.5, exact_error=0.25 * relative)
    assert relative < 0.03
    assert np.ptp(energies) > 100.0


# ---------------------------------------------------------------- competition

@pytest.mark.parametrize("trials", [1, 4])
@pytest.mark.parametrize("filling", [(0.7, 0.4), (4.0, 2.0)], ids=["half-full", "full"])
def test_two_sites_and_two_gases_follow_the_extended_langmuir_isotherm(filling, trials):
    # Two wells far apart, each a host atom in whose attractive shell only one guest fits, of either gas:
    # Ξ = (1 + z_a q_a + z_b q_b)², q the integral of exp(−βu) over one well.
    edge, cutoff, depth = 17.0, 8.0, 16.0
    framework, forcefield = one_kind_framework([(2.0, 2.0, 2.0), (10.5, 10.5, 10.5)], edge,
                                               (depth * TEMPERATURE) ** 2 / TEMPERATURE, 0.5)
    guests = tuple(guest_model([(factor * TEMPERATURE, 6.0, 0.0, 0.0)], gas, gas, 16.0, mixing="geometric")
                   for factor, gas in ((1.0, "CH4"), (0.8, "N2")))
    system = system_of(framework, guests, TEMPERATURE, forcefield, cutoff_angstrom=cutoff, host_path="direct",
                       bias_exponent=0.5)
    q = []
    for guest in guests:
        epsilon, sigma = mixed((forcefield.atoms["Zn"].epsilon_k, 0.5), (guest.sites[0].epsilon_k, 6.0), "geometric")
        q.append(quad(lambda r, e=epsilon, s=sigma: 4 * math.pi * r * r * math.exp(
            -float(lennard_jones(r, e, s, cutoff)) / TEMPERATURE), 1.0, cutoff, points=[1.9, 2.5], limit=300)[0])
    assert q[0] > 3 * q[1]
    activity = np.array(filling) / np.array(q)
    outside = system.volume - 2 * 4 * math.pi / 3 * cutoff**3
    astray = abs(outside) * activity.sum()               # molecules expected outside the wells: hardly any
    assert astray < 1e-3
    state, counts, _ = sample(system, activity, 500_000, 12, probabilities=ALL_MOVES, trials=trials)
    fractions = np.array(filling) / (1 + sum(filling))
    third, error = block_mean(counts.sum(axis=1) > 2)
    assert third < astray + 4.0 * error
    for component in range(2):
        assert_within(block_mean(counts[:, component]), 2 * fractions[component], exact_error=1e-3)
    # both gases, one in each well: twice the product
    assert_within(block_mean((counts == 1).all(axis=1)), 2 * fractions.prod(), exact_error=1e-3)
    assert state.accepted[SWAP] > 1000


@pytest.mark.parametrize("coulomb", ["cutoff", "ewald"])
def test_loadings_of_a_mixture_do_not_depend_on_whether_gases_are_swapped(coulomb):
    system = system_of(toy_framework(CUBIC * 1.3), (METHANE, CO2), TEMPERATURE, guest_coulomb=coulomb, n_trials=2)
    activity = [3e-4, 2e-5]
    results = [sample(system, activity, 100_000, seed, probabilities=probabilities)[1:] for seed, probabilities in (
        (1, (0.3, 0.3, 0.2, 0.1, 0.1, 0.0)), (2, (0.15, 0.15, 0.1, 0.1, 0.1, 0.4)))]
    for component in range(2):
        (mean, error), other = (block_mean(counts[:, component]) for counts, _ in results)
        assert_within(other, mean, exact_error=error)
        assert mean > 0.5
    (mean, error), other = (block_mean(energies) for _, energies in results)
    assert_within(other, mean, exact_error=error)


# ---------------------------------------------------------------- transitions and weights

def test_transitions_of_an_ideal_gas_are_exact_at_once():
    system = system_of(empty_box(16.0), GHOSTS[0], TEMPERATURE, bias_exponent=0.0)
    ladder = Ladder.around(math.log(3.0 / system.volume))
    state, counts, _ = sample(system, 3.0 / system.volume, 20_000, 2, every=1, ladder=ladder,
                              walker=noting(system.new_walker(), ladder))
    most = int(counts.max())
    n = np.arange(most + 1)
    expected = n * math.log(3.0) - np.array([math.lgamma(i + 1) for i in n])
    # every insertion at N has the same ratio 3/(N+1): no averaging, no noise, whatever was visited how often
    found = log_probability_of(state.transitions[None, :most + 1], ladder, math.log(3.0 / system.volume))
    assert found == pytest.approx(expected, abs=1e-4)
    assert state.transitions[:, UP, TRIED].sum() == state.attempted[0]
    assert state.transitions[:, DOWN, TRIED].sum() == state.attempted[1]


@pytest.mark.parametrize(("guest", "activity", "n_trials"), [(METHANE, 3e-4, 2), (CO2, 3e-5, 1), (CO2, 3e-5, 8)],
                         ids=lambda x: getattr(x, "gas", None))
def test_transitions_give_the_probability_of_the_number_that_is_visited(guest, activity, n_trials):
    system = system_of(toy_framework(CUBIC * 1.2), guest, TEMPERATURE, n_trials=n_trials)
    probabilities = (0.3, 0.3, 0.2, 0.2, 0.0)
    # from 8 trials on each is tried in several orientations, and most deletions are given up before they are weighed
    orientations = orientations_of(n_trials)
    start, _, _ = sample(system, activity, 5_000, 1, probabilities=probabilities)
    differences, visited = [], None
    ladder = Ladder.around(math.log(activity))
    for seed in range(2, 18):
        walker = noting(copy_walker(start), ladder)
        walker, counts, _ = sample(system, activity, 15_000, seed, probabilities=probabilities, walker=walker, every=5,
                                   orientations=orientations,                                   ladder=ladder)
        total = np.bincount(counts.reshape(len(counts), -1).sum(axis=1).astype(int), minlength=60)[:60]
        if visited is None:
            visited = np.nonzero(total > 0.05 * total.sum())[0]
        log_pi = log_probability_of(walker.transitions[None, :60], ladder, math.log(activity))
        probability = np.exp(log_pi[visited] - np.logaddexp.reduce(log_pi[visited]))
        differences.append(total[visited] / total[visited].sum() - probability)
    mean = np.mean(differences, axis=0)
    error = np.std(differences, axis=0, ddof=1) / math.sqrt(len(differences))
    assert len(visited) >= 3
    assert np.all(np.abs(mean) < 4 * error + 1e-3), f"{mean} ± {error}"
    assert np.all(error < 0.02)


def test_weights_flatten_the_distribution_and_are_taken_out_again_exactly():
    system = system_of(empty_box(16.0), GHOSTS[0], TEMPERATURE)
    n = np.arange(41)
    log_poisson = poisson(4.0).logpmf(n)
    eta = np.where(n <= 12, -log_poisson, -log_poisson[12])          # flat up to 12
    _, counts, _ = sample(system, 4.0 / system.volume, 1_000_000, 8, every=100, log_bias=tuple(eta),
                          probabilities=(0.5, 0.5, 0, 0, 0))
    seen = np.array([block_mean(counts == i) for i in range(13)])
    flat = np.exp(log_poisson[:13] + eta[:13])
    law = np.exp(log_poisson + eta)
    for i in range(13):
        assert_within(seen[i], flat[i] / law.sum())
    unweighted = seen[:, 0] * np.exp(-eta[:13])
    unweighted /= unweighted.sum()
    error = seen[:, 1] / seen[:, 0]
    assert np.all(np.abs(np.log(unweighted) - log_poisson[:13] + np.log(np.exp(log_poisson[:13]).sum()))
                  < 4 * np.maximum(error, error.mean()))
    assert seen[12, 0] > 1000 * np.exp(log_poisson[12])**1 * 0.05      # where plain sampling would hardly come


def test_weights_do_not_change_what_is_sampled_of_an_interacting_gas():
    system = system_of(toy_framework(CUBIC * 1.2), METHANE, TEMPERATURE, n_trials=2)
    activity = 3e-3
    _, plain, energies = sample(system, activity, 150_000, 3)
    eta = 0.01 * (np.arange(60) - plain.mean()) ** 2 - 0.2 * np.arange(60)
    _, weighted, other = sample(system, activity, 150_000, 4, log_bias=tuple(eta))
    assert abs(weighted.mean() - plain.mean()) > 1.0      # the weights are felt
    weight = np.exp(-eta[weighted.astype(int)])
    weight /= weight.mean()
    for quantity, again in ((plain, weighted), (energies, other)):
        mean, error = block_mean(quantity)
        expected = block_mean(weight * (again - mean))
        assert_within(expected, 0.0, exact_error=error)
