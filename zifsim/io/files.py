"""Files that are whole or absent: writes go through a temporary name and os.replace. JSON is read in one place."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

TEMPORARY = re.compile(r"\..+\.\d+\.\d+\.tmp")     # names of files that are being written, or that a kill left
LONGEST_NAME = 255      # bytes, of most file systems
MOST_JSON_BYTES = 512 * 1024**2
DEEPEST_JSON = 64       # levels; what zifsim writes has less than ten


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path`` for the body to write, which takes its place once the body ends.

    A kill at any moment leaves the old file or the new one, never a part; an error leaves no temporary.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path)
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
    end = f".{os.getpid()}.{threading.get_ident()}.tmp"
    begin = os.fsdecode(os.fsencode(path.name)[:LONGEST_NAME - len(end) - 1])
    return path.with_name(f".{begin}{end}")


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
