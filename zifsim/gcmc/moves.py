"""The Monte Carlo moves: insertion, deletion, regrowth, translation, rotation.

Insertion, deletion and regrowth use several trial placements (Rosenbluth weights; Siepmann & Frenkel 1992,
doi:10.1080/00268979200100061; Frenkel & Smit, ch. 13). A trial drawn at density g(r) with energy u (host and
real-space guest energy) weighs w = exp(−βu) / (g(r) V); W is the mean weight of the k trials. What the trials do
not see, the Fourier part of Ewald and the tail, ΔR, enters the acceptance:

    insertion   min(1, βfV W/(N+1) exp(−βΔR))        deletion   min(1, N/(βfV W) exp(−βΔR))
    regrowth    min(1, W_new/W_old exp(−βΔR))

Every move leaves ``walker`` as if nothing had happened when it is rejected.
"""

from __future__ import annotations

import math

import numpy as np

from zifsim.gcmc.bias import log_density_at, random_position, random_quaternion
from zifsim.gcmc.ewald import add_structure_factor, fourier_change
from zifsim.gcmc.host import OVERLAP, host_energy
from zifsim.gcmc.jit import inlined, kernel
from zifsim.gcmc.walker import (
    FOURIER,
    HOST_COULOMB,
    HOST_LJ,
    PAIR_COULOMB,
    PAIR_LJ,
    TAIL,
    guest_energy,
    in_core,
    place_sites,
)

INSERTION, DELETION, REGROWTH, TRANSLATION, ROTATION = range(5)
MOVE_NAMES = ("insertion", "deletion", "regrowth", "translation", "rotation")
NEVER = -1e300


@kernel
def _try_placements(rng, host, guests, ewald, bias, walker, scratch, beta, skip, first):
    """Draw trials ``first`` and up: store their placements, energies and log weights."""
    centres, quaternions, sites = scratch.trial_centres, scratch.trial_quaternions, scratch.trial_sites
    for t in range(first, centres.shape[0]):
        log_density = random_position(rng, bias, centres, t)
        scratch.trial_log_weights[t] = NEVER
        if in_core(walker.number[0], walker.centres, guests.core2, host.cell, host.inverse_cell, centres, t, skip):
            continue
        if guests.rotates:
            random_quaternion(rng, quaternions, t)
        else:
            quaternions[t, 0], quaternions[t, 1], quaternions[t, 2], quaternions[t, 3] = 1.0, 0.0, 0.0, 0.0
        place_sites(guests.body, centres, quaternions, sites, t)
        boltzmann = _weigh(host, guests, ewald, walker, scratch, beta, t, skip)
        if boltzmann > NEVER:
            scratch.trial_log_weights[t] = boltzmann - log_density


@inlined
def _weigh(host, guests, ewald, walker, scratch, beta, t, skip):
    """−βu of trial ``t``, whose energies (4,) are stored: host LJ, host Coulomb, pair LJ, pair Coulomb."""
    log_weight = NEVER
    host_lj, host_coulomb = host_energy(host, ewald, scratch.trial_sites, t, scratch)
    # The host decides first: it is cheap, and most misses are in its atoms.
    if host_lj < OVERLAP and beta * (host_lj + host_coulomb) < 200.0:
        pair_lj, pair_coulomb = guest_energy(walker, guests, ewald, host, scratch, scratch.trial_sites,
                                             scratch.trial_centres, t, skip)
        if pair_lj < OVERLAP:
            energies = scratch.trial_energies
            energies[t, 0], energies[t, 1], energies[t, 2], energies[t, 3] = (
                host_lj, host_coulomb, pair_lj, pair_coulomb)
            log_weight = -beta * (host_lj + host_coulomb + pair_lj + pair_coulomb)
    return log_weight


@kernel
def _log_mean_weight(log_weights, count):
    """ln of the mean of exp(log_weights[:count]); :data:`NEVER` if all are impossible."""
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
def _choose(rng, log_weights, log_mean):
    """Pick a trial with probability proportional to its weight."""
    count = log_weights.shape[0]
    rest = rng.random() * count
    for t in range(count):
        rest -= math.exp(log_weights[t] - log_mean)
        if rest < 0.0:
            return t
    best = 0
    for t in range(count):
        if log_weights[t] > log_weights[best]:
            best = t
    return best


