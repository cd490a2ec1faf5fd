"""Files that are whole or absent, and the one reader of JSON."""

import errno
import json
import os
from pathlib import Path

import pytest

from zifsim.io.files import TEMPORARY, parse_json, read_json, replacing, write_bytes_atomic


@pytest.mark.parametrize(("content", "clause"), [
    (b"", "Expecting value"), (b"{", "Expecting property name"), (b"\xff", "not UTF-8 text (byte 1)"),
    (b"[" * 100_000, "nested deeper"), (b"[" * 70 + b"]" * 70, "nested deeper"), (b"9" * 5000, "digits"),
])
def test_whatever_is_wrong_with_json_is_a_value_error(tmp_path: Path, content: bytes, clause: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=clause.replace("(", r"\(").replace(")", r"\)")):
        read_json(tmp_path / "a.json")


def test_a_byte_order_mark_is_no_content() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": [[1], {}]}') == {"a": [[1], {}]}
    assert parse_json(json.dumps({"a": [0] * 1000}).encode()) == {"a": [0] * 1000}


@pytest.mark.parametrize("length", [1, 200, 255])
def test_a_name_as_long_as_names_may_be_is_written(tmp_path: Path, length: int) -> None:
    path = tmp_path / ("ä" * (length // 2) + "n" * (length % 2))
    with replacing(path) as temporary:
        assert TEMPORARY.fullmatch(temporary.name)
        temporary.write_text("whole")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["whole"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_write_that_is_refused_names_the_file_and_leaves_nothing(tmp_path: Path, number: int,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        write_bytes_atomic(tmp_path / "a", b"new")
    assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path / "a"))
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="a'") as caught:
        write_bytes_atomic(tmp_path / "a", b"new")
    assert caught.value.filename == str(tmp_path / "a")
    assert not list(tmp_path.glob(".*"))
