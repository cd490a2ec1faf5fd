"""Energies of given configurations: against naive sums and against independent codes."""

import math

import numpy as np
import pytest
from gcmc_naive import (
    CO2,
    CUBIC,
    FORCEFIELD,
    LOPSIDED,
    METHANE,
    TRICLINIC,
    configuration_energy,
    guest_model,
    quick_settings,
    random_turn,
    reference_data,
    reference_framework,
    reference_guest,
    system_of,
    toy_framework,
)

from zifsim.errors import InputError
from zifsim.gcmc import energy
from zifsim.gcmc.energy import load_configuration
from zifsim.gcmc.ewald import ewald_split
from zifsim.gcmc.system import supercell_repeats
from zifsim.gcmc.walker import make_walker, place_sites, turn_body
from zifsim.units import KELVIN_TO_KJ_MOL

CONFIGS = ("1CO2", "1N2", "1CH4", "1H2", "10CO2")


def energy_terms(framework, repeats, guest, forcefield, molecules, settings):
    """The engine's terms for whole molecules (N, S, 3)."""
    assert supercell_repeats(framework, (guest,), settings.cutoff_angstrom) == tuple(repeats)
    return energy.configuration_energy(framework, guest, forcefield, 273.0, np.asarray(molecules, dtype=float),
                                       settings)


def placed(guest, cell, centres, seed=0):
    """Molecules (N, S, 3) at fractional ``centres`` with random orientations."""
    rng = np.random.default_rng(seed)
    return np.array([guest.site_positions @ random_turn(rng).T + np.asarray(c) @ cell for c in centres])


@pytest.mark.parametrize(("cell", "truncation"), [(CUBIC, "shifted"), (TRICLINIC, "truncated")],
                         ids=["cubic", "triclinic"])
@pytest.mark.parametrize("guest", [CO2, LOPSIDED, METHANE], ids=lambda g: g.name)
def test_direct_path_equals_the_naive_sum_over_images(guest, cell, truncation):
    framework = toy_framework(cell)
    # the third molecule lies across the cell's border, the fourth outside the cell: both must be folded back
    molecules = placed(guest, cell, [(0.55, 0.5, 0.55), (0.28, 0.68, 0.75), (0.99, 0.72, 0.72), (1.7, -0.3, 0.6)])
    settings = quick_settings(cutoff_angstrom=5.0, truncation=truncation, host_path="direct", ewald_tolerance=1e-10)
    repeats = supercell_repeats(framework, (guest,), 5.0)
    terms = energy_terms(framework, repeats, guest, FORCEFIELD, molecules, settings)
    expected = configuration_energy(framework, repeats, guest, FORCEFIELD, molecules, 5.0, truncation)
    got = (terms.host_guest_lj_k, terms.host_guest_coulomb_k, terms.guest_guest_lj_k, terms.guest_guest_coulomb_k)
    assert got == pytest.approx(expected, rel=1e-6, abs=1e-3)
    assert terms.total_k == pytest.approx(sum(expected), rel=1e-6, abs=1e-3)
    assert terms.tail_k == 0.0
    assert all(abs(e) > 0.1 for e in (got if guest.has_charges else got[::2]))


@pytest.mark.parametrize("guest", [CO2, LOPSIDED, METHANE], ids=lambda g: g.name)
def test_grid_path_equals_the_direct_path_within_a_kelvin_per_molecule(guest):
    framework = toy_framework(TRICLINIC)
    molecules = placed(guest, TRICLINIC, [(0.55, 0.5, 0.55), (0.28, 0.68, 0.75), (0.62, 0.8, 0.25)])
    repeats = supercell_repeats(framework, (guest,), 5.0)
    terms = [energy_terms(framework, repeats, guest, FORCEFIELD, molecules, quick_settings(
        cutoff_angstrom=5.0, truncation="shifted", host_path=path, grid_spacing_angstrom=0.15,
        ewald_tolerance=1e-8)) for path in ("direct", "grid")]
    assert terms[1].host_guest_lj_k == pytest.approx(terms[0].host_guest_lj_k, abs=0.5)
    assert terms[1].host_guest_coulomb_k == pytest.approx(terms[0].host_guest_coulomb_k, abs=0.5)
    assert terms[1].guest_guest_lj_k == terms[0].guest_guest_lj_k
    # the two paths split the Ewald sum differently, each converged to 1e-8
    assert terms[1].guest_guest_coulomb_k == pytest.approx(terms[0].guest_guest_coulomb_k, abs=0.01)


