"""Digests: sha256 of files, of bytes, and of values as canonical JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

CHUNK_BYTES = 1 << 20


def plain(value: Any) -> Any:
    """Nested frozen values (dataclasses, mappings, arrays, tuples, paths) as JSON-ready ones."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, set | frozenset):
        return sorted(plain(v) for v in value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value) if isinstance(value, Path) else value


def canonical_json(value: Any) -> str:
    """One text for one value: keys in order, no blanks, floats with all their digits."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    """Hex sha256 of a value's canonical JSON; of parameters as loaded, so that the layout of a file does not count."""
    return sha256_bytes(canonical_json(value).encode())


def sha256_bytes(content: bytes) -> str:
    """Hex sha256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file's content, read in pieces."""
    with open(path, "rb") as stream:
        return sha256_pieces(iter(lambda: stream.read(CHUNK_BYTES), b""))


class RunningDigest:
    """sha256 of a file that grows: of what it held at first and what was added since. ``size``: bytes so far."""

    def __init__(self, path: Path) -> None:
        self._found, self.size = hashlib.sha256(), 0
        if path.is_file():
            with open(path, "rb") as stream:
                while piece := stream.read(CHUNK_BYTES):
                    self.add(piece)

    def add(self, piece: bytes) -> None:
        self._found.update(piece)
        self.size += len(piece)

    @property
    def sha256(self) -> str:
        return self._found.hexdigest()


def sha256_pieces(pieces: Iterable[bytes]) -> str:
    """Hex sha256 of bytes that come piece by piece."""
    found = hashlib.sha256()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()
