"""Damage to files, by a seeded draw: bytes flipped, lost, doubled or cut off, and values of JSON replaced."""

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MUTATIONS = 200
NESTED: Any = json.loads("[" * 50 + "]" * 50)
ODD: tuple[Any, ...] = (None, [], {}, "x", -1, 0, 5, 4.64, 10**9, 10**400, 1e308, float("nan"), float("inf"), True, [1],
                        {"a": 1}, NESTED, "\ud800", "../../x")


def mutated_bytes(draw: random.Random, content: bytes) -> bytes:
    """The same bytes but for one change."""
    at, length = draw.randrange(len(content)), draw.randrange(1, 600)
    how = draw.randrange(5)
    if how == 0:
        return content[:at] + bytes([content[at] ^ (1 << draw.randrange(8))]) + content[at + 1:]
    if how == 1:
        return content[:at] + content[at + length:]
    if how == 2:
        return content[:at]
    return content[:at + length] + content[at:] if how == 3 else bytes(draw.randrange(256) for _ in range(length))


def mutated_json(draw: random.Random, content: bytes) -> bytes:
    """The same JSON but for one value, or the whole in the place of one, or one without its key."""
    value = json.loads(content)
    places = list(_places(value))
    if not places or draw.random() < 0.05:
        return _text(draw.choice(ODD))
    value = copy.deepcopy(value)
    holder: Any = value
    *way, last = draw.choice(places)
    for step in way:
        holder = holder[step]
    if draw.random() < 0.2:
        del holder[last]
    elif isinstance(holder[last], float | int) and draw.random() < 0.5:
        holder[last] = holder[last] * draw.choice((-1, 1.0001, 2, 1e6)) + draw.choice((0, 1))
    else:
        holder[last] = draw.choice(ODD)
    return _text(value)


def damaged(draw: random.Random, path: Path) -> bytes:
    """Damage a file, JSON as JSON half of the time; returns what it held."""
    before = path.read_bytes()
    is_json = path.suffix == ".json" or path.name == "DONE"
    path.write_bytes((mutated_json if is_json and draw.random() < 0.5 else mutated_bytes)(draw, before))
    return before


def _text(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()


def _places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Ways to all values in a value."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*way, key)
        if isinstance(inner, dict | list):
            yield from _places(inner, (*way, key))
