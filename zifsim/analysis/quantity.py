"""Quantity: a measured number with its spread, and what it was measured on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class Quantity:
    """One row of a table.

    ``value`` ± ``spread`` in ``unit``; ``basis`` says what the spread is over and how many there were, e.g.
    ``8 frames`` (standard deviation over frames). ``spread`` is NaN where there was only one.
    """

    key: str
    label: str
    unit: str
    value: float
    spread: float = math.nan
    basis: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, None for NaN."""
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Quantity:
        """The inverse of :meth:`to_dict`."""
        return cls(**{k: math.nan if v is None else v for k, v in values.items()})  # type: ignore[arg-type]


def over_frames(key: str, label: str, unit: str, series: ArrayLike, scale: float = 1.0) -> Quantity:
    """Mean and standard deviation of a value per frame (F,); frames where it is NaN (undefined) are left out."""
    values = np.asarray(series, dtype=np.float64) * scale
    return _summary(key, label, unit, values[np.isfinite(values)], "frames")


def over_files(quantities: Sequence[Quantity]) -> Quantity:
    """Mean and standard deviation of one quantity over files (structures, seeds), each of the same weight."""
    first = quantities[0]
    values = np.array([q.value for q in quantities])
    return _summary(first.key, first.label, first.unit, values[np.isfinite(values)], "files")


def _summary(key: str, label: str, unit: str, values: np.ndarray, of: str) -> Quantity:
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    spread = float(values.std(ddof=1)) if n > 1 else math.nan
    return Quantity(key, label, unit, mean, spread, f"{n} {of if n != 1 else of[:-1]}")
