"""What a sweep has found: quantities, their values in every glass, means and trends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zifsim.compare.reference import Range
from zifsim.melt.result import melted
from zifsim.sweep.trend import Trend, fit_trend

PS_PER_S = 1e12
COMPARED_BAR = 1.0      # the pressure of the figures and of the experiment


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something measured in every glass; ``gas`` is empty and the rest zero where it is no uptake."""

    key: str
    name: str
    unit: str
    gas: str = ""
    temperature_k: float = 0.0
    pressure_bar: float = 0.0
    experiment: Range | None = field(default=None, compare=False, hash=False)

    @property
    def bounds(self) -> tuple[float, float]:
        """What it cannot go beyond."""
        return 0.0, 100.0 if self.unit == "%" else float("inf")

    @property
    def label(self) -> str:
        """As text with unit and conditions."""
        where = f" {self.gas}, {self.temperature_k:g} K, {self.pressure_bar:g} bar" if self.gas else ""
        return f"{self.name}{where}{', ' + self.unit if self.unit else ''}"


@dataclass(frozen=True, slots=True)
class Measured:
    """One quantity in one glass, with its own (sampling) error; NaN where that is not known."""

    quantity: Quantity
    job: str
    rate_k_per_ps: float
    configuration: str
    replicate: int
    value: float
    error: float
    settled: bool
    seed: int | None


@dataclass(frozen=True, slots=True)
class Mean:
    """Over ``n`` glasses: mean, its standard error and the standard deviation (both NaN for a single one)."""

    value: float
    error: float
    deviation: float
    n: int
    settled: bool


@dataclass(frozen=True, slots=True)
class Collected:
    """What a sweep has found so far: quantity -> its value in every glass. ``rates`` in K/ps, descending."""

    name: str
    title: str
    quality_note: str
    rates: tuple[float, ...]
    configurations: tuple[str, ...]
    measured: Mapping[Quantity, tuple[Measured, ...]]
    n_glasses: int
    n_planned: int
    files: tuple[Path, ...] = ()
    laboratory_k_per_s: Range | None = None

    def values(self, quantity: Quantity, rate: float | None = None, configuration: str | None = None) -> list[Measured]:
        """Of one quantity, at a rate, of a configuration; None: all."""
        return [m for m in self.measured[quantity] if rate in (None, m.rate_k_per_ps)
                and configuration in (None, m.configuration)]

    def mean(self, quantity: Quantity, rate: float, configuration: str | None = None) -> Mean | None:
        """Over the glasses of a rate, None where there is none."""
        found = self.values(quantity, rate, configuration)
        if not found:
            return None
        values = np.array([m.value for m in found])
        deviation = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
        return Mean(float(values.mean()), deviation / len(values) ** 0.5, deviation, len(values),
                    all(m.settled for m in found))

    @property
    def warning(self) -> str:
        """How many of the glasses are none, in a sentence; '' where all have melted."""
        kept = next((group for quantity, group in self.measured.items() if quantity.key == "bonds_kept"), ())
        unmelted = sum(not melted(m.value / 100.0) for m in kept)
        return "" if not unmelted else (f"{unmelted} of {len(kept)} kept more than half of the crystal's Zn–N bonds: "
                                        f"not melted, no {'glass' if unmelted == 1 else 'glasses'}.")

    def trend(self, quantity: Quantity) -> Trend | None:
        """A straight line in the logarithm of the rate, None where three rates are not there yet."""
        found = self.values(quantity)
        return fit_trend([m.rate_k_per_ps * PS_PER_S for m in found], [m.value for m in found])

    def cell(self, quantity: Quantity, rate: float) -> str:
        """Mean ± standard error as text."""
        mean = self.mean(quantity, rate)
        if mean is None:
            return "–"
        star = "" if mean.settled else "*"
        return f"{mean.value:.4g}{star}" if mean.n == 1 else f"{mean.value:.4g} ± {mean.error:.2g}{star}"

    def experiment_text(self, quantity: Quantity) -> str:
        """Measured value or range as text."""
        found = quantity.experiment
        if found is None:
            return ""
        return f"{found.low:g}" if found.low == found.high else f"{found.low:g}–{found.high:g}"