@kernel
def _fourier_change(guests, ewald, walker, scratch, old, new):
    """Change of the Fourier energy (K) when molecule ``old`` leaves and trial ``new`` enters (−1: none).

    The change of the structure factor is left in ``scratch``.
    """
    if not guests.charged:
        return 0.0
    scratch.real[:] = 0.0
    scratch.imaginary[:] = 0.0
    change = 0.0
    if old >= 0:
        add_structure_factor(ewald, walker.sites, old, guests.charges, -1.0, scratch.phases, scratch.real,
                             scratch.imaginary)
        change -= guests.self_energy
    if new >= 0:
        add_structure_factor(ewald, scratch.trial_sites, new, guests.charges, 1.0, scratch.phases,
                             scratch.real, scratch.imaginary)
        change += guests.self_energy
    return change + fourier_change(ewald, walker.real, walker.imaginary, scratch.real, scratch.imaginary)


@kernel
def _commit_fourier(guests, walker, scratch, change):
    walker.energy[FOURIER] += change
    if guests.charged:
        for k in range(walker.real.shape[0]):
            walker.real[k] += scratch.real[k]
            walker.imaginary[k] += scratch.imaginary[k]


@kernel
def tail_energy(host, guests, n, volume):
    """Long-range correction of n molecules, K: n·host + n²·pair/(2V)."""
    return n * host.tail_energy + n * n * guests.tail_sum / (2.0 * volume)


@kernel
def _put(walker, i, centres, quaternions, sites, energies, j):
    """Put molecule ``j`` of the given arrays into the walker's slot ``i``."""
    for x in range(3):
        walker.centres[i, x] = centres[j, x]
    for x in range(4):
        walker.quaternions[i, x] = quaternions[j, x]
    for s in range(sites.shape[1]):
        for x in range(3):
            walker.sites[i, s, x] = sites[j, s, x]
    walker.host_energies[i, 0], walker.host_energies[i, 1] = energies[j, 0], energies[j, 1]


@kernel
def _store(walker, i, scratch, t):
    """Put trial ``t`` into slot ``i``."""
    _put(walker, i, scratch.trial_centres, scratch.trial_quaternions, scratch.trial_sites, scratch.trial_energies, t)


@kernel
def _add_energies(energy, energies, t, sign):
    energy[HOST_LJ] += sign * energies[t, 0]
    energy[HOST_COULOMB] += sign * energies[t, 1]
    energy[PAIR_LJ] += sign * energies[t, 2]
    energy[PAIR_COULOMB] += sign * energies[t, 3]


@kernel
def insertion(rng, host, guests, ewald, bias, walker, scratch, beta, log_activity, volume):
    """Try to add a molecule; ``log_activity`` = ln(βf/Å⁻³). Returns True if accepted."""
    n = walker.number[0]
    trials = scratch.trial_log_weights.shape[0]
    _try_placements(rng, host, guests, ewald, bias, walker, scratch, beta, -1, 0)
    log_mean = _log_mean_weight(scratch.trial_log_weights, trials)
    if log_mean <= NEVER:
        return False
    t = _choose(rng, scratch.trial_log_weights, log_mean)
    fourier = _fourier_change(guests, ewald, walker, scratch, -1, t)
    tail = tail_energy(host, guests, n + 1, volume) - tail_energy(host, guests, n, volume)
    log_ratio = log_activity + math.log(volume / (n + 1)) + log_mean - beta * (fourier + tail)
    if log_ratio < 0.0 and rng.random() >= math.exp(log_ratio):
        return False
    _store(walker, n, scratch, t)
    _add_energies(walker.energy, scratch.trial_energies, t, 1.0)
    _commit_fourier(guests, walker, scratch, fourier)
    walker.energy[TAIL] += tail
    walker.number[0] = n + 1
    return True


