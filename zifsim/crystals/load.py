"""Framework from a name or a file: what every command that takes a STRUCTURE calls."""

from __future__ import annotations

from pathlib import Path

from zifsim.crystals.crystal import open_crystal
from zifsim.errors import InputError
from zifsim.model.framework import Framework


def load_framework(structure: str | Path | Framework, *, configuration: str = "A", bim_per_cell: int | None = None,
                   supercell: tuple[int, int, int] = (1, 1, 1)) -> Framework:
    """The framework of an extXYZ file, a CIF or a shipped structure, with linkers, bonds and types assigned.

    Parameters
    ----------
    structure: name or path; a Framework is handed back as it is (repeated by ``supercell``).
    configuration: letter of the symmetry class of a disordered crystal's linkers.
    bim_per_cell: minority linkers on the mixed sites of one cell; None: nearest to the occupancies of the file.
    supercell: repeats along a, b, c.

    Raises
    ------
    InputError: unreadable structure, one with a fragment that is no known linker, or a configuration that is not there.
    """
    if isinstance(structure, Framework):
        if bim_per_cell is not None or configuration.upper() != "A":
            raise InputError(f"{structure.name} is one ordered cell; leave out configuration and bIm number.")
        return structure.supercell(supercell)
    check_one(configuration)
    return open_crystal(structure).order(configuration, bim_per_cell, supercell)[0]


def check_one(configuration: str) -> None:
    """Raise InputError for ``all``, which makes many frameworks."""
    if configuration.lower() == "all":
        raise InputError("One configuration makes one framework: give its letter, such as A; all are listed by "
                         "'zifsim build --configuration all'.")
