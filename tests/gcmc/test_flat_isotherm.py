"""An isotherm from one flat histogram: what a point says, and what is written."""

import csv
import math

import numpy as np
import pytest
from gcmc_naive import CUBIC, FORCEFIELD, METHANE, ideal_transitions, quick_settings, system_of, toy_framework

from zifsim.errors import SimulationError
from zifsim.gcmc import flat_isotherm
from zifsim.gcmc.engine import run_isotherm
from zifsim.gcmc.eos import PengRobinson
from zifsim.gcmc.flat_histogram import FlatHistogram
from zifsim.gcmc.flat_isotherm import point_of, sample_flat_isotherm
from zifsim.gcmc.macrostates import Ladder
from zifsim.gcmc.sampling import log_activities
from zifsim.runs.progress import silent
from zifsim.units import molecules_to_mol_kg

TEMPERATURE = 300.0
FRAMEWORK = toy_framework(CUBIC * 1.2)
PRESSURES = [2e5, 2e6]


def isotherm(out_dir=None, report=silent, flat_histogram=True, **settings):
    values = {"min_moves": 50_000, "max_moves": 1_000_000, "target_relative_error": 0.02, "starts": "empty"} | settings
    return run_isotherm(FRAMEWORK, METHANE, FORCEFIELD, TEMPERATURE, PRESSURES, quick_settings(**values),
                        out_dir=out_dir, report=report, flat_histogram=flat_histogram)


def ideal(mean, n_walkers=8, spread=0.0):
    """Perfect transitions of an ideal gas; walkers that began full see a mean larger by a factor 1 + ``spread``."""
    (log_activity,) = log_activities((1e5,), TEMPERATURE)
    ladder = Ladder.around(log_activity)
    transitions = np.array([ideal_transitions(60, mean * (1.0 + spread * (w % 2)) / math.exp(log_activity), ladder)
                            for w in range(n_walkers)])
    return FlatHistogram(1e5, TEMPERATURE, ladder, transitions, np.zeros((n_walkers, 60)), np.ones((n_walkers, 60)),
                         800, 80)


def test_a_point_holds_the_histograms_loading_and_the_moves_of_all_walkers():
    system = system_of(FRAMEWORK, METHANE, TEMPERATURE)
    point = point_of(system, ideal(3.0), 1e5, 1e5, 7)
    per_molecule = molecules_to_mol_kg(1.0, system.mass_amu)
    assert point.molecules_per_cell == pytest.approx(3.0, rel=1e-9)
    assert point.loading_mol_kg == pytest.approx(3.0 * per_molecule, rel=1e-9)
    assert point.from_empty_mol_kg == pytest.approx(point.from_full_mol_kg, rel=1e-9)
    assert point.excess_mol_kg < point.loading_mol_kg
    assert (point.n_moves, point.n_equilibration_moves, point.seed) == (800, 80, 7)
    assert math.isnan(point.effective_samples)
    assert math.isnan(point.grid_error_k)


def test_halves_that_differ_leave_the_point_unequilibrated():
    system = system_of(FRAMEWORK, METHANE, TEMPERATURE)
    # alternating walkers: the jackknife knows the spread of eight, and the difference of the halves is √7 ≈ 2.6 of
    # its standard errors
    point = point_of(system, ideal(3.0, spread=0.5), 1e5, 1e5, 7)
    per_molecule = molecules_to_mol_kg(1.0, system.mass_amu)
    assert point.from_empty_mol_kg == pytest.approx(3.0 * per_molecule, rel=1e-6)
    assert point.from_full_mol_kg == pytest.approx(4.5 * per_molecule, rel=1e-6)
    assert not point.equilibrated


def test_the_isotherm_is_that_of_plain_sampling_and_its_probability_is_written(tmp_path):
    reports = []
    flat = isotherm(tmp_path, reports.append)
    plain = isotherm(flat_histogram=False)
    for a, b in zip(flat.points, plain.points, strict=True):
        error = math.hypot(a.loading_error_mol_kg, b.loading_error_mol_kg)
        assert a.loading_mol_kg == pytest.approx(b.loading_mol_kg, abs=4 * error)
        heat_error = math.hypot(a.heat_of_adsorption_error_kj_mol, b.heat_of_adsorption_error_kj_mol)
        assert a.heat_of_adsorption_kj_mol == pytest.approx(b.heat_of_adsorption_kj_mol, abs=4 * heat_error)
        assert a.excess_mol_kg - a.loading_mol_kg == pytest.approx(b.excess_mol_kg - b.loading_mol_kg)
    assert flat.points[0].n_moves == flat.points[1].n_moves
    assert [e.values["pressure_pa"] for e in reports if e.kind == "done"] == PRESSURES
    assert (flat.settings["flat_histogram"], plain.settings["flat_histogram"]) == (True, False)
    with open(tmp_path / "ln_probability.csv") as stream:
        rows = [[float(x) for x in row] for row in list(csv.reader(stream))[1:]]
    n, log_pi, errors = np.array(rows).T
    assert np.exp(log_pi).sum() == pytest.approx(1.0)
    assert n @ np.exp(log_pi) == pytest.approx(flat.points[-1].molecules_per_cell, rel=1e-9)
    assert np.all(errors >= 0.0)
    assert errors[int(np.argmax(log_pi))] > 0.0


class Killed(BaseException):
    """Stands for a kill."""


def test_a_killed_run_continues_to_identical_points(tmp_path):
    settings = {"min_moves": 250_000, "max_moves": 250_000}
    expected = [repr(p) for p in isotherm(**settings).points]

    def kill(event):
        if event.kind == "progress":
            raise Killed

    with pytest.raises(Killed):
        isotherm(tmp_path, kill, **settings)
    assert not (tmp_path / "ln_probability.csv").exists()
    assert [repr(p) for p in isotherm(tmp_path, **settings).points] == expected


def test_a_histogram_that_ends_too_early_says_what_to_raise(monkeypatch):
    monkeypatch.setattr(flat_isotherm, "sample_flat_histogram", lambda *a, **k: ideal(55.0))
    system = system_of(FRAMEWORK, METHANE, TEMPERATURE)
    assert PengRobinson(METHANE).fugacity_pa(TEMPERATURE, 2e5) > 1e5
    with pytest.raises(SimulationError, match="raise --max-moves"):
        sample_flat_isotherm(system, PRESSURES)
