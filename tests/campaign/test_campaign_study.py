"""Study files: what is accepted, and the one sentence for what is not."""

from pathlib import Path

import pytest

from zifsim.campaign.study import Crystal, Glass, find_study, load_study
from zifsim.errors import InputError, ZifsimError

STUDY = """
[study]
name = "small"

[materials."ZIF-62"]
structure = "ZIF-62"

[materials."agZIF-62"]
glass_of = "ZIF-62"

[blends]
"half" = { "ZIF-62" = 0.5, "agZIF-62" = 0.5 }

[[gcmc.gases]]
gas = "H2"
temperature_k = 77
pressures_bar = [0.1, 1.0]
"""


@pytest.fixture
def study_file(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(STUDY)
    return path


@pytest.mark.parametrize("name", ["quick", "shipped_glasses", "flux_melting"])
def test_shipped_studies_are_valid_and_hold_the_papers_table(name):
    study = load_study(name)
    assert study.name == name
    assert study.study.quality == ("quick" if name == "quick" else "production")
    assert set(study.blends) == {"(ZIF-8)(ZIF-62)(20/80)", "ag[(ZIF-8)0.2(ZIF-62)0.8]"}
    conditions = {(g.gas, g.temperature_k) for g in study.gcmc.gases}
    assert conditions >= {("H2", 77), ("CO2", 273), ("O2", 273), ("N2", 77), ("CH4", 273)}


def test_a_material_is_a_crystal_or_the_glass_of_one(study_file):
    materials = load_study(study_file, ["materials.glass.structure='ZIF-8'"]).materials
    assert {name: type(material) for name, material in materials.items()} == {
        "ZIF-62": Crystal, "agZIF-62": Glass, "glass": Crystal}
    assert materials["agZIF-62"].model_dump() == {"glass_of": "ZIF-62"}


def test_a_study_survives_json(study_file):
    from zifsim.campaign.study import study_from_dict

    study = load_study(study_file)
    assert study_from_dict(study.to_dict()) == study


@pytest.mark.parametrize(("change", "value"), [
    ("melt.hold_ps=10", lambda s: s.melt.hold_ps == 10),
    ("melt.supercell=[2,2,1]", lambda s: s.melt.supercell == (2, 2, 1)),
    ("melt.program=dense", lambda s: s.melt.program == "dense"),
    ("materials.ZIF-62.bim_per_cell=4", lambda s: s.materials["ZIF-62"].bim_per_cell == 4),
    ("gcmc.gases.0.pressures_bar=[1.0]", lambda s: s.gcmc.gases[0].pressures_bar == (1.0,)),
    ("study.title=a = b", lambda s: s.study.title == "a = b"),
])
def test_overrides_reach_any_value(study_file, change, value):
    assert value(load_study(study_file, [change]))


@pytest.mark.parametrize(("change", "sentence"), [
    ("study.seeed=3", r"Unknown key in \[study\] .*'seeed'\. Did you mean 'seed'\?"),
    ("melts.hold_ps=3", r"Unknown table .*'melts'\. Did you mean 'melt'\?"),
    ("materials.ZIF-62.bim_per_cel=3", r"\[materials\.ZIF-62\] .*Did you mean 'bim_per_cell'\?"),
    ("gcmc.gases.0.gass=H2", r"\[gcmc\.gases\.0\] .*Did you mean 'gas'\?"),
    ("melt.hold_ps=-4", r"melt\.hold_ps = -4 .*allowed: ≥ 0 and ≤ 1e\+06; .*ps"),
    ("melt.hold_ps=long", r"melt\.hold_ps = 'long'"),
    ("melt.supercell=[2,2]", r"melt\.supercell = \[2, 2\]"),
    ("melt.supercell=[2,2,0]", r"melt\.supercell\.2 = 0 .*allowed: ≥ 1 and ≤ 20"),
    ("gcmc.gases.0.pressures_bar=[-0.1,1.0]", r"pressures_bar\.0 = -0\.1 .*allowed: > 0 and ≤ 1000"),
    ("gcmc.gases.0.pressures_bar=[1.0,0.1]", r"must ascend"),
    ("gcmc.gases.0.pressures_bar=[0.5]", r"must contain 1\.0"),
    ("gcmc.gases=[]", r"gcmc\.gases = \[\]"),
    ("gcmc.truncation=shift", r"'truncated', 'shifted' or 'tail'"),
    ("gcmc.max_moves=10", r"min_moves \(100000\) exceeds max_moves \(10\)"),
    ("gcmc.gases.4.gas=H2", r"no entry '4' in that list \(0 to 0\)"),
    ("materials.agZIF-62.glass_of=ZIF-63", r"'ZIF-63'\. Did you mean 'ZIF-62'\?"),
    ("materials.agZIF-62.bim_per_cell=4", r"'bim_per_cell' belongs to the crystal"),
    ("materials.agZIF-62.configurations=[]", r"'configurations' belongs to the crystal"),
    ("materials.agZIF-62.glass=ZIF-62", r"\[materials\.agZIF-62\] .*Did you mean 'glass_of'\?"),
    ("materials.new={}", r"materials\.new: give either 'structure' or 'glass_of'"),
    ("materials.new={glas_of='ZIF-62'}", r"\[materials\.new\] .*'glas_of'\. Did you mean 'glass_of'\?"),
    ("materials.ZIF-62.bim_per_cell=-1", r"materials\.ZIF-62\.bim_per_cell = -1 .*allowed: ≥ 0 and ≤ 1000; bIm per"),
    ("materials.ZIF-62.structure=3", r"materials\.ZIF-62\.structure = 3 .*shipped name, file or files"),
    ("materials.ZIF-62=3", r"materials\.ZIF-62"),
    ("materials.ZIF-62.glass_of=agZIF-62", r"either 'structure' or 'glass_of'"),
    ("blends.half.ZIF-62=0.6", r"sum to 1\.1, it must be 1"),
    ("blends.half={ZIF-8=1.0}", r"Unknown material 'ZIF-8'"),
    ("study.quality=fast", r"'quick' or 'production'"),
    ("study.name=a/b", r"study\.name = 'a/b'"),
    ("hold_ps", r"not of the form key=value"),
    ("hold ps=3", r"'hold ps' is not a key"),
])
def test_a_wrong_value_is_one_sentence_that_names_it(study_file, change, sentence):
    with pytest.raises(ZifsimError, match=sentence) as caught:
        load_study(study_file, [change])
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(STUDY.replace('name = "small"', ""))
    with pytest.raises(InputError, match=r"x\.toml: the key 'study\.name' is missing"):
        load_study(path)


def test_a_file_that_is_not_toml_is_named_with_the_line(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text("[study\nname")
    with pytest.raises(InputError, match=r"x\.toml is not a valid TOML file: .*line 1"):
        load_study(path)


def test_a_missing_file_lists_the_shipped_studies():
    with pytest.raises(InputError, match=r"No study file 'quik\.toml'.*flux_melting, quick"):
        load_study("quik.toml")


def test_structures_are_looked_for_beside_the_study_file(tmp_path):
    (tmp_path / "mine.cif").write_text("data_x\n")
    path = tmp_path / "x.toml"
    path.write_text(STUDY.replace('structure = "ZIF-62"', 'structure = "mine.cif"'))
    found = load_study(path).materials["ZIF-62"].structures[0]
    assert Path(found) == tmp_path / "mine.cif"


def test_the_old_table_of_blends_is_accepted_and_told(capsys, tmp_path):
    old = tmp_path / "old.toml"
    old.write_text(find_study("quick").read_text().replace("[blends]", "[mixtures]"))
    assert load_study(old).blends == load_study("quick").blends
    assert "mixtures is now called blends" in capsys.readouterr().err
