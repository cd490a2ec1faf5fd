"""What pydantic found wrong, said in one sentence: file, key, value, and what is allowed."""

from __future__ import annotations

from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from zifsim.errors import InputError, UnknownNameError, ZifsimError


def explain(error: ValidationError, model: type[BaseModel], origin: str) -> ZifsimError:
    """The first problem that pydantic found in values meant for ``model``, read from ``origin``."""
    problem = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    location = tuple(p for p in problem["loc"] if not _is_union_tag(p))
    where = ".".join(str(p) for p in location)
    kind = problem["type"]
    if kind == "extra_forbidden":
        table = ".".join(str(p) for p in location[:-1])
        what = f"key in [{table}] of {origin}:" if table else f"table in {origin}:"
        return UnknownNameError(what, str(location[-1]), _known_keys(model, location[:-1]))
    if kind == "missing":
        return InputError(f"{origin}: the key '{where}' is missing.")
    if kind == "value_error":
        reason = str(problem["ctx"]["error"]).rstrip(".")
        return InputError(f"{origin}: {where}: {reason}." if where else f"{origin}: {reason}.")
    message = problem["msg"]
    message = message[0].lower() + message[1:]
    limits = _limits(model, location)
    return InputError(f"{origin}: {where} = {problem['input']!r} is not allowed: {message}{limits}.")


def _is_union_tag(part: Any) -> bool:
    return isinstance(part, str) and (part == "str" or part.startswith("tuple["))


def _annotation(model: type[BaseModel], location: tuple[Any, ...]) -> tuple[Any, Any]:
    """(type, field info) of the value at a place in the model."""
    annotation: Any = model
    field = None
    for part in location:
        while get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            field = annotation.model_fields.get(str(part))
            annotation = field.annotation if field else None
        elif get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        elif get_origin(annotation) is tuple:
            annotation = get_args(annotation)[0]
    return annotation, field


def _known_keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    annotation, _ = _annotation(model, location)
    return list(annotation.model_fields) if hasattr(annotation, "model_fields") else []


def _limits(model: type[BaseModel], location: tuple[Any, ...]) -> str:
    """The allowed range and the meaning of a field, for the end of an error message."""
    annotation, field = _annotation(model, location)
    metadata = list(field.metadata) if field else []
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
