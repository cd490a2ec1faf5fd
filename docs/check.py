"""``make docs-check``: what README and docs/ say is still true.

Every `zifsim` command that they show exists with its options, every file that they point to is there, the lengths of
studies are those that ``--dry-run`` foretells, and, where results/quick is a finished study, the README's table is the
one that it gives. Nothing is simulated. Generated pages and the README's Python example have tests of their own.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"^\s*(?:\$ )?(?:\S*/)?(zifsim .+)$", re.MULTILINE)
INLINE = re.compile(r"`(zifsim [^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
# Words of the README for the length of a study on two cores -> hours that they may stand for.
LENGTHS = {"minutes": (0.02, 0.5), "an afternoon": (2.0, 6.0), "a day": (12.0, 36.0), "a week": (100.0, 240.0)}
STUDIES = {"flux_melting": r"`flux_melting`, an estimated (\w+) on two cores",
           "shipped_glasses": r"the study `shipped_glasses`, (an \w+) on two cores"}


def commands(page: Path) -> Iterator[str]:
    """The `zifsim` command lines that a page shows."""
    text = page.read_text(encoding="utf-8")
    fenced = "\n".join(FENCE.findall(text)).replace("\\\n", " ")
    for found in (*LINE.findall(fenced), *INLINE.findall(FENCE.sub("", text))):
        yield found.split(" #")[0].split(" && ")[0].strip()


def wrong_command(line: str) -> str | None:
    """What is wrong with a command line: a command or an option that does not exist."""
    from zifsim.cli.app import app

    command: Any = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    for word in words[:words.index("--")] if "--" in words else words:
        if hasattr(command, "commands") and not word.startswith("-"):
            found = command.commands.get(word)
            if found is None:
                return f"there is no command '{word}'"
            command = found
        elif word.startswith("-") and not re.fullmatch(r"-\d.*", word):
            known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)} | {"--help", "--max-memory"}
            if word.split("=")[0] not in known:
                return f"'{command.name}' has no option {word}"
    return None


def wrong_links(page: Path) -> Iterator[str]:
    """Files that a page points to and that are not there."""
    for match in LINK.finditer(page.read_text(encoding="utf-8")):
        if "://" not in match[1] and not match[1].startswith("mailto:") and not (page.parent / match[1]).exists():
            yield f"no file {match[1]}"


def wrong_lengths() -> Iterator[str]:
    """Studies whose length the README puts into other words than a dry run."""
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    for study, pattern in STUDIES.items():
        if (found := re.search(pattern, readme)) is None:
            yield f"README says nothing of how long {study} takes (looked for: {pattern})"
            continue
        words = found[1] if found[1].startswith("an ") else f"a {found[1]}"
        with tempfile.TemporaryDirectory() as folder:
            shown = subprocess.run([sys.executable, "-m", "zifsim", "run", study, "--dry-run", "--set",
                                    "study.workers=2"], cwd=folder, capture_output=True, text=True, check=True).stdout
        parts = re.search(r"Estimated: ([\d:]+) with", shown)
        assert parts is not None, shown
        seconds = 0
        for part in parts[1].split(":"):
            seconds = 60 * seconds + int(part)
        low, high = LENGTHS[words]
        if not low <= seconds / 3600 <= high:
            yield f"README: {study} takes {words}, --dry-run says {parts[1]}"


def wrong_table() -> Iterator[str]:
    """The quick table, where there is a finished quick study of this version to compare with."""
    sys.path.insert(0, str(ROOT / "docs"))
    import make_figures

    from zifsim.compare.reference import load_reference
    from zifsim.compare.results import read_results
    from zifsim.compare.table import build_table

    folder = ROOT / "results" / "quick"
    if not (folder / "table1.csv").is_file():
        return
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "README.md"
        copy.write_text(readme, encoding="utf-8")
        results = read_results(folder)
        make_figures.write_readme_table(copy, build_table(results, load_reference()), results)
        made = copy.read_text(encoding="utf-8")
    rows = [[line for line in text.splitlines() if line.startswith("| ")] for text in (readme, made)]
    if rows[0] != rows[1]:
        yield "README: the quick table is not that of results/quick; run `make docs`"


def main() -> int:
    """Print what is no longer true; exit code 1 where there is any."""
    wrong = []
    n_commands = n_pages = 0
    for page in PAGES:
        n_pages += 1
        name = page.relative_to(ROOT)
        for line in commands(page):
            n_commands += 1
            if (what := wrong_command(line)) is not None:
                wrong.append(f"{name}: `{line}`: {what}")
        wrong += [f"{name}: {what}" for what in wrong_links(page)]
    wrong += [*wrong_lengths(), *wrong_table()]
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{n_commands} commands on {n_pages} pages, {len(STUDIES)} lengths: "
          f"{f'{len(wrong)} no longer true' if wrong else 'all true'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
