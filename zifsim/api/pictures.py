"""Pictures of results on axes of the caller's; what `zifsim.report` draws already is drawn by it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zifsim.errors import InputError, UnknownNameError
from zifsim.printable import literal
from zifsim.units import BAR_PA, LOADING_UNITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from zifsim.access.result import GasAccess
    from zifsim.analysis.summary import Analysis
    from zifsim.compare.table import ComparisonTable
    from zifsim.melt.result import MeltResult
    from zifsim.model.mixture import MixtureIsotherm
    from zifsim.model.uptake import Isotherm, MixturePoint


def known_unit(unit: str) -> str:
    """A unit of loading; raises UnknownNameError for one that is none."""
    if unit not in LOADING_UNITS:
        raise UnknownNameError("unit", unit, LOADING_UNITS)
    return unit


def draw_isotherm(isotherm: Isotherm, ax: Axes, *, unit: str = "ml_stp_g") -> None:
    """Absolute loading against pressure; ``unit``: a key of :data:`zifsim.units.LOADING_UNITS`."""
    from zifsim.report.isotherm import draw_isotherm as draw

    draw(isotherm, ax, known_unit(unit))


def draw_mixture(mixture: MixtureIsotherm, ax: Axes, *, unit: str = "ml_stp_g") -> None:
    """Loading of every gas against total pressure; ``unit`` as of :func:`draw_isotherm`."""
    from zifsim.report.mixture import draw_mixture as draw

    draw(mixture, ax, known_unit(unit))


def draw_points(points: Sequence[MixturePoint], ax: Axes) -> None:
    """Loading of every gas against total pressure, mol/kg."""
    for gas in points[0].composition if points else ():
        ax.errorbar([p.pressure_pa / BAR_PA for p in points], [p.loadings_mol_kg[gas] for p in points],
                    [p.loading_errors_mol_kg[gas] for p in points], fmt="o-", capsize=2.5, label=literal(gas))
    if len(points) > 2:
        ax.set_xscale("log")
    ax.set_ylim(bottom=0.0)
    ax.set_xlabel("total pressure, bar")
    ax.set_ylabel("uptake, mol/kg")
    ax.legend(frameon=False)


def draw_coordination(melt: MeltResult, ax: Axes) -> None:
    """How many N the zincs of the glass have, in per cent of the zincs."""
    ax.bar(list(melt.coordination), [100.0 * part for part in melt.coordination.values()])
    ax.set_xlabel(f"N within {melt.zn_n_cutoff_angstrom:g} Å of a Zn")
    ax.set_ylabel("Zn, %")
    ax.set_title(f"{literal(melt.framework.name)}, {melt.density_g_cm3:.3f} g/cm³", fontsize=10)


def draw_accesses(found: Sequence[GasAccess], ax: Axes) -> None:
    """Time to fill 90 % of particles, from the smallest to the largest size; what takes for ever is named so."""
    from zifsim.access.filling import SIZES_UM, TIMES_HOURS
    from zifsim.access.result import YEAR_S

    for row, one in enumerate(found):
        times = [one.fill_time_s * (size / one.size_um) ** 2 for size in (SIZES_UM[0], SIZES_UM[-1])]
        if math.isfinite(times[1]):
            ax.plot(times, [row, row], linewidth=5, solid_capstyle="butt", color="C0")
        else:
            ax.annotate("never", (1.0, row), xycoords=("axes fraction", "data"), ha="right", va="center")
    ax.set_xscale("log")
    ax.axvspan(min(TIMES_HOURS) * 3600.0, max(TIMES_HOURS) * 3600.0, color="#d55e00", alpha=0.15, linewidth=0,
               label="an experiment: minutes to a day")
    ax.axvline(YEAR_S, color="0.5", linewidth=0.8, linestyle=":", label="a year")
    ax.set_yticks(range(len(found)), [f"{literal(a.gas)} {a.temperature_k:g} K\n{a.kind}" for a in found])
    ax.set_ylim(len(found) - 0.5, -0.5)
    ax.set_xlabel(f"time to fill 90 %, s: particles of {SIZES_UM[0]:g} µm to {SIZES_UM[-1] / 1000:g} mm")
    ax.legend(frameon=False, fontsize=8)


def draw_analyses(found: Sequence[Analysis], ax: Axes, *, chart: str = "structure_factors", panel: int = 0) -> None:
    """One panel of the pictures of `zifsim analyse`: ``chart`` by its name, ``panel`` by its number from 0."""
    from zifsim.report.chart import draw_panel, legend_handles
    from zifsim.report.structure import structure_charts

    charts = {c.name: c for c in structure_charts(found)}
    if chart not in charts:
        raise UnknownNameError("chart", chart, charts)
    panels = charts[chart].panels
    if not 0 <= panel < len(panels):
        named = ", ".join(f"{n} {p.title}" for n, p in enumerate(panels))
        raise InputError(f"The chart {chart} has no panel {panel}; it has: {named}.")
    draw_panel(ax, panels[panel], charts[chart].structures)
    if ax.get_legend() is None:
        ax.legend(handles=legend_handles(charts[chart].structures), frameon=False, fontsize=8)


def draw_comparison(table: ComparisonTable, ax: Axes, *, gas: str | None = None) -> None:
    """Ours, experiment and published simulation of one gas, a line per material; None: the first gas."""
    from zifsim.report.figures import draw_gas

    rows = [r for r in table.rows if r.reference.section in ("table1", "literature")]
    chosen = rows[0].gas if gas is None else gas
    if chosen not in {r.gas for r in rows}:
        raise UnknownNameError("gas of the comparison", chosen, {r.gas for r in rows})
    temperature_k = next(r.temperature_k for r in rows if r.gas == chosen)
    rows = [r for r in rows if (r.gas, r.temperature_k) == (chosen, temperature_k)]
    draw_gas(ax, rows, list(dict.fromkeys(r.material for r in rows)))
    ax.set_xlabel("uptake at 1 bar, mL(STP)/g")
