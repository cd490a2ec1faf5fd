"""A sweep's folder whose files were damaged: plan, states and numbers are whole, or one sentence says why."""

import random
import sys
from contextlib import suppress
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
import finished_sweep
from damage import MUTATIONS, damaged

from zifsim.campaign.archive import read_archive
from zifsim.campaign.bundle import make_bundle
from zifsim.errors import InputError
from zifsim.sweep import folder
from zifsim.sweep.axes import load_sweep
from zifsim.sweep.collect import gather
from zifsim.sweep.state import StateFile, read_state
from zifsim.sweep.status import read_status


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    out = tmp_path_factory.mktemp("damage") / "swept"
    sweep = load_sweep("smoke_sweep")
    jobs = finished_sweep.finish(out, sweep)
    StateFile(out / jobs[0].id).end("done")
    return out, jobs


def plan_of(out):
    jobs = folder.read_jobs(out)
    return folder.read_sweep(out), jobs, [folder.read_parameters(out, job) for job in jobs[:3]], folder.planned_in(out)


def test_two_hundred_damages_to_the_plan(swept):
    out, _ = swept
    draw, good = random.Random(7), plan_of(out)
    for _ in range(MUTATIONS):
        path = out / draw.choice((folder.SWEEP, folder.JOBS, folder.PARAMETERS))
        before = damaged(draw, path)
        with suppress(InputError):
            assert plan_of(out) == good
        path.write_bytes(before)


def test_two_hundred_damages_to_results_never_give_another_number(swept):
    out, jobs = swept
    draw, sweep = random.Random(8), folder.read_sweep(out)
    some = [job for job in jobs if job.kind in ("build", "relax")] + [
        next(job for job in jobs if job.kind == kind) for kind in ("melt", "gcmc")]
    some = [job for job in jobs if job.id in {s for one in some for s, _ in one.needs.values()}] + some
    some = list({job.id: job for job in some}.values())
    good = repr(gather(sweep, some, out))
    files = [p for job in some for p in (out / job.id).iterdir()]
    for _ in range(MUTATIONS):
        path = draw.choice(files)
        before = damaged(draw, path)
        with suppress(InputError):
            assert repr(gather(sweep, some, out)) == good
        path.write_bytes(before)


def test_two_hundred_damages_to_a_state_are_told_as_a_state(swept):
    out, jobs = swept
    draw, path = random.Random(9), out / jobs[0].id / "job.json"
    (out / jobs[0].id / "DONE").rename(out / "DONE.away")
    for _ in range(MUTATIONS):
        before = damaged(draw, path)
        state = read_state(out / jobs[0].id)
        assert state is None or state.state in ("running", "stopped", "failed", "done")
        read_status(out, jobs[:2])
        path.write_bytes(before)
    (out / "DONE.away").rename(out / jobs[0].id / "DONE")


def test_fifty_damages_to_what_is_packed(swept, tmp_path):
    out, jobs = swept
    draw, target = random.Random(10), tmp_path / "b.tar.gz"
    good = read_archive(make_bundle(out, target).path).sha256
    target.unlink()
    for _ in range(MUTATIONS // 8):
        path = draw.choice([out / "sweep.json", out / "jobs.json", out / jobs[0].id / "DONE",
                            out / jobs[0].id / "record.json"])
        before = damaged(draw, path)
        with suppress(InputError):
            made = make_bundle(out, target)
            assert read_archive(made.path).sha256.keys() == good.keys()
            target.unlink()
        path.write_bytes(before)
    assert not target.exists()
