"""Measured curve from a user's file, and how far a computed one is from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zifsim.analysis.scattering import ScatteringResult
from zifsim.errors import InputError, UnknownNameError
from zifsim.io.text import decoded
from zifsim.limits import Limits

FloatArray = NDArray[np.float64]
FUNCTIONS = ("F", "S", "D", "G", "PDF")
MEASURED = Limits(-1e9, 1e9)
KINDS = tuple(f"{radiation}-{function}" for radiation in ("xray", "neutron") for function in FUNCTIONS)


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredCurve:
    """``kind`` is one of :data:`KINDS`; ``x`` (P,) Å⁻¹ (F, S) or Å (D, G, PDF), ``y`` (P,), ``error`` (P,) or None."""

    kind: str
    x: FloatArray
    y: FloatArray
    error: FloatArray | None
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """How a computed curve agrees with a measured one over (P,) points ``x``.

    ``r_w`` = √(Σ w (y − s·y′)² / Σ w y²), w = 1/error² or 1 and s the ``scale`` of the computed y′ that makes it
    least (Farrow et al., J. Phys. Condens. Matter 2007, 19, 335219, doi:10.1088/0953-8984/19/33/335219);
    ``r_w_unscaled`` is that of s = 1.
    """

    measured: MeasuredCurve
    x: FloatArray
    measured_y: FloatArray
    computed_y: FloatArray
    scale: float
    r_w: float
    r_w_unscaled: float


def read_curve(kind: str, path: str | Path) -> MeasuredCurve:
    """Two or three columns of numbers: x, y and perhaps the error of y; other lines are passed over as headers.

    Raises
    ------
    UnknownNameError: ``kind`` is none of :data:`KINDS`.
    InputError: no such file, fewer than ten rows of numbers, or an x that does not rise.
    """
    if kind not in KINDS:
        raise UnknownNameError("kind of measured curve", kind, KINDS)
    path = Path(path)
    if not path.is_file():
        raise InputError(f"No file '{path}'. Check the path (relative to the current folder).")
    text = decoded(path.read_bytes(), path, replace=True)       # words of a header do no harm
    rows = [numbers for n, line in enumerate(text.splitlines(), 1) if (numbers := _numbers(line, f"{path}, line {n}"))]
    if len(rows) < 10:
        raise InputError(f"{path}: {len(rows)} rows of two or three numbers; a curve needs at least ten (x, y and "
                         "perhaps the error of y, separated by blanks or commas).")
    width = min(len(row) for row in rows)
    table = np.array([row[:width] for row in rows])
    if (np.diff(table[:, 0]) <= 0.0).any():
        row = int(np.argmax(np.diff(table[:, 0]) <= 0.0)) + 2
        raise InputError(f"{path}: x does not rise at row {row} of the numbers ({table[row - 1, 0]:g}). Sort the rows "
                         "and give one curve per file.")
    error = table[:, 2] if width == 3 and (table[:, 2] > 0.0).all() else None
    return MeasuredCurve(kind, table[:, 0], table[:, 1], error, path.name)


def compare(result: ScatteringResult, measured: MeasuredCurve) -> Agreement:
    """The computed curve interpolated to the measured points, where both are known.

    Raises
    ------
    InputError: fewer than ten measured points lie in the computed range.
    """
    radiation, _, function = measured.kind.partition("-")
    curves = result.xray if radiation == "xray" else result.neutron
    x = curves.q if function in ("F", "S") else curves.r
    y = {"F": curves.f, "S": curves.s, "D": curves.d, "G": curves.g, "PDF": curves.pdf}[function]
    inside = (measured.x >= x[0]) & (measured.x <= x[-1])
    if np.count_nonzero(inside) < 10:
        raise InputError(f"{measured.source}: fewer than ten points between {x[0]:.2f} and {x[-1]:.2f}, the range of "
                         f"the computed {measured.kind}. Check the units (Å or Å⁻¹) and the kind of the curve.")
    at, observed = measured.x[inside], measured.y[inside]
    computed = np.interp(at, x, y)
    weight = np.ones_like(at) if measured.error is None else measured.error[inside] ** -2.0
    scale = float((weight * observed * computed).sum() / (weight * computed**2).sum())

    def r_w(s: float) -> float:
        return float(np.sqrt((weight * (observed - s * computed) ** 2).sum() / (weight * observed**2).sum()))

    return Agreement(measured, at, observed, computed, scale, r_w(scale), r_w(1.0))


def _numbers(line: str, where: str) -> list[float] | None:
    """The first two or three numbers of a line, None where it does not begin with two."""
    found: list[float] = []
    for word in line.replace(",", " ").replace(";", " ").split()[:3]:
        try:
            found.append(float(word))
        except ValueError:
            break
    if len(found) < 2:
        return None
    for value in found:
        MEASURED.check(value, f"{where}: a number")
    return found
