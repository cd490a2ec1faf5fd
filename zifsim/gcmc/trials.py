"""Trial placements: drawn, turned, weighed, and one chosen; shared by all moves (:mod:`zifsim.gcmc.moves`).

Where cells are crowded, a trial is a position tried in several orientations: its weight is the mean over them, and one
is kept in proportion to its own (the molecule's own among them where an old placement is weighed).
"""

from __future__ import annotations

import math

from zifsim.gcmc.bias import log_density_at, random_position, random_quaternion
from zifsim.gcmc.host import OVERLAP, host_energy
from zifsim.gcmc.jit import inlined, kernel
from zifsim.gcmc.random import DECISIONS, uniform
from zifsim.gcmc.walker import find_neighbours, guest_energy, place_sites, turn_body

NEVER = -1e300
HOPELESS = 200.0     # a host energy of so many k_B T is not looked at further


@inlined
def try_placement(rng, stream, host, guests, bias, walker, scratch, conditions, component, t, skip):
    """Draw trial ``t`` anywhere and weigh it, as if molecule ``skip`` (−1: none) were not there."""
    log_density = random_position(rng, stream, bias, component, scratch.centres, t)
    scratch.log_weights[t] = NEVER
    near = find_neighbours(guests, walker, scratch, component, scratch.centres, t, skip)
    if near >= 0:
        _orient(rng, stream, guests, scratch, component, t)
        boltzmann = weigh(host, guests, walker, scratch, conditions.beta, component, t, near)
        if conditions.orientations > 1 and guests.rotates[component]:
            boltzmann = more_orientations(rng, stream, host, guests, walker, scratch, conditions, component, t, near,
                                          boltzmann)
        if boltzmann > NEVER:
            scratch.log_weights[t] = boltzmann - log_density


@kernel
def more_orientations(rng, stream, host, guests, walker, scratch, conditions, component, t, near, log_weight):
    """Weigh trial ``t``, of ``log_weight`` as it is, in further orientations; keep one in proportion to its weight.

    Returns ln of the mean weight. The candidates take the trial's spare place.
    """
    spare = scratch.log_weights.shape[0] + t
    for axis in range(3):
        scratch.centres[axis, spare] = scratch.centres[axis, t]
    log_sum = log_weight
    for _ in range(1, conditions.orientations):
        _orient(rng, stream, guests, scratch, component, spare)
        candidate = weigh(host, guests, walker, scratch, conditions.beta, component, spare, near)
        if candidate > NEVER:
            empty = log_sum <= NEVER
            log_sum = log_of_sum(log_sum, candidate)
            if empty or uniform(rng, stream) < math.exp(candidate - log_sum):
                keep_spare(scratch, t, spare, guests.first[component + 1] - guests.first[component])
    return log_sum - math.log(conditions.orientations) if log_sum > NEVER else NEVER


@kernel
def other_orientations(rng, host, guests, walker, scratch, conditions, component, i, log_weight):
    """ln of the mean weight of molecule ``i``, of ``log_weight`` where it stands, and of itself otherwise turned.

    What is stored of trial 0 is left alone.
    """
    spare = scratch.log_weights.shape[0]
    for axis in range(3):
        scratch.centres[axis, spare] = walker.centres[axis, i]
    near = find_neighbours(guests, walker, scratch, component, scratch.centres, spare, i)
    log_sum = log_weight
    for _ in range(1, conditions.orientations):
        _orient(rng, 1, guests, scratch, component, spare)
        candidate = weigh(host, guests, walker, scratch, conditions.beta, component, spare, near)
        if candidate > NEVER:
            log_sum = log_of_sum(log_sum, candidate)
    return log_sum - math.log(conditions.orientations)


@kernel
def log_of_sum(a, b):
    """ln(eᵃ + eᵇ)."""
    return max(a, b) + math.log1p(math.exp(-abs(a - b)))


@kernel
def keep_spare(scratch, t, spare, count):
    """Put what stands in a spare place into trial ``t`` (their centres are the same)."""
    for x in range(4):
        scratch.quaternions[t, x] = scratch.quaternions[spare, x]
    for s in range(count):
        for x in range(3):
            scratch.offsets[t, s, x] = scratch.offsets[spare, s, x]
            scratch.sites[t, s, x] = scratch.sites[spare, s, x]
    scratch.energies[t, 0], scratch.energies[t, 1] = scratch.energies[spare, 0], scratch.energies[spare, 1]


@inlined
def try_orientation(rng, stream, host, guests, walker, scratch, beta, component, t, i):
    """Weigh trial ``t``: a molecule of ``component`` turned at random, in the place of molecule ``i``."""
    for axis in range(3):
        scratch.centres[axis, t] = walker.centres[axis, i]
    near = find_neighbours(guests, walker, scratch, component, scratch.centres, t, i)
    scratch.log_weights[t] = NEVER
    if near >= 0:
        _orient(rng, stream, guests, scratch, component, t)
        scratch.log_weights[t] = weigh(host, guests, walker, scratch, beta, component, t, near)


