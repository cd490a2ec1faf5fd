"""Seals, and results folders whose files were damaged: recomputed or one sentence, never another result."""

import random
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from damage import MUTATIONS, damaged

from zifsim.errors import DamagedError, InputError
from zifsim.io.files import read_json, write_json_atomic
from zifsim.runs.folder import CONFIG, DONE, Claim, read_config
from zifsim.runs.seal import (
    kept,
    made_of,
    read_sealed,
    read_sealed_arrays,
    read_sealed_json,
    write_sealed,
    write_sealed_arrays,
    write_sealed_json,
)

VALUES = {"a": [1, 2.5, None, float("inf")], "b": {"c": "ä", "d": True}, "e": 1e-300}


def test_what_is_sealed_comes_back_and_plain_readers_see_it_too(tmp_path: Path) -> None:
    write_sealed_json(tmp_path / "a.json", VALUES | {"t": (1, 2)})
    assert read_sealed_json(tmp_path / "a.json") == VALUES | {"t": [1, 2]}
    assert set(read_json(tmp_path / "a.json")) == {*VALUES, "t", "sha256"}
    write_sealed_arrays(tmp_path / "a.npz", x=np.arange(5), text="t")
    assert read_sealed_arrays(tmp_path / "a.npz")["x"].tolist() == [0, 1, 2, 3, 4]
    with np.load(tmp_path / "a.npz") as stored:
        assert stored["x"].tolist() == [0, 1, 2, 3, 4]
    write_sealed(tmp_path / "b", b"\nsha256 inside")
    assert read_sealed(tmp_path / "b") == b"\nsha256 inside"


@pytest.mark.parametrize("name", ["a.json", "a.npz"])
def test_two_hundred_damages_are_noticed_or_change_nothing(tmp_path: Path, name: str) -> None:
    draw, path = random.Random(5), tmp_path / name
    read = read_sealed_json if name == "a.json" else read_sealed_arrays
    if name == "a.json":
        write_sealed_json(path, VALUES)
    else:
        write_sealed_arrays(path, x=np.arange(50), y=np.ones(3))
    good = repr(read(path))
    for _ in range(MUTATIONS):
        before = damaged(draw, path)
        told: list[str] = []
        found = kept(path, read, lambda event: told.append(event.message))  # noqa: B023
        assert (found is None and "is damaged" in told[0]) or repr(found) == good
        path.write_bytes(before)


def test_a_file_does_not_stand_in_for_another(tmp_path: Path) -> None:
    write_sealed_json(tmp_path / "a.json", {"x": 1})
    (tmp_path / "a.json").rename(tmp_path / "b.json")
    with pytest.raises(DamagedError, match=r"b\.json is damaged .* does not fit"):
        read_sealed_json(tmp_path / "b.json")


def test_what_has_no_seal_is_refused_where_one_is_needed(tmp_path: Path) -> None:
    write_json_atomic(tmp_path / "a.json", {"x": 1})
    assert read_sealed_json(tmp_path / "a.json", needed=False) == {"x": 1}
    with pytest.raises(DamagedError, match="it has no checksum"):
        read_sealed_json(tmp_path / "a.json")
    with pytest.raises(DamagedError, match="of another version: KeyError"):
        made_of(tmp_path / "a.json", lambda: {}["x"])


CLAIM = Claim("isotherm", "isotherm CH4", {"gas": "CH4", "pressures_pa": [1e5]}, {"framework": "00"}, 1)


def run(out: Path) -> float:
    def write(value: float, date: str) -> None:
        write_json_atomic(out / "result.json", {"loading": value})

    return CLAIM.run(out, ["result.json"], work=lambda: 2.5, write=write,
                     read=lambda: read_json(out / "result.json")["loading"])


def test_a_finished_folder_gives_its_result_or_one_sentence(tmp_path: Path) -> None:
    draw, whole, out = random.Random(6), tmp_path / "whole", tmp_path / "out"
    run(whole)
    for _ in range(MUTATIONS):
        shutil.copytree(whole, out)
        damaged(draw, draw.choice([out / CONFIG, out / DONE, out / "record.json", out / "result.json"]))
        with suppress(InputError):
            assert run(out) == 2.5
        assert read_config(out) is None or read_config(out) == read_config(whole)
        shutil.rmtree(out)


def test_a_damaged_claim_is_said_with_its_mend(tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / CONFIG).write_text("{")
    with pytest.raises(InputError, match=r"config\.json is damaged, so nothing says what .* holds; restore it, delete"):
        run(tmp_path)


@pytest.mark.parametrize("name", ["/dev/zero", "../../outside", "a/../../b", ""])
def test_a_mark_vouches_for_files_of_its_folder_alone(tmp_path: Path, name: str) -> None:
    run(tmp_path)
    write_json_atomic(tmp_path / DONE, {"outputs": {name: "0" * 64}})
    with pytest.raises(InputError, match="DONE is damaged"):
        run(tmp_path)
