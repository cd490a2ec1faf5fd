"""From a sweep file to its jobs: ids, seeds, keys, files."""

import csv
import json
from pathlib import Path

import pytest
from counting import calls, per_job

from zifsim.campaign.study import load_study
from zifsim.cli import app
from zifsim.errors import InputError, ZifsimError
from zifsim.runs.seal import read_sealed_json, write_sealed_json
from zifsim.sweep import folder
from zifsim.sweep.axes import load_sweep
from zifsim.sweep.init import copy_templates
from zifsim.sweep.jobs import KINDS, plan_jobs, totals

RELAXED = ["materials.ZIF-62.relax_with=ZIF-FF"]


@pytest.fixture(scope="module")
def jobs():
    return plan_jobs(load_sweep("quench_sweep"))


@pytest.fixture(scope="module")
def few():
    return plan_jobs(load_sweep("smoke_sweep", RELAXED))


def by_name(jobs):
    return {(job.kind, job.name): job for job in jobs}


def test_the_shipped_sweep_is_5_rates_2_configurations_5_replicates_5_gases(jobs):
    assert {kind: sum(j.kind == kind for j in jobs) for kind in KINDS} == {
        "build": 2, "relax": 2, "melt": 50, "pores": 50, "gcmc": 250}
    points = {(j.rate_k_per_ps, j.configuration, j.replicate) for j in jobs if j.kind == "melt"}
    assert points == {(rate, c, r) for rate in (100.0, 30.0, 10.0, 3.0, 1.0) for c in "AB" for r in range(1, 6)}


def test_each_melt_quenches_at_the_rate_of_its_name(jobs):
    for job in jobs:
        if job.kind == "melt":
            quench = next(s for s in job.config["program"]["segments"] if s["name"] == "quench")
            assert (quench["from_k"] - quench["to_k"]) / quench["duration_ps"] == pytest.approx(job.rate_k_per_ps)
            assert f"-q{job.rate_k_per_ps:g}-r{job.replicate}-" in job.id


def test_inputs_come_first_and_glasses_go_to_their_own_isotherms(jobs):
    seen = {}
    for job in jobs:
        for source, _ in job.needs.values():
            assert source in seen
        if job.kind == "gcmc":
            (source, file), = job.needs.values()
            glass = seen[source]
            assert (glass.kind, file) == ("melt", "glass.extxyz")
            assert (glass.rate_k_per_ps, glass.configuration, glass.replicate) == (
                job.rate_k_per_ps, job.configuration, job.replicate)
        seen[job.id] = job


def test_all_seeds_differ(jobs):
    seeds = [job.seed for job in jobs if job.kind in ("melt", "gcmc")]
    assert len(set(seeds)) == len(seeds) == 300


@pytest.mark.parametrize("change", [
    "axes.quench_rate_k_per_ps=[700.0, 1000.0, 500.0, 0.5]", "axes.replicates=3",
    'axes.configurations=["C", "A", "B"]'])
def test_a_grown_sweep_leaves_every_job_as_it_was(few, change):
    grown = by_name(plan_jobs(load_sweep("smoke_sweep", [*RELAXED, change])))
    assert len(grown) > len(few)
    assert all(grown[job.kind, job.name] == job for job in few)


def test_a_changed_setting_changes_what_depends_on_it_and_nothing_else(few):
    old = by_name(few)
    for setting, kinds in (("gcmc.max_moves=30000000", {"gcmc"}), ("melt.anneal_ps=1.0", {"melt", "gcmc"}),
                           ("materials.ZIF-62.bim_per_cell=4", {"build", "relax", "melt", "gcmc"})):
        new = by_name(plan_jobs(load_sweep("smoke_sweep", [*RELAXED, setting])))
        assert {job.kind for name, job in new.items() if job.id != old[name].id} == kinds
        assert all(job.id != old[name].id for name, job in new.items() if job.kind in kinds)


def test_the_study_seed_reaches_every_random_stream(few):
    other = by_name(plan_jobs(load_sweep("smoke_sweep", [*RELAXED, "study.seed=7"])))
    for job in few:
        assert (other[job.kind, job.name].seed == job.seed) == (job.kind in ("build", "relax"))


def test_a_thousand_jobs_are_planned_in_five_million_calls(tmp_path):
    """Some seconds of computing, counted and not timed: every further job costs the same, and little."""
    sizes = []

    def plan(replicates):
        sweep = load_sweep("quench_sweep", [f"axes.replicates={replicates}", "measure.pores=false"])
        many = plan_jobs(sweep)
        folder.write_plan(tmp_path / str(replicates), sweep, many)
        sizes.append(len(many))

    plan(1)         # what is imported and read once
    counted = [calls(plan, replicates) for replicates in (1, 3, 6)]
    few, more = per_job(sizes[1:], counted)
    assert more < 1.1 * few
    assert counted[-1] + more * (1000 - sizes[-1]) < 5e6


def test_estimates_grow_with_the_work(jobs):
    sums = totals(jobs)
    slow = [j for j in jobs if j.rate_k_per_ps == 1.0 and j.kind == "melt"]
    fast = [j for j in jobs if j.rate_k_per_ps == 100.0 and j.kind == "melt"]
    assert min(j.gpu_seconds for j in slow) > 5 * max(j.gpu_seconds for j in fast)
    assert sums["gpu_hours"] == pytest.approx(sum(j.gpu_seconds for j in jobs) / 3600)
    assert sums["cpu_hours"] > sums["cpu_hours_beside_gpu"] > 0
    assert sums["gigabytes"] > 0


