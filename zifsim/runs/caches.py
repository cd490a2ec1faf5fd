"""Caches: files kept between runs, which a run can always do without.

Every file ends with the sha256 of what stands before it. One that cannot be read, was cut short or altered counts as
absent, and is replaced by what is computed in its place. A folder that cannot be written costs one line on stderr.
Any number of processes may share a folder.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

from zifsim.io.files import TEMPORARY, write_bytes_atomic
from zifsim.printable import one_line
from zifsim.runs.digest import sha256_bytes

CHECKSUM_BYTES = 64             # sha256, in hex
LEFT_OVER_S = 3600.0            # what has been "being written" for an hour was left by a kill
_said: set[str] = set()


def user_cache() -> Path | None:
    """``zifsim`` in the user's cache folder ($XDG_CACHE_HOME, else ~/.cache); None where there is no home folder."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "zifsim"
    except RuntimeError:        # a container's user who is in no list of users
        return None


def read_entry(path: Path) -> bytes | None:
    """What :func:`write_entry` kept, None where that is absent or damaged. An entry that is used counts as young."""
    try:
        whole = path.read_bytes()
    except OSError:
        return None
    content = whole[:-CHECKSUM_BYTES]
    if whole[-CHECKSUM_BYTES:] != sha256_bytes(content).encode():
        return None
    with contextlib.suppress(OSError):      # a cache that may only be read
        os.utime(path)
    return content


def write_entry(path: Path, content: bytes, limit_bytes: int) -> None:
    """Keep ``content``; what was not used for longest goes until all that lies beside it fits into ``limit_bytes``.

    Raises
    ------
    OSError: it cannot be kept; nothing is left of it.
    """
    write_bytes_atomic(path, content + sha256_bytes(content).encode())
    entries = []
    for other in path.parent.iterdir():
        try:
            status = other.stat()
            if TEMPORARY.fullmatch(other.name):
                if time.time() - status.st_mtime > LEFT_OVER_S:
                    other.unlink()
            elif other.suffix == path.suffix:
                entries.append((status.st_mtime, status.st_size, other))
        except OSError:                     # another process was quicker, or it is not ours
            continue
    total = sum(size for _, size, _ in entries)
    for _, size, other in sorted(entries):
        if total <= limit_bytes:
            break
        with contextlib.suppress(OSError):
            other.unlink()
        total -= size


def say_once(text: str) -> None:
    """A line on stderr, once in a process."""
    if text not in _said:
        _said.add(text)
        print(one_line(f"note: {text}"), file=sys.stderr, flush=True)
