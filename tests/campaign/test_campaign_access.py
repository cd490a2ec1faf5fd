"""The access stage of a study: planned when asked for, run like any other, read by the comparison."""

import json
from dataclasses import replace

import pytest

from zifsim.access import umbrella
from zifsim.access.filling import Experiment
from zifsim.access.run import AccessSettings
from zifsim.access.stored import read_access
from zifsim.campaign.access_job import AccessJob
from zifsim.campaign.access_stage import run_access
from zifsim.campaign.plan import make_plan
from zifsim.campaign.study import load_study
from zifsim.compare.results import read_results
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, UnknownNameError
from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.adsorption import load_adsorption_forcefield, load_charge_set
from zifsim.io.files import write_json_atomic
from zifsim.io.guests import load_guest
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.io.xyz import write_framework
from zifsim.runs.digest import plain
from zifsim.sweep.axes import load_sweep

CONFIG = {
    "material": "ZIF-8", "configuration": "A", "gases": [["CH4", 300.0]], "forcefield": "PP", "charges": "ZIF-FF",
    "cutoff_angstrom": 7.0, "snapshots": 0, "umbrella_ps": 0.0, "snapshot_temperature_k": None,
    "grid_spacing_angstrom": 0.6, "size_um": 50.0, "hours": 2.0, "seed": 7}


def planned(*changes):
    return [s for s in make_plan(load_study("quick", changes)) if s.kind == "access"]


def test_a_study_without_the_table_has_no_such_stage():
    assert planned() == []


def test_every_model_has_one_stage_for_all_gases():
    stages = planned("access.size_um=20")
    assert [s.name for s in stages] == ["ZIF-62 A", "ZIF-62 B", "ZIF-8 A", "agZIF-62 A-r1", "agZIF-62 B-r1"]
    assert stages[0].needs == {"framework": ("relax ZIF-62 A", "framework.extxyz")}
    assert stages[3].needs == {"framework": ("melt agZIF-62 A-r1", "glass.extxyz")}
    config = stages[0].config
    assert config["gases"] == [["H2-Buch-FH", 77.0], ["CO2", 273.0], ["O2", 273.0], ["N2", 77.0], ["CH4", 273.0]]
    assert (config["size_um"], config["hours"], config["snapshots"]) == (20.0, 1.0, 0)
    assert "dynamics" not in config
    assert "rigid" in stages[0].work


def test_the_table_can_be_for_some_materials_only():
    assert [s.name for s in planned('access.materials=["ZIF-8"]')] == ["ZIF-8 A"]
    with pytest.raises(InputError, match=r"access\.materials"):
        load_study("quick", ['access.materials=["ZIF-9"]'])


def test_snapshots_are_made_at_the_temperature_of_each_gas_with_the_force_field_of_the_kind():
    stages = planned("access.snapshots=30")
    assert [s.config["dynamics"] for s in stages] == ["ZIF-FF"] * 3 + ["nb-ZIF-FF-s"] * 2
    assert "30 snapshots at 2 temperatures" in stages[0].work
    one = planned("access.snapshots=30", "access.snapshot_temperature_k=300")[0]
    assert "30 snapshots at 1 temperature" in one.work
    assert one.seconds < stages[0].seconds


@pytest.mark.parametrize(("change", "error"), [
    ("access.snapshot=5", UnknownNameError), ("access.snapshots=-1", InputError), ("access.hours=0", InputError),
    ("access.grid_spacing_angstrom=2", InputError),
])
def test_a_wrong_table_is_refused(change, error):
    with pytest.raises(error, match="access"):
        load_study("quick", [change])


def test_an_unknown_force_field_of_the_dynamics_is_refused():
    with pytest.raises(UnknownNameError, match="springs"):
        planned("access.snapshots=5", "access.dynamics=springs")


def test_a_sweep_has_no_access_table():
    with pytest.raises(InputError, match="access belongs to a study"):
        load_sweep("quench_sweep", ["access.snapshots=5"])


def run(tmp_path, **changes):
    write_framework(tmp_path / "framework.extxyz", load_framework("ZIF-8"))
    folder = tmp_path / "out" / "access" / "ZIF-8-A"
    folder.mkdir(parents=True, exist_ok=True)
    told = []
    config = CONFIG | changes
    write_json_atomic(folder / "config.json", {"kind": "access", "config": config})     # as its worker does
    parameters = {"forcefield": load_adsorption_forcefield(config["forcefield"]),
                  "charges": load_charge_set(config["charges"]),
                  "guests": [load_guest(gas, temperature_k=t) for gas, t in config["gases"]],
                  "dynamics": load_melt_forcefield(config.get("dynamics", "ZIF-FF"))}
    names = run_access(config | {"parameters": plain(parameters)}, {"framework": tmp_path / "framework.extxyz"}, folder,
                       lambda event: event.kind == "note" or told.append(event.fraction))
    assert all((folder / name).is_file() for name in names)
    assert told == sorted(told)
    assert told[-1] <= 1.0
    return folder


