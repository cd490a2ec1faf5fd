"""Bookkeeping of an accepted move: the walker's lists, its running energies, the reciprocal-space part and the tail."""

from __future__ import annotations

import math

from zifsim.gcmc.ewald import add_structure_factor, fourier_change
from zifsim.gcmc.jit import inlined, kernel
from zifsim.gcmc.walker import FOURIER, HOST, PAIR, place_sites


@inlined
def reciprocal_change(host, guests, ewald, walker, scratch, old, new, component):
    """Change of the reciprocal-space energy (K) when molecule ``old`` leaves and trial ``new`` of a component enters.

    −1: none. The change of the structure factor is left in ``scratch``.
    """
    change = 0.0
    if guests.fourier:
        scratch.real[:] = 0.0
        scratch.imaginary[:] = 0.0
        if old >= 0:
            first = guests.first[walker.kind[old]]
            count = guests.first[walker.kind[old] + 1] - first
            place_sites(host.cell, walker.centres, walker.offsets, old, count, scratch.old_sites, 0)
            add_structure_factor(ewald, scratch.old_sites, 0, guests.charges, first, count, -1.0, scratch.phases,
                                 scratch.real, scratch.imaginary)
            change -= guests.self_energies[walker.kind[old]]
        if new >= 0:
            first = guests.first[component]
            count = guests.first[component + 1] - first
            add_structure_factor(ewald, scratch.sites, new, guests.charges, first, count, 1.0, scratch.phases,
                                 scratch.real, scratch.imaginary)
            change += guests.self_energies[component]
        change += fourier_change(ewald, walker.real, walker.imaginary, scratch.real, scratch.imaginary)
    return change


@inlined
def apply_reciprocal_change(guests, walker, scratch, change):
    """Take the last :func:`reciprocal_change` over into the walker."""
    walker.energy[FOURIER] += change
    if guests.fourier:
        for k in range(walker.real.shape[0]):
            walker.real[k] += scratch.real[k]
            walker.imaginary[k] += scratch.imaginary[k]


@kernel
def tail_energy(number, host_tails, tails, volume):
    """Long-range correction, K: Σ N_a (host_a + Σ N_b pair_ab/(2V))."""
    energy = 0.0
    for a in range(number.shape[0]):
        energy += number[a] * host_tails[a]
        for b in range(number.shape[0]):
            energy += number[a] * number[b] * tails[a, b] / (2.0 * volume)
    return energy


@kernel
def tail_of_adding(number, host_tails, tails, volume, component, sign):
    """Change of :func:`tail_energy` when a molecule is added (+1) or removed (−1), K."""
    change = host_tails[component]
    for b in range(number.shape[0]):
        change += number[b] * tails[component, b] / volume
    return sign * change + tails[component, component] / (2.0 * volume)


@inlined
def take_trial(guests, walker, scratch, i, t, component):
    """Put trial ``t`` into the molecule ``i`` and its energies into the running totals."""
    for x in range(3):
        walker.centres[x, i] = scratch.centres[x, t] - math.floor(scratch.centres[x, t])
    for x in range(4):
        walker.quaternions[i, x] = scratch.quaternions[t, x]
    for s in range(guests.first[component + 1] - guests.first[component]):
        for x in range(3):
            walker.offsets[i, s, x] = scratch.offsets[t, s, x]
    walker.host_energies[i] = scratch.energies[t, 0]
    walker.energy[HOST] += scratch.energies[t, 0]
    walker.energy[PAIR] += scratch.energies[t, 1]


@inlined
def add_to_component(walker, i, component):
    """Enter molecule ``i`` among those of a component."""
    n = walker.number[component]
    walker.kind[i] = component
    walker.members[component, n] = i
    walker.place[i] = n
    walker.number[component] = n + 1


@inlined
def remove_from_component(walker, i):
    """Take molecule ``i`` off its component's list."""
    component = walker.kind[i]
    last = walker.number[component] - 1
    mover, gap = walker.members[component, last], walker.place[i]
    walker.members[component, gap] = mover
    walker.place[mover] = gap
    walker.number[component] = last


@inlined
def close_gap(walker, i):
    """Fill slot ``i`` with the last molecule; the lists already know nothing of ``i``."""
    last = walker.total[0] - 1
    if i != last:
        for x in range(3):
            walker.centres[x, i] = walker.centres[x, last]
        for x in range(4):
            walker.quaternions[i, x] = walker.quaternions[last, x]
        for s in range(walker.offsets.shape[1]):
            for x in range(3):
                walker.offsets[i, s, x] = walker.offsets[last, s, x]
        walker.host_energies[i] = walker.host_energies[last]
        walker.kind[i] = walker.kind[last]
        walker.place[i] = walker.place[last]
        walker.members[walker.kind[i], walker.place[i]] = i
    walker.total[0] = last
