"""Each move against its reverse: probabilities of the way there and back stand as the Boltzmann factors do."""

import math

import numpy as np
import pytest
from gcmc_naive import (
    CO2,
    CUBIC,
    LOPSIDED,
    METHANE,
    TRICLINIC,
    conditions_of,
    guest_model,
    noting,
    sample,
    system_of,
    toy_framework,
    walker_with,
)
from gcmc_twin import Xoroshiro

from zifsim.gcmc.accuracy import _only
from zifsim.gcmc.bias import log_density_at
from zifsim.gcmc.energy import real_space_energies, total_energy
from zifsim.gcmc.macrostates import Ladder
from zifsim.gcmc.moves import run_moves
from zifsim.gcmc.random import streams
from zifsim.gcmc.walker import CHANCES, DOWN, TRIED, UP, copy_walker

TEMPERATURE = 500.0
LARGE = guest_model([(120.0, 4.1, 0.0, 0.0)], "large", "SF6", 146.0)


INSERTION, DELETION = (1.0, 0, 0, 0, 0), (0, 1.0, 0, 0, 0)
RUNG = Ladder(-8, 1)    # chances are noted at one activity


def tried(probabilities, system, walker, activity, seed, component=0, **conditions):
    """One move of one kind on a component, with one trial; whether it was taken."""
    if len(system.guest_models) > 1:      # the second number decides on the component
        while int(_second(rng := streams(seed, 2)) * len(system.guest_models)) != component:
            seed += 100_003
    else:
        rng = streams(seed, 2)
    counts, energies = np.zeros((1, len(system.guest_models))), np.zeros(1)
    before = walker.accepted.sum()
    run_moves(rng, system.host, system.guests, system.ewald, system.bias, walker, system.new_scratch(1),
              conditions_of(system, activity, probabilities=probabilities, **conditions), 1, 1, counts, energies)
    return walker.accepted.sum() > before


def _second(rng):
    twin = Xoroshiro(rng[0])
    twin.random()
    return twin.random()


def energy_of(system, walker):
    return float(total_energy(walker, system.host, system.guests, system.ewald, system.volume).sum())


@pytest.mark.parametrize(("guests", "cell", "settings"), [
    ((METHANE, CO2), TRICLINIC * 1.2, {"truncation": "tail", "bias_exponent": 0.5}),
    ((CO2, METHANE), CUBIC * 1.2, {"truncation": "shifted", "bias_exponent": 0.0}),
    ((METHANE, LOPSIDED), CUBIC * 1.2, {"truncation": "tail", "bias_exponent": 0.5}),     # Ewald
    ((CO2, LOPSIDED), TRICLINIC * 1.3, {"truncation": "truncated", "bias_exponent": 0.3}),
], ids=lambda x: "+".join(g.gas for g in x) if isinstance(x, tuple) else None)
def test_insertion_and_deletion_of_a_molecule_have_the_ratio_of_the_grand_ensemble(guests, cell, settings):
    # The only molecule of the second gas comes and goes among three of the first. One trial: the chance of either
    # move is one number, and the two together give the bare ratio.
    system = system_of(toy_framework(cell), guests, TEMPERATURE, cutoff_angstrom=5.0, **settings)
    start, seen, seed = walker_with(system, 3, 0), 0, 0
    activity = np.array([2e-4, 3e-4])
    while seen < 12:
        walker = noting(copy_walker(start), RUNG)
        seed += 1
        if not tried(INSERTION, system, walker, activity, seed, 1, ladder=RUNG):
            continue
        assert walker.number.tolist() == [3, 1]
        assert walker.kind[3] == 1
        density = math.exp(log_density_at(system.bias, 1, walker.centres, 3)) / system.volume
        expected = (activity[1] / (1 * density)
                    * math.exp(-(energy_of(system, walker) - energy_of(system, start)) / TEMPERATURE))
        tried(DELETION, system, walker, activity, seed, 1, ladder=RUNG)
        assert walker.transitions[3, UP, TRIED] == walker.transitions[4, DOWN, TRIED] == 1.0
        there, back = walker.transitions[3, UP, CHANCES], walker.transitions[4, DOWN, CHANCES]
        assert there + back == pytest.approx(1.0)
        assert there / back == pytest.approx(expected * math.exp(RUNG.log_activities[0]) / activity[1], rel=1e-6)
        seen += 1


