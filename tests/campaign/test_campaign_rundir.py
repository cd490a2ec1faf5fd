"""Result folders: names, owners, locks, records."""

import json
from pathlib import Path

import pytest

from zifsim.campaign import provenance, rundir
from zifsim.errors import InputError

STUDY = {"study": {"name": "mine"}}


def snapshot(folder: Path) -> dict:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_key_depends_on_kind_config_and_inputs_and_on_nothing_else():
    key = rundir.content_key("melt", {"a": 1, "b": 2}, {"framework": "00"})
    assert key == rundir.content_key("melt", {"b": 2, "a": 1}, {"framework": "00"})
    assert key != rundir.content_key("gcmc", {"a": 1, "b": 2}, {"framework": "00"})
    assert key != rundir.content_key("melt", {"a": 1, "b": 3}, {"framework": "00"})
    assert key != rundir.content_key("melt", {"a": 1, "b": 2}, {"framework": "01"})


def test_the_key_depends_on_the_version(monkeypatch):
    before = rundir.content_key("melt", {}, {})
    monkeypatch.setattr("zifsim.__version__", "99.0")
    assert rundir.content_key("melt", {}, {}) != before


def test_folder_names_are_readable_and_safe():
    folder = rundir.StageFolder(Path("out"), "gcmc", "ag[(ZIF-8)0.2] A CO2 273 K", "0123456789abcdef")
    assert folder.relative == "gcmc/ag-ZIF-8-0.2-A-CO2-273-K-01234567"


def test_a_folder_is_done_only_after_its_mark(tmp_path):
    folder = rundir.StageFolder(tmp_path, "melt", "a", "0" * 64)
    folder.prepare({}, {}, "x:y")
    (folder.path / "result.txt").write_text("1")
    assert not folder.is_done()
    rundir.mark_done(folder.path, ["result.txt"])
    assert folder.is_done()


def test_a_new_or_empty_folder_and_the_same_study_are_accepted(tmp_path):
    rundir.check_owner(tmp_path / "new", STUDY)
    rundir.claim(tmp_path, STUDY)
    rundir.claim(tmp_path, STUDY | {"melt": {"hold_ps": 5}})
    assert json.loads((tmp_path / "study.json").read_text())["melt"] == {"hold_ps": 5}


@pytest.mark.parametrize(("file", "content", "sentence"), [
    ("study.json", '{"study": {"name": "theirs"}}', r"holds the study 'theirs', not 'mine'"),
    ("study.json", "not json", r"is not a zifsim study"),
    ("thesis.tex", "precious", r"holds other files and no study"),
])
def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path, file, content, sentence):
    (tmp_path / file).write_text(content)
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match=sentence):
        rundir.claim(tmp_path, STUDY)
    assert snapshot(tmp_path) == before


def test_a_lock_is_exclusive_and_free_afterwards(tmp_path):
    with (rundir.locked(tmp_path), pytest.raises(InputError, match="in use by another"),
          rundir.locked(tmp_path)):
        pass
    with rundir.locked(tmp_path):
        pass


def test_the_lock_file_of_a_dead_process_does_not_matter(tmp_path):
    (tmp_path / rundir.LOCK).write_text("999999999")
    with rundir.locked(tmp_path):
        assert (tmp_path / rundir.LOCK).read_text() != "999999999"


def test_a_record_names_versions_machine_and_times_but_not_the_host():
    import platform

    record = provenance.start_record("melt a", seed=3, settings={"x": 1})
    done = provenance.finish_record(record, {"glass.extxyz": "00"})
    assert done.exit_reason == "finished"
    assert done.started <= done.finished
    assert done.versions["numpy"]
    assert "cores" in done.machine
    assert platform.node() not in done.machine


def test_parameters_become_plain_values():
    import numpy as np

    from zifsim.model.schedule import Segment

    value = provenance.plain({"s": Segment("hold", 1.0, 2.0, 3.0), "a": np.arange(2), "t": (1, None)})
    assert value["s"]["duration_ps"] == 3.0
    assert value["a"] == [0, 1]
    assert json.loads(json.dumps(value)) == value
