"""The free-energy grid against direct averages over the host's energy, and against Widom insertion."""

import math
from dataclasses import replace

import numpy as np
import pytest

from zifsim.access.landscape import free_energy_grids
from zifsim.access.orientations import fibonacci_directions, oriented_bodies
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError
from zifsim.gcmc.host import OVERLAP, host_energy, make_host
from zifsim.gcmc.noroom import BOLTZMANN_J_K
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.widom import widom
from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
from zifsim.io.guests import load_guest
from zifsim.units import AMU_KG, ANGSTROM_M, AVOGADRO, KELVIN_TO_KJ_MOL

SETTINGS = GCMCSettings(cutoff_angstrom=8.0, grid_spacing_angstrom=0.35, widom_insertions=400_000)
FORCEFIELD = load_adsorption_forcefield("PP")


@pytest.fixture(scope="module")
def zif8():
    return assign_charges(load_framework("ZIF-8"), load_charge_set("ZIF-FF"))


def naive_free_energy(host, temperature_k, point, bodies):
    """−kT ln of the mean Boltzmann factor over orientations, each looked up as GCMC does, kJ/mol."""
    energies = []
    for body in bodies:
        lj, coulomb = host_energy(host, 0, len(body), np.ascontiguousarray((point + body)[None]), 0)
        energies.append(math.inf if lj >= OVERLAP else lj + coulomb)
    lowest = min(energies)
    mean = np.mean(np.exp(-(np.array(energies) - lowest) / temperature_k))
    return (lowest - temperature_k * math.log(mean)) * KELVIN_TO_KJ_MOL


@pytest.mark.parametrize(("gas", "temperature_k"), [("CH4", 273.0), ("CO2", 273.0), ("N2", 77.0), ("H2", 77.0)])
@pytest.mark.parametrize("refine", [1, 2])
def test_nodes_hold_the_average_over_the_hosts_energies(zif8, gas, temperature_k, refine):
    guest = load_guest(gas)
    grid = free_energy_grids(zif8, [(guest, temperature_k)], FORCEFIELD, SETTINGS, refine=refine, directions=7)[0]
    host = make_host(zif8, (1, 1, 1), [guest], FORCEFIELD, temperature_k, SETTINGS, merge_coulomb=True)
    bodies = oriented_bodies(guest, 7)
    shape = np.array(grid.values.shape)
    rng = np.random.default_rng(1)
    open_nodes = np.argwhere(grid.values < 20.0)
    for node in open_nodes[rng.integers(0, len(open_nodes), 12)]:
        expected = naive_free_energy(host, temperature_k, node / shape @ zif8.cell, bodies)
        assert grid.values[tuple(node)] == pytest.approx(expected, abs=2e-3, rel=1e-4)


def test_several_guests_at_once_are_each_as_alone(zif8):
    guests = [(load_guest("CO2"), 273.0), (load_guest("H2"), 77.0), (load_guest("N2"), 77.0)]
    together = free_energy_grids(zif8, guests, FORCEFIELD, SETTINGS, directions=4)
    for guest, grid in zip(guests, together, strict=True):
        alone = free_energy_grids(zif8, [guest], FORCEFIELD, SETTINGS, directions=4, threads=2)[0]
        assert np.array_equal(grid.values, alone.values)


@pytest.mark.parametrize(("gas", "temperature_k"), [("CH4", 273.0), ("CO2", 273.0)])
def test_the_mean_weight_is_widoms(zif8, gas, temperature_k):
    guest = load_guest(gas)
    grid = free_energy_grids(zif8, [(guest, temperature_k)], FORCEFIELD, SETTINGS, directions=24)[0]
    empty_box = zif8.volume * ANGSTROM_M**3 / (BOLTZMANN_J_K * temperature_k) / (zif8.mass_amu * AMU_KG) / AVOGADRO
    inserted = widom(zif8, guest, FORCEFIELD, temperature_k, SETTINGS)
    assert grid.mean_weight() * empty_box == pytest.approx(
        inserted.henry_coefficient_mol_kg_pa, abs=4 * inserted.henry_error_mol_kg_pa, rel=0.01)


def test_directions_are_even():
    for hemisphere in (False, True):
        directions = fibonacci_directions(48, hemisphere=hemisphere)
        assert np.linalg.norm(directions, axis=1) == pytest.approx(np.ones(48))
        assert directions.T @ directions / 48 == pytest.approx(np.eye(3) / 3, abs=0.01)
    assert fibonacci_directions(48, hemisphere=True)[:, 2].min() > 0.0


def test_a_molecule_whose_ends_differ_gets_the_whole_sphere():
    nitrogen = load_guest("N2")
    lopsided = replace(nitrogen, sites=(replace(nitrogen.sites[0], epsilon_k=50.0), *nitrogen.sites[1:]))
    assert oriented_bodies(nitrogen, 40)[:, 0, 2].min() * oriented_bodies(nitrogen, 40)[:, 0, 2].max() > 0.0
    assert oriented_bodies(lopsided, 40)[:, 0, 2].min() < 0.0 < oriented_bodies(lopsided, 40)[:, 0, 2].max()


def test_a_bent_molecule_turns_about_every_axis():
    nitrogen = load_guest("N2")
    corners = ((0.6, 0.2, 0.0), (-0.6, 0.2, 0.0), (0.0, -0.4, 0.0))
    bent = replace(nitrogen, sites=tuple(replace(s, position=p) for s, p in zip(nitrogen.sites, corners, strict=True)))
    bodies = oriented_bodies(bent, 50)
    assert bodies.shape == (200, 3, 3)
    spans = np.linalg.norm(bodies[:, 0] - bodies[:, 1], axis=1)
    assert spans == pytest.approx(np.full(200, 1.2))
    assert np.einsum("nx,ny->xy", bodies[:, 0], bodies[:, 0]) / 200 == pytest.approx(np.eye(3) * 0.4 / 3, abs=0.01)


def test_charged_guests_need_charges(zif8):
    with pytest.raises(InputError, match="name a charge set"):
        free_energy_grids(replace(zif8, charges=None), [(load_guest("CO2"), 273.0)], FORCEFIELD, SETTINGS)


def test_a_grid_too_large_is_refused(zif8):
    with pytest.raises(InputError, match="too large"):
        free_energy_grids(zif8, [(load_guest("CH4"), 273.0)], FORCEFIELD, SETTINGS, divisions=(900, 900, 900))
