"""CIF and extXYZ: what is written comes back, and what cannot be read is said in one sentence."""

from dataclasses import replace

import gemmi
import numpy as np
import pytest

from zifsim.crystals.crystal import find_structure, open_crystal
from zifsim.crystals.disorder import expand
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError
from zifsim.io.cif import find_spacegroup, read_cif, write_framework_cif
from zifsim.io.xyz import read_framework, write_framework

ZIF8_SITES = """loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Zn1 Zn 0.5 0 0.75
N1 N 0.59027(2) 0.03168(2) 0.68278(2)
C1 C 0.62295 0.99210 0.62295
C2 C 0.63149 0.10086 0.68750
H2 H 0.6223 0.1411 0.7234
C3 C 0.5939 0.9145 0.5939
"""
# The orientation of a methyl group that lies on the mirror: one hydrogen in the plane, two across it.
METHYL = "H3A H 0.5502 0.9203 0.5502\nH3B H 0.5772 0.8812 0.6388\n"
CELL = "".join(f"_cell_length_{a} 16.991\n" for a in "abc") + "".join(
    f"_cell_angle_{a} 90\n" for a in ("alpha", "beta", "gamma"))


def find_text(name):
    return find_structure(name).read_text()


@pytest.fixture
def write(tmp_path):
    def writer(text, name="test.cif"):
        path = tmp_path / name
        path.write_text(text)
        return path
    return writer


@pytest.mark.parametrize("name", ["ZIF-62", "ZIF-8"])
@pytest.mark.parametrize("with_charges", [False, True])
def test_extxyz_round_trip_is_exact(tmp_path, name, with_charges):
    framework = replace(load_framework(name), name='odd "name" \\ Å', source="made; up, of parts = 'x'")
    if with_charges:
        framework = replace(framework, charges=np.random.default_rng(1).normal(size=framework.n_atoms))
    write_framework(tmp_path / "f.extxyz", framework)
    back = read_framework(tmp_path / "f.extxyz")
    assert back.content_hash() == framework.content_hash()
    assert (back.name, back.source, back.units, back.types) == (
        framework.name, framework.source, framework.units, framework.types)
    assert np.array_equal(back.positions, framework.positions)
    assert np.array_equal(back.bonds, framework.bonds)
    assert (back.charges is None) == (not with_charges)
    assert load_framework(tmp_path / "f.extxyz").content_hash() == framework.content_hash()


def test_cif_round_trip_keeps_atoms_types_bonds_and_cell(tmp_path):
    for framework in open_crystal("ZIF-62").order("B", 4, (1, 1, 2)):
        write_framework_cif(tmp_path / "f.cif", framework)
        back = load_framework(tmp_path / "f.cif")
        assert back.species == framework.species
        assert back.types == framework.types
        assert np.allclose(back.cell, framework.cell, atol=1e-6)
        assert np.abs(framework.minimum_image(back.positions - framework.positions)).max() < 1e-6
        assert {frozenset(b) for b in back.bonds.tolist()} == {frozenset(b) for b in framework.bonds.tolist()}


def test_cif_of_a_triclinic_cell_keeps_distances(tmp_path):
    framework = load_framework("ZIF-8")
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    skew = np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]])
    turned = replace(framework, cell=skew @ framework.cell @ rotation,
                     positions=framework.positions @ rotation)
    write_framework_cif(tmp_path / "f.cif", turned)
    back = load_framework(tmp_path / "f.cif")
    assert back.types == framework.types
    assert back.density_g_cm3 == pytest.approx(framework.density_g_cm3, rel=1e-6)