@inlined
def _old_weight(host, guests, ewald, bias, walker, scratch, beta, i):
    """Put molecule ``i``'s energies into trial slot 0 and return its log weight where it stands."""
    pair_lj, pair_coulomb = guest_energy(walker, guests, ewald, host, scratch, walker.sites, walker.centres, i, i)
    energies = scratch.trial_energies
    energies[0, 0], energies[0, 1] = walker.host_energies[i, 0], walker.host_energies[i, 1]
    energies[0, 2], energies[0, 3] = pair_lj, pair_coulomb
    total = energies[0, 0] + energies[0, 1] + energies[0, 2] + energies[0, 3]
    return -beta * total - log_density_at(bias, walker.centres, i)


@kernel
def deletion(rng, host, guests, ewald, bias, walker, scratch, beta, log_activity, volume):
    """Try to remove a random molecule: the exact reverse of :func:`insertion`."""
    n = walker.number[0]
    if n == 0:
        return False
    i = min(int(rng.random() * n), n - 1)
    trials = scratch.trial_log_weights.shape[0]
    _try_placements(rng, host, guests, ewald, bias, walker, scratch, beta, i, 1)
    scratch.trial_log_weights[0] = _old_weight(host, guests, ewald, bias, walker, scratch, beta, i)
    log_mean = _log_mean_weight(scratch.trial_log_weights, trials)
    fourier = _fourier_change(guests, ewald, walker, scratch, i, -1)
    tail = tail_energy(host, guests, n - 1, volume) - tail_energy(host, guests, n, volume)
    log_ratio = math.log(n / volume) - log_activity - log_mean - beta * (fourier + tail)
    if log_ratio < 0.0 and rng.random() >= math.exp(log_ratio):
        return False
    _add_energies(walker.energy, scratch.trial_energies, 0, -1.0)
    _commit_fourier(guests, walker, scratch, fourier)
    walker.energy[TAIL] += tail
    last = n - 1
    _put(walker, i, walker.centres, walker.quaternions, walker.sites, walker.host_energies, last)
    walker.number[0] = last
    return True


@kernel
def regrowth(rng, host, guests, ewald, bias, walker, scratch, beta):
    """Try to put a random molecule somewhere else, with a new orientation."""
    n = walker.number[0]
    if n == 0:
        return False
    i = min(int(rng.random() * n), n - 1)
    trials = scratch.trial_log_weights.shape[0]
    _try_placements(rng, host, guests, ewald, bias, walker, scratch, beta, i, 1)
    scratch.trial_log_weights[0] = _old_weight(host, guests, ewald, bias, walker, scratch, beta, i)
    log_old = _log_mean_weight(scratch.trial_log_weights, trials)
    lj0, c0, p0, q0 = (scratch.trial_energies[0, 0], scratch.trial_energies[0, 1], scratch.trial_energies[0, 2],
                       scratch.trial_energies[0, 3])
    _try_placements(rng, host, guests, ewald, bias, walker, scratch, beta, i, 0)
    log_new = _log_mean_weight(scratch.trial_log_weights, trials)
    if log_new <= NEVER:
        return False
    t = _choose(rng, scratch.trial_log_weights, log_new)
    fourier = _fourier_change(guests, ewald, walker, scratch, i, t)
    log_ratio = log_new - log_old - beta * fourier
    if log_ratio < 0.0 and rng.random() >= math.exp(log_ratio):
        return False
    walker.energy[HOST_LJ] -= lj0
    walker.energy[HOST_COULOMB] -= c0
    walker.energy[PAIR_LJ] -= p0
    walker.energy[PAIR_COULOMB] -= q0
    _add_energies(walker.energy, scratch.trial_energies, t, 1.0)
    _commit_fourier(guests, walker, scratch, fourier)
    _store(walker, i, scratch, t)
    return True


