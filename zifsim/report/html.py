"""Report of a study: one self-contained HTML page, and the two pictures as files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zifsim.compare.reference import Reference, composition_tension, implied_zif8, load_reference
from zifsim.compare.results import StudyResults, read_results
from zifsim.compare.run import run_comparison
from zifsim.compare.scores import ALL, NOT_N2_77K, score_table
from zifsim.compare.table import ComparisonRow, ComparisonTable
from zifsim.io.files import write_bytes_atomic, write_text_atomic
from zifsim.report.glass import glass_summary

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

HERE = Path(__file__).parent


def write_report(out_dir: str | Path, access: Iterable[str] = ()) -> Path:
    """Write ``report.html``, ``figures/table1.png``, ``figures/isotherms.png`` and the tables of a study.

    ``access``: accessibility beside that of the study's own stages, as of :func:`zifsim.compare.run.run_comparison`.

    Raises
    ------
    InputError: the folder or one of ``access`` cannot be read; nothing is written then.
    """
    from zifsim.report import figures

    folder = Path(out_dir)
    results = read_results(folder)
    table = run_comparison(folder, access)
    comparison = figures.table1_figure(table)
    isotherms = figures.isotherm_figure(results, table)
    write_bytes_atomic(folder / "figures" / "table1.png", figures.to_png(comparison))
    write_bytes_atomic(folder / "figures" / "isotherms.png", figures.to_png(isotherms))
    page = render(
        results,
        table,
        load_reference(),
        comparison_svg=figures.to_svg(
            comparison, "comparison", "Uptake at 1 bar: this work, experiment, published"
        ),
        isotherms_svg=figures.to_svg(isotherms, "isotherms", "Isotherms of every gas and material"),
    )
    write_text_atomic(folder / "report.html", page)
    return folder / "report.html"


def render(
    results: StudyResults,
    table: ComparisonTable,
    reference: Reference,
    *,
    comparison_svg: str,
    isotherms_svg: str,
) -> str:
    """The page as text; the pictures are given as ``<svg>`` markup."""
    from markupsafe import Markup

    from zifsim.compare import export

    scores = {score.group: score for score in score_table(table)}
    return page_template("report.html.j2").render(
        table=table,
        title=results.study["study"].get("title") or results.name,
        groups=[
            (material, [(row, export.shown_row(row)) for row in rows])
            for material, rows in groupby(table.rows, key=lambda row: row.material)
        ],
        explanation=export.EXPLANATION,
        score_explanation=export.SCORE_EXPLANATION,
        no_access="" if table.has_access else export.NO_ACCESS,
        scores=list(scores.values()),
        overall=scores[ALL],
        diffusion_free=scores[NOT_N2_77K],
        counts=_counts(table),
        comparison_svg=Markup(comparison_svg),
        isotherms_svg=Markup(isotherms_svg),
        glasses=glass_summary(results, reference),
        implied=implied_zif8(reference),
        own_zif8=_zif8_at_table1_temperatures(table),
        composition=composition_tension(reference),
        sources=list(reference.sources.values()),
        models=_models(results),
        records=[_record(r) for r in results.records],
        packages=_packages(results),
        study_json=json.dumps(results.study, indent=2, ensure_ascii=False),
    )


def page_template(name: str) -> Template:
    """A page of this folder, with the filters and the style that all pages share."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    from zifsim.compare import export

    environment = Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters.update(
        chem=chem, doi=doi, number=export.number, ours=export.ours_text, experiment=export.experiment_text
    )
    environment.globals["style"] = Markup((HERE / "style.css").read_text(encoding="utf-8").rstrip())
    return environment.from_string((HERE / name).read_text(encoding="utf-8"))


def _zif8_at_table1_temperatures(table: ComparisonTable) -> dict[str, ComparisonRow]:
    """Our ZIF-8 rows at the conditions of Table 1, by gas."""
    conditions = {(row.gas, row.temperature_k) for row in table.section("table1")}
    return {
        row.gas: row
        for row in table.rows
        if row.material == "ZIF-8" and (row.gas, row.temperature_k) in conditions
    }


def chem(text: str) -> Markup:
    """Names with their subscripts: H2, CO2, agZIF-62, ag[(ZIF-8)0.2(ZIF-62)0.8], Zn(Im)1.75(bIm)0.25."""
    from markupsafe import Markup, escape

    marked = str(escape(text))
    marked = re.sub(r"^ag(?=ZIF|\[)", "a<sub>g</sub>", marked)
    marked = re.sub(r"\)(\d+(?:\.\d+)?)", r")<sub>\1</sub>", marked)
    marked = re.sub(r"^([A-Z]+)(\d)$", r"\1<sub>\2</sub>", marked)
    return Markup(marked)


def doi(text: str) -> Markup:
    """Text whose ``doi:10...`` became links."""
    from markupsafe import Markup, escape

    link = r'<a href="https://doi.org/\1">doi:\1</a>'
    return Markup(re.sub(r"doi:(10\.\d+/[^\s,;]*[^\s,;.:])", link, str(escape(text))))


def _counts(table: ComparisonTable) -> Mapping[str, int]:
    rows = table.section("table1")
    return {
        "rows": len(rows),
        "missing": sum(row.ours is None for row in rows),
        "unsettled": sum(row.ours is not None and not row.ours.equilibrated for row in table.rows),
    }


def _models(results: StudyResults) -> list[dict[str, Any]]:
    """One entry per structural model: which framework, in which supercell, for which gases."""
    models: dict[tuple[str, str], dict[str, Any]] = {}
    for one in results.isotherms:
        entry = models.setdefault(
            (one.material, one.configuration),
            {
                "material": one.material,
                "configuration": one.configuration,
                "kind": one.framework_kind,
                "sha256": one.isotherm.framework_sha256[:12],
                "supercells": set(),
                "gases": [],
            },
        )
        entry["supercells"].add("×".join(map(str, one.isotherm.supercell)))
        entry["gases"].append(f"{one.isotherm.gas} {one.isotherm.temperature_k:g} K")
    return list(models.values())


def _record(record: Mapping[str, Any]) -> dict[str, str]:
    shown = {key: str(record.get(key) or "–") for key in ("stage", "seed", "started", "finished", "machine")}
    return shown | {"platform": str(record.get("platform") or "")}


def _packages(results: StudyResults) -> list[str]:
    """Every package version that any stage ran with."""
    found = {f"{name} {version}" for r in results.records for name, version in r.get("versions", {}).items()}
    return sorted(found, key=str.lower)
