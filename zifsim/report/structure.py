"""The pictures of `zifsim analyse`: pair distributions, angles, total scattering."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from zifsim.analysis.scattering import Curves
from zifsim.analysis.summary import Analysis, shown_pairs
from zifsim.report.chart import Chart, Line, Panel

SHOWN_Q = (0.3, 15.0)
SHOWN_R = (0.8, 12.0)
BROADENING = 0.1        # Å; a single structure would be a comb of spikes


def structure_charts(analyses: Sequence[Analysis]) -> list[Chart]:
    """All pictures that these results have something for."""
    charts = [_pairs(analyses), _angles(analyses), _reciprocal(analyses), _real(analyses), _measured(analyses)]
    return [chart for chart in charts if chart is not None and chart.panels]


def _pairs(analyses: Sequence[Analysis]) -> Chart:
    names = list(dict.fromkeys(pair for a in analyses for pair in shown_pairs(a.pairs)))
    panels = [Panel("–".join(pair), "r, Å", "g(r)", tuple(
        Line(a.name, "g", a.pairs.r, gaussian_filter1d(a.pairs.g[pair], BROADENING / a.pairs.width))
        for a in analyses if pair in a.pairs.g), level=1.0, x_range=(1.0, float(analyses[0].pairs.r[-1])))
        for pair in names]
    return Chart("pair_distributions", tuple(panels), f"folded with a Gaussian of {BROADENING:g} Å")


def _angles(analyses: Sequence[Analysis]) -> Chart:
    def lines(which: str) -> tuple[Line, ...]:
        found = [(a.name, getattr(a.angles, which)) for a in analyses]
        return tuple(Line(name, which, d.centres, d.density, kind="steps") for name, d in found)

    return Chart("angles", (Panel("N–metal–N", "angle, °", "share per degree", lines("n_zn_n"), x_range=(80, 150)),
                            Panel("metal–linker–metal", "angle, °", "share per degree", lines("zn_linker_zn"),
                                  x_range=(90, 180))))


def _reciprocal(analyses: Sequence[Analysis]) -> Chart:
    def lines(value: Callable[[Analysis], Curves]) -> tuple[Line, ...]:
        return tuple(Line(a.name, "S", value(a).q, value(a).s) for a in analyses)

    return Chart("structure_factors", (
        Panel("X-ray", "Q, Å⁻¹", "S(Q)", lines(lambda a: a.scattering.xray), level=1.0, x_range=SHOWN_Q),
        Panel("neutron", "Q, Å⁻¹", "S(Q)", lines(lambda a: a.scattering.neutron), level=1.0, x_range=SHOWN_Q)))


def _real(analyses: Sequence[Analysis]) -> Chart:
    def lines(value: Callable[[Analysis], Curves]) -> tuple[Line, ...]:
        return tuple(Line(a.name, "D", value(a).r, value(a).d) for a in analyses)

    return Chart("total_correlations", (
        Panel("X-ray", "r, Å", "D(r), Å⁻²", lines(lambda a: a.scattering.xray), level=0.0, x_range=SHOWN_R),
        Panel("neutron", "r, Å", "D(r), barn Å⁻²", lines(lambda a: a.scattering.neutron), level=0.0,
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