def test_cif_bond_loop_gives_the_image_of_the_second_atom(tmp_path):
    framework = replace(load_framework("ZIF-8"), charges=np.linspace(-1, 1, 276))
    write_framework_cif(tmp_path / "f.cif", framework)
    block = gemmi.cif.read(str(tmp_path / "f.cif")).sole_block()
    table = block.find("_atom_site_", ["label", "fract_x", "fract_y", "fract_z", "charge"])
    sites = {row[0]: np.array([float(row[k]) for k in (1, 2, 3)]) for row in table}
    assert [float(row[4]) for row in table] == pytest.approx(framework.charges, abs=1e-8)
    bonds = block.find("_geom_bond_", ["atom_site_label_1", "atom_site_label_2", "distance",
                                       "site_symmetry_2"])
    assert len(bonds) == len(framework.bonds)
    assert any(row[3] != "." for row in bonds)
    for row in bonds:
        image = np.zeros(3) if row[3] == "." else np.array([int(c) - 5 for c in row[3].split("_")[1]])
        distance = np.linalg.norm((sites[row[1]] + image - sites[row[0]]) * 16.991)
        assert distance == pytest.approx(float(row[2]), abs=2e-4)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "f.extxyz"
    path.write_text("precious")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("killed")))
    with pytest.raises(OSError, match="killed"):
        write_framework(path, load_framework("ZIF-8"))
    assert path.read_text() == "precious"


@pytest.mark.parametrize("symmetry", [
    "_symmetry_space_group_name_H-M 'I -4 3 m'\n",
    "_symmetry_space_group_name_H-M I-43m\n",
    "_space_group_name_H-M_alt 'I_-4_3_m'\n",
    "_space_group_name_Hall 'I -4 2 3'\n",
    "_symmetry_Int_Tables_number 217\n",
    "loop_\n_symmetry_equiv_pos_as_xyz\n"
    + "".join(f"'{op.triplet()}'\n" for op in gemmi.find_spacegroup_by_name("I -4 3 m").operations()),
    "_symmetry_space_group_name_H-M 'nonsense'\nloop_\n_space_group_symop_operation_xyz\n"
    + "".join(f"'{op.triplet().upper()}'\n" for op in gemmi.find_spacegroup_by_name("I -4 3 m").operations()),
])
def test_symmetry_in_any_notation_gives_the_same_cell(write, symmetry):
    crystal = expand(read_cif(write("data_x\n" + CELL + symmetry + ZIF8_SITES)))
    assert sorted(crystal.species) == sorted(["Zn"] * 12 + ["N"] * 48 + ["C"] * 96 + ["H"] * 48)


@pytest.mark.parametrize(("symbol", "number", "operations"), [
    ("P 21/c", 14, 4), ("P21/n", 14, 4), ("P 1 21 / n 1", 14, 4), ("C 2/c", 15, 8), ("Pbca", 61, 8),
    ("P n a 21", 33, 4), ("R -3 m H", 166, 36), ("R-3m", 166, 36), ("R -3 m R", 166, 12),
    ("F d -3 m Z", 227, 192), ("F d -3 m S", 227, 192), ("-P 2ac 2ab", 61, 8),
])
def test_old_space_group_symbols_are_understood(symbol, number, operations):
    group = find_spacegroup(symbol)
    assert group is not None
    assert (group.number, len(list(group.operations()))) == (number, operations)


def test_elements_come_from_symbols_with_charges_and_from_labels(write):
    text = "data_x\n" + CELL + "_symmetry_space_group_name_H-M P1\n" + """loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Zn1 Zn2+ 0 0 0
N1 N3- .1 0 0
D1 D .2 0 0
C1A ? .3 0 0
CA1 . .4 0 0
ZN2 . .5 0 0
"""
    assert [a.species for a in read_cif(write(text)).atoms] == ["Zn", "N", "H", "C", "C", "Zn"]


def test_two_explicit_groups_without_assembly_are_alternatives(write):
    plain = load_framework("ZIF-62", bim_per_cell=3)
    text = find_text("ZIF-62").replace(" D 1\n", " . 1\n").replace(" D 2\n", " . 2\n")
    framework = load_framework(write(text))
    assert framework.content_hash() == plain.content_hash()


