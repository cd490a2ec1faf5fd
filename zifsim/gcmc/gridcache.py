"""Grids kept on disk between runs, each in a file named by the hash of all that it was made from.

The folder is ``$ZIFSIM_CACHE``, else ``zifsim/grids`` in the user's cache folder; ``ZIFSIM_CACHE=off`` keeps nothing.
What was not used for longest goes first once all of them exceed a limit (:mod:`zifsim.runs.caches`).
"""

from __future__ import annotations

import io
import os
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from zifsim import units
from zifsim.gcmc.spline import Spline
from zifsim.runs.caches import read_entry, say_once, user_cache, write_entry
from zifsim.runs.digest import digest, sha256_bytes, sha256_file
from zifsim.runs.environment import folder_of

VARIABLE = "ZIFSIM_CACHE"
LIMIT_BYTES = 2 * 1024**3
SUFFIX = ".grid.npz"


def cache_folder() -> Path | None:
    """Where grids are kept, None where they are not to be kept."""
    if os.environ.get(VARIABLE, "").lower() == "off":
        return None
    own = user_cache()
    return folder_of(VARIABLE) or (own and own / "grids")


def entry_name(*ingredients: Any) -> str:
    """Hex name of a grid: the hash of arrays, numbers and strings, and of the code that makes a grid of them."""
    arrays = [np.ascontiguousarray(item) for item in ingredients]
    return digest([CODE, [[str(a.dtype), a.shape, sha256_bytes(a.tobytes())] for a in arrays]])[:40]


def code_digest(room: Path = Path(__file__).parent) -> str:
    """Of every file of this room and of the constants, whichever of them a grid depends on, and of the libraries.

    A grid takes seconds, so that one too many is made anew sooner than one outdated is used.
    """
    sources = [*sorted(room.glob("*.py")), Path(units.__file__)]
    return digest([[path.name, sha256_file(path)] for path in sources]
                  + [metadata.version(package) for package in ("numpy", "scipy", "numba")])


CODE = code_digest()     # as it was when it was loaded: a file that is edited later is not what runs here


def load(name: str) -> Spline | None:
    """The grid of a name, or None."""
    folder = cache_folder()
    content = folder and read_entry(folder / f"{name}{SUFFIX}")
    if not content:
        return None
    with np.load(io.BytesIO(content)) as stored:
        return Spline(stored["coefficients"], float(stored["floor"]), float(stored["scale"]))


def store(name: str, made: Spline) -> None:
    """Keep a grid; a folder that cannot be written costs a line on stderr, not the run."""
    folder = cache_folder()
    if folder is None:
        return
    stream = io.BytesIO()
    np.savez(stream, **made._asdict())
    try:
        write_entry(folder / f"{name}{SUFFIX}", stream.getvalue(), LIMIT_BYTES)
    except OSError as error:
        say_once(f"host grids cannot be kept in {folder} ({error.strerror}); set {VARIABLE} to a folder that can be "
                 "written, or to off.")
