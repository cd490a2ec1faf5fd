"""The machinery around the stages: order, resume, failures, signals. Stages here are trivial functions."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zifsim.campaign.estimate import path_lengths, wall_seconds
from zifsim.campaign.scheduler import Scheduler
from zifsim.campaign.stage import Stage
from zifsim.campaign.stagefolder import StageFolder
from zifsim.errors import InputError
from zifsim.runs.folder import locked

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def fake_stages_importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), str(HERE.parents[1])]))     # and this very zifsim


def stage(name, n=2, function="count", needs=(), **extra):
    inputs = {f"in{i}": (other.id, "total.txt") for i, other in enumerate(needs)}
    return Stage("fake", name, {"n": n}, f"fake_stages:{function}", needs=inputs, **extra)


def run(stages, out, workers=2):
    return Scheduler(stages, out, workers).run()


def total(outcome, one):
    return int((outcome.folders[one.id].path / "total.txt").read_text())


def test_stages_run_after_their_inputs_and_see_their_results(tmp_path):
    a, b = stage("a", 2), stage("b", 3)
    c = stage("c", 5, needs=[a, b])
    outcome = run([a, b, c], tmp_path)
    assert set(outcome.finished) == {a.id, b.id, c.id}
    assert total(outcome, c) == 10


def test_a_finished_plan_is_not_repeated(tmp_path):
    a = stage("a")
    b = stage("b", needs=[a])
    first = run([a, b], tmp_path)
    files = [p for p in tmp_path.rglob("*") if p.is_file() and p.name not in ("manifest.json", ".lock")]
    written = {p: p.stat().st_mtime_ns for p in files}
    second = run([a, b], tmp_path)
    assert second.skipped == [a.id, b.id]
    assert second.finished == []
    assert {p: p.stat().st_mtime_ns for p in written} == written
    assert first.folders == second.folders


def test_a_changed_setting_opens_a_new_folder_and_the_manifest_lists_only_that(tmp_path):
    old = run([stage("a", 2)], tmp_path).folders["fake a"]
    new = run([stage("a", 3)], tmp_path).folders["fake a"]
    assert old.path != new.path
    assert old.is_done()
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["stages"] == {"fake a": {"kind": "fake", "folder": new.relative, "done": True}}


def test_a_changed_input_changes_the_folder_of_what_depends_on_it(tmp_path):
    b_folders = []
    for n in (2, 3):
        a = stage("a", n)
        b = stage("b", needs=[a])
        b_folders.append(run([a, b], tmp_path).folders[b.id].path)
    assert b_folders[0] != b_folders[1]


def test_a_failure_blocks_only_what_depends_on_it(tmp_path):
    bad = stage("bad", function="refuse")
    after = stage("after", needs=[bad])
    good = stage("good")
    outcome = run([bad, after, good], tmp_path)
    assert outcome.failed == {bad.id: "the cell is too small."}
    assert outcome.input_failures == [bad.id]
    assert outcome.blocked == [after.id]
    assert outcome.finished == [good.id]


def test_an_unexpected_error_leaves_its_traceback_in_the_stage_log(tmp_path):
    bad = stage("bad", function="crash")
    outcome = run([bad], tmp_path)
    assert outcome.failed[bad.id].startswith("RuntimeError: unexpected")
    assert outcome.input_failures == []
    assert "Traceback" in (outcome.folders[bad.id].path / "stage.log").read_text()


def test_a_worker_that_dies_fails_its_stage_and_the_others_go_on(tmp_path):
    bad = stage("bad", function="die")
    others = [stage(f"good{i}") for i in range(3)]
    outcome = run([bad, *others], tmp_path, workers=1)
    assert "ended unexpectedly (exit code 9" in outcome.failed[bad.id]
    assert set(outcome.finished) == {s.id for s in others}


def test_results_changed_by_hand_are_an_error_and_are_kept(tmp_path):
    a = stage("a")
    outcome = run([a], tmp_path)
    result = outcome.folders[a.id].path / "total.txt"
    result.write_text("7")
    with pytest.raises(InputError, match=r"total\.txt is not what its run wrote"):
        run([a], tmp_path)
    assert result.read_text() == "7"


def test_the_most_urgent_stage_gets_its_threads_before_smaller_ones_start(tmp_path):
    small = [stage(f"small{i}", 1) for i in range(4)]
    large = stage("large", 1, threads=2, seconds=100.0)
    outcome = run([*small, large], tmp_path, workers=2)
    assert outcome.finished[0] == large.id


def test_urgency_is_the_longest_way_to_the_end():
    a, b = stage("a", seconds=1.0), stage("b", seconds=5.0)
    c = stage("c", seconds=10.0, needs=[a])
    assert path_lengths([a, b, c]) == {a.id: 11.0, b.id: 5.0, c.id: 10.0}


def test_the_estimated_time_follows_the_schedule():
    a, b = stage("a", seconds=1.0), stage("b", seconds=5.0)
    c = stage("c", seconds=10.0, needs=[a])
    assert wall_seconds([a, b, c], 1) == 16.0
    assert wall_seconds([a, b, c], 2) == 11.0


def start_fake_plan(out, pause):
    return subprocess.Popen([sys.executable, str(HERE / "run_fake_plan.py"), str(out)],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env=os.environ | {"FAKE_PAUSE": str(pause)})


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def steps_of(out, kind):
    return [line for state in out.glob(f"{kind}/*/state.txt") for line in state.read_text().split()]


def is_alive(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_kill_9_leaves_no_child_behind_and_the_same_command_continues(tmp_path):
    process = start_fake_plan(tmp_path, 0.05)
    wait_for(lambda: len(steps_of(tmp_path, "melt")) >= 5)
    process.kill()
    process.wait()
    workers = {int(pid) for pid in steps_of(tmp_path, "melt")}
    wait_for(lambda: not any(is_alive(pid) for pid in workers), 10.0)
    before = steps_of(tmp_path, "melt")
    assert len(before) < 40
    again = start_fake_plan(tmp_path, 0.0)
    text, _ = again.communicate(timeout=60)
    assert again.returncode == 0, text
    assert "1 to do" in text
    assert len(steps_of(tmp_path, "build")) == 3
    after = steps_of(tmp_path, "melt")
    assert len(after) == 40
    assert after[:len(before)] == before


def test_sigterm_stops_the_workers_and_raises_run_interrupted(tmp_path):
    process = start_fake_plan(tmp_path, 0.05)
    wait_for(lambda: len(steps_of(tmp_path, "melt")) >= 2)
    process.send_signal(signal.SIGTERM)
    text, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "RunInterrupted: by SIGTERM" in text
    assert not list(tmp_path.glob("melt/*/DONE"))


def test_two_runs_in_one_folder_are_refused(tmp_path):
    with locked(tmp_path):
        process = start_fake_plan(tmp_path, 0.0)
        text, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert f"is in use by another zifsim run (process {os.getpid()} on " in text


def test_one_stage_folder_can_be_run_by_a_job_of_its_own(tmp_path):
    folder = StageFolder(tmp_path, "fake", "a", "0" * 64)
    folder.claim({"n": 2}, {}, "fake_stages:count", {}).write(folder.path)
    command = [sys.executable, "-m", "zifsim.campaign.worker", str(folder.path)]
    assert subprocess.run(command, check=False).returncode == 0
    assert folder.is_done()
    record = json.loads((folder.path / "record.json").read_text())
    assert record["exit_reason"] == "finished"
    assert list(record["outputs_sha256"]) == ["total.txt"]
