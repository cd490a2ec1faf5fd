"""The page of a sweep: one self-contained HTML file."""

from __future__ import annotations

from pathlib import Path

from zifsim.report.html import chem, doi
from zifsim.sweep.axes import Sweep
from zifsim.sweep.findings import Collected, Quantity

TEMPLATE = Path(__file__).with_name("sweep.html.j2")


def render(collected: Collected, sweep: Sweep, figure_svg: str) -> str:
    """The page as text; the figure is given as ``<svg>`` markup."""
    import json

    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    environment.filters.update(chem=chem, doi=doi)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        sweep=collected, glass=sweep.glass, figure=Markup(figure_svg), trends=_trends(collected),
        basis=sorted({f"{q.label}: {q.experiment.basis}" for q in collected.measured if q.experiment is not None}),
        seed=sweep.study.study.seed, json=json.dumps(sweep.to_dict(), indent=2, ensure_ascii=False))


def _trends(collected: Collected) -> list[tuple[Quantity, str, str]]:
    """Quantity, change per decade, and what a straight line would give in a laboratory, as text."""
    laboratory = collected.laboratory_k_per_s
    if laboratory is None:
        return []
    rate = (laboratory.low * laboratory.high) ** 0.5
    rows = []
    for quantity in collected.measured:
        trend = collected.trend(quantity)
        if trend is not None:
            value, half = trend.at(rate)
            mark = "" if quantity.bounds[0] <= value <= quantity.bounds[1] else " †"
            rows.append((quantity, f"{trend.slope:+.3g} ± {trend.slope_error:.2g}", f"{value:.4g} ± {half:.2g}{mark}"))
    return rows