def test_disorder_listed_in_p1_gives_the_same_classes_as_with_symmetry_but_each_alone(write, tmp_path):
    """Without symmetry every arrangement is its own class: 32 of them, all cells of the same composition."""
    crystal = expand(read_cif(find_structure("ZIF-62")))
    rows = []
    fractional = np.linalg.solve(crystal.structure.cell.T, crystal.positions.T).T
    for k, (row, xyz) in enumerate(zip(crystal.row, fractional, strict=True)):
        atom = crystal.structure.atoms[row]
        place = " ".join(f"{x:.6f}" for x in xyz)
        rows.append(f"{atom.species}{k} {atom.species} {place} {atom.occupancy} "
                    f"{atom.assembly or '.'} {atom.group or '.'}")
    head = find_text("ZIF-62").split("loop_")[0].replace("P b c a", "P 1").replace(
        "IT_number      61", "IT_number 1")
    columns = "".join(f"_atom_site_{c}\n" for c in ("label", "type_symbol", "fract_x", "fract_y", "fract_z",
                                                    "occupancy", "disorder_assembly", "disorder_group"))
    frameworks = open_crystal(write(head + "loop_\n" + columns + "\n".join(rows) + "\n")).order("all")
    assert len(frameworks) == 32
    assert {f.formula for f in frameworks} == {"Zn16 C108 H102 N64"}


GOOD = "data_x\n" + CELL + "_symmetry_space_group_name_H-M 'I -4 3 m'\n"


@pytest.mark.parametrize(("text", "words"), [
    ("just some words\n", "not a CIF"),
    ("\x00\x01\x02", "no text"),
    ("", "no atoms with fractional coordinates"),
    ("data_x\n_cell_length_a 10\n", "no atoms with fractional coordinates"),
    (GOOD.replace("_cell_length_b 16.991\n", "") + ZIF8_SITES, "_cell_length_b is missing"),
    (GOOD.replace("_cell_length_b 16.991", "_cell_length_b ?") + ZIF8_SITES, "_cell_length_b is '\\?'"),
    (GOOD.replace("_cell_length_b 16.991", "_cell_length_b 0") + ZIF8_SITES, "_cell_length_b is 0 Å"),
    (GOOD.replace("I -4 3 m", "I -5 3 m") + ZIF8_SITES, "unknown space group 'I -5 3 m'"),
    ("data_x\n" + CELL + ZIF8_SITES, "no symmetry is given"),
    ("data_x\n" + CELL + "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'x,y,w'\n" + ZIF8_SITES,
     "symmetry operation 2 'x,y,w'"),
    (GOOD + ZIF8_SITES.replace("C1 C ", "C1 Xx "), r"atom 3 \(C1\): unknown element 'Xx'"),
    (GOOD + ZIF8_SITES.replace("C1 C ", "C1 Water "), r"atom 3 \(C1\): unknown element 'Water'"),
    (GOOD + ZIF8_SITES.replace("0.99210", "?"), r"atom 3 \(C1\): fractional coordinate is '\?'"),
    (GOOD + ZIF8_SITES.replace("_site_fract_y\n", "_site_B_iso_or_equiv\n"), "_atom_site_fract_x, _y"),
])
def test_a_bad_cif_is_refused_in_one_sentence(write, text, words):
    with pytest.raises(InputError, match=words) as caught:
        read_cif(write(text))
    assert "\n" not in str(caught.value)
    assert "test.cif" in str(caught.value)


@pytest.mark.parametrize(("old", "new", "words"), [
    (" 0.375 D 2", " 0.375 . .", r"\(C6D\): occupancy 0.375 without a disorder group"),
    (" 0.375 D 2", " 1.375 D 2", "outside 0 to 1"),
    (" 0.375 D 2", " 0.375 D b", "disorder group 'b'"),
    (" 0.375 D 2", " 0.175 D 2", "total occupancy of 0.800"),
    ("H7D  H", "#", r"group 2 \(first atom C6D\) makes a fragment C7H4N2"),
    ("6 'x+1/2,y,-z+1/2'\n", "", "symmetry operation . does not fit the others"),
])
def test_disorder_that_makes_no_sense_is_refused_in_one_sentence(write, old, new, words):
    text = find_text("ZIF-62")
    assert old in text
    with pytest.raises(InputError, match=words) as caught:
        load_framework(write(text.replace(old, new)))
    assert "\n" not in str(caught.value)


def test_hydrogens_missing_from_a_cif_are_noticed(write):
    with pytest.raises(InputError, match="fragment C4H2N2"):
        load_framework(write(GOOD + ZIF8_SITES))


