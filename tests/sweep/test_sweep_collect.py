"""From finished jobs to tables, figure and page; how the trend and its uncertainty come about."""

import csv
import math
from dataclasses import replace

import finished_sweep
import numpy as np
import pytest
from counting import calls, per_job
from scipy.stats import linregress

from zifsim.cli import app
from zifsim.errors import InputError
from zifsim.sweep import folder
from zifsim.sweep.axes import load_sweep
from zifsim.sweep.collect import collect_sweep, gather
from zifsim.sweep.jobs import plan_jobs
from zifsim.sweep.report import render
from zifsim.sweep.trend import fit_trend
from zifsim.units import mol_kg_to_ml_stp_g

CHANGES = ["axes.quench_rate_k_per_ps=[100.0, 10.0, 1.0]", "axes.replicates=3", "measure.pores=true"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "sweep"
    jobs = finished_sweep.finish(out, load_sweep("smoke_sweep", CHANGES))
    return out, jobs, collect_sweep(out)


def rows(path):
    return list(csv.DictReader(path.open()))


def test_the_tidy_table_has_every_number_of_every_glass_once(finished):
    out, jobs, _ = finished
    table = rows(out / "sweep.csv")
    melts = [j for j in jobs if j.kind == "melt"]
    keys = [(r["quench_rate_k_per_ps"], r["configuration"], r["replicate"], r["quantity"], r["gas"],
             r["pressure_bar"]) for r in table]
    assert len(set(keys)) == len(keys) == len(melts) * (4 + 2 + 2)
    by_job = {(r["job"], r["quantity"], r["pressure_bar"]): r for r in table}
    for job in jobs:
        if job.kind == "melt":
            row = by_job[job.id, "density_g_cm3", ""]
            assert float(row["value"]) == pytest.approx(finished_sweep.density(job))
            assert (float(row["quench_rate_k_per_ps"]), row["configuration"], int(row["replicate"])) == (
                job.rate_k_per_ps, job.configuration, job.replicate)
            assert row["seed"] == str(job.seed)
            assert row["settled"] == ("false" if job.replicate == 3 else "true")
        if job.kind == "gcmc":
            wanted = finished_sweep.uptake_mol_kg(finished_sweep.density(job), 1e5)
            assert float(by_job[job.id, "uptake", "1.0"]["value"]) == pytest.approx(mol_kg_to_ml_stp_g(wanted))


def test_pores_have_their_place(finished):
    out, _, _ = finished
    found = [float(r["value"]) for r in rows(out / "sweep.csv") if r["quantity"] == "pore_limiting_diameter_angstrom"
             and r["quench_rate_k_per_ps"] == "1.0" and r["configuration"] == "A"]
    assert found == pytest.approx([2.6, 2.7, 2.8])


def test_means_have_the_standard_error_of_the_replicates(finished):
    out, _, _ = finished
    found = {(r["quench_rate_k_per_ps"], r["configuration"]): r for r in rows(out / "summary.csv")
             if r["quantity"] == "density_g_cm3"}
    values = [1.40 - 0.03 + finished_sweep.SCATTER * k for k in (1, 0, -1)]     # 10 K/ps
    one = found["10.0", "A"]
    assert int(one["glasses"]) == 3
    assert float(one["mean"]) == pytest.approx(np.mean(values))
    assert float(one["standard_deviation"]) == pytest.approx(np.std(values, ddof=1))
    assert float(one["standard_error"]) == pytest.approx(np.std(values, ddof=1) / math.sqrt(3))
    both = found["10.0", "all"]
    assert int(both["glasses"]) == 6
    assert float(both["standard_error"]) == pytest.approx(np.std(values * 2, ddof=1) / math.sqrt(6))
    assert both["settled"] == "false"


def test_the_trend_is_the_line_and_goes_to_the_laboratory_with_its_uncertainty(finished):
    out, _, _ = finished
    row = next(r for r in rows(out / "trend.csv") if r["quantity"] == "density_g_cm3")
    assert float(row["slope_per_decade"]) == pytest.approx(-0.03)
    rate = float(row["laboratory_rate_k_per_s"])
    assert 0.1 <= rate <= 1.0
    assert float(row["extrapolated"]) == pytest.approx(1.40 - 0.03 * (math.log10(rate) - 12))
    low, high = float(row["low_95"]), float(row["high_95"])
    assert high - low > 10 * finished_sweep.SCATTER     # far away it is not known well


def test_the_page_shows_everything_and_needs_nothing_else(finished):
    out, _, collected = finished
    page = (out / "sweep.html").read_text()
    assert "<svg" in page
    assert "src=" not in page
    assert "quick settings, not converged" in page.lower()
    assert "It is no prediction" in page
    assert all(quantity.label in page for quantity in collected.measured)
    assert (out / "figures/sweep.png").stat().st_size > 10_000


@pytest.mark.slow
def test_collecting_again_changes_nothing(finished):
    out, _, _ = finished
    names = ("sweep.csv", "summary.csv", "trend.csv", "sweep.html")
    before = [(out / name).read_bytes() for name in names]
    collect_sweep(out)
    assert [(out / name).read_bytes() for name in names] == before


def test_an_unfinished_sweep_shows_what_there_is_and_says_how_much(tmp_path):
    sweep = load_sweep("smoke_sweep")
    missing = next(j.id for j in plan_jobs(sweep) if j.kind == "melt")
    jobs = finished_sweep.finish(tmp_path, sweep, but=(missing,))
    collected = gather(sweep, jobs, tmp_path)
    assert (collected.n_glasses, collected.n_planned) == (7, 8)
    assert missing not in {m.job for group in collected.measured.values() for m in group}


def test_two_rates_give_no_trend(tmp_path):
    sweep = load_sweep("smoke_sweep")
    collected = gather(sweep, finished_sweep.finish(tmp_path, sweep), tmp_path)
    assert [collected.trend(quantity) for quantity in collected.measured] == [None] * 6
    assert "no trend is drawn" in render(collected, sweep, "<svg></svg>")


def test_changed_results_stop_it_and_are_named(tmp_path, capsys):
    jobs = finished_sweep.finish(tmp_path / "sweep", load_sweep("smoke_sweep"))
    result = tmp_path / "sweep" / jobs[-1].id / "isotherm.json"
    result.write_text(result.read_text().replace("0.01", "0.02"))
    with pytest.raises(SystemExit) as end:
        app.main(["sweep", "collect", str(tmp_path / "sweep")])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert str(result) in error
    assert error.count("\n") == 1
    assert not (tmp_path / "sweep/sweep.csv").exists()


def test_nothing_finished_is_said(tmp_path):
    sweep = load_sweep("smoke_sweep")
    folder.write_plan(tmp_path, sweep, plan_jobs(sweep))
    with pytest.raises(InputError, match=r"Nothing of .* is finished yet"):
        collect_sweep(tmp_path)


@pytest.mark.slow
def test_a_thousand_jobs_are_collected_in_twenty_million_calls(tmp_path):
    """Half a minute of computing, counted and not timed: every further job costs the same, and little."""
    sizes, counted = [], []
    for replicates in (1, 2, 4, 8):
        out = tmp_path / str(replicates)
        jobs = finished_sweep.finish(out, load_sweep("smoke_sweep", [
            "axes.quench_rate_k_per_ps=[1000.0, 500.0, 200.0, 100.0, 50.0]", f"axes.replicates={replicates}"]))
        sizes.append(len(jobs))
        counted.append(calls(collect_sweep, out))
    few, more = per_job(sizes[1:], counted[1:])         # the first one imports, too
    assert more < 1.2 * few
    assert counted[-1] + more * (1000 - sizes[-1]) < 2e7


def test_the_confidence_band_holds_the_truth_as_often_as_it_says():
    """95 % of 400 lines, at a rate twelve decades away: 0.95 ± 0.011 (1 σ)."""
    rng = np.random.default_rng(6)
    rates = np.repeat([1e12, 1e13, 1e14], 4)
    hits = 0
    for _ in range(400):
        trend = fit_trend(rates, 5.0 + 0.3 * np.log10(rates) + rng.normal(0.0, 0.2, len(rates)))
        value, half = trend.at(0.3)
        hits += abs(value - (5.0 + 0.3 * math.log10(0.3))) < half
    assert hits / 400 == pytest.approx(0.95, abs=4 * 0.011)


def test_slope_and_its_error_are_those_of_textbook_regression():
    rng = np.random.default_rng(3)
    rates = np.repeat([1e12, 1e13, 1e14], 2)
    values = 1.0 - 0.05 * np.log10(rates) + rng.normal(0.0, 0.1, 6)
    trend, known = fit_trend(rates, values), linregress(np.log10(rates), values)
    assert (trend.slope, trend.slope_error) == pytest.approx((known.slope, known.stderr))
    rest = values - known.intercept - known.slope * np.log10(rates)
    assert trend.deviation == pytest.approx(np.sqrt((rest**2).sum() / 4))       # six glasses, two parameters


def test_fewer_than_three_rates_have_no_line():
    assert fit_trend([1.0, 1.0, 10.0, 10.0], [1.0, 2.0, 3.0, 4.0]) is None


def test_what_has_not_melted_is_counted_and_said(finished, capsys):
    from zifsim.cli.sweep_view import print_summary

    _, _, collected = finished
    assert collected.warning == ""
    (kept,) = (quantity for quantity in collected.measured if quantity.key == "bonds_kept")
    first, second, *rest = collected.measured[kept]
    changed = (replace(first, value=80.0), replace(second, value=51.0), *rest)
    unmelted = replace(collected, measured={**collected.measured, kept: changed})
    said = "2 of 18 kept more than half of the crystal's Zn–N bonds: not melted, no glasses."
    assert unmelted.warning == said
    assert said.replace("'", "&#39;") in render(unmelted, load_sweep("smoke_sweep", CHANGES), "<svg/>")
    print_summary(unmelted)
    assert f"note: {said}" in capsys.readouterr().out
