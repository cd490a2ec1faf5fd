"""A sweep run by Snakemake on this machine: order, failures, kill -9 of everything, and the same command again."""

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import fake_sweep
import pytest
import sweep_process

from zifsim.errors import InputError
from zifsim.runs import devices
from zifsim.sweep import run
from zifsim.sweep.run import Resources, run_sweep

SNAKEMAKE = pytest.mark.skipif(find_spec("snakemake") is None,
                               reason="Snakemake is not installed (pip install 'zifsim[sweep]')")


def start(out, count, pause):
    return subprocess.Popen([sys.executable, fake_sweep.__file__, str(out), str(count)],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env=os.environ | {"FAKE_PAUSE": str(pause)})


def work_done(out):
    """Job -> the processes that did its steps, in order."""
    return {path.parent.relative_to(out).as_posix(): path.read_text().split() for path in out.glob("*/*/state.txt")}


def totals(out):
    return {path.parent.relative_to(out).as_posix(): path.read_text() for path in out.glob("*/*/total.txt")}


def kill_all(process, out):
    """kill -9: the sweep, its Snakemake (which has a process group of its own), and every worker."""
    groups = {os.getpgid(state["pid"]) for state in sweep_process.running(out).values()}
    process.kill()
    for group in groups:
        os.killpg(group, signal.SIGKILL)
    process.wait()
    sweep_process.until(lambda: not sweep_process.running(out), 120.0, "the workers to be gone")


@SNAKEMAKE
@pytest.mark.slow
def test_killed_with_everything_and_run_again_it_ends_alike_and_repeats_no_finished_job(tmp_path):
    out = tmp_path / "killed"
    process = start(out, 20, 0.1)
    sweep_process.until(lambda: any(id.startswith("melt") for id in sweep_process.finished(out))
                        and any(work_done(out).get(id) for id in sweep_process.running(out, "melt")), 900.0,
                        "a finished melt and one in its midst")
    kill_all(process, out)
    done, before = sweep_process.finished(out), work_done(out)
    assert 2 <= len(done) < 13
    again = start(out, 20, 0.0)
    text, _ = again.communicate(timeout=1800)
    assert again.returncode == 0, text
    after = work_done(out)
    assert {id: sweep_process.finished(out)[id] for id in done} == done
    assert {id: after[id] for id in done} == {id: before[id] for id in done}
    begun = [id for id in before if id not in done]
    assert begun
    for id in begun:        # continued where they were
        assert after[id][:len(before[id])] == before[id]
    assert {id: len(steps) for id, steps in after.items()} == {
        job.id: job.config["n"] for job in fake_sweep.fake_jobs(count=20)}
    assert totals(out) == {job.id: str(expected(job)) for job in fake_sweep.fake_jobs(count=20)}


def expected(job):
    """1 for the crystal, 1 + count for a melt, and 2 more for its isotherms."""
    if job.kind == "build":
        return 1
    number = int(job.name.split()[1])
    return 21 + number + (2 if job.kind == "gcmc" else 0)


@SNAKEMAKE
def test_a_failed_job_stops_only_what_needs_it_and_says_why(tmp_path):
    build = fake_sweep.fake_job("build", "crystal", 1)
    good = fake_sweep.fake_job("melt", "good", 2, {"framework": build})
    bad = fake_sweep.fake_job("melt", "bad", 2, {"framework": build}, "refuse")
    isotherms = [fake_sweep.fake_job("gcmc", f"{m.name} gas", 2, {"framework": m}) for m in (good, bad)]
    status = run_sweep(fake_sweep.smoke(), [build, good, bad, *isotherms], tmp_path / "out", Resources(cores=2))
    assert status.total("done") == 3
    (job, state), = status.failed
    assert (job.id, state.reason, state.attempts) == (bad.id, "the cell is too small.", 1)
    assert status.total("waiting") == 1
    assert not status.is_complete


@pytest.mark.slow
@SNAKEMAKE
def test_sigterm_stops_snakemake_and_the_jobs_save(tmp_path):
    out = tmp_path / "stopped"
    process = start(out, 50, 0.2)
    sweep_process.until(lambda: sweep_process.running(out, "melt"), 900.0, "a running melt")
    process.send_signal(signal.SIGTERM)
    text, _ = process.communicate(timeout=600)
    assert "RunInterrupted: by SIGTERM; the same command continues" in text
    assert not sweep_process.running(out)
    assert "stopped" in {state["state"] for state in sweep_process.states(out, "melt").values()}


def test_without_snakemake_the_mend_is_named_and_nothing_written(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"Snakemake is not installed: install it with .*zifsim\[sweep\]"):
        run_sweep(fake_sweep.smoke(), fake_sweep.fake_jobs(), tmp_path / "out", Resources())
    assert not (tmp_path / "out").exists()


def test_an_unknown_profile_is_named_with_the_known_ones():
    with pytest.raises(InputError, match=r"No profile 'pbs'.*local, slurm"):
        run.find_profile("pbs")


def test_profiles_of_ones_own_are_folders(tmp_path):
    (tmp_path / "config.yaml").write_text('executor: "slurm"  # ours\njobs: 5\n')
    assert run.executor_of(run.find_profile(str(tmp_path))) == "slurm"
    assert run.executor_of(run.find_profile("slurm")) == "slurm"
    assert run.executor_of(run.find_profile("local")) == ""


def test_melts_are_held_to_what_the_gpus_take(monkeypatch):
    def command(*options):
        return run.snakemake_command(Path("out"), run.find_profile("local"), Resources(cores=16, melts_per_gpu=3,
                                                                                      options=options), jobs)

    jobs = fake_sweep.fake_jobs()
    monkeypatch.setattr(devices, "visible_gpus", lambda: ["0", "1"])
    assert "gpu_share=6" in command()
    assert command("--dry-run")[-1] == "--dry-run"
    monkeypatch.setattr(devices, "visible_gpus", list)
    assert not any("gpu_share" in word for word in command())
    assert "melt=4" in command()        # 4 melts share 16 cores


@pytest.mark.slow
@SNAKEMAKE
def test_the_smoke_sweep_killed_in_the_middle_ends_with_identical_tables(tmp_path):
    """The real thing, twice: once undisturbed, once with kill -9 of the sweep, Snakemake and all workers."""
    whole, killed, log = tmp_path / "whole", tmp_path / "killed", tmp_path / "log"
    assert sweep_process.finish("run", "smoke_sweep", "--out", whole, "--cores", 2, log=log) == 0, log.read_text()
    process = sweep_process.start("run", "smoke_sweep", "--out", killed, "--cores", 2, log=log)
    sweep_process.until(
        lambda: len(sweep_process.finished(killed)) >= 4
        and any(s["fraction"] > 0.3 for s in sweep_process.running(killed, "melt").values()), 3600.0,
        "a melt in its middle")
    kill_all(process, killed)
    done = sweep_process.finished(killed)
    assert len(done) < 18
    attempts = {id: state["attempts"] for id, state in sweep_process.states(killed).items() if id in done}
    assert sweep_process.finish("run", "smoke_sweep", "--out", killed, "--cores", 2, log=log) == 0, log.read_text()
    assert {id: sweep_process.finished(killed)[id] for id in done} == done
    assert {id: sweep_process.states(killed)[id]["attempts"] for id in done} == attempts
    for table in sweep_process.TABLES:
        assert (killed / table).read_bytes() == (whole / table).read_bytes(), table
