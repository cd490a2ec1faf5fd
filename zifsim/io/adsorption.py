"""The rigid host of adsorption: Lennard-Jones parameters and charges from TOML, and put onto a framework.

Rows are by atom type (``C5``) or by element (``C``); where both match an atom, the type wins. One file may
hold both the Lennard-Jones rows (``[atoms]``) and the charges (``[charges]``) of a host model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray
from pydantic import Field, model_validator

from zifsim.errors import InputError
from zifsim.io.checked import Section, Text, checked
from zifsim.io.resources import find_data, shipped_names
from zifsim.io.tomltable import read_toml
from zifsim.model.forcefield import AdsorptionForceField, ChargeSet, LennardJones
from zifsim.model.framework import Framework

ADSORPTION_FOLDER = "adsorption"
CHARGES_FOLDER = "charges"
DEFAULT_CHARGES = "ZIF-FF"
METALS = ("Zn", "Co")
LEAST_SIGMA = 0.1               # Å; of an atom with a well
RESIDUE_PER_METAL_E = 1e-3      # rounding of published charges; more than that is a wrong set, not rounding
_ROW_NAME = re.compile(r"([A-Z][a-z]?)(?![a-z])")
Found = TypeVar("Found")


class _LennardJonesRow(Section):
    epsilon_k: float = Field(ge=0.0, le=1e5, description="K")
    sigma_angstrom: float = Field(ge=0.0, le=20.0, description="Å")
    source: Text | None = None

    @model_validator(mode="after")
    def _sensible(self) -> _LennardJonesRow:
        if self.epsilon_k > 0.0 and self.sigma_angstrom < LEAST_SIGMA:
            raise ValueError(f"sigma_angstrom is {self.sigma_angstrom:g} although epsilon_k is not 0; give σ in Å")
        return self


class _ChargeRow(Section):
    charge_e: float = Field(ge=-10.0, le=10.0, description="e")
    source: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        """A bare number will do in a user's own file."""
        return {"charge_e": value} if isinstance(value, int | float) else value


class HostFile(Section):
    """A file with the Lennard-Jones rows of a host, its charges, or both."""

    name: Text
    description: Text
    source: Text
    atoms: dict[str, _LennardJonesRow] = Field(default_factory=dict)
    charges: dict[str, _ChargeRow] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _rows_are_atoms(self) -> HostFile:
        for table in ("atoms", "charges"):
            for key in getattr(self, table):
                match = _ROW_NAME.match(key)
                if match is None or match.group(1) not in chemical_symbols[1:]:
                    raise ValueError(f"row '{key}' of [{table}] is neither an element nor an atom type that begins "
                                     "with one")
        return self


def load_adsorption_forcefield(name: str | Path | AdsorptionForceField) -> AdsorptionForceField:
    """Lennard-Jones parameters of the host, by shipped name (``PP``, ``UFF``, ``DREIDING``) or TOML file; a value is
    handed back.

    Raises
    ------
    InputError: the file is missing, lacks its ``[atoms]`` table, or has a row that is not a number.
    UnknownNameError: neither a file nor a shipped name; a key that means nothing (a near one is suggested).
    """
    if isinstance(name, AdsorptionForceField):
        return name
    path = find_data("adsorption force field", name, "forcefields", ".toml", ADSORPTION_FOLDER)
    data = _read(path, "atoms", "charges")
    return AdsorptionForceField(data.name, data.description, {
        key: LennardJones(row.epsilon_k, row.sigma_angstrom, row.source or data.source)
        for key, row in data.atoms.items()}, data.source)


def charge_source(charges: str | Path | ChargeSet | None, forcefield: str | Path | AdsorptionForceField,
                  ) -> str | Path | ChargeSet:
    """Which charges go with a force field, everywhere: those asked for, else the ``[charges]`` of the force field's own
    file, else :data:`DEFAULT_CHARGES`."""
    if charges:
        return charges
    if isinstance(forcefield, AdsorptionForceField):
        return DEFAULT_CHARGES
    path = find_data("adsorption force field", forcefield, "forcefields", ".toml", ADSORPTION_FOLDER)
    return path if "charges" in read_toml(path) else DEFAULT_CHARGES


def load_charge_set(name: str | Path | ChargeSet) -> ChargeSet:
    """Host charges by shipped name (``ZIF-FF``, ``PP``, ``RESP``, …) or TOML file with a ``[charges]`` table; a value
    is handed back.

    Raises
    ------
    InputError: the file is missing, has no ``[charges]`` table, or has a row that is not a number.
    UnknownNameError: neither a file nor a shipped name; a key that means nothing (a near one is suggested).
    """
    if isinstance(name, ChargeSet):
        return name
    path = find_data("charge set", name, "forcefields", ".toml", CHARGES_FOLDER)
    data = _read(path, "charges", "atoms")
    return ChargeSet(data.name, data.description, {key: row.charge_e for key, row in data.charges.items()}, data.source)


