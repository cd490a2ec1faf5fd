"""Folders of stages: readable names, parameters by value, and nothing believed that was changed after the plan."""

import json
from pathlib import Path

import pytest

from zifsim.campaign.stagefolder import StageFolder, owner_claim, parameter_digests, read_prepared
from zifsim.errors import InputError
from zifsim.runs.folder import mark_done

PARAMETERS = {"forcefield": {"name": "PP", "epsilon_k": 0.1}}
CONFIG = {"n": 2, "seed": 7, "parameters_sha256": parameter_digests(PARAMETERS)}


def prepared(tmp_path, config=CONFIG, parameters=PARAMETERS):
    source = tmp_path / "source.txt"
    source.write_text("atoms")
    folder = StageFolder(tmp_path, "fake", "a", "0" * 64)
    folder.claim(config, {"framework": source}, "fake_stages:count", parameters).write(folder.path)
    return folder.path


def test_folder_names_are_readable_and_safe():
    folder = StageFolder(Path("out"), "gcmc", "ag[(ZIF-8)0.2] A CO2 273 K", "0123456789abcdef")
    assert folder.relative == "gcmc/ag-ZIF-8-0.2-A-CO2-273-K-01234567"


def test_a_folder_is_done_only_after_its_mark(tmp_path):
    folder = StageFolder(tmp_path, "melt", "a", "0" * 64)
    folder.claim({}, {}, "x:y", {}).write(folder.path)
    (folder.path / "result.txt").write_text("1")
    assert not folder.is_done()
    mark_done(folder.path, ["result.txt"])
    assert folder.is_done()


def test_a_worker_finds_configuration_parameters_and_inputs(tmp_path):
    stage = read_prepared(prepared(tmp_path))
    assert stage.config["parameters"] == PARAMETERS
    assert stage.inputs == {"framework": tmp_path / "source.txt"}
    assert (stage.claim.seed, stage.run) == (7, "fake_stages:count")


@pytest.mark.parametrize(("change", "sentence"), [
    (lambda v: v["parameters"]["forcefield"].update(epsilon_k=0.2), "was changed after it was planned"),
    (lambda v: v["config"].update(n=3), "was changed after it was planned"),
    (lambda v: v["inputs_sha256"].update(framework="00"), "was changed after it was planned"),
    (lambda v: v.pop("parameters"), "is damaged"),
    (lambda v: v.pop("kind"), "is damaged"),
])
def test_a_plan_that_was_changed_is_refused(tmp_path, change, sentence):
    path = prepared(tmp_path) / "config.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    with pytest.raises(InputError, match="is damaged"):
        read_prepared(path.parent)
    del values["sha256"]        # as earlier versions wrote it
    path.write_text(json.dumps(values))
    with pytest.raises(InputError, match=sentence):
        read_prepared(path.parent)


def test_an_input_that_was_changed_is_refused(tmp_path):
    folder = prepared(tmp_path)
    (tmp_path / "source.txt").write_text("other atoms")
    with pytest.raises(InputError, match="is missing or was changed"):
        read_prepared(folder)


def test_a_study_keeps_its_folder_when_its_settings_change_and_another_study_is_refused(tmp_path):
    mine = {"study": {"name": "mine", "seed": 1}}
    with owner_claim("study", mine).hold(tmp_path):
        pass
    with owner_claim("study", mine | {"melt": {"hold_ps": 5}}).hold(tmp_path):
        pass
    with pytest.raises(InputError, match=r"holds another study \(name: mine, not theirs\)"):
        owner_claim("study", {"study": {"name": "theirs"}}).check(tmp_path)
    with pytest.raises(InputError, match="another kind of calculation"):
        owner_claim("sweep", mine).check(tmp_path)
