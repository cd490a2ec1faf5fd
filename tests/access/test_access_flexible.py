"""Averages over snapshots: Widom's identity, drift, blocks and resuming."""

from dataclasses import replace

import numpy as np
import pytest

from zifsim.access.filling import Experiment
from zifsim.access.flexible import SnapshotAverage, average_snapshots
from zifsim.access.kinetics import Kinetics, convergence, resample
from zifsim.access.landscape import FreeEnergyGrid, free_energy_grids
from zifsim.access.snapshots import read_snapshots
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError
from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.adsorption import load_adsorption_forcefield
from zifsim.io.guests import load_guest
from zifsim.io.trajectory import Frame, write_part

SETTINGS = GCMCSettings(cutoff_angstrom=6.0, grid_spacing_angstrom=0.8)
FORCEFIELD = load_adsorption_forcefield("PP")
CH4 = load_guest("CH4")
T = 300.0


@pytest.fixture(scope="module")
def zif8():
    return load_framework("ZIF-8")


def moved(framework, seed, amplitude=0.1):
    noise = np.random.default_rng(seed).normal(0.0, amplitude, framework.positions.shape)
    return replace(framework, positions=framework.positions + noise)


def test_the_average_is_that_of_the_boltzmann_factors(zif8, tmp_path):
    snapshots = [moved(zif8, seed) for seed in range(23)]
    average = average_snapshots(snapshots, [(CH4, T)], FORCEFIELD, SETTINGS, folder=tmp_path)[0]
    grids = [free_energy_grids(s, [(CH4, T)], FORCEFIELD, SETTINGS)[0] for s in snapshots]
    kt = grids[0].kt
    expected = -kt * np.log(np.mean([np.exp(-g.values.astype(float) / kt) for g in grids], axis=0))
    open_nodes = expected < 30.0
    assert average.grid().values[open_nodes] == pytest.approx(expected[open_nodes], abs=1e-3)
    assert average.n_snapshots == 23
    again = average_snapshots(snapshots, [(CH4, T)], FORCEFIELD, SETTINGS, folder=tmp_path)[0]
    assert np.array_equal(again.log_weights, average.log_weights)
    node = int(np.argmin(expected))
    factors = [np.exp(-float(g.values.ravel()[node]) / kt) for g in grids]
    assert average.largest_part(node) == pytest.approx(max(factors) / sum(factors), rel=1e-4)


def test_a_stopped_average_continues_to_the_same_numbers(zif8, tmp_path):
    snapshots = [moved(zif8, seed) for seed in range(4)]
    whole = average_snapshots(snapshots, [(CH4, T)], FORCEFIELD, SETTINGS, folder=tmp_path)[0]
    gone, damaged = sorted(tmp_path.glob("*.npz"))[1:3]
    gone.unlink()
    damaged.write_bytes(damaged.read_bytes()[:-100])
    seen = []
    again = average_snapshots(snapshots, [(CH4, T)], FORCEFIELD, SETTINGS, folder=tmp_path,
                              report=seen.append)[0]
    assert np.array_equal(again.log_weights, whole.log_weights)
    told = [e.message for e in seen if e.kind == "note"]
    assert len(told) == 1
    assert told[0].startswith(f"{damaged} is damaged")
    assert [(e.kind, e.fraction) for e in seen if e.kind != "note"] == [
        ("resumed", 0.25), ("progress", 0.5), ("progress", 0.75), ("resumed", 1.0), ("done", 1.0)]


def test_a_rare_wide_opening_carries_the_average():
    """Two states of one window, closed for 99 of 100 snapshots: −kT ln of the mean, not the mean of the barriers."""
    kt = FreeEnergyGrid(np.zeros((1, 1, 1), dtype=np.float32), np.eye(3), T).kt
    closed, opened = 60.0, 10.0
    n = 20
    profile = np.cos(2 * np.pi * np.arange(n) / n)

    def logs(height):
        values = np.full((n, 4, 4), 50.0 * kt)
        values[:, 1:3, 1:3] = (0.5 * height * (1.0 - profile))[:, None, None]
        return (-values / kt).astype(np.float32)

    blocks = np.stack([logs(closed)] * 9 + [np.log(0.9 * np.exp(logs(closed)) + 0.1 * np.exp(logs(opened)))])
    average = SnapshotAverage(blocks, logs(opened), np.full(10, 10), np.r_[np.full(99, closed), opened],
                              np.diag([8.0, 4.0, 4.0]), T)
    kinetics = Kinetics.of(average.grid(), CH4)
    expected = -kt * np.log(0.99 * np.exp(-closed / kt) + 0.01 * np.exp(-opened / kt))
    assert kinetics.barrier == pytest.approx(expected, abs=0.01)
    assert average.largest_part(kinetics.window) == pytest.approx(1.0, abs=1e-4)
    rows = convergence(average, CH4, Experiment())
    assert [r[0] for r in rows] == [10, 20, 40, 80, 100]
    assert rows[0][1] == pytest.approx(closed, abs=0.01)
    # One block in ten holds the opening: a third of the resamples miss it, so the band reaches the closed window.
    spread = resample(average, CH4, Experiment(), (Experiment(),))
    assert spread.barrier[0] < expected < spread.barrier[1]
    assert spread.barrier[1] == pytest.approx(closed, abs=0.01)


def test_drift_is_taken_off_and_motion_is_kept(zif8, tmp_path):
    frames, drift = [], np.zeros(3)
    rng = np.random.default_rng(5)
    for step in range(6):
        drift = drift + np.array([2.0, -1.5, 3.0])                 # in the end more than half a cell
        frames.append(Frame(step, zif8.positions + drift + rng.normal(0.0, 0.05, zif8.positions.shape), zif8.cell))
    part = write_part(tmp_path, frames, 1, 0.001)
    snapshots = read_snapshots(part, zif8)
    assert len(snapshots) == 6
    for snapshot in snapshots:
        off = zif8.minimum_image(snapshot.positions - zif8.positions)
        assert np.abs(off.mean(axis=0)).max() < 1e-4
        assert off.std() == pytest.approx(0.05, rel=0.05)


def test_other_atoms_and_missing_files_are_refused(zif8, tmp_path):
    part = write_part(tmp_path, [Frame(0, zif8.positions[:50], zif8.cell)], 1, 0.001)
    with pytest.raises(InputError, match="50 atoms"):
        read_snapshots(part, zif8)
    with pytest.raises(InputError, match="no file or folder"):
        read_snapshots(tmp_path / "nothing", zif8)
    (tmp_path / "text.dcd").write_text("no trajectory")
    with pytest.raises(InputError, match="not a DCD"):
        read_snapshots(tmp_path / "text.dcd", zif8)
