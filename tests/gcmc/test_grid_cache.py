"""Grids kept on disk: found again bit for bit, never wrong, never in the way."""

import os
import shutil
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from gcmc_naive import CO2, CUBIC, FORCEFIELD, METHANE, TRICLINIC, guest_model, quick_settings, toy_framework

from zifsim.gcmc import gridcache, host
from zifsim.gcmc.host import make_host
from zifsim.gcmc.spline import Spline
from zifsim.model.forcefield import LennardJones


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(gridcache.VARIABLE, str(tmp_path / "grids"))
    return tmp_path / "grids"


@pytest.fixture
def builds(monkeypatch):
    """How many guest sites and potentials were computed rather than found."""
    count = {"sites": 0, "potentials": 0}
    lj, electric = host.lj_energies, host.potential

    def count_lj(positions, kinds, cell, pairs, sites, *rest):
        count["sites"] += len(sites)
        return lj(positions, kinds, cell, pairs, sites, *rest)

    def count_potential(*arguments):
        count["potentials"] += 1
        return electric(*arguments)

    monkeypatch.setattr(host, "lj_energies", count_lj)
    monkeypatch.setattr(host, "potential", count_potential)
    return count


def grid_of(framework=None, guest=CO2, forcefield=FORCEFIELD, temperature=273.0, merge=True, threads=1, **changes):
    framework = toy_framework(TRICLINIC) if framework is None else framework
    settings = quick_settings(grid_spacing_angstrom=0.5, **changes)
    return make_host(framework, (1, 1, 1), (guest,), forcefield, temperature, settings, merge_coulomb=merge,
                     threads=threads).grid


def entries(folder):
    return sorted(folder.glob("*"))


def some_spline(seed=0, n=8):
    return Spline(np.random.default_rng(seed).random((n, n, n)).astype(np.float32), -5.0, 7.0)


def test_a_grid_is_built_once_and_found_again_bit_for_bit(cache, builds):
    first = grid_of()
    assert builds == {"sites": 2, "potentials": 1}        # both oxygens share a grid
    assert len(entries(cache)) == 2
    second = grid_of()
    assert builds == {"sites": 2, "potentials": 1}
    assert second.splines.dtype == np.float32
    for before, after in zip(first, second, strict=True):
        assert np.array_equal(before, after)


def test_a_cached_grid_equals_one_built_without_a_cache(cache, monkeypatch):
    grid_of()
    cached = grid_of()
    monkeypatch.setenv(gridcache.VARIABLE, "off")
    built = grid_of(threads=2)
    assert np.array_equal(cached.splines, built.splines)
    assert np.array_equal(cached.transform, built.transform)


def test_a_grid_built_beside_others_equals_one_built_alone(cache, builds):
    alone = guest_model([(27.0, 2.80, 0.70, 0.0), (1.0, 1.0, -0.7, 0.5)], "half")
    grid_of(guest=alone)
    before = builds["sites"]
    mixed = grid_of()                                      # its carbon is there already
    assert builds["sites"] == before + 1
    for path in entries(cache):
        path.unlink()
    assert np.array_equal(grid_of().splines, mixed.splines)


def moved(framework):
    return replace(framework, positions=framework.positions + np.eye(1, 3) * 1e-6)


