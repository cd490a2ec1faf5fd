"""Files that are whole or absent: writes go through a temporary name and os.replace. JSON is read in one place."""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from zifsim.errors import InputError

TEMPORARY = re.compile(r"\..+\.\d+\.\d+\.tmp")     # names of files that are being written, or that a kill left
LONGEST_NAME = 255      # bytes, of most file systems
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_FILES = (errno.EPIPE, errno.ECHILD, errno.EINTR, errno.ENOMEM)     # what an OSError may be about besides
MOST_JSON_BYTES = 512 * 1024**2
DEEPEST_JSON = 64       # levels; what zifsim writes has less than ten


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path`` for the body to write, which takes its place once the body ends.

    A kill at any moment leaves the old file or the new one, never a part; an error leaves no temporary.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path)
    _sweep_beside(path)
    try:
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from error    # a write does not name its file itself
        raise


def temporary_beside(path: Path) -> Path:
    """A name for this thread to write ``path`` under, no longer than names may be."""
    return path.with_name(f".{_begin(path)}.{os.getpid()}.{threading.get_ident()}.tmp")


def _begin(path: Path) -> str:
    return os.fsdecode(os.fsencode(path.name)[:LONGEST_NAME - 60])


def _sweep_beside(path: Path) -> None:
    """Remove what processes that were killed left of this very file. (Whoever holds a folder sweeps all of it.)"""
    begin = f".{_begin(path)}."
    with suppress(OSError):
        for name in os.listdir(path.parent):
            if name.startswith(begin) and TEMPORARY.fullmatch(name) and not _is_alive(name.split(".")[-3]):
                (path.parent / name).unlink(missing_ok=True)


def _is_alive(number: str) -> bool:
    """Whether a process of this machine has the number; that of another machine may be taken for dead, if it writes
    the same file at the same time, and says then that its file is gone."""
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def refused(error: OSError, place: Path | None = None) -> InputError | None:
    """What the file system refused, as one sentence; None where an error is about something else.

    ``place``: what is named where the error names no file.
    """
    if not error.errno or error.errno in NOT_FILES:
        return None
    where = place if error.filename is None or isinstance(error.filename, int) else Path(os.fsdecode(error.filename))
    if where is not None and len(name := str(where)) > 300:
        where = Path(f"{name[:140]}…{name[-140:]}")
    why = error.strerror or os.strerror(error.errno)
    if error.errno in NO_ROOM:
        return InputError(f"{where or 'The output'} cannot be written to ({why}); make room, or choose another place "
                          "with --out. What is finished is kept.")
    if error.errno == errno.EIO:
        return InputError(f"{where or 'A file'} cannot be read or written to ({why}); look after the disk, or choose "
                          "another place with --out.")
    if where is not None and where.is_symlink() and not where.exists():
        return InputError(f"{where} cannot be written to: it is a link to {os.readlink(where)}, which is not there; "
                          "mend the link, or choose another place with --out.")
    return InputError(f"{where or 'A file'} cannot be written to or read ({why}); mend that, or choose another place "
                      "with --out. What is finished is kept.")


def is_plain_name(name: str) -> bool:
    """Whether a name is that of a file below a folder, and of no other: relative, without ``..`` and the like."""
    return bool(name) and "\0" not in name and "\\" not in name and name == PurePosixPath(name).as_posix() \
        and not name.startswith("/") and not {"..", "."} & set(name.split("/"))


def write_bytes_atomic(path: Path, content: bytes) -> None:
    """Write ``content`` so that a kill at any moment leaves the old file or the new one, never a part."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text_atomic(path: Path, text: str) -> None:
    """:func:`write_bytes_atomic` for UTF-8 text."""
    write_bytes_atomic(path, text.encode())


def json_text(value: Any) -> str:
    """JSON, indented, keys in the order given."""
    return json.dumps(value, indent=2, default=list) + "\n"


def write_json_atomic(path: Path, value: Any) -> None:
    """:func:`write_bytes_atomic` for :func:`json_text`."""
    write_text_atomic(path, json_text(value))


def read_json(path: Path) -> Any:
    """The value of a JSON file (UTF-8, with or without a byte order mark).

    Raises
    ------
    OSError: it cannot be read. ValueError: it is not JSON; the message is a clause that follows the file's name.
    """
    with open(path, "rb") as stream:
        content = stream.read(MOST_JSON_BYTES + 1)
    return parse_json(content)


def parse_json(content: bytes) -> Any:
    """The value of a JSON text; whatever is wrong with it is a ValueError.

    Raises
    ------
    ValueError: not UTF-8, not JSON, too long, or nested deeper than :data:`DEEPEST_JSON` levels.
    """
    if len(content) > MOST_JSON_BYTES:
        raise ValueError(f"longer than {MOST_JSON_BYTES // 1024**2} MB")
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError(f"nested deeper than {DEEPEST_JSON} levels") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text (byte {error.start + 1})") from None
    level = [value]
    for _ in range(DEEPEST_JSON):
        level = [inner for outer in level if isinstance(outer, dict | list)
                 for inner in (outer.values() if isinstance(outer, dict) else outer)]
        if not level:
            return value
    raise ValueError(f"nested deeper than {DEEPEST_JSON} levels")
