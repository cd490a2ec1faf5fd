"""Empty and full starts: how two points become one, and that the two agree where they must."""

import math
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

from zifsim.errors import SimulationError
from zifsim.gcmc.branches import FILLING_FUGACITY_PA, both_starts, full_walker
from zifsim.gcmc.engine import merge_starts, run_isotherm
from zifsim.model.uptake import LoadingPoint
from zifsim.runs.progress import silent

TEMPERATURE = 300.0
PER_MOLECULE = 0.25     # mol/kg
POINT = LoadingPoint(
    pressure_pa=1e5, fugacity_pa=0.99e5, loading_mol_kg=10.0 * PER_MOLECULE, loading_error_mol_kg=0.2 * PER_MOLECULE,
    excess_mol_kg=10.0 * PER_MOLECULE - 0.1, molecules_per_cell=10.0, molecules_per_cell_error=0.2,
    heat_of_adsorption_kj_mol=20.0, heat_of_adsorption_error_kj_mol=0.5, n_moves=1000, n_equilibration_moves=100,
    effective_samples=50.0, equilibrated=True, seed=3, grid_error_k=0.1, ewald_error_k=-0.2)


def point(molecules, error, **changes):
    return replace(POINT, molecules_per_cell=molecules, molecules_per_cell_error=error,
                   loading_mol_kg=molecules * PER_MOLECULE, loading_error_mol_kg=error * PER_MOLECULE,
                   excess_mol_kg=molecules * PER_MOLECULE - 0.1, **changes)


def test_starts_that_meet_are_averaged_with_the_weights_of_their_errors():
    merged = merge_starts(point(10.0, 0.2), point(10.3, 0.1, n_moves=3000, heat_of_adsorption_kj_mol=22.0))
    weights = np.array([1 / 0.04, 1 / 0.01])
    assert merged.molecules_per_cell == pytest.approx(weights @ [10.0, 10.3] / weights.sum())
    assert merged.molecules_per_cell_error == pytest.approx(weights.sum() ** -0.5)
    assert merged.loading_mol_kg == pytest.approx(merged.molecules_per_cell * PER_MOLECULE)
    assert merged.loading_error_mol_kg == pytest.approx(merged.molecules_per_cell_error * PER_MOLECULE)
    assert merged.excess_mol_kg == pytest.approx(merged.loading_mol_kg - 0.1)
    assert merged.heat_of_adsorption_kj_mol == pytest.approx(21.0)
    assert (merged.n_moves, merged.effective_samples, merged.equilibrated) == (4000, 100.0, True)
    assert (merged.from_empty_mol_kg, merged.from_full_mol_kg) == (10.0 * PER_MOLECULE, 10.3 * PER_MOLECULE)
    assert (merged.pressure_pa, merged.fugacity_pa, merged.seed) == (1e5, 0.99e5, 3)


def test_starts_that_do_not_meet_lie_midway_with_an_error_that_reaches_both():
    merged = merge_starts(point(10.0, 0.2), point(14.0, 0.1))
    assert merged.molecules_per_cell == pytest.approx(12.0)
    assert merged.molecules_per_cell_error == pytest.approx(2.0)
    assert merged.loading_error_mol_kg == pytest.approx(2.0 * PER_MOLECULE)
    assert not merged.equilibrated
    assert merged.from_full_mol_kg == pytest.approx(14.0 * PER_MOLECULE)


@pytest.mark.parametrize(("apart", "meets"), [(0.9 * 2 * math.hypot(0.2, 0.1), True),
                                              (1.1 * 2 * math.hypot(0.2, 0.1), False)])
def test_meeting_is_within_two_standard_errors_of_the_difference(apart, meets):
    for empty, full in ((point(10.0, 0.2), point(10.0 + apart, 0.1)), (point(10.0 + apart, 0.1), point(10.0, 0.2))):
        assert merge_starts(empty, full).equilibrated == meets


@pytest.mark.parametrize("unsettled", [0, 1])
def test_a_start_that_has_not_settled_leaves_the_point_unequilibrated_even_where_they_meet(unsettled):
    pair = [point(10.0, 0.5), point(10.1, 0.5)]
    pair[unsettled] = replace(pair[unsettled], equilibrated=False)
    merged = merge_starts(*pair)
    assert not merged.equilibrated
    assert merged.molecules_per_cell == pytest.approx(10.05)


def test_nothing_adsorbed_from_either_start_is_zero_with_the_errors_of_both():
    nothing = point(0.0, 1e-4, heat_of_adsorption_kj_mol=math.nan, heat_of_adsorption_error_kj_mol=math.nan)
    merged = merge_starts(nothing, nothing)
    assert merged.loading_mol_kg == merged.molecules_per_cell == 0.0
    assert merged.molecules_per_cell_error == pytest.approx(1e-4 / math.sqrt(2))
    assert merged.loading_error_mol_kg == pytest.approx(1e-4 / math.sqrt(2) * PER_MOLECULE)
    assert math.isnan(merged.heat_of_adsorption_kj_mol)
    assert merged.excess_mol_kg == pytest.approx(-0.1)
    assert merged.equilibrated