def test_tail_correction_is_the_integral_of_a_uniform_medium_beyond_the_cutoff():
    framework = toy_framework()
    molecules = placed(CO2, CUBIC, [(0.55, 0.5, 0.55), (0.28, 0.68, 0.75)])
    settings = quick_settings(cutoff_angstrom=5.0, truncation="tail", host_path="direct")
    terms = energy_terms(framework, (2, 2, 2), CO2, FORCEFIELD, molecules, settings)
    volume, expected = framework.volume * 8, 0.0

    def beyond(epsilon, sigma):
        return 16 * math.pi * epsilon * (sigma**12 / (9 * 5.0**9) - sigma**6 / (3 * 5.0**3))

    for site in CO2.sites:
        for name in framework.species:
            row = FORCEFIELD.atoms[name]
            expected += 2 * 8 / volume * beyond(math.sqrt(site.epsilon_k * row.epsilon_k),
                                                0.5 * (site.sigma_angstrom + row.sigma_angstrom))
        for other in CO2.sites:
            expected += 0.5 * 2 * 2 / volume * beyond(math.sqrt(site.epsilon_k * other.epsilon_k),
                                                      0.5 * (site.sigma_angstrom + other.sigma_angstrom))
    assert terms.tail_k == pytest.approx(expected, rel=1e-9)


def test_energy_does_not_change_when_a_molecule_moves_by_a_lattice_vector_or_its_equal_sites_swap():
    framework = toy_framework(TRICLINIC)
    molecules = placed(CO2, TRICLINIC, [(0.55, 0.5, 0.55), (0.28, 0.68, 0.75)])
    settings = quick_settings(cutoff_angstrom=5.0, host_path="direct")
    before = energy_terms(framework, (2, 2, 2), CO2, FORCEFIELD, molecules, settings).total_k
    moved = molecules.copy()
    moved[0] += 2 * TRICLINIC[1] - 4 * TRICLINIC[2]
    moved[1] = moved[1][::-1]
    after = energy_terms(framework, (2, 2, 2), CO2, FORCEFIELD, moved, settings).total_k
    assert after == pytest.approx(before, rel=1e-9)


def test_terms_are_given_in_both_units_and_add_up():
    framework = toy_framework()
    molecules = placed(CO2, CUBIC, [(0.55, 0.5, 0.55), (0.28, 0.68, 0.75)])
    terms = energy_terms(framework, (2, 2, 2), CO2, FORCEFIELD, molecules,
                         quick_settings(cutoff_angstrom=5.0, host_path="direct", truncation="tail"))
    table = terms.to_dict()
    parts = ("host_guest_lj_k", "host_guest_coulomb_k", "guest_guest_lj_k", "guest_guest_coulomb_k", "tail_k")
    assert table["total_k"] == pytest.approx(sum(table[p] for p in parts), rel=1e-12)
    for name, value in table.items():
        if name.endswith("_k"):
            assert table[f"{name[:-2]}_kj_mol"] == pytest.approx(value * KELVIN_TO_KJ_MOL)


@pytest.mark.parametrize("molecules", [
    placed(CO2, CUBIC, [(0.02, 0.03, 0.01)]),
    placed(CO2, CUBIC, [(0.5, 0.5, 0.5), (0.52, 0.5, 0.5)]),
], ids=["in-an-atom", "in-each-other"])
def test_overlapping_coordinates_are_an_input_error(molecules):
    with pytest.raises(InputError, match="overlaps"):
        energy_terms(toy_framework(), (2, 2, 2), CO2, FORCEFIELD, molecules, quick_settings(
            cutoff_angstrom=5.0, host_path="grid"))


def test_more_molecules_than_the_walker_holds_are_an_input_error():
    system = system_of(toy_framework(), METHANE, 273.0)
    with pytest.raises(InputError, match="do not fit"):
        load_configuration(make_walker(system.guests, system.ewald, 1), system.guests, system.host,
                           np.zeros((2, 1, 3)))


