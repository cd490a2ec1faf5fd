"""Moves of the Monte Carlo sampling: insertion, deletion, identity swap, regrowth, translation, rotation.

Insertion, deletion and regrowth use several trial placements (Rosenbluth weights; Siepmann & Frenkel 1992,
doi:10.1080/00268979200100061; Frenkel & Smit, ch. 13). A trial drawn at density g(r) with energy u (host and
real-space guest energy) weighs w = exp(−βu) / (g(r) V) (trials.py); W is the mean weight of the k trials. The
reciprocal-space part of Ewald and the tail, ΔR, are no part of it and enter the acceptance:

    insertion   min(1, βfV W/(N+1) exp(−βΔR))        deletion   min(1, N/(βfV W) exp(−βΔR))
    regrowth    min(1, W_new/W_old exp(−βΔR))        swap a→b   min(1, N_a f_b W_b/((N_b+1) f_a W_a) exp(−βΔR))

A swap turns a molecule of one gas into another at the same centre; its trials are orientations (g V = 1). With the
weights η(N) of ``Conditions.log_bias`` insertion and deletion gain exp(±(η(N+1) − η(N))). Every move leaves the walker
as if nothing had happened when it is rejected.

Every insertion and deletion, accepted or not, is noted (``Walker.transitions``): with x the ratio of an insertion at
unit activity, its chance at an activity z is zx/(1 + zx), and that of the deletion which undoes it 1/(1 + zx) (Barker
1965, doi:10.1071/PH650119). Whatever activity the walker is at, the two means at any z fix Π(N+1)/Π(N) by detailed
balance, best where they are alike (Bennett 1976, doi:10.1016/0021-9991(76)90078-4); so there is a ladder of them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zifsim.gcmc.bias import log_density_at
from zifsim.gcmc.bookkeeping import (
    add_to_component,
    apply_reciprocal_change,
    close_gap,
    reciprocal_change,
    remove_from_component,
    tail_of_adding,
    take_trial,
)
from zifsim.gcmc.chances import note_deletion, note_insertion
from zifsim.gcmc.jit import inlined, kernel
from zifsim.gcmc.random import DECISIONS, uniform
from zifsim.gcmc.trials import (
    NEVER,
    choose,
    log_mean_weight,
    old_placement,
    old_weight,
    try_placement,
    turn_trials,
    weigh,
)
from zifsim.gcmc.walker import (
    DOWN,
    FOURIER,
    HOST,
    PAIR,
    TAIL,
    TRIED,
    find_neighbours,
    turn_body,
)

INSERTION, DELETION, REGROWTH, TRANSLATION, ROTATION, SWAP = range(6)
MOVE_NAMES = ("insertion", "deletion", "regrowth", "translation", "rotation", "swap")


class Conditions(NamedTuple):
    """What a walker is run at. ``beta`` 1/K; ``log_activities`` (C,) ln(βf/Å⁻³) of each gas; ``volume`` Å³; ``mix``
    (6,) cumulative probabilities of the moves; ``steps`` (2,) translation, Å, and rotation, rad; ``orientations`` of
    each trial position; ``log_bias`` (M + 1,) weights η(N) of a flat-histogram run, (1,) otherwise; ``ladder`` (K,)
    activities βf, Å⁻³, at which the chances of insertions and deletions are noted."""

    beta: float
    log_activities: NDArray[np.float64]
    volume: float
    mix: NDArray[np.float64]
    steps: NDArray[np.float64]
    orientations: int
    log_bias: NDArray[np.float64]
    ladder: NDArray[np.float64]


@kernel
def metropolis(rng, log_ratio):
    """Accept with probability min(1, exp(log_ratio))."""
    return log_ratio >= 0.0 or uniform(rng, DECISIONS) < math.exp(log_ratio)


@inlined
def insertion(rng, host, guests, ewald, bias, walker, scratch, conditions, component):
    """Try to add a molecule of a component. Returns True if accepted."""
    n, trials = walker.total[0], scratch.log_weights.shape[0]
    for t in range(trials):
        try_placement(rng, t + 1, host, guests, bias, walker, scratch, conditions, component, t, -1)
    return decide_insertion(rng, host, guests, ewald, walker, scratch, conditions, component, n)


@inlined
def decide_insertion(rng, host, guests, ewald, walker, scratch, conditions, component, n):
    """Choose among the weighed trials and accept or reject the insertion."""
    accepted = False
    log_weight = NEVER
    log_mean = log_mean_weight(scratch.log_weights, scratch.log_weights.shape[0])
    if log_mean > NEVER:
        t = choose(rng, scratch.log_weights, log_mean)
        fourier = reciprocal_change(host, guests, ewald, walker, scratch, -1, t, component)
        tail = tail_of_adding(walker.number, host.tail_energies, guests.tails, conditions.volume, component, 1.0)
        log_weight = (math.log(conditions.volume / (walker.number[component] + 1)) + log_mean
                      - conditions.beta * (fourier + tail))
        log_ratio = log_weight + conditions.log_activities[component]
        if is_weighted(conditions):
            log_ratio += conditions.log_bias[n + 1] - conditions.log_bias[n]
        if metropolis(rng, log_ratio):
            take_trial(guests, walker, scratch, n, t, component)
            apply_reciprocal_change(guests, walker, scratch, fourier)
            walker.energy[TAIL] += tail
            add_to_component(walker, n, component)
            walker.total[0] = n + 1
            accepted = True
    note_insertion(walker.transitions, n, conditions.ladder, log_weight)
    return accepted


@inlined
def deletion(rng, host, guests, ewald, bias, walker, scratch, conditions, component):
    """Try to remove a random molecule of a component. Returns True if accepted."""
    accepted = False
    if conditions.ladder.shape[0] > 0:
        walker.transitions[walker.total[0], DOWN, TRIED] += 1.0
    if walker.number[component] > 0:
        i = walker.members[component, pick(rng, walker.number[component])]
        log_lot = draw_lot(rng)
        log_most = most_likely(host, guests, ewald, bias, walker, scratch, conditions, i)
        if log_lot <= log_most:
            old_placement(rng, host, guests, bias, walker, scratch, conditions, i)
            accepted = decide_deletion(host, guests, ewald, walker, scratch, conditions, i, log_lot, log_most)
    return accepted


@kernel
def draw_lot(rng):
    """ln of a random number of (0, 1]: what the ln of an acceptance probability must not be below."""
    return math.log(1.0 - uniform(rng, DECISIONS))


@inlined
def is_weighted(conditions):
    """Whether this is a flat-histogram run, whose acceptance is weighted."""
    return conditions.log_bias.shape[0] > 1


@kernel
def most_likely(host, guests, ewald, bias, walker, scratch, conditions, i):
    """ln of what the chance of removing molecule ``i`` is at most, whatever the trials beside it weigh: they can only
    make it more welcome. 0 where nothing is known.

    In a crowd that spares nearly all of the weighing (the few that pass are weighed anew with the rest). Its mean
    weight is at least its own divided by all trials.
    """
    trials = scratch.log_weights.shape[0] * conditions.orientations
    if trials == 1 or is_weighted(conditions):
        return 0.0
    least = (old_weight(host, guests, walker, scratch, conditions.beta, i)
             - log_density_at(bias, walker.kind[i], walker.centres, i) - math.log(trials))
    log_weight, _, _ = removal(host, guests, ewald, walker, scratch, conditions, i, least)
    return min(0.0, -log_weight - conditions.log_activities[walker.kind[i]])


@kernel
def removal(host, guests, ewald, walker, scratch, conditions, i, log_mean):
    """ln of the ratio, at unit activity, of the insertion that removing molecule ``i`` of mean weight ``log_mean``
    undoes, and the changes of the reciprocal-space and the tail energy, K."""
    component = walker.kind[i]
    fourier = reciprocal_change(host, guests, ewald, walker, scratch, i, -1, component)
    tail = tail_of_adding(walker.number, host.tail_energies, guests.tails, conditions.volume, component, -1.0)
    log_weight = (math.log(conditions.volume / walker.number[component]) + log_mean
                  + conditions.beta * (fourier + tail))
    return log_weight, fourier, tail


@inlined
def decide_deletion(host, guests, ewald, walker, scratch, conditions, i, log_lot, log_most):
    """Accept or reject the removal of molecule ``i``, whose old placement is weighed as trial 0.

    ``log_most``: ln of the probability with which it came to be weighed at all, so that what is noted counts for all.
    """
    n = walker.total[0]
    log_mean = log_mean_weight(scratch.log_weights, scratch.log_weights.shape[0])
    log_weight, fourier, tail = removal(host, guests, ewald, walker, scratch, conditions, i, log_mean)
    note_deletion(walker.transitions, n, conditions.ladder, log_weight, math.exp(-log_most))
    log_ratio = -log_weight - conditions.log_activities[walker.kind[i]]
    if is_weighted(conditions):
        log_ratio += conditions.log_bias[n - 1] - conditions.log_bias[n]
    accepted = log_lot <= log_ratio
    if accepted:
        walker.energy[HOST] -= scratch.energies[0, 0]
        walker.energy[PAIR] -= scratch.energies[0, 1]
        walker.energy[TAIL] += tail
        apply_reciprocal_change(guests, walker, scratch, fourier)
        remove_from_component(walker, i)
        close_gap(walker, i)
    return accepted


@inlined
def regrowth(rng, host, guests, ewald, bias, walker, scratch, conditions):
    """Try to put a random molecule somewhere else. Returns True if accepted."""
    accepted = False
    if walker.total[0] > 0:
        i = pick(rng, walker.total[0])
        trials = scratch.log_weights.shape[0]
        old_placement(rng, host, guests, bias, walker, scratch, conditions, i)
        log_old = log_mean_weight(scratch.log_weights, trials)
        old_pair = scratch.energies[0, 1]
        for t in range(trials):
            try_placement(rng, t + 1, host, guests, bias, walker, scratch, conditions, walker.kind[i], t, i)
        accepted = decide_regrowth(rng, host, guests, ewald, walker, scratch, conditions, i, log_old, old_pair)
    return accepted


@inlined
def decide_regrowth(rng, host, guests, ewald, walker, scratch, conditions, i, log_old, old_pair):
    """Choose among the weighed trials and accept or reject that in the place of molecule ``i``."""
    accepted = False
    log_new = log_mean_weight(scratch.log_weights, scratch.log_weights.shape[0])
    if log_new > NEVER:
        t = choose(rng, scratch.log_weights, log_new)
        accepted = decide_replacement(rng, host, guests, ewald, walker, scratch, conditions, i, t, log_new - log_old,
                                      old_pair)
    return accepted


@inlined
def displacement(rng, host, guests, ewald, walker, scratch, conditions, step_angstrom, step_radians):
    """Try a small translation or rotation of a random molecule. Returns True if accepted."""
    accepted = False
    if walker.total[0] > 0:
        i = pick(rng, walker.total[0])
        component = walker.kind[i]
        _nudge(rng, host, guests, walker, scratch, i, component, step_angstrom, step_radians)
        near = find_neighbours(guests, walker, scratch, component, scratch.centres, 0, i)
        log_new = NEVER
        if near >= 0:
            log_new = weigh(host, guests, walker, scratch, conditions.beta, component, 0, near)
        if log_new > NEVER:
            new_host, new_pair = scratch.energies[0, 0], scratch.energies[0, 1]
            log_old = old_weight(host, guests, walker, scratch, conditions.beta, i)
            old_pair = scratch.energies[0, 1]
            scratch.energies[0, 0], scratch.energies[0, 1] = new_host, new_pair
            accepted = decide_replacement(rng, host, guests, ewald, walker, scratch, conditions, i, 0,
                                          log_new - log_old, old_pair)
    return accepted


@inlined
def decide_replacement(rng, host, guests, ewald, walker, scratch, conditions, i, t, log_ratio, old_pair):
    """Accept or reject trial ``t`` in the place of molecule ``i`` of the same kind."""
    fourier = reciprocal_change(host, guests, ewald, walker, scratch, i, t, walker.kind[i])
    accepted = metropolis(rng, log_ratio - conditions.beta * fourier)
    if accepted:
        walker.energy[HOST] -= walker.host_energies[i]
        walker.energy[PAIR] -= old_pair
        take_trial(guests, walker, scratch, i, t, walker.kind[i])
        apply_reciprocal_change(guests, walker, scratch, fourier)
    return accepted


@inlined
def swap(rng, host, guests, ewald, walker, scratch, conditions):
    """Try to turn a random molecule of one gas into another gas, at its centre. Returns True if accepted."""
    accepted = False
    components, trials = walker.number.shape[0], scratch.log_weights.shape[0]
    old = pick(rng, components)
    new = (old + 1 + pick(rng, components - 1)) % components
    if walker.number[old] > 0:
        i = walker.members[old, pick(rng, walker.number[old])]
        beta = conditions.beta
        turn_trials(rng, host, guests, walker, scratch, beta, old, 1, i)
        scratch.log_weights[0] = old_weight(host, guests, walker, scratch, beta, i)
        log_old, old_pair = log_mean_weight(scratch.log_weights, trials), scratch.energies[0, 1]
        turn_trials(rng, host, guests, walker, scratch, beta, new, 0, i)
        accepted = decide_swap(rng, host, guests, ewald, walker, scratch, conditions, i, new, log_old, old_pair)
    return accepted


@inlined
def decide_swap(rng, host, guests, ewald, walker, scratch, conditions, i, new, log_old, old_pair):
    """Choose among the weighed orientations and accept or reject gas ``new`` in the place of molecule ``i``."""
    accepted = False
    old, beta = walker.kind[i], conditions.beta
    log_new = log_mean_weight(scratch.log_weights, scratch.log_weights.shape[0])
    if log_new > NEVER:
        t = choose(rng, scratch.log_weights, log_new)
        fourier = reciprocal_change(host, guests, ewald, walker, scratch, i, t, new)
        # adding the new while the old is still counted sees one pair too many
        tail = (tail_of_adding(walker.number, host.tail_energies, guests.tails, conditions.volume, old, -1.0)
                + tail_of_adding(walker.number, host.tail_energies, guests.tails, conditions.volume, new, 1.0)
                - guests.tails[old, new] / conditions.volume)
        log_ratio = (log_new - log_old + conditions.log_activities[new] - conditions.log_activities[old]
                     + math.log(walker.number[old] / (walker.number[new] + 1.0)) - beta * (fourier + tail))
        accepted = metropolis(rng, log_ratio)
        if accepted:
            walker.energy[HOST] -= walker.host_energies[i]
            walker.energy[PAIR] -= old_pair
            walker.energy[TAIL] += tail
            remove_from_component(walker, i)
            add_to_component(walker, i, new)
            take_trial(guests, walker, scratch, i, t, new)
            apply_reciprocal_change(guests, walker, scratch, fourier)
    return accepted


@kernel
def pick(rng, n):
    """A random whole number below ``n``; no random number is drawn where there is no choice."""
    if n == 1:
        return 0
    return min(int(uniform(rng, DECISIONS) * n), n - 1)


@inlined
def _nudge(rng, host, guests, walker, scratch, i, component, step_angstrom, step_radians):
    """Write molecule ``i``, shifted by up to a step per axis and turned by up to an angle, into trial 0."""
    if step_angstrom > 0.0:
        x = (2.0 * uniform(rng, DECISIONS) - 1.0) * step_angstrom
        y = (2.0 * uniform(rng, DECISIONS) - 1.0) * step_angstrom
        z = (2.0 * uniform(rng, DECISIONS) - 1.0) * step_angstrom
        inverse = host.inverse_cell
        for axis in range(3):
            scratch.centres[axis, 0] = (walker.centres[axis, i] + x * inverse[0, axis] + y * inverse[1, axis]
                                        + z * inverse[2, axis])
    else:
        for axis in range(3):
            scratch.centres[axis, 0] = walker.centres[axis, i]
    for x in range(4):
        scratch.quaternions[0, x] = walker.quaternions[i, x]
    if step_radians > 0.0:
        _turn(rng, scratch.quaternions, 0, step_radians)
        turn_body(guests.body, guests.first[component], guests.first[component + 1], scratch.quaternions,
                  scratch.offsets, 0)
    else:
        for s in range(guests.first[component + 1] - guests.first[component]):
            for x in range(3):
                scratch.offsets[0, s, x] = walker.offsets[i, s, x]


@kernel
def _turn(rng, quaternions, m, step_radians):
    """Turn ``quaternions[m]`` by a random small rotation, symmetric in ± so that detailed balance holds."""
    cosine = 2.0 * uniform(rng, DECISIONS) - 1.0
    sine = math.sqrt(1.0 - cosine * cosine)
    azimuth = 2.0 * math.pi * uniform(rng, DECISIONS)
    half = 0.5 * (2.0 * uniform(rng, DECISIONS) - 1.0) * step_radians
    w, scale = math.cos(half), math.sin(half)
    x, y, z = scale * sine * math.cos(azimuth), scale * sine * math.sin(azimuth), scale * cosine
    a, b, c, d = quaternions[m, 0], quaternions[m, 1], quaternions[m, 2], quaternions[m, 3]
    a, b, c, d = (w * a - x * b - y * c - z * d, w * b + x * a + y * d - z * c,
                  w * c - x * d + y * a + z * b, w * d + x * c - y * b + z * a)
    norm = math.sqrt(a * a + b * b + c * c + d * d)
    quaternions[m, 0], quaternions[m, 1] = a / norm, b / norm
    quaternions[m, 2], quaternions[m, 3] = c / norm, d / norm


@kernel
def draw_kind(rng, mix):
    """A kind of move, by the cumulative probabilities ``mix``."""
    u = uniform(rng, DECISIONS)
    kind = INSERTION
    while kind < SWAP and u >= mix[kind]:
        kind += 1
    return kind


@inlined
def one_move(rng, host, guests, ewald, bias, walker, scratch, conditions):
    """Choose a kind of move and try it; returns the kind."""
    components = walker.number.shape[0]
    kind = draw_kind(rng, conditions.mix)
    done = False
    if kind == INSERTION:
        done = insertion(rng, host, guests, ewald, bias, walker, scratch, conditions, pick(rng, components))
    elif kind == DELETION:
        done = deletion(rng, host, guests, ewald, bias, walker, scratch, conditions, pick(rng, components))
    elif kind == REGROWTH:
        done = regrowth(rng, host, guests, ewald, bias, walker, scratch, conditions)
    elif kind == SWAP:
        done = swap(rng, host, guests, ewald, walker, scratch, conditions)
    else:
        shift = conditions.steps[0] if kind == TRANSLATION else 0.0
        turn = conditions.steps[1] if kind == ROTATION else 0.0
        done = displacement(rng, host, guests, ewald, walker, scratch, conditions, shift, turn)
    walker.attempted[kind] += 1
    walker.accepted[kind] += done
    return kind


@kernel
def run_moves(rng, host, guests, ewald, bias, walker, scratch, conditions, n_moves, sample_every, counts, energies):
    """Run ``n_moves`` moves; every ``sample_every``-th writes the molecules of each component and the total energy.

    ``rng`` (1 + trials, 2) streams; ``counts`` (n, C), ``energies`` (n,) K. Returns False if the cell filled up beyond
    its capacity.
    """
    sample = 0
    for m in range(n_moves):
        if walker.total[0] + 1 >= walker.centres.shape[1]:
            return False
        one_move(rng, host, guests, ewald, bias, walker, scratch, conditions)
        if (m + 1) % sample_every == 0:
            for c in range(walker.number.shape[0]):
                counts[sample, c] = walker.number[c]
            energies[sample] = walker.energy[HOST] + walker.energy[PAIR] + walker.energy[FOURIER] + walker.energy[TAIL]
            sample += 1
    return True
