"""The engine: repeatable, resumable, self-checking, and clear about input it cannot use."""

import json
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
    TRICLINIC,
    empty_box,
    fugacity,
    guest_model,
    one_kind_framework,
    quick_settings,
    sample,
    system_of,
    toy_framework,
)

from zifsim.errors import InputError, RunInterrupted, SimulationError
from zifsim.gcmc import sampling
from zifsim.gcmc.engine import run_isotherm, run_point
from zifsim.gcmc.macrostates import Block, Ladder
from zifsim.gcmc.random import streams, uniform
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import supercell_repeats
from zifsim.gcmc.widom import widom
from zifsim.model.forcefield import LennardJones
from zifsim.model.framework import Framework
from zifsim.runs import stopping
from zifsim.runs.progress import silent

TEMPERATURE = 300.0
PRESSURES = (2e4, 1e5, 4e5)
FRAMEWORK = toy_framework(CUBIC * 1.3)


def isotherm(out_dir=None, pressures=PRESSURES, framework=FRAMEWORK, guest=CO2, threads=1, report=silent,
             temperature=TEMPERATURE, forcefield=FORCEFIELD, **settings):
    values = {"min_moves": 15_000, "max_moves": 15_000, "isotherm": "plain"} | settings
    return run_isotherm(framework, guest, forcefield, temperature, pressures, quick_settings(**values),
                        out_dir=out_dir, threads=threads, report=report)


def points_of(result):
    """The points to the last digit, as text: undefined heats and errors (NaN) compare equal."""
    return [repr(p) for p in result.points]


class Killed(BaseException):
    """Stands for a kill: nothing in the engine may catch it."""


# ---------------------------------------------------------------- repeatable and resumable

def test_same_seed_gives_identical_points_and_another_seed_does_not():
    first = isotherm()
    assert points_of(first) == points_of(isotherm())
    assert points_of(first) != points_of(isotherm(seed=8))
    assert first.formula == FRAMEWORK.formula       # by which a comparison knows the material


def test_two_threads_repeat_themselves(tmp_path):
    runs = [isotherm(tmp_path / str(i) if i else None, threads=2) for i in range(2)]
    assert points_of(runs[0]) == points_of(runs[1])
    assert [p.pressure_pa for p in runs[0].points] == list(PRESSURES)


@pytest.mark.parametrize("killed_after", [2, 7])
def test_a_killed_run_continues_to_identical_points(tmp_path, monkeypatch, killed_after):
    expected = points_of(isotherm())
    monkeypatch.setattr(sampling, "CHECKPOINT_S", -1.0)      # after every block
    reports = []

    def kill(event):
        reports.append(event)
        if sum(e.kind == "progress" for e in reports) == killed_after:
            raise Killed

    with pytest.raises(Killed):
        isotherm(tmp_path, report=kill)
    assert list((tmp_path / "points").iterdir())
    assert points_of(isotherm(tmp_path)) == expected
    assert not list((tmp_path / "points").glob("*.checkpoint.npz"))


def test_finished_pressures_are_read_back_and_not_run_again(tmp_path):
    expected = isotherm(tmp_path)
    stamps = {f: f.stat().st_mtime_ns for f in (tmp_path / "points").iterdir()}
    reports = []
    assert points_of(isotherm(tmp_path, report=reports.append)) == points_of(expected)
    assert [e.kind for e in reports] == ["plan", "resumed", "resumed", "resumed", "note"]
    assert all(e.fraction == 1.0 for e in reports if e.kind == "resumed")
    assert [repr(e.values["point"]) for e in reports if e.kind == "resumed"] == points_of(expected)
    assert "0.2 bar, 1 bar, 4 bar" in reports[-1].message
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "points").iterdir()} == stamps
    assert len(stamps) == 2 * len(PRESSURES)


