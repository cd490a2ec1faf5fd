"""The figure of a sweep: every quantity against the quench rate, the laboratory's rates far away on the left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullLocator

from zifsim.compare.reference import Range
from zifsim.printable import literal
from zifsim.report.figures import INK, MATERIAL_STYLES, PAPER, SUBSCRIPTS, house_style
from zifsim.sweep.findings import COMPARED_BAR, PS_PER_S, Collected, Quantity
from zifsim.sweep.trend import Trend

COLUMNS = 3
BAND, LABORATORY, LINE = "#009e73", "#e69f00", "#7f7f7f"
MARGIN = 10**0.25   # of the rate axis beyond the first and last rate
DODGE = 1.06        # between configurations, in rate
BREAK = {"marker": [(-1, -1.6), (1, 1.6)], "markersize": 5, "linestyle": "none", "color": INK, "clip_on": False}


def sweep_figure(collected: Collected) -> Figure:
    """One panel per quantity: glasses (dots), means of each configuration with standard error, trend and experiment.

    Uptake is shown at 1 bar, or at the highest pressure where that was not simulated.
    """
    shown = [q for q in collected.measured if not q.gas or q.pressure_bar == _shown_bar(collected, q)]
    rows = -(-len(shown) // COLUMNS)
    columns = min(COLUMNS, len(shown))
    with house_style():
        height = 2.7 * rows + 0.8
        legend = 0.4 / height
        figure = Figure(figsize=(3.9 * columns, height),
                        layout=ConstrainedLayoutEngine(rect=(0.0, legend, 1.0, 1.0 - legend)))
        figure.suptitle(literal(f"{collected.title}: {collected.quality_note}"), x=0.995, ha="right", fontsize=9.0,
                        style="italic")
        grid = figure.add_gridspec(rows, columns)
        for number, quantity in enumerate(shown):
            cell = grid[number // columns, number % columns].subgridspec(1, 2, width_ratios=(1, 3.4), wspace=0.04)
            far, near = cell.subplots(sharey=True, squeeze=False)[0]
            _panel(far, near, collected, quantity)
        figure.legend(handles=_legend(collected, shown), loc="lower left", ncols=2 * columns, fontsize=8.5)
    return figure


def _shown_bar(collected: Collected, quantity: Quantity) -> float:
    bars = [q.pressure_bar for q in collected.measured
            if (q.gas, q.temperature_k) == (quantity.gas, quantity.temperature_k)]
    return COMPARED_BAR if COMPARED_BAR in bars else max(bars)


def _panel(far: Axes, near: Axes, collected: Collected, quantity: Quantity) -> None:
    """``far`` has the laboratory's rates, ``near`` the simulated ones, in K/s; they share the vertical axis."""
    rates = [rate * PS_PER_S for rate in collected.rates]
    near.set_xlim(min(rates) / MARGIN, max(rates) * MARGIN)
    for axes in (far, near):
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.grid(axis="y")
        axes.set_axisbelow(True)
    near.xaxis.set_major_locator(LogLocator(base=10, numticks=6))
    near.spines["left"].set_visible(False)
    near.tick_params(axis="y", length=0, labelleft=False)
    laboratory = collected.laboratory_k_per_s
    if laboratory is not None:
        far.set_xlim(laboratory.low / 3.0, laboratory.high * 3.0)
        far.axvspan(laboratory.low, laboratory.high, color=LABORATORY, alpha=0.18, linewidth=0)
        far.set_xticks([laboratory.low, laboratory.high], [f"{laboratory.low:g}", f"{laboratory.high:g}"])
    if quantity.experiment is not None:
        for axes in (far, near):
            _band(axes, quantity.experiment)
    _points(near, collected, quantity)
    if (trend := collected.trend(quantity)) is not None:
        near.set_ylim(near.get_ylim())      # that of the data and the experiment
        for axes in (near, far):
            _trend(axes, trend)
        if laboratory is not None:
            _tell_if_outside(far, trend, (laboratory.low * laboratory.high) ** 0.5)
    _breaks(far, near)
    near.set_title(" ")     # holds the room of the title
    far.set_title(_title(quantity), loc="left").set_in_layout(False)
    near.set_xlabel("quench rate, K/s", x=0.36)


