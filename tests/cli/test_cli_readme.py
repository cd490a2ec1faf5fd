"""What the README and docs/ say a reader can do: examples run, commands parse, links lead somewhere."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from zifsim.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "benchmarks" / "README.md", *(ROOT / "docs").glob("*.md")])
NAMES = "run|build|melt|gcmc|mixture|iast|widom|energy|access|analyse|compare|report|doctor"
COMMAND = re.compile(rf"^(?:.*[|`] ?)?`?(zifsim (?:{NAMES})\b[^`|#\n]*)", re.MULTILINE)


def examples():
    """(page, command line) of every complete command in the pages; those with … or a bare name are prose."""
    for page in PAGES:
        for match in COMMAND.finditer(page.read_text(encoding="utf-8")):
            line = match.group(1).strip()
            if " " in line.removeprefix("zifsim ") and not re.search(r"STUDY|says|must|\.$", line):
                yield page.relative_to(ROOT).as_posix(), line


def test_there_are_examples_of_every_command_but_doctor():
    shown = {line.split()[1] for _, line in examples()}
    assert shown >= {"run", "build", "melt", "gcmc", "iast", "widom", "energy", "compare", "report"}


@pytest.mark.parametrize(("page", "line"), list(examples()), ids=lambda x: x)
def test_every_example_command_is_understood(page, line):
    _, name, *arguments = shlex.split(line)
    group = typer.main.get_command(app.app)
    context = group.commands[name].make_context(f"zifsim {name}", arguments)
    assert context.params


def test_the_python_example_of_the_readme_prints_what_it_says(tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    code, printed = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", text, re.DOTALL).groups()
    assert len(code.strip().splitlines()) <= 3
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []
    number = re.compile(r"\d+\.?\d*")
    got, said = (" ".join(number.sub("#", t).split()) for t in (answer.stdout, printed))
    assert got == said
    # another engine may draw other numbers: those with an error agree within 4 standard errors, pressures exactly
    measured = re.compile(rf"({number.pattern}) ± ({number.pattern})")
    values = [[tuple(map(float, pair)) for pair in measured.findall(t)] for t in (answer.stdout, printed)]
    assert len(values[0]) == len(values[1]) == 4
    for (q, e), (q0, e0) in zip(*values, strict=True):
        assert abs(q - q0) < 4 * (e**2 + e0**2) ** 0.5
    pressures = [re.findall(r"^ *([\d.]+) ", t, re.MULTILINE) for t in (answer.stdout, printed)]
    assert pressures[0] == pressures[1] == ["0.1", "1"]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_and_pictures_of_a_page_exist(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http", "mailto", "#")):
            path, _, anchor = target.partition("#")
            assert (page.parent / path).exists(), f"{page.name} links to {path}"
            if anchor:
                assert f'id="{anchor}"' in (page.parent / path).read_text(encoding="utf-8")


def make_docs(*arguments):
    script = ROOT / "docs" / "make_figures.py"
    return subprocess.run([sys.executable, str(script), *arguments], capture_output=True, text=True, check=False)


def test_make_docs_without_results_is_one_sentence_and_changes_nothing(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("untouched")
    answer = make_docs(str(tmp_path / "absent"), "--readme", str(readme))
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "make run" in answer.stderr
    assert readme.read_text() == "untouched"


def test_pictures_of_the_docs_are_small():
    for picture in (ROOT / "docs").glob("*.png"):
        assert picture.stat().st_size < 300_000
