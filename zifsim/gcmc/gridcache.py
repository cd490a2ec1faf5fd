"""Grids kept on disk between runs, each in a file named by the hash of all that it was made from.

The folder is ``$ZIFSIM_CACHE``, else ``zifsim/grids`` in the user's cache folder; ``ZIFSIM_CACHE=off`` keeps nothing.
A file that cannot be read, or whose checksum is wrong, counts as absent; what was not used for longest goes first once
all of them exceed a limit. Any number of processes may share the folder.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from zifsim.gcmc import grid, spline
from zifsim.gcmc.spline import Spline
from zifsim.io.files import write_bytes_atomic

VARIABLE = "ZIFSIM_CACHE"
LIMIT_BYTES = 2 * 1024**3
SUFFIX = ".grid.npz"


def cache_folder() -> Path | None:
    """Where grids are kept, None where they are not to be kept."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen.lower() == "off":
        return None
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "zifsim" / "grids"


def entry_name(*ingredients: Any) -> str:
    """Hex name of a grid: the hash of arrays, numbers and strings, and of the code that makes a grid of them."""
    digest = hashlib.sha256()
    for module in (grid, spline):
        digest.update(Path(str(module.__file__)).read_bytes())
    for item in ingredients:
        array = np.ascontiguousarray(item)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()[:40]


def load(name: str) -> Spline | None:
    """The grid of a name, or None."""
    folder = cache_folder()
    if folder is None:
        return None
    path = folder / f"{name}{SUFFIX}"
    try:
        with open(path, "rb") as stream, np.load(stream) as stored:
            found = Spline(stored["coefficients"], float(stored["floor"]), float(stored["scale"]))
        os.utime(path)      # used just now
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return found


def store(name: str, made: Spline) -> None:
    """Keep a grid, and forget the oldest ones where the folder has grown too large.

    A folder that cannot be written costs a warning, not the run.
    """
    folder = cache_folder()
    if folder is None:
        return
    stream = io.BytesIO()
    np.savez(stream, **made._asdict())
    try:
        write_bytes_atomic(folder / f"{name}{SUFFIX}", stream.getvalue())
        _forget_oldest(folder)
    except OSError as error:
        warnings.warn(f"Host grids cannot be kept in {folder} ({error.strerror}); set {VARIABLE} to a folder that "
                      "can be written, or to off.", stacklevel=2)


def _forget_oldest(folder: Path) -> None:
    """Delete the least recently used grids until the rest fits into :data:`LIMIT_BYTES`."""
    found = []
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            status = path.stat()
        except FileNotFoundError:      # another process was quicker
            continue
        found.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= LIMIT_BYTES:
            break
        path.unlink(missing_ok=True)
        total -= size
