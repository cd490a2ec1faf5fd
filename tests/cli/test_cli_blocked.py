"""``zifsim gcmc --blocked``: pores that `zifsim access` found out of reach are closed, and the record says so."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli_call import call

from zifsim.access.result import GasAccess, Reach
from zifsim.access.stored import write_access
from zifsim.campaign.isotherm import IsothermJob
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError
from zifsim.gcmc.settings import GCMCSettings


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def zif8():
    return load_framework("ZIF-8")


def one_cage():
    """Nodes nearer to the cage at the cell's centre than to that at its corner."""
    x = np.stack(np.meshgrid(*(np.arange(20) / 20,) * 3, indexing="ij"), axis=-1)
    return ((x - 0.5) ** 2).sum(axis=-1) < ((x - np.round(x)) ** 2).sum(axis=-1)


def access_folder(framework, blocked, forcefield="PP"):
    result = GasAccess(
        gas="CH4", guest_model="CH4-TraPPE", temperature_k=273.0, n_snapshots=0, snapshot_temperature_k=None,
        spacing_angstrom=0.8, barrier_kj_mol=20.0, barrier_band=(20.0, 20.0), axis_barriers_kj_mol=(20.0,) * 3,
        dimensions=3, diffusion_m2_s=1e-12, diffusion_axes_m2_s=(1e-12,) * 3, size_um=10.0, hours=1.0, fill_time_s=1.0,
        fill_time_band=(1.0, 1.0), accessible_fraction=0.5, reaches=(Reach(10.0, 1.0, 0.5, 0.5, 0.5),), mean_weight=1.0,
        n_basins=2, pockets=(), blocked=blocked)
    write_access(Path("access"), framework, [result], {"forcefield": forcefield, "charges": "ZIF-FF"}, "1.0")


def run(structure, out, blocked=None):
    settings = GCMCSettings(cutoff_angstrom=8.0, grid_spacing_angstrom=0.4, min_moves=50_000, max_moves=50_000,
                            widom_insertions=20_000)
    job = IsothermJob.load(structure, "CH4", 273.0, [1e6], "PP", "ZIF-FF", settings, blocked=blocked)
    return job, job.run(Path(out))


def test_one_of_two_cages_closed_halves_loading_and_henry_coefficient(zif8):
    access_folder(zif8, one_cage())
    _, free = run("ZIF-8", "free")
    job, half = run("ZIF-8", "half", Path("access"))
    assert half.points[0].loading_mol_kg == pytest.approx(0.5 * free.points[0].loading_mol_kg, rel=0.15)
    assert half.henry.henry_coefficient_mol_kg_pa == pytest.approx(
        0.5 * free.henry.henry_coefficient_mol_kg_pa, rel=0.1)
    assert "CH4 does not reach in particles of 10 µm within 1 h are closed (rigid, access): " in job.blocked.text
    assert "blocked" not in free.settings
    assert half.settings["blocked"] == job.blocked.config
    assert json.loads(Path("half/config.json").read_text())["config"]["blocked"] == job.blocked.config
    assert json.loads(Path("half/record.json").read_text())["settings"]["blocked"]["mask_nodes"] == [20, 20, 20]
    with pytest.raises(InputError, match="free"):
        run("ZIF-8", "free", Path("access"))


def test_everything_closed_takes_up_nothing(zif8):
    access_folder(zif8, np.ones((4, 4, 4), dtype=bool))
    _, none = run("ZIF-8", "none", Path("access"))
    assert (none.points[0].loading_mol_kg, none.henry.henry_coefficient_mol_kg_pa) == (0.0, 0.0)


@pytest.mark.parametrize(("arguments", "says"), [
    (["gcmc", "ZIF-8", "--gas", "CH4", "--blocked", "nowhere"], "holds no access.json"),
    (["gcmc", "ZIF-62", "--gas", "CH4", "--blocked", "access"], "has other atoms than ZIF-62"),
    (["gcmc", "ZIF-8", "--gas", "O2", "--blocked", "access"], "no O2-TraPPE at 273 K, but CH4-TraPPE at 273 K"),
    (["gcmc", "ZIF-8", "--gas", "CH4", "-T", "300", "--blocked", "access"], "no CH4-TraPPE at 300 K"),
    (["gcmc", "ZIF-8", "--gas", "CH4", "--forcefield", "UFF", "--blocked", "access"], "not for UFF"),
])
def test_a_result_that_does_not_fit_is_one_line(zif8, arguments, says, capsys):
    access_folder(zif8, one_cage())
    assert call(*arguments) == 2
    error, = capsys.readouterr().err.strip().splitlines()
    assert says in error
    assert not Path("results").exists()


def test_a_lost_mask_is_named(zif8, capsys):
    access_folder(zif8, one_cage())
    Path("access/blocked.npz").write_bytes(b"nothing")
    assert call("gcmc", "ZIF-8", "--gas", "CH4", "--blocked", "access") == 2
    assert "holds no mask of CH4 at 273 K" in capsys.readouterr().err
