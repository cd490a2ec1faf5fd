"""BET area of a simulated nitrogen isotherm, over the pressures that Rouquerol's criteria allow."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import InputError
from zifsim.model.uptake import Isotherm
from zifsim.units import AVOGADRO

FloatArray = NDArray[np.float64]
CROSS_SECTION_NM2 = 0.162       # N2 at 77 K: Thommes et al., Pure Appl. Chem. 2015, 87, 1051, doi:10.1515/pac-2014-1117
LEAST_POINTS = 4
FOURTH = 0.2                    # by which the two pressures of the monolayer may differ


@dataclass(frozen=True, slots=True)
class BETResult:
    """``area`` ± ``error`` m²/g, the error from those of the loadings; ``lowest`` and ``highest`` area of all ranges
    that fulfil the criteria. monolayer: mol/kg. c: BET constant. first, last: p/p₀ of the range; n_points in it."""

    area: float
    error: float
    lowest: float
    highest: float
    monolayer: float
    c: float
    first: float
    last: float
    n_points: int


@dataclass(frozen=True, slots=True)
class BETArea:
    """Of all ranges of at least four pressures that fulfil the four criteria the longest; of equally long ones that in
    which the fourth holds best (Rouquerol, Llewellyn & Rouquerol, Stud. Surf. Sci. Catal. 2007, 160, 49,
    doi:10.1016/S0167-2991(07)80008-5): n(1 − x) rises; C > 0; the monolayer lies in the range; its pressure agrees
    within 20 % with 1/(√C + 1). Area = monolayer times 0.162 nm² per molecule; a formal number in micropores.
    """

    resamples: int = 200
    seed: int = 1

    def compute(self, isotherm: Isotherm) -> BETResult:
        """Fit the isotherm's absolute loadings.

        Raises
        ------
        InputError: not nitrogen below its critical temperature, or no range fulfils the criteria.
        """
        named = f"{isotherm.gas} in {isotherm.framework} at {isotherm.temperature_k:g} K"
        if isotherm.gas != "N2" or math.isnan(isotherm.saturation_pressure_pa):
            raise InputError(f"{named}: a BET area needs an isotherm of N2 at 77 K with its saturation pressure.")
        x = np.array([p.pressure_pa for p in isotherm.points]) / isotherm.saturation_pressure_pa
        n = np.array([p.loading_mol_kg for p in isotherm.points])
        errors = np.array([p.loading_error_mol_kg for p in isotherm.points])
        below = (x < 1.0) & (n > 0.0)
        x, n, errors = x[below], n[below], errors[below]
        ranges = {(a, b): found for a in range(len(x)) for b in range(a + LEAST_POINTS, len(x) + 1)
                  if (found := _fit(x, n, a, b)) is not None}
        if not ranges:
            raise InputError(f"{named}: no {LEAST_POINTS} pressures of its {len(x)} below p₀ fulfil Rouquerol's "
                             "criteria. Give more pressures between p/p₀ = 0.00001 and 0.3.")
        (a, b), (monolayer, c, _) = min(ranges.items(), key=lambda item: (item[0][0] - item[0][1], item[1][2]))
        rng = np.random.default_rng(self.seed)
        drawn = [_line(x[a:b], np.maximum(rng.normal(n[a:b], errors[a:b]), 1e-12))[0] for _ in range(self.resamples)]
        per_mol_kg = CROSS_SECTION_NM2 * 1e-18 * AVOGADRO * 1e-3
        areas = [m * per_mol_kg for m, _, _ in ranges.values()]
        return BETResult(monolayer * per_mol_kg, float(np.std(drawn, ddof=1)) * per_mol_kg, min(areas), max(areas),
                         monolayer, c, float(x[a]), float(x[b - 1]), b - a)


def _line(x: FloatArray, n: FloatArray) -> tuple[float, float]:
    """Monolayer and C of the line x/(n(1 − x)) = 1/(n_m C) + x (C − 1)/(n_m C)."""
    slope, intercept = np.polyfit(x, x / (n * (1.0 - x)), 1)
    return float(1.0 / (slope + intercept)), float(1.0 + slope / intercept)


def _fit(x: FloatArray, n: FloatArray, a: int, b: int) -> tuple[float, float, float] | None:
    """Monolayer, C and the misfit of the fourth criterion in the range a:b; None where a criterion fails."""
    if (np.diff((n * (1.0 - x))[a:b]) <= 0.0).any():
        return None
    monolayer, c = _line(x[a:b], n[a:b])
    if c <= 0.0 or not n[a] <= monolayer <= n[b - 1]:
        return None
    at = float(np.interp(monolayer, n[a:b], x[a:b]))
    misfit = abs(1.0 / (math.sqrt(c) + 1.0) - at) / at
    return (monolayer, c, misfit) if misfit <= FOURTH else None
