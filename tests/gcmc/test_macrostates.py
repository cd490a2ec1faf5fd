"""Π(N) from what insertions and deletions told: exact where they are, honest in its errors, pooled without bias."""

import math

import numpy as np
import pytest
from gcmc_naive import ideal_transitions
from scipy.stats import poisson

from zifsim.gcmc.macrostates import MOST_BLOCKS, Block, Ladder, Macrostates, Notes, add_block, arrays_of, blocks_of

LADDER = Ladder(-3, 9)
TEMPERATURE = 300.0


def notes(transitions, ladder=LADDER, n_trials=1, first=0):
    """Of one block per row of transitions (B, n, 2, 1 + K)."""
    zeros = np.zeros(transitions.shape[1])
    return Notes.of([Block(first, t, zeros, zeros, 1000) for t in transitions], ladder, n_trials)


def noisy(rng, mean, activity, n_blocks, ladder=LADDER, attempts=2000, n=40):
    """Blocks (B, n, 2, 1 + K) of a gas whose insertions have scattered ratios of the given mean: at every N, visited
    as often as a run at the activity would, each attempt draws one of the two ratios 0.2 and 1.8 of the mean."""
    z, out = np.exp(ladder.log_activities), np.zeros((n_blocks, n, 2, 1 + ladder.count))
    visits = poisson(mean * activity).pmf(np.arange(n))
    for i in range(n - 1):
        ratios = np.array([0.2, 1.8]) * mean / (i + 1)
        up = rng.binomial(rng.poisson(attempts * visits[i], n_blocks)[:, None], [0.5, 0.5])
        # a deletion finds a molecule where it was put: in proportion to the ratio of putting it there
        down = rng.binomial(rng.poisson(attempts * visits[i + 1], n_blocks)[:, None], [0.1, 0.9])
        for k in range(2):
            out[:, i, 0, 0] += up[:, k]
            out[:, i, 0, 1:] += up[:, k, None] * z * ratios[k] / (1.0 + z * ratios[k])
            out[:, i + 1, 1, 0] += down[:, k]
            out[:, i + 1, 1, 1:] += down[:, k, None] / (1.0 + z * ratios[k])
    return out


@pytest.mark.parametrize("activity", [0.3, 2.0, 6.0])
def test_an_ideal_gas_is_known_exactly_at_every_activity(activity):
    macrostates = Macrostates([notes(ideal_transitions(40, 1.0, LADDER)[None])], TEMPERATURE)
    estimate = macrostates.loading(math.log(activity), 2)
    assert estimate.value == pytest.approx(activity, rel=1e-9)
    assert estimate.error < 1e-9
    assert macrostates.number_variance(math.log(activity), 2) == pytest.approx(activity, rel=1e-9)


def test_the_heat_is_that_of_energies_linear_in_the_number():
    n = np.arange(40)
    block = Block(0, ideal_transitions(40, 1.0, LADDER), np.ones(40), -1500.0 * n, 1000)
    macrostates = Macrostates([Notes.of([block] * 20, LADDER, 1)], TEMPERATURE)
    assert macrostates.heat_of_adsorption_kj_mol(0.0, 1) == pytest.approx(1800.0 * 8.31446e-3, rel=1e-5)
    assert macrostates.heat_error_kj_mol(0.0, 1) < 1e-9


def test_runs_at_several_pressures_and_ladders_agree_with_the_poisson_law_within_their_errors():
    rng, deviations = np.random.default_rng(1), []
    other = Ladder(-1, 4)
    for _ in range(200):
        runs = [notes(noisy(rng, 1.0, 0.5, 30)), notes(noisy(rng, 1.0, 3.0, 20, other), other),
                notes(noisy(rng, 1.0, 5.0, 20, other) * 3.0, other, n_trials=4)]
        estimate = Macrostates(runs, TEMPERATURE).loading(math.log(3.0), 3)
        deviations.append((estimate.value - 3.0) / estimate.error)
    # 200 samples: the mean is known to 0.07, the spread to 5 %
    assert abs(np.mean(deviations)) < 4 * 0.071
    assert np.std(deviations) == pytest.approx(1.0, abs=4 * 0.05)