def _title(quantity: Quantity) -> str:
    if not quantity.gas:
        return f"{quantity.name}{', ' + quantity.unit if quantity.unit else ''}"
    return f"{quantity.gas.translate(SUBSCRIPTS)}, {quantity.temperature_k:g} K, {quantity.pressure_bar:g} bar, " \
           f"{quantity.unit}"


def _points(axes: Axes, collected: Collected, quantity: Quantity) -> None:
    n = len(collected.configurations)
    for number, configuration in enumerate(collected.configurations):
        color, marker, _ = MATERIAL_STYLES[number % len(MATERIAL_STYLES)]
        shift = DODGE ** (number - (n - 1) / 2.0)
        single = collected.values(quantity, configuration=configuration)
        axes.plot([m.rate_k_per_ps * PS_PER_S * shift for m in single], [m.value for m in single], ".", markersize=4,
                  color=color, alpha=0.45, linewidth=0)
        for rate in collected.rates:
            mean = collected.mean(quantity, rate, configuration)
            if mean is not None:
                axes.errorbar(rate * PS_PER_S * shift, mean.value, yerr=None if np.isnan(mean.error) else mean.error,
                              color=color, marker=marker, markersize=5, capsize=2.5, linewidth=1.3,
                              markerfacecolor=color if mean.settled else PAPER)


def _band(axes: Axes, experiment: Range) -> None:
    if experiment.low < experiment.high:
        axes.axhspan(experiment.low, experiment.high, color=BAND, alpha=0.16, linewidth=0)
    else:
        axes.axhline(experiment.low, color=BAND, linewidth=1.6, alpha=0.8)


def _trend(axes: Axes, trend: Trend) -> None:
    """Line and 95 % band over the whole panel: drawn through in the data, dashed where it only goes on."""
    x = np.geomspace(*axes.get_xlim(), 40)
    line, half = np.transpose([trend.at(rate) for rate in x])
    near = axes.get_xlim()[1] > PS_PER_S / 1e3
    axes.plot(x, line, color=LINE, linewidth=1.0, linestyle="-" if near else "--", zorder=1)
    axes.fill_between(x, line - half, line + half, color=LINE, alpha=0.15, linewidth=0, zorder=0.5)
    axes.set_xlim(x[0], x[-1])


def _tell_if_outside(axes: Axes, trend: Trend, rate: float) -> None:
    """Where the line has left the panel: how far, as text at the edge."""
    value, half = trend.at(rate)
    low, high = axes.get_ylim()
    if low <= value <= high:
        return
    above = value > high
    axes.text(0.5, 0.97 if above else 0.03, f"{'↑' if above else '↓'} {value:.3g}\n± {half:.2g}", fontsize=7.5,
              ha="center", va="top" if above else "bottom", transform=axes.transAxes)


def _breaks(far: Axes, near: Axes) -> None:
    """The two strokes that say that the axis is interrupted."""
    far.plot([1], [0], transform=far.transAxes, **BREAK)    # type: ignore[arg-type]
    near.plot([0], [0], transform=near.transAxes, **BREAK)  # type: ignore[arg-type]


def _legend(collected: Collected, shown: Sequence[Quantity]) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=color, marker=marker, markersize=5, linewidth=1.3,
               label=f"configuration {literal(name)}: mean ± standard error, dots: glasses")
        for name, (color, marker, _) in zip(collected.configurations, MATERIAL_STYLES, strict=False)]
    if not all(m.settled for q in shown for m in collected.values(q)):
        handles.append(Line2D([], [], color=INK, marker="o", markerfacecolor="none", linestyle="none",
                              label="not settled"))
    if any(q.experiment is not None for q in shown):
        handles.append(Patch(color=BAND, alpha=0.3, label="experiment"))
    handles.append(Patch(color=LABORATORY, alpha=0.3, label="laboratory quench"))
    if any(collected.trend(q) is not None for q in shown):
        handles.append(Line2D([], [], color=LINE, linewidth=1.0, label="line in log rate, 95 % band"))
    return handles