def test_a_checkpoint_restores_walker_series_steps_and_generator_bit_for_bit(tmp_path):
    system = system_of(FRAMEWORK, CO2, TEMPERATURE)
    walker, counts, energies = sample(system, 1e-4, 2000, 3)
    blocks = [Block(n, np.full((2, 2, 3), n + 0.5), np.ones(2), -np.ones(2), 1000) for n in (4, 5)]
    run = sampling.Run(walker, streams(5, 9), np.array([0.7, 0.3]), [counts[:, None]], [energies], 4, 9000,
                       Ladder(-9, 2), blocks, 2000, 1500, 400)
    uniform(run.rng, 3)
    sampling.save_run(tmp_path / "state.npz", run)
    back = sampling.load_run(tmp_path / "state.npz")
    assert walker.total[0] > 0
    for name in walker._fields:
        assert np.array_equal(getattr(back.walker, name), getattr(walker, name)), name
    assert np.array_equal(back.rng, run.rng)
    assert back.rng.dtype == run.rng.dtype
    assert np.array_equal(back.steps, run.steps)
    assert (back.ladder, [b.moves for b in back.blocks]) == (run.ladder, [1000, 1000])
    for saved, block in zip(back.blocks, blocks, strict=True):
        assert np.array_equal(saved.transitions, block.widened(4, 3).transitions)
        assert np.array_equal(saved.energies, block.widened(4, 3).energies)
    assert [np.array_equal(a, b) for a, b in zip(back.series(), run.series(), strict=True)] == [True, True]
    assert (back.n_trials, back.adapt_until, back.moves, back.judged_at, back.adapted_at) == (4, 9000, 2000, 1500, 400)


def test_progress_names_pressure_moves_and_a_rising_fraction():
    reports = []
    isotherm(pressures=[1e5], report=reports.append)
    plan, *told = reports
    assert (plan.kind, plan.values) == ("plan", {"1 bar": 1.0})
    assert {(e.part, e.values["pressure_pa"]) for e in told} == {("1 bar", 1e5)}
    assert [e.values["moves"] for e in told] == sorted(e.values["moves"] for e in told)
    assert all(0.0 < e.fraction <= 1.0 for e in told)
    assert [e.kind for e in told] == ["progress"] * (len(told) - 1) + ["done"]
    assert told[-1].fraction == 1.0


def test_a_pressure_is_told_of_as_soon_as_it_is_finished():
    reports = []
    isotherm(report=reports.append)
    ends = [n for n, e in enumerate(reports) if e.kind == "done"]
    assert [reports[n].part for n in ends] == ["0.2 bar", "1 bar", "4 bar"]
    assert all(reports[n + 1].part == next_one for n, next_one in zip(ends, ["1 bar", "4 bar"], strict=False))


def test_asked_to_stop_the_engine_keeps_what_it_has_and_raises(tmp_path, monkeypatch):
    expected = points_of(isotherm())

    def stop(event):
        if event.part == "1 bar" and event.kind == "progress":
            monkeypatch.setattr(stopping, "_signal", signal.SIGTERM)

    with pytest.raises(RunInterrupted) as end:
        isotherm(tmp_path, report=stop)
    assert end.value.exit_code == stopping.STOPPED
    assert [p.name for p in (tmp_path / "points").glob("*.checkpoint.npz")] == ["100000Pa.checkpoint.npz"]
    monkeypatch.setattr(stopping, "_signal", None)
    assert points_of(isotherm(tmp_path)) == expected


def test_isotherm_rises_with_pressure_and_survives_a_round_trip_through_json():
    result = isotherm(pressures=PRESSURES[::-1], widom_insertions=2000)
    loading = [p.loading_mol_kg for p in result.points]
    assert loading == sorted(loading)
    assert repr(type(result).from_dict(json.loads(json.dumps(result.to_dict())))) == repr(result)
    assert result.henry is not None
    assert all(p.fugacity_pa < p.pressure_pa for p in result.points)


def test_excess_is_absolute_loading_minus_the_gas_in_the_helium_void():
    point = isotherm(pressures=[1e5]).points[0]
    system = system_of(FRAMEWORK, CO2, TEMPERATURE)
    assert 0.3 < system.void_fraction < 1.0
    ideal = 1e5 * system.volume * 1e-30 / (1.380649e-23 * TEMPERATURE) * system.void_fraction / system.mass_amu * 1e3
    assert point.loading_mol_kg - point.excess_mol_kg == pytest.approx(ideal, rel=0.02)


# ---------------------------------------------------------------- self-checks

@pytest.mark.parametrize("term", range(4))
def test_a_corrupted_running_energy_is_noticed(term):
    system = system_of(FRAMEWORK, CO2, TEMPERATURE, min_moves=100, max_moves=100)
    walker, _, _ = sample(system, 1e-4, 2000, 3)
    run_point(system, 1e5, 1e5, 1, start=walker)
    walker.energy[term] += 1e-4 * np.abs(walker.energy).sum()
    with pytest.raises(SimulationError, match="running energy"):
        run_point(system, 1e5, 1e5, 1, start=walker)


def test_a_start_walker_is_not_changed():
    system = system_of(FRAMEWORK, CO2, TEMPERATURE, min_moves=100, max_moves=2000)
    walker, _, _ = sample(system, 1e-4, 2000, 3)
    before = [np.array(a) for a in walker]
    run_point(system, 1e5, 1e5, 1, start=walker)
    assert all(np.array_equal(a, b) for a, b in zip(before, walker, strict=True))


