"""Seals: what a run keeps for itself carries the sha256 of its content, and is used only where that still fits.

A sealed JSON object has it under ``sha256``, any other sealed file in a line of text after its content (numpy and zip
readers pass over it). It is made of the file's name and content, so that no file stands in for another. What was
damaged counts as absent wherever it can be computed again (:func:`kept`), and is told in one sentence where it cannot.
Files without a seal, of zifsim up to 0.1.0, count as damaged too, but for those that are results (``needed=False``).
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import DamagedError
from zifsim.io.files import read_json, write_bytes_atomic, write_json_atomic
from zifsim.runs.digest import digest, plain, sha256_bytes
from zifsim.runs.progress import Report, note

Value = TypeVar("Value")
SEAL = "sha256"
MARK = b"\nsha256 "
MISSING = "it has no checksum; it was changed, or written by zifsim 0.1.0"
CHANGED = "its checksum does not fit; it was changed after zifsim wrote it"
# What reading a file whose content is not what it should be may raise.
UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError, EOFError, OverflowError, zipfile.BadZipFile,
              zlib.error, NotImplementedError, RuntimeError)


def write_sealed_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON object with its seal, atomically."""
    written = plain(values)
    write_json_atomic(path, {**written, SEAL: digest([path.name, written])})


def read_sealed_json(path: Path, needed: bool = True) -> dict[str, Any]:
    """What :func:`write_sealed_json` wrote. ``needed``: whether an object without a seal is refused.

    Raises
    ------
    DamagedError: it is not what was written. FileNotFoundError: there is none.
    """
    try:
        values = read_json(path)
    except ValueError as error:
        raise DamagedError(path, str(error)) from None
    if not isinstance(values, dict):
        raise DamagedError(path, "it holds no JSON object")
    stated = values.pop(SEAL, None)
    if stated is None and needed:
        raise DamagedError(path, MISSING)
    try:
        genuine = stated is None or stated == digest([path.name, values])
    except ValueError:      # text that is no Unicode
        genuine = False
    if not genuine:
        raise DamagedError(path, CHANGED)
    return values


def write_sealed(path: Path, content: bytes) -> None:
    """Write bytes with their seal, atomically."""
    write_bytes_atomic(path, content + MARK + _seal(path, content) + b"\n")


def read_sealed(path: Path) -> bytes:
    """What :func:`write_sealed` wrote; raises as :func:`read_sealed_json`."""
    if not path.is_file() and path.exists():
        raise DamagedError(path, "it is no file")
    content, mark, stated = path.read_bytes().rpartition(MARK)
    if not mark:
        raise DamagedError(path, MISSING)
    if stated != _seal(path, content) + b"\n":
        raise DamagedError(path, CHANGED)
    return content


def write_sealed_arrays(path: Path, compressed: bool = False, **arrays: Any) -> None:
    """Write arrays by name as a sealed ``.npz``, atomically."""
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, allow_pickle=False, **arrays)
    write_sealed(path, stream.getvalue())


def read_sealed_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """What :func:`write_sealed_arrays` wrote; raises as :func:`read_sealed_json`."""
    content = read_sealed(path)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return dict(stored)
    except UNREADABLE as error:
        raise DamagedError(path, f"{type(error).__name__}: {error}") from None


def made_of(path: Path, make: Callable[[], Value]) -> Value:
    """What ``make`` makes of a file's content; where it cannot, the file is of another version.

    Raises
    ------
    DamagedError: it cannot.
    """
    try:
        return make()
    except UNREADABLE as error:
        raise DamagedError(path, f"of another version: {type(error).__name__}: {error}") from None


def kept(path: Path, read: Callable[[Path], Value], report: Report) -> Value | None:
    """What is kept in a file; None where there is none, or a damaged one, which is told and will be made again."""
    try:
        return read(path)
    except FileNotFoundError:
        return None
    except DamagedError as error:
        report(note(f"{error.fault}, so it is computed again."))
        return None


def _seal(path: Path, content: bytes) -> bytes:
    return sha256_bytes(path.name.encode(errors="surrogateescape") + b"\n" + content).encode()
