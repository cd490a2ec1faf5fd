"""A picture of a single isotherm."""

from __future__ import annotations

import io

from zifsim.model.uptake import Isotherm
from zifsim.units import BAR_PA


def isotherm_png(isotherm: Isotherm) -> bytes:
    """Loading against pressure with standard errors; open symbols where a point is not equilibrated. PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0, 3.8), dpi=160, layout="constrained")
    axes = figure.add_subplot()
    pressures = [p.pressure_pa / BAR_PA for p in isotherm.points]
    loadings = [p.loading_ml_stp_g for p in isotherm.points]
    axes.plot(pressures, loadings, color="0.7", linewidth=1.0, zorder=1)
    for settled, label in ((True, "equilibrated"), (False, "not equilibrated")):
        chosen = [p for p in isotherm.points if p.equilibrated is settled]
        if chosen:
            axes.errorbar(
                [p.pressure_pa / BAR_PA for p in chosen],
                [p.loading_ml_stp_g for p in chosen],
                [p.loading_error_ml_stp_g for p in chosen],
                fmt="o",
                color="C0",
                capsize=2.5,
                markerfacecolor="C0" if settled else "white",
                label=label,
            )
    if len(pressures) > 2:
        axes.set_xscale("log")
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("pressure, bar")
    axes.set_ylabel("uptake, mL(STP)/g")
    axes.set_title(f"{isotherm.gas} in {isotherm.framework}, {isotherm.temperature_k:g} K", fontsize=10)
    axes.legend(frameon=False, fontsize=8)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
