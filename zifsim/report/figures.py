"""Pictures of a study: the comparison at a glance, and the isotherms behind it.

Figures are made without pyplot, so nothing global changes. :func:`to_svg` gives markup whose text and grid
follow the colours of the page around it; :func:`to_png` a picture on white. Colours: Okabe and Ito, which
colour-blind readers can tell apart.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from zifsim.compare.reference import GASES, PRESSURE_BAR
from zifsim.compare.results import StudyResults
from zifsim.compare.table import ComparisonRow, ComparisonTable
from zifsim.compare.uptakes import pressures_bar, same_temperature, uptake_at
from zifsim.model.uptake import UptakeEstimate
from zifsim.printable import literal

INK, RULE, PAPER = "#1b1f24", "#d5d9de", "#fefefe"
BLUE, ORANGE, SKY = "#0072b2", "#d55e00", "#56b4e9"
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")  # plain characters: page fonts set them right
DODGE = 0.17  # experiment above our value, published below, in rows
# (colour, marker, line) in the order in which materials appear.
MATERIAL_STYLES: tuple[tuple[str, str, Any], ...] = (
    ("#0072b2", "o", "-"),
    ("#d55e00", "s", "--"),
    ("#009e73", "^", "-"),
    ("#cc79a7", "D", "--"),
    ("#e69f00", "v", "-"),
    ("#56b4e9", "P", "-"),
    ("#7f7f7f", "X", "-"),
)
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9.0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Fonts, colours and rules that all figures share."""
    with mpl.rc_context(_STYLE):
        yield


def table1_figure(table: ComparisonTable) -> Figure:
    """One panel per gas, one line per material: our value, experiment, published simulation."""
    rows = [row for row in table.rows if row.reference.section in ("table1", "literature")]
    conditions = list(dict.fromkeys((r.gas, r.temperature_k) for r in table.section("table1")))
    rows = [row for row in rows if (row.gas, row.temperature_k) in conditions]
    materials = list(dict.fromkeys(row.material for row in rows))
    with house_style():
        layout = ConstrainedLayoutEngine(rect=(0.0, 0.09, 1.0, 0.82))
        figure = Figure(figsize=(11.0, 1.35 + 0.52 * len(materials)), layout=layout)
        axes = figure.subplots(1, len(conditions), sharey=True, squeeze=False)[0]
        for ax, (gas, temperature_k) in zip(axes, conditions, strict=True):
            draw_gas(ax, [r for r in rows if (r.gas, r.temperature_k) == (gas, temperature_k)], materials)
        settled = all(row.ours.equilibrated for row in rows if row.ours is not None)
        figure.suptitle(
            "Gas uptake at 1 bar, mL(STP)/g", x=0.005, y=0.985, ha="left", fontsize=11.5, weight="bold"
        )
        figure.text(
            0.995,
            0.985,
            _caption(table),
            ha="right",
            va="top",
            color=INK,
            style="italic",
        )
        figure.legend(
            handles=_comparison_legend(settled, table.has_access),
            loc="lower center",
            ncols=7,
            bbox_to_anchor=(0.5, -0.01),
            handlelength=1.5,
            handletextpad=0.5,
            columnspacing=1.6,
            fontsize=8.5,
        )
    return figure


def draw_gas(ax: Axes, rows: Sequence[ComparisonRow], materials: Sequence[str]) -> None:
    """One panel of :func:`table1_figure`: rows of one gas and temperature, on the lines of ``materials``."""
    _comparison_axes(ax, materials)
    ax.set_title(f"{literal(rows[0].gas).translate(SUBSCRIPTS)}, {rows[0].temperature_k:g} K", loc="left")
    for row in rows:
        _draw_row(ax, materials.index(row.material), row)
    ax.set_xlim(left=-0.04 * ax.get_xlim()[1], right=ax.get_xlim()[1])


def _caption(table: ComparisonTable) -> str:
    return literal(f"{table.study}: {table.quality_note}")


def _comparison_axes(ax: Axes, materials: Sequence[str]) -> None:
    ax.set_yticks(range(len(materials)), [_two_lines(literal(m)) for m in materials])
    ax.set_ylim(len(materials) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="y")
    ax.set_axisbelow(True)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.axvline(0.0, color=RULE, linewidth=0.8, zorder=0.5)


def _two_lines(material: str) -> str:
    """A long name broken between its components."""
    head, bracket, tail = material.rpartition("(ZIF-62)")
    return f"{head}\n{bracket}{tail}" if head else material


