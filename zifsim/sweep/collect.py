"""From finished jobs to tables: every number in one tidy table, means per quench rate, and the trend with the rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from zifsim.compare.materials import is_made_of
from zifsim.compare.reference import Range, Reference, load_reference
from zifsim.compare.results import QUALITY_NOTES
from zifsim.errors import InputError
from zifsim.io.files import read_json, write_bytes_atomic, write_text_atomic
from zifsim.io.results import read_isotherm
from zifsim.io.tables import write_csv
from zifsim.model.uptake import Isotherm
from zifsim.sweep.axes import Sweep
from zifsim.sweep.findings import COMPARED_BAR, Collected, Measured, Quantity
from zifsim.sweep.folder import read_jobs, read_sweep
from zifsim.sweep.job import is_finished
from zifsim.sweep.jobs import Job
from zifsim.units import BAR_PA

SWEEP_TABLE, SUMMARY_TABLE, TREND_TABLE = "sweep.csv", "summary.csv", "trend.csv"
# Of a melt: key of melt.json, label, unit, factor, key of its error, key of Reference.glass.
MELT_QUANTITIES: tuple[tuple[str, str, str, float, str, str], ...] = (
    ("density_g_cm3", "bulk density", "g/cm³", 1.0, "density_error_g_cm3", "bulk_density_g_cm3"),
    ("mean_coordination", "mean Zn–N coordination", "", 1.0, "", ""),
    ("four_coordinated", "four-coordinated Zn", "%", 100.0, "", "four_coordinated_percent"),
    ("bonds_kept", "crystal's Zn–N bonds left", "%", 100.0, "", ""),
)
PORE_QUANTITIES = (("pore_limiting_diameter_angstrom", "pore limiting diameter"),
                   ("largest_cavity_diameter_angstrom", "largest cavity diameter"))


def collect_sweep(out: Path) -> Collected:
    """Gather the finished jobs of a results folder and write the tables, the figure and the page.

    Raises
    ------
    InputError: not the folder of a sweep, nothing finished yet, or results that were changed (named).
    """
    from zifsim.report import figures  # these load matplotlib
    from zifsim.sweep.figures import sweep_figure
    from zifsim.sweep.report import render

    sweep, jobs = read_sweep(out), read_jobs(out)
    collected = gather(sweep, jobs, out)
    figure = sweep_figure(collected)
    write_csv(out / SWEEP_TABLE, *_tidy_table(collected))
    write_csv(out / SUMMARY_TABLE, *_summary_table(collected))
    write_csv(out / TREND_TABLE, *_trend_table(collected))
    write_bytes_atomic(out / "figures" / "sweep.png", figures.to_png(figure))
    picture = figures.to_svg(figure, "sweep", "Every quantity against the quench rate")
    write_text_atomic(out / "sweep.html", render(collected, sweep, picture))
    written = (SWEEP_TABLE, SUMMARY_TABLE, TREND_TABLE, "figures/sweep.png", "sweep.html")
    return replace(collected, files=tuple(out / name for name in written))


def gather(sweep: Sweep, jobs: Sequence[Job], out: Path) -> Collected:
    """Read every finished melt and isotherm; raises InputError like :func:`collect_sweep`."""
    reference = load_reference()
    found: list[Measured] = []
    for job in jobs:
        if job.kind == "melt" and is_finished(out, job):
            found += _of_melt(job, read_json(out / job.id / "melt.json"), reference)
        elif job.kind == "pores" and is_finished(out, job):
            found += _of_pores(job, read_json(out / job.id / "pores.json"))
        elif job.kind == "gcmc" and is_finished(out, job):
            found += _of_isotherm(job, read_isotherm(out / job.id), sweep.glass, reference)
    if not found:
        raise InputError(f"Nothing of {out} is finished yet: `zifsim sweep status {out}` tells how far it is.")
    order = {quantity: number for number, quantity in enumerate(dict.fromkeys(m.quantity for m in found))}
    measured: dict[Quantity, tuple[Measured, ...]] = {}
    for quantity, group in groupby(sorted(found, key=lambda m: order[m.quantity]), key=lambda m: m.quantity):
        measured[quantity] = tuple(group)
    return Collected(
        name=sweep.name, title=sweep.study.study.title or sweep.name,
        quality_note=QUALITY_NOTES[sweep.study.study.quality],
        rates=tuple(sorted({m.rate_k_per_ps for m in found}, reverse=True)),
        configurations=tuple(dict.fromkeys(m.configuration for m in found)), measured=measured,
        n_glasses=len({(m.rate_k_per_ps, m.configuration, m.replicate) for m in found}),
        n_planned=sum(job.kind == "melt" for job in jobs),
        laboratory_k_per_s=reference.glass["laboratory_quench_rate_k_per_s"])


def _of_melt(job: Job, values: Mapping[str, Any], reference: Reference) -> list[Measured]:
    known = {**values, "four_coordinated": values["coordination"].get("4", 0.0)}
    return [
        _measured(job, Quantity(key, name, unit, experiment=reference.glass.get(expected)), known[key] * factor,
                  known.get(error, float("nan")), bool(values["density_settled"]) if error else True)
        for key, name, unit, factor, error, expected in MELT_QUANTITIES]


def _of_pores(job: Job, values: Mapping[str, float]) -> list[Measured]:
    return [_measured(job, Quantity(key, name, "Å"), values[key], float("nan"), True) for key, name in PORE_QUANTITIES]


def _of_isotherm(job: Job, isotherm: Isotherm, glass: str, reference: Reference) -> list[Measured]:
    rows = []
    for point in isotherm.points:
        bar = round(point.pressure_pa / BAR_PA, 12)
        quantity = Quantity("uptake", "uptake", "mL(STP)/g", isotherm.gas, isotherm.temperature_k, bar,
                            _measured_uptake(reference, glass, isotherm, bar))
        rows.append(_measured(job, quantity, point.loading_ml_stp_g, point.loading_error_ml_stp_g, point.equilibrated))
    return rows


def _measured_uptake(reference: Reference, glass: str, isotherm: Isotherm, bar: float) -> Range | None:
    """The experiment at 1 bar in the glass, where there is one of a glass of this composition."""
    ends = reference.compositions.get(glass, ())
    if ends and isotherm.formula and not is_made_of(isotherm.formula, ends):
        return None
    for row in (*reference.table1, *reference.text):
        if (row.material, row.gas, row.temperature_k, COMPARED_BAR) == (glass, isotherm.gas, isotherm.temperature_k,
                                                                        bar) and row.low is not None:
            return Range(row.low, row.high or row.low, row.origin)
    return None


def _measured(job: Job, quantity: Quantity, value: float, error: float, settled: bool) -> Measured:
    if job.rate_k_per_ps is None or job.configuration is None or job.replicate is None:
        raise ValueError(f"{job.id} has no place on the axes")
    return Measured(quantity, job.id, job.rate_k_per_ps, job.configuration, job.replicate, value, error, settled,
                    job.seed)


Table = tuple[list[str], list[list[Any]]]


def _tidy_table(collected: Collected) -> Table:
    """One row per number: the axes, what it is, its value and sampling error, and the job that made it."""
    columns = ["quench_rate_k_per_ps", "configuration", "replicate", "quantity", "gas", "temperature_k", "pressure_bar",
               "value", "sampling_error", "unit", "settled", "seed", "job"]
    return columns, [[m.rate_k_per_ps, m.configuration, m.replicate, *_conditions(m.quantity), m.value,
                      _or_none(m.error), m.quantity.unit, m.settled, m.seed, m.job]
                     for group in collected.measured.values() for m in group]


def _summary_table(collected: Collected) -> Table:
    """One row per quantity and rate: over all its glasses, and over those of each configuration."""
    columns = ["quench_rate_k_per_ps", "configuration", "quantity", "gas", "temperature_k", "pressure_bar", "mean",
               "standard_error", "standard_deviation", "glasses", "unit", "settled"]
    rows = []
    for quantity in collected.measured:
        for rate in collected.rates:
            for configuration in (None, *collected.configurations):
                if (mean := collected.mean(quantity, rate, configuration)) is not None:
                    rows.append([rate, configuration or "all", *_conditions(quantity), mean.value,
                                 _or_none(mean.error), _or_none(mean.deviation), mean.n, quantity.unit, mean.settled])
    return columns, rows


def _trend_table(collected: Collected) -> Table:
    """One row per quantity: the line in log10(rate), and what it says at the laboratory's rates, with 95 % bounds."""
    columns = ["quantity", "gas", "temperature_k", "pressure_bar", "unit", "rates", "slope_per_decade", "slope_error",
               "laboratory_rate_k_per_s", "extrapolated", "low_95", "high_95"]
    rows: list[list[Any]] = []
    laboratory = collected.laboratory_k_per_s
    for quantity in collected.measured:
        trend = collected.trend(quantity)
        if trend is not None and laboratory is not None:
            rate = (laboratory.low * laboratory.high) ** 0.5
            value, half = trend.at(rate)
            rows.append([*_conditions(quantity), quantity.unit, trend.n_rates, trend.slope, trend.slope_error, rate,
                         value, value - half, value + half])
    return columns, rows


def _conditions(quantity: Quantity) -> list[Any]:
    if not quantity.gas:
        return [quantity.key, None, None, None]
    return [quantity.key, quantity.gas, quantity.temperature_k, quantity.pressure_bar]


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value
