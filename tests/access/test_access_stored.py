"""Access results on disk: read back as written, the right one chosen, damage named."""

import json
from dataclasses import replace

import numpy as np
import pytest

from zifsim.access.filling import Experiment
from zifsim.access.kinetics import Kinetics
from zifsim.access.landscape import FreeEnergyGrid
from zifsim.access.result import GasAccess, Loading, Pocket, Reach, UmbrellaBarrier
from zifsim.access.stored import best_access, read_access, read_results, write_access
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, SimulationError
from zifsim.io.guests import load_guest

SETTINGS = {"forcefield": "PP", "charges": "ZIF-FF"}


def access_of(temperature_k=77.0, n_snapshots=0, snapshot_temperature_k=None, *, model="N2-TraPPE", blocked=None):
    return GasAccess(
        gas="N2", guest_model=model, temperature_k=temperature_k, n_snapshots=n_snapshots,
        snapshot_temperature_k=snapshot_temperature_k, spacing_angstrom=0.2, barrier_kj_mol=np.inf,
        barrier_band=(1.0, 2.0), axis_barriers_kj_mol=(1.0, 2.0, np.inf), dimensions=2, diffusion_m2_s=1e-12,
        diffusion_axes_m2_s=(1e-12,) * 3, size_um=10.0, hours=1.0, fill_time_s=np.inf, fill_time_band=(1.0, np.inf),
        accessible_fraction=0.5, reaches=(Reach(1.0, 24.0, 0.9, 0.8, 1.0), Reach(1000.0, 0.1, 0.1, 0.0, 0.2)),
        mean_weight=1.0, n_basins=2, pockets=(), blocked=blocked)


def test_what_is_written_is_read(tmp_path):
    mask = np.random.default_rng(1).random((3, 5, 7)) < 0.4
    framework = load_framework("ZIF-8")
    write_access(tmp_path, framework, [access_of(), access_of(77.0, 20, 77.0, blocked=mask)], SETTINGS, "1.0")
    rigid, moving = read_access(tmp_path)
    assert (rigid.kind, moving.kind) == ("rigid", "20 snapshots at 77 K")
    assert (moving.accessible_fraction, moving.fraction_low, moving.fraction_high) == (0.5, 0.1, 0.9)
    assert moving.geometry_sha256 == replace(framework, charges=np.zeros(framework.n_atoms)).geometry_hash()
    assert moving.mass_amu == framework.mass_amu
    assert np.array_equal(moving.blocked(), mask)
    with pytest.raises(InputError, match="no mask of N2 at 77 K"):
        rigid.blocked()
    assert "blocked" not in (tmp_path / "access.json").read_text()


def test_a_framework_that_moves_at_the_gas_s_own_temperature_is_preferred(tmp_path):
    write_access(tmp_path, load_framework("ZIF-8"), [
        access_of(), access_of(77.0, 90, 300.0), access_of(77.0, 20, 77.0), access_of(77.0, 40, 77.0),
        access_of(77.0, 999), access_of(273.0), access_of(model="other")], SETTINGS, "1.0")
    stored = read_access(tmp_path)
    assert best_access(stored, "N2-TraPPE", 77.0).kind == "40 snapshots at 77 K"
    assert best_access(stored, "N2-TraPPE", 273.15).kind == "rigid"
    assert best_access(stored, "N2-TraPPE", 195.0) is None
    assert best_access(stored, "H2-Buch", 77.0) is None


def test_the_mask_closes_what_is_not_reached():
    """Two pockets apart: nothing percolates, so every node that holds gas is blocked."""
    values = np.full((8, 4, 4), np.inf, dtype=np.float32)
    values[1:3], values[5:7] = 0.0, 1.0
    values[:, 0], values[:, :, 0] = np.inf, np.inf
    kinetics = Kinetics.of(FreeEnergyGrid(values, np.diag([8.0, 4.0, 4.0]), 300.0), load_guest("CH4"))
    assert np.array_equal(kinetics.blocked(Experiment()), np.isfinite(values))


@pytest.mark.parametrize("damage", ["[]", "{", '{"settings": {}}'])
def test_a_damaged_result_is_one_sentence(tmp_path, damage):
    (tmp_path / "access.json").write_text(damage)
    with pytest.raises(InputError, match="not an access result of this version"):
        read_access(tmp_path)
    with pytest.raises(InputError, match=r"holds no access\.json"):
        read_access(tmp_path / "nowhere")


