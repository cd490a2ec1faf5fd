"""Mixture: the picture of its gases' loadings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zifsim.model.mixture import MixtureIsotherm
from zifsim.printable import literal
from zifsim.report.isotherm import HEADROOM, picture_of
from zifsim.units import BAR_PA, LOADING_UNITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def mixture_png(mixture: MixtureIsotherm, unit: str = "ml_stp_g") -> bytes:
    """The picture of :func:`draw_mixture` as PNG."""
    return picture_of(lambda axes: draw_mixture(mixture, axes, unit))


def draw_mixture(mixture: MixtureIsotherm, axes: Axes, unit: str = "ml_stp_g") -> None:
    """Loading of every gas in ``unit`` (a key of units.LOADING_UNITS) against total pressure, with standard errors;
    dashed: what was predicted from pure isotherms. Open symbols: not equilibrated."""
    highest = 0.0
    for k, gas in enumerate(mixture.gases):
        factor, colour = mixture.loading_factor(gas, unit), f"C{k}"
        values = [p.loadings_mol_kg[gas] * factor for p in mixture.points]
        highest = max([highest, *values])
        axes.plot([p.pressure_pa / BAR_PA for p in mixture.points], values, color=colour, linewidth=1.0, alpha=0.4)
        for point, value in zip(mixture.points, values, strict=True):
            axes.errorbar(point.pressure_pa / BAR_PA, value, point.loading_errors_mol_kg[gas] * factor, fmt="o",
                          color=colour, capsize=2.5, markerfacecolor=colour if point.equilibrated else "white",
                          label=literal(gas) if point is mixture.points[0] else None)
        if mixture.predicted:
            axes.plot([p.pressure_pa / BAR_PA for p in mixture.predicted],
                      [p.loadings_mol_kg[gas] * factor for p in mixture.predicted], "--x", color=colour,
                      label=literal(f"{gas}, IAST"))
    if len(mixture.points) > 2:
        axes.set_xscale("log")
    axes.set_ylim(0.0, HEADROOM * highest or 1.0)
    axes.set_xlabel("total pressure, bar")
    axes.set_ylabel(f"uptake, {LOADING_UNITS[unit]}")
    named = " + ".join(f"{fraction:g} {gas}" for gas, fraction in mixture.composition.items())
    axes.set_title(literal(f"{named} in {mixture.framework}, {mixture.temperature_k:g} K"), fontsize=10)
    axes.legend(frameon=False, fontsize=8)
