"""Filling of a particle by a gas: diffusion through the network, exchange with its pockets, the fraction reached."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zifsim.access.basins import Basins
from zifsim.access.network import Hopping

FloatArray = NDArray[np.float64]
FILLED = 0.9                # the fraction that "filled" means
FILLED_FOURIER = 0.18299    # Dt/R² at which a sphere is filled to that fraction
EARLY = 0.02                # Dt/R² below which the series for early times is exact to 1e-8
SIZES_UM = (1.0, 10.0, 100.0, 1000.0)
TIMES_HOURS = (0.1, 1.0, 24.0)


@dataclass(frozen=True, slots=True)
class Experiment:
    """A measurement: diameter of the particles, µm, and the time they are given, hours."""

    size_um: float = 10.0
    hours: float = 1.0

    @property
    def seconds(self) -> float:
        return self.hours * 3600.0

    @property
    def radius_m(self) -> float:
        return 0.5e-6 * self.size_um


def sphere_filled(fourier: float) -> float:
    """Fraction of its final uptake that a sphere has at Dt/R² = ``fourier``, its surface at equilibrium from t = 0.

    Crank, The Mathematics of Diffusion, 2nd ed. 1975, equations 6.20 and 6.22.
    """
    if fourier <= 0.0:
        return 0.0
    if fourier < EARLY:
        return 6.0 * math.sqrt(fourier / math.pi) - 3.0 * fourier
    n = np.arange(1, 40)
    return float(1.0 - 6.0 / math.pi**2 * np.sum(np.exp(-(n * math.pi) ** 2 * fourier) / n**2))


def fill_time_s(diffusion_m2_s: float, size_um: float) -> float:
    """Time until a sphere of diameter ``size_um`` is filled to 90 %, s."""
    radius = 0.5e-6 * size_um
    return FILLED_FOURIER * radius**2 / diffusion_m2_s if diffusion_m2_s > 0.0 else math.inf


def taking_part(hopping: Hopping, seconds: float) -> NDArray[np.bool_]:
    """(B,) basins that exchange with the percolating network within a time."""
    return hopping.exchange_s <= seconds


def diffusion_m2_s(basins: Basins, hopping: Hopping, seconds: float) -> FloatArray:
    """(3, 3) self-diffusion tensor at vanishing loading of the molecules in basins that take part within a time."""
    fraction = float(basins.probabilities[taking_part(hopping, seconds)].sum())
    return hopping.conductance_m2_s / fraction if fraction > 0.0 else np.zeros((3, 3))


def accessible_fraction(basins: Basins, hopping: Hopping, experiment: Experiment) -> float:
    """Accessible fraction: the part of the equilibrium loading that an experiment finds, at vanishing loading.

    The particle's network fills as a sphere, with the mean of the diffusion tensor's diagonal; a pocket fills from the
    network as 1 − exp(−t/τ).
    """
    t = experiment.seconds
    with np.errstate(divide="ignore"):
        pockets = -np.expm1(-t / hopping.exchange_s)
    d = float(np.trace(diffusion_m2_s(basins, hopping, t))) / 3.0
    return float(basins.probabilities @ pockets) * sphere_filled(d * t / experiment.radius_m**2)
