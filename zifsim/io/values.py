"""Values: dataclasses of plain fields from their JSON, checked field by field."""

from __future__ import annotations

from typing import Any, TypeVar

from zifsim.errors import InputError

Value = TypeVar("Value")


def from_plain(kind: type[Value], values: Any, where: str) -> Value:
    """A dataclass from what :func:`zifsim.runs.digest.plain` made of one; ``where`` is named in errors.

    Raises
    ------
    InputError: a field is missing or of another type.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        value: Value = TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{where} is no {kind.__name__} of this version ({at}: {first['msg']}).") from None
    return value
