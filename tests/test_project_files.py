"""Files for people and forges: citation, changelog, workflow, hooks, constraints and the contributor's page."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
import yaml

import zifsim

ROOT = Path(__file__).resolve().parents[1]
RELEASE = re.match(r"\d+\.\d+\.\d+", zifsim.__version__)[0]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def parsed(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_citation_has_what_its_format_asks_for_and_this_version():
    citation = parsed("CITATION.cff")
    assert {"cff-version", "message", "title", "authors", "version"} <= set(citation)
    assert citation["version"] == RELEASE
    for one in [citation, *citation["references"]]:
        assert one["type"] in ("software", "article")
        assert all({"name"} == set(a) or {"family-names", "given-names"} == set(a) for a in one["authors"])
        assert isinstance(one["title"], str)


def test_the_citation_lists_the_papers_of_the_readme():
    told = (ROOT / "README.md").read_text(encoding="utf-8").partition("**Cite**")[2]
    cited = {reference["doi"] for reference in parsed("CITATION.cff")["references"]}
    assert cited == set(re.findall(r"doi:(10\.[^\s)]+)\)", told))


def test_the_changelog_has_this_version_under_what_is_not_released():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert RELEASE in headings


def test_the_workflow_runs_targets_that_exist():
    jobs = parsed(".github/workflows/ci.yml")["jobs"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    named = {run.removeprefix("make ") for run in runs}
    matrix = jobs["test"]["strategy"]["matrix"]["include"]
    weekly = jobs["slow"]["strategy"]["matrix"]["target"]
    named = (named - {"${{ matrix.target }}"}) | {row["target"] for row in matrix} | set(weekly)
    assert named == {"lint", "test", "test-lowest", "test-slow", "test-kill", "test-mutations"}
    assert named <= TARGETS
    assert all(run.startswith("make ") for run in runs)


def test_the_workflow_covers_the_oldest_python_with_the_lowest_versions():
    rows = parsed(".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]["include"]
    oldest = PYPROJECT["project"]["requires-python"].removeprefix(">=")
    newest = max((c.rpartition(" ")[2] for c in PYPROJECT["project"]["classifiers"] if ":: 3." in c),
                 key=lambda version: int(version.partition(".")[2]))
    assert {"python": oldest, "target": "test-lowest"} in rows
    assert {"python": newest, "target": "test"} in rows


def test_hooks_are_local_commands():
    for repo in parsed(".pre-commit-config.yaml")["repos"]:
        assert repo["repo"] == "local"
        for hook in repo["hooks"]:
            assert hook["language"] == "system"
            assert hook["entry"].startswith(".venv/bin/")


def test_every_room_has_tests_that_the_contributors_page_names():
    rows = [line.split("|")[1:3] for line in CONTRIBUTING.splitlines() if line.startswith("| `")]
    told = " ".join(changed for changed, _ in rows)
    for room in sorted(p.parent.name for p in (ROOT / "zifsim").glob("*/__init__.py")):
        assert f"`zifsim/{room}`" in told, room


def test_what_the_contributors_page_points_to_exists():
    targets = re.findall(r"`make ([a-z -]+)`", CONTRIBUTING)
    assert {target for words in targets for target in words.split()} <= TARGETS
    paths = re.findall(r"(?<![\w/.])((?:zifsim|tests|forcefields)/[\w/.-]+)", CONTRIBUTING)
    absent = [path for path in paths if not re.search(r"NAME|ROOM", path) and not (ROOT / path.rstrip(".")).exists()]
    assert absent == []


@pytest.mark.parametrize(("file", "name"), [
    ("zifsim/io/guests.py", "DEFAULT_MODELS"), ("zifsim/io/adsorption.py", "assign_charges"),
    ("zifsim/crystals/linkers.py", "LinkerTemplate"), ("zifsim/gcmc/moves.py", "MOVE_NAMES"),
    ("zifsim/gcmc/moves.py", "one_move"), ("zifsim/gcmc/sampling.py", "move_mix"),
    ("zifsim/runs/version.py", "PHYSICS"), ("zifsim/runs/folder.py", "Claim"),
])
def test_names_on_the_contributors_page_are_those_of_the_code(file, name):
    assert f"`{name}`" in CONTRIBUTING
    assert re.search(rf"^(?:def |class )?{name}\b", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_every_dependency_has_a_lower_bound_that_the_lowest_environment_takes():
    spec = importlib.util.spec_from_file_location("lowest_versions", ROOT / ".ci" / "lowest_versions.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pinned = module.lowest(PYPROJECT["project"], ["test"])
    direct = {re.match(r"[\w.-]+", requirement)[0] for requirement in PYPROJECT["project"]["dependencies"]}
    assert direct | {"pytest", "pyzeo", "matscipy"} <= set(pinned)
    assert pinned["numpy"] == "2.0"
    assert all(re.fullmatch(r"[\d.]+", version) for version in pinned.values())
