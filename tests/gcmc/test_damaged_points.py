"""Files of a run that were damaged: what they held is computed again, to the same numbers, and never another."""

import json
import random
import shutil

import numpy as np
import pytest
from damage import MUTATIONS, damaged
from gcmc_naive import CO2, CUBIC, FORCEFIELD, quick_settings, system_of, toy_framework

from zifsim.errors import DamagedError
from zifsim.gcmc import branches, flat_histogram
from zifsim.gcmc.engine import run_isotherm
from zifsim.gcmc.sampling import load_run, new_run, save_run
from zifsim.model.uptake import LoadingPoint
from zifsim.runs.progress import silent
from zifsim.runs.seal import write_sealed_json

TEMPERATURE = 300.0
FRAMEWORK = toy_framework(CUBIC * 1.3)
LOW, HIGH = 1e5, 4e5
SETTINGS = quick_settings(min_moves=15_000, max_moves=15_000, isotherm="plain")
NAMES = ("100000Pa", "400000Pa")


def isotherm(out, report=silent):
    return [repr(p) for p in run_isotherm(FRAMEWORK, CO2, FORCEFIELD, TEMPERATURE, [LOW, HIGH], SETTINGS, out_dir=out,
                                          report=report).points]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("finished")
    return out, isotherm(out)


def contents(out):
    return {p.name: p.read_bytes() for p in (out / "points").iterdir()}


def test_two_hundred_damages_leave_points_as_they_were_or_none(finished, tmp_path):
    draw, out = random.Random(3), shutil.copytree(finished[0], tmp_path / "out")
    measurement = branches.Measurement(LoadingPoint, lambda p: (p,), lambda *a: None, lambda a, b: a)

    class System:       # all that is asked of one here
        settings = SETTINGS

    good = branches._kept_points(System, measurement, [LOW, HIGH], [""], finished[0], silent)
    assert len(good) == 2
    lost = 0
    for _ in range(MUTATIONS):
        path = draw.choice(sorted((out / "points").iterdir()))
        before = damaged(draw, path)
        told = []
        found = branches._kept_points(System, measurement, [LOW, HIGH], [""], out, told.append)
        assert found.items() <= good.items()
        if len(found) < 2:
            lost += 1
            assert f"{path} is damaged" in told[0].message
            assert told[0].message.endswith("so it is computed again.")
        path.write_bytes(before)
    assert lost > MUTATIONS // 2


@pytest.mark.parametrize("name", ["100000Pa.json", "100000Pa.final.npz", "400000Pa.final.npz"])
def test_what_was_damaged_is_computed_again_to_the_same_numbers(finished, tmp_path, name):
    out = shutil.copytree(finished[0], tmp_path / "out")
    path = out / "points" / name
    if name.endswith(".json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"loading_mol_kg": 4.64}))
    else:
        path.write_bytes(b"")
    told = []
    assert isotherm(out, told.append) == finished[1]
    assert any("is damaged" in event.message for event in told if event.kind == "note")
    assert contents(out) == contents(finished[0])


def test_a_point_does_not_stand_in_for_another_nor_without_its_seal(finished, tmp_path):
    out = shutil.copytree(finished[0], tmp_path / "out")
    low, high = (out / "points" / f"{name}.json" for name in NAMES)
    low.write_bytes(high.read_bytes())
    high.write_text(json.dumps({k: v for k, v in json.loads(high.read_text()).items() if k != "sha256"}))
    assert isotherm(out) == finished[1]


@pytest.fixture
def walkers(tmp_path):
    """The walkers of a flat histogram after their first round."""
    system = system_of(FRAMEWORK, CO2, TEMPERATURE)
    out = tmp_path / "flat"
    for w in range(2):
        run = new_run(system, 10 + w)
        run.counts, run.energies = [np.ones((3, 1))], [np.ones(3)]
        save_run(flat_histogram._walker_file(out, w), run)
    write_sealed_json(out / "points" / "round.json", {"round": 1, "most": 9})
    return system, out


def test_of_walkers_that_belong_together_all_begin_anew(walkers):
    system, out = walkers

    def new():
        return [new_run(system, w) for w in (1, 2)]

    files = {p: p.read_bytes() for p in (out / "points").iterdir()}
    begun, rounds, most = flat_histogram._begun(new(), 5, out, silent)
    assert (rounds, most, [len(r.counts) for r in begun]) == (1, 9, [1, 1])
    draw = random.Random(4)
    for _ in range(MUTATIONS // 4):
        path = draw.choice(list(files))
        damaged(draw, path)
        told = []
        begun, rounds, most = flat_histogram._begun(new(), 5, out, told.append)
        if told:
            assert told[0].message.endswith("so all walkers begin anew.")
            assert (rounds, most, [len(r.counts) for r in begun]) == (0, 5, [0, 0])
            assert not list((out / "points").glob("walker-*"))
        else:
            assert (rounds, most, [len(r.counts) for r in begun]) == (1, 9, [1, 1])
        for file, content in files.items():
            file.write_bytes(content)
    next(out.glob("points/walker-1.npz")).unlink()
    assert flat_histogram._begun(new(), 5, out, silent)[1:] == (0, 5)


def test_a_run_of_another_kind_is_said(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(DamagedError, match="it has no checksum"):
        load_run(tmp_path / "a.npz")