def test_the_folder_tells_other_processes_all_they_need(tmp_path):
    sweep = load_sweep("smoke_sweep")
    jobs = plan_jobs(sweep)
    folder.write_plan(tmp_path, sweep, jobs)
    assert folder.read_sweep(tmp_path) == sweep
    assert folder.read_jobs(tmp_path) == jobs
    assert (tmp_path / "jobs/melt.txt").read_text().split() == [j.id for j in jobs if j.kind == "melt"]
    asked = json.loads((tmp_path / "snakemake.json").read_text())
    assert asked["targets"] == [f"{j.id}/DONE" for j in jobs]
    rows = list(csv.DictReader((tmp_path / "jobs.csv").open()))
    assert [row["id"] for row in rows] == [j.id for j in jobs]
    assert [row["seed"] for row in rows if row["kind"] == "gcmc"] == [str(j.seed) for j in jobs if j.kind == "gcmc"]


def test_a_plan_of_another_physics_is_refused(tmp_path):
    sweep = load_sweep("smoke_sweep")
    folder.write_plan(tmp_path, sweep, plan_jobs(sweep))
    planned = read_sealed_json(tmp_path / "jobs.json")
    write_sealed_json(tmp_path / "jobs.json", planned | {"zifsim_version": "0.0.1", "physics": {"melt": 0}})
    with pytest.raises(InputError, match=r"was planned by zifsim 0\.0\.1"):
        folder.read_jobs(tmp_path)


@pytest.mark.parametrize(("change", "sentence"), [
    ("axes.quench_rate_k_per_ps=[10.0, 10.0]", "lists a rate twice"),
    ("axes.quench_rate_k_per_ps=[-1.0]", "allowed: > 0 and ≤ 1000"),
    ("axes.quench_rate_k_per_ps=[]", "quench_rate_k_per_ps"),
    ("axes.rates=[1.0]", "Known: configurations, quench_rate_k_per_ps, replicates"),
    ("axxes.replicates=2", "Did you mean 'axes'?"),
    ("materials.agZIF-62.configurations=['B']", "belongs to the crystal named in glass_of"),
    ("axes.replicates=0", "replicates = 0 is not allowed"),
    ("axes.configurations=['Q']", "no configuration 'Q'"),
    ("axes.configurations=['A', 'A']", "twice"),
    ("melt.quench_rate_k_per_ps=5.0", "is an axis: write quench_rate_k_per_ps in [axes]"),
    ("melt.replicas=3", "is an axis: write replicates in [axes]"),
    ("materials.ZIF-62.configurations=['B']", "is an axis: write it in [axes]"),
    ("melt.program=mine.toml", "only their cooling follows the axis"),
    ("materials.ZIF-8.structure=ZIF-8", "a sweep has two materials"),
    ("blends.half={ 'ZIF-62' = 0.5, 'agZIF-62' = 0.5 }", "blends belong to a study"),
    ("gcmc.gases.0.gas=CH5", "Did you mean 'CH4"),
])
def test_wrong_input_is_one_line_exit_code_2_and_nothing_written(tmp_path, monkeypatch, capsys, change, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        app.main(["sweep", "plan", "smoke_sweep", "--set", change])
    error = capsys.readouterr().err
    assert end.value.code == 2
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert sentence in error
    assert not list(tmp_path.iterdir())


def test_a_sweep_is_no_study_and_the_other_way_round():
    with pytest.raises(InputError, match="is a sweep, not a study: use `zifsim sweep run smoke_sweep`"):
        load_study("smoke_sweep")
    with pytest.raises(ZifsimError, match="'axes' is missing"):
        load_sweep("quick")


def test_a_folder_with_a_study_is_left_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("theirs").mkdir()
    Path("theirs/study.json").write_text("{}")
    with pytest.raises(SystemExit):
        app.main(["sweep", "plan", "smoke_sweep", "--out", "theirs"])
    assert "holds other files and no sweep" in capsys.readouterr().err
    assert [p.name for p in Path("theirs").iterdir()] == ["study.json"]


def test_the_printed_plan_names_jobs_seeds_and_totals(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        app.main(["sweep", "plan", "smoke_sweep"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    jobs = folder.read_jobs(Path("results/smoke_sweep"))
    assert all(job.id in text for job in jobs)
    assert all(str(job.seed) in text for job in jobs if job.kind == "melt")
    assert "GPU hours" in text
    assert "Nothing was run." in text


def test_init_copies_what_a_user_edits_and_overwrites_nothing(tmp_path):
    written = copy_templates(tmp_path / "mine")
    assert {p.name for p in written} == {"quench_sweep.toml", "smoke_sweep.toml", "profiles", "slurm"}
    assert (tmp_path / "mine/profiles/slurm/config.yaml").is_file()
    assert (tmp_path / "mine/slurm/submit.sh").stat().st_mode & 0o100
    with pytest.raises(InputError, match="exists already"):
        copy_templates(tmp_path / "mine")
