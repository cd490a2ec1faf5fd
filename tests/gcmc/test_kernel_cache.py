"""Compiled kernels kept on disk: found again by what they are made of, never by their name alone, never in the way."""

import importlib
import pkgutil
import random
import sys
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

import zifsim
from zifsim.gcmc import host, kernelcache, moves
from zifsim.gcmc.jit import is_compiled, kernel
from zifsim.gcmc.kernelkey import UnknownValueError, kernel_key
from zifsim.runs import caches

PARTS = '''"""Constants and functions of another file than the kernel's."""
from typing import NamedTuple

from zifsim.gcmc.jit import inlined, kernel

FACTOR = 2.0


class Pair(NamedTuple):
    first: float
    second: float


@kernel
def called(x):
    """Called."""
    return x + 1.0


@inlined
def within(x):
    return x * FACTOR
'''
MAIN = '''from parts_of_a_kernel import Pair, called, within

from zifsim.gcmc.jit import kernel


@kernel
def outer(pair):
    """Of the other file it calls one function, has another compiled into it, and takes a tuple."""
    return within(called(pair.first)) + 10.0 * pair.second


def result():
    return outer(Pair(3.0, 5.0))
'''
EDITS = {       # what is written in the other file -> result of the kernel, 58 before
    "a constant": ("FACTOR = 2.0", "FACTOR = 3.0", 62.0),
    "a function that is called": ("x + 1.0", "x + 2.0", 60.0),
    "a function that is inlined": ("x * FACTOR", "x * FACTOR + 1.0", 59.0),
    "the order of fields": ("    first: float\n    second: float", "    second: float\n    first: float", 42.0),
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of two files with a cache of its own; ``load()`` imports it as another process would."""
    monkeypatch.setenv(kernelcache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(caches, "_said", set())
    return Package(tmp_path / "package", tmp_path / "cache", monkeypatch)


class Package:
    def __init__(self, folder, cache, monkeypatch):
        self.folder, self.cache, self.monkeypatch = folder, cache, monkeypatch
        folder.mkdir()
        (folder / "parts_of_a_kernel.py").write_text(PARTS)
        (folder / "main_of_a_kernel.py").write_text(MAIN)

    def load(self, folder=None):
        with self.monkeypatch.context() as patched:
            patched.syspath_prepend(str(folder or self.folder))
            patched.setattr(sys, "dont_write_bytecode", True)
            for name in ("parts_of_a_kernel", "main_of_a_kernel"):
                sys.modules.pop(name, None)
            return importlib.import_module("main_of_a_kernel")

    def edit(self, before, after):
        text = (self.folder / "parts_of_a_kernel.py").read_text()
        assert before in text
        (self.folder / "parts_of_a_kernel.py").write_text(text.replace(before, after))

    def entries(self):
        return {path.name: path for path in self.cache.glob("*") if "outer" in path.name}


def compiled_anew(module):
    return sum(module.outer.stats.cache_misses.values())


def test_a_second_process_compiles_nothing(package):
    first = package.load()
    assert not is_compiled(first.outer)
    assert first.result() == 58.0
    assert compiled_anew(first) == 1
    second = package.load()
    assert second.outer is not first.outer
    assert is_compiled(second.outer)
    assert second.result() == 58.0
    assert compiled_anew(second) == 0


@pytest.mark.parametrize("what", EDITS)
def test_what_is_changed_in_another_file_counts_at_once(what, package):
    before, after, expected = EDITS[what]
    assert package.load().result() == 58.0
    package.edit(before, after)
    changed = package.load()
    if what != "the order of fields":       # which is known from the arguments only
        assert not is_compiled(changed.outer)
    assert changed.result() == expected
    package.edit(after, before)
    again = package.load()
    assert again.result() == 58.0
    assert compiled_anew(again) == 0        # what the older state of the code had compiled is there still


def test_text_and_place_do_not_count(package, tmp_path):
    package.load().result()
    package.edit('"""Called."""', '"""Called by the outer one."""     # why not')
    package.edit("FACTOR = 2.0", "\n\nFACTOR = 2.0")
    moved = package.folder.rename(tmp_path / "elsewhere")
    again = package.load(moved)
    assert again.result() == 58.0
    assert compiled_anew(again) == 0


def test_a_setting_of_the_compiler_counts(package, monkeypatch):
    module = package.load()
    before = kernel_key(module.outer)
    monkeypatch.setattr("numba.core.config.BOUNDSCHECK", 1)
    assert kernel_key(module.outer) != before


@pytest.mark.parametrize("damage", ["empty", "short", "half", "all but one", "flipped", "noise", "old"])
def test_a_damaged_file_is_compiled_again_and_replaced(damage, package):
    package.load().result()
    good = {name: path.read_bytes() for name, path in package.entries().items()}
    for name, whole in good.items():
        middle = len(whole) // 2
        package.entries()[name].write_bytes({
            "empty": b"", "short": whole[:10], "half": whole[:middle], "all but one": whole[:-1],
            "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:],
            "noise": random.Random(1).randbytes(len(whole)), "old": whole[:-caches.CHECKSUM_BYTES]}[damage])
    again = package.load()
    assert not is_compiled(again.outer)
    assert again.result() == 58.0
    assert compiled_anew(again) == 1
    assert is_compiled(package.load().outer)
    assert set(package.entries()) == set(good)


def test_a_whole_file_that_this_numba_cannot_read_is_compiled_again(package):
    package.load().result()
    for path in package.entries().values():
        caches.write_entry(path, b"not a pickle", 10**6)
    assert package.load().result() == 58.0


def test_a_folder_that_cannot_be_written_costs_one_line(package, capsys, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(kernelcache.VARIABLE, str(tmp_path / "file" / "kernels"))
    module = package.load()
    assert module.result() == 58.0
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert kernelcache.VARIABLE in told[0]
    assert not is_compiled(package.load().outer)


def test_a_full_disk_costs_one_line(package, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caches, "write_bytes_atomic", full)
    assert package.load().result() == 58.0
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_without_a_choice_the_users_folder_comes_first_and_the_package_second(monkeypatch, tmp_path):
    monkeypatch.delenv(kernelcache.VARIABLE, raising=False)
    monkeypatch.setattr("numba.core.config.CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    beside = Path(kernelcache.__file__).parent / "__pycache__"
    assert kernelcache.cache_folders() == [tmp_path / "zifsim" / "kernels", beside]
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/nowhere")
    assert kernelcache.cache_folders() == [Path("/nowhere/.cache/zifsim/kernels"), beside]


def test_kernels_are_read_where_they_cannot_be_written(package, monkeypatch, tmp_path):
    """An image whose kernels were compiled when it was made, for a user who may only read it."""
    package.load().result()
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(kernelcache, "cache_folders", lambda: [tmp_path / "file" / "kernels", package.cache])
    again = package.load()
    assert again.result() == 58.0
    assert compiled_anew(again) == 0


def test_what_was_not_used_for_longest_goes_first(package, monkeypatch):
    package.load().result()
    size = sum(path.stat().st_size for path in package.cache.iterdir())
    monkeypatch.setattr(kernelcache, "LIMIT_BYTES", size)
    package.edit("FACTOR = 2.0", "FACTOR = 3.0")
    package.load().result()
    package.edit("FACTOR = 3.0", "FACTOR = 4.0")
    package.load().result()
    assert sum(path.stat().st_size for path in package.cache.iterdir()) <= size


def kernels_of_the_package():
    for module in pkgutil.walk_packages(zifsim.__path__, "zifsim."):
        if module.name.split(".")[1] in ("gcmc", "access", "analysis") and not module.name.endswith(".gpu"):
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, Dispatcher):
                    yield f"{module.name}.{name}", value


def test_every_kernel_can_be_kept():
    found = dict(kernels_of_the_package())
    assert len(found) > 90
    keys = {id(value): kernel_key(value) for value in found.values()}
    assert len(set(keys.values())) == len(keys)


def test_a_kernel_that_reads_who_knows_what_is_not_kept(package):
    @kernel
    def reads_a_module(x):
        return x + moves.INSERTION

    with pytest.raises(UnknownValueError):
        kernel_key(reads_a_module)
    assert reads_a_module(1) == 1 + moves.INSERTION
    assert not is_compiled(reads_a_module) or not list(package.cache.glob("*reads*"))


@pytest.mark.parametrize(("module", "name", "value"), [
    (host, "CORE_K", 1.0), (host, "direct_energy", kernel(lambda *_: (0.0, 0.0)))])
def test_the_moves_depend_on_what_lies_three_files_below(module, name, value, monkeypatch):
    before = kernel_key(moves.run_moves)
    monkeypatch.setattr(module, name, value)
    assert kernel_key(moves.run_moves) != before


def test_two_hundred_damaged_entries_are_all_absent(tmp_path):
    path, content, dice = tmp_path / "entry.nbc", random.Random(0).randbytes(5000), random.Random(14)
    caches.write_entry(path, content, 10**6)
    assert caches.read_entry(path) == content
    whole = path.read_bytes()
    for _ in range(200):
        place, length = dice.randrange(len(whole)), dice.randrange(1, 200)
        damaged = dice.choice([whole[:place], whole[place + 1:], whole[:place] + whole[place + length:],
                               whole[:place] + bytes(length) + whole[place:],
                               whole[:place] + bytes([whole[place] ^ (1 << dice.randrange(8))]) + whole[place + 1:],
                               whole + bytes(length)])
        path.write_bytes(damaged)
        assert caches.read_entry(path) is None
