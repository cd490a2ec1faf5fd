"""Runs that are asked for more in the same folder: other pressures, more moves, a smaller error."""

import numpy as np
import pytest
from gcmc_naive import CO2, CUBIC, FORCEFIELD, METHANE, quick_settings, toy_framework

from zifsim.gcmc import sampling
from zifsim.gcmc.engine import run_isotherm
from zifsim.gcmc.mixtures import run_mixture
from zifsim.gcmc.sampling import load_run
from zifsim.runs.progress import silent

TEMPERATURE = 300.0
FRAMEWORK = toy_framework(CUBIC * 1.3)
LOW, MIDDLE, HIGH = 2e4, 1e5, 4e5


def isotherm(out, pressures, report=silent, guest=CO2, **settings):
    values = {"min_moves": 15_000, "max_moves": 15_000, "isotherm": "plain"} | settings
    return run_isotherm(FRAMEWORK, guest, FORCEFIELD, TEMPERATURE, pressures, quick_settings(**values), out_dir=out,
                        report=report)


def points_of(result):
    return [repr(p) for p in result.points]


def contents(folder):
    return {p.name: p.read_bytes() for p in (folder / "points").iterdir()}


class Killed(BaseException):
    """Stands for a kill: nothing in the engine may catch it."""


@pytest.mark.parametrize("starts", ["empty", "both"])
def test_finished_pressures_keep_their_numbers_when_one_is_added_between_them(tmp_path, starts):
    two = isotherm(tmp_path, [LOW, HIGH], starts=starts)
    before, events = contents(tmp_path), []
    three = isotherm(tmp_path, [LOW, MIDDLE, HIGH], events.append, starts=starts)
    assert [points_of(three)[k] for k in (0, 2)] == points_of(two)
    assert three.points[0].loading_mol_kg < three.points[1].loading_mol_kg < three.points[2].loading_mol_kg
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert {e.part for e in events if e.kind == "progress"} == {"1 bar"}
    assert [e.part for e in events if e.kind == "resumed"] == ["0.2 bar", "4 bar"]
    (note,) = [e.message for e in events if e.kind == "note"]
    assert note.endswith("kept as it is: 0.2 bar, 4 bar")


def test_fewer_pressures_give_just_those_and_nothing_is_deleted(tmp_path):
    three = isotherm(tmp_path, [LOW, MIDDLE, HIGH])
    before, events = contents(tmp_path), []
    assert points_of(isotherm(tmp_path, [MIDDLE], events.append)) == points_of(three)[1:2]
    assert contents(tmp_path) == before
    assert [e.message for e in events if e.kind == "note"][-1].endswith("left out of the result: 0.2 bar, 4 bar")


def test_killed_while_it_is_extended_it_ends_with_the_same_numbers(tmp_path):
    for folder in ("whole", "killed"):
        isotherm(tmp_path / folder, [LOW, HIGH])
    more = {"min_moves": 30_000, "max_moves": 30_000}
    expected = isotherm(tmp_path / "whole", [LOW, MIDDLE, HIGH], **more)
    for pressure, moves in (("0.2 bar", 20_000), ("1 bar", 10_000), ("4 bar", 25_000)):
        def kill(event, pressure=pressure, moves=moves):
            if event.kind == "progress" and event.part == pressure and event.values["moves"] >= moves:
                raise Killed
        with pytest.raises(Killed):
            isotherm(tmp_path / "killed", [LOW, MIDDLE, HIGH], kill, **more)
    assert points_of(isotherm(tmp_path / "killed", [LOW, MIDDLE, HIGH], **more)) == points_of(expected)
    assert all(p.n_moves == 30_000 for p in expected.points)


def test_more_moves_go_on_from_the_kept_series(tmp_path):
    isotherm(tmp_path, [MIDDLE])
    final = tmp_path / "points" / "100000Pa.final.npz"
    first = load_run(final)
    (point,) = isotherm(tmp_path, [MIDDLE], min_moves=40_000, max_moves=40_000).points
    longer = load_run(final)
    assert point.n_moves == longer.moves == 40_000
    for a, b in zip(first.series(), longer.series(), strict=True):
        assert np.array_equal(a, b[: len(a)])
    assert longer.adapt_until == first.adapt_until      # or all that was sampled might be discarded
    assert points_of(isotherm(tmp_path, [MIDDLE], min_moves=15_000, max_moves=15_000)) == [repr(point)]


def test_a_smaller_error_continues_those_that_miss_it_and_leaves_the_others(tmp_path):
    loose = {"min_moves": 20_000, "max_moves": 2_000_000, "target_relative_error": 0.05}
    before = isotherm(tmp_path, [LOW, HIGH], guest=METHANE, **loose).points
    errors = [p.loading_error_mol_kg / p.loading_mol_kg for p in before]
    worse, better = (0, 1) if errors[0] > errors[1] else (1, 0)
    target = (errors[0] + errors[1]) / 2.0
    assert errors[better] < target < errors[worse] <= 0.05
    after = isotherm(tmp_path, [LOW, HIGH], guest=METHANE, **loose | {"target_relative_error": target}).points
    assert repr(after[better]) == repr(before[better])
    assert after[worse].n_moves > before[worse].n_moves
    assert after[worse].loading_error_mol_kg <= target * after[worse].loading_mol_kg


def test_a_pressure_whose_point_was_not_written_any_more_is_not_sampled_again(tmp_path):
    expected = points_of(isotherm(tmp_path, [LOW, HIGH]))
    before = contents(tmp_path)
    (tmp_path / "points" / "20000Pa.json").unlink()         # a kill between the run and its point
    events = []
    assert points_of(isotherm(tmp_path, [LOW, HIGH], events.append)) == expected
    assert contents(tmp_path) == before
    assert not [e for e in events if e.kind == "progress"]


def test_a_checkpoint_is_not_judged_before_its_time(tmp_path, monkeypatch):
    settings = {"min_moves": 10_000, "max_moves": 1_000_000, "target_relative_error": 0.04}
    expected = points_of(isotherm(tmp_path / "whole", [MIDDLE], guest=METHANE, **settings))
    monkeypatch.setattr(sampling, "CHECKPOINT_S", -1.0)     # after every block
    end = load_run(tmp_path / "whole" / "points" / "100000Pa.final.npz").moves

    def kill(event):
        if event.kind == "progress":
            raise Killed

    for _ in range(end // sampling.BLOCK_MOVES - 1):        # the last block ends the pressure
        with pytest.raises(Killed):
            isotherm(tmp_path / "killed", [MIDDLE], kill, guest=METHANE, **settings)
    assert points_of(isotherm(tmp_path / "killed", [MIDDLE], guest=METHANE, **settings)) == expected


def test_a_mixture_is_extended_like_an_isotherm(tmp_path):
    def points(pressures, moves, **where):
        settings = quick_settings(min_moves=moves, max_moves=moves)
        return run_mixture(FRAMEWORK, (CO2, METHANE), {"CO2": 0.5, "CH4": 0.5}, FORCEFIELD, TEMPERATURE, pressures,
                           settings, out_dir=tmp_path, **where).points

    first = points([LOW, HIGH], 15_000)
    again = points([LOW, MIDDLE, HIGH], 15_000)
    assert [repr(again[k]) for k in (0, 2)] == [repr(p) for p in first]
    assert [p.n_moves for p in points([LOW], 20_000)] == [20_000]
    assert load_run(tmp_path / "points" / "400000Pa.final.npz").moves == 15_000
