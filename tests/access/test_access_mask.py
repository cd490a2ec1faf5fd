"""Blocked pores: the mask of the host's grid, and the loading with it against counting without it."""

import numpy as np
import pytest

from zifsim.access.loading import count_loading, in_mask, loading_with
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError
from zifsim.gcmc.host import OVERLAP, host_energy, make_host
from zifsim.gcmc.sampling import advance, new_run
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import make_system
from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
from zifsim.io.guests import load_guest

SETTINGS = GCMCSettings(cutoff_angstrom=8.0, grid_spacing_angstrom=0.4, min_moves=100_000, max_moves=300_000,
                        widom_insertions=20_000, starts="empty")
FORCEFIELD = load_adsorption_forcefield("PP")
T = 273.0


@pytest.fixture(scope="module")
def zif8():
    return assign_charges(load_framework("ZIF-8"), load_charge_set("ZIF-FF"))


@pytest.fixture(scope="module")
def one_cage(zif8):
    """Nodes nearer to the cage at the cell's centre than to that at its corner."""
    x = np.stack(np.meshgrid(*(np.arange(20) / 20,) * 3, indexing="ij"), axis=-1)
    centre, corner = x - 0.5, x - np.round(x)
    return (centre**2).sum(axis=-1) < (corner**2).sum(axis=-1)


@pytest.mark.parametrize("gas", ["CH4", "CO2"])
def test_a_blocked_centre_is_an_overlap_and_nothing_else_changes(zif8, one_cage, gas):
    guest = load_guest(gas)
    free = make_host(zif8, (1, 1, 1), [guest], FORCEFIELD, T, SETTINGS)
    masked = make_host(zif8, (1, 1, 1), [guest], FORCEFIELD, T, SETTINGS, blocked=one_cage)
    rng, both = np.random.default_rng(0), set()
    for _ in range(300):
        centre = rng.uniform(-1.0, 2.0, 3) @ zif8.cell
        node = np.floor(centre @ np.linalg.inv(zif8.cell) * 20 + 0.5).astype(int) % 20
        sites = np.ascontiguousarray((centre + guest.site_positions)[None])
        blocked = bool(one_cage[tuple(node)])
        expected = (OVERLAP, 0.0) if blocked else host_energy(free, 0, len(guest.sites), sites, 0)
        assert host_energy(masked, 0, len(guest.sites), sites, 0) == expected
        both.add(blocked)
    assert both == {True, False}


def test_no_molecule_enters_a_blocked_pore(zif8, one_cage):
    system = make_system(zif8, load_guest("CO2"), FORCEFIELD, T, SETTINGS, blocked=one_cage)
    run = new_run(system, 1)
    for _ in range(10):
        advance(system, run, [1e6], 2000)
        assert run.walker.total[0] > 0
        assert not in_mask(run.walker, one_cage, system.repeats).any()


def test_masking_and_counting_give_the_same_loading(zif8, one_cage):
    """CH4 at 10 bar in one of the two cages of ZIF-8, 4σ."""
    guest = load_guest("CH4")
    masked = loading_with(one_cage, zif8, guest, FORCEFIELD, T, 1e6, SETTINGS)
    counted = count_loading(make_system(zif8, guest, FORCEFIELD, T, SETTINGS), one_cage, 1e6, 3, 600_000)
    error = np.hypot(masked.loading_error_mol_kg, counted.outside_error)
    assert error < 0.05 * masked.loading_mol_kg
    assert masked.loading_mol_kg == pytest.approx(counted.outside, abs=4.0 * error)
    error = np.hypot(counted.inside_error, counted.outside_error)
    assert counted.inside == pytest.approx(counted.outside, abs=4.0 * error)


def test_everything_blocked_is_no_room(zif8):
    point = loading_with(np.ones((4, 4, 4), dtype=bool), zif8, load_guest("CH4"), FORCEFIELD, T, 1e5, SETTINGS)
    assert (point.loading_mol_kg, point.n_moves) == (0.0, 0)


def test_the_direct_path_has_no_mask(zif8, one_cage):
    direct = GCMCSettings(cutoff_angstrom=8.0, host_path="direct")
    with pytest.raises(InputError, match="on the grid only"):
        make_host(zif8, (1, 1, 1), [load_guest("CH4")], FORCEFIELD, T, direct, blocked=one_cage)