@kernel
def displacement(rng, host, guests, ewald, walker, scratch, beta, step_angstrom, step_radians):
    """Metropolis move of a random molecule: its centre by up to ``step_angstrom`` along each axis, and its
    orientation by up to ``step_radians`` about a random axis (either may be 0)."""
    n = walker.number[0]
    if n == 0:
        return False
    i = min(int(rng.random() * n), n - 1)
    centres, quaternions = scratch.trial_centres, scratch.trial_quaternions
    for x in range(3):
        centres[0, x] = walker.centres[i, x] + (2.0 * rng.random() - 1.0) * step_angstrom
    for x in range(4):
        quaternions[0, x] = walker.quaternions[i, x]
    if step_radians > 0.0:
        _turn(rng, quaternions, 0, step_radians)
    place_sites(guests.body, centres, quaternions, scratch.trial_sites, 0)
    log_new = _weigh(host, guests, ewald, walker, scratch, beta, 0, i)
    if log_new <= NEVER:
        return False
    old_lj, old_coulomb = guest_energy(walker, guests, ewald, host, scratch, walker.sites, walker.centres, i, i)
    old_host_lj, old_host_coulomb = walker.host_energies[i, 0], walker.host_energies[i, 1]
    fourier = _fourier_change(guests, ewald, walker, scratch, i, 0)
    log_ratio = log_new + beta * (old_host_lj + old_host_coulomb + old_lj + old_coulomb - fourier)
    if log_ratio < 0.0 and rng.random() >= math.exp(log_ratio):
        return False
    walker.energy[HOST_LJ] -= old_host_lj
    walker.energy[HOST_COULOMB] -= old_host_coulomb
    walker.energy[PAIR_LJ] -= old_lj
    walker.energy[PAIR_COULOMB] -= old_coulomb
    _add_energies(walker.energy, scratch.trial_energies, 0, 1.0)
    _commit_fourier(guests, walker, scratch, fourier)
    _store(walker, i, scratch, 0)
    return True


@kernel
def _turn(rng, quaternions, m, step_radians):
    """Turn ``quaternions[m]`` by a random small rotation, symmetric in ± so that detailed balance holds."""
    cosine = 2.0 * rng.random() - 1.0
    sine = math.sqrt(1.0 - cosine * cosine)
    azimuth = 2.0 * math.pi * rng.random()
    half = 0.5 * (2.0 * rng.random() - 1.0) * step_radians
    w, scale = math.cos(half), math.sin(half)
    x, y, z = scale * sine * math.cos(azimuth), scale * sine * math.sin(azimuth), scale * cosine
    a, b, c, d = quaternions[m, 0], quaternions[m, 1], quaternions[m, 2], quaternions[m, 3]
    a, b, c, d = (w * a - x * b - y * c - z * d, w * b + x * a + y * d - z * c,
                  w * c - x * d + y * a + z * b, w * d + x * c - y * b + z * a)
    norm = math.sqrt(a * a + b * b + c * c + d * d)
    quaternions[m, 0], quaternions[m, 1] = a / norm, b / norm
    quaternions[m, 2], quaternions[m, 3] = c / norm, d / norm


@kernel
def run_moves(rng, host, guests, ewald, bias, walker, scratch, beta, log_activity, volume, mix, steps, n_moves,
              sample_every, counts, energies):
    """Run ``n_moves`` moves; every ``sample_every``-th writes molecules and total energy (K) to the series.

    ``mix`` (5,) cumulative probabilities of the move types; ``steps`` (2,) translation Å and rotation rad.
    Returns False if the cell filled up beyond its capacity.
    """
    sample = 0
    for m in range(n_moves):
        if walker.number[0] + 1 >= walker.centres.shape[0]:
            return False
        u = rng.random()
        if u < mix[INSERTION]:
            kind = INSERTION
            done = insertion(rng, host, guests, ewald, bias, walker, scratch, beta, log_activity, volume)
        elif u < mix[DELETION]:
            kind = DELETION
            done = deletion(rng, host, guests, ewald, bias, walker, scratch, beta, log_activity, volume)
        elif u < mix[REGROWTH]:
            kind = REGROWTH
            done = regrowth(rng, host, guests, ewald, bias, walker, scratch, beta)
        elif u < mix[TRANSLATION]:
            kind = TRANSLATION
            done = displacement(rng, host, guests, ewald, walker, scratch, beta, steps[0], 0.0)
        else:
            kind = ROTATION
            done = displacement(rng, host, guests, ewald, walker, scratch, beta, 0.0, steps[1])
        walker.attempted[kind] += 1
        if done:
            walker.accepted[kind] += 1
        if (m + 1) % sample_every == 0:
            counts[sample] = walker.number[0]
            energies[sample] = np.sum(walker.energy)
            sample += 1
    return True
