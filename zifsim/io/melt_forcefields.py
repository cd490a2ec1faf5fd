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
from zifsim.io.checked import checked
from zifsim.io.melt_tables import (
    AngleRow,
    AtomRow,
    BondRow,
    DihedralRow,
    ImproperRow,
    MeltFile,
    Morse,
    Scale14,
    Soft,
    Sourced,
    Terms,
    Wall,
)
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
RowT = TypeVar("RowT", BondRow, AngleRow, DihedralRow, ImproperRow)
Key = tuple[str, ...]

ENERGY_UNITS = {"kcal/mol": KCAL_TO_KJ, "kJ/mol": 1.0}
REQUIRED = ("name", "description", "dissociable", "max_tested_temperature_k", "source", "scale14", "atoms",
            "terms")
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
    data = checked(MeltFile, read_toml(path), str(path))
    if data.extends is not None:
        base = find_data("melt force field", data.extends, "forcefields", ".toml", "melt")
        _read_into(draft, base, (*seen, path.resolve()))
    for table in (draft.bonds, draft.angles, draft.dihedrals, draft.impropers):
        for key in [k for k in table if set(data.without) & set(k)]:
            table.pop(key)
    draft.sources.update(data.sources)
    draft.header.update({k: getattr(data, k) for k in data.model_fields_set - ROWS})
    unit = ENERGY_UNITS.get(data.energy_unit or "", 1.0)
    _read_atoms(draft, data.atoms or {}, unit, path)
    _read_terms(draft, data.terms or Terms(), unit, path)


def _read_atoms(draft: _Draft, rows: Mapping[str, AtomRow], unit: float, path: Path) -> None:
    for name, row in rows.items():
        draft.atoms[name] = AtomType(name, row.charge, row.epsilon * unit, row.sigma,
                                     _source(draft, row, f"{path}: atom type '{name}'"), row.mass)


def _read_terms(draft: _Draft, terms: Terms, unit: float, path: Path) -> None:
    def read(kind: str, rows: Iterable[RowT], into: dict[Key, Term], make: Callable[[RowT, float, str], Term]) -> None:
        seen: set[Key] = set()
        for row in rows:
            where = f"{path}: {kind} {'–'.join(row.types)}"
            key = improper_key(row.types[0], row.types[1:]) if kind == "improper" else chain_key(row.types)
            if key in seen:
                raise InputError(f"{where} is listed twice; keep one of the rows.")
            seen.add(key)
            into[key] = make(row, row.k * unit, _source(draft, row, where))

    read("bond", terms.bonds, draft.bonds, lambda r, k, s: BondTerm((r.types[0], r.types[1]), k, r.r0, s))
    read("angle", terms.angles, draft.angles, lambda r, k, s: AngleTerm(
        (r.types[0], r.types[1], r.types[2]), k, r.theta0, r.k_ub * unit, r.r_ub, s))
    read("dihedral", terms.dihedrals, draft.dihedrals, lambda r, k, s: DihedralTerm(
        (r.types[0], r.types[1], r.types[2], r.types[3]), k, r.n, r.phase, s))
    read("improper", terms.impropers, draft.impropers, lambda r, k, s: ImproperTerm(
        r.centre, (r.outer[0], r.outer[1], r.outer[2]), r.last, k, s))


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
    scale14: Scale14 = header["scale14"]
    soft: Soft = header.get("soft") or Soft()
    return MeltForceField(
        name=header["name"], description=header["description"], dissociable=header["dissociable"],
        atoms=draft.atoms,
        bonds=tuple(draft.bonds.values()), angles=tuple(draft.angles.values()),
        dihedrals=tuple(draft.dihedrals.values()), impropers=tuple(draft.impropers.values()),
        lj_14=scale14.lj, coulomb_14=scale14.coulomb,
        morse=_morse(draft, path), zinc_wall=_wall(draft, path),
        soft_epsilon_kj_mol=soft.epsilon_ev * EV_TO_KJ_MOL, soft_sigma_angstrom=soft.sigma,
        max_tested_temperature_k=header["max_tested_temperature_k"],
        source=_cited(draft, header["source"], str(path)))


def _check_kind(draft: _Draft, path: Path) -> None:
    """A dissociable model has its pair terms and dummies; a bonded one has a Zn–N bond instead."""
    header = draft.header
    dummies = set(DUMMY_TYPES) <= set(draft.atoms)
    if header["dissociable"] and not ("morse" in header and "soft" in header and dummies):
        raise InputError(f"{path}: a dissociable model needs [morse], [soft] and the dummy types He and Ne.")
    if not header["dissociable"] and ("morse" in header or ("N1", "Zn") not in draft.bonds):
        raise InputError(f"{path}: a bonded model (dissociable = false) needs a Zn–N1 bond and no [morse].")


def _morse(draft: _Draft, path: Path) -> MorsePair | None:
    row: Morse | None = draft.header.get("morse")
    return None if row is None else MorsePair(
        row.depth_ev * EV_TO_KJ_MOL, row.alpha, row.r0, _source(draft, row, f"{path}: [morse]"))


def _wall(draft: _Draft, path: Path) -> ZincWall | None:
    row: Wall | None = draft.header.get("zinc_wall")
    return None if row is None else ZincWall(row.k_kj_mol, row.r0, _source(draft, row, f"{path}: [zinc_wall]"))


def _source(draft: _Draft, row: Sourced, where: str) -> str:
    """The row's citations written out, with its note."""
    return _cited(draft, row.source or (), where) + (f" ({row.note})" if row.note else "")


def _cited(draft: _Draft, names: Iterable[str], where: str) -> str:
    """Citations written out; there must be one, and every short name must be in [sources]."""
    names = list(names)
    if not names:
        known = ", ".join(sorted(draft.sources))
        raise InputError(f"{where} has no source; name one of {known}, or add yours to [sources].")
    if unknown := [n for n in names if n not in draft.sources]:
        raise InputError(f"{where} names the source '{unknown[0]}', which is not in [sources].")
    return "; ".join(draft.sources[n] for n in names)
