"""Melt force fields: what is shipped, how files inherit, and what a wrong file is told."""

from pathlib import Path

import pytest

from zifsim.errors import InputError, UnknownNameError, ZifsimError
from zifsim.io.melt_forcefields import load_melt_forcefield

SHIPPED = ("nb-ZIF-FF-s", "nb-ZIF-FF", "ZIF-FF")
ROW = '{ types = ["C1", "C3"], k = 225.63, r0 = 1.498, source = "weng2019" }'


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.toml"
    path.write_text('extends = "ZIF-FF"\nname = "own"\nenergy_unit = "kcal/mol"\n' + text)
    return path


@pytest.mark.parametrize("name", SHIPPED)
def test_every_parameter_carries_its_source(name: str) -> None:
    ff = load_melt_forcefield(name)
    rows = [*ff.atoms.values(), *ff.bonds, *ff.angles, *ff.dihedrals, *ff.impropers]
    assert all("doi:" in row.source or "assumption of this project" in row.source for row in rows)
    assert all("assumption" in ff.atoms[t].source for t in ("C5", "C6", "C7", "H6", "H7"))


def test_energies_are_converted_to_kilojoules() -> None:
    ff = load_melt_forcefield("ZIF-FF")
    bond = next(b for b in ff.bonds if b.types == ("C1", "N1"))
    assert bond.k == pytest.approx(337.26 * 4.184)
    assert ff.atoms["C1"].epsilon_kj_mol == pytest.approx(0.08604207 * 4.184)
    angle = next(a for a in ff.angles if a.types == ("N1", "C2", "C2"))
    assert (angle.theta0, angle.k_ub) == (107.995, pytest.approx(99.05 * 4.184))


def test_dissociable_models_have_no_bonded_term_with_zinc_but_its_own_cage() -> None:
    ff = load_melt_forcefield("nb-ZIF-FF-s")
    for row in (*ff.bonds, *ff.angles, *ff.dihedrals):
        assert "Zn" not in row.types or set(row.types) == {"Zn", "He"}
    assert any("Zn" in d.types for d in load_melt_forcefield("ZIF-FF").dihedrals)


def test_the_refit_differs_from_the_published_model_in_morse_and_wall_only() -> None:
    refit, published = load_melt_forcefield("nb-ZIF-FF-s"), load_melt_forcefield("nb-ZIF-FF")
    for part in ("atoms", "bonds", "angles", "dihedrals", "impropers", "lj_14", "coulomb_14",
                 "soft_epsilon_kj_mol"):
        assert getattr(refit, part) == getattr(published, part)
    assert published.zinc_wall is None
    assert refit.zinc_wall is not None
    assert refit.morse is not None
    assert refit.morse.depth_kj_mol == pytest.approx(0.4 * 96.48533, rel=1e-6)
    assert "not a published force field" in refit.description


def test_linkers_are_neutral_with_their_share_of_zinc() -> None:
    ff = load_melt_forcefield("ZIF-FF")
    linkers = {"mIm": "N1 N1 C1 C3 H3 H3 H3 C2 C2 H2 H2", "Im": "N1 N1 C4 H4 C2 C2 H2 H2",
               "bIm": "N1 N1 C4 H4 C5 C5 C6 C6 C7 C7 H6 H6 H7 H7"}
    for types in linkers.values():
        charge = sum(ff.atoms[t].charge_e for t in types.split())
        assert charge == pytest.approx(-ff.atoms["Zn"].charge_e / 2, abs=5e-5)


def test_a_child_file_replaces_single_rows(tmp_path: Path) -> None:
    ff = load_melt_forcefield(own(tmp_path, f"[terms]\nbonds = [{ROW.replace('225.63', '100.0')}]"))
    assert next(b for b in ff.bonds if b.types == ("C1", "C3")).k == pytest.approx(418.4)
    assert len(ff.bonds) == len(load_melt_forcefield("ZIF-FF").bonds)


@pytest.mark.parametrize(("text", "says"), [
    ("colour = 1\n", "Unknown table in"),
    (f"[terms]\nbonds = [{ROW}, {ROW.replace('C1', 'Cx').replace('C3', 'C1').replace('Cx', 'C3')}]", "twice"),
    (f"[terms]\nbonds = [{ROW.replace('225.63', '-1.0')}]", "terms.bonds.0.k = -1 is not allowed"),
    (f"[terms]\nbonds = [{ROW.replace('C3', 'C9')}]", "names 'C9'"),
    (f"[terms]\nbonds = [{ROW.replace('weng2019', 'nobody')}]", "source 'nobody'"),
    ("[terms]\nbonds = [{ types = ['C1', 'C3'], k = 1.0, r0 = 1.0 }]", "no source"),
    ("[terms]\nbonds = [{ types = ['C1', 'C3'], k = 1.0, source = 'weng2019' }]", "'terms.bonds.0.r0' is missing"),
    ("[atoms]\nC1 = { charge = 0.1, epsilon = 0.1, sigma = 0.0, source = 'weng2019' }", "should be greater than 0"),
    ("[atoms]\nC1 = { charge = 'a', epsilon = 0.1, sigma = 1.0, source = 'weng2019' }", "must be a number"),
    ("[morse]\ndepth_ev = 1.0\nalpha = 1.0\nr0 = 1.0\nsource = 'weng2019'\n", "no [morse]"),
])
def test_a_wrong_file_is_told_what_and_where(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ZifsimError) as caught:
        load_melt_forcefield(own(tmp_path, text))
    assert says in str(caught.value)
    assert "own.toml" in str(caught.value)


def test_a_file_that_extends_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(f'extends = "{path}"\n')
    with pytest.raises(InputError, match="cannot extend itself"):
        load_melt_forcefield(path)


def test_an_unknown_name_gets_the_near_miss() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'nb-ZIF-FF-s'"):
        load_melt_forcefield("nb-ZIFFF-s")
