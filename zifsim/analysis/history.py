"""History of a melt, from its table: the glass transition on cooling, the bulk modulus where it is held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zifsim.analysis.frames import Frames, state_rows
from zifsim.analysis.quantity import Quantity
from zifsim.analysis.thermal import (
    LEAST_POINTS,
    BulkModulus,
    BulkModulusResult,
    GlassTransition,
    GlassTransitionResult,
)
from zifsim.errors import InputError
from zifsim.units import ANGSTROM_M, AVOGADRO, BAR_PA

FloatArray = NDArray[np.float64]
BAR_ANGSTROM3_KJ_MOL = BAR_PA * ANGSTROM_M**3 * AVOGADRO * 1e-3
COLUMNS = ("set_point_k", "density_g_cm3", "energy_kj_mol", "volume_a3")


@dataclass(frozen=True, slots=True, eq=False)
class HistoryResult:
    """Cooling and holding of one melt.

    temperature, density, enthalpy: (n,) of the segments that cool, K (the set point), g/cm³, kJ/mol per metal; empty
    where nothing cools at constant pressure. by_density, by_enthalpy: the breaks fitted to them, or None.
    modulus: of the segment analysed, or None where its temperature or pressure was not constant or it is too short.
    """

    temperature: FloatArray
    density: FloatArray
    enthalpy: FloatArray
    by_density: GlassTransitionResult | None
    by_enthalpy: GlassTransitionResult | None
    modulus: BulkModulusResult | None

    def quantities(self) -> list[Quantity]:
        """The rows of the table; a T_g only where there is a break at all."""
        rows = []
        for key, name, fit in (("tg_density", "ρ", self.by_density), ("tg_enthalpy", "H", self.by_enthalpy)):
            if fit is not None and fit.clear:
                rows.append(Quantity(key, f"T_g from {name}(T) on cooling", "K", fit.temperature, fit.error,
                                     f"bootstrap of {len(self.temperature)} rows"))
        if self.modulus is not None:
            label = "bulk modulus" if self.modulus.settled else "bulk modulus (not settled)"
            rows.append(Quantity("bulk_modulus", label, "GPa", self.modulus.gpa, self.modulus.error_gpa,
                                 f"{self.modulus.effective_samples:.0f} independent samples"))
        return rows


def history(frames: Frames, pressure_bar: float = 1.0) -> HistoryResult | None:
    """What ``state.csv`` of the melt holds that the frames come from; None where they come from no melt.

    The enthalpy is potential energy + pV: the kinetic part is a straight line in T and moves no break.

    Raises
    ------
    InputError: the table has not the columns it should have.
    """
    if frames.melt is None:
        return None
    folder, (first, last) = frames.melt
    rows = state_rows(folder)
    try:
        steps = np.array(rows["step"], dtype=np.int64)
        t, density, energy, volume = (np.array(rows[c], dtype=np.float64) for c in COLUMNS)
    except (KeyError, ValueError) as error:
        raise InputError(f"{folder}/state.csv: {error} is missing or not a number. Run the melt again.") from error
    cooling = _cooling(np.array(rows["segment"]), t, volume)
    metals = max(1, len(frames.metals))
    enthalpy = (energy + pressure_bar * BAR_ANGSTROM3_KJ_MOL * volume) / metals
    held = (steps >= first) & (steps <= last)
    settled = np.flatnonzero(held)[np.count_nonzero(held) // 4:]      # the first quarter is left to settle
    constant = len(settled) >= LEAST_POINTS and np.ptp(t[settled]) == 0.0 and np.ptp(volume[settled]) > 0.0
    return HistoryResult(
        t[cooling], density[cooling], enthalpy[cooling], _break(t[cooling], density[cooling]),
        _break(t[cooling], enthalpy[cooling]),
        BulkModulus(float(t[settled[0]])).compute(volume[settled]) if constant else None)


def _cooling(segment: NDArray[np.str_], temperature: FloatArray, volume: FloatArray) -> NDArray[np.bool_]:
    """Rows of the segments through which the set point falls and the volume is free."""
    chosen = np.zeros(len(segment), dtype=bool)
    for name in np.unique(segment):
        rows = segment == name
        if rows.sum() > 1 and (np.diff(temperature[rows]) < 0.0).all() and np.ptp(volume[rows]) > 0.0:
            chosen |= rows
    return chosen


def _break(temperature: FloatArray, value: FloatArray) -> GlassTransitionResult | None:
    return GlassTransition().compute(temperature, value) if len(temperature) >= LEAST_POINTS else None
