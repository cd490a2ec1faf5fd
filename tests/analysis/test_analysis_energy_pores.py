"""Pores by energy: volume and diameters of known isosurfaces, and of ZIF-8 beside its geometry."""

import numpy as np
import pytest

from zifsim.analysis.energy_pores import EnergyPores, Isosurface
from zifsim.analysis.frames import load_frames
from zifsim.gcmc.void import helium_void_fraction
from zifsim.io.adsorption import load_adsorption_forcefield

CELL = np.diag([12.0, 10.0, 11.0])
SHAPE = (60, 50, 55)        # nodes 0.2 Å apart


def from_centre():
    """(nx, ny, nz, 3) Å, from the middle of the cell."""
    x = np.stack(np.meshgrid(*(np.arange(n) / n for n in SHAPE), indexing="ij"), axis=-1)
    return (x - 0.5) @ CELL


def test_a_tube_is_open_and_as_wide_as_it_is():
    x = from_centre()
    values = np.where(np.hypot(x[..., 0], x[..., 1]) < 2.5, -1.0, 50.0)
    found = Isosurface.of(values, CELL, 0.0)
    assert found.percolation == pytest.approx(-1.0)
    assert found.volume == pytest.approx(np.pi * 2.5**2 * 11.0, rel=0.03)
    assert found.closed_volume == 0.0
    assert found.free == pytest.approx(5.0, abs=0.25)
    assert found.largest == pytest.approx(5.0, abs=0.25)


def test_a_cage_is_closed_below_the_level_of_its_windows():
    x = from_centre()
    values = np.full(SHAPE, 30.0)
    values[np.abs(x[..., 1:]).max(axis=-1) < 1.0] = 8.0        # a square channel along a, ...
    values[np.linalg.norm(x, axis=-1) < 3.0] = -5.0            # ... through cages
    closed, opened = Isosurface.of(values, CELL, 0.0), Isosurface.of(values, CELL, 10.0)
    assert closed.percolation == opened.percolation == pytest.approx(8.0)
    assert closed.volume == 0.0
    assert closed.closed_volume == pytest.approx(4.0 / 3.0 * np.pi * 27.0, rel=0.03)
    assert np.isnan(closed.free)
    assert opened.closed_volume == 0.0
    assert opened.free == pytest.approx(2.0, abs=0.25)
    assert opened.largest == pytest.approx(6.0, abs=0.4)        # no node lies at the middle


def test_a_skew_cell_measures_the_same_sphere():
    """A sphere at the corner of a skew cell, over its faces."""
    cell = np.array([[10.0, 0.0, 0.0], [3.0, 9.0, 0.0], [2.0, -2.0, 9.5]])
    x = np.stack(np.meshgrid(*(np.arange(48) / 48,) * 3, indexing="ij"), axis=-1)
    x -= np.round(x)
    images = np.array([(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)])
    distance = np.min([np.linalg.norm((x + image) @ cell, axis=-1) for image in images], axis=0)
    found = Isosurface.of(np.where(distance < 3.0, -1.0, 9.0), cell, 0.0)
    assert found.largest == pytest.approx(6.0, abs=0.25)
    assert found.closed_volume == pytest.approx(4.0 / 3.0 * np.pi * 27.0, rel=0.03)


def test_no_room_at_all_is_zero_and_never():
    found = Isosurface.of(np.full((8, 8, 8), np.inf), CELL, 0.0)
    assert (found.percolation, found.volume, found.closed_volume, found.largest) == (np.inf, 0.0, 0.0, 0.0)
    assert np.isnan(found.free)


def test_zif8_has_its_window_and_its_cage():
    """Zeo++ finds 3.5 and 11.8 Å between hard spheres; a molecule of H2 feels nearly the same."""
    result = EnergyPores(gases={"H2": 77.0, "CH4": 273.0}, spacing=0.5, cutoff=8.0).compute(load_frames("ZIF-8"))
    rows = {q.key: q.value for q in result.quantities()}
    assert rows["energy_lcd"] == pytest.approx(11.8, abs=0.8)
    assert rows["energy_pld"] == pytest.approx(3.5, abs=0.6)
    assert rows["energy_percolation_H2"] < 0.0 < rows["energy_percolation_CH4"]
    assert rows["energy_volume_H2"] > 0.25
    assert rows["energy_volume_CH4"] == 0.0
    assert 0.2 < rows["energy_closed_volume_CH4"] < rows["energy_volume_H2"]
    frames = load_frames("ZIF-8")
    void = helium_void_fraction(frames.framework, load_adsorption_forcefield("PP"))
    assert result.skeletal[0] * (1.0 - void) == pytest.approx(frames.framework.density_g_cm3, rel=1e-6)
