"""Shipped adsorption parameters: physical relations, neutrality, and what bad files are told."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from zifsim.errors import InputError, UnknownNameError
from zifsim.io.adsorption import assign_charges, lj_parameters, load_adsorption_forcefield, load_charge_set
from zifsim.io.guests import DEFAULT_MODELS, load_guest
from zifsim.io.resources import data_folder, shipped_names
from zifsim.model.forcefield import ChargeSet
from zifsim.model.framework import BuildingUnit, Framework

# Atom types of one linker; N1 is bonded to Zn. Two linkers per Zn make the formula unit.
LINKERS = {
    "Im": ["N1", "N1", "C4", "H4", "C2", "C2", "H2", "H2"],
    "mIm": ["N1", "N1", "C1", "C3", "H3", "H3", "H3", "C2", "C2", "H2", "H2"],
    "bIm": ["N1", "N1", "C4", "H4", "C5", "C5", "C6", "C6", "C7", "C7", "H6", "H6", "H7", "H7"],
}
KCAL_TO_K = 503.2195    # 4184 J/mol divided by R = 8.314462618 J/mol/K


def formula_unit(kinds: list[str], metal: str = "Zn") -> Framework:
    """Metal atoms and linkers two to one, placed anywhere: charges and LJ rows do not look at positions."""
    types, units = [], []
    for kind in [metal] * (len(kinds) // 2) + kinds:
        atoms = LINKERS.get(kind, [kind])
        units.append(BuildingUnit(kind, tuple(range(len(types), len(types) + len(atoms)))))
        types.extend(atoms)
    positions = np.arange(3 * len(types), dtype=float).reshape(-1, 3)
    species = tuple(t.rstrip("0123456789") for t in types)
    return Framework("test cell", species, positions, np.eye(3) * 200.0, tuple(types), units=tuple(units))


def raw_excess(kinds: list[str], charge_set: ChargeSet) -> float:
    return sum(charge_set.charges[t] for t in formula_unit(kinds).types)


def toml_files() -> list[Path]:
    return [p for folder in ("adsorption", "charges", "guests")
            for p in sorted((data_folder("forcefields") / folder).glob("*.toml"))]


@pytest.mark.parametrize("path", toml_files(), ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_shipped_row_names_its_source_and_the_file_its_name(path: Path) -> None:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    rows = [*data.get("atoms", {}).values(), *data.get("charges", {}).values(), *data.get("sites", [])]
    assert rows
    assert data["name"] == path.stem
    assert data["source"].startswith("doi:10.")
    for row in rows:
        assert "doi:10." in row["source"] or "zifsim" in row["source"]


def test_uff_and_dreiding_rows_are_the_published_well_depths_and_radii() -> None:
    published = {
        "UFF": {"Zn": (0.124, 2.763), "C": (0.105, 3.851), "N": (0.069, 3.660), "H": (0.044, 2.886),
                "Co": (0.014, 2.872)},
        "DREIDING": {"Zn": (0.055, 4.54), "C": (0.0951, 3.8983), "N": (0.0774, 3.6621), "H": (0.0152, 3.195)},
    }
    for name, rows in published.items():
        atoms = load_adsorption_forcefield(name).atoms
        assert set(atoms) == set(rows)
        for element, (depth, minimum) in rows.items():
            assert atoms[element].epsilon_k == pytest.approx(depth * KCAL_TO_K, rel=2e-5)
            assert atoms[element].sigma_angstrom == pytest.approx(minimum / 2 ** (1 / 6), rel=2e-5)


def test_pp_is_uff_with_scaled_depth_and_diameter() -> None:
    uff, pp = load_adsorption_forcefield("UFF").atoms, load_adsorption_forcefield("PP").atoms
    assert set(pp) == set(uff)
    for element in uff:
        assert pp[element].epsilon_k == pytest.approx(0.69 * uff[element].epsilon_k, rel=1e-3)
        assert pp[element].sigma_angstrom == pytest.approx(0.95 * uff[element].sigma_angstrom, abs=3e-3)


@pytest.mark.parametrize(("name", "linker", "residue"), [
    ("ZIF-FF", "mIm", 0.0), ("ZIF-FF", "Im", -4e-5), ("ZIF-FF", "bIm", -4e-5),
    ("ZIF-FF-bIm-ESP", "bIm", -4e-5), ("PP", "mIm", 0.0), ("RESP", "mIm", 4e-6), ("RESP-ZIF-4", "Im", -3e-6),
])
def test_linkers_neutralise_zinc_up_to_the_stated_residue(name: str, linker: str, residue: float) -> None:
    charges = load_charge_set(name)
    assert raw_excess([linker, linker], charges) == pytest.approx(residue, abs=5e-7)


def test_both_benzimidazolate_patterns_carry_the_same_linker_charge() -> None:
    first, second = load_charge_set("ZIF-FF").charges, load_charge_set("ZIF-FF-bIm-ESP").charges
    sums = [sum(charges[t] for t in LINKERS["bIm"]) for charges in (first, second)]
    assert sums[0] == pytest.approx(sums[1], abs=1e-9)
    assert {t for t in first if first[t] != second[t]} == {"C5", "C6", "C7", "H6", "H7"}


def test_assigned_cell_is_neutral_and_the_residue_sits_on_zinc_alone() -> None:
    framework = formula_unit(["Im", "Im", "Im", "bIm"])
    charge_set = load_charge_set("ZIF-FF")
    charged = assign_charges(framework, charge_set)
    assert framework.charges is None
    assert charged.charges is not None
    assert abs(charged.charges.sum()) < 1e-12
    for type_, charge in zip(charged.types, charged.charges, strict=True):
        if type_ == "Zn":
            assert charge == pytest.approx(0.7072 + 4e-5, abs=1e-9)
        else:
            assert charge == charge_set.charges[type_]


def test_cobalt_framework_takes_default_charges() -> None:
    charged = assign_charges(formula_unit(["mIm", "mIm"], metal="Co"), load_charge_set("ZIF-FF"))
    assert charged.charges is not None
    assert abs(charged.charges.sum()) < 1e-12


def test_missing_charge_names_type_linker_and_a_set_that_has_it() -> None:
    message = r"RESP has no value for C4 \(bIm\), C5 \(bIm\).*use ZIF-FF or ZIF-FF-bIm-ESP"
    with pytest.raises(InputError, match=message):
        assign_charges(formula_unit(["mIm", "bIm"]), load_charge_set("RESP"))


def test_charged_cell_is_refused_with_amount_and_mend() -> None:
    wrong = dict(load_charge_set("PP").charges, N1=-0.530)
    message = r"not neutral: \+0.0800 e per cell, \+0.04000 e per metal.*neutralise"
    with pytest.raises(InputError, match=message):
        assign_charges(formula_unit(["mIm"] * 4), ChargeSet("edited", "", wrong, ""))


def test_untyped_framework_is_told_to_have_its_linkers_recognised() -> None:
    bare = Framework("bare", ("C", "N"), np.zeros((2, 3)), np.eye(3) * 9.0)
    with pytest.raises(InputError, match="no atom types"):
        assign_charges(bare, load_charge_set("ZIF-FF"))


def test_types_win_over_elements_in_lj_rows(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\ndescription = "d"\nsource = "doi:10.0/x"\n[atoms]\n'
                    "Zn = { epsilon_k = 1.0, sigma_angstrom = 2.0 }\n"
                    "N = { epsilon_k = 2.0, sigma_angstrom = 2.0 }\n"
                    "C = { epsilon_k = 3.0, sigma_angstrom = 3.0 }\n"
                    "C3 = { epsilon_k = 4.0, sigma_angstrom = 3.5 }\n"
                    "H = { epsilon_k = 5.0, sigma_angstrom = 2.0 }\n")
    framework = formula_unit(["mIm", "mIm"])
    epsilon, sigma = lj_parameters(framework, load_adsorption_forcefield(path))
    assert epsilon.shape == sigma.shape == (framework.n_atoms,)
    for type_, e, s in zip(framework.types, epsilon, sigma, strict=True):
        if type_.startswith("C"):
            assert (e, s) == ((4.0, 3.5) if type_ == "C3" else (3.0, 3.0))
    assert load_adsorption_forcefield(path).atoms["Zn"].source == "doi:10.0/x"


def test_one_file_can_hold_a_whole_host_model(tmp_path: Path) -> None:
    path = tmp_path / "host.toml"
    path.write_text('name = "host"\ndescription = "d"\nsource = "s"\n'
                    "[atoms]\nZn = { epsilon_k = 1, sigma_angstrom = 2 }\n"
                    '[charges]\nZn = { charge_e = 0.5, source = "mine" }\n')
    assert load_adsorption_forcefield(path).atoms["Zn"].epsilon_k == 1.0
    assert load_charge_set(path).charges == {"Zn": 0.5}


def test_missing_lj_row_is_named() -> None:
    with pytest.raises(InputError, match="DREIDING has no row for Co"):
        lj_parameters(formula_unit(["mIm", "mIm"], metal="Co"), load_adsorption_forcefield("DREIDING"))


@pytest.mark.parametrize(("body", "message"), [
    ("[atoms]\nC = { epsilon_k = 1.0, sigma = 3.0 }", "Did you mean 'sigma_angstrom'"),
    ("[atoms]\nC = { epsilon_k = 1.0 }", "'atoms.C.sigma_angstrom' is missing"),
    ("[atoms]\nC = { epsilon_k = -1.0, sigma_angstrom = 3.0 }", "allowed: ≥ 0"),
    ("[atoms]\nC = { epsilon_k = 'a', sigma_angstrom = 3.0 }", "must be a number"),
    ("[atoms]\nC = { epsilon_k = nan, sigma_angstrom = 3.0 }", "must be a finite number"),
    ("[atoms]\nC = 3.0", "must be a table"),
    ("[atoms]\nZm = { epsilon_k = 1.0, sigma_angstrom = 3.0 }", "neither an element"),
    ("[atoms]\nC = { epsilon_k = 1, sigma_angstrom = 1 }\nC = {}", "not a valid TOML"),
    ("[atom]\nC = { epsilon_k = 1.0, sigma_angstrom = 3.0 }", "Did you mean 'atoms'"),
    ("[charges]\nC = { charge_e = 1.0 }", r"no \[atoms\]"),
    ("[atoms]\n", "is empty"),
])
def test_bad_force_field_file_gets_one_clear_sentence(tmp_path: Path, body: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(f'name = "bad"\ndescription = "d"\nsource = "s"\n{body}\n')
    with pytest.raises((InputError, UnknownNameError), match=message):
        load_adsorption_forcefield(path)


@pytest.mark.parametrize(("load", "name", "near"), [
    (load_adsorption_forcefield, "DREDING", "DREIDING"), (load_charge_set, "ZIF-F", "ZIF-FF"),
    (load_guest, "CO3", "CO2"), (load_guest, "H2-Michel", "H2-Michels"),
])
def test_unknown_name_suggests_the_near_miss(load, name: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=f"Did you mean '{near}'"):
        load(name)


def test_gas_names_give_their_default_models_in_any_case() -> None:
    for gas, model in DEFAULT_MODELS.items():
        assert load_guest(gas.lower()) == load_guest(model)
        assert load_guest(gas).gas == gas
    assert load_guest("H2", temperature_k=77.0).feynman_hibbs
    assert len(shipped_names("forcefields", ".toml", "guests")) == 9


# Name: sites, molar mass, and the quadrupole moment Θ = Σ q z² (e Å²) of the linear molecule from its charges
@pytest.mark.parametrize(("name", "n_sites", "molar_mass", "quadrupole"), [
    ("CO2-TraPPE", 3, 44.009, -2 * 0.35 * 1.16**2), ("CO2-EPM2", 3, 44.009, -2 * 0.3256 * 1.149**2),
    ("N2-TraPPE", 3, 28.014, -2 * 0.482 * 0.55**2), ("O2-TraPPE", 3, 31.998, -2 * 0.113 * 0.605**2),
    ("CH4-TraPPE", 1, 16.043, 0.0), ("H2-Buch", 1, 2.016, 0.0), ("H2-Michels", 1, 2.016, 0.0),
    ("H2-Buch-FH", 1, 2.016, 0.0),
    ("H2-Darkrim-Levesque", 3, 2.016, 2 * 0.468 * 0.371**2),
])
def test_guests_are_neutral_centred_and_have_their_published_quadrupole(
    name: str, n_sites: int, molar_mass: float, quadrupole: float,
) -> None:
    guest = load_guest(name)
    masses = np.array([s.mass_amu for s in guest.sites])
    assert len(guest.sites) == n_sites
    assert guest.molar_mass_g_mol == pytest.approx(molar_mass, abs=2e-3)
    assert guest.charges.sum() == pytest.approx(0.0, abs=1e-12)
    assert masses @ guest.site_positions == pytest.approx(np.zeros(3), abs=1e-12)
    assert guest.charges @ guest.site_positions[:, 2] ** 2 == pytest.approx(quadrupole, abs=1e-9)
    assert guest.mixing == ("geometric" if name == "CO2-EPM2" else "lorentz-berthelot")
    assert guest.feynman_hibbs == (name in ("H2-Michels", "H2-Buch-FH"))


def _edited(tmp_path: Path, old: str, new: str) -> Path:
    text = (data_folder("forcefields") / "guests" / "CO2-TraPPE.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "guest.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_off_centre_guest_file_is_moved_to_its_centre_of_mass(tmp_path: Path) -> None:
    guest = load_guest(_edited(tmp_path, "[0.0, 0.0, 1.16]", "[0.0, 0.0, 2.16]"))
    expected = np.array([2.16, 0.0, -1.16]) - 15.999 / 44.009
    assert guest.site_positions[:, 2] == pytest.approx(expected, abs=1e-12)


def test_a_file_in_the_working_folder_wins_over_a_gas_name(tmp_path: Path, monkeypatch) -> None:
    _edited(tmp_path, 'name = "CO2-TraPPE"', 'name = "mine"').rename(tmp_path / "CO2.toml")
    monkeypatch.chdir(tmp_path)
    assert load_guest("CO2").name == "mine"


@pytest.mark.parametrize(("old", "new", "message"), [
    ("charge_e = 0.7", "charge_e = 0.8", r"carries \+0.100000 e"),
    ("epsilon_k = 27.0", "epsilon = 27.0", "Did you mean 'epsilon_k'"),
    ("acentric_factor = 0.22394\n", "", "'critical.acentric_factor' is missing"),
    ('mixing = "lorentz-berthelot"', 'mixing = "lorentz"', "Did you mean 'lorentz-berthelot'"),
    ("feynman_hibbs = false", 'feynman_hibbs = "no"', "true or false"),
    ("pressure_pa = 7377300.0", "pressure_pa = 0.0", "allowed: ≥ 1000"),
    ('element = "C"', 'element = "Q"', "no element"),
    ("position = [0.0, 0.0, 0.0]", "position = [0.0, 0.0]", "three numbers"),
])
def test_bad_guest_file_gets_one_clear_sentence(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises((InputError, UnknownNameError), match=message):
        load_guest(_edited(tmp_path, old, new))


def test_impossible_temperature_is_refused() -> None:
    with pytest.raises(InputError, match="above 0 and at most 5000 K"):
        load_guest("H2", temperature_k=-77.0)