def test_a_run_at_other_pressures_lowers_the_error_and_one_of_other_trials_does_not_mislead():
    rng = np.random.default_rng(2)
    near, far = notes(noisy(rng, 1.0, 3.0, 40)), notes(noisy(rng, 1.0, 4.0, 400))
    alone, both = (Macrostates(runs, TEMPERATURE).loading(math.log(3.0), 3) for runs in ([near], [near, far]))
    assert both.error < 0.6 * alone.error
    assert both.variances.sum() == pytest.approx(both.error**2, rel=1e-6)
    # twice as many chances throughout, in other proportions of what was tried: the same ratios
    crowd = notes(2.0 * noisy(rng, 1.0, 3.0, 40), n_trials=8)
    mixed = Macrostates([near, crowd], TEMPERATURE).loading(math.log(3.0), 3)
    assert mixed.value == pytest.approx(3.0, abs=4 * mixed.error)


def test_the_error_of_correlated_blocks_is_larger():
    rng = np.random.default_rng(3)
    independent = noisy(rng, 1.0, 3.0, 60)
    again = np.repeat(independent[:20], 3, axis=0)      # every block three times: a third of the knowledge
    errors = [Macrostates([notes(b)], TEMPERATURE).loading(math.log(3.0), 3).error for b in (independent, again)]
    assert errors[1] / errors[0] == pytest.approx(math.sqrt(3.0), rel=0.4)


def test_numbers_beyond_a_gap_do_not_count():
    transitions = ideal_transitions(40, 1.0, LADDER)
    transitions[12, 0, 1:] = transitions[13, 1, 1:] = 0.0       # nothing went from 12 to 13, nor back
    macrostates = Macrostates([notes(transitions[None])], TEMPERATURE)
    low, log_pi = macrostates.log_probability(math.log(3.0), 3)
    assert (low, len(log_pi)) == (0, 13 + 20)      # and some beyond, as an ideal gas would go on
    low, log_pi = macrostates.log_probability(math.log(25.0), 25)
    assert low == 13
    assert np.exp(log_pi).sum() == pytest.approx(1.0)


def test_numbers_that_were_not_seen_are_continued_and_count_as_error():
    whole = Macrostates([notes(ideal_transitions(40, 1.0, LADDER)[None])], TEMPERATURE)
    cut = Macrostates([notes(ideal_transitions(9, 1.0, LADDER)[None])], TEMPERATURE)
    estimate = cut.loading(math.log(3.0), 3)
    assert estimate.value == pytest.approx(3.0, rel=1e-9)       # an ideal gas goes on as it began
    law = poisson(3.0)
    unseen = sum(law.pmf(n) * (n - 3.0) for n in range(9, 30))
    assert estimate.error == pytest.approx(unseen, rel=1e-3)
    assert whole.loading(math.log(3.0), 3).error < 1e-9
    transitions = ideal_transitions(40, 1.0, LADDER)
    transitions[:2] = 0.0
    assert Macrostates([notes(transitions[None])], TEMPERATURE).loading(math.log(3.0), 3).error > 0.1


def test_blocks_are_joined_in_pairs_and_lose_nothing():
    rng, blocks = np.random.default_rng(4), []
    total, moves = np.zeros((60, 2, 3)), 0
    for i in range(3 * MOST_BLOCKS):
        first, n = int(rng.integers(0, 20)), int(rng.integers(1, 30))
        new = Block(first, rng.random((n, 2, 3)), np.ones(n), -np.ones(n), 1000)
        total[first:first + n] += new.transitions
        moves += new.moves
        add_block(blocks, new)
        assert len(blocks) <= MOST_BLOCKS + 1, i
    assert sum(b.moves for b in blocks) == moves
    assert {b.moves for b in blocks[:-1]} == {blocks[0].moves}
    assert np.sum([b.widened(0, 60).transitions for b in blocks], axis=0) == pytest.approx(total)
    back = blocks_of(arrays_of(blocks, Ladder(0, 2)))
    assert np.sum([b.widened(0, 60).transitions for b in back], axis=0) == pytest.approx(total)
    assert [b.moves for b in back] == [b.moves for b in blocks]
    assert blocks_of(arrays_of([], Ladder(0, 2))) == []


def test_a_block_takes_what_the_walker_noted_and_leaves_it_empty():
    transitions = np.zeros((50, 2, 3))
    transitions[7:12, :, 0] = 1.0
    transitions[8, 0, 1:] = 0.25
    block = Block.taken(transitions, np.array([9.0, 10.0, 9.0]), np.array([-1.0, -2.0, -3.0]), 60, 20)
    assert (block.first, len(block.visits), block.moves) == (7, 5, 60)
    assert block.visits.tolist() == [0, 0, 2, 1, 0]
    assert block.energies.tolist() == [0, 0, -4, -2, 0]
    assert block.transitions[1, 0, 1] == 0.25
    assert not transitions.any()