def test_a_crowded_cell_never_gets_more_trials_than_there_are_random_streams():
    # 3, 6, 12, 24 and then 32, not 48: a stream beyond the last would be read from foreign memory
    system = system_of(toy_framework(CUBIC), METHANE, TEMPERATURE, n_trials=3, min_moves=20_000, max_moves=400_000)
    run = sampling.new_run(system, 1)
    trials = []
    for _ in range(20):
        sampling.advance(system, run, (1e11,), 5_000)
        trials.append(run.n_trials)
    assert sorted(set(trials)) == [3, 6, 12, 24, 32]
    assert len(run.rng) >= 33


@pytest.mark.parametrize("molecules", [0.02, 0.005])
def test_a_nearly_empty_cell_is_not_taken_for_a_crowded_one(molecules):
    # most moves find no molecule and few insertions succeed, because of the fugacity and not for lack of room
    system = system_of(empty_box(26.0), CO2, TEMPERATURE, min_moves=400_000, max_moves=400_000)
    run = sampling.new_run(system, 1)
    for _ in range(20):
        sampling.advance(system, run, (fugacity(molecules / system.volume, TEMPERATURE),), 5_000)
    assert run.n_trials == 1
    assert run.steps.min() >= 0.5


def test_an_overfull_cell_stops_with_a_sentence():
    ghost = guest_model([(1e-20, 0.1, 0.0, 0.0)], "ghost", "CH4", 16.0)
    system = system_of(empty_box(13.0), ghost, TEMPERATURE, bias_exponent=0.0)
    with pytest.raises(SimulationError, match="filled up"):
        run_point(system, 1e5, 1e12, 1)


@pytest.mark.parametrize("sigma", [5.5, 8.5], ids=["repulsive-everywhere", "all-core"])
def test_a_framework_without_room_takes_up_nothing(sigma):
    framework, forcefield = one_kind_framework([(0.1, 0.0, 0.0)], 4.0, 60.0, sigma)
    result = isotherm(framework=framework, forcefield=forcefield, guest=METHANE, widom_insertions=500,
                      pressures=[1e5])
    point = result.points[0]
    assert point.molecules_per_cell == 0.0
    assert point.loading_mol_kg == 0.0
    assert math.isnan(point.heat_of_adsorption_kj_mol)
    assert result.henry is not None
    assert 0.0 <= result.henry.henry_coefficient_mol_kg_pa < 1e-12


# ---------------------------------------------------------------- the cell

@pytest.mark.parametrize(("cell", "cutoff", "expected"), [
    (np.eye(3) * 17.0, 12.8, (2, 2, 2)), (np.diag([26.0, 13.0, 8.0]), 12.8, (1, 2, 4)),
    (np.eye(3) * 25.6, 12.8, (1, 1, 1)), (TRICLINIC, 5.0, (1, 1, 1)),
    (np.array([[20.0, 0, 0], [19.0, 20.0, 0], [0, 0, 20.0]]), 8.0, (2, 1, 1))])
def test_supercell_is_the_smallest_that_is_twice_as_wide_as_the_cutoff(cell, cutoff, expected):
    framework = Framework("cell", ("He",), np.zeros((1, 3)), cell)
    assert supercell_repeats(framework, (METHANE,), cutoff) == expected


def test_supercell_leaves_room_for_the_molecule_beyond_the_cutoff():
    framework = Framework("cell", ("He",), np.zeros((1, 3)), np.eye(3) * 25.6)
    assert supercell_repeats(framework, (METHANE,), 12.8) == (1, 1, 1)
    assert supercell_repeats(framework, (CO2,), 12.8) == (2, 2, 2)


def test_rounded_fractions_find_every_image_within_reach_in_very_oblique_cells():
    rng = np.random.default_rng(3)
    shifts = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3), axis=-1).reshape(-1, 3)
    for _ in range(200):
        cell = np.array([[9.0, 0, 0], [rng.uniform(-8, 8), 8.0, 0], [*rng.uniform(-9, 9, 2), 7.0]])
        framework = replace(toy_framework(), cell=cell)
        repeats = supercell_repeats(framework, (CO2,), 8.0)
        supercell, reach = cell * np.array(repeats)[:, None], 8.0 + 2.0 * CO2.radius_angstrom
        apart = rng.uniform(-1.0, 1.0, (50, 3))
        rounded = np.linalg.norm((apart - np.rint(apart)) @ supercell, axis=1)
        every = np.linalg.norm((apart[:, None] - np.rint(apart)[:, None] + shifts) @ supercell, axis=-1).min(axis=1)
        near = every < reach
        assert rounded[near] == pytest.approx(every[near], rel=1e-12)


