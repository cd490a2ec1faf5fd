"""Tables of a TOML file with their keys and numbers checked, so that a typing slip is named, not ignored."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zifsim.errors import InputError, UnknownNameError


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises
    ------
    InputError: not valid TOML (a key given twice is among the reasons).
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a valid TOML file: {error}.") from error


def check_keys(table: Any, required: Iterable[str], optional: Iterable[str], where: str) -> None:
    """Raise unless ``table`` has all ``required`` keys and beyond them only ``optional`` ones."""
    required, optional = list(required), list(optional)
    if not isinstance(table, Mapping):
        raise InputError(f"{where} must be a table with the keys {', '.join(required)}, not {table!r}.")
    for key in table:
        if key not in required and key not in optional:
            raise UnknownNameError(f"key in {where}:", key, [*required, *optional])
    missing = [key for key in required if key not in table]
    if missing:
        raise InputError(f"{where} lacks {', '.join(missing)}; add {'it' if len(missing) == 1 else 'them'}.")


def text(table: Mapping[str, Any], key: str, where: str) -> str:
    """A non-empty string of a table."""
    value = table[key]
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: {key} must be a non-empty text, not {value!r}.")
    return value


def number(table: Mapping[str, Any], key: str, where: str, *, least: float = -math.inf) -> float:
    """A finite number of a table that is not below ``least``."""
    value = table[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError(f"{where}: {key} must be a finite number, not {value!r}.")
    if value < least:
        raise InputError(f"{where}: {key} is {value:g} and must not be below {least:g}.")
    return float(value)
