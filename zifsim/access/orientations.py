"""Deterministic orientations of a rigid molecule: equal weights, the same for every point of a grid."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from zifsim.model.guest import GuestModel

FloatArray = NDArray[np.float64]
GOLDEN_ANGLE = math.pi * (3.0 - math.sqrt(5.0))
# Irrational steps of the two angles, from x⁴ = x + 4 (Alexa, CVPR 2022, doi:10.1109/CVPR52688.2022.00811).
SPIRAL_FIRST, SPIRAL_SECOND = math.sqrt(2.0), 1.533751168755204288118041
SAME_ANGSTROM = 1e-6


def oriented_bodies(model: GuestModel, number: int) -> FloatArray:
    """(n, S, 3) site offsets from the centre, Å, in n orientations of equal weight.

    A molecule of one point needs one orientation. A linear one gets ``number`` Fibonacci directions, on a hemisphere
    where its two ends are alike; any other shape four times as many rotations (super-Fibonacci spirals).
    """
    body = model.site_positions
    if model.radius_angstrom < SAME_ANGSTROM:
        return body[None]
    axis = linear_axis(body)
    if axis is None:
        return np.asarray(np.einsum("nij,sj->nsi", _rotations(4 * number), body))
    along = body @ axis
    directions = fibonacci_directions(number, hemisphere=_ends_alike(model, along))
    return directions[:, None, :] * along[None, :, None]


def linear_axis(body: FloatArray) -> FloatArray | None:
    """Unit vector (3,) along a linear molecule (S, 3), or None for another shape."""
    axis = body[np.argmax(np.linalg.norm(body, axis=1))]
    axis = axis / np.linalg.norm(axis)
    off = np.linalg.norm(body - np.outer(body @ axis, axis), axis=1).max()
    return axis if off < SAME_ANGSTROM else None


def fibonacci_directions(number: int, *, hemisphere: bool) -> FloatArray:
    """(number, 3) unit vectors spread evenly over a sphere or over its upper half."""
    steps = np.arange(number) + 0.5
    z = 1.0 - steps / number if hemisphere else 1.0 - 2.0 * steps / number
    radius, angle = np.sqrt(1.0 - z * z), steps * GOLDEN_ANGLE
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def _ends_alike(model: GuestModel, along: FloatArray) -> bool:
    """Whether turning the molecule round changes nothing."""
    sites = [(s.epsilon_k, s.sigma_angstrom, s.charge_e) for s in model.sites]
    return all(any(abs(along[a] + along[b]) < SAME_ANGSTROM and np.allclose(sites[a], sites[b])
                   for b in range(len(sites))) for a in range(len(sites)))


def _rotations(number: int) -> FloatArray:
    """(number, 3, 3) rotations spread evenly over all orientations."""
    s = (np.arange(number) + 0.5) / number
    first, second = 2.0 * math.pi * number * s / SPIRAL_FIRST, 2.0 * math.pi * number * s / SPIRAL_SECOND
    inner, outer = np.sqrt(s), np.sqrt(1.0 - s)
    quaternions = np.stack([inner * np.sin(first), inner * np.cos(first), outer * np.sin(second),
                            outer * np.cos(second)], axis=1)
    return np.asarray(Rotation.from_quat(quaternions).as_matrix())
