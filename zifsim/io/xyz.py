"""Frameworks as extended XYZ: the project's own format, which keeps bonds, units, types, charges and origin.

Any program that reads extXYZ shows the atoms; the rest is JSON in the comment line.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from ase.io import read as ase_read

from zifsim.errors import InputError
from zifsim.io.files import write_text_atomic
from zifsim.io.text import read_text
from zifsim.limits import shown
from zifsim.model.framework import BuildingUnit, FloatArray, Framework
from zifsim.printable import one_line

LONGEST_NAME = 200      # characters; longer ones are no names
MOST_ATOMS = 10**9


def _quoted(value: Any) -> str:
    """A JSON value as an extXYZ info string: in double quotes, with inner quotes and backslashes escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def format_framework(framework: Framework) -> str:
    """The extXYZ text of a framework; numbers are written with all digits, so reading gives the same hash."""
    columns = ["species:S:1", "pos:R:3"]
    if framework.types:
        columns.append("type:S:1")
    if framework.charges is not None:
        columns.append("charge:R:1")
    metadata = {
        "name": framework.name,
        "source": framework.source,
        "bonds": framework.bonds.tolist(),
        "units": [[unit.kind, *unit.atoms] for unit in framework.units],
    }
    lattice = " ".join(repr(float(x)) for x in framework.cell.ravel())
    lines = [str(framework.n_atoms),
             f'Lattice="{lattice}" Properties={":".join(columns)} pbc="T T T" zifsim={_quoted(metadata)}']
    for k, symbol in enumerate(framework.species):
        row = [symbol, *(repr(float(x)) for x in framework.positions[k])]
        if framework.types:
            row.append(framework.types[k])
        if framework.charges is not None:
            row.append(repr(float(framework.charges[k])))
        lines.append(" ".join(row))
    return "\n".join(lines) + "\n"


def write_framework(path: str | Path, framework: Framework) -> None:
    """Write a framework as extXYZ (whole or not at all); :func:`read_framework` is the inverse."""
    write_text_atomic(Path(path), format_framework(framework))


def _check_length(text: str, path: Path) -> None:
    """Raise InputError unless there are as many lines of atoms as the first line says: a number that is far too large
    is not to be found out by reading on."""
    said, n_lines = text.partition("\n")[0].strip(), text.count("\n") + (not text.endswith("\n"))
    if not said.isdecimal() or len(said) > len(str(MOST_ATOMS)):
        raise InputError(f"{path}: not a readable extXYZ file (its first line, {shown(said)}, is no number of atoms).")
    if int(said) > n_lines - 2:
        raise InputError(f"{path}: not a readable extXYZ file ({max(0, n_lines - 2)} lines of atoms, not {said} as its "
                         "first line says).")


def _read_atoms(path: Path) -> Atoms:
    if not path.is_file():
        raise InputError(f"No file '{path}'. Check the path (relative to the current folder).")
    text = read_text(path)
    _check_length(text, path)
    try:
        atoms = ase_read(io.StringIO(text), format="extxyz", index=0)
    except InputError:
        raise
    except Exception as error:
        # ASE raises whatever its parsing trips over; to the user all of these mean the same.
        raise InputError(f"{path}: not a readable extXYZ file ({one_line(str(error))[:200]}).") from error
    assert isinstance(atoms, Atoms)
    if len(atoms) == 0 or not atoms.cell.array.any():
        raise InputError(f"{path}: the file has no atoms, or no cell (Lattice=\"...\" on its second line).")
    return atoms


def _charges(atoms: Atoms) -> FloatArray | None:
    """The ``charge`` column; ASE files it under calculator results or arrays, depending on its version."""
    results = atoms.calc.results if atoms.calc is not None else {}
    found = atoms.arrays.get("charge", results.get("charges"))
    return None if found is None else np.asarray(found, dtype=np.float64)


def read_framework(path: str | Path) -> Framework:
    """Read an extXYZ file; one that zifsim did not write comes back without types, bonds and units.

    Raises
    ------
    InputError: missing or unreadable file, no cell, or bonds and units that do not fit the atoms.
    """
    path = Path(path)
    atoms = _read_atoms(path)
    metadata = atoms.info.get("zifsim", {})
    try:
        if isinstance(metadata, str):
            metadata = json.loads(metadata)
        units = tuple(BuildingUnit(kind, tuple(members)) for kind, *members in metadata.get("units", []))
        bonds = np.array(metadata.get("bonds", []), dtype=np.int64).reshape(-1, 2)
        indices = [a for unit in units for a in unit.atoms]
        fits = sorted(indices) == list(range(len(atoms))) or not units
        if not fits or (bonds.size and not 0 <= bonds.min() <= bonds.max() < len(atoms)):
            raise ValueError("its bonds or units do not fit its atoms")
        if not all(isinstance(unit.kind, str) for unit in units):
            raise ValueError("the kind of a unit is no text")
        name = str(metadata.get("name", path.stem))
        if len(name) > LONGEST_NAME:
            raise ValueError(f"its name has {len(name)} characters, {LONGEST_NAME} at most")
        return Framework(
            name=name,
            species=tuple(chemical_symbols[z] for z in atoms.numbers),
            positions=atoms.positions,
            cell=atoms.cell.array,
            types=tuple(map(str, atoms.arrays["type"])) if "type" in atoms.arrays else (),
            bonds=bonds,
            units=units,
            charges=_charges(atoms),
            source=str(metadata.get("source", path.name)),
        )
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: the zifsim entry of the second line is damaged ({one_line(str(error))[:200]}). "
                         "Build the structure again.") from error
