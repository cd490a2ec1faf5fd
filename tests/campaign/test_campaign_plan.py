"""From a study to its stages."""

import pytest

from zifsim.campaign.plan import make_plan
from zifsim.campaign.study import load_study
from zifsim.errors import InputError
from zifsim.runs.digest import plain
from zifsim.runs.progress import silent


def ids(stages, kind):
    return {s.name for s in stages if s.kind == kind}


@pytest.fixture(scope="module")
def quick():
    return make_plan(load_study("quick"), workers=4)


def test_the_quick_study_has_every_material_and_gas(quick):
    assert ids(quick, "build") == {"ZIF-62 A", "ZIF-62 B", "ZIF-8 A"}
    assert ids(quick, "relax") == {"ZIF-62 A", "ZIF-62 B"}
    assert ids(quick, "melt") == {"agZIF-62 A-r1", "agZIF-62 B-r1"}
    models = ("ZIF-62 A", "ZIF-62 B", "ZIF-8 A", "agZIF-62 A-r1", "agZIF-62 B-r1")
    gases = ("H2 77 K", "CO2 273 K", "O2 273 K", "N2 77 K", "CH4 273 K")
    assert ids(quick, "gcmc") == {f"{m} {g}" for m in models for g in gases}


def test_the_shipped_glasses_are_models_of_one_material_named_by_their_files():
    stages = make_plan(load_study("shipped_glasses"))
    glasses = {f"agZIF-62 agZIF-62-{c}-dense-{n}" for c in "AB" for n in (1, 2, 3)}
    assert ids(stages, "build") == {"ZIF-62 A", "ZIF-62 B", "ZIF-8 A", *glasses}
    assert ids(stages, "melt") == set()
    access = {s.name: s for s in stages if s.kind == "access"}
    assert set(access) == ids(stages, "build")
    assert {access[g].config["dynamics"] for g in glasses} == {"nb-ZIF-FF-s"}
    sampled = make_plan(load_study("shipped_glasses", ["access.umbrella_ps=12"]))
    assert all(s.config["umbrella_ps"] == 12.0 and s.seconds > 2 * access[s.name].seconds
               for s in sampled if s.kind == "access")
    with pytest.raises(InputError, match=r"umbrella_ps.*at least 1 ps"):
        load_study("shipped_glasses", ["access.umbrella_ps=0.5"])
    with pytest.raises(InputError, match="snapshots must be above 0"):
        load_study("shipped_glasses", ["access.umbrella_ps=12", "access.snapshots=0"])


def test_the_study_of_the_shipped_glasses_names_every_model_and_force_field():
    """A default that changes must not change what its numbers are of."""
    from zifsim.io.resources import data_folder
    from zifsim.io.tomltable import read_toml

    study = read_toml(data_folder("workflows") / "shipped_glasses.toml")
    recipe = read_toml(data_folder("structures") / "glasses" / "glasses.toml")
    assert all("model" in gas for gas in study["gcmc"]["gases"])
    assert {"forcefield", "charges", "cutoff_angstrom", "truncation"} <= set(study["gcmc"])
    assert study["melt"]["forcefield"] == recipe["forcefield"] == "nb-ZIF-FF-s"
    assert recipe["relax_with"] == study["materials"]["ZIF-62"]["relax_with"]


def test_inputs_come_before_what_uses_them_and_from_the_right_stage(quick):
    seen = set()
    for stage in quick:
        assert all(upstream in seen for upstream, _ in stage.needs.values())
        seen.add(stage.id)
    needs = {s.id: dict(s.needs) for s in quick}
    assert needs["melt agZIF-62 B-r1"] == {"framework": ("relax ZIF-62 B", "framework.extxyz")}
    assert needs["gcmc agZIF-62 B-r1 H2 77 K"] == {"framework": ("melt agZIF-62 B-r1", "glass.extxyz")}
    assert needs["gcmc ZIF-8 A H2 77 K"] == {"framework": ("build ZIF-8 A", "framework.extxyz")}


