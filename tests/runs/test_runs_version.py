"""The version says which commit: in a checkout, an export, a wheel; and honestly where nothing tells."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import zifsim
from zifsim.runs import version as of_zifsim

FILE = Path(of_zifsim.__file__)
OF_COMMIT = re.compile(r"0\.1\.0\.dev(\d+)\+g([0-9a-f]{10})(\.dirty)?")


def git(folder, *arguments):
    who = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"]
    return subprocess.run(["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True,
                          check=True).stdout.strip()


def loaded(root):
    """The module of another tree, as the build backend loads it: by its path, nothing else imported."""
    spec = importlib.util.spec_from_file_location("version_of_a_tree", root / "zifsim/runs/version.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    (root / "zifsim/runs").mkdir(parents=True)
    shutil.copy(FILE, root / "zifsim/runs")
    (root / "pyproject.toml").write_text("")
    (root / ".gitattributes").write_text("zifsim/runs/version.py export-subst\n")
    return root


@pytest.fixture
def checkout(tree):
    git(tree, "init", "-q")
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "one")
    return tree


def test_a_checkout_counts_its_commits_and_names_the_last(checkout):
    head = git(checkout, "rev-parse", "HEAD")
    assert loaded(checkout).version() == f"0.1.0.dev1+g{head[:10]}"
    assert loaded(checkout).commit() == head[:10]
    git(checkout, "commit", "-qm", "two", "--allow-empty")
    assert loaded(checkout).version().startswith("0.1.0.dev2+g")


def test_changed_files_are_told_untracked_ones_are_not(checkout):
    (checkout / "notes.txt").write_text("mine")
    assert not loaded(checkout).version().endswith(".dirty")
    (checkout / "pyproject.toml").write_text("# changed")
    assert loaded(checkout).version().endswith(".dirty")
    assert loaded(checkout).commit().endswith("+")


def test_the_tag_of_the_release_is_the_release(checkout):
    git(checkout, "tag", "v0.1.0")
    assert loaded(checkout).version() == "0.1.0"
    assert loaded(checkout).commit() is None


def test_an_exported_tree_knows_its_commit(checkout, tmp_path):
    git(checkout, "archive", "--output", str(tmp_path / "a.tar"), "HEAD")
    out = tmp_path / "out"
    out.mkdir()
    shutil.unpack_archive(tmp_path / "a.tar", out)
    assert loaded(out).version() == f"0.1.0.dev0+g{git(checkout, 'rev-parse', 'HEAD')[:10]}"


def test_an_unpacked_sdist_says_what_its_notes_say(tree):
    (tree / "PKG-INFO").write_text("Metadata-Version: 2.4\nName: zifsim\nVersion: 0.1.0.dev7+g0123456789\n\ntext")
    assert loaded(tree).version() == "0.1.0.dev7+g0123456789"


def test_a_tree_that_knows_nothing_says_so_whatever_is_installed_elsewhere(tree):
    assert loaded(tree).version() == "0.1.0.dev0+unknown"
    assert loaded(tree).commit() is None


def test_a_checkout_without_git_still_has_a_version(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert loaded(checkout).version() == "0.1.0.dev0+unknown"


def test_the_package_and_its_command_say_the_same():
    assert zifsim.__version__ == of_zifsim.version()
    answer = subprocess.run([sys.executable, "-m", "zifsim", "--version"], capture_output=True, text=True,
                            check=True)
    assert answer.stdout == f"zifsim {of_zifsim.version()}\n"
    if (FILE.parents[2] / ".git").exists():
        assert OF_COMMIT.fullmatch(zifsim.__version__) or zifsim.__version__ == "0.1.0"


def test_the_wheel_is_named_by_the_same_function():
    root = FILE.parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    build = project["tool"]["hatch"]["version"]
    assert "version" in project["project"]["dynamic"]
    assert root / build["path"] == FILE
    assert eval(build["expression"], vars(loaded(root))) == of_zifsim.version()


def test_every_kind_of_physics_has_a_version():
    assert set(of_zifsim.PHYSICS) == {"build", "relax", "melt", "gcmc", "isotherm", "mixture", "access", "analysis",
                                       "pores"}
    assert all(isinstance(n, int) and n >= 1 for n in of_zifsim.PHYSICS.values())
