"""Flexible force fields for the melt, read from TOML (``forcefields/melt``) into :class:`MeltForceField`.

A file may say ``extends = "NAME"``: then it inherits everything it does not name, its atoms and terms
replace those of the same types, and ``without = ["Zn"]`` drops the inherited bonded terms with Zn. Rows are
in the file's ``energy_unit``; here all becomes kJ/mol (1 kcal = 4.184 kJ, 1 eV = 96.485 kJ/mol).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from zifsim.errors import InputError
from zifsim.io.resources import find_data
from zifsim.io.tomltable import read_toml
from zifsim.model.forcefield import (
    AngleTerm,
    AtomType,
    BondTerm,
    DihedralTerm,
    ImproperTerm,
    MeltForceField,
    MorsePair,
    ZincWall,
)
from zifsim.units import EV_TO_KJ_MOL, KCAL_TO_KJ

Term = TypeVar("Term", BondTerm, AngleTerm, DihedralTerm, ImproperTerm)
Key = tuple[str, ...]

ENERGY_UNITS = {"kcal/mol": KCAL_TO_KJ, "kJ/mol": 1.0}
REQUIRED = ("name", "description", "dissociable", "max_tested_temperature_k", "source", "scale14", "atoms",
            "terms")
TOP_KEYS = {*REQUIRED, "extends", "without", "energy_unit", "sources", "morse", "soft", "zinc_wall"}
ROWS = {"atoms", "terms", "sources", "extends", "without"}      # kept apart from the header of a draft
DUMMY_TYPES = ("He", "Ne")


@dataclass
class _Draft:
    """A force field while its files are read, base first."""

    header: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    atoms: dict[str, AtomType] = field(default_factory=dict)
    bonds: dict[Key, BondTerm] = field(default_factory=dict)
    angles: dict[Key, AngleTerm] = field(default_factory=dict)
    dihedrals: dict[Key, DihedralTerm] = field(default_factory=dict)
    impropers: dict[Key, ImproperTerm] = field(default_factory=dict)


def chain_key(types: Iterable[str]) -> Key:
    """The same key for a chain of types read forwards or backwards (bonds, angles, dihedrals)."""
    forward = tuple(types)
    return min(forward, forward[::-1])


def improper_key(centre: str, outer: Iterable[str]) -> Key:
    """The same key for an improper whatever the order of its three outer types."""
    return (centre, *sorted(outer))


def load_melt_forcefield(name: str | Path) -> MeltForceField:
    """A melt force field by shipped name (``nb-ZIF-FF-s``, ``nb-ZIF-FF``, ``ZIF-FF``) or from a TOML file.

    Raises
    ------
    UnknownNameError: no such file or shipped name.
    InputError: an unknown key, a duplicate or incomplete row, or a term that names an unknown type.
    """
    path = find_data("melt force field", name, "forcefields", ".toml", "melt")
    draft = _Draft()
    _read_into(draft, path, seen=())
    return _finish(draft, path)


def _read_into(draft: _Draft, path: Path, seen: tuple[Path, ...]) -> None:
    """Read a file, its base first, into the draft."""
    if path.resolve() in seen:
        raise InputError(f"{path}: 'extends' comes back to this file; a force field cannot extend itself.")
    data = read_toml(path)
    _check_keys(data, TOP_KEYS, f"{path}")
    if "extends" in data:
        base = find_data("melt force field", data["extends"], "forcefields", ".toml", "melt")
        _read_into(draft, base, (*seen, path.resolve()))
    elif "without" in data:
        raise InputError(f"{path}: 'without' drops inherited terms and needs an 'extends'.")
    dropped = set(data.get("without", ()))
    for table in (draft.bonds, draft.angles, draft.dihedrals, draft.impropers):
        for key in [k for k in table if dropped & set(k)]:
            table.pop(key)
    draft.sources.update(data.get("sources", {}))
    draft.header.update({k: v for k, v in data.items() if k not in ROWS})
    if "atoms" in data or "terms" in data:
        unit = data.get("energy_unit")
        if unit not in ENERGY_UNITS:
            raise InputError(f"{path}: energy_unit is {unit!r}; it must be one of {', '.join(ENERGY_UNITS)}.")
        _read_atoms(draft, data.get("atoms", {}), ENERGY_UNITS[unit], path)
        _read_terms(draft, data.get("terms", {}), ENERGY_UNITS[unit], path)


def _read_atoms(draft: _Draft, rows: Mapping[str, Any], unit: float, path: Path) -> None:
    for name, row in rows.items():
        where = f"{path}: atom type '{name}'"
        _check_keys(row, {"charge", "epsilon", "sigma", "mass", "source", "note"}, where)
        epsilon, sigma = _number(row, "epsilon", where), _number(row, "sigma", where)
        if epsilon < 0 or sigma <= 0:
            raise InputError(f"{where} has epsilon {epsilon} and sigma {sigma}; they must be ≥ 0 and > 0.")
        draft.atoms[name] = AtomType(
            name, _number(row, "charge", where), epsilon * unit, sigma, _source(draft, row, where),
            _number(row, "mass", where) if "mass" in row else None)


def _read_terms(draft: _Draft, tables: Mapping[str, Any], unit: float, path: Path) -> None:
    _check_keys(tables, {"bonds", "angles", "dihedrals", "impropers"}, f"{path}: [terms]")

    def read(kind: str, into: dict[Key, Term], keys: set[str], n_types: int,
             make: Callable[[Mapping[str, Any], str, float, str], Term]) -> None:
        seen: set[Key] = set()
        for row in tables.get(kind, ()):
            types = _types(row, kind, n_types, path)
            where = f"{path}: {kind[:-1]} {'–'.join(types)}"
            _check_keys(row, keys | {"k", "source", "note"}, where)
            key = improper_key(types[0], types[1:]) if kind == "impropers" else chain_key(types)
            if key in seen:
                raise InputError(f"{where} is listed twice; keep one of the rows.")
            k = _number(row, "k", where)
            if k < 0:
                raise InputError(f"{where} has k = {k}; it must not be negative.")
            seen.add(key)
            into[key] = make(row, where, k * unit, _source(draft, row, where))

    read("bonds", draft.bonds, {"types", "r0"}, 2, lambda r, w, k, s: BondTerm(
        tuple(r["types"]), k, _number(r, "r0", w), s))
    read("angles", draft.angles, {"types", "theta0", "k_ub", "r_ub"}, 3, lambda r, w, k, s: AngleTerm(
        tuple(r["types"]), k, _number(r, "theta0", w), _number(r, "k_ub", w, 0.0) * unit,
        _number(r, "r_ub", w, 0.0 if "k_ub" not in r else None), s))
    read("dihedrals", draft.dihedrals, {"types", "n", "phase"}, 4, lambda r, w, k, s: DihedralTerm(
        tuple(r["types"]), k, int(_number(r, "n", w)), _number(r, "phase", w), s))
    read("impropers", draft.impropers, {"centre", "outer", "last"}, 4, lambda r, w, k, s: ImproperTerm(
        r["centre"], tuple(r["outer"]), r.get("last", ""), k, s))


def _types(row: Any, kind: str, n_types: int, path: Path) -> tuple[str, ...]:
    """The atom types a row is about, centre first for an improper."""
    types: list[Any]
    if kind == "impropers":
        types = [row.get("centre"), *row.get("outer", ())]
        if row.get("last") not in types[1:]:
            raise InputError(f"{path}: improper {types}: 'last' must be one of 'outer'.")
    else:
        types = list(row.get("types", ()))
    if len(types) != n_types or not all(isinstance(t, str) for t in types):
        raise InputError(f"{path}: a row of [terms] {kind} names {types}; it needs {n_types} atom types.")
    return tuple(types)


def _finish(draft: _Draft, path: Path) -> MeltForceField:
    """Check the whole and freeze it."""
    header = draft.header
    present = set(header) | ({"atoms"} if draft.atoms else set()) | ({"terms"} if draft.bonds else set())
    if missing := [k for k in REQUIRED if k not in present]:
        raise InputError(f"{path}: missing {', '.join(missing)}.")
    for table in (draft.bonds, draft.angles, draft.dihedrals, draft.impropers):
        for key in table:
            if unknown := set(key) - set(draft.atoms):
                raise InputError(f"{path}: term {'–'.join(key)} names '{min(unknown)}', not in [atoms].")
    _check_kind(draft, path)
    where = f"{path}: [scale14]"
    scale14, soft = header["scale14"], header.get("soft", {})
    _check_keys(scale14, {"lj", "coulomb", "source"}, where)
    _check_keys(soft, {"epsilon_ev", "sigma", "source"}, f"{path}: [soft]")
    return MeltForceField(
        name=header["name"], description=header["description"], dissociable=header["dissociable"],
        atoms=draft.atoms,
        bonds=tuple(draft.bonds.values()), angles=tuple(draft.angles.values()),
        dihedrals=tuple(draft.dihedrals.values()), impropers=tuple(draft.impropers.values()),
        lj_14=_number(scale14, "lj", where), coulomb_14=_number(scale14, "coulomb", where),
        morse=_morse(draft, path), zinc_wall=_wall(draft, path),
        soft_epsilon_kj_mol=_number(soft, "epsilon_ev", "[soft]", 0.0) * EV_TO_KJ_MOL,
        soft_sigma_angstrom=_number(soft, "sigma", "[soft]", 0.0),
        max_tested_temperature_k=_number(header, "max_tested_temperature_k", str(path)),
        source=_source(draft, header, str(path)))


def _check_kind(draft: _Draft, path: Path) -> None:
    """A dissociable model has its pair terms and dummies; a bonded one has a Zn–N bond instead."""
    header = draft.header
    dummies = set(DUMMY_TYPES) <= set(draft.atoms)
    if header["dissociable"] and not ("morse" in header and "soft" in header and dummies):
        raise InputError(f"{path}: a dissociable model needs [morse], [soft] and the dummy types He and Ne.")
    if not header["dissociable"] and ("morse" in header or ("N1", "Zn") not in draft.bonds):
        raise InputError(f"{path}: a bonded model (dissociable = false) needs a Zn–N1 bond and no [morse].")


def _morse(draft: _Draft, path: Path) -> MorsePair | None:
    row, where = draft.header.get("morse"), f"{path}: [morse]"
    if row is None:
        return None
    _check_keys(row, {"depth_ev", "alpha", "r0", "source"}, where)
    return MorsePair(_number(row, "depth_ev", where) * EV_TO_KJ_MOL, _number(row, "alpha", where),
                     _number(row, "r0", where), _source(draft, row, where))


def _wall(draft: _Draft, path: Path) -> ZincWall | None:
    row, where = draft.header.get("zinc_wall"), f"{path}: [zinc_wall]"
    if row is None:
        return None
    _check_keys(row, {"k_kj_mol", "r0", "source"}, where)
    return ZincWall(_number(row, "k_kj_mol", where), _number(row, "r0", where), _source(draft, row, where))


def _check_keys(row: Mapping[str, Any], known: set[str], where: str) -> None:
    if not isinstance(row, Mapping):
        raise InputError(f"{where} must be a table of values.")
    if unknown := sorted(set(row) - known):
        raise InputError(f"{where} has the unknown key '{unknown[0]}'; known are {', '.join(sorted(known))}.")


def _number(row: Mapping[str, Any], key: str, where: str, default: float | None = None) -> float:
    value = row.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{where}: '{key}' is {value!r}; it must be a number.")
    return float(value)


def _source(draft: _Draft, row: Mapping[str, Any], where: str) -> str:
    """The row's citations written out; every row must have one, and every short name must be in [sources]."""
    names = row.get("source", ())
    names = [names] if isinstance(names, str) else names
    if not names:
        known = ", ".join(sorted(draft.sources))
        raise InputError(f"{where} has no source; name one of {known}, or add yours to [sources].")
    if unknown := [n for n in names if n not in draft.sources]:
        raise InputError(f"{where} names the source '{unknown[0]}', which is not in [sources].")
    note = f" ({row['note']})" if row.get("note") else ""
    return "; ".join(draft.sources[n] for n in names) + note
