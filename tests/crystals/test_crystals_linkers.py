"""Linkers are recognised whatever the atom order, cell boundary and coordination."""

from collections import Counter
from pathlib import Path

import ase.io
import numpy as np
import pytest

from zifsim.crystals.linkers import LINKERS, find_bonds, recognise
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError
from zifsim.model.framework import Framework

CELLS = Path(__file__).resolve().parents[1] / "data/cells"


def again(framework: Framework, species=None, positions=None, cell=None) -> Framework:
    return recognise("x", species or framework.species,
                     framework.positions if positions is None else positions,
                     framework.cell if cell is None else cell, "x.cif")


@pytest.mark.parametrize("name", ["ZIF-62", "ZIF-8"])
def test_units_cover_every_atom_once_and_match_their_templates(name):
    framework = load_framework(name)
    assert sorted(a for u in framework.units for a in u.atoms) == list(range(framework.n_atoms))
    types = {t.kind: Counter(t.types) for t in LINKERS}
    for unit in framework.units:
        if unit.kind != "Zn":
            assert Counter(framework.types[a] for a in unit.atoms) == types[unit.kind]


def test_bonds_of_each_type_pair_are_those_of_the_linkers():
    framework = load_framework("ZIF-62")
    pairs = Counter(tuple(sorted((framework.types[i], framework.types[j]))) for i, j in framework.bonds)
    assert pairs == {("N1", "Zn"): 64, ("C4", "N1"): 64, ("C4", "H4"): 32, ("C2", "N1"): 58, ("C2", "C2"): 29,
                     ("C2", "H2"): 58, ("C5", "N1"): 6, ("C5", "C5"): 3, ("C5", "C6"): 6, ("C6", "C7"): 6,
                     ("C7", "C7"): 3, ("C6", "H6"): 6, ("C7", "H7"): 6}


def test_recognition_does_not_depend_on_order_origin_or_wrapping():
    framework = load_framework("ZIF-62")
    rng = np.random.default_rng(3)
    order = rng.permutation(framework.n_atoms)
    moved = framework.positions + np.array([3.7, -8.1, 55.0])
    moved = moved + rng.integers(-2, 3, moved.shape) @ framework.cell
    shuffled = again(framework, [framework.species[k] for k in order], moved[order])
    assert shuffled.types == tuple(framework.types[k] for k in order)
    assert shuffled.unit_counts() == framework.unit_counts()
    old_bonds = {frozenset(b) for b in framework.bonds.tolist()}
    assert {frozenset((int(order[i]), int(order[j]))) for i, j in shuffled.bonds} == old_bonds


def test_recognition_holds_in_a_skewed_description_of_the_cell():
    framework = load_framework("ZIF-8")
    cell = framework.cell.copy()
    cell[1] += cell[0]
    cell[2] -= cell[1]
    assert again(framework, cell=cell).types == framework.types


def test_cobalt_nodes_are_nodes():
    framework = load_framework("ZIF-8")
    cobalt = again(framework, [s.replace("Zn", "Co") for s in framework.species])
    assert cobalt.unit_counts() == {"Co": 12, "mIm": 24}
    assert len(cobalt.bonds) == len(framework.bonds)


@pytest.mark.parametrize("file", ["agZIF-62_npt_prototype.cif",
                                  "agZIF-62_dense_prototype.cif",
                                  "ZIF-62_dft_reference.extxyz"])
def test_glass_and_dft_cells_of_zif62_are_recognised(file):
    framework = load_framework(CELLS / file)
    assert framework.unit_counts() == {"Zn": 16, "Im": 28, "bIm": 4}
    zinc = [k for k, s in enumerate(framework.species) if s == "Zn"]
    coordination = {int((framework.bonds == k).sum()) for k in zinc}
    assert coordination == ({3, 4} if "prototype" in file else {4})


def test_dft_cell_of_zif8_is_recognised():
    framework = load_framework(CELLS / "ZIF-8_dft_reference.extxyz")
    assert framework.unit_counts() == {"Zn": 12, "mIm": 24}
    assert framework.types.count("H3") == 72


def test_under_and_over_coordinated_zinc_is_accepted():
    framework = load_framework("ZIF-62")
    zinc = framework.species.index("Zn")
    nitrogens = sorted(int(b[b != zinc][0]) for b in framework.bonds if zinc in b)
    shifts = framework.minimum_image(framework.positions[nitrogens] - framework.positions[zinc])
    positions = framework.positions.copy()
    positions[zinc] -= 0.9 * shifts[0] / np.linalg.norm(shifts[0])
    moved = again(framework, positions=positions)
    assert (moved.bonds == zinc).sum() == 3
    assert moved.unit_counts() == framework.unit_counts()


def test_an_unknown_fragment_is_named_with_its_formula_and_first_atom():
    framework = load_framework("ZIF-8")
    positions = np.vstack([framework.positions, [[0.0, 0.0, 0.0], [0.0, 0.76, 0.59], [0.0, -0.76, 0.59]]])
    with pytest.raises(InputError, match=r"fragment H2O \(first atom 277, O at 0.00 0.00 0.00 Å\).*solvent"):
        again(framework, [*framework.species, "O", "H", "H"], positions)


def test_a_linker_without_hydrogens_is_told_apart():
    framework = load_framework("ZIF-8")
    keep = [k for k, s in enumerate(framework.species) if s != "H"]
    with pytest.raises(InputError, match=r"fragment C4N2 .*hydrogen atoms are missing"):
        again(framework, [framework.species[k] for k in keep], framework.positions[keep])


def test_a_protonated_linker_is_not_a_linker():
    framework = load_framework("ZIF-62")
    nitrogen = framework.species.index("N")
    ring = [int(k) for b in framework.bonds if nitrogen in b for k in b
            if k != nitrogen and framework.species[k] == "C"]
    inward = framework.minimum_image(framework.positions[ring] - framework.positions[nitrogen]).sum(axis=0)
    proton = framework.positions[nitrogen] - inward / np.linalg.norm(inward)
    with pytest.raises(InputError, match="fragment C3H4N2"):
        again(framework, [*framework.species, "H"], np.vstack([framework.positions, proton]))


def test_overlapping_atoms_are_refused():
    framework = load_framework("ZIF-8")
    with pytest.raises(InputError, match=r"atoms 1 \(Zn\) and 277 \(Zn\) are 0.10 Å apart"):
        again(framework, [*framework.species, "Zn"],
              np.vstack([framework.positions, framework.positions[0] + [0.1, 0, 0]]))


def test_a_structure_without_nodes_is_refused():
    with pytest.raises(InputError, match="no Zn or Co atom"):
        recognise("x", ["C"], [[0, 0, 0]], np.eye(3) * 10, "x.cif")


def test_a_cell_too_small_for_unique_bonds_is_refused():
    with pytest.raises(InputError, match="cell is too small"):
        find_bonds(["Zn", "N"], [[0, 0, 0], [1.9, 0, 0]], np.diag([3.8, 10, 10]), "x.cif")


def test_the_glass_matches_an_independent_count_of_zinc_nitrogen_pairs():
    file = CELLS / "agZIF-62_dense_prototype.cif"
    atoms = ase.io.read(file)
    distances = atoms.get_all_distances(mic=True)
    zinc = atoms.numbers == 30
    expected = int((distances[np.ix_(zinc, atoms.numbers == 7)] < 2.5).sum())
    framework = load_framework(file)
    assert sum("Zn" in (framework.species[i], framework.species[j]) for i, j in framework.bonds) == expected
