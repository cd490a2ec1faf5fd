"""Archives that were made to deceive: whatever is not a plain file of the list, once, is named; nothing is believed."""

import gzip
import hashlib
import io
import json
import random
import tarfile
from pathlib import Path

import pytest

from zifsim.campaign import archive
from zifsim.campaign.bundle import verify_bundle
from zifsim.errors import InputError

RESULT = b'{"loading": 2.5}\n'
DONE = json.dumps({"outputs": {"isotherm.json": hashlib.sha256(RESULT).hexdigest()}}).encode()
FILES = {"s/DONE": DONE, "s/isotherm.json": RESULT, "table.csv": b"a,b\n1,2\n"}


def contents(packed=FILES, **changes):
    values = {"zifsim_bundle": 1, "name": "b", "files": {n: hashlib.sha256(c).hexdigest() for n, c in packed.items()},
              "sizes": {n: len(c) for n, c in packed.items()}}
    return json.dumps({**values, **changes}).encode()


def member(name, content=b"", type_=tarfile.REGTYPE, **fields):
    entry = tarfile.TarInfo(name)
    entry.size, entry.type = len(content), type_
    for field, value in fields.items():
        setattr(entry, field, value)
    return entry, content


def whole(packed=FILES, **changes):
    return [member("bundle.json", contents(packed, **changes)), *(member(n, c) for n, c in packed.items())]


def tar(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as packed:
        for entry, content in members:
            packed.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def write(path, raw):
    path.write_bytes(gzip.compress(raw, mtime=0))
    return path


def test_a_whole_archive_is_confirmed_whatever_its_order(tmp_path):
    found = verify_bundle(write(tmp_path / "b.tar.gz", tar(whole())))
    assert (found.n_files, found.n_stages) == (3, 1)
    assert verify_bundle(write(tmp_path / "c.tar.gz", tar(whole()[::-1]))).fingerprint == found.fingerprint


@pytest.mark.parametrize(("more", "sentence"), [
    (member("pipe", type_=tarfile.FIFOTYPE), "pipe is no plain file"),
    (member("disk", type_=tarfile.BLKTYPE, devmajor=8), "disk is no plain file"),
    (member("s", type_=tarfile.DIRTYPE), "s is no plain file"),
    (member("link", type_=tarfile.SYMTYPE, linkname="/etc/passwd"), "link is no plain file"),
    (member("link", type_=tarfile.LNKTYPE, linkname="table.csv"), "link is no plain file"),
    (member("table.csv", type_=tarfile.SYMTYPE, linkname="s/DONE"), "table.csv is no plain file"),
    (member("sparse", type_=tarfile.GNUTYPE_SPARSE), "sparse is no plain file"),
    (member("table.csv", b"a,b\n1,2\n"), "it holds table.csv twice"),
    (member("bundle.json", contents()), "it holds bundle.json twice"),
    (member("../../evil", b"x"), r"../../evil is no name of a file in it"),
    (member("/etc/passwd", b"x"), r"/etc/passwd is no name of a file in it"),
    (member("./table.csv", b"x"), r"./table.csv is no name of a file in it"),
    (member("evil\x1b[31m", b"x"), r"evil\x1b[31m does not belong to it"),
])
def test_anything_but_a_plain_file_of_the_list_is_named(tmp_path, more, sentence):
    with pytest.raises(InputError) as caught:
        verify_bundle(write(tmp_path / "b.tar.gz", tar([*whole(), more])))
    assert sentence in str(caught.value)


@pytest.mark.parametrize("changes", [
    {"files": 5}, {"files": ["a"]}, {"files": {"s/DONE": 5}}, {"files": {"s/DONE": "00"}},
    {"files": {"../x": "0" * 64}}, {"files": {"bundle.json": "0" * 64}}, {"name": [1]}, {"sizes": {"s/DONE": -1}},
    {"sizes": {"other": 1}},
    {"sizes": {"s/DONE": 1e308}}, {"sizes": 5}, {"zifsim_bundle": None},
])
def test_a_list_that_cannot_be_is_one_sentence(tmp_path, changes):
    with pytest.raises(InputError, match="bundle"):
        verify_bundle(write(tmp_path / "b.tar.gz", tar(whole(**changes))))


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 10_000, b'{"outputs": 5}', b'{"outputs": [1]}',
                                     b"null"])
def test_a_damaged_done_is_named(tmp_path, content):
    with pytest.raises(InputError, match="s/DONE is damaged"):
        verify_bundle(write(tmp_path / "b.tar.gz", tar(whole(FILES | {"s/DONE": content}))))