def test_a_result_of_an_older_version_asks_for_another_run(tmp_path):
    write_access(tmp_path, load_framework("ZIF-8"), [access_of()], SETTINGS, "1.0")
    data = json.loads((tmp_path / "access.json").read_text())
    del data["geometry_sha256"]
    (tmp_path / "access.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match="geometry_sha256"):
        read_access(tmp_path)


def test_a_result_of_the_last_release_is_read_with_its_old_names(tmp_path):
    mask = np.random.default_rng(2).random((3, 4, 5)) < 0.4
    sampled = replace(access_of(77.0, 20, 77.0, blocked=mask),
                      umbrella=UmbrellaBarrier("b", 9.0, 1.0, 10.0, 0.5, 57, 12.0, ()))
    write_access(tmp_path, load_framework("ZIF-8"), [access_of(), sampled], SETTINGS, "1.0")
    new = read_access(tmp_path)
    data = json.loads((tmp_path / "access.json").read_text())
    assert data.pop("schema") == 1
    for result in data["results"]:
        result["led"], result["share"] = result.pop("umbrella"), result.pop("accessible_fraction")
        for reach in result["reaches"]:
            reach["share"] = reach.pop("fraction")
    (tmp_path / "access.json").write_text(json.dumps(data))
    with np.load(tmp_path / "blocked.npz") as stored:
        arrays = {name.replace("umbrella", "led"): stored[name] for name in stored}
    np.savez_compressed(tmp_path / "blocked.npz", **arrays)
    assert read_access(tmp_path) == new
    assert read_access(tmp_path)[1].umbrella_ps == 12.0
    assert np.array_equal(read_access(tmp_path)[1].blocked(), mask)


def test_whole_results_are_read_but_for_their_masks(tmp_path):
    sampled = replace(access_of(77.0, 20, 77.0, blocked=np.zeros((2, 2, 2), dtype=bool)), fill_time_s=1e300,
                      umbrella=UmbrellaBarrier("b", 9.0, 1.0, 10.0, 0.5, 2, 12.0, ((0.0, 0.0, 0.0), (0.5, 9.0, 10.0))),
                      pockets=(Pocket(0.1, -5.0, np.inf, np.inf),), convergence=((10, np.inf, np.inf), (20, 9.0, 1.0)),
                      snapshot_barriers=(1.0, 2.0, np.inf), largest_snapshot=0.4,
                      loading=Loading(1.0, 5.0, 0.1, 4.0, 0.1))
    write_access(tmp_path, load_framework("ZIF-8"), [access_of(), sampled], SETTINGS, "1.0")
    assert read_results(tmp_path) == [access_of(), sampled]


def whole():
    """A result with every part that there is; what never happens is infinite."""
    return replace(access_of(77.0, 20, 77.0), pockets=(Pocket(0.1, -5.0, np.inf, np.inf),),
                   umbrella=UmbrellaBarrier("b", 9.0, 1.0, 10.0, 0.5, 2, 12.0, ((0.0, 0.0, 0.0), (0.5, 9.0, 10.0))),
                   convergence=((10, np.inf, np.inf), (20, 9.0, 1.0)), snapshot_barriers=(1.0, 2.0, np.inf),
                   largest_snapshot=0.4, loading=Loading(1.0, 5.0, 0.1, 4.0, 0.1))


def test_what_never_happens_may_be_infinite():
    access_of().check_finite("ZIF-8")
    whole().check_finite("ZIF-8")


@pytest.mark.parametrize("changes", [
    {"barrier_kj_mol": np.nan}, {"barrier_kj_mol": -np.inf}, {"barrier_band": (1.0, np.nan)},
    {"axis_barriers_kj_mol": (1.0, np.nan, 2.0)},
    {"diffusion_m2_s": np.inf}, {"diffusion_axes_m2_s": (1.0, np.nan, 1.0)},
    {"fill_time_s": np.nan}, {"fill_time_band": (np.nan, 1.0)}, {"accessible_fraction": np.nan},
    {"reaches": (Reach(1.0, 24.0, np.nan, 0.8, 1.0),)}, {"reaches": (Reach(1.0, 24.0, 0.9, 0.8, np.inf),)},
    {"mean_weight": np.inf},
    {"pockets": (Pocket(np.nan, -5.0, 1.0, 1.0),)}, {"pockets": (Pocket(0.1, -np.inf, 1.0, 1.0),)},
    {"snapshot_barriers": (1.0, np.nan, 2.0)}, {"largest_snapshot": np.nan}, {"convergence": ((10, np.nan, 1.0),)},
    {"loading": Loading(1.0, 5.0, np.nan, 4.0, 0.1)}, {"loading": Loading(1.0, np.inf, 0.1, 4.0, 0.1)},
    {"umbrella": UmbrellaBarrier("b", np.inf, 1.0, 10.0, 0.5, 2, 12.0, ())},
    {"umbrella": UmbrellaBarrier("b", 9.0, 1.0, 10.0, np.nan, 2, 12.0, ())},
], ids=str)
def test_a_number_that_is_none_leaves_no_calculation(changes):
    with pytest.raises(SimulationError, match=r"Access of N2-TraPPE to ZIF-8 at 77 K.*which is no result"):
        replace(whole(), **changes).check_finite("ZIF-8")


def test_a_result_of_a_newer_version_is_one_sentence(tmp_path):
    (tmp_path / "access.json").write_text(json.dumps({"schema": 2, "results": []}))
    with pytest.raises(InputError, match="newer zifsim"):
        read_access(tmp_path)