def test_wholly_disordered_linkers_are_sites_of_their_own(write):
    """ZIF-8 of 2-methylimidazolate (0.6) or imidazolate (0.4) on a mirror, no atom shared."""
    rows = [r for r in ZIF8_SITES.splitlines() if r[0] in "NCH"]
    methyl = [f"{r} 0.6 . 1" for r in [*rows, *METHYL.splitlines()]]
    plain = [f"{r.replace(' ', 'b ', 1)} 0.4 . 2" for r in rows if not r.startswith("C3")]
    columns = ZIF8_SITES.split("Zn1")[0] + "_atom_site_occupancy\n_atom_site_disorder_assembly\n" \
        "_atom_site_disorder_group\nZn1 Zn 0.5 0 0.75 1 . .\n"
    hydrogen = "H4b H 0.6063 0.9490 0.6063 0.4 . 2"
    path = write(GOOD + columns + "\n".join([*methyl, *plain, hydrogen]) + "\n")
    classes = open_crystal(path).classes(1)
    assert [(c.sites, c.multiplicity) for c in classes] == [((0,), 24)]
    framework = load_framework(path, bim_per_cell=2)
    assert framework.unit_counts() == {"Zn": 12, "mIm": 22, "Im": 2}
    with pytest.raises(InputError, match="more than 20000 arrangements of 10 Im on 24 sites"):
        load_framework(path)


def test_a_methyl_across_a_mirror_needs_no_disorder(write):
    framework = load_framework(write(GOOD + ZIF8_SITES + METHYL))
    assert framework.unit_counts() == {"Zn": 12, "mIm": 24}


XYZ_HEAD = '1\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3 '


def test_a_missing_file_is_named():
    for reader in (read_cif, read_framework):
        with pytest.raises(InputError, match=r"No file 'nowhere/at\.all'"):
            reader("nowhere/at.all")


@pytest.mark.parametrize(("text", "words"), [
    ("", "not a readable extXYZ"),
    ("-5\nLattice=\"9 0 0 0 9 0 0 0 9\"\nC 0 0 0\n", "'-5', is no number of atoms"),
    ("999999999\nLattice=\"9 0 0 0 9 0 0 0 9\"\nC 0 0 0\n", "1 lines of atoms, not 999999999"),    # read on for minutes
    ("9999999999999\nLattice=\"9 0 0 0 9 0 0 0 9\"\nC 0 0 0\n", "is no number of atoms"),
    ("2\nLattice=\"9 0 0 0 9 0 0 0 9\"\nC 0 0 0\n", "not a readable extXYZ"),
    ("1\nno cell here\nC 0 0 0\n", "no cell"),
    (XYZ_HEAD + 'zifsim="{\\"bonds\\":[[0,4]]}"\nC 0 0 0\n', "do not fit"),
    (XYZ_HEAD + 'zifsim="{broken"\nC 0 0 0\n', "damaged"),
])
def test_a_bad_extxyz_is_refused_in_one_sentence(write, text, words):
    with pytest.raises(InputError, match=words) as caught:
        read_framework(write(text, "bad.extxyz"))
    assert "\n" not in str(caught.value)


def test_a_foreign_extxyz_is_recognised_on_loading(write):
    framework = load_framework("ZIF-8")
    rows = "".join(f"{symbol} {x:.8f} {y:.8f} {z:.8f}\n" for symbol, (x, y, z)
                   in zip(framework.species, framework.positions, strict=True))
    lattice = " ".join(map(str, framework.cell.ravel()))
    text = f'276\nLattice="{lattice}" Properties=species:S:1:pos:R:3\n{rows}'
    found = load_framework(write(text, "zif8.xyz"))
    assert found.types == framework.types
    assert found.name == "zif8"


def test_an_extxyz_has_no_configurations(tmp_path):
    write_framework(tmp_path / "f.extxyz", load_framework("ZIF-8"))
    with pytest.raises(InputError, match="one ordered cell"):
        load_framework(tmp_path / "f.extxyz", bim_per_cell=3)