def test_what_hides_behind_the_end_or_between_the_files_is_found(tmp_path):
    raw = tar(whole())
    for hidden in (raw + tar([member("evil", b"x")]), raw + b"x", raw[:-1] + b"x",
                   raw.replace(b"a,b\n1,2\n\0", b"a,b\n1,2\nx")):
        with pytest.raises(InputError, match=r"something follows"):
            verify_bundle(write(tmp_path / "b.tar.gz", hidden))
    (tmp_path / "c.tar.gz").write_bytes(gzip.compress(raw) + b"x")
    with pytest.raises(InputError, match=r"is damaged or no tar\.gz"):
        verify_bundle(tmp_path / "c.tar.gz")


def test_sizes_that_lie_are_not_believed(tmp_path, monkeypatch):
    raw = bytearray(tar(whole()))
    entry = member("table.csv")[0]
    entry.size = 1 << 40
    for field in ("huge", "negative"):
        entry.size = 1 << 40 if field == "huge" else -512
        head = entry.tobuf(format=tarfile.GNU_FORMAT)
        with pytest.raises(InputError, match=r"bytes, not|damaged|something follows"):
            verify_bundle(write(tmp_path / f"{field}.tar.gz", bytes(raw[:-10240]) + head))
    for kind in (b"L", b"x", b"g"):         # a long name, or keywords, of a gigabyte
        entry.type, entry.size = kind, 1 << 30
        with pytest.raises(InputError, match="a header of"):
            verify_bundle(write(tmp_path / "header.tar.gz", entry.tobuf(format=tarfile.GNU_FORMAT) + bytes(raw)))
    monkeypatch.setattr(archive, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(archive, "MOST_CONTENTS_BYTES", 1 << 20)
    with pytest.raises(InputError, match="GB in it"):
        verify_bundle(write(tmp_path / "bomb.tar.gz", bytes(raw) + bytes(16 << 20)))


def test_headers_nested_without_end_are_one_sentence(tmp_path):
    entry = tarfile.TarInfo("table.csv")
    entry.type, entry.size = tarfile.XHDTYPE, 0
    with pytest.raises(InputError, match="is damaged or no"):
        verify_bundle(write(tmp_path / "b.tar.gz", entry.tobuf() * 20_000))


@pytest.mark.parametrize("layer", ["gzip", "tar", "list"])
def test_two_hundred_mutations_are_refused_or_change_nothing(tmp_path, layer):
    draw, raw, path = random.Random(14), tar(whole()), tmp_path / "b.tar.gz"
    good = verify_bundle(write(path, raw))
    packed = path.read_bytes()
    for _ in range(200):
        if layer == "gzip":
            path.write_bytes(mutated(draw, packed))
        elif layer == "tar":
            write(path, mutated(draw, raw))
        else:
            head = mutated(draw, contents())
            write(path, tar([member("bundle.json", head), *(member(n, c) for n, c in FILES.items())]))
        try:
            found = verify_bundle(path)
        except InputError:
            continue
        assert found.fingerprint == good.fingerprint
        assert (found.n_files, found.n_stages) == (3, 1)


def mutated(draw: random.Random, content: bytes) -> bytes:
    """A byte changed, a piece lost or doubled, or the end cut off."""
    at, length = draw.randrange(len(content)), draw.randrange(1, 600)
    how = draw.randrange(4)
    if how == 0:
        return content[:at] + bytes([content[at] ^ (1 << draw.randrange(8))]) + content[at + 1:]
    if how == 1:
        return content[:at] + content[at + length:]
    return content[:at] if how == 2 else content[:at + length] + content[at:]


def test_memory_does_not_grow_with_what_is_packed(tmp_path):
    import tracemalloc

    big = {"s/DONE": DONE, "s/isotherm.json": RESULT, "table.csv": bytes(32 << 20)}
    path = write(tmp_path / "b.tar.gz", tar(whole(big)))
    tracemalloc.start()
    verify_bundle(path)
    assert tracemalloc.get_traced_memory()[1] < 12 << 20
    tracemalloc.stop()


def test_inputs_of_one_name_are_both_packed(tmp_path: Path) -> None:
    files = {"a/x": tmp_path / "a", "b/x": tmp_path / "b"}
    for path in files.values():
        path.write_text(path.name)
    checksums = {name: hashlib.sha256(path.name.encode()).hexdigest() for name, path in files.items()}
    archive.write_archive(tmp_path / "t.tar.gz", files, {"zifsim_bundle": 1, "name": "t", "files": checksums})
    assert archive.read_archive(tmp_path / "t.tar.gz", keep=("x",)).kept == {"a/x": b"a", "b/x": b"b"}
    wrong = {"zifsim_bundle": 1, "name": "t", "files": checksums | {"a/x": "0" * 64}}
    with pytest.raises(InputError, match="changed while it was packed"):
        archive.write_archive(tmp_path / "u.tar.gz", files, wrong)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "t.tar.gz"]
