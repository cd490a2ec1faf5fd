"""One framework from a name or a file: what every command that takes a STRUCTURE calls."""

from __future__ import annotations

from pathlib import Path

from zifsim.crystals.ordering import build_frameworks
from zifsim.model.framework import Framework


def load_framework(name_or_path: str | Path) -> Framework:
    """The framework of an extXYZ file, a CIF or a shipped structure, with linkers, bonds and types assigned.

    A disordered CIF comes as its configuration A at the composition nearest to its occupancies.

    Raises
    ------
    InputError: unreadable structure, or one with a fragment that is no known linker.
    """
    return build_frameworks(name_or_path)[0]
