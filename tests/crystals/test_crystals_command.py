"""zifsim build: what it prints and writes, and that it never destroys a file."""

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from zifsim.cli.build import build
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError
from zifsim.model.framework import Framework

app = typer.Typer()
app.command()(build)


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def bond_lengths(framework: Framework, *pair: str) -> np.ndarray:
    bonds = [b for b in framework.bonds if sorted(framework.types[k] for k in b) == sorted(pair)]
    i, j = np.array(bonds).T
    return np.linalg.norm(framework.minimum_image(framework.positions[j] - framework.positions[i]), axis=1)


def test_help_gives_units_examples_and_defaults():
    text = run("--help")
    for words in ("Examples", "62.5/37.5", "--supercell", "--force", "--no-relax"):
        assert words in text


def test_without_out_the_table_is_shown():
    text = run("ZIF-62", "--no-relax")
    for words in ("32 arrangements", "4 symmetry classes", "Zn16 C108 H102 N64", "1.2427", "H–H 2.205"):
        assert words in text


@pytest.mark.parametrize("suffix", ["cif", "extxyz"])
def test_all_configurations_are_written_with_their_letters(tmp_path, suffix):
    run("ZIF-62", "--bim-per-cell", 4, "--configuration", "all", "--supercell", 1, 1, 2, "--no-relax",
        "--out", tmp_path / f"z.{suffix}")
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"z-{letter}.{suffix}" for letter in "ABCDE"]
    for path in tmp_path.iterdir():
        assert load_framework(path).unit_counts() == {"Zn": 32, "Im": 56, "bIm": 8}


def test_the_relaxed_benzo_ring_is_regular(tmp_path):
    refined = load_framework("ZIF-62")
    assert bond_lengths(refined, "C6", "C7").max() > 1.5
    run("ZIF-62", "--out", tmp_path / "z.extxyz")
    relaxed = load_framework(tmp_path / "z.extxyz")
    assert relaxed.types == refined.types
    assert np.array_equal(relaxed.bonds, refined.bonds)
    assert np.array_equal(relaxed.cell, refined.cell)
    for pair in (("C5", "C5"), ("C5", "C6"), ("C6", "C7"), ("C7", "C7")):
        lengths = bond_lengths(relaxed, *pair)
        assert 1.37 < lengths.min() <= lengths.max() < 1.44
    for unit in relaxed.units:
        if unit.kind == "bIm":
            atoms = relaxed.positions[list(unit.atoms)]
            flat = relaxed.minimum_image(atoms - atoms[0])
            assert np.linalg.svd(flat - flat.mean(axis=0))[1][2] < 0.3      # Å, over 14 atoms
    moved = relaxed.minimum_image(relaxed.positions - refined.positions)
    by = np.linalg.norm(moved, axis=1)
    assert by[[s == "Zn" for s in refined.species]].max() < 0.3     # the net stays
    assert by.max() < 1.2                                           # hydrogens of rings that turn


def test_an_existing_file_is_kept_unless_forced(tmp_path):
    path = tmp_path / "z-A.cif"
    path.write_text("precious")
    with pytest.raises(InputError, match="exists"):
        run("ZIF-62", "-c", "all", "--no-relax", "--out", tmp_path / "z.cif")
    assert path.read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir()] == ["z-A.cif"]
    run("ZIF-62", "-c", "all", "--no-relax", "--out", tmp_path / "z.cif", "--force")
    assert load_framework(path).n_atoms == 290


@pytest.mark.parametrize(("arguments", "words"), [
    (("nope.cif",), "No file"),
    (("ZIF-62", "--out", "z.pdb"), "must end in"),
    (("ZIF-62", "-c", "E", "--out", "z.cif"), "no configuration 'E'"),
    (("ZIF-62", "--bim-per-cell", 7, "--out", "z.cif"), "7 bIm per cell do not fit"),
])
def test_bad_requests_write_nothing(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=words):
        run(*arguments)
    assert list(tmp_path.iterdir()) == []
