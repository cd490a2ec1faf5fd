"""Tables checked: every file of a user is a pydantic model, and what is wrong with it is said in one sentence.

The sentence has the file, the key, the value, and what is allowed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, Tag, ValidationError

from zifsim.errors import InputError, UnknownNameError, ZifsimError
from zifsim.limits import Limits, shown

NO_VARIANT = "no_variant"       # a table that could be none, or several, of the models it may be
SectionT = TypeVar("SectionT", bound="Section")
Element = TypeVar("Element")

# Texts that say something; lists, which TOML and JSON have in place of tuples; one text or several.
Text = Annotated[str, StringConstraints(pattern=r"\S", max_length=2000)]
Row = Annotated[tuple[Element, ...], Field(strict=False)]
Texts = Annotated[tuple[Text, ...], Field(strict=False, min_length=1),
                  BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]

# What pydantic says of a type, in words of the file.
_TYPES = {
    "model_type": "a table of values", "dict_type": "a table of values", "tuple_type": "a list", "list_type": "a list",
    "string_type": "a text", "string_pattern_mismatch": "a text of the right form", "float_type": "a number",
    "finite_number": "a finite number", "int_type": "a whole number", "bool_type": "true or false",
}


def bounded(limits: Limits) -> Any:
    """What an annotation of a number says of its limits."""
    return Field(**limits.field, description=limits.unit or None)


class Section(BaseModel):
    """A table of a file: unknown keys are errors, types are those of the file, numbers are finite, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def checked(model: type[SectionT], data: Mapping[str, Any], origin: str) -> SectionT:
    """Tables of a file as ``model``.

    Raises
    ------
    InputError, UnknownNameError: the first thing that is wrong with them, said in one sentence.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise explain(error, model, origin) from None


def explain(error: ValidationError, model: type[BaseModel], origin: str) -> ZifsimError:
    """The first problem that pydantic found in values meant for ``model``, read from ``origin``."""
    problem = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    location = tuple(p for p in problem["loc"] if not _is_type(p))
    named = tuple(p for p in location if not _is_variant(p))
    where = ".".join(str(p) for p in named)
    kind = problem["type"]
    if kind == "extra_forbidden":
        table = ".".join(str(p) for p in named[:-1])
        what = f"key in [{table}] of {origin}:" if table else f"table in {origin}:"
        return UnknownNameError(what, str(location[-1]), _known_keys(model, location[:-1]))
    if kind == "missing":
        return InputError(f"{origin}: the key '{where}' is missing.")
    if kind in ("value_error", NO_VARIANT):
        reason = str(problem["ctx"]["error"] if kind == "value_error" else problem["msg"]).rstrip(".")
        return InputError(f"{origin}: {where}: {reason}." if where else f"{origin}: {reason}.")
    message = problem["msg"]
    message = f"it must be {_TYPES[kind]}" if kind in _TYPES else message[0].lower() + message[1:]
    limits, named_in = _limits(model, location), f"{where} = " if where else ""
    return InputError(f"{origin}: {named_in}{shown(problem['input'])} is not allowed: {message}{limits}."
                      f"{_hint(problem)}")


def _hint(problem: Any) -> str:
    """The nearest of the words that a text may be."""
    words = re.findall(r"'([^']*)'", problem["ctx"]["expected"]) if problem["type"] == "literal_error" else []
    near = difflib.get_close_matches(str(problem["input"]), words, n=1, cutoff=0.5)
    return f" Did you mean '{near[0]}'?" if near else ""


def variant_tag(name: str) -> str:
    """The tag of one model among several that a table may be; no name in a file looks like it."""
    return f"<{name}>"


def _is_variant(part: Any) -> bool:
    return isinstance(part, str) and part.startswith("<")


def _is_type(part: Any) -> bool:
    """Whether a part of a location is which type of a union was tried."""
    return isinstance(part, str) and (part in ("str", "constrained-str") or part.startswith("tuple["))


def _annotation(model: type[BaseModel], location: tuple[Any, ...]) -> tuple[Any, Any]:
    """(type, field info) of the value at a place in the model."""
    annotation: Any = model
    field = None
    for part in location:
        while get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        if type(None) in get_args(annotation):
            annotation = get_args(annotation)[0]
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields.get(str(part))
            annotation = field.annotation if field else None
        elif _is_variant(part):
            annotation = next(one for one in get_args(annotation) if Tag(part) in get_args(one))
        elif get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        elif get_origin(annotation) is tuple:
            annotation = get_args(annotation)[0]
    return annotation, field


def _known_keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """The keys of a table; where it may be one of several models, those of all."""
    if location and _is_variant(location[-1]):
        variants = get_args(get_args(_annotation(model, location[:-1])[0])[0])
        return [key for one in variants for key in get_args(one)[0].model_fields]
    annotation, _ = _annotation(model, location)
    return list(annotation.model_fields) if hasattr(annotation, "model_fields") else []


def _limits(model: type[BaseModel], location: tuple[Any, ...]) -> str:
    """The allowed range and the meaning of a field, for the end of an error message."""
    annotation, field = _annotation(model, location)
    metadata = list(field.metadata) if field else []
    annotation = next((one for one in get_args(annotation) if get_origin(one) is Annotated), annotation)
    if get_origin(annotation) is Annotated:
        for extra in get_args(annotation)[1:]:
            metadata += getattr(extra, "metadata", [])
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    bounds = [f"{sign} {getattr(m, name):g}" for name, sign in signs.items() for m in metadata
              if getattr(m, name, None) is not None]
    notes = [f"allowed: {' and '.join(bounds)}"] if bounds else []
    if field is not None and field.description:
        notes.append(field.description)
    return f" ({'; '.join(notes)})" if notes else ""
