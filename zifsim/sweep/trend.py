"""A straight line in the logarithm of the quench rate, with the uncertainty that its extrapolation has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_RATES = 3     # two rates fit any line exactly
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Trend:
    """y = ``mean`` + ``slope`` (log10 rate − ``center``), least squares over single glasses.

    ``slope`` per decade of rate with one standard error; ``deviation`` of the glasses about the line; ``quantile``:
    of Student's t for 95 %, with the line's degrees of freedom.
    """

    mean: float
    slope: float
    slope_error: float
    center: float
    deviation: float
    n: int
    n_rates: int
    quantile: float

    def at(self, rate: float) -> tuple[float, float]:
        """The line at a rate, and the half-width of its 95 % confidence interval.

        It assumes that the line goes on as it is, which twelve decades away nobody has seen: the interval is the
        least uncertainty, not the whole.
        """
        away = np.log10(rate) - self.center
        error = np.hypot(self.deviation / self.n**0.5, self.slope_error * away)
        return float(self.mean + self.slope * away), float(self.quantile * error)


def fit_trend(rates: Sequence[float], values: Sequence[float]) -> Trend | None:
    """Fit glasses at several rates (any unit, the same as :meth:`Trend.at`); None with fewer than three rates."""
    from scipy.stats import t

    n_rates = len(set(rates))
    if n_rates < LEAST_RATES:
        return None
    x, y = np.log10(np.asarray(rates, dtype=float)), np.asarray(values, dtype=float)
    away = x - x.mean()
    spread = float((away**2).sum())
    slope = float((away * y).sum()) / spread
    rest = y - y.mean() - slope * away
    deviation = float(((rest**2).sum() / (len(y) - 2)) ** 0.5)
    return Trend(float(y.mean()), slope, deviation / spread**0.5, float(x.mean()), deviation, len(y), n_rates,
                 float(t.ppf(0.5 + CONFIDENCE / 2.0, len(y) - 2)))