@kernel
def more_placements(rng, host, guests, bias, walker, scratch, conditions, component, skip):
    """:func:`try_placement` for all trials but the first (not inlined: a call is slow, but so is compiling copies)."""
    for t in range(1, scratch.log_weights.shape[0]):
        try_placement(rng, t + 1, host, guests, bias, walker, scratch, conditions, component, t, skip)


@kernel
def turn_trials(rng, host, guests, walker, scratch, beta, component, first, i):
    """:func:`try_orientation` for the trials ``first`` and up."""
    for t in range(first, scratch.log_weights.shape[0]):
        try_orientation(rng, t + 1, host, guests, walker, scratch, beta, component, t, i)


@inlined
def _orient(rng, stream, guests, scratch, component, t):
    """A random orientation for trial ``t``; a sphere needs none."""
    if guests.rotates[component]:
        random_quaternion(rng, stream, scratch.quaternions, t)
    else:
        scratch.quaternions[t, 0] = 1.0
        scratch.quaternions[t, 1] = scratch.quaternions[t, 2] = scratch.quaternions[t, 3] = 0.0
    turn_body(guests.body, guests.first[component], guests.first[component + 1], scratch.quaternions, scratch.offsets,
              t)


@inlined
def weigh(host, guests, walker, scratch, beta, component, t, near):
    """−βu of trial ``t`` among its ``near`` neighbours; its energies with host and guests are stored."""
    log_weight = NEVER
    # The nearest guest is asked first, by itself: in a crowd most misses are in it, and looking up the host is slower.
    if guest_energy(guests, host, walker, scratch, min(near, 1), component, scratch.centres, scratch.offsets,
                    t) >= OVERLAP:
        return log_weight
    first = guests.first[component]
    count = guests.first[component + 1] - first
    place_sites(host.cell, scratch.centres, scratch.offsets, t, count, scratch.sites, t)
    lj, coulomb = host_energy(host, first, count, scratch.sites, t)
    # The host decides before the rest: most other misses are in its atoms.
    if lj < OVERLAP and beta * (lj + coulomb) < HOPELESS:
        pair = guest_energy(guests, host, walker, scratch, near, component, scratch.centres, scratch.offsets, t)
        if pair < OVERLAP:
            scratch.energies[t, 0], scratch.energies[t, 1] = lj + coulomb, pair
            log_weight = -beta * (lj + coulomb + pair)
    return log_weight


@inlined
def old_weight(host, guests, walker, scratch, beta, i):
    """Put molecule ``i``'s energies where it stands into trial slot 0; returns its −βu."""
    near = find_neighbours(guests, walker, scratch, walker.kind[i], walker.centres, i, i)
    scratch.energies[0, 0] = walker.host_energies[i]
    scratch.energies[0, 1] = guest_energy(guests, host, walker, scratch, near, walker.kind[i], walker.centres,
                                          walker.offsets, i)
    return -beta * (scratch.energies[0, 0] + scratch.energies[0, 1])


@kernel
def log_mean_weight(log_weights, count):
    """ln of the mean of exp(log_weights[:count]); :data:`NEVER` if all are impossible."""
    if count == 1:
        return log_weights[0]
    largest = NEVER
    for t in range(count):
        largest = max(largest, log_weights[t])
    if largest <= NEVER:
        return NEVER
    total = 0.0
    for t in range(count):
        total += math.exp(log_weights[t] - largest)
    return largest + math.log(total / count)


@kernel
def choose(rng, log_weights, log_mean):
    """Pick a trial with probability proportional to its weight."""
    count = log_weights.shape[0]
    if count == 1:
        return 0
    rest = uniform(rng, DECISIONS) * count
    for t in range(count):
        rest -= math.exp(log_weights[t] - log_mean)
        if rest < 0.0:
            return t
    best = 0
    for t in range(count):
        if log_weights[t] > log_weights[best]:
            best = t
    return best


@inlined
def old_placement(rng, host, guests, bias, walker, scratch, conditions, i):
    """Weigh molecule ``i`` where it stands as trial 0, beside fresh trials that do not see it."""
    component = walker.kind[i]
    if scratch.log_weights.shape[0] > 1:
        more_placements(rng, host, guests, bias, walker, scratch, conditions, component, i)
    weigh_old(rng, host, guests, bias, walker, scratch, conditions, i)


@inlined
def weigh_old(rng, host, guests, bias, walker, scratch, conditions, i):
    """Weigh molecule ``i`` where it stands, as the placement of trial 0."""
    component = walker.kind[i]
    boltzmann = old_weight(host, guests, walker, scratch, conditions.beta, i)
    if conditions.orientations > 1 and guests.rotates[component]:
        boltzmann = other_orientations(rng, host, guests, walker, scratch, conditions, component, i, boltzmann)
    scratch.log_weights[0] = boltzmann - log_density_at(bias, component, walker.centres, i)