def _draw_row(ax: Axes, y: int, row: ComparisonRow) -> None:
    reference = row.reference
    if reference.low is not None and reference.high is not None:
        if reference.low < reference.high:
            ax.plot(
                [reference.low, reference.high],
                [y - DODGE] * 2,
                color=INK,
                linewidth=3.0,
                solid_capstyle="butt",
                alpha=0.55,
            )
        else:
            ax.plot(
                reference.high,
                y - DODGE,
                "D",
                markersize=6.0,
                color=INK,
                zorder=3,
                markerfacecolor="none" if reference.kinetic_zero else INK,
            )
    if reference.simulation is not None:
        ax.plot(
            reference.simulation,
            y + DODGE,
            "s",
            markersize=6.5,
            markeredgecolor=ORANGE,
            markerfacecolor="none",
            markeredgewidth=1.6,
            zorder=4,
        )
    if row.ours is None:
        ax.annotate(
            "missing",
            (1.0, y),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="center",
            fontsize=8,
            style="italic",
            alpha=0.7,
        )
        return
    if row.accessible is not None:
        ax.plot(row.accessible.estimate.value, y, "v", markersize=6.5, color=SKY, zorder=7, markeredgecolor=PAPER)
    spread, sampling = row.ours.model_spread, row.ours.sampling_error
    ax.errorbar(row.ours.value, y, xerr=spread, color=BLUE, linewidth=1.0, capsize=3.0, zorder=5)
    ax.errorbar(row.ours.value, y, xerr=sampling, color=BLUE, linewidth=2.6, zorder=5)
    ax.plot(
        row.ours.value,
        y,
        "o",
        markersize=7.0,
        color=BLUE,
        zorder=6,
        markerfacecolor=BLUE if row.ours.equilibrated else PAPER,
    )


def _comparison_legend(equilibrated: bool, accessible: bool) -> list[Line2D]:
    def mark(label: str, **style: Any) -> Line2D:
        return Line2D([], [], linestyle="none", label=label, **style)

    ours = [mark("this work (bars: thick sampling, thin models)", marker="o", markersize=7, color=BLUE)]
    if not equilibrated:
        ours.append(mark("not equilibrated", marker="o", markersize=7, color=BLUE, markerfacecolor="none"))
    if accessible:
        ours.append(mark("accessible in time", marker="v", markersize=6.5, color=SKY, markeredgecolor=PAPER))
    return [
        *ours,
        mark("experiment", marker="D", markersize=6, color=INK),
        mark("experiment, kinetic zero", marker="D", markersize=6, color=INK, markerfacecolor="none"),
        Line2D([], [], color=INK, alpha=0.55, linewidth=3.0, label="range of experiments"),
        mark(
            "published simulation",
            marker="s",
            markersize=6.5,
            markeredgecolor=ORANGE,
            markerfacecolor="none",
            markeredgewidth=1.6,
            color=ORANGE,
        ),
    ]


