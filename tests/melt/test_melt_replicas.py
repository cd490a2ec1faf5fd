"""``zifsim melt --replicas``: melts side by side, killed and continued together."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zifsim.campaign.replicas import Replica, ReplicaJob, plan_replicas, run_replicas
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, SimulationError
from zifsim.io.files import read_json
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.run import MeltSettings
from zifsim.model.schedule import Segment, TemperatureProgram
from zifsim.rng import derive_seed

LONG = '[[segment]]\nname = "hold"\nto_k = 300\nduration_ps = 0.6\nensemble = "NVT"\n'
MELT = "from zifsim.cli.app import main; main()"


def command(folder: Path, out: Path) -> list[str]:
    (folder / "hold.toml").write_text(LONG)
    return [sys.executable, "-c", MELT, "melt", "ZIF-8", "--program", str(folder / "hold.toml"), "--platform", "CPU",
            "--threads", "1", "--replicas", "2", "--out", str(out)]


def wait_for(path: Path, *, exists: bool = True, seconds: float = 90.0) -> None:
    until = time.monotonic() + seconds
    while path.exists() != exists:
        assert time.monotonic() < until, f"{path} did not {'appear' if exists else 'go'}"
        time.sleep(0.05)


def children_of(process: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_replicas_have_seeds_and_folders_of_their_own(tmp_path: Path) -> None:
    planned = plan_replicas(tmp_path, 3, 7)
    assert [r.seed for r in planned] == [derive_seed(7, "replica", n) for n in (1, 2, 3)]
    assert [r.folder.name for r in planned] == ["replica-1", "replica-2", "replica-3"]
    assert plan_replicas(tmp_path, 5, 7)[:3] == planned
    (tmp_path / "melt.json").write_text("{}")
    with pytest.raises(InputError, match="single melt"):
        plan_replicas(tmp_path, 2, 7)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are looked up in /proc")
def test_a_killed_parent_leaves_replicas_that_the_same_command_finishes(tmp_path: Path) -> None:
    out = tmp_path / "melts"
    process = subprocess.Popen(command(tmp_path, out), stdout=subprocess.DEVNULL)
    for number in (1, 2):
        wait_for(out / f"replica-{number}" / "checkpoint.json")
    children = children_of(process.pid)
    assert len(children) >= 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    for child in children:                          # a broken pipe tells them; they do not run on unseen
        wait_for(Path(f"/proc/{child}"), exists=False)
    done = subprocess.run(command(tmp_path, out), capture_output=True, text=True, check=True,
                          env=os.environ | {"COLUMNS": "140"})
    assert "mean ± s.d." in done.stdout
    results = [read_json(out / f"replica-{n}" / "melt.json") for n in (1, 2)]
    assert [r["seed"] for r in results] == [derive_seed(1, "replica", n) for n in (1, 2)]
    assert results[0]["input_sha256"] != results[1]["input_sha256"]
    rows = [(out / f"replica-{n}" / "state.csv").read_text().splitlines() for n in (1, 2)]
    assert [line.split(",")[0] for line in rows[0][1:]] == [str(s) for s in range(0, 601, 100)]
    assert rows[0] != rows[1]


@pytest.mark.slow
def test_sigterm_ends_parent_and_replicas_with_75(tmp_path: Path) -> None:
    out = tmp_path / "melts"
    process = subprocess.Popen(command(tmp_path, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for number in (1, 2):
        wait_for(out / f"replica-{number}" / "checkpoint.json")
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=90)
    assert process.returncode == 75
    assert "same command continues" in told


def test_a_replica_that_fails_is_named_and_the_other_finished(tmp_path: Path) -> None:
    program = TemperatureProgram("hold", (Segment("hold", 300.0, 300.0, 0.02, "NVT"),), 1.0)
    job = ReplicaJob(load_framework("ZIF-8"), load_melt_forcefield("nb-ZIF-FF-s"), program,
                     MeltSettings(platform="CPU", cpu_threads=1, state_interval_ps=0.01))
    replicas = plan_replicas(tmp_path, 2, 1)
    replicas[1].folder.mkdir()
    (replicas[1].folder / "checkpoint.json").write_text("{")
    heard: list[tuple[int, str]] = []

    def watch(replica: Replica, event: str, info: object) -> None:
        heard.append((replica.number, event))

    with pytest.raises(SimulationError, match=r"replica 2: .*checkpoint\.json is damaged"):
        run_replicas(job, replicas, watch, at_once=1)
    assert (1, "done") in heard
    assert (2, "failed") in heard
    assert (replicas[0].folder / "melt.json").is_file()
