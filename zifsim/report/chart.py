"""Chart, a picture as a value: panels of lines that become a PNG and a CSV, so that one always shows the other."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from zifsim.io.tables import Cell
from zifsim.printable import literal
from zifsim.report.figures import INK, MATERIAL_STYLES, house_style

FloatArray = NDArray[np.float64]
CSV_COLUMNS = ("panel", "structure", "curve", "x", "y", "spread")
PANEL_WIDTH, PANEL_HEIGHT = 4.2, 2.9    # inches
MOST_COLUMNS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One curve: of which ``structure``, what it is (``curve``), ``x`` and ``y`` (P,), ``spread`` (P,) of y or None.

    ``kind``: ``line``, ``points``, ``joined`` (points with a line) or ``steps``.
    """

    structure: str
    curve: str
    x: FloatArray
    y: FloatArray
    spread: FloatArray | None = None
    kind: str = "line"


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Lines on common axes; ``level`` draws a horizontal rule (the ideal gas's 1, say)."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    level: float | None = None
    x_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Panels side by side, saved as ``name``.png and ``name``.csv."""

    name: str
    panels: tuple[Panel, ...]
    note: str = field(default="")

    @property
    def structures(self) -> list[str]:
        return list(dict.fromkeys(line.structure for panel in self.panels for line in panel.lines))


def chart_rows(chart: Chart) -> list[list[Cell]]:
    """The rows of the CSV: every point of every line, in :data:`CSV_COLUMNS`."""
    return [[panel.title, line.structure, line.curve, float(x), float(y),
             None if line.spread is None or not np.isfinite(line.spread[k]) else float(line.spread[k])]
            for panel in chart.panels for line in panel.lines
            for k, (x, y) in enumerate(zip(line.x, line.y, strict=True))]


def chart_figure(chart: Chart) -> Figure:
    """The picture; every structure has one colour, and a panel with several curves of each says which is which."""
    columns = min(MOST_COLUMNS, len(chart.panels))
    rows = -(-len(chart.panels) // columns)
    names = chart.structures
    with house_style():
        figure = Figure(figsize=(PANEL_WIDTH * columns, PANEL_HEIGHT * rows + 0.5), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, panel in zip(axes, chart.panels, strict=False):
            draw_panel(ax, panel, names)
        for ax in axes[len(chart.panels):]:
            ax.set_visible(False)
        figure.legend(handles=legend_handles(names), loc="outside lower center", ncols=min(4, len(names)))
        if chart.note:
            figure.suptitle(literal(chart.note), x=0.995, ha="right", fontsize=8.5, style="italic")
    return figure


def legend_handles(names: list[str]) -> list[Line2D]:
    """What a legend of the structures shows: a stroke in the colour of each."""
    return [Line2D([], [], color=_style_of(names, name)[0], linewidth=2.0, label=literal(name)) for name in names]


def draw_panel(ax: Axes, panel: Panel, names: list[str]) -> None:
    """One panel; ``names``: the structures in the order of their colours."""
    curves: dict[str, list[str]] = {}
    for line in panel.lines:
        curves.setdefault(line.structure, []).append(line.curve)
    dashes = ["-", "--", ":", "-."]
    for line in panel.lines:
        color, marker = _style_of(names, line.structure)
        order = curves[line.structure].index(line.curve)
        first = not any(h == line.curve for h in ax.get_legend_handles_labels()[1])
        _draw_line(ax, line, color, marker, dashes[order % len(dashes)], line.curve if first else "_")
    if any(len(of_one) > 1 for of_one in curves.values()):
        ax.legend(fontsize=7.5)
    if panel.level is not None:
        ax.axhline(panel.level, color=INK, linewidth=0.5, alpha=0.5, zorder=0)
    ax.set_title(literal(panel.title), loc="left")
    ax.set_xlabel(panel.x_label)
    ax.set_ylabel(panel.y_label)
    if panel.x_range is not None:
        ax.set_xlim(*panel.x_range)
        _fit_height(ax, panel)
    ax.grid(True)
    ax.set_axisbelow(True)


def _style_of(names: list[str], structure: str) -> tuple[str, str]:
    """Colour and marker."""
    return MATERIAL_STYLES[names.index(structure) % len(MATERIAL_STYLES)][:2]


def _draw_line(ax: Axes, line: Line, color: str, marker: str, dash: str, label: str) -> None:
    if line.kind == "points":
        ax.errorbar(line.x, line.y, yerr=line.spread, color=color, marker=marker, markersize=4.0, linestyle="none",
                    capsize=2.0, label=label)
        return
    style = "steps-mid" if line.kind == "steps" else "default"
    ax.plot(line.x, line.y, color=color, linewidth=1.1, linestyle=dash, label=label, drawstyle=style,
            marker=marker if line.kind == "joined" else "", markersize=4.0)
    if line.spread is not None and np.isfinite(line.spread).any():
        ax.fill_between(line.x, line.y - line.spread, line.y + line.spread, color=color, alpha=0.18, linewidth=0)


def _fit_height(ax: Axes, panel: Panel) -> None:
    """Limits of y from the points within the x range."""
    assert panel.x_range is not None
    low, high = panel.x_range
    seen = [line.y[(line.x >= low) & (line.x <= high)] for line in panel.lines]
    values = np.concatenate(seen) if seen else np.empty(0)
    if len(values) and np.ptp(values) > 0.0:
        margin = 0.05 * float(np.ptp(values))
        ax.set_ylim(float(values.min()) - margin, float(values.max()) + margin)
