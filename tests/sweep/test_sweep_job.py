"""One job: run, repeated, waited for, stopped, failed; and what the status says of it."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import fake_sweep
import pytest

from zifsim.cli import app
from zifsim.errors import InputError, UnknownNameError
from zifsim.runs.folder import mark_done
from zifsim.runs.seal import read_sealed_json, write_sealed_json
from zifsim.sweep import folder, state
from zifsim.sweep.job import run_job
from zifsim.sweep.state import read_state
from zifsim.sweep.status import read_status


@pytest.fixture(autouse=True)
def here_and_back(tmp_path, monkeypatch):
    """Jobs go to the folder of their plan and take the signals of their process."""
    monkeypatch.chdir(tmp_path)
    numbers = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def out(tmp_path):
    folder.write_plan(tmp_path / "sweep", fake_sweep.smoke(), fake_sweep.fake_jobs())
    return tmp_path / "sweep"


def start(out, id, pause=0.0):
    command = [sys.executable, "-m", "zifsim", "sweep", "job", str(out), id]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env=os.environ | {"FAKE_PAUSE": str(pause)})


def lines(out, id):
    path = out / id / "state.txt"
    return path.read_text().split() if path.is_file() else []


def wait_for(condition, seconds=300.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def ids(out, kind):
    return (out / f"jobs/{kind}.txt").read_text().split()


def test_a_job_runs_once_and_hands_its_result_on(out):
    build, melt, gcmc = (ids(out, kind)[0] for kind in ("build", "melt", "gcmc"))
    assert [run_job(out, id) for id in (build, melt, gcmc)] == [0, 0, 0]
    assert (out / gcmc / "total.txt").read_text() == "13"       # 1 + 10 + 2
    written = {p: p.stat().st_mtime_ns for p in (out / gcmc).iterdir() if p.name != ".lock"}
    assert run_job(out, gcmc) == 0
    assert {p: p.stat().st_mtime_ns for p in written} == written
    assert read_state(out / gcmc).attempts == 1


def test_a_job_before_its_input_is_refused_and_runs_afterwards(out):
    build, melt = ids(out, "build")[0], ids(out, "melt")[0]
    with pytest.raises(InputError, match=f"{melt} needs {build}, which is not finished"):
        run_job(out, melt)
    assert read_state(out / melt) is None
    run_job(out, build)
    assert run_job(out, melt) == 0


def test_an_unknown_job_is_named(out):
    with pytest.raises(UnknownNameError, match="Did you mean 'build/crystal"):
        run_job(out, "build/cristal")
    with pytest.raises(InputError, match="is not the folder of a sweep"):
        run_job(out.parent, "build/crystal")


def test_a_result_of_another_input_is_not_taken_for_this_ones(out):
    build, melt = ids(out, "build")[0], ids(out, "melt")[0]
    run_job(out, build)
    run_job(out, melt)
    (out / build / "total.txt").write_text("7")
    with pytest.raises(InputError, match=r"total\.txt is not what its run wrote"):
        run_job(out, melt)
    done = json.loads((out / build / "DONE").read_text())
    done["outputs"]["total.txt"] = "0" * 64
    (out / build / "total.txt").unlink()
    with pytest.raises(InputError, match=r"total\.txt is not what its run wrote"):
        run_job(out, melt)


def test_a_job_begun_with_another_input_is_refused_with_the_mend(out):
    build, melt = ids(out, "build")[0], ids(out, "melt")[0]
    run_job(out, build)
    run_job(out, melt)
    (out / melt / "DONE").unlink()
    config = read_sealed_json(out / melt / "config.json")
    config["inputs_sha256"]["framework"] = "0" * 64
    write_sealed_json(out / melt / "config.json", config)
    with pytest.raises(InputError, match=r"was begun with other inputs; delete it"):
        run_job(out, melt)
    assert "begun with other inputs" in read_state(out / melt).reason


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_saves_and_ends_with_75_and_the_same_command_continues(out, number):
    run_job(out, ids(out, "build")[0])
    melt = ids(out, "melt")[0]
    process = start(out, melt, pause=0.4)
    wait_for(lambda: len(lines(out, melt)) >= 2)
    process.send_signal(number)
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 75, text
    assert read_state(out / melt).state == "stopped"
    before = lines(out, melt)
    assert 2 <= len(before) < 10
    assert run_job(out, melt) == 0
    assert lines(out, melt)[:len(before)] == before
    assert len(lines(out, melt)) == 10
    assert read_state(out / melt).attempts == 2


@contextmanager
def held(path):
    """Another process's lock on a job's folder."""
    path.mkdir(parents=True, exist_ok=True)
    with open(path / ".lock", "w") as stream:
        stream.write("4711")
        stream.flush()
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def test_a_job_that_another_process_runs_is_waited_for_and_not_repeated(out):
    build = ids(out, "build")[0]
    with held(out / build):
        second = start(out, build)
        assert "process 4711 has it; waiting" in second.stdout.readline()
        (out / build / "total.txt").write_text("1")
        folder_of(out, build).claim({"n": 1}, {}, "fake_stages:count", {}).write(out / build)
        mark_done(out / build, ["total.txt"])
    text, _ = second.communicate(timeout=300)
    assert second.returncode == 0
    assert "done already" in text
    assert lines(out, build) == []


def folder_of(out, id):
    return folder.find_job(folder.read_jobs(out), id).folder(out)


def test_a_waiting_process_can_be_stopped(out):
    build = ids(out, "build")[0]
    with held(out / build):
        second = start(out, build)
        assert "waiting" in second.stdout.readline()
        second.terminate()
        assert second.wait(timeout=300) == 75


def test_a_failure_that_would_come_again_is_kept_until_the_sweep_is_planned_anew(tmp_path, capsys):
    out = tmp_path / "sweep"
    bad = fake_sweep.fake_job("build", "bad", function="refuse")
    folder.write_plan(out, fake_sweep.smoke(), [bad])
    assert run_job(out, bad.id) == 2
    assert read_state(out / bad.id).final
    assert run_job(out, bad.id) == 1
    assert "failed before: the cell is too small." in capsys.readouterr().err
    assert read_state(out / bad.id).attempts == 1
    folder.write_plan(out, fake_sweep.smoke(), [bad])
    assert run_job(out, bad.id) == 2
    assert read_state(out / bad.id).attempts == 2


def test_an_accident_may_be_tried_again_at_once(tmp_path):
    out = tmp_path / "sweep"
    bad = fake_sweep.fake_job("build", "bad", function="crash")
    folder.write_plan(out, fake_sweep.smoke(), [bad])
    assert [run_job(out, bad.id), run_job(out, bad.id)] == [1, 1]
    assert read_state(out / bad.id).attempts == 2
    assert "RuntimeError: unexpected" in read_state(out / bad.id).reason


def write_state(folder, **values):
    folder.mkdir(parents=True, exist_ok=True)
    now = time.time()
    record = {"state": "running", "attempts": 1, "began": now - 160, "first_time": now - 100, "beat": now,
              "seconds": 160.0, "node": "n7"} | values
    (folder / "job.json").write_text(json.dumps(record))


def test_the_status_counts_and_explains(out):
    jobs = folder.read_jobs(out)
    melts = ids(out, "melt")
    run_job(out, ids(out, "build")[0])
    write_state(out / melts[0], fraction=0.25, message="quench")
    write_state(out / melts[1], state="failed", reason="box too small", final=True)
    write_state(out / melts[2], beat=time.time() - 2 * state.LOST_SECONDS, fraction=0.5)
    status = read_status(out, jobs)
    assert dict(status.counts["melt"]) == {"done": 0, "running": 1, "waiting": 2, "failed": 1}
    assert dict(status.counts["gcmc"]) == {"done": 0, "running": 0, "waiting": 8, "failed": 0}
    (job, running), = status.running
    assert (job.id, running.message) == (melts[0], "quench")
    assert running.seconds_left == pytest.approx(300.0, rel=0.05)      # 100 s for the first quarter, once prepared
    assert [(job.id, s.reason) for job, s in status.failed] == [(melts[1], "box too small")]
    assert [job.id for job, _ in status.begun] == [melts[2]]
    assert not status.is_complete
    assert status.seconds_left is None      # nothing is known yet of isotherms


def test_the_time_left_follows_the_pace_of_what_was_done(out):
    jobs = folder.read_jobs(out)
    melts = ids(out, "melt")
    for id in (*ids(out, "build"), *ids(out, "gcmc"), melts[0]):
        write_state(out / id, state="done", fraction=1.0, seconds=30.0, first_time=0.0)
        (out / id / "DONE").write_text("{}")
    assert read_status(out, jobs).seconds_left == pytest.approx(90.0)       # three melts more, one at a time


def test_isotherms_that_waited_for_the_compiler_do_not_set_the_pace(out):
    jobs = folder.read_jobs(out)
    for id in (*ids(out, "build"), *ids(out, "melt")):
        (out / id).mkdir(parents=True)
        (out / id / "DONE").write_text("{}")
    first, second, *others = ids(out, "gcmc")
    now = time.time()
    write_state(out / first, state="done", fraction=1.0, began=now - 300.0, first_time=now - 10.0, seconds=300.0)
    (out / first / "DONE").write_text("{}")
    write_state(out / second, fraction=0.5, began=now - 300.0, first_time=now - 5.0, seconds=300.0)
    assert read_status(out, jobs).seconds_left == pytest.approx(5.0 + 10.0 * len(others), rel=0.05)


def test_what_an_attempt_took_over_does_not_set_its_pace(tmp_path):
    kept = state.StateFile(tmp_path)
    kept.progress(0.0, "preparing")
    kept.progress(0.5, "continued")
    assert read_after(kept, tmp_path).seconds_left is None
    kept.progress(0.75, "ahead")
    now = read_after(kept, tmp_path)
    assert now.seconds_left == pytest.approx(now.beat - now.first_time)     # half as much as it did, at its pace


def read_after(kept, path):
    kept.begin()
    kept.end("running")
    return read_state(path)


def test_the_status_is_printed_with_reasons(out, capsys):
    write_state(out / ids(out, "melt")[0], fraction=0.25, message="quench [K]", slurm_job="4711")
    write_state(out / ids(out, "melt")[1], state="failed", reason="box too small")
    with pytest.raises(SystemExit) as end:
        app.main(["sweep", "status", str(out)])
    text = capsys.readouterr().out
    assert end.value.code == 0
    assert "25%" in text
    assert "quench [K]" in text
    assert "n7 (SLURM 4711)" in text
    assert "box too small" in text


def test_the_status_of_a_folder_that_is_no_sweep_is_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        app.main(["sweep", "status", str(tmp_path)])
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(Path(tmp_path).iterdir())
