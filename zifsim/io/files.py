"""Files that are either whole or absent: writes go through a temporary name and os.replace."""

from __future__ import annotations

import json
import os
import re
import threading
from pathlib import Path
from typing import Any

TEMPORARY = re.compile(r"\..+\.\d+\.\d+\.tmp")     # names of files that are being written, or that a kill left


def write_bytes_atomic(path: Path, content: bytes) -> None:
    """Write ``content`` so that a kill at any moment leaves the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with open(temporary, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
    return json.loads(path.read_text())

