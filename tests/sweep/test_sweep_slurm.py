"""The smoke sweep on a real SLURM: `make slurm-test`. A job is killed, a node drained, a job requeued."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest
import slurm_cluster
import sweep_process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(slurm_cluster.why_not()), reason=slurm_cluster.why_not()),
    pytest.mark.skipif(find_spec("snakemake_executor_plugin_slurm") is None,
                       reason="snakemake-executor-plugin-slurm is not installed (pip install 'zifsim[sweep]')"),
]
# The shipped profile on nodes of one core, in a hurry.
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
