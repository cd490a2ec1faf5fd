"""Walkers of the Monte Carlo sampling: the state of one, and the energy of a guest among the others."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zifsim.gcmc.ewald import Ewald, Phases, phase_scratch
from zifsim.gcmc.guests import IMAGES, Guests
from zifsim.gcmc.host import OVERLAP
from zifsim.gcmc.jit import inlined, kernel
from zifsim.gcmc.potential import spline_energy

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
N_MOVES = 6                      # kinds of moves (zifsim.gcmc.moves)

# Places in ``Walker.energy``: the running total of each term, K.
HOST, PAIR, FOURIER, TAIL = range(4)
# Places in ``Walker.transitions[n]``, and in a row of it: how often it was tried, then the sum of its chances at each
# activity of the ladder.
UP, DOWN = range(2)
TRIED, CHANCES = 0, 1


class Walker(NamedTuple):
    """Arrays that the moves change; M is the capacity.

    ``total`` (1,) molecules, ``number`` (C,) of each component; ``kind`` (M,) component of a molecule, ``members``
    (C, M) the molecules of a component, ``place`` (M,) where a molecule stands among them; ``centres`` (3, M)
    fractional in the supercell; ``quaternions`` (M, 4); ``offsets`` (M, S, 3) Å of the sites from the centre;
    ``host_energies`` (M,) K; ``real``, ``imaginary`` (K,) structure factor; ``energy`` (4,) running totals, K;
    ``accepted``, ``attempted`` per kind of move; ``transitions`` (M + 1, 2, 1 + K): at each number of molecules, how
    many insertions and deletions were tried, and the sums of their chances at the K activities of
    ``moves.Conditions.ladder`` (K = 0: nothing is noted).
    """

    total: IntArray
    number: IntArray
    kind: IntArray
    members: IntArray
    place: IntArray
    centres: FloatArray
    quaternions: FloatArray
    offsets: FloatArray
    host_energies: FloatArray
    real: FloatArray
    imaginary: FloatArray
    energy: FloatArray
    accepted: IntArray
    attempted: IntArray
    transitions: FloatArray


class Scratch(NamedTuple):
    """Work space of the moves, so that the move loop allocates nothing.

    ``distances2`` (I·M,) Å² of a point from the I images of all centres; ``neighbours`` (I·M,) those within reach of
    it, molecule j's image i as j·IMAGES + i; ``phases``, ``real``, ``imaginary`` of a change of the structure factor
    and ``old_sites`` (1, S, 3) Å that leave it;
    of the K trial placements, and of K spare places for other orientations of each: ``centres`` (3, 2K) fractional,
    ``quaternions`` (2K, 4), ``offsets`` (2K, S, 3) Å from the centre, ``sites`` (2K, S, 3) Å, ``energies`` (2K, 2) K
    with host and guests; ``log_weights`` (K,).
    """

    distances2: FloatArray
    neighbours: IntArray
    phases: Phases
    real: FloatArray
    imaginary: FloatArray
    old_sites: FloatArray
    centres: FloatArray
    quaternions: FloatArray
    offsets: FloatArray
    sites: FloatArray
    energies: FloatArray
    log_weights: FloatArray


def make_walker(guests: Guests, ewald: Ewald, capacity: int) -> Walker:
    """An empty cell with room for ``capacity`` molecules."""
    components, waves, sites = len(guests.first) - 1, len(ewald.k_factor), most_sites(guests)
    return Walker(
        _integers(1), _integers(components), _integers(capacity), _integers(components, capacity), _integers(capacity),
        np.zeros((3, capacity)), np.zeros((capacity, 4)), np.zeros((capacity, sites, 3)), np.zeros(capacity),
        np.zeros(waves), np.zeros(waves), np.zeros(4), _integers(N_MOVES), _integers(N_MOVES),
        np.zeros((capacity + 1, 2, 1)))


def make_scratch(guests: Guests, ewald: Ewald, n_trials: int, capacity: int) -> Scratch:
    """Work space for ``n_trials`` trial placements among up to ``capacity`` molecules."""
    sites, waves, places = most_sites(guests), len(ewald.k_factor), 2 * n_trials
    return Scratch(
        np.zeros(guests.images * capacity), _integers(guests.images * capacity), phase_scratch(ewald),
        np.zeros(waves), np.zeros(waves), np.zeros((1, sites, 3)),
        np.zeros((3, places)), np.zeros((places, 4)), np.zeros((places, sites, 3)), np.zeros((places, sites, 3)),
        np.zeros((places, 2)), np.zeros(n_trials))


def _integers(*shape: int) -> IntArray:
    return np.zeros(shape, dtype=np.int64)


def most_sites(guests: Guests) -> int:
    """Sites of the largest molecule."""
    return int(np.diff(guests.first).max())


def copy_walker(walker: Walker) -> Walker:
    return Walker._make(array.copy() for array in walker)


@kernel
def turn_body(body, first, last, quaternions, offsets, m):
    """Write the sites' offsets from the centre of molecule ``m``: its body turned by its unit quaternion (w, x, y, z).
    """
    w, x, y, z = quaternions[m, 0], quaternions[m, 1], quaternions[m, 2], quaternions[m, 3]
    for f in range(first, last):
        a, b, c = body[f, 0], body[f, 1], body[f, 2]
        s = f - first
        offsets[m, s, 0] = (1 - 2 * (y * y + z * z)) * a + 2 * (x * y - w * z) * b + 2 * (x * z + w * y) * c
        offsets[m, s, 1] = 2 * (x * y + w * z) * a + (1 - 2 * (x * x + z * z)) * b + 2 * (y * z - w * x) * c
        offsets[m, s, 2] = 2 * (x * z - w * y) * a + 2 * (y * z + w * x) * b + (1 - 2 * (x * x + y * y)) * c


@kernel
def place_sites(cell, centres, offsets, m, count, sites, n):
    """Write the Cartesian sites (Å) of molecule ``m`` into ``sites[n]``."""
    a, b, c = centres[0, m], centres[1, m], centres[2, m]
    for x in range(3):
        origin = a * cell[0, x] + b * cell[1, x] + c * cell[2, x]
        for s in range(count):
            sites[n, s, x] = origin + offsets[m, s, x]


@inlined
def find_neighbours(guests, walker, scratch, component, centres, m, skip):
    """List the molecules but ``skip`` within reach of ``centres[:, m]``, the nearest first, in the scratch.

    Of each its nearest image, or, in a cell that holds the reach only once, every image: along an axis that is the
    nearest and the one on the other side. No image of the molecule itself is that near. Returns how many, or −1 where
    one is so close that the two overlap however they are turned.
    """
    near = _near(walker.total[0], walker.centres, walker.kind, guests.metric, guests.reach2, guests.core2,
                 guests.core2_least, guests.images, scratch.distances2, scratch.neighbours, component, centres, m, skip)
    return near


@kernel
def _near(total, all_centres, kind, metric, reach2, core2, core2_least, images, distances2, neighbours, component,
          centres, m, skip):
    ca, cb, cc = centres[0, m], centres[1, m], centres[2, m]
    near, nearest, smallest = 0, 0, reach2
    for image in range(images):
        first = image * all_centres.shape[1]
        na, nb, nc = image & 1, image >> 1 & 1, image >> 2
        for j in range(total):      # no branch: this loop is vectorised
            a, b, c = ca - all_centres[0, j], cb - all_centres[1, j], cc - all_centres[2, j]
            a -= np.rint(a)
            b -= np.rint(b)
            c -= np.rint(c)
            a -= math.copysign(na, a)
            b -= math.copysign(nb, b)
            c -= math.copysign(nc, c)
            distances2[first + j] = (a * (metric[0] * a + metric[3] * b + metric[4] * c)
                                     + b * (metric[1] * b + metric[5] * c) + c * c * metric[2])
        if skip >= 0:
            distances2[first + skip] = 2.0 * reach2
        for j in range(total):
            s = distances2[first + j]
            if s < reach2:
                if s < smallest:
                    nearest, smallest = near, s
                    if s < core2_least or s < core2[component, kind[j]]:
                        return -1
                neighbours[near] = j * IMAGES + image
                near += 1
    if near > 1:                # most overlaps are with the nearest, and the rest need not be summed then
        neighbours[0], neighbours[nearest] = neighbours[nearest], neighbours[0]
    return near


@inlined
def guest_energy(guests, host, walker, scratch, near, component, centres, offsets, m):
    """Real-space energy (K) of molecule ``m`` of ``centres`` and ``offsets`` with its ``near`` neighbours, just
    listed by :func:`find_neighbours`; :data:`OVERLAP` for an overlap."""
    if guests.pointlike:
        energy = _point_energy(near, scratch.distances2, scratch.neighbours, walker.kind, guests.splines,
                               guests.overlap_k, component)
    else:
        energy = _site_energy(near, scratch.neighbours, walker.centres, walker.kind, walker.offsets, guests.first,
                              guests.splines, guests.overlap_k, host.cell, component, centres, offsets, m)
    return energy


@kernel
def _point_energy(near, distances2, neighbours, kind, splines, overlap_k, component):
    energy = 0.0
    for i in range(near):
        j, image = neighbours[i] // IMAGES, neighbours[i] % IMAGES
        row = splines.rows[component, kind[j]]
        if row >= 0:
            energy += spline_energy(splines.cubics, row, splines.start, splines.per_area,
                                    distances2[image * kind.shape[0] + j])
        if energy > overlap_k:
            return OVERLAP
    return energy


@kernel
def _site_energy(near, neighbours, all_centres, kind, all_offsets, first, splines, overlap_k, cell, component, centres,
                 offsets, m):
    rows, cubics, start, per_area = splines.rows, splines.cubics, splines.start, splines.per_area
    energy = 0.0
    begin, end = first[component], first[component + 1]
    for i in range(near):
        j, image = neighbours[i] // IMAGES, neighbours[i] % IMAGES
        a, b, c = (centres[0, m] - all_centres[0, j], centres[1, m] - all_centres[1, j],
                   centres[2, m] - all_centres[2, j])
        a -= np.rint(a)
        b -= np.rint(b)
        c -= np.rint(c)
        if image > 0:
            a -= math.copysign(image & 1, a)
            b -= math.copysign(image >> 1 & 1, b)
            c -= math.copysign(image >> 2, c)
        x = a * cell[0, 0] + b * cell[1, 0] + c * cell[2, 0]
        y = a * cell[0, 1] + b * cell[1, 1] + c * cell[2, 1]
        z = a * cell[0, 2] + b * cell[1, 2] + c * cell[2, 2]
        other = first[kind[j]]
        for f in range(begin, end):
            fx, fy, fz = x + offsets[m, f - begin, 0], y + offsets[m, f - begin, 1], z + offsets[m, f - begin, 2]
            for g in range(other, first[kind[j] + 1]):
                row = rows[f, g]
                if row >= 0:
                    dx = fx - all_offsets[j, g - other, 0]
                    dy = fy - all_offsets[j, g - other, 1]
                    dz = fz - all_offsets[j, g - other, 2]
                    energy += spline_energy(cubics, row, start, per_area, dx * dx + dy * dy + dz * dz)
        if energy > overlap_k:
            return OVERLAP
    return energy
