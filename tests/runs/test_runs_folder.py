"""Result folders: claimed by content, locked, swept, finished last; refused with one sentence and left alone."""

import errno
import fcntl
import json
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from zifsim.errors import InputError, RunInterrupted
from zifsim.runs import folder
from zifsim.runs.folder import Claim, content_key, finished_outputs, locked, mark_done
from zifsim.runs.record import finish_record, start_record
from zifsim.runs.version import PHYSICS


def claim(**changes):
    values = {"kind": "isotherm", "title": "isotherm CH4 in ZIF-8", "config": {"gas": "CH4", "forcefield": "PP",
              "pressures_pa": [1e5]}, "inputs_sha256": {"framework": "00"}, "seed": 1} | changes
    return Claim(**values)


def snapshot(out: Path) -> dict:
    return {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}


def run(one, out, text="result", counted=None):
    def write(result, date):
        (out / "result.txt").write_text(result)

    def work():
        (counted if counted is not None else []).append(1)
        return text

    return one.run(out, ["result.txt"], work=work, write=write, read=lambda: (out / "result.txt").read_text())


def test_the_key_depends_on_kind_config_and_inputs_and_not_on_their_order():
    key = content_key("melt", {"a": 1, "b": 2}, {"framework": "00"})
    assert key == content_key("melt", {"b": 2, "a": 1}, {"framework": "00"})
    assert key != content_key("gcmc", {"a": 1, "b": 2}, {"framework": "00"})
    assert key != content_key("melt", {"a": 1, "b": 3}, {"framework": "00"})
    assert key != content_key("melt", {"a": 1, "b": 2}, {"framework": "01"})


def test_the_key_depends_on_the_version_of_the_physics_and_not_of_the_package(monkeypatch):
    before = content_key("melt", {}, {})
    monkeypatch.setattr("zifsim.__version__", "99.0")
    assert content_key("melt", {}, {}) == before
    monkeypatch.setattr(folder, "PHYSICS", {**PHYSICS, "melt": 2})
    assert content_key("melt", {}, {}) != before


def test_a_finished_calculation_is_read_back_and_its_folder_says_what_it_is(tmp_path):
    counted = []
    assert run(claim(), tmp_path / "out", counted=counted) == "result"
    assert run(claim(), tmp_path / "out", counted=counted) == "result"
    assert counted == [1]
    held = json.loads((tmp_path / "out/config.json").read_text())
    assert held["config"]["gas"] == "CH4"
    assert set(finished_outputs(tmp_path / "out")) == {"result.txt", "record.json"}
    assert json.loads((tmp_path / "out/record.json").read_text())["schema"] == 1


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"config": {"gas": "CH4", "forcefield": "UFF", "pressures_pa": [1e5]}},
     r"holds another isotherm \(forcefield: PP, not UFF\)"),
    ({"inputs_sha256": {"framework": "01"}}, r"holds another isotherm \(other framework\)"),
    ({"kind": "mixture"}, r"another kind of calculation \(isotherm\)"),
])
def test_another_calculation_is_refused_by_content_and_left_alone(tmp_path, changes, sentence):
    run(claim(), tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match=sentence):
        run(claim(**changes), tmp_path)
    assert snapshot(tmp_path) == before


def test_a_setting_that_another_version_had_not_is_named(tmp_path):
    run(claim(), tmp_path)
    newer = claim(config=claim().config | {"tail": True})
    with pytest.raises(InputError, match=r"another isotherm \(without the setting tail: of another version\)"):
        newer.check(tmp_path)
    with pytest.raises(InputError, match=r"another isotherm \(with the setting gas: of another version\)"):
        claim(config={"forcefield": "PP", "pressures_pa": [1e5]}).check(tmp_path)


def test_another_version_of_the_physics_is_named(tmp_path, monkeypatch):
    now = PHYSICS["isotherm"] + 1
    run(claim(), tmp_path)
    monkeypatch.setattr(folder, "PHYSICS", {**PHYSICS, "isotherm": now})
    sentence = rf"another isotherm \(by version {now - 1} of its physics, which is at {now} "
    with pytest.raises(InputError, match=sentence):
        claim().check(tmp_path)


def test_a_run_that_is_stopped_says_so_in_its_record(tmp_path):
    def stop():
        raise RunInterrupted("by SIGTERM")

    with pytest.raises(RunInterrupted):
        claim().run(tmp_path, [], work=stop, write=lambda r, d: None, read=lambda: None)
    assert json.loads((tmp_path / "record.json").read_text())["exit_reason"] == "RunInterrupted: by SIGTERM"
    assert run(claim(), tmp_path) == "result"


@pytest.mark.parametrize("name", ["thesis.tex", "melt.json", "state.csv", "access.json", "config.json"])
def test_files_that_no_claim_explains_are_refused_whatever_they_are_called(tmp_path, name):
    (tmp_path / name).write_text("precious")
    with pytest.raises(InputError, match="holds other files and no isotherm"):
        run(claim(), tmp_path)
    assert snapshot(tmp_path) == {tmp_path / name: b"precious"}


def test_a_file_in_the_way_is_said(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="is a file; give a folder"):
        run(claim(), tmp_path / "out")
    with pytest.raises(InputError, match="is a file; give a folder"):
        claim().check(tmp_path / "out" / "below")