def test_a_heat_that_one_start_does_not_know_is_taken_from_the_other():
    merged = merge_starts(point(0.0, 0.1, heat_of_adsorption_kj_mol=math.nan, ewald_error_k=math.nan),
                          point(0.1, 0.1, ewald_error_k=-0.4))
    assert merged.heat_of_adsorption_kj_mol == 20.0
    assert merged.ewald_error_k == -0.4
    assert merged.loading_mol_kg == pytest.approx(0.05 * PER_MOLECULE)


# ---------------------------------------------------------------- whole runs

FRAMEWORK = toy_framework(CUBIC * 1.3)


def isotherm(pressures, guest=METHANE, out_dir=None, report=silent, threads=1, **settings):
    values = {"min_moves": 60_000, "max_moves": 60_000, "isotherm": "plain"} | settings
    return run_isotherm(FRAMEWORK, guest, FORCEFIELD, TEMPERATURE, pressures, quick_settings(**values),
                        out_dir=out_dir, report=report, threads=threads)


def test_a_full_walker_is_full():
    # to ideal-gas packing it would hold f V/kT = 1e9 Pa · 4913 Å³/kT = 1186 molecules; the box has room for some 90
    system = system_of(FRAMEWORK, METHANE, TEMPERATURE)
    walker = full_walker(system, 1)
    assert walker.total[0] > 60
    assert full_walker(system, 1).total[0] == walker.total[0]


def test_filling_a_cell_without_walls_between_molecules_ends_with_a_sentence():
    ghost = guest_model([(1e-20, 0.1, 0.0, 0.0)], "ghost", "CH4", 16.0)
    system = system_of(empty_box(13.0), ghost, TEMPERATURE)
    expected = FILLING_FUGACITY_PA / fugacity(1.0 / system.volume, TEMPERATURE)
    assert expected > system.capacity       # so the cell overflows, and says so
    with pytest.raises(SimulationError, match="filled up"):
        full_walker(system, 1)


def test_both_starts_of_a_simple_system_meet_and_agree_with_one():
    pressures = [2e5, 2e6]
    one, both = isotherm(pressures, starts="empty"), isotherm(pressures, starts="both")
    for a, b in zip(one.points, both.points, strict=True):
        assert a.from_full_mol_kg is None or math.isnan(a.from_full_mol_kg)
        error = math.hypot(a.loading_error_mol_kg, b.loading_error_mol_kg)
        assert b.loading_mol_kg == pytest.approx(a.loading_mol_kg, abs=4 * error)
        assert b.equilibrated
        assert b.n_moves == 2 * a.n_moves
        assert b.loading_error_mol_kg < a.loading_error_mol_kg
        # the empty branch is the very run that a start from the empty cell alone makes
        assert b.from_empty_mol_kg == a.loading_mol_kg
    # counts are whole numbers, so one of two means may coincide, but not both
    assert any(b.from_full_mol_kg != b.from_empty_mol_kg for b in both.points)


def test_auto_takes_both_starts_far_below_the_critical_temperature_only():
    for critical, both in ((TEMPERATURE / 0.69, True), (TEMPERATURE / 0.71, False)):
        guest = replace(METHANE, critical_temperature_k=critical)
        assert both_starts(quick_settings(), (guest,), TEMPERATURE) == both
    for starts, both in (("both", True), ("empty", False)):
        assert both_starts(quick_settings(starts=starts), (METHANE,), TEMPERATURE) == both


class Killed(BaseException):
    """Stands for a kill: nothing in the engine may catch it."""


@pytest.mark.parametrize("branch", ["", "full"])
def test_a_killed_run_with_both_starts_continues_to_identical_points(tmp_path, branch):
    settings = {"starts": "both", "min_moves": 15_000, "max_moves": 15_000}
    expected = [repr(p) for p in isotherm([1e5, 4e5], CO2, **settings).points]

    def kill(event):
        here = event.kind == "progress" and (event.part, event.values["branch"]) == ("4 bar", branch)
        if here and event.values["moves"] >= 10_000:
            raise Killed

    with pytest.raises(Killed):
        isotherm([1e5, 4e5], CO2, tmp_path, kill, **settings)
    reports = []
    again = isotherm([1e5, 4e5], CO2, tmp_path, reports.append, **settings)
    assert [repr(p) for p in again.points] == expected
    assert not list((tmp_path / "points").glob("*.checkpoint.npz"))
    assert sorted(e.part for e in reports if "point" in e.values) == ["1 bar", "4 bar"]
