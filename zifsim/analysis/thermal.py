"""Glass transition and bulk modulus: where a cooled melt becomes a glass, and how stiff it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from zifsim.errors import InputError
from zifsim.gcmc.statistics import summarise
from zifsim.units import ANGSTROM_M, BOLTZMANN_J_K

FloatArray = NDArray[np.float64]
LEAST_SHARE = 0.1       # of the points that must lie on either side of the break
LEAST_POINTS = 20
CANDIDATES = 60         # breaks tried before the best is refined
SIGNIFICANT = 3.0       # standard errors by which the two slopes must differ


@dataclass(frozen=True, slots=True, eq=False)
class GlassTransitionResult:
    """Two lines that meet.

    temperature ± error: K, where they meet; the error by bootstrap. value: there. slopes: below and above, per K.
    slope_change ± slope_change_error: above less below.
    """

    temperature: float
    error: float
    value: float
    slopes: tuple[float, float]
    slope_change: float
    slope_change_error: float

    @property
    def clear(self) -> bool:
        """Whether this is a glass transition at all: the liquid's line must run the glass's way and be the steeper one,
        by more than three standard errors. A melt that still drifts breaks it; ``temperature`` then means nothing."""
        below, above = self.slopes
        return below * above > 0.0 and abs(above) - abs(below) > SIGNIFICANT * self.slope_change_error

    def at(self, temperature: ArrayLike) -> FloatArray:
        """The two lines at temperatures, K."""
        above = np.asarray(temperature, dtype=np.float64) - self.temperature
        return np.asarray(self.value + np.where(above < 0.0, *self.slopes) * above, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class GlassTransition:
    """T_g of a density or an enthalpy against temperature: the break of the continuous pair of lines of least squares.

    Errors are from a bootstrap of the residuals in blocks, since those of a simulation are correlated (Künsch, Ann.
    Stat. 1989, 17, 1217, doi:10.1214/aos/1176347265); a block is twice the residuals' correlation, at least.
    """

    resamples: int = 200
    seed: int = 1

    def compute(self, temperature: ArrayLike, value: ArrayLike) -> GlassTransitionResult:
        """Fit ``value`` (n,) at ``temperature`` (n,) K.

        Raises
        ------
        InputError: fewer than 20 points, or no range of temperature.
        """
        t, y = (np.asarray(a, dtype=np.float64).ravel() for a in (temperature, value))
        if len(t) != len(y) or len(t) < LEAST_POINTS or np.ptp(t) == 0.0:
            raise InputError(f"{len(t)} temperatures over {np.ptp(t) if len(t) else 0:g} K with {len(y)} values: a "
                             f"glass transition needs at least {LEAST_POINTS} of both and a range of temperature.")
        order = np.argsort(t, kind="stable")
        t, y = t[order], y[order]
        best, coefficients = _two_lines(t, y)
        fitted = _basis(t, best) @ coefficients
        residuals = y - fitted
        rng = np.random.default_rng(self.seed)
        block = _block_length(residuals)
        found = []
        for _ in range(self.resamples):
            starts = rng.integers(0, len(t) - block + 1, -(-len(t) // block))
            noise = np.concatenate([residuals[s:s + block] for s in starts])[: len(t)]
            at, c = _two_lines(t, fitted + noise, n=CANDIDATES // 3)
            found.append((at, c[2]))
        temperatures, changes = np.array(found).T
        a, b, change = coefficients
        return GlassTransitionResult(best, float(temperatures.std(ddof=1)), float(a + b * best),
                                     (float(b), float(b + change)), float(change), float(changes.std(ddof=1)))


@dataclass(frozen=True, slots=True)
class BulkModulusResult:
    """Isothermal bulk modulus and its standard error, GPa; ``effective_samples`` of the squared fluctuation."""

    gpa: float
    error_gpa: float
    effective_samples: float
    settled: bool


@dataclass(frozen=True, slots=True)
class BulkModulus:
    """K = k_B T ⟨V⟩/⟨(V − ⟨V⟩)²⟩ from volumes at constant pressure and ``temperature_k``.

    Allen & Tildesley, Computer Simulation of Liquids, 2nd ed. 2017, §2.5, doi:10.1093/oso/9780198803195.001.0001. Runs
    of picoseconds see only the quick part of the fluctuations and overrate K.
    """

    temperature_k: float

    def compute(self, volumes: ArrayLike) -> BulkModulusResult:
        """From volumes (n,), Å³, equally spaced in time.

        Raises
        ------
        InputError: fewer than 20 volumes, or volumes that do not fluctuate.
        """
        v = np.asarray(volumes, dtype=np.float64).ravel()
        if len(v) < LEAST_POINTS or np.ptp(v) == 0.0:
            raise InputError(f"{len(v)} volumes that vary by {np.ptp(v) if len(v) else 0:g} Å³: a bulk modulus needs "
                             f"at least {LEAST_POINTS} from a run at constant pressure.")
        squared = summarise((v - v.mean()) ** 2, resolution=0.0)
        volume, variance = float(v.mean()), float(v.var(ddof=1))
        gpa = BOLTZMANN_J_K * self.temperature_k * volume / variance / ANGSTROM_M**3 * 1e-9
        return BulkModulusResult(gpa, gpa * squared.standard_error / squared.mean, squared.effective_samples,
                                 squared.equilibrated)


def _basis(t: FloatArray, at: float) -> FloatArray:
    return np.column_stack([np.ones_like(t), t, np.maximum(t - at, 0.0)])


def _misfit(t: FloatArray, y: FloatArray, at: float) -> float:
    basis = _basis(t, at)
    return float(((y - basis @ np.linalg.lstsq(basis, y, rcond=None)[0]) ** 2).sum())


def _two_lines(t: FloatArray, y: FloatArray, n: int = CANDIDATES) -> tuple[float, FloatArray]:
    """The break of least squares, and the coefficients (3,): value at 0 K, lower slope, change of slope."""
    low, high = np.quantile(t, (LEAST_SHARE, 1.0 - LEAST_SHARE))
    tried = np.linspace(low, high, n)
    best = int(np.argmin([_misfit(t, y, at) for at in tried]))
    bounds = (tried[max(0, best - 1)], tried[min(n - 1, best + 1)])
    at = float(minimize_scalar(lambda x: _misfit(t, y, x), bounds=bounds, method="bounded").x)
    return at, np.asarray(np.linalg.lstsq(_basis(t, at), y, rcond=None)[0], dtype=np.float64)


def _block_length(residuals: FloatArray) -> int:
    """Twice the number of consecutive residuals that are worth one independent one; at most a tenth of all."""
    if np.ptp(residuals) == 0.0:
        return 1
    # From the sum of the positive head of the autocorrelation.
    centred = residuals - residuals.mean()
    correlation = np.correlate(centred, centred, "full")[len(centred) - 1:] / (centred @ centred)
    negative = np.flatnonzero(correlation <= 0.0)
    head = correlation[1:negative[0]] if len(negative) else correlation[1:]
    return int(np.clip(2.0 * (1.0 + 2.0 * head.sum()), 1, max(1, len(residuals) // 10)))