def test_more_of_an_extensible_calculation_goes_into_the_same_folder(tmp_path):
    counted = []
    run(claim(extensible=("pressures_pa",)), tmp_path, counted=counted)
    more = claim(extensible=("pressures_pa",), config=claim().config | {"pressures_pa": [1e5, 2e5]})
    assert run(more, tmp_path, "more", counted) == "more"
    assert counted == [1, 1]
    assert json.loads((tmp_path / "config.json").read_text())["config"]["pressures_pa"] == [1e5, 2e5]
    with pytest.raises(InputError, match="forcefield"):
        run(claim(extensible=("pressures_pa",), config=more.config | {"forcefield": "UFF"}), tmp_path)


def test_a_default_folder_gets_digits_where_another_calculation_is_there(tmp_path):
    plain, other = tmp_path / "ZIF-8", claim(inputs_sha256={"framework": "01"})
    assert claim().default(plain) == plain
    run(claim(), plain)
    assert claim().default(plain) == plain
    own = other.default(plain)
    assert own.name == f"ZIF-8-{other.folder_key[:8]}"
    run(other, own)
    assert other.default(plain) == own


def test_a_failure_leaves_its_reason_in_the_record_and_no_done(tmp_path):
    def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        claim().run(tmp_path, [], work=fail, write=lambda r, d: None, read=lambda: None)
    assert json.loads((tmp_path / "record.json").read_text())["exit_reason"] == "ValueError: no"
    assert finished_outputs(tmp_path) is None
    assert run(claim(), tmp_path) == "result"


@pytest.mark.parametrize("content", ["", "[]", "null", '{"outputs": 5}', '{"outputs": {"a": [1]}}'])
def test_a_damaged_mark_is_one_sentence(tmp_path, content):
    run(claim(), tmp_path)
    (tmp_path / "DONE").write_text(content)
    with pytest.raises(InputError, match=r"DONE is damaged|is not what its run wrote"):
        finished_outputs(tmp_path)


def test_a_changed_result_is_an_error(tmp_path):
    run(claim(), tmp_path)
    (tmp_path / "result.txt").write_text("other")
    with pytest.raises(InputError, match=r"result\.txt is not what its run wrote"):
        run(claim(), tmp_path)


def test_a_lock_refuses_others_and_names_who_holds_it(tmp_path):
    said = []

    def other():
        try:
            with locked(tmp_path):
                pass
        except InputError as error:
            said.append(str(error))

    with locked(tmp_path):
        with locked(tmp_path):      # the same thread may go on
            pass
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert f"is in use by another zifsim run (process {os.getpid()} on {platform.node()})" in said[0]
    other()
    assert len(said) == 1


def test_the_lock_file_of_a_dead_process_does_not_matter(tmp_path):
    (tmp_path / folder.LOCK).write_text("999999999")
    with locked(tmp_path):
        assert (tmp_path / folder.LOCK).read_text().startswith(f"{os.getpid()} on ")


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said_and_used(tmp_path, monkeypatch, capsys, number):
    def refuse(stream, how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert run(claim(), tmp_path / "out") == "result"
    said = capsys.readouterr().err
    assert "has no locks" in said
    assert "do not run two calculations in one folder" in said


def test_what_killed_writes_left_is_swept_by_whoever_holds_the_folder(tmp_path):
    own, others = tmp_path / "points/.a.json.12.34.tmp", tmp_path / "job/.b.json.12.34.tmp"
    for path in (own, others):
        path.parent.mkdir(parents=True)
        path.write_text("half")
    (tmp_path / ".config.json.12.34.tmp").write_text("half")
    (tmp_path / "job" / folder.LOCK).write_text("another's")
    (tmp_path / "points/.hidden.tmp").write_text("a user's")
    with locked(tmp_path):
        assert not own.exists()
        assert not (tmp_path / ".config.json.12.34.tmp").exists()
        assert others.exists()
        assert (tmp_path / "points/.hidden.tmp").exists()


def test_a_folder_with_nothing_but_what_a_killed_start_left_is_new(tmp_path):
    (tmp_path / ".config.json.12.34.tmp").write_text("half")
    (tmp_path / folder.LOCK).write_text("12")
    assert run(claim(), tmp_path) == "result"
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_what_the_file_system_refuses_is_one_sentence_and_leaves_no_temporary(tmp_path, monkeypatch, number):
    def refuse(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(InputError, match="cannot be written to"):
        run(claim(), tmp_path)
    assert not list(tmp_path.glob(".*.tmp"))
    monkeypatch.undo()
    assert run(claim(), tmp_path) == "result"


def test_two_processes_at_once_one_runs_and_the_other_says_who(tmp_path):
    code = f"""
import sys, time
from zifsim.runs.folder import locked
from pathlib import Path
with locked(Path({str(tmp_path)!r})):
    print("held", flush=True)
    time.sleep(60)
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    holder.stdout.readline()
    try:
        with pytest.raises(InputError, match=f"process {holder.pid} on "), locked(tmp_path):
            pass
    finally:
        holder.kill()
        holder.wait()
    with locked(tmp_path):
        pass


def test_a_record_names_versions_machine_and_times_but_not_the_host():
    record = start_record("melt a", seed=3, settings={"x": 1})
    done = finish_record(record, {"glass.extxyz": "00"})
    assert done.exit_reason == "finished"
    assert done.started <= done.finished
    assert done.versions["numpy"]
    assert "cores" in done.machine
    assert platform.node() not in done.machine


def test_outputs_are_named_with_their_digests(tmp_path):
    (tmp_path / "a").write_text("1")
    assert mark_done(tmp_path, ["a"]) == finished_outputs(tmp_path)