def test_melts_share_the_cores_and_everything_else_takes_one(quick):
    assert {s.threads for s in quick if s.kind == "melt"} == {2}
    assert {s.threads for s in quick if s.kind != "melt"} == {1}


def test_every_random_stream_has_its_own_seed(quick):
    seeds = [s.config.get("seed") or s.config["settings"]["seed"] for s in quick if s.kind in ("melt", "gcmc")]
    assert len(set(seeds)) == len(seeds) == 27


def test_a_seed_changes_what_is_random_and_nothing_else(quick):
    other = make_plan(load_study("quick", ["study.seed=5"]), workers=4)
    for a, b in zip(quick, other, strict=True):
        assert (a.config == b.config) == (a.kind in ("build", "relax"))


def test_replicas_and_all_configurations_multiply_the_melts():
    changes = ["melt.replicas=2", 'materials.ZIF-62.configurations=["all"]']
    stages = make_plan(load_study("quick", changes))
    assert ids(stages, "melt") == {f"agZIF-62 {c}-r{r}" for c in "ABCD" for r in (1, 2)}


def test_estimates_grow_with_steps_and_cell():
    def melt_seconds(*changes):
        return sum(s.seconds for s in make_plan(load_study("quick", changes)) if s.kind == "melt")

    base = melt_seconds()
    assert melt_seconds("melt.supercell=[2,1,1]") == pytest.approx(2 * base, rel=1e-6)
    assert melt_seconds("melt.timestep_fs=0.5") == pytest.approx(2 * base, rel=1e-3)


@pytest.mark.parametrize(("changes", "sentence"), [
    (['materials.ZIF-62.configurations=["A","A"]'], "asks for 'build ZIF-62 A' twice"),
    (["materials.ZIF-62.bim_per_cell=7"], "do not fit"),
    (['materials.ZIF-62.configurations=["Q"]'], "no configuration 'Q'"),
    (["gcmc.gases.0.model=CO2-TraPPE"], "the model CO2-TraPPE is for CO2, not H2"),
    (["gcmc.charges=RESP"], "RESP"),
])
def test_what_cannot_be_run_is_found_when_planning(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        make_plan(load_study("quick", changes))


def test_relaxing_costs_a_minute_where_the_cell_does_not_travel(quick, tmp_path):
    """290 atoms: 58 CPU s, 1935 evaluations of 870 rows and two descents; of a shipped cell a file is read."""
    from zifsim.io.resources import data_folder

    assert {s.seconds for s in quick if s.kind == "relax"} == {1.0}
    shipped = (data_folder("structures") / "ZIF-62.cif").read_text(encoding="utf-8")
    (tmp_path / "own.cif").write_text(shipped.replace("15.6620", "15.7000"), encoding="utf-8")
    own = make_plan(load_study("quick", [f'materials.ZIF-62.structure="{tmp_path}/own.cif"']))
    assert all(30.0 < s.seconds < 120.0 for s in own if s.kind == "relax")


def test_a_stage_reads_the_cell_that_the_plan_says_travels(tmp_path):
    from zifsim.campaign.stages import run_build, run_relax
    from zifsim.io.xyz import read_framework

    stages = {s.kind: s for s in make_plan(load_study("quick", ['materials.ZIF-62.configurations=["A"]']))
              if s.name.startswith("ZIF-62")}
    for kind in ("build", "relax"):
        (tmp_path / kind).mkdir()
    run_build(stages["build"].config, {}, tmp_path / "build", silent)
    events = []
    run_relax({**stages["relax"].config, "parameters": plain(stages["relax"].parameters)},
              {"framework": tmp_path / "build" / "framework.extxyz"}, tmp_path / "relax", events.append)
    assert not events       # that it relaxes
    assert read_framework(tmp_path / "relax" / "framework.extxyz").source.endswith("relaxed with ZIF-FF")
