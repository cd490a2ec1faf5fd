"""Archives: plain files in a tar.gz whose first one lists all others, read without trusting what its headers say.

Reading goes forwards only, in small pieces, and stops at the first entry that is anything but a plain file that the
list names, at the second of a name, and beyond the size that the list or :data:`MOST_BYTES` allows.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from zifsim.errors import InputError
from zifsim.io.files import is_plain_name, parse_json, replacing
from zifsim.runs.digest import CHUNK_BYTES, sha256_pieces

CONTENTS = "bundle.json"
FORMAT = 1
MOST_BYTES = 4 * 1024**3        # unpacked
MOST_CONTENTS_BYTES = 64 * 1024**2
MOST_KEPT_BYTES = 64 * 1024**2  # of all files whose content is asked for
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive says is in it. ``files``: name -> sha256; ``sizes``: name -> bytes, none up to version 0.1.0."""

    name: str
    files: Mapping[str, str]
    sizes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What is in an archive. ``sha256`` of every file, ``kept``: the content of those that were asked for."""

    contents: Contents
    sha256: Mapping[str, str]
    kept: Mapping[str, bytes]


def write_archive(target: Path, files: Mapping[str, Path], contents: Mapping[str, Any]) -> None:
    """Pack files (name -> where it is) after their list, without dates and owners: the same files give the same bytes.

    Raises
    ------
    InputError: more than an archive may hold, or a file that changed while it was packed.
    """
    checksums: Mapping[str, str] = contents["files"]
    sizes = {name: files[name].stat().st_size for name in sorted(files)}
    if (total := sum(sizes.values())) > MOST_BYTES:
        raise InputError(f"'{target}' would hold {total / 1e9:.1f} GB, more than the {MOST_BYTES / 1e9:.1f} GB of a "
                         "bundle; bundle its parts.")
    head = json.dumps({**contents, "sizes": sizes}, indent=2).encode() + b"\n"
    with replacing(target) as temporary:
        with (open(temporary, "wb") as packed, gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=0) as zipped,
              tarfile.open(fileobj=zipped, mode="w") as archive):
            archive.addfile(_entry(CONTENTS, len(head)), io.BytesIO(head))
            for name, size in sizes.items():
                with open(files[name], "rb") as stream:
                    archive.addfile(_entry(name, size), stream)
        for name, sha256 in read_archive(temporary).sha256.items():
            if sha256 != checksums[name]:
                raise InputError(f"{files[name]} changed while it was packed; bundle again when nothing writes there.")


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry


def read_archive(path: Path, keep: Collection[str] = ()) -> Unpacked:
    """The checksums of an archive's files, without unpacking it; ``keep``: last parts of the names of files whose
    content is wanted, as far as there is room.

    Raises
    ------
    InputError: no archive, or one that holds anything but the plain files of its list, each once.
    """
    if not path.is_file():
        raise InputError(f"No file '{path}'.")
    found: dict[str, str] = {}
    kept: dict[str, bytes] = {}
    room = MOST_KEPT_BYTES
    contents = _contents(path)
    with _entries(path) as (entries, stream):
        for entry in entries:
            name = entry.name
            if name != CONTENTS and name not in contents.files:
                raise InputError(f"'{path}' is not what was packed: {shown(name)} does not belong to it.")
            if contents.sizes.get(name, entry.size) != entry.size:
                raise InputError(f"'{path}' is not what was packed: {name} is {entry.size} bytes, not "
                                 f"{contents.sizes[name]}.")
            content: list[bytes] = []
            wanted = PurePosixPath(name).name in keep and entry.size <= room
            sha256 = sha256_pieces(_pieces(stream, entry.size, content if wanted else None))
            if stream.read(-entry.size % tarfile.BLOCKSIZE).strip(b"\0"):
                raise InputError(f"'{path}' is not what was packed: something follows {name} in its last block.")
            if name != CONTENTS:
                found[name] = sha256
            if wanted:
                kept[name] = b"".join(content)
                room -= entry.size
    return Unpacked(contents, found, kept)


def _contents(path: Path) -> Contents:
    """The list of an archive, wherever it is in it."""
    with _entries(path) as (entries, stream):
        for entry in entries:
            if entry.name == CONTENTS:
                if entry.size > MOST_CONTENTS_BYTES:
                    raise InputError(f"'{path}' is no bundle: its {CONTENTS} has {entry.size} bytes.")
                return _checked(path, b"".join(_pieces(stream, entry.size)))
    raise _no_bundle(path)


def _checked(path: Path, content: bytes) -> Contents:
    """The list of an archive, if it is one."""
    try:
        values = parse_json(content)
        version, name, files, sizes = (values["zifsim_bundle"], values["name"], values["files"],
                                       values.get("sizes", {}))
    except (KeyError, ValueError, TypeError, AttributeError):
        raise _no_bundle(path) from None
    if version != FORMAT:
        raise InputError(f"'{path}' is a bundle of format {shown(str(version))}, this zifsim reads {FORMAT}.")
    if not isinstance(name, str) or not isinstance(files, dict) or not isinstance(sizes, dict):
        raise _no_bundle(path)
    for file, sha256 in files.items():
        if not is_plain_name(file) or file == CONTENTS:
            raise InputError(f"'{path}' is no bundle: its {CONTENTS} lists {shown(file)}, which is no name of a file "
                             "in it.")
        if not isinstance(sha256, str) or not SHA256.fullmatch(sha256):
            raise InputError(f"'{path}' is no bundle: its {CONTENTS} has no sha256 of {shown(file)}.")
    if not all(file in files and type(size) is int and 0 <= size <= MOST_BYTES for file, size in sizes.items()):
        raise InputError(f"'{path}' is no bundle: its {CONTENTS} lists sizes that cannot be.")
    return Contents(name, files, sizes)


def _no_bundle(path: Path) -> InputError:
    return InputError(f"'{path}' is no bundle: it holds no {CONTENTS} that `zifsim bundle` wrote.")


def shown(name: str) -> str:
    """A name of an archive, for a message: short, and nothing in it that a terminal acts on."""
    short = name if len(name) <= 80 else name[:80] + "…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in short)


@contextmanager
def _entries(path: Path) -> Iterator[tuple[Iterator[tarfile.TarInfo], _Tar]]:
    """The entries of an archive, all of them plain files, and the stream, which stands at the content of the last one
    given; raises InputError for an archive that is damaged or holds anything else, in the body too."""
    try:
        with open(path, "rb") as packed, gzip.GzipFile(fileobj=packed, mode="rb") as zipped:
            stream = _Tar(zipped)
            with tarfile.open(fileobj=stream, mode="r:") as archive:  # type: ignore[call-overload]
                yield _plain_files(path, archive, stream), stream
    except (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, OverflowError, RecursionError) as error:
        raise InputError(f"'{path}' is damaged or no tar.gz archive ({shown(str(error))}).") from None


def _plain_files(path: Path, archive: tarfile.TarFile, stream: _Tar) -> Iterator[tarfile.TarInfo]:
    """Entry after entry, and at the end a look at what follows."""
    seen: set[str] = set()
    while (entry := archive.next()) is not None:
        archive.members.clear()         # type: ignore[attr-defined]  # it would keep all of them
        if entry.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or entry.issparse():
            raise InputError(f"'{path}' is not what was packed: {shown(entry.name)} is no plain file.")
        if not is_plain_name(entry.name):
            raise InputError(f"'{path}' is not what was packed: {shown(entry.name)} is no name of a file in it.")
        if entry.name in seen:
            raise InputError(f"'{path}' is not what was packed: it holds {entry.name} twice.")
        seen.add(entry.name)
        yield entry
    if stream.last.strip(b"\0") or any(piece.strip(b"\0") for piece in iter(lambda: stream.read(CHUNK_BYTES), b"")):
        raise InputError(f"'{path}' is not what was packed: something follows its last file.")


def _pieces(stream: _Tar, size: int, keep: list[bytes] | None = None) -> Iterator[bytes]:
    """The next ``size`` bytes, piece by piece."""
    while size > 0:
        piece = stream.read(min(size, CHUNK_BYTES))
        if not piece:
            raise tarfile.ReadError("unexpected end of data")
        size -= len(piece)
        if keep is not None:
            keep.append(piece)
        yield piece


class _Tar:
    """A decompressed stream that is read forwards, a piece at a time, up to :data:`MOST_BYTES`; ``last``: that piece.

    A header that asks for more at once, for more in all, or for what lies behind, lies.
    """

    def __init__(self, stream: IO[bytes] | gzip.GzipFile) -> None:
        self._stream, self._at, self.last = stream, 0, b""

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= CHUNK_BYTES:
            raise tarfile.ReadError(f"a header of {size} bytes")
        self._at += size
        if self._at > MOST_BYTES + MOST_CONTENTS_BYTES:
            raise tarfile.ReadError(f"more than {MOST_BYTES / 1e9:.1f} GB in it")
        self.last = self._stream.read(size)
        self._at += len(self.last) - size
        return self.last

    def seek(self, position: int) -> None:
        if position < self._at:
            raise tarfile.ReadError("a header that points backwards")
        while self._at < position:
            if not self.read(min(CHUNK_BYTES, position - self._at)):
                raise tarfile.ReadError("unexpected end of data")

    def tell(self) -> int:
        return self._at