def isotherm_figure(results: StudyResults, table: ComparisonTable) -> Figure:
    """One panel per gas and temperature: every material's mean, its errors, the experiment."""
    conditions = sorted(
        {(m.isotherm.gas, m.isotherm.temperature_k) for m in results.isotherms}, key=_gas_order
    )
    materials = list(dict.fromkeys(row.material for row in table.rows if row.ours is not None))
    columns = min(3, len(conditions))
    n_rows = -(-len(conditions) // columns)
    with house_style():
        height = 2.9 * n_rows + 0.7
        legend = 0.5 / height  # room below the panels
        layout = ConstrainedLayoutEngine(rect=(0.0, legend, 1.0, 1.0 - legend))
        figure = Figure(figsize=(3.7 * columns, height), layout=layout)
        figure.suptitle(_caption(table), x=0.995, ha="right", fontsize=9.0, style="italic")
        axes = figure.subplots(n_rows, columns, squeeze=False).ravel()
        for ax, (gas, temperature_k) in zip(axes, conditions, strict=False):
            _isotherm_axes(ax, results, table, materials, gas, temperature_k)
        for ax in axes[len(conditions) :]:
            ax.set_visible(False)
        handles = [
            Line2D(
                [],
                [],
                color=color,
                marker=marker,
                markersize=5,
                linestyle=line,
                linewidth=1.3,
                label=literal(material),
            )
            for material, (color, marker, line) in zip(materials, _styles(len(materials)), strict=True)
        ]
        handles.append(
            Line2D(
                [],
                [],
                color=INK,
                marker="*",
                markersize=9,
                linestyle="none",
                markerfacecolor="none",
                label="experiment at 1 bar (in the material's colour)",
            )
        )
        figure.legend(handles=handles, loc="lower left", ncols=min(len(handles), 3 * columns), fontsize=8.5)
    return figure


def _isotherm_axes(
    ax: Axes,
    results: StudyResults,
    table: ComparisonTable,
    materials: Sequence[str],
    gas: str,
    temperature_k: float,
) -> None:
    several = False
    for material, (color, marker, line) in zip(materials, _styles(len(materials)), strict=True):
        pressures = pressures_bar(results, material, gas, temperature_k)
        several |= len(pressures) > 1
        estimates = [
            e
            for p in pressures
            if isinstance(e := uptake_at(results, material, gas, temperature_k, p), UptakeEstimate)
        ]
        values = [e.value for e in estimates]
        ax.errorbar(
            pressures,
            values,
            yerr=[e.sampling_error for e in estimates],
            color=color,
            marker=marker,
            linestyle=line,
            markersize=4.5,
            linewidth=1.3,
            capsize=2.0,
        )
        if any(e.model_spread > 0.0 for e in estimates):
            ax.fill_between(
                pressures,
                [e.value - e.model_spread for e in estimates],
                [e.value + e.model_spread for e in estimates],
                color=color,
                alpha=0.15,
                linewidth=0,
            )
        for row in table.rows:
            if (
                row.material == material
                and row.gas == gas
                and same_temperature(row.temperature_k, temperature_k)
            ):
                high, low = row.reference.high, row.reference.low
                if high is not None and low == high:
                    ax.plot(
                        PRESSURE_BAR,
                        high,
                        "*",
                        markersize=10,
                        markeredgecolor=color,
                        markerfacecolor="none",
                        clip_on=False,
                        zorder=5,
                    )
    ax.set_title(f"{literal(gas).translate(SUBSCRIPTS)}, {temperature_k:g} K", loc="left")
    ax.set_xlabel("pressure, bar")
    if ax.get_subplotspec().is_first_col():  # type: ignore[union-attr]
        ax.set_ylabel("uptake, mL(STP)/g")
    if several:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda pressure, _: f"{pressure:g}"))
    ax.set_ylim(bottom=0.0)
    ax.grid(True)
    ax.set_axisbelow(True)


def _styles(n: int) -> list[tuple[str, str, Any]]:
    return [MATERIAL_STYLES[i % len(MATERIAL_STYLES)] for i in range(n)]


def _gas_order(condition: tuple[str, float]) -> tuple[int, str, float]:
    gas, temperature_k = condition
    return (GASES.index(gas) if gas in GASES else len(GASES), gas, temperature_k)


def to_png(figure: Figure) -> bytes:
    """The figure as PNG on white, 200 dots per inch."""
    stream = io.BytesIO()
    with house_style():
        figure.savefig(stream, format="png", dpi=200, bbox_inches="tight", pad_inches=0.12, facecolor="white")
    return stream.getvalue()


def to_svg(figure: Figure, identifier: str, description: str) -> str:
    """The figure as one ``<svg>`` element for a page: transparent, ids under ``identifier``, page colours."""
    stream = io.StringIO()
    with mpl.rc_context(_STYLE | {"svg.hashsalt": identifier}):
        figure.savefig(
            stream,
            format="svg",
            bbox_inches="tight",
            pad_inches=0.05,
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    markup = stream.getvalue()
    markup = markup[markup.index("<svg") :]
    markup = re.sub(r"<metadata>.*?</metadata>", "", markup, flags=re.DOTALL)
    markup = re.sub(r' xmlns(:\w+)?="[^"]*"', "", markup).replace("xlink:href", "href")
    markup = re.sub(r' (width|height)="[\d.]+pt"', "", markup, count=2)
    # The last bits of a layout change from run to run, and with them the names of clip paths, hashes of their corners.
    markup = re.sub(r'="[^"]*"', lambda value: re.sub(r"\d+\.\d{3,}", lambda n: f"{float(n[0]):.2f}", value[0]), markup)
    clips = {name: f"clip{number}" for number, name in enumerate(re.findall(r'<clipPath id="(\w+)"', markup))}
    markup = re.sub(r"\bp[0-9a-f]{10}\b", lambda found: clips.get(found[0], found[0]), markup)
    markup = re.sub(r'\bid="', f'id="{identifier}-', markup)
    markup = re.sub(r'href="#', f'href="#{identifier}-', markup)
    markup = markup.replace("url(#", f"url(#{identifier}-")
    markup = re.sub(r'font-family: [^;"]*', "font-family: inherit", markup)
    for colour, variable in (
        (INK, "currentColor"),
        (RULE, "var(--rule)"),
        (PAPER, "var(--paper)"),
        (BLUE, "var(--blue)"),
        (ORANGE, "var(--orange)"),
    ):
        markup = markup.replace(colour, variable)
    return markup.replace("<svg ", f'<svg role="img" aria-label="{description}" ', 1)
