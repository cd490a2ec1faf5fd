"""Pooled isotherms: the same numbers as plain averages, from less; repeatable, resumable, honest."""

import math
import signal
from dataclasses import replace

import numpy as np
import pytest
from gcmc_naive import (
    CO2,
    CUBIC,
    FORCEFIELD,
    METHANE,
    empty_box,
    fugacity,
    guest_model,
    quick_settings,
    system_of,
    toy_framework,
)

from zifsim.errors import RunInterrupted
from zifsim.gcmc import pooled
from zifsim.gcmc.engine import run_isotherm, run_point
from zifsim.gcmc.macrostates import Estimate
from zifsim.runs import stopping
from zifsim.runs.progress import silent

TEMPERATURE = 300.0
PRESSURES = (2e4, 1e5, 4e5)
FRAMEWORK = toy_framework(CUBIC * 1.3)
GHOST = guest_model([(1e-20, 0.1, 0.0, 0.0)], "ghost", "CH4", 16.0)


def isotherm(out_dir=None, pressures=PRESSURES, guest=METHANE, threads=1, report=silent, **settings):
    values = {"min_moves": 70_000, "max_moves": 400_000, "target_relative_error": 0.01} | settings
    return run_isotherm(FRAMEWORK, guest, FORCEFIELD, TEMPERATURE, pressures, quick_settings(**values), out_dir=out_dir,
                        threads=threads, report=report)


def points_of(result):
    """The points to the last digit, as text."""
    return [repr(p) for p in result.points]


class Killed(BaseException):
    """Stands for a kill: nothing in the engine may catch it."""


@pytest.fixture(scope="module")
def expected():
    return isotherm()


@pytest.mark.parametrize(("guest", "target"), [(METHANE, 0.01), (CO2, 0.05)], ids=["CH4", "CO2"])
def test_pooled_and_plain_isotherms_agree(guest, target):
    plain = isotherm(guest=guest, isotherm="plain", target_relative_error=target)
    found = isotherm(guest=guest, target_relative_error=target)
    for a, b in zip(found.points, plain.points, strict=True):
        error = math.hypot(a.loading_error_mol_kg, b.loading_error_mol_kg)
        assert a.loading_mol_kg == pytest.approx(b.loading_mol_kg, abs=4 * error)
        assert a.loading_error_mol_kg <= target * a.loading_mol_kg
        heat_error = math.hypot(a.heat_of_adsorption_error_kj_mol, b.heat_of_adsorption_error_kj_mol)
        assert a.heat_of_adsorption_kj_mol == pytest.approx(b.heat_of_adsorption_kj_mol, abs=4 * heat_error)
        assert a.heat_of_adsorption_error_kj_mol > 0.0
        assert a.equilibrated
        assert a.excess_mol_kg < a.loading_mol_kg
    if guest is CO2:
        assert found.points[-1].grid_error_k > 0.0
    else:
        assert sum(p.n_moves for p in found.points) < 0.2 * sum(p.n_moves for p in plain.points)


def test_same_seed_gives_the_same_points_whatever_the_threads_and_another_seed_does_not(expected):
    assert points_of(isotherm(threads=3)) == points_of(expected)
    other = isotherm(seed=8)
    for a, b in zip(expected.points, other.points, strict=True):
        assert a.loading_mol_kg != b.loading_mol_kg
        assert abs(a.loading_mol_kg - b.loading_mol_kg) < 4 * math.hypot(a.loading_error_mol_kg, b.loading_error_mol_kg)


@pytest.mark.parametrize("killed_after", [1, 4, 9])
def test_a_killed_run_continues_to_identical_points(tmp_path, monkeypatch, expected, killed_after):
    monkeypatch.setattr(pooled, "CHECKPOINT_S", -1.0)      # after every block
    told = []

    def kill(event):
        told.append(event)
        if sum(e.kind == "progress" for e in told) == killed_after:
            raise Killed

    with pytest.raises(Killed):
        isotherm(tmp_path, report=kill)
    assert list((tmp_path / "points").iterdir())
    assert points_of(isotherm(tmp_path)) == points_of(expected)


def test_asked_to_stop_it_keeps_what_it_has_and_continues(tmp_path, monkeypatch, expected):
    def stop(event):
        if event.part == "1 bar" and event.kind == "progress":
            monkeypatch.setattr(stopping, "_signal", signal.SIGTERM)

    with pytest.raises(RunInterrupted) as end:
        isotherm(tmp_path, report=stop)
    assert end.value.exit_code == stopping.STOPPED
    monkeypatch.setattr(stopping, "_signal", None)
    assert points_of(isotherm(tmp_path)) == points_of(expected)


def test_finished_it_is_read_off_again_without_a_move_and_more_is_added_to_it(tmp_path, expected):
    isotherm(tmp_path)
    runs = {f: f.read_bytes() for f in (tmp_path / "points").glob("*.run.npz")}
    assert len(runs) == len(PRESSURES)
    assert points_of(isotherm(tmp_path)) == points_of(expected)
    assert {f: f.read_bytes() for f in (tmp_path / "points").glob("*.run.npz")} == runs
    told = []
    more = isotherm(tmp_path, (*PRESSURES, 2e5), report=told.append)
    assert [p.pressure_pa for p in more.points] == [2e4, 1e5, 2e5, 4e5]
    assert all(p.loading_error_mol_kg <= 0.01 * p.loading_mol_kg for p in more.points)
    assert [points_of(more)[k] for k in (0, 1, 3)] == points_of(expected)
    assert [e.part for e in told if e.kind == "resumed"] == ["0.2 bar", "1 bar", "4 bar"]
    assert {e.part for e in told if e.kind == "progress"} == {"2 bar"}
    assert points_of(isotherm(tmp_path, [1e5])) == points_of(expected)[1:2]
    finer = isotherm(tmp_path, target_relative_error=0.002)
    assert all(p.loading_error_mol_kg <= 0.002 * p.loading_mol_kg for p in finer.points)
    assert finer.points[2].n_moves > expected.points[2].n_moves


