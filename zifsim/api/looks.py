"""Looks of every kind of result: its line, its table, what of it people see first, its picture.

:data:`LOOKS` is handed down to :mod:`zifsim.model.shown` by ``import zifsim``. A new kind of result is a class that
derives from ``Shown`` or ``Drawn`` and a row here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from zifsim.api.pictures import (
    draw_accesses,
    draw_analyses,
    draw_comparison,
    draw_coordination,
    draw_isotherm,
    draw_mixture,
    draw_points,
)
from zifsim.io.tables import with_error
from zifsim.model.shown import Look
from zifsim.units import BAR_PA, mol_kg_to_ml_stp_g

if TYPE_CHECKING:
    from zifsim.access.result import GasAccess
    from zifsim.analysis.result import StructureResult
    from zifsim.analysis.summary import Analysis
    from zifsim.compare.table import ComparisonTable
    from zifsim.melt.result import MeltResult
    from zifsim.model.framework import Framework
    from zifsim.model.mixture import MixtureIsotherm
    from zifsim.model.uptake import HenryResult, Isotherm, MixturePoint

People = tuple[Sequence[str], Sequence[Sequence[str]]]
Columns = Mapping[str, Sequence[Any]]


def _bars(points: Sequence[Any]) -> str:
    """``12 pressures, 0.01 to 1 bar``."""
    values = [f"{p.pressure_pa / BAR_PA:.4g}" for p in points]
    if len(values) < 2:
        return f"{''.join(values) or 'no pressure at any'} bar"
    return f"{len(values)} pressures, {values[0]} to {values[-1]} bar"


def _of_rows(rows: Sequence[Mapping[str, Any]]) -> Columns:
    """Columns of rows that have the same names."""
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def _framework_line(f: Framework) -> str:
    charges = "no charges" if f.charges is None else "charges"
    return f"Framework {f.name}: {f.formula}, {f.n_atoms} atoms, {f.density_g_cm3:.3f} g/cm³, {charges}"


def _framework_columns(f: Framework) -> Columns:
    x, y, z = f.positions.T
    unit = {atom: u.kind for u in f.units for atom in u.atoms}
    return {"species": f.species, "type": f.types or [""] * f.n_atoms,
            "unit": [unit.get(k, "") for k in range(f.n_atoms)],
            "x_angstrom": x, "y_angstrom": y, "z_angstrom": z,
            "charge_e": [None] * f.n_atoms if f.charges is None else f.charges}


def _framework_people(f: Framework) -> People:
    edges = "  ".join(f"{math.hypot(*vector):.3f}" for vector in f.cell.tolist())
    units = ", ".join(f"{n} {kind}" for kind, n in f.unit_counts().items())
    return ("", ""), [("edges of the cell, Å", edges), ("volume, Å³", f"{f.volume:.1f}"), ("units", units),
                      ("bonds", str(len(f.bonds))), ("made from", f.source)]


def _isotherm_line(i: Isotherm) -> str:
    line = f"Isotherm of {i.gas} in {i.framework}, {i.temperature_k:g} K: {_bars(i.points)}"
    if i.no_room:
        return f"{line}, no room for the gas"
    return line if all(p.equilibrated for p in i.points) else f"{line}, not equilibrated"


def _isotherm_people(i: Isotherm) -> People:
    rows = [(f"{p.pressure_pa / BAR_PA:.4g}", with_error(p.loading_ml_stp_g, p.loading_error_ml_stp_g),
             f"{p.loading_mol_kg:.4g}", with_error(p.heat_of_adsorption_kj_mol, p.heat_of_adsorption_error_kj_mol),
             "" if p.equilibrated else "not equilibrated") for p in i.points]
    return ("pressure, bar", "loading, mL(STP)/g", "mol/kg", "heat, kJ/mol", ""), rows


def _henry_line(h: HenryResult) -> str:
    return (f"Henry coefficient of {h.gas}, {h.temperature_k:g} K: {h.henry_coefficient_mol_kg_pa:.4g} ± "
            f"{h.henry_error_mol_kg_pa:.2g} mol/kg/Pa, heat "
            f"{with_error(h.heat_of_adsorption_kj_mol, h.heat_of_adsorption_error_kj_mol)} kJ/mol")


def _mixture_line(m: MixtureIsotherm) -> str:
    return f"Mixture {_named(m.composition)} in {m.framework}, {m.temperature_k:g} K: {_bars(m.points)}"


def _points_line(points: Sequence[MixturePoint]) -> str:
    if not points:
        return "No pressure of a mixture"
    p = points[0]
    source = {"iast": "IAST", "gcmc": "GCMC"}[p.source]
    return f"Mixture {_named(p.composition)} in {p.framework}, {p.temperature_k:g} K, by {source}: {_bars(points)}"


def _named(composition: Mapping[str, float]) -> str:
    return " + ".join(f"{fraction:g} {gas}" for gas, fraction in composition.items())


def _pairs(point: MixturePoint) -> list[tuple[str, str]]:
    gases = list(point.composition)
    return [(a, b) for k, a in enumerate(gases) for b in gases[k + 1:]]


def _points_people(points: Sequence[MixturePoint]) -> People:
    if not points:
        return (), []
    gases, pairs = list(points[0].composition), _pairs(points[0])
    header = ("pressure, bar", *(f"{gas}, mol/kg" for gas in gases), *(f"selectivity {a}/{b}" for a, b in pairs))
    return header, [(f"{p.pressure_pa / BAR_PA:.4g}",
                     *(with_error(p.loadings_mol_kg[g], p.loading_errors_mol_kg[g]) for g in gases),
                     *(with_error(*p.selectivity(a, b)) for a, b in pairs)) for p in points]


def _points_columns(points: Sequence[MixturePoint]) -> Columns:
    rows = []
    for p in points:
        row: dict[str, Any] = {"pressure_pa": p.pressure_pa}
        for gas, loading in p.loadings_mol_kg.items():
            error = p.loading_errors_mol_kg[gas]
            row |= {f"loading_{gas}_mol_kg": loading, f"loading_error_{gas}_mol_kg": error,
                    f"loading_{gas}_ml_stp_g": mol_kg_to_ml_stp_g(loading),
                    f"loading_error_{gas}_ml_stp_g": mol_kg_to_ml_stp_g(error)}
        for a, b in _pairs(p):
            row[f"selectivity_{a}_over_{b}"], row[f"selectivity_error_{a}_over_{b}"] = p.selectivity(a, b)
        rows.append(row | {"equilibrated": p.equilibrated, "source": p.source})
    return _of_rows(rows)


def _melt_line(m: MeltResult) -> str:
    drifting = "" if m.density_settled else ", still drifting"
    what = "Glass" if m.melted else f"Not melted ({100 * m.bonds_kept:.0f} % of the crystal's Zn–N bonds kept)"
    return (f"{what} {m.framework.name}: {with_error(m.density_g_cm3, m.density_error_g_cm3)} g/cm³{drifting}, "
            f"{100 * m.coordination.get('4', 0.0):.0f} % of Zn with 4 N, {m.duration_ps:g} ps by {m.forcefield}")


def _melt_columns(m: MeltResult) -> Columns:
    row = {f.name: getattr(m, f.name) for f in fields(m) if f.name not in ("framework", "coordination")}
    numbers = {f"zn_with_{n}_n": probability for n, probability in m.coordination.items()}
    return _of_rows([{"structure": m.framework.name, "n_atoms": m.framework.n_atoms} | row | numbers])


def _melt_people(m: MeltResult) -> People:
    zn = ", ".join(f"{n}: {100 * part:.0f} %" for n, part in m.coordination.items())
    return ("", ""), [
        ("density, g/cm³", with_error(m.density_g_cm3, m.density_error_g_cm3)), ("N per Zn", zn),
        ("mean Zn–N, Å", f"{m.mean_zn_n_angstrom:.3f}"), ("closest Zn–Zn, Å", f"{m.min_zn_zn_angstrom:.2f}"),
        ("Zn–N bonds kept, new", f"{100 * m.bonds_kept:.0f} %, {100 * m.bonds_new:.0f} %"),
        ("program", f"{m.program}, {m.duration_ps:g} ps"), ("platform", f"{m.platform}, {m.ns_per_day:.1f} ns/day")]


def _access_line(a: GasAccess) -> str:
    from zifsim.access.result import time_text

    barrier = f"{a.barrier_kj_mol:.1f} kJ/mol" if math.isfinite(a.barrier_kj_mol) else "closed"
    return (f"Access of {a.gas}, {a.temperature_k:g} K, {a.kind}: barrier {barrier}, {a.size_um:g} µm filled in "
            f"{time_text(a.fill_time_s)}")


def _accesses_people(found: Sequence[GasAccess]) -> People:
    from zifsim.access.result import time_text

    header = ("gas", "framework", "barrier, kJ/mol", "D, m²/s", "fill time", "size, µm", "accessible fraction", "in, h")
    return header, [(f"{a.gas} {a.temperature_k:g} K", a.kind,
                     f"{a.barrier_kj_mol:.1f}" if math.isfinite(a.barrier_kj_mol) else "closed",
                     f"{a.diffusion_m2_s:.0e}", time_text(a.fill_time_s), f"{a.size_um:g}",
                     f"{a.accessible_fraction:.2g}", f"{a.hours:g}") for a in found]


def _analysis_line(a: Analysis) -> str:
    return f"Analysis of {a.name}: {a.frames.description}, {len(a.quantities)} quantities of {a.n_frames} frames"


def _analyses_columns(found: Sequence[Analysis | StructureResult]) -> Columns:
    return _of_rows([{"structure": a.name} | q.to_dict() for a in found for q in a.quantities])


def _analyses_people(found: Sequence[Analysis | StructureResult]) -> People:
    labels = {q.key: f"{q.label}, {q.unit}" if q.unit else q.label for a in found for q in a.quantities}
    cells = [{q.key: with_error(q.value, q.spread) if math.isfinite(q.spread) else f"{q.value:.4g}"
              for q in a.quantities} for a in found]
    return ("", *(a.name for a in found)), [(label, *(row.get(key, "–") for row in cells))
                                            for key, label in labels.items()]


def _comparison_columns(t: ComparisonTable) -> Columns:
    from zifsim.compare.export import COLUMNS, csv_row

    return dict(zip(COLUMNS, zip(*(csv_row(t, row) for row in t.rows), strict=True), strict=True))


def _comparison_people(t: ComparisonTable) -> People:
    from zifsim.compare.export import SHOWN, columns_in_use, shown_row

    used = [SHOWN.index(name) for name in columns_in_use(t)]
    return [SHOWN[k] for k in used], [[shown_row(row)[k] for k in used] for row in t.rows]


def _alone(several: Callable[..., Any]) -> Callable[..., Any]:
    """What is known of several results, for a single one."""
    return lambda one, *rest, **options: several((one,), *rest, **options)


def _fields(result: Any) -> Columns:
    return {f.name: [getattr(result, f.name)] for f in fields(result)}


LOOKS: Mapping[str, Look] = {
    "Framework": Look(_framework_line, _framework_columns, _framework_people),
    "Isotherm": Look(_isotherm_line, lambda i: i.columns(), _isotherm_people, draw_isotherm),
    "HenryResult": Look(_henry_line, _fields, lambda h: ((), [])),
    "MixtureIsotherm": Look(_mixture_line, lambda m: m.columns(), lambda m: _points_people(m.points), draw_mixture),
    "MixturePoints": Look(_points_line, _points_columns, _points_people, draw_points),
    "MeltResult": Look(_melt_line, _melt_columns, _melt_people, draw_coordination),
    "GasAccess": Look(_access_line, lambda a: _of_rows([a.row()]), _alone(_accesses_people), _alone(draw_accesses)),
    "GasAccesses": Look(lambda found: "; ".join(map(_access_line, found)),
                        lambda found: _of_rows([a.row() for a in found]), _accesses_people, draw_accesses),
    "Analysis": Look(_analysis_line, _alone(_analyses_columns), _alone(_analyses_people), _alone(draw_analyses)),
    "Analyses": Look(lambda found: f"Analyses of {', '.join(a.name for a in found)}", _analyses_columns,
                     _analyses_people, draw_analyses),
    "AnalysisResult": Look(lambda r: f"Analyses of {', '.join(one.name for one in r.structures)}",
                           lambda r: _analyses_columns(r.structures), lambda r: _analyses_people(r.structures)),
    "ComparisonTable": Look(lambda t: f"Comparison of study {t.study} ({t.quality_note}): {len(t.rows)} rows",
                            _comparison_columns, _comparison_people, draw_comparison),
}