def test_loading_per_mass_does_not_depend_on_how_often_the_cell_is_repeated():
    single = isotherm(pressures=[1e5], min_moves=60_000, max_moves=60_000)
    double = isotherm(pressures=[1e5], framework=FRAMEWORK.supercell((2, 1, 1)), min_moves=60_000, max_moves=60_000)
    assert double.supercell == single.supercell == (1, 1, 1)
    one, two = single.points[0], double.points[0]
    error = math.hypot(one.loading_error_mol_kg, two.loading_error_mol_kg)
    assert two.loading_mol_kg == pytest.approx(one.loading_mol_kg, abs=4 * error)
    assert two.molecules_per_cell > 1.5 * one.molecules_per_cell


# ---------------------------------------------------------------- bad input

@pytest.mark.parametrize(("pressures", "message"), [
    ([], "No pressure"), ([1e5, -1.0], "positive"), ([0.0], "positive"), ([1e5, 1e5], "twice"),
    ([1e5, 1.00000001e5], "twice"), ([math.nan], "ressure"), ([1e5, math.nan], "ressure"), ([math.inf], "ressure")])
def test_bad_pressures_are_refused_before_anything_is_built(tmp_path, pressures, message):
    with pytest.raises(InputError, match=message):
        isotherm(tmp_path / "out", pressures)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("changes", "message"), [
    ({"temperature": 0.0}, "emperature"), ({"temperature": -5.0}, "emperature"),
    ({"framework": replace(FRAMEWORK, charges=None)}, "charge set"),
    ({"framework": replace(FRAMEWORK, charges=FRAMEWORK.charges + 0.01)}, r"net charge of \+0\.1400 e"),
    ({"framework": replace(FRAMEWORK, species=("U", *FRAMEWORK.species[1:]))}, "has no row for U"),
    ({"framework": Framework("fused", ("Zn", "N"), np.array([[0.1, 0, 0], [16.8, 0, 0]]), np.eye(3) * 16.9,
                             charges=np.zeros(2))}, "0.20 Å apart"),
])
def test_a_host_that_would_give_a_wrong_number_is_refused(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        isotherm(tmp_path / "out", [1e5], **changes)
    assert not (tmp_path / "out").exists()


def test_a_guest_without_charges_needs_none_on_the_host():
    result = isotherm(pressures=[1e5], guest=METHANE, framework=replace(FRAMEWORK, charges=None))
    assert result.points[0].molecules_per_cell > 0
    assert result.charges == "none"


def test_atom_types_win_over_elements():
    types = tuple(f"{s}x" if s == "Zn" else s for s in FRAMEWORK.species)
    rows = {**FORCEFIELD.atoms, "Znx": LennardJones(600.0, 2.5, "")}
    typed = replace(FRAMEWORK, types=types)
    plain, strong = (widom(typed, METHANE, forcefield, TEMPERATURE, quick_settings(widom_insertions=20_000))
                     for forcefield in (FORCEFIELD, replace(FORCEFIELD, atoms=rows)))
    assert strong.henry_coefficient_mol_kg_pa > 1.1 * plain.henry_coefficient_mol_kg_pa


@pytest.mark.parametrize(("values", "message"), [
    ({"truncation": "smooth"}, "truncation 'smooth'"), ({"host_path": "tree"}, "host_path 'tree'"),
    ({"cutoff_angstrom": 0.0}, "cutoff_angstrom"), ({"grid_spacing_angstrom": -0.1}, "grid_spacing_angstrom"),
    ({"bias_exponent": 1.5}, "bias_exponent"), ({"n_trials": 0}, "n_trials"),
    ({"n_trials": 33}, "n_trials is 33.* from 1 to 32"), ({"min_moves": 2000, "max_moves": 1000}, "exceeds max_moves")])
def test_bad_settings_are_refused_by_name(values, message):
    with pytest.raises(InputError, match=message):
        GCMCSettings(**values)


def test_a_length_that_is_no_multiple_of_the_sampling_interval_reports_numbers():
    system = system_of(FRAMEWORK, METHANE, TEMPERATURE, min_moves=5_007, max_moves=5_007)
    told = []
    sampling.sample_point(system, (1e5,), 1, report=told.append)
    assert told
    assert all(math.isfinite(t.values["molecules"]) for t in told)
