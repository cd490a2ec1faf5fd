"""Files of users, mutated: a reader raises zifsim's own errors only, and the examples of bug reports are refused."""

import json
import random
import re

import numpy as np
import pytest

from zifsim.analysis.measured import read_curve
from zifsim.campaign.study import load_study
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, UnknownNameError, ZifsimError
from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.adsorption import load_adsorption_forcefield, load_charge_set
from zifsim.io.checked import checked
from zifsim.io.cif import read_cif
from zifsim.io.guests import load_guest, read_guest_sites
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.io.resources import data_folder
from zifsim.io.results import read_isotherm
from zifsim.io.xyz import format_framework, read_framework
from zifsim.melt.program import melt_program
from zifsim.melt.settings import MeltSettings
from zifsim.model.uptake import HenryResult, Isotherm, LoadingPoint
from zifsim.sweep.axes import load_sweep

MUTATIONS = 200
CO2 = load_guest("CO2")
VALUES = ["nan", "inf", "-1", "1e308", "-1e308", "0", '"text"', "[]", "{}", "null", "true", "1e400", "9" * 30,
          '"[/b]$\\\\frac"', '"\\u001b[31m"', "[[[[]]]]", "1.5"]
PROGRAM = """name = "up"
timestep_fs = 0.5
[[segment]]
name = "heat"
to_k = 350
rate_k_per_ps = 100.0
[[segment]]
to_k = 350
duration_ps = 0.5
ensemble = "NVT"
pressure_bar = 1.0
"""
SITES = "6\nsites\n" + "".join(f"{'OCO'[k % 3]} 0.0 {5.0 * (k // 3)} {(-1.16, 0.0, 1.16)[k % 3]}\n" for k in range(6))


def isotherm_text():
    points = tuple(LoadingPoint(p, p, q, 0.01 * q, q, 3.0, 0.1, 20.0, 0.1, 1000, 100, 50.0, True, 1)
                   for p, q in ((1e4, 0.5), (1e5, 2.0)))
    henry = HenryResult("CO2", 273.0, 5e-5, 1e-7, 20.0, 0.1, 1000, 1)
    return json.dumps(Isotherm("CO2", "CO2-TraPPE", "PP", "ZIF-FF", "ZIF-8", "0" * 64, 273.0, (2, 2, 2), points,
                               henry).to_dict(), indent=1)


def shipped(*parts):
    return data_folder(parts[0]).joinpath(*parts[1:]).read_text(encoding="utf-8")


READERS = {
    "program": ("x.toml", lambda: PROGRAM, melt_program),
    "melt": ("x.toml", lambda: shipped("forcefields", "melt", "nb-ZIF-FF.toml"), load_melt_forcefield),
    "host": ("x.toml", lambda: shipped("forcefields", "adsorption", "DREIDING.toml"), load_adsorption_forcefield),
    "charges": ("x.toml", lambda: shipped("forcefields", "charges", "PP.toml"), load_charge_set),
    "guest": ("x.toml", lambda: shipped("forcefields", "guests", "CO2-TraPPE.toml"), load_guest),
    "study": ("x.toml", lambda: shipped("workflows", "quick.toml"), load_study),
    "sweep": ("x.toml", lambda: shipped("workflows", "smoke_sweep.toml"), load_sweep),
    "isotherm": ("x.json", isotherm_text, read_isotherm),
    "extxyz": ("x.extxyz", lambda: format_framework(load_framework("ZIF-8")), read_framework),
    "cif": ("x.cif", lambda: shipped("structures", "ZIF-8.cif"), read_cif),
    "sites": ("x.xyz", lambda: SITES, lambda path: read_guest_sites(path, CO2)),
    "curve": ("x.dat", lambda: "Q S\n" + "".join(f"{0.1 * k} {1.0} 0.1\n" for k in range(20)),
              lambda path: read_curve("xray-S", path)),
}


def mutated(text, rng):
    """A text with one thing changed: a value, a line gone or twice, a byte."""
    kind, content = rng.randrange(5), text
    values = list(re.finditer(r'(?<=[=:\[, ])\s*("[^"]*"|-?\d[\d.e+-]*|true|false|null)', text))
    lines = text.splitlines(keepends=True)
    if kind <= 1 and values:
        chosen = rng.choice(values)
        content = text[:chosen.start(1)] + rng.choice(VALUES) + text[chosen.end(1):]
    elif kind == 2:
        del lines[rng.randrange(len(lines))]
        content = "".join(lines)
    elif kind == 3:
        lines.insert(rng.randrange(len(lines)), rng.choice(lines))
        content = "".join(lines)
    binary = bytearray(content.encode())
    if kind == 4:
        binary[rng.randrange(len(binary))] = rng.randrange(256)
    return bytes(binary)


@pytest.mark.parametrize("name", READERS)
def test_a_reader_raises_only_errors_that_say_what_to_mend(name, tmp_path):
    file, valid, read = READERS[name]
    path, text, rng = tmp_path / file, valid(), random.Random(name)
    path.write_text(text, encoding="utf-8")
    read(path)
    said = []
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(text, rng))
        try:
            read(path)
        except ZifsimError as error:
            said.append(str(error))
    assert len(said) > 5
    assert not [sentence for sentence in said if "\n" in sentence or len(sentence) > 1200]


