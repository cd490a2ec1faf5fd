"""Text files of users: UTF-8, with or without a byte order mark; anything else is told with its line and the mend."""

from __future__ import annotations

from pathlib import Path

from zifsim.errors import InputError

MOST_TEXT_BYTES = 256 * 1024**2


def read_text(path: Path) -> str:
    """The text of a file.

    Raises
    ------
    InputError: UTF-16, bytes that are not UTF-8, or more than :data:`MOST_TEXT_BYTES`.
    OSError: it cannot be read.
    """
    with open(path, "rb") as stream:
        content = stream.read(MOST_TEXT_BYTES + 1)
    return decoded(content, path)


def decoded(content: bytes, path: Path, *, replace: bool = False) -> str:
    """The text of a file's bytes; ``replace``: those that are not UTF-8 do no harm. Raises like :func:`read_text`."""
    if len(content) > MOST_TEXT_BYTES:
        raise InputError(f"{path} is larger than {MOST_TEXT_BYTES // 1024**2} MB; is it the right file?")
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in content[:1000]:
        raise InputError(f"{path} is UTF-16 text or no text; save it as UTF-8.")
    try:
        return content.decode("utf-8-sig", errors="replace" if replace else "strict")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line}: the byte 0x{content[error.start]:02x} is not UTF-8 text; save the file "
                         "as UTF-8 (it may be Latin-1).") from None