@pytest.mark.parametrize("log_bias", [None, tuple(0.2 * np.arange(30) ** 2)], ids=["plain", "weighted"])
def test_repeated_insertions_are_accepted_as_often_as_their_chances_say(log_bias):
    system = system_of(toy_framework(), METHANE, TEMPERATURE, cutoff_angstrom=6.0)
    start = walker_with(system, 2)
    before, accepted, n = copy_walker(start), 0, 6000
    chances = []
    for seed in range(n):
        walker = noting(copy_walker(before), RUNG)
        accepted += tried(INSERTION, system, walker, 3e-5, seed, log_bias=log_bias, ladder=RUNG)
        noted = walker.transitions[2, UP, CHANCES]          # zx/(1 + zx) at the rung's activity
        chances.append(noted / (1.0 - noted) * 3e-5 / math.exp(RUNG.log_activities[0]))
    # what is noted is of the unweighted ensemble; the weights enter the decision alone
    expected = np.sum(chances) * (1.0 if log_bias is None else math.exp(log_bias[3] - log_bias[2]))
    assert 0.0 < np.max(chances) < 0.1
    assert accepted == pytest.approx(expected, abs=4 * math.sqrt(expected))


def times_swapped(system, start, wanted, activity, n, seed):
    """How many of ``n`` swaps from ``start`` lead to the kinds ``wanted`` (N,) of its molecules."""
    rng, hits = streams(seed, 2), 0
    counts, energies = np.zeros((1, 2)), np.zeros(1)
    conditions, scratch = conditions_of(system, activity, probabilities=(0, 0, 0, 0, 0, 1.0)), system.new_scratch(1)
    for _ in range(n):
        walker = copy_walker(start)
        run_moves(rng, system.host, system.guests, system.ewald, system.bias, walker, scratch, conditions, 1, 1,
                  counts, energies)
        hits += walker.kind[:len(wanted)].tolist() == wanted
    return hits


@pytest.mark.parametrize("truncation", ["shifted", "tail"])
def test_a_swap_and_its_reverse_are_in_detailed_balance(truncation):
    # spheres have no orientation: the states before and after are two points, and the numbers of transitions between
    # them can be counted
    system = system_of(toy_framework(), (METHANE, LARGE), TEMPERATURE, cutoff_angstrom=6.0, truncation=truncation)
    start, n = walker_with(system, 3, 1), 12_000
    kinds = start.kind[:4].tolist()
    checked = 0
    for i in range(4):
        wanted = [1 - k if m == i else k for m, k in enumerate(kinds)]
        energies = []
        for listed in (kinds, wanted):
            state = copy_walker(start)
            state.kind[:4] = listed
            state.number[:] = [listed.count(0), listed.count(1)]
            energies.append(energy_of(system, state))
        change = (energies[1] - energies[0]) / TEMPERATURE
        if kinds[i] == 1 or change > 15.0:
            continue
        # equal chances would tell least: let the activities make up for the energy, but for a factor of two
        activity = [1e-4, 1e-4 * math.exp(change) * 2.0]
        there = times_swapped(system, start, wanted, activity, n, 10 + i)
        after = copy_walker(start)
        for j in range(4):      # the lists anew
            after.kind[j] = wanted[j]
        for c in range(2):
            members = [j for j in range(4) if wanted[j] == c]
            after.number[c], after.members[c, :len(members)] = len(members), members
            after.place[members] = np.arange(len(members))
        one_by_one = sample_energies(system, after)
        after.host_energies[:4], after.energy[:] = one_by_one[0], one_by_one[1]
        back = times_swapped(system, after, kinds, activity, n, 20 + i)
        assert min(there, back) > 300
        # π(after)/π(before) = z_b/z_a exp(−βΔU); 4σ of two counts
        assert math.log(there / back) == pytest.approx(math.log(2.0), abs=4 * math.sqrt(1 / there + 1 / back))
        checked += 1
    assert checked >= 2


def sample_energies(system, walker):
    """Host energy of each molecule and the running totals, from scratch."""
    n = int(walker.total[0])
    alone = [real_space_energies(_only(walker, np.array([i]), system), system.host, system.guests, system.ewald)[:2]
             for i in range(n)]
    return np.sum(alone, axis=1), total_energy(walker, system.host, system.guests, system.ewald, system.volume)


def test_a_swap_leaves_the_number_and_the_place_of_all_molecules():
    system = system_of(toy_framework(CUBIC * 1.2), (METHANE, CO2), TEMPERATURE, cutoff_angstrom=5.0)
    state = walker_with(system, 2, 2)
    places = state.centres[:, :4].copy()
    kinds = set()
    for seed in range(40):
        sample(system, [1e-4, 2e-4], 5, seed, probabilities=(0, 0, 0, 0, 0, 1.0), walker=state, every=1, trials=3)
        kinds.add(tuple(state.kind[:4].tolist()))
        assert state.total[0] == state.number.sum() == 4
        for c in range(2):
            members = state.members[c, :state.number[c]]
            assert np.all(state.kind[members] == c)
            assert state.place[members].tolist() == list(range(len(members)))
    assert np.array_equal(state.centres[:, :4], places)
    assert len(kinds) > 4
    assert state.energy == pytest.approx(total_energy(state, system.host, system.guests, system.ewald, system.volume),
                                         abs=1e-8 * np.abs(state.energy).sum())