def lj_parameters(
    framework: Framework, forcefield: AdsorptionForceField,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ε/k_B (N,) in K and σ (N,) in Å of every atom of the framework.

    Raises
    ------
    InputError: an element or type of the framework has no row (named).
    """
    rows = _rows_of_atoms(framework, forcefield.atoms)
    missing = sorted({_type_name(framework, i) for i, row in enumerate(rows) if row is None})
    if missing:
        raise InputError(
            f"Force field {forcefield.name} has no row for {', '.join(missing)} of {framework.name}; add a "
            "row (epsilon_k, sigma_angstrom) to a copy of its file, or take another force field.")
    found = [row for row in rows if row is not None]
    return np.array([r.epsilon_k for r in found]), np.array([r.sigma_angstrom for r in found])


def assign_charges(framework: Framework, charge_set: ChargeSet) -> Framework:
    """The framework with the charges of a set, its cell neutral to rounding.

    What published charges leave over by rounding (up to 1e-3 e per metal atom) is put evenly on the metal.

    Raises
    ------
    InputError: a type without a value, or a cell further from neutral than rounding explains.
    """
    rows = _rows_of_atoms(framework, charge_set.charges)
    missing = [i for i, row in enumerate(rows) if row is None]
    if missing:
        raise InputError(_missing_charges(framework, charge_set, missing))
    charges = np.array(rows, dtype=np.float64)
    metals = np.array([i for i, s in enumerate(framework.species) if s in METALS], dtype=np.int64)
    excess = float(charges.sum())
    if abs(excess) > RESIDUE_PER_METAL_E * len(metals) + 1e-9 * framework.n_atoms:
        raise InputError(_not_neutral(framework, charge_set, excess, len(metals)))
    if len(metals):
        charges[metals] -= excess / len(metals)
    charges.setflags(write=False)
    return replace(framework, charges=charges)


def _read(path: Path, needed: str, other: str) -> HostFile:
    """The file's content, checked, with at least a row in its ``needed`` table."""
    data = checked(HostFile, read_toml(path), str(path))
    if needed not in data.model_fields_set:
        has = f"has a table [{other}] but no" if other in data.model_fields_set else "lacks the table"
        raise InputError(f"{path} {has} [{needed}]; add one to use it here.")
    if not getattr(data, needed):
        raise InputError(f"{path}: the table [{needed}] is empty; add one row per atom type or element.")
    return data


def _rows_of_atoms(framework: Framework, table: Mapping[str, Found]) -> list[Found | None]:
    """The row of each atom, by type first and by element second, or None."""
    types = framework.types or framework.species
    return [table.get(t, table.get(s)) for t, s in zip(types, framework.species, strict=True)]


def _type_name(framework: Framework, atom: int) -> str:
    return framework.types[atom] if framework.types else framework.species[atom]


def _missing_charges(framework: Framework, charge_set: ChargeSet, missing: list[int]) -> str:
    """The sentence that names the types without a charge, where they occur, and which set has them."""
    unit_of = {a: unit.kind for unit in framework.units for a in unit.atoms}
    kinds: dict[str, set[str]] = {}
    for i in missing:
        kinds.setdefault(_type_name(framework, i), set()).update({unit_of[i]} if i in unit_of else ())
    named = ", ".join(t + (f" ({', '.join(sorted(k))})" if k else "") for t, k in sorted(kinds.items()))
    if not framework.types:
        return (f"Charge set {charge_set.name} has no value for {named}: {framework.name} has no atom types, "
                "so only rows by element can match; load it with its linkers recognised, or add such rows.")
    complete = [n for n in shipped_names("forcefields", ".toml", CHARGES_FOLDER)
                if None not in _rows_of_atoms(framework, load_charge_set(n).charges)]
    use = f"use {' or '.join(complete)}, or " if complete else ""
    return f"Charge set {charge_set.name} has no value for {named}; {use}add a row to a copy of its file."


def _not_neutral(framework: Framework, charge_set: ChargeSet, excess: float, n_metals: int) -> str:
    """The sentence that says by how much a cell is charged, and the mend."""
    message = f"{framework.name} with charge set {charge_set.name} is not neutral: {excess:+.4f} e per cell"
    if not n_metals:
        return f"{message} and no Zn or Co to take it up; correct the charges so that the cell sums to zero."
    each = excess / n_metals
    return (f"{message}, {each:+.5f} e per metal atom (up to {RESIDUE_PER_METAL_E:g} is taken as rounding "
            f"and put on the metal). To neutralise, subtract {each:+.5f} e from the metal's row in a copy of "
            "the charge file, or take the set that was made for this framework.")
