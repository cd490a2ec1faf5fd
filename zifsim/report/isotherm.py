"""Isotherm: the picture of a single one."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zifsim.model.uptake import Isotherm
from zifsim.printable import literal
from zifsim.units import BAR_PA, LOADING_UNITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEADROOM = 1.1      # of the axis above the highest point


def isotherm_png(isotherm: Isotherm, unit: str = "ml_stp_g") -> bytes:
    """The picture of :func:`draw_isotherm` as PNG."""
    return picture_of(lambda axes: draw_isotherm(isotherm, axes, unit))


def picture_of(draw: Callable[[Axes], None]) -> bytes:
    """What is drawn on one pair of axes, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 3.8), dpi=160, layout="constrained")
    draw(figure.add_subplot())
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def draw_isotherm(isotherm: Isotherm, axes: Axes, unit: str = "ml_stp_g") -> None:
    """Absolute loading in ``unit`` (a key of units.LOADING_UNITS) against pressure, with standard errors.

    Open symbols mark points that are not equilibrated; a second axis shows p/p₀ below the critical temperature.
    """
    factor = isotherm.loading_factor(unit)
    pressures = [p.pressure_pa / BAR_PA for p in isotherm.points]
    loadings = [p.loading_mol_kg * factor for p in isotherm.points]
    axes.plot(pressures, loadings, color="0.7", linewidth=1.0, zorder=1)
    for settled, label in ((True, "equilibrated"), (False, "not equilibrated")):
        chosen = [p for p in isotherm.points if p.equilibrated is settled]
        if chosen:
            axes.errorbar(
                [p.pressure_pa / BAR_PA for p in chosen],
                [p.loading_mol_kg * factor for p in chosen],
                [p.loading_error_mol_kg * factor for p in chosen],
                fmt="o",
                color="C0",
                capsize=2.5,
                markerfacecolor="C0" if settled else "white",
                label=label,
            )
    if len(pressures) > 2:
        axes.set_xscale("log")
    axes.set_ylim(0.0, HEADROOM * max(loadings) or 1.0)
    axes.set_xlabel("pressure, bar")
    axes.set_ylabel(f"absolute uptake, {LOADING_UNITS[unit]}")
    if not math.isnan(isotherm.saturation_pressure_pa):
        _relative_axis(axes, isotherm.saturation_pressure_pa / BAR_PA)
    axes.set_title(literal(f"{isotherm.gas} in {isotherm.framework}, {isotherm.temperature_k:g} K"), fontsize=10)
    axes.legend(frameon=False, fontsize=8)


def _relative_axis(axes: Any, saturation_bar: float) -> None:
    """p/p₀ along the top."""
    top = axes.secondary_xaxis("top", functions=(lambda p: p / saturation_bar, lambda x: x * saturation_bar))
    top.set_xlabel("p/p₀")