def test_the_stage_writes_what_the_comparison_reads(tmp_path):
    folder = run(tmp_path)
    isotherm = {"gas": "CH4", "guest_model": "CH4-TraPPE", "forcefield": "PP", "charges": "none", "framework": "ZIF-8",
                "framework_sha256": "", "temperature_k": 300.0, "supercell": [1, 1, 1], "points": [],
                "material": "ZIF-8", "configuration": "A", "framework_kind": "crystal"}
    (folder.parents[1] / "gcmc" / "x").mkdir(parents=True)
    (folder.parents[1] / "gcmc" / "x" / "isotherm.json").write_text(json.dumps(isotherm))
    (folder.parents[1] / "study.json").write_text(json.dumps({"study": {"name": "one"}}))
    one, = read_results(folder.parents[1]).accesses
    assert (one.material, one.configuration, one.stored.kind) == ("ZIF-8", "A", "rigid")
    assert (one.stored.size_um, one.stored.hours, one.stored.guest_model) == (50.0, 2.0, "CH4-TraPPE")
    assert one.stored.forcefield == "PP"
    assert "material" not in json.loads((folder / "access.json").read_text())
    assert (folder / "access.png").is_file()


@pytest.mark.slow
def test_dynamics_at_two_temperatures_give_every_gas_its_own_snapshots(tmp_path, monkeypatch):
    monkeypatch.setattr(umbrella, "SPACING", 1e3)         # the ends of the path and its top ...
    monkeypatch.setattr(umbrella, "STIFFNESS", 1.0)       # ... where 50 would tear hydrogen through the walls
    folder = run(tmp_path, gases=[["CH4", 300.0], ["H2", 77.0]], snapshots=2, umbrella_ps=1.0, dynamics="ZIF-FF",
                 platform="CPU")
    data = json.loads((folder / "access.json").read_text())
    assert [(r["gas"], r["n_snapshots"], r["snapshot_temperature_k"]) for r in data["results"]] == [
        ("CH4", 0, None), ("CH4", 2, 300.0), ("CH4", 2, 300.0), ("H2", 0, None), ("H2", 2, 77.0), ("H2", 2, 77.0)]
    assert [r["umbrella"] and r["umbrella"]["ps"] for r in data["results"]] == [None, None, 1.0] * 2
    assert all(r["umbrella"]["places"] == 3 for r in data["results"] if r["umbrella"])
    assert {one.umbrella_ps for one in read_access(folder)} == {None, 1.0}


def test_the_old_key_of_umbrella_sampling_is_accepted_and_told(capsys):
    study = load_study("quick", ["access.snapshots=5", "access.led_ps=2"])
    assert study.access.umbrella_ps == 2.0
    assert "access.led_ps is now called access.umbrella_ps" in capsys.readouterr().err
    with pytest.raises(UnknownNameError, match="led_ps"):
        load_study("quick", ["access.snapshots=5", "access.led_ps=2", "access.umbrella_ps=2"])


def job(**changes):
    guests = tuple((load_guest(gas, temperature_k=t), t) for gas, t in (("H2", 77.0), ("CH4", 273.0), ("N2", 77.0)))
    values = {"framework": load_framework("ZIF-8"), "guests": guests, "charges": "ZIF-FF", "settings": AccessSettings(),
              "forcefield": load_adsorption_forcefield("PP"), "dynamics": load_melt_forcefield("ZIF-FF")}
    return AccessJob(**(values | changes))


def test_every_temperature_of_the_gases_has_a_set_of_snapshots():
    assert job().sets == {None: [0, 1, 2]}
    assert job(snapshots=5).sets == {77.0: [0, 2], 273.0: [1]}
    assert job(snapshots=5, snapshot_temperature_k=300.0).sets == {300.0: [0, 1, 2]}
    assert job(frames=(load_framework("ZIF-8"),)).sets == {None: [0, 1, 2]}
    assert list(job(snapshots=5).seconds)[:4] == [
        "snapshots at 77 K", "H2-Buch-FH 77 K: rigid", "N2-TraPPE 77 K: rigid", "average at 77 K"]
    assert "CH4-TraPPE 273 K: umbrella" in job(snapshots=5, umbrella_ps=12.0).seconds


def test_a_job_is_known_by_what_decides_its_numbers():
    ours = job(snapshots=5)
    assert job(snapshots=5, platform="CPU", threads=4, guests=ours.guests[::-1]).claim.key == ours.claim.key
    framework = replace(ours.framework, positions=ours.framework.positions + 0.1)
    for changed in ({"snapshots": 6}, {"snapshot_temperature_k": 300.0}, {"umbrella_ps": 2.0}, {"charges": "none"},
                    {"settings": AccessSettings(gcmc=GCMCSettings(seed=2))}, {"framework": framework},
                    {"dynamics": load_melt_forcefield("nb-ZIF-FF-s")},
                    {"forcefield": load_adsorption_forcefield("UFF")},
                    {"settings": AccessSettings(experiment=Experiment(1.0, 1.0))}):
        other = job(**({"snapshots": 5} | changed)).claim
        assert other.folder_key != ours.claim.folder_key, changed
    fewer = job(snapshots=5, guests=ours.guests[:1]).claim
    assert (fewer.folder_key, fewer.key == ours.claim.key) == (ours.claim.folder_key, False)