def test_sites_follow_from_centre_and_quaternion_as_a_proper_rotation():
    rng = np.random.default_rng(4)
    quaternions = rng.normal(size=(5, 4))
    quaternions /= np.linalg.norm(quaternions, axis=1)[:, None]
    centres, offsets, sites = rng.normal(size=(3, 5)), np.zeros((5, 4, 3)), np.zeros((5, 4, 3))
    body = LOPSIDED.site_positions
    # the molecule is the second of a list: its sites are rows 3 to 6
    listed = np.concatenate([CO2.site_positions, body])
    for m in range(5):
        turn_body(listed, 3, 7, quaternions, offsets, m)
        place_sites(TRICLINIC, centres, offsets, m, 4, sites, m)
        w, v = quaternions[m, 0], quaternions[m, 1:]
        turned = body + 2 * np.cross(v, np.cross(v, body) + w * body)
        assert sites[m] == pytest.approx(turned + centres[:, m] @ TRICLINIC, abs=1e-12)


def test_loaded_molecules_get_the_centre_of_the_model_not_the_mean_of_the_sites():
    guest = guest_model([(50.0, 3.0, 0.0, (1.0, 0.0, 0.0)), (50.0, 3.0, 0.0, (0.0, 0.4, 0.0)),
                         (50.0, 3.0, 0.0, (0.0, 0.0, 0.3))])
    centres = np.array([(0.5, 0.5, 0.5), (0.2, 0.9, 0.4)])
    molecules = placed(guest, CUBIC, centres)
    system = system_of(toy_framework(), guest, 273.0, cutoff_angstrom=4.5)
    assert system.repeats == (1, 1, 1)
    walker = make_walker(system.guests, system.ewald, 4)
    load_configuration(walker, system.guests, system.host, molecules)
    assert walker.total.tolist() == walker.number.tolist() == [2]
    assert pytest.approx(centres, abs=1e-9) == walker.centres[:, :2].T
    assert walker.offsets[:2] == pytest.approx(molecules - (centres @ CUBIC)[:, None], abs=1e-9)


@pytest.mark.parametrize("name", CONFIGS)
def test_direct_path_reproduces_the_reference_energies(name, monkeypatch):
    data = reference_data()
    terms, expected = _reference_terms(data, name, "direct", monkeypatch)
    for got, key in ((terms.host_guest_lj_k, "hg_lj"), (terms.host_guest_coulomb_k, "hg_coul_total"),
                     (terms.guest_guest_lj_k, "gg_lj"), (terms.guest_guest_coulomb_real_k, "gg_coul_real"),
                     (terms.guest_guest_coulomb_k, "gg_coul_total"), (terms.total_k, "total")):
        assert got == pytest.approx(expected[key], rel=1e-6, abs=1e-4), key


@pytest.mark.parametrize(("name", "spacing"), [("10CO2", 0.2), ("1N2", 0.35), ("1CH4", 0.3)])
def test_grid_path_reproduces_the_reference_energies_within_its_error(name, spacing, monkeypatch):
    # the error has zero mean; measured rms per CO2: 0.2 K at 0.2 Å, 0.05 K at 0.15 Å
    data = reference_data()
    terms, expected = _reference_terms(data, name, "grid", monkeypatch, spacing)
    allowed = 0.5 if len(data["configs"][name]["molecules"]) == 1 else 1.0
    assert terms.host_guest_lj_k == pytest.approx(expected["hg_lj"], abs=allowed)
    assert terms.host_guest_coulomb_k == pytest.approx(expected["hg_coul_total"], abs=0.2)
    assert terms.total_k == pytest.approx(expected["total"], abs=allowed)


def _reference_terms(data, name, path, monkeypatch, spacing=0.2):
    framework, forcefield = reference_framework(data)
    config = data["configs"][name]
    guest = reference_guest(data, config["gas"])
    molecules = np.array([[site["xyz"] for site in m] for m in config["molecules"]], dtype=float)
    settings = quick_settings(cutoff_angstrom=12.0, truncation="shifted", host_path=path,
                              grid_spacing_angstrom=spacing, ewald_tolerance=1e-13)
    # their real-space part is one of α = 0.45
    ewald = ewald_split(framework.cell * 2, 12.0, 1e-8, alpha=0.45, k_cutoff=26 * 2 * math.pi / 33.982)
    monkeypatch.setattr(energy, "guest_ewald", lambda *_: ewald)
    return energy_terms(framework, (2, 2, 2), guest, forcefield, molecules, settings), config["numpy_exact"]["E_K"]
