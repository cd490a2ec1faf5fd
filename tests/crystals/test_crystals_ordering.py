"""ZIF-62 and ZIF-8 as published come out of their disordered CIFs."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from zifsim.crystals.contacts import metal_nitrogen_distances, shortest_contacts
from zifsim.crystals.crystal import find_structure, open_crystal
from zifsim.crystals.disorder import expand
from zifsim.crystals.load import load_framework
from zifsim.crystals.ordering import default_count, find_arrangements, find_classes, site_permutations
from zifsim.errors import InputError, UnknownNameError
from zifsim.io.cif import read_cif


@pytest.fixture(scope="module")
def zif62():
    return expand(read_cif(find_structure("ZIF-62")))


def test_site_d_mixes_imidazolate_and_benzimidazolate(zif62):
    assert len(zif62.mixed_sites) == 8
    for site in zif62.sites:
        assert [(a.kind, a.occupancy, len(a.atoms)) for a in site.alternatives] == [("Im", 0.625, 2),
                                                                                   ("bIm", 0.375, 8)]


def test_only_inversion_pairs_of_benzimidazolates_clash(zif62):
    assert zif62.clashes == {((k, 1), (k + 4, 1)) for k in range(4)}


def test_default_count_is_nearest_to_the_occupancies(zif62):
    assert default_count(zif62) == 3


@pytest.mark.parametrize(("count", "number", "classes"), [
    (0, 1, {(): 1}),
    (1, 8, {(0,): 8}),
    (3, 32, {(0, 1, 2): 8, (0, 1, 6): 8, (0, 2, 5): 8, (0, 3, 5): 8}),
    (4, 16, {(0, 1, 2, 7): 8, (0, 1, 2, 3): 2, (0, 1, 6, 7): 2, (0, 2, 5, 7): 2, (0, 3, 5, 6): 2}),
])
def test_arrangements_and_symmetry_classes(zif62, count, number, classes):
    assert len(find_arrangements(zif62, count)) == number
    assert {c.sites: c.multiplicity for c in find_classes(zif62, count)} == classes


def test_arrangements_equal_a_brute_force_search(zif62):
    for count in range(9):
        expected = [s for s in combinations(range(8), count)
                    if not any((k in s and k + 4 in s) for k in range(4))]
        assert find_arrangements(zif62, count) == expected


def test_symmetry_acts_on_the_sites_as_a_regular_group(zif62):
    table = site_permutations(zif62)
    assert sorted(map(sorted, table.tolist())) == [list(range(8))] * 8
    assert table[:, 0].tolist() == list(range(8))          # operation k makes copy k of the site
    rows = {tuple(r) for r in table.tolist()}
    assert all(tuple(np.array(p)[list(q)].tolist()) in rows for p in rows for q in rows)


@pytest.mark.parametrize(("count", "letters"), [(3, {"A": (0, 1, 2), "B": (0, 1, 6)}),
                                                (4, {"A": (0, 1, 2, 7), "B": (0, 1, 6, 7)})])
def test_configurations_a_and_b(zif62, count, letters):
    sites = {c.letter: c.sites for c in find_classes(zif62, count)}
    assert {k: sites[k] for k in "AB"} == letters


@pytest.mark.parametrize(("count", "formula", "atoms", "density", "units"), [
    (0, "Zn16 C96 H96 N64", 272, 1.1869, {"Zn": 16, "Im": 32}),
    (3, "Zn16 C108 H102 N64", 290, 1.2427, {"Zn": 16, "Im": 29, "bIm": 3}),
    (4, "Zn16 C112 H104 N64", 296, 1.2614, {"Zn": 16, "Im": 28, "bIm": 4}),
])
def test_cell_contents_and_density_of_zif62(count, formula, atoms, density, units):
    for framework in open_crystal("ZIF-62").order("all", count):
        assert framework.formula == formula
        assert framework.n_atoms == atoms
        assert framework.density_g_cm3 == pytest.approx(density, abs=5e-5)
        assert framework.unit_counts() == units


@pytest.mark.parametrize("count", [3, 4])
def test_shortest_contacts_of_zif62(count):
    for framework in open_crystal("ZIF-62").order("all", count):
        contacts = shortest_contacts(framework)
        assert contacts["H–H"] == pytest.approx(2.205, abs=6e-4)
        assert contacts["C–H"] == pytest.approx(2.735, abs=6e-4)
        assert contacts["H–N"] == pytest.approx(2.919, abs=6e-4)
        assert contacts["C–Zn"] == pytest.approx(2.94, abs=6e-3)


def test_zinc_is_tetrahedral_with_the_published_bond_lengths():
    framework = load_framework("ZIF-62")
    distances = metal_nitrogen_distances(framework)
    assert len(distances) == 64
    assert min(distances) == pytest.approx(1.967, abs=6e-4)
    assert max(distances) == pytest.approx(1.990, abs=6e-4)
    assert np.mean(distances) == pytest.approx(1.983, abs=6e-4)


def test_zif8_takes_one_orientation_of_each_methyl():
    framework = load_framework("ZIF-8")
    assert framework.formula == "Zn12 C96 H120 N48"
    assert framework.density_g_cm3 == pytest.approx(0.9245, abs=5e-5)
    assert framework.unit_counts() == {"Zn": 12, "mIm": 24}
    assert framework.types.count("H3") == 72
    assert shortest_contacts(framework)["H–H"] > 2.4
    assert np.mean(metal_nitrogen_distances(framework)) == pytest.approx(1.987, abs=6e-4)


def test_supercell_repeats_atoms_units_and_bonds():
    single, double = (open_crystal("ZIF-62").order("B", 4, s)[0] for s in ((1, 1, 1), (2, 1, 2)))
    assert double.n_atoms == 4 * single.n_atoms
    assert double.unit_counts() == {k: 4 * n for k, n in single.unit_counts().items()}
    assert double.density_g_cm3 == pytest.approx(single.density_g_cm3)
    again = sorted(metal_nitrogen_distances(double))
    assert again == pytest.approx(sorted(metal_nitrogen_distances(single) * 4))


def test_all_builds_every_class_and_names_differ():
    names = [f.name for f in open_crystal("ZIF-62").order("all", 4)]
    assert names == [f"ZIF-62-bIm4-{letter}" for letter in "ABCDE"]
    assert len({f.content_hash() for f in open_crystal("ZIF-62").order("all", 4)}) == 5


@pytest.mark.parametrize(("name", "asked", "words"), [
    ("ZIF-62", {"bim_per_cell": 5}, "5 bIm per cell do not fit; 0 to 4"),
    ("ZIF-62", {"bim_per_cell": 4, "configuration": "Q"}, "A, B, C, D, E"),
    ("ZIF-8", {"bim_per_cell": 3}, "no site of this structure mixes linkers"),
    ("ZIF-8", {"configuration": "B"}, "no configuration 'B'"),
    ("ZIF-8", {"supercell": (0, 1, 1)}, "repeats must be 1 or more"),
    ("missing.cif", {}, "No file 'missing.cif'"),
    ("missing.extxyz", {}, "No file 'missing.extxyz'"),
])
def test_impossible_requests_are_one_clear_sentence(name, asked, words):
    with pytest.raises(InputError, match=words):
        open_crystal(name).order(**asked)
    with pytest.raises(InputError, match=words):
        load_framework(name, **asked)


def test_a_near_miss_of_a_name_is_suggested():
    with pytest.raises(UnknownNameError, match="Did you mean 'ZIF-62'"):
        load_framework("ZIF62")


def test_classes_are_listed_without_building():
    crystal = open_crystal("ZIF-62")
    assert [c.letter for c in crystal.classes(4)] == list("ABCDE")
    assert [c.sites for c in crystal.choose("B", 4)] == [(0, 1, 6, 7)]


def test_a_crystal_is_read_once_and_enumerated_once_per_number_of_linkers(monkeypatch):
    from zifsim.crystals import crystal as room

    calls = []

    def count(name, original):
        def counted(*arguments):
            calls.append(name)
            return original(*arguments)
        monkeypatch.setattr(room, name, counted)

    for name in ("read_cif", "expand", "find_classes"):
        count(name, getattr(room, name))
    crystal = open_crystal("ZIF-62")
    for letter in "AB":
        crystal.classes()
        crystal.order(letter)
        crystal.order(letter, 3)        # the number that the file's occupancies are nearest to
    assert calls == ["read_cif", "expand", "find_classes"]
    crystal.order("A", 4)
    assert calls.count("find_classes") == 2


def test_one_framework_is_one_configuration_and_a_framework_stays_what_it_is():
    framework = load_framework("ZIF-62", configuration="b", bim_per_cell=4)
    assert framework.name == "ZIF-62-bIm4-B"
    assert load_framework(framework) is framework
    assert load_framework(framework, supercell=(1, 1, 2)).n_atoms == 2 * framework.n_atoms
    with pytest.raises(InputError, match="One configuration"):
        load_framework("ZIF-62", configuration="all")
    with pytest.raises(InputError, match="ZIF-62-bIm4-B is one ordered cell"):
        load_framework(framework, configuration="C")


def test_classes_of_other_sites_are_not_those_of_the_crystal_they_came_from():
    zif62 = open_crystal("ZIF-62")
    assert len(zif62.classes()) == 4
    zif62.classes().clear()
    assert len(zif62.classes()) == 4
    assert len(replace(zif62, sites=open_crystal("ZIF-8").sites).classes()) == 1
