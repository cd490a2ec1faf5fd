"""Results read back: one reader per kind, which says in one sentence what is wrong with a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from zifsim.errors import InputError
from zifsim.io.checked import checked
from zifsim.io.files import read_json
from zifsim.io.result_tables import IsothermTable, MixtureTable, ResultTable
from zifsim.model.mixture import MixtureIsotherm
from zifsim.model.uptake import SCHEMA, Isotherm

R = TypeVar("R")
ISOTHERM, MIXTURE = "isotherm.json", "mixture.json"
LABELS = ("material", "configuration", "framework_kind")     # of a study's isotherms, up to version 0.1.0


def read_isotherm(path: Path) -> Isotherm:
    """The isotherm of an ``isotherm.json``, or of the results folder that holds one.

    Raises
    ------
    InputError: no such file, or one that is damaged, no isotherm, or of a newer zifsim; the file is named.
    """
    return read_result(path, ISOTHERM, "an isotherm", "zifsim gcmc", lambda values: Isotherm.from_dict(
        _whole(IsothermTable, values)))


def read_mixture(path: Path) -> MixtureIsotherm:
    """The mixture of a ``mixture.json``, or of the results folder that holds one; raises like :func:`read_isotherm`."""
    return read_result(path, MIXTURE, "a mixture", "zifsim mixture", lambda values: MixtureIsotherm.from_dict(
        _whole(MixtureTable, values)))


def _whole(table: type[ResultTable], values: Mapping[str, Any]) -> dict[str, Any]:
    """What a result says of itself, checked, without a study's labels.

    Raises
    ------
    ValueError: a value that is missing, of another type, not finite or beyond all use; a clause.
    """
    own = {name: value for name, value in values.items() if name not in LABELS}
    try:
        return checked(table, own, "").model_dump()
    except InputError as error:
        raise ValueError(str(error).removeprefix(": ").rstrip(".")) from None


def read_result(path: Path, name: str, kind: str, command: str, make: Callable[[Mapping[str, Any]], R]) -> R:
    """What ``make`` makes of a result file, or of ``name`` in a results folder; ``kind`` and ``command`` (that leaves
    such files) are named where it cannot be read; raises like :func:`read_isotherm`."""
    file = path / name if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"No file '{file}'. Check the path, or finish {kind} with {command}.")
    try:
        values = read_json(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file} is damaged ({error}); restore it, or make it again with {command}.") from None
    schema = values.get("schema", SCHEMA) if isinstance(values, Mapping) else SCHEMA
    if isinstance(schema, int) and schema > SCHEMA:
        raise InputError(f"{file} is of a newer zifsim (schema {schema}; this one reads {SCHEMA}): install that one.")
    try:
        return make(values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(f"{file} is not {kind} that zifsim wrote ({error}); make one with {command}.") from None