def test_a_damaged_run_is_made_again_and_told_of(tmp_path, expected):
    isotherm(tmp_path)
    (tmp_path / "points" / "100000Pa.run.npz").write_bytes(b"PK\x03\x04 and then nothing")
    (tmp_path / "points" / pooled.ROUND).write_text("{}")
    for path in (tmp_path / "points").glob("*Pa.json"):
        path.unlink()
    told = []
    again = isotherm(tmp_path, report=told.append)
    assert sum("is damaged" in e.message for e in told) == 2
    for a, b in zip(again.points, expected.points, strict=True):
        error = math.hypot(a.loading_error_mol_kg, b.loading_error_mol_kg)
        assert a.loading_mol_kg == pytest.approx(b.loading_mol_kg, abs=4 * error)


def test_progress_names_pressures_and_rises():
    told = []
    isotherm(report=told.append)
    plan, *rest = told
    assert (plan.kind, list(plan.values)) == ("plan", ["0.2 bar", "1 bar", "4 bar"])
    for name in plan.values:
        own = [e for e in rest if e.part == name]
        assert [e.kind for e in own] == ["progress"] * (len(own) - 1) + ["done"]
        assert [e.fraction for e in own] == sorted(e.fraction for e in own)
        assert own[-1].fraction == 1.0
        assert own[-1].values["point"].loading_mol_kg > 0.0


def test_starts_that_do_not_meet_leave_a_point_unequilibrated_with_an_error_that_reaches_both(monkeypatch):
    apart = [Estimate(2.0, 0.01, 100.0, np.zeros(1)), Estimate(3.0, 0.01, 100.0, np.zeros(1))]
    settings = {"guest": METHANE, "pressures": [1e5], "starts": "both", "max_moves": 60_000, "min_moves": 20_000}
    (met,) = isotherm(**settings).points
    assert met.equilibrated
    assert met.from_empty_mol_kg == pytest.approx(met.from_full_mol_kg, abs=5 * met.loading_error_mol_kg)
    monkeypatch.setattr(pooled, "_halves_meet", lambda *_: (apart, False))
    (point,) = isotherm(**settings).points
    assert not point.equilibrated
    assert point.n_moves == 2 * 60_000      # all that was allowed, from either start
    assert point.molecules_per_cell_error >= max(abs(point.molecules_per_cell - n) for n in (2.0, 3.0)) - 1e-9
    assert point.from_full_mol_kg == pytest.approx(1.5 * point.from_empty_mol_kg)


@pytest.mark.parametrize("change", [{"equilibrated": False, "standard_error": 0.7}, {"mean": 1.5}])
def test_a_series_that_has_not_settled_or_visited_other_numbers_is_in_the_error(monkeypatch, change):
    settings = {"pressures": [1e5], "max_moves": 30_000, "min_moves": 20_000}
    (settled,) = isotherm(**settings).points
    of = pooled._Known.of

    def unsettled(strand):
        known = of(strand)
        return replace(known, summary=replace(known.summary, **change))

    monkeypatch.setattr(pooled._Known, "of", unsettled)
    (point,) = isotherm(**settings).points
    assert settled.equilibrated
    assert not point.equilibrated
    assert point.molecules_per_cell == pytest.approx(settled.molecules_per_cell, rel=0.05)
    assert point.molecules_per_cell_error > 0.6


@pytest.mark.parametrize("mean", [0.003, 0.3, 5.0])
def test_an_ideal_gas_is_found_within_its_error(mean):
    system = system_of(empty_box(16.0), GHOST, TEMPERATURE, bias_exponent=0.4)
    point, walker = run_point(system, 1e5, fugacity(mean / system.volume, TEMPERATURE), 5)
    assert point.molecules_per_cell == pytest.approx(mean, abs=4 * point.molecules_per_cell_error)
    assert point.molecules_per_cell_error <= 0.01 * mean
    assert walker.total[0] >= 0


@pytest.mark.slow
@pytest.mark.parametrize(("gas", "pressure"), [("CO2", 2e4), ("CH4", 1e5)])
def test_errors_cover_the_scatter_of_seeds_though_runs_stop_when_they_are_small_enough(gas, pressure):
    guest = {"CO2": CO2, "CH4": METHANE}[gas]
    system = system_of(FRAMEWORK, guest, TEMPERATURE, min_moves=20_000, max_moves=4_000_000,
                       target_relative_error=0.01)
    seen = np.array([(p.molecules_per_cell, p.molecules_per_cell_error)
                     for p in (run_point(system, pressure, pressure, seed)[0] for seed in range(1, 201))])
    scatter, claimed = seen[:, 0].std(ddof=1), math.sqrt(float((seen[:, 1] ** 2).mean()))
    assert scatter / claimed == pytest.approx(1.0, abs=0.05 + 2 * 0.05)     # 5 %, and what 200 seeds know
    # the mean of runs that stop early is that of runs that do not
    long = system_of(FRAMEWORK, guest, TEMPERATURE, min_moves=4_000_000, max_moves=4_000_000)
    exact, _ = run_point(long, pressure, pressure, 999)
    error = math.hypot(exact.molecules_per_cell_error, scatter / math.sqrt(200))
    assert seen[:, 0].mean() == pytest.approx(exact.molecules_per_cell, abs=4 * error)
