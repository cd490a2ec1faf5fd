"""Statistics of correlated series: means with honest errors, when a run has settled, and how much it knows.

Equilibration: the start that leaves most effective samples, Chodera, J. Chem. Theory Comput. 2016, 12,
1799, doi:10.1021/acs.jctc.5b00784. Statistical inefficiency: Chodera et al., ibid. 2007, 3, 26,
doi:10.1021/ct0502864. Both as implemented in pymbar. Measured on 200 AR(1) series each: errors are within
5 % of the true spread from 50 effective samples on, and up to 17 % too small at 20 to 25.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zifsim.errors import SimulationError
from zifsim.units import KELVIN_TO_KJ_MOL

MOST_BLOCKS = 2000              # longer series are averaged in blocks first: same mean and error, less time
ORIGINS = 50                    # starts tried for the equilibrated part
LATEST_START = 0.5              # settled in the first half, or not at all
LEAST_EFFECTIVE_SAMPLES = 20.0
LEAST_CHANGES = 20              # one that hardly ever changed, of a cell not empty as a rule, has not been sampled
DRIFT_SIGMAS = 3.0
# Effective samples are themselves known only to about 1/sqrt of their number, and taking the best of many
# starts picks up that noise (errors came out 30 % too small at 20 samples): cut only for a real gain.
GAIN_SIGMAS = 5.0


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """What a series says about its mean.

    ``mean`` and ``standard_error`` are of the equilibrated part, which begins at ``equilibration_index`` and
    is worth ``effective_samples`` independent samples. ``equilibrated`` is True where that part begins in the
    first half, is worth at least 20 samples, the series changed at least 20 times (or is empty as a rule), still moves
    in its last half (or is empty there), and its first and last thirds agree within 3 standard errors.
    """

    mean: float
    standard_error: float
    equilibration_index: int
    effective_samples: float
    equilibrated: bool


def summarise(series: ArrayLike, *, resolution: float = 1.0) -> SeriesSummary:
    """Mean, error and equilibration of a correlated series (n,).

    A series that is zero throughout has the error ``resolution``/n, as if the smallest possible change had been
    seen once in n samples (for counts, the Poisson posterior of none in n). Any other constant cannot be told
    from a walker that is stuck: it is not equilibrated and its error is ``resolution``.
    Where a series has not settled, mean and error describe its last half (:func:`_unsettled`).

    Parameters
    ----------
    resolution: the smallest change the series can show: 1 for numbers of molecules, 0 for continuous ones.

    Raises
    ------
    SimulationError: an empty series, or one with values that are not finite.
    """
    values = np.asarray(series, dtype=np.float64).ravel()
    if values.size == 0 or not np.all(np.isfinite(values)):
        raise SimulationError("The sampled series is empty or holds values that are not finite numbers.")
    if np.ptp(values) == 0.0:
        return _constant(values, resolution)
    blocks, block_size, offset = _block_average(values)
    start, inefficiency = _equilibrated_part(blocks)
    production = blocks[start:]
    index = offset + start * block_size
    error = _standard_error(production, inefficiency) or resolution / values.size
    spread = float(np.var(values[index:]))
    effective = min(spread / error**2, float(values.size - index)) if error > 0.0 else 1.0
    last_half = values[values.size // 2:]
    equilibrated = bool(
        start < LATEST_START * blocks.size
        and effective >= LEAST_EFFECTIVE_SAMPLES
        and (np.ptp(last_half) > 0.0 or not last_half.any())
        and (np.count_nonzero(np.diff(values)) >= LEAST_CHANGES or np.median(values) == 0.0)
        and _drift_sigmas(production, error) <= DRIFT_SIGMAS
    )
    if not equilibrated:
        return _unsettled(last_half, max(error, resolution / values.size), values.size - last_half.size, effective)
    return SeriesSummary(float(production.mean()), error, index, effective, True)


def _unsettled(last_half: NDArray[np.float64], error: float, index: int, effective: float) -> SeriesSummary:
    """A series that has not settled: the mean of its last half, with how far that half still moved as its error.

    The standard error of a short tail would say nothing about where the series is going.
    """
    means = [float(part.mean()) for part in np.array_split(last_half, 3) if part.size]
    return SeriesSummary(float(last_half.mean()), max(error, max(means) - min(means)), index, effective, False)


def heat_of_adsorption(
    molecules: ArrayLike, energies_k: ArrayLike, temperature_k: float, *, n_blocks: int = 20,
) -> tuple[float, float]:
    """Isosteric heat and its standard error, kJ/mol, from fluctuations of the equilibrated part of a run.

    q = RT − (⟨UN⟩ − ⟨U⟩⟨N⟩)/(⟨N²⟩ − ⟨N⟩²): the ideal gas outside, a rigid host, U the energy of the guests
    (Nicholson & Parsonage, Computer Simulation and the Statistical Mechanics of Adsorption, 1982). The error
    is a jackknife over contiguous blocks. Both are NaN where N never changes.

    Parameters
    ----------
    molecules: (n,) numbers of molecules; energies_k: (n,) total guest energies U/k_B, K.
    n_blocks: at least 10; each block should be longer than the correlation time.
    """
    if n_blocks < 10:
        raise ValueError(f"n_blocks is {n_blocks}; the jackknife needs at least 10")
    n = np.asarray(molecules, dtype=np.float64).ravel()
    u = np.asarray(energies_k, dtype=np.float64).ravel()
    if n.shape != u.shape:
        raise ValueError(f"{n.size} numbers of molecules but {u.size} energies")
    if n.size < n_blocks or np.ptp(n) == 0.0:
        return math.nan, math.nan
    # Moments about the overall means, so that large offsets do not cancel
    n, u = n - n.mean(), u - u.mean()
    edges = np.linspace(0, n.size, n_blocks + 1).astype(int)[:-1]
    sums = np.array([np.add.reduceat(x, edges) for x in (np.ones_like(n), n, u, n * n, u * n)])
    total = sums.sum(axis=1, keepdims=True)
    full = float(_covariance_ratio(total)[0])
    left_out = _covariance_ratio(total - sums)
    error = math.sqrt((n_blocks - 1) / n_blocks * float(np.sum((left_out - left_out.mean()) ** 2)))
    return (temperature_k - full) * KELVIN_TO_KJ_MOL, error * KELVIN_TO_KJ_MOL


def _covariance_ratio(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """cov(U, N)/var(N) from sums (5, k) of 1, N, U, N², UN; NaN where N does not vary."""
    count, n, u, nn, un = sums
    variance = nn / count - (n / count) ** 2
    covariance = un / count - u * n / count**2
    scale = np.maximum(nn / count, 1e-300)
    ratio: NDArray[np.float64] = np.divide(
        covariance, variance, out=np.full_like(variance, math.nan), where=variance > 1e-12 * scale)
    return ratio


def _constant(values: NDArray[np.float64], resolution: float) -> SeriesSummary:
    empty = values[0] == 0.0
    effective = float(values.size) if empty else 1.0
    return SeriesSummary(float(values[0]), resolution / values.size if empty else resolution, 0, effective,
                         bool(empty and effective >= LEAST_EFFECTIVE_SAMPLES))


def _block_average(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], int, int]:
    """At most MOST_BLOCKS means of equal blocks, their size, and how many leading values are left out."""
    size = -(-values.size // MOST_BLOCKS)
    offset = values.size % size
    return values[offset:].reshape(-1, size).mean(axis=1), size, offset


def _equilibrated_part(blocks: NDArray[np.float64]) -> tuple[int, float]:
    """First index of the part with most effective samples (or 0), and its statistical inefficiency."""
    if blocks.size < 2 or np.ptp(blocks) == 0.0:
        return 0, 1.0
    timeseries = _timeseries()
    skip = max(1, blocks.size // ORIGINS)
    start, _, best = timeseries.detect_equilibration(blocks, fast=True, nskip=skip)
    whole = blocks.size / timeseries.statistical_inefficiency(blocks, fast=True)
    if best < whole * (1.0 + GAIN_SIGMAS / math.sqrt(best)) or np.ptp(blocks[start:]) == 0.0:
        start = 0
    return int(start), float(timeseries.statistical_inefficiency(blocks[start:]))


def _standard_error(production: NDArray[np.float64], inefficiency: float) -> float:
    """Standard error of the mean; a correlated sample has a variance too small by 1 − g/n, put right here."""
    fraction = min(inefficiency / production.size, 0.5)
    return math.sqrt(float(np.var(production)) * fraction / (1.0 - fraction))


def _drift_sigmas(production: NDArray[np.float64], error: float) -> float:
    """Difference of the means of first and last third in its standard errors (a third's own is √3 larger)."""
    third = production.size // 3
    if third == 0 or error == 0.0:
        return 0.0
    return abs(float(production[:third].mean() - production[-third:].mean())) / (math.sqrt(6.0) * error)


def inefficiency(series: NDArray[np.float64]) -> float:
    """How many values of a correlated series (n,) know as much as one independent one; 1 for a constant."""
    if series.size < 4 or np.ptp(series) == 0.0:
        return 1.0
    return float(_timeseries().statistical_inefficiency(series))


def _timeseries() -> ModuleType:
    """pymbar.timeseries without the notices it logs on import (general advice, and that JAX is absent)."""
    logger = logging.getLogger("pymbar")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        from pymbar import timeseries
    finally:
        logger.setLevel(level)
    module: ModuleType = timeseries
    return module