TOY = toy_framework(TRICLINIC)
CHANGES = {
    "an atom moved": {"framework": moved(TOY)},
    "the cell": {"framework": replace(TOY, cell=TRICLINIC * 1.0001)},
    "a charge": {"framework": replace(TOY, charges=TOY.charges * 1.001)},
    "two atoms' kinds": {"framework": replace(TOY, species=("N", "Zn", *TOY.species[2:]))},
    "the force field": {"forcefield": replace(FORCEFIELD, atoms=FORCEFIELD.atoms | {"C": LennardJones(50.1, 3.4, "")})},
    "the guest's parameters": {"guest": guest_model([(79.1, 3.05, -0.35, 1.16), (27.1, 2.8, 0.7, 0.0),
                                                     (79.1, 3.05, -0.35, -1.16)])},
    "the guest's charges": {"guest": guest_model([(79.0, 3.05, -0.36, 1.16), (27.0, 2.8, 0.72, 0.0),
                                                  (79.0, 3.05, -0.36, -1.16)])},
    "the mixing rule": {"guest": replace(CO2, mixing="geometric")},
    "a quantum correction": {"guest": replace(CO2, feynman_hibbs=True)},
    "the cut-off": {"cutoff_angstrom": 6.1},
    "the truncation": {"truncation": "shifted"},
    "the merging of Coulomb energies": {"merge": False},
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_grid_of_something_else_is_built_anew(what, cache, builds):
    grid_of()
    before = set(entries(cache))
    grid_of(**CHANGES[what])
    assert builds["sites"] == 4
    assert before < set(entries(cache))
    grid_of(**CHANGES[what])
    assert builds["sites"] == 4


def test_what_has_no_bearing_on_a_grid_does_not_rebuild_it(cache, builds):
    framework = toy_framework(CUBIC)
    grid_of(framework, METHANE, temperature=273.0)
    grid_of(replace(framework, name="another", charges=framework.charges * 2), METHANE, temperature=300.0)
    assert builds == {"sites": 1, "potentials": 0}


@pytest.mark.parametrize("damage", ["empty", "half", "noise", "a flipped byte", "another archive"])
def test_a_damaged_file_is_ignored_and_replaced(damage, cache, builds):
    first = grid_of()
    for path in entries(cache):
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes({
            "empty": b"", "half": content[:middle], "noise": os.urandom(1000),
            "a flipped byte": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1:],
            "another archive": b""}[damage])
        if damage == "another archive":
            np.savez(path, coefficients=np.zeros(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second = grid_of()
    assert builds["sites"] == 4
    assert np.array_equal(first.splines, second.splines)
    assert grid_of() is not None
    assert builds["sites"] == 4


def test_off_keeps_nothing(tmp_path, monkeypatch, builds):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for value in ("off", "OFF"):
        monkeypatch.setenv(gridcache.VARIABLE, value)
        grid_of()
    assert builds["sites"] == 4
    assert entries(tmp_path) == []


def test_without_a_choice_grids_go_to_the_users_cache_folder(tmp_path, monkeypatch):
    monkeypatch.delenv(gridcache.VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert gridcache.cache_folder() == tmp_path / "zifsim" / "grids"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert gridcache.cache_folder() == Path.home() / ".cache" / "zifsim" / "grids"


def test_a_folder_that_cannot_be_written_costs_a_line_not_the_run(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(gridcache.VARIABLE, str(tmp_path / "file"))
    kept = grid_of()
    assert kept.splines.shape[0] == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert "ZIFSIM_CACHE" in told[0]


def test_a_user_without_a_home_folder_keeps_no_grids(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv(gridcache.VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert grid_of().splines.shape[0] == 2


def test_the_longest_unused_grids_go_first(cache, monkeypatch):
    size = 0
    for n, name in enumerate("abc"):
        gridcache.store(name, some_spline(n))
        path = cache / f"{name}{gridcache.SUFFIX}"
        size = path.stat().st_size
        os.utime(path, (1000 + n, 1000 + n))
    assert gridcache.load("a") is not None                 # used: now the youngest
    monkeypatch.setattr(gridcache, "LIMIT_BYTES", 3 * size)
    gridcache.store("d", some_spline(9))
    assert [p.name[0] for p in entries(cache)] == ["a", "c", "d"]
    monkeypatch.setattr(gridcache, "LIMIT_BYTES", size)
    gridcache.store("e", some_spline(8))
    assert [p.name[0] for p in entries(cache)] == ["e"]


def store_again_and_again(seed):
    for _ in range(20):
        gridcache.store("shared", some_spline(1))
        found = gridcache.load("shared")
        if found is None or not np.array_equal(found.coefficients, some_spline(1).coefficients):
            return False
    return True


@pytest.mark.parametrize("pool", [
    lambda: ThreadPoolExecutor(4), lambda: ProcessPoolExecutor(2, mp_context=get_context("spawn"))],
    ids=["threads", "processes"])
def test_many_writers_of_one_entry_leave_it_whole(pool, cache):
    with pool() as workers, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(workers.map(store_again_and_again, range(4)))
    assert [p.name for p in entries(cache)] == [f"shared{gridcache.SUFFIX}"]


@pytest.mark.parametrize("name", ["grid.py", "spline.py", "potential.py", "ewald.py", "host.py"])
def test_a_changed_builder_does_not_find_what_the_old_one_made(name, monkeypatch, tmp_path):
    before = gridcache.entry_name("energy", 1.0)
    assert gridcache.entry_name("energy", 1.0) == before
    room = tmp_path / "gcmc"
    shutil.copytree(Path(gridcache.__file__).parent, room, ignore=shutil.ignore_patterns("__pycache__"))
    assert gridcache.code_digest(room) == gridcache.code_digest()
    (room / name).write_text((room / name).read_text() + "\n# changed\n")
    monkeypatch.setattr(gridcache, "CODE", gridcache.code_digest(room))
    assert gridcache.entry_name("energy", 1.0) != before


def test_a_changed_constant_of_nature_makes_grids_anew(monkeypatch, tmp_path):
    before = gridcache.code_digest()
    changed = tmp_path / "units.py"
    changed.write_text(Path(gridcache.units.__file__).read_text().replace("1.602176634e-19", "1.602176635e-19"))
    monkeypatch.setattr(gridcache.units, "__file__", str(changed))
    assert gridcache.code_digest() != before
