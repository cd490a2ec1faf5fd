"""Where trial insertions are aimed: a position distribution drawn from the host's Boltzmann weight.

The cell is cut into voxels; each gets a probability ∝ ⟨exp(−βU)⟩^γ averaged over orientations, mixed with a uniform
share so that no place is out of reach. Acceptance divides by the density, so any choice samples the same ensemble.
Drawing uses Walker's alias table (doi:10.1145/355744.355749): two random numbers whatever the number of voxels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zifsim.gcmc.host import OVERLAP, host_energy
from zifsim.gcmc.jit import kernel
from zifsim.gcmc.walker import place_sites

FloatArray = NDArray[np.float64]
UNIFORM_SHARE = 0.05      # of the trials that ignore the bias
VOXEL_ANGSTROM = 0.5


class Bias(NamedTuple):
    """Voxels of the unit cell: ``divisions`` (3,); ``voxels`` (V, 3) alias probability, alias, and ln(density ×
    cell volume); ``unit_cell``, ``unit_inverse`` (3, 3) Å; ``repeats`` (3,) of the supercell."""

    divisions: NDArray[np.int64]
    voxels: FloatArray
    unit_cell: FloatArray
    unit_inverse: FloatArray
    repeats: NDArray[np.int64]


def alias_table(weights: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
    """Walker/Vose alias table of (V,) weights that sum to one."""
    scaled = weights * len(weights)
    probability, alias = np.ones(len(weights)), np.arange(len(weights))
    small = [int(i) for i in np.nonzero(scaled < 1.0)[0]]
    large = [int(i) for i in np.nonzero(scaled >= 1.0)[0]]
    while small and large:
        low, high = small.pop(), large[-1]
        probability[low], alias[low] = scaled[low], high
        scaled[high] -= 1.0 - scaled[low]
        if scaled[high] < 1.0:
            small.append(large.pop())
    return probability, alias


def make_bias(host, guests, ewald, scratch, unit_cell: FloatArray, repeats: tuple[int, int, int],
              temperature_k: float, exponent: float, seed: int) -> Bias:
    """Measure the host's weight in every voxel (a few random points and orientations) and build the table."""
    divisions = np.maximum(1, np.round(np.linalg.norm(unit_cell, axis=1) / VOXEL_ANGSTROM)).astype(np.int64)
    n = int(divisions.prod())
    weights = np.full(n, 1.0 / n)
    if exponent > 0.0:
        averages = np.zeros(n)
        rng = np.random.Generator(np.random.PCG64(seed))
        _voxel_weights(rng, host, guests, ewald, scratch, unit_cell, divisions, 1.0 / temperature_k, averages)
        if averages.max() > 0.0:
            biased = averages**exponent
            weights = UNIFORM_SHARE * weights + (1.0 - UNIFORM_SHARE) * biased / biased.sum()
    probability, alias = alias_table(weights)
    return Bias(divisions, np.stack([probability, alias, np.log(weights * n)], axis=1), np.ascontiguousarray(unit_cell),
                np.ascontiguousarray(np.linalg.inv(unit_cell)), np.array(repeats, dtype=np.int64))


@kernel
def _voxel_weights(rng, host, guests, ewald, scratch, unit_cell, divisions, beta, averages):
    """Mean Boltzmann weight of random placements in each voxel, capped at e^500."""
    samples = 6
    centres, quaternions, sites = scratch.trial_centres, scratch.trial_quaternions, scratch.trial_sites
    v = 0
    for i in range(divisions[0]):
        for j in range(divisions[1]):
            for k in range(divisions[2]):
                total = 0.0
                for _ in range(samples):
                    fa = (i + rng.random()) / divisions[0]
                    fb = (j + rng.random()) / divisions[1]
                    fc = (k + rng.random()) / divisions[2]
                    for x in range(3):
                        centres[0, x] = fa * unit_cell[0, x] + fb * unit_cell[1, x] + fc * unit_cell[2, x]
                    random_quaternion(rng, quaternions, 0)
                    place_sites(guests.body, centres, quaternions, sites, 0)
                    lj, coulomb = host_energy(host, ewald, sites, 0, scratch)
                    if lj < OVERLAP:
                        total += math.exp(min(500.0, -beta * (lj + coulomb)))
                averages[v] = total / samples
                v += 1


@kernel
def random_quaternion(rng, quaternions, m):
    """Uniformly random rotation into ``quaternions[m]`` (Marsaglia 1972, doi:10.1214/aoms/1177692644)."""
    while True:
        a, b = 2.0 * rng.random() - 1.0, 2.0 * rng.random() - 1.0
        first = a * a + b * b
        if first < 1.0:
            break
    while True:
        c, d = 2.0 * rng.random() - 1.0, 2.0 * rng.random() - 1.0
        second = c * c + d * d
        if 0.0 < second < 1.0:
            break
    scale = math.sqrt((1.0 - first) / second)
    quaternions[m, 0], quaternions[m, 1], quaternions[m, 2], quaternions[m, 3] = a, b, c * scale, d * scale


@kernel
def random_position(rng, bias, centres, m):
    """Draw a trial position in the supercell into ``centres[m]`` Å; returns ln(density × volume)."""
    x = rng.random() * bias.voxels.shape[0]
    v = int(x)
    if x - v >= bias.voxels[v, 0]:
        v = int(bias.voxels[v, 1])
    k = v % bias.divisions[2]
    j = (v // bias.divisions[2]) % bias.divisions[1]
    i = v // (bias.divisions[2] * bias.divisions[1])
    fa = (i + rng.random()) / bias.divisions[0] + math.floor(rng.random() * bias.repeats[0])
    fb = (j + rng.random()) / bias.divisions[1] + math.floor(rng.random() * bias.repeats[1])
    fc = (k + rng.random()) / bias.divisions[2] + math.floor(rng.random() * bias.repeats[2])
    for axis in range(3):
        centres[m, axis] = (fa * bias.unit_cell[0, axis] + fb * bias.unit_cell[1, axis]
                            + fc * bias.unit_cell[2, axis])
    return bias.voxels[v, 2]


@kernel
def log_density_at(bias, centres, m):
    """ln(density × volume) with which :func:`random_position` draws the position ``centres[m]``."""
    inverse = bias.unit_inverse
    index = 0
    for axis in range(3):
        f = (centres[m, 0] * inverse[0, axis] + centres[m, 1] * inverse[1, axis]
             + centres[m, 2] * inverse[2, axis])
        f -= math.floor(f)
        index = index * bias.divisions[axis] + min(int(f * bias.divisions[axis]), bias.divisions[axis] - 1)
    return bias.voxels[index, 2]
