"""``zifsim melt --replicas``: melts side by side, killed and continued together."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zifsim.campaign.melt_job import MeltJob
from zifsim.campaign.replicas import plan_replicas, replicas_claim, run_replicas
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, SimulationError
from zifsim.io.files import read_json
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.run import MeltSettings
from zifsim.model.schedule import Segment, TemperatureProgram
from zifsim.rng import derive_seed
from zifsim.runs.progress import Event

LONG = '[[segment]]\nname = "hold"\nto_k = 300\nduration_ps = 0.6\nensemble = "NVT"\n'


def command(folder: Path, out: Path) -> list[str]:
    (folder / "hold.toml").write_text(LONG)
    return [sys.executable, "-m", "zifsim", "melt", "ZIF-8", "--program", str(folder / "hold.toml"), "--platform",
            "CPU", "--threads", "1", "--replicas", "2", "--out", str(out)]


def wait_for(path: Path, *, exists: bool = True, seconds: float = 90.0) -> None:
    until = time.monotonic() + seconds
    while path.exists() != exists:
        assert time.monotonic() < until, f"{path} did not {'appear' if exists else 'go'}"
        time.sleep(0.05)


def children_of(process: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def short_job(duration_ps: float = 0.02) -> MeltJob:
    program = TemperatureProgram("hold", (Segment("hold", 300.0, 300.0, duration_ps, "NVT"),), 1.0)
    return MeltJob(load_framework("ZIF-8"), load_melt_forcefield("nb-ZIF-FF-s"), program,
                   MeltSettings(seed=7, platform="CPU", cpu_threads=1, state_interval_ps=0.01))


def test_replicas_have_seeds_and_folders_of_their_own(tmp_path: Path) -> None:
    job = short_job()
    planned = plan_replicas(job, 3, tmp_path)
    assert [r.job.settings.seed for r in planned] == [derive_seed(7, "replica", n) for n in (1, 2, 3)]
    assert [r.folder.name for r in planned] == ["replica-1", "replica-2", "replica-3"]
    assert len({r.job.claim.key for r in planned}) == 3
    assert [r.job.claim.key for r in plan_replicas(job, 5, tmp_path)[:3]] == [r.job.claim.key for r in planned]


def test_their_folder_takes_more_of_them_and_nothing_else(tmp_path: Path) -> None:
    job, out = short_job(), tmp_path / "melts"
    with replicas_claim(job, 2).hold(out):
        pass
    replicas_claim(job, 3).check(out)
    with pytest.raises(InputError, match=r"another set of melts \(program differs\)"):
        replicas_claim(short_job(0.03), 2).check(out)
    with pytest.raises(InputError, match=r"holds the results of another kind of calculation \(set of melts\)"):
        job.claim.check(out)
    with job.claim.hold(tmp_path / "one"), pytest.raises(InputError, match=r"another kind of calculation \(melt\)"):
        replicas_claim(job, 2).check(tmp_path / "one")


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are looked up in /proc")
@pytest.mark.slow
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


@pytest.mark.slow
def test_a_replica_that_fails_is_named_and_the_others_finished(tmp_path: Path) -> None:
    """One finds a damaged checkpoint, another is killed; the same call then runs what is left and takes in one more."""
    job = short_job()
    one, two, three, four = plan_replicas(job, 4, tmp_path)
    replicas_claim(job, 3).write(tmp_path)
    two.job.claim.write(two.folder)
    (two.folder / "checkpoint.json").write_text("{")
    events: list[Event] = []

    def watch(event: Event) -> None:
        events.append(event)
        if event.part == "replica 1":
            for child in multiprocessing.active_children():
                child.kill()

    with pytest.raises(SimulationError, match=r"replica 1: its process ended with -9; replica 2: .*json is damaged"):
        run_replicas(job, 3, tmp_path, watch, at_once=1)
    assert {(e.part, e.kind) for e in events if e.kind in ("done", "failed")} == {
        ("replica 1", "failed"), ("replica 2", "failed"), ("replica 3", "done")}
    assert (three.folder / "DONE").is_file()
    assert read_json(tmp_path / "record.json")["exit_reason"].startswith("SimulationError: replica 1")
    (two.folder / "checkpoint.json").unlink()
    before = (three.folder / "melt.json").stat().st_mtime_ns
    results = run_replicas(job, 4, tmp_path)
    assert [r.seed for r in results] == [r.job.settings.seed for r in (one, two, three, four)]
    assert (three.folder / "melt.json").stat().st_mtime_ns == before
    assert set(read_json(tmp_path / "DONE")["outputs"]) == {
        "record.json", *(f"replica-{n}/melt.json" for n in range(1, 5))}
