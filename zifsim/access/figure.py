"""Figure of who gets in: barriers to percolate, and times to fill particles from the smallest to the largest."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zifsim.access.filling import SIZES_UM, TIMES_HOURS
from zifsim.access.result import YEAR_S, GasAccess
from zifsim.printable import literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Kind of result -> its colour, its name in the legend.
KINDS = {"rigid": ("#7a828c", "rigid"), "moving": ("#0072b2", "averaged over snapshots"),
         "umbrella": ("#009e73", "umbrella sampling")}
NEVER_S, AT_ONCE_S = 1e12, 1e-6     # ends of the axis of times; what lies beyond is drawn at its end
BAR = 0.68                          # height of a gas's bars together, of the distance between gases
LARGEST_BARRIER = 120.0             # kJ/mol, likewise


def access_png(results: Sequence[GasAccess], title: str) -> bytes:
    """Barriers (left) and fill times (right) of all gases; rigid and averaged results side by side. PNG."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    labels = list(dict.fromkeys(f"{r.gas} {r.temperature_k:g} K" for r in results))
    figure = Figure(figsize=(8.6, 1.5 + 0.62 * len(labels)), dpi=160, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    there = [kind for kind in KINDS if any(_kind(r) == kind for r in results)]
    height = BAR / len(there)
    for result in results:
        row, place = labels.index(f"{result.gas} {result.temperature_k:g} K"), there.index(_kind(result))
        y, colour = row + (place - 0.5 * (len(there) - 1)) * height, KINDS[_kind(result)][0]
        _barrier(left, result, y, colour, 0.9 * height)
        _times(right, result, y, colour)
    left.set_xlim(0.0, LARGEST_BARRIER * 1.02)
    left.set_xlabel("barrier to percolate, kJ/mol")
    right.set_xscale("log")
    right.set_xlim(AT_ONCE_S, NEVER_S)
    right.axvspan(min(TIMES_HOURS) * 3600.0, max(TIMES_HOURS) * 3600.0, color="#d55e00", alpha=0.15, linewidth=0)
    right.set_xlabel(f"time to fill 90 %, s; bars: particles of {SIZES_UM[0]:g} µm to {SIZES_UM[-1] / 1000:g} mm")
    top = right.secondary_xaxis("top")
    top.set_xticks([1.0, 3600.0, YEAR_S, 1e3 * YEAR_S], ["1 s", "1 h", "1 year", "1000 years"], fontsize=8)
    left.set_yticks(range(len(labels)), [literal(label) for label in labels])
    left.set_ylim(len(labels) - 0.5, -0.5)
    for axes in (left, right):
        axes.grid(axis="x", color="#d5d9de", linewidth=0.6)
        axes.set_axisbelow(True)
    shown = [Line2D([], [], color=KINDS[kind][0], linewidth=5, label=KINDS[kind][1]) for kind in there]
    shown.append(Line2D([], [], color="#d55e00", alpha=0.3, linewidth=8, label="an experiment: minutes to a day"))
    figure.legend(handles=shown, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.suptitle(literal(title), fontsize=10)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _kind(result: GasAccess) -> str:
    return "umbrella" if result.umbrella else "moving" if result.n_snapshots else "rigid"


def _barrier(axes: Axes, result: GasAccess, y: float, colour: str, height: float) -> None:
    shown = min(result.barrier_kj_mol, LARGEST_BARRIER)
    axes.barh(y, shown, height=height, color=colour)
    low, high = (min(b, LARGEST_BARRIER) for b in result.barrier_band)
    if high > low:
        axes.plot([low, high], [y, y], color="black", linewidth=1.2)
    if result.barrier_kj_mol > LARGEST_BARRIER:
        text = f"{result.barrier_kj_mol:.0f}" if math.isfinite(result.barrier_kj_mol) else "closed"
        axes.text(LARGEST_BARRIER, y, f"{text} ▸ ", ha="right", va="center", color="white", fontsize=8)


def _times(axes: Axes, result: GasAccess, y: float, colour: str) -> None:
    times = [result.fill_time_s * (size / result.size_um) ** 2 for size in (SIZES_UM[0], SIZES_UM[-1])]
    low, high = (min(max(t, AT_ONCE_S), NEVER_S) for t in times)
    axes.plot([low, high], [y, y], color=colour, linewidth=5, solid_capstyle="butt")
    if low >= NEVER_S:
        axes.text(NEVER_S, y, "never ▸ ", ha="right", va="center", color=colour, fontsize=8)
    elif high <= AT_ONCE_S:
        axes.text(AT_ONCE_S, y, " ◂ at once", ha="left", va="center", color=colour, fontsize=8)