@pytest.mark.parametrize("name", READERS)
def test_text_of_other_encodings_is_read_or_told_with_its_line(name, tmp_path):
    file, valid, read = READERS[name]
    path, text = tmp_path / file, valid()
    if name == "isotherm":
        path.write_bytes(b"\xef\xbb\xbf" + text.encode())
        read(path)
        return
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    read(path)
    path.write_bytes(text.encode("utf-16"))
    with pytest.raises(InputError, match="UTF-16"):
        read(path)
    head, newline, tail = text.partition("\n")
    path.write_bytes(head.encode() + b" # caf\xe9" + newline.encode() + tail.encode())
    if name in ("cif", "curve"):        # a word of a header does no harm
        read(path)
    else:
        with pytest.raises(InputError, match=r"line 1: the byte 0xe9 is not UTF-8"):
            read(path)


@pytest.mark.parametrize(("text", "sentence"), [
    ("pressure_bar = nan", "finite number"), ("pressure_bar = inf", "finite number"), ("to_k = nan", "finite number"),
    ("duration_ps = inf", "finite number"), ("duration_ps = 1e300", "duration_ps = 1e.300"),
    ("to_k = true", "must be a number"), ("ensemble = 5", "ensemble = 5"), ("name = 5", "must be a text"),
])
def test_a_program_of_nonsense_is_refused(text, sentence, tmp_path):
    key = text.split()[0]
    (tmp_path / "p.toml").write_text(re.sub(rf"^{key} = .*$", text, PROGRAM, flags=re.MULTILINE))
    with pytest.raises(InputError, match=sentence):
        melt_program(tmp_path / "p.toml")


def test_steps_without_number_are_refused(tmp_path):
    (tmp_path / "p.toml").write_text(PROGRAM.replace("timestep_fs = 0.5", "timestep_fs = 1e-300"))
    with pytest.raises(InputError, match="timestep_fs"):
        melt_program(tmp_path / "p.toml")
    (tmp_path / "p.toml").write_text("segment = 5")
    with pytest.raises(InputError, match="segment = 5"):
        melt_program(tmp_path / "p.toml")


@pytest.mark.parametrize("top", ["extends = 5", "without = 5", "name = 5", "sources = []", "source = 5", "atoms = []",
                                 "[terms]\nbonds = 5", "[terms]\nbonds = ['C1']", "[soft]\nepsilon_ev = nan"])
def test_a_melt_force_field_of_wrong_types_is_refused(top, tmp_path):
    head = "" if top.startswith("extends") else 'extends = "ZIF-FF"\n'
    (tmp_path / "f.toml").write_text(f"{head}{top}\n")
    with pytest.raises(ZifsimError, match=r"f\.toml: "):
        load_melt_forcefield(tmp_path / "f.toml")


@pytest.mark.parametrize(("key", "value"), [
    ("loading_mol_kg", None), ("loading_mol_kg", -5), ("loading_mol_kg", 1e308), ("loading_mol_kg", "x"),
    ("pressure_pa", 0), ("pressure_pa", "x"), ("equilibrated", "no"), ("n_moves", 1.5)])
def test_an_isotherm_with_a_point_of_nonsense_is_refused(key, value, tmp_path):
    data = json.loads(isotherm_text())
    data["points"][1][key] = value
    (tmp_path / "i.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=rf"i\.json is not an isotherm .*points\.1\.{key} = "):
        read_isotherm(tmp_path / "i.json")


@pytest.mark.parametrize(("old", "new", "sentence"), [
    ("_cell_angle_alpha                 90", "_cell_angle_alpha 400", "from 10 to 170"),
    ("_cell_length_a                    16.991", "_cell_length_a 1e300", "from 1 to 1000"),
])
def test_a_cell_of_nonsense_is_refused(old, new, sentence, tmp_path):
    text = shipped("structures", "ZIF-8.cif")
    tag = new.split()[0]
    (tmp_path / "x.cif").write_text(re.sub(rf"^{tag}\s.*$", new, text, flags=re.MULTILINE), encoding="utf-8")
    with pytest.raises(InputError, match=sentence):
        read_cif(tmp_path / "x.cif")


def test_a_framework_of_nonsense_is_refused():
    from dataclasses import replace

    zif8 = load_framework("ZIF-8")
    for value in (np.nan, np.inf, 1e308):
        positions = zif8.positions.copy()
        positions[3, 1] = value
        with pytest.raises(InputError, match="coordinate of atom 4"):
            replace(zif8, positions=positions)
        with pytest.raises(InputError, match="charge of atom 1"):
            replace(zif8, charges=np.full(zif8.n_atoms, value))
        with pytest.raises(InputError, match="edge of the cell"):
            replace(zif8, cell=zif8.cell * value)
    with pytest.raises(InputError, match="bond"):
        replace(zif8, bonds=np.array([[0, -1]]))
    assert "\x1b" not in replace(zif8, name="a\x1b[31m").name


@pytest.mark.parametrize("make", [GCMCSettings, MeltSettings])
def test_settings_of_nonsense_are_refused(make):
    from dataclasses import fields

    numbers = [f.name for f in fields(make()) if isinstance(f.default, int | float) and f.default is not True
               and f.default is not False]
    assert len(numbers) > 7
    for name in numbers:
        for value in (float("nan"), float("inf"), -1.0, 1e308, "text", None, [], True):
            with pytest.raises(InputError):
                make(**{name: value})


def test_the_sentence_of_an_unknown_key_names_the_nearest():
    from zifsim.campaign.study import Melt

    with pytest.raises(UnknownNameError, match="Did you mean 'hold_ps'"):
        checked(Melt, {"hold": 5}, "a file")
