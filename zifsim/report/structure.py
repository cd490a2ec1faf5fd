"""Pictures of `zifsim analyse`: pair distributions, angles, total scattering, dynamics, cooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from zifsim.analysis.history import HistoryResult
from zifsim.analysis.scattering import Curves
from zifsim.analysis.summary import Analysis, shown_pairs
from zifsim.analysis.thermal import GlassTransitionResult
from zifsim.crystals.linkers import METALS
from zifsim.report.chart import Chart, Line, Panel

FloatArray = NDArray[np.float64]
SHOWN_Q = (0.45, 15.0)
SHOWN_R = (0.8, 12.0)
BROADENING = 0.1        # Å; a single structure would be a comb of spikes
BROADENING_DEGREES = 2.0


def structure_charts(analyses: Sequence[Analysis]) -> list[Chart]:
    """All pictures that these results have something for."""
    charts = [_pairs(analyses), _angles(analyses), _reciprocal(analyses), _real(analyses), _measured(analyses),
              _dynamics(analyses), _cooling(analyses), _rings(analyses), _pores(analyses)]
    return [chart for chart in charts if chart is not None and chart.panels]


def _pairs(analyses: Sequence[Analysis]) -> Chart:
    names = list(dict.fromkeys(pair for a in analyses for pair in shown_pairs(a.pairs)))
    panels = [Panel(f"{'–'.join(pair)} g(r)", "r, Å", "g(r)", tuple(
        Line(a.name, "g", a.pairs.r, gaussian_filter1d(a.pairs.g[pair], BROADENING / a.pairs.width))
        for a in analyses if pair in a.pairs.g), level=1.0, x_range=(1.0, float(analyses[0].pairs.r[-1])))
        for pair in names]
    return Chart("pair_distributions", tuple(panels), f"folded with a Gaussian of {BROADENING:g} Å")


def _angles(analyses: Sequence[Analysis]) -> Chart:
    def lines(which: str) -> tuple[Line, ...]:
        found = [(a.name, getattr(a.angles, which)) for a in analyses]
        return tuple(Line(name, "share", d.centres, gaussian_filter1d(d.density, BROADENING_DEGREES))
                     for name, d in found)

    return Chart("angles", (Panel("N–metal–N", "angle, °", "share per degree", lines("n_zn_n"), x_range=(80, 150)),
                            Panel("metal–linker–metal", "angle, °", "share per degree", lines("zn_linker_zn"),
                                  x_range=(90, 180))), f"folded with a Gaussian of {BROADENING_DEGREES:g}°")


def _reciprocal(analyses: Sequence[Analysis]) -> Chart:
    def lines(value: Callable[[Analysis], Curves]) -> tuple[Line, ...]:
        return tuple(Line(a.name, "S", value(a).q, value(a).s) for a in analyses)

    return Chart("structure_factors", (
        Panel("X-ray S(Q)", "Q, Å⁻¹", "S(Q)", lines(lambda a: a.scattering.xray), level=1.0, x_range=SHOWN_Q),
        Panel("neutron S(Q)", "Q, Å⁻¹", "S(Q)", lines(lambda a: a.scattering.neutron), level=1.0, x_range=SHOWN_Q)))


def _real(analyses: Sequence[Analysis]) -> Chart:
    def lines(value: Callable[[Analysis], Curves]) -> tuple[Line, ...]:
        return tuple(Line(a.name, "D", value(a).r, value(a).d) for a in analyses)

    return Chart("total_correlations", (
        Panel("X-ray D(r)", "r, Å", "D(r), Å⁻²", lines(lambda a: a.scattering.xray), level=0.0, x_range=SHOWN_R),
        Panel("neutron D(r)", "r, Å", "D(r), barn Å⁻²", lines(lambda a: a.scattering.neutron), level=0.0,
              x_range=SHOWN_R)))


def _measured(analyses: Sequence[Analysis]) -> Chart | None:
    """A panel per measured curve and structure: the points, the computed curve scaled to them, the difference."""
    panels = []
    for analysis in analyses:
        for a in analysis.agreements:
            computed = a.scale * a.computed_y
            below = float(a.measured_y.min()) - float(np.ptp(a.measured_y - computed))
            x_label = "Q, Å⁻¹" if a.measured.kind.endswith(("-F", "-S")) else "r, Å"
            panels.append(Panel(f"{analysis.name}: R_w {a.r_w:.3f}", x_label, a.measured.kind, (
                Line(a.measured.source, "measured", a.x, a.measured_y),
                Line(analysis.name, f"computed × {a.scale:.3g}", a.x, computed),
                Line("difference (shifted)", "difference", a.x, a.measured_y - computed + below))))
    return Chart("measured", tuple(panels)) if panels else None


def _dynamics(analyses: Sequence[Analysis]) -> Chart | None:
    """Displacements of metals and linkers; how many bonds are left."""
    moved = [(a.name, a.displacement) for a in analyses if a.displacement is not None]
    bonds = [(a.name, a.bonds) for a in analyses if a.bonds is not None]
    if not moved:
        return None
    names = dict.fromkeys(group for _, d in moved for group in d.groups if group in METALS or group == "linkers")
    panels = [Panel(f"displacement of {group}", "t, ps", "MSD, Å²", tuple(
        Line(name, "MSD", d.time, d.groups[group].msd, d.groups[group].error) for name, d in moved
        if group in d.groups)) for group in names]
    panels.append(Panel("metal–N bonds left", "t, ps", "share", tuple(
        line for name, b in bonds for line in (Line(name, "never broken", b.time, b.survival),
                                               Line(name, "there again", b.time, b.intermittent)))))
    return Chart("dynamics", tuple(panels), "band: standard error over bodies")


def _cooling(analyses: Sequence[Analysis]) -> Chart | None:
    """Density and enthalpy of the cooling melts, with the two lines where they meet clearly."""
    cooled = [(a.name, a.history) for a in analyses if a.history is not None and len(a.history.temperature)]
    if not cooled:
        return None

    def panel(title: str, y_label: str, values: Callable[[HistoryResult], FloatArray],
              fit: Callable[[HistoryResult], GlassTransitionResult | None]) -> Panel:
        lines = []
        for name, h in cooled:
            lines.append(Line(name, "simulated", h.temperature, values(h), kind="points"))
            found = fit(h)
            if found is not None and found.clear:
                t, label = np.sort(h.temperature), f"two lines, T_g {found.temperature:.0f} ± {found.error:.0f} K"
                lines.append(Line(name, label, t, found.at(t)))
        return Panel(title, "T (set point), K", y_label, tuple(lines))

    return Chart("cooling", (
        panel("density", "ρ, g/cm³", lambda h: h.density, lambda h: h.by_density),
        panel("enthalpy", "H − kinetic part, kJ/mol per metal", lambda h: h.enthalpy, lambda h: h.by_enthalpy)),
        "simulated rates, some 10¹² times those of a laboratory")


def _rings(analyses: Sequence[Analysis]) -> Chart | None:
    lines = tuple(Line(a.name, "rings", np.arange(a.rings.per_metal.shape[1])[3:].astype(np.float64),
                       a.rings.per_metal.mean(axis=0)[3:], kind="joined") for a in analyses if a.rings is not None)
    panel = Panel("rings of the net", "metals in the ring", "rings per metal", lines)
    return Chart("rings", (panel,)) if lines else None


def _pores(analyses: Sequence[Analysis]) -> Chart | None:
    lines = tuple(Line(a.name, "sizes", a.pore_sizes.diameter, a.pore_sizes.share, kind="steps")
                  for a in analyses if a.pore_sizes is not None)
    panel = Panel("pore sizes", "diameter, Å", "share of the void per Å", lines)
    return Chart("pore_sizes", (panel,), "spheres between the atoms' van der Waals spheres") if lines else None
