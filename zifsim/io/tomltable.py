"""TOML files: read whole, with what tomllib lets through checked too."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from zifsim.errors import InputError
from zifsim.io.text import read_text
from zifsim.printable import one_line, printable

DEEPEST = 32        # levels of tables and lists; what zifsim reads has less than ten
LONGEST = 10_000    # characters of a text


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises
    ------
    InputError: not valid TOML (a key given twice is among the reasons), not UTF-8, nested too deeply, or with text
        that is not printable.
    """
    return parse_toml(read_text(path), str(path))


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """:func:`read_toml` of a text, which ``where`` names in errors."""
    try:
        content = tomllib.loads(text)
    except RecursionError:
        raise InputError(f"{where} is not a valid TOML file: nested deeper than {DEEPEST} levels.") from None
    except ValueError as error:         # of its syntax, or a number of thousands of digits
        raise InputError(f"{where} is not a valid TOML file: {one_line(str(error))[:200].rstrip('.')}.") from None
    level: list[Any] = [content]
    for _ in range(DEEPEST):
        names = [key for one in level if isinstance(one, dict) for key in one]
        for found in [*names, *(one for one in level if isinstance(one, str))]:
            if found != printable(found) or len(found) > LONGEST:
                raise InputError(f"{where}: the text {found[:40]!a} holds a control character or is too long; "
                                 "correct it.")
        level = [inner for one in level if isinstance(one, dict | list)
                 for inner in (one.values() if isinstance(one, dict) else one)]
        if not level:
            return content
    raise InputError(f"{where} is not a valid TOML file: nested deeper than {DEEPEST} levels.")
