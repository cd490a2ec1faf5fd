"""The smoke sweep on a real SLURM: `make slurm-test`. A job is killed, a node drained, a job requeued."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import fake_sweep
import pytest
import slurm_cluster
import sweep_process

from zifsim.io.resources import data_folder
from zifsim.sweep import folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(slurm_cluster.why_not()), reason=slurm_cluster.why_not()),
]
EXECUTOR = pytest.mark.skipif(find_spec("snakemake_executor_plugin_slurm") is None,
                              reason="Snakemake's SLURM executor is not installed (pip install 'zifsim[sweep]')")
# The shipped profile on small nodes, in a hurry.
OPTIONS = ("--set-threads", "melt=1", "--slurm-init-seconds-before-status-checks", "5", "--latency-wait", "10")


@pytest.fixture
def cluster(tmp_path):
    with slurm_cluster.Cluster(tmp_path / "slurm") as one:
        yield one


def begun_melt(out: Path, but: str = "") -> tuple[str, dict] | None:
    """A melt that is some way in."""
    for id, state in sweep_process.running(out, "melt").items():
        if 0.0 < state["fraction"] < 0.9 and state["slurm_job"] and id != but:
            return id, state
    return None


@EXECUTOR
def test_a_sweep_on_slurm_survives_a_killed_job_a_drained_node_and_a_requeue(tmp_path, cluster):
    out, log = tmp_path / "sweep", tmp_path / "log"
    run = sweep_process.start("run", "smoke_sweep", "--out", out, "--profile", "slurm", "--set",
                              "axes.replicates=1", "--", *OPTIONS, log=log)
    try:
        sweep_process.until(lambda: begun_melt(out), 1800.0, "a melt that runs")
        killed, state = begun_melt(out)
        os.kill(state["pid"], signal.SIGKILL)

        sweep_process.until(lambda: begun_melt(out, but=killed), 1800.0, "another melt that runs")
        moved, state = begun_melt(out, but=killed)
        node, slurm_job = state["node"], state["slurm_job"]
        where = cluster.running()[slurm_job][0]
        cluster.ask("scontrol", "update", f"NodeName={where}", "State=DRAIN", "Reason=test")
        cluster.ask("scontrol", "requeue", slurm_job)
        sweep_process.until(lambda: cluster.running().get(slurm_job, ("", ""))[0] not in ("", where), 900.0,
                            "the requeued job on the other node")
        cluster.ask("scontrol", "update", f"NodeName={where}", "State=RESUME")
        assert run.wait(timeout=7200) == 0, log.read_text() + (out / "snakemake.log").read_text()[-5000:]
    finally:
        run.kill()
    done = sweep_process.finished(out)
    assert len(done) == 2 + 4 + 4
    states = sweep_process.states(out)
    assert {state["state"] for state in states.values()} == {"done"}
    assert states[killed]["attempts"] == 2
    assert states[moved]["attempts"] == 2
    assert states[moved]["slurm_job"] == slurm_job      # the same job of the queue, not another one
    assert node == states[moved]["node"]                # one machine plays both nodes
    assert all((out / table).is_file() for table in (*sweep_process.TABLES, "sweep.html"))

    again = sweep_process.finish("run", "smoke_sweep", "--out", out, "--profile", "slurm", "--set",
                                 "axes.replicates=1", "--", *OPTIONS, log=log)
    assert again == 0
    assert sweep_process.finished(out) == done


@EXECUTOR
@pytest.mark.parametrize(("options", "jobs_per_task"), [
    (("--set-resources", "melt:gpu=1"), 1),                     # --gpus=1 instead of --gres=gpu:1
    (("--groups", "melt=melts", "--group-components", "melts=2"), 2),
], ids=["gpu by number", "two melts on one gpu"])
def test_both_ways_to_ask_for_a_gpu_and_melts_that_share_one(tmp_path, cluster, monkeypatch, options, jobs_per_task):
    out = tmp_path / "sweep"
    monkeypatch.setenv("FAKE_PAUSE", "0.1")
    command = [sys.executable, fake_sweep.__file__, out, "20", "slurm", *OPTIONS, *options]
    with open(tmp_path / "log", "w") as log:
        run = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log)
    try:
        sweep_process.until(lambda: sweep_process.running(out, "melt"), 1800.0, "a melt that runs")
        state = next(iter(sweep_process.running(out, "melt").values()))
        assert "CUDA_VISIBLE_DEVICES=0" in Path(f"/proc/{state['pid']}/environ").read_text().split("\0")
        assert run.wait(timeout=3600) == 0, (out / "snakemake.log").read_text()[-5000:]
    finally:
        run.kill()
    melts = sweep_process.states(out, "melt")
    assert len(melts) == 4
    assert len({state["slurm_job"] for state in melts.values()}) == 4 // jobs_per_task
    assert len(sweep_process.finished(out)) == 1 + 4 + 8


def test_array_jobs_do_the_same_and_queue_themselves_again_when_their_time_is_up(tmp_path, cluster, monkeypatch):
    """Four fake melts on two nodes, two of them side by side in each task, told half-way that their time is up."""
    out = tmp_path / "sweep"
    jobs = fake_sweep.fake_jobs(melts=4, count=40)
    folder.write_plan(out, fake_sweep.smoke(), jobs)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.setenv("FAKE_PAUSE", "0.5")
    options = "--time=00:20:00 --mem=500 --cpus-per-task=1"
    submit = ("bash", str(data_folder("workflows") / "slurm" / "submit.sh"), str(out))
    settings = {"SMALL": options, "GCMC": options, "MELT": f"{options} --gres=gpu:1", "MELTS_PER_GPU": "2"}
    told = subprocess.run(submit, env=os.environ | settings, capture_output=True, text=True, check=True).stdout
    array = next(line.split()[-1] for line in told.splitlines() if line.startswith("melt:"))

    def steps(kind: str = "melt") -> list[list[str]]:
        return [path.read_text().split() for path in sorted(out.glob(f"{kind}/*/state.txt"))]

    sweep_process.until(lambda: len(steps()) == 4 and min(map(len, steps())) > 3, 1800.0, "all melts to be under way")
    before = steps()
    assert max(map(len, before)) < 40
    cluster.ask("scancel", "--batch", "--signal=USR1", array)
    sweep_process.until(lambda: len(sweep_process.finished(out)) == len(jobs), 1800.0, "the end")
    assert all(len(now) == 40 + number for number, now in enumerate(steps()))
    assert all(now[:len(then)] == then for now, then in zip(steps(), before, strict=True))
    assert {state["attempts"] for state in sweep_process.states(out, "melt").values()} == {2}
    pairs = [tuple(sorted(id for id, s in sweep_process.states(out, "melt").items() if s["slurm_job"] == job))
             for job in {s["slurm_job"] for s in sweep_process.states(out, "melt").values()}]
    assert sorted(pairs) == [tuple(sorted(j.id for j in jobs[1:3])), tuple(sorted(j.id for j in jobs[3:5]))]

    done = sweep_process.finished(out)
    subprocess.run(submit, env=os.environ | settings, check=True)
    sweep_process.until(lambda: not cluster.ask("squeue", "-h"), 1800.0, "an empty queue")
    assert sweep_process.finished(out) == done
    assert {state["attempts"] for state in sweep_process.states(out, "melt").values()} == {2}
