"""Write docs/api.md, the page of `import zifsim`, from the docstrings of its functions and results.

    python docs/make_api.py

`make docs` runs it; a test compares the page with what this would write.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import zifsim

PAGE = Path(__file__).resolve().parent / "api.md"
GROUPS = {"Structures and gases": ("load", "gas"), "Adsorption": ("isotherm", "henry", "mixture", "iast"),
          "Glasses": ("melt",), "Accessibility": ("access",), "Structure": ("analyse",), "Studies": ("run_study",)}
RESULTS = ("zifsim.model.framework:Framework", "zifsim.model.uptake:Isotherm", "zifsim.model.uptake:HenryResult",
           "zifsim.model.mixture:MixtureIsotherm", "zifsim.api.several:MixturePoints", "zifsim.melt.result:MeltResult",
           "zifsim.access.result:GasAccess", "zifsim.api.several:GasAccesses", "zifsim.analysis.summary:Analysis",
           "zifsim.api.several:Analyses", "zifsim.analysis.result:AnalysisResult",
           "zifsim.compare.table:ComparisonTable")
SETTINGS = ("zifsim.gcmc.settings:GCMCSettings", "zifsim.melt.settings:MeltSettings",
            "zifsim.analysis.summary:AnalysisSettings")
SECTION = re.compile(r"^(Parameters|Attributes|Returns|Raises|Examples)\n-+\n", re.MULTILINE)
INTRODUCTION = """\
# Python: `import zifsim`

<!-- Written by docs/make_api.py from the docstrings: change those. -->

Importing zifsim is instant; what a function needs is loaded when it is called. Structures and gases are names, paths or
values. With `out=FOLDER` a run is recorded there and resumed by the same call, as by the command; without it nothing is
written. What cannot be used as given raises `zifsim.errors.InputError` (or `UnknownNameError`) with one sentence.

Every result has a short `repr`; `print(result)` shows a table, `result.to_frame()` is everything as a pandas DataFrame,
`result.plot(ax=None)` draws it and returns matplotlib axes, and a notebook shows the table by itself.
"""


def page() -> str:
    """The page as text."""
    parts = [INTRODUCTION]
    for title, names in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [function_entry(name, inspect.unwrap(getattr(zifsim, name))) for name in names]
    parts.append("## Results\n")
    parts += [class_entry(where) for where in RESULTS]
    parts.append("## Settings\n\nTheir fields are the further keywords of what samples, melts and analyses.\n")
    parts += [class_entry(where) for where in SETTINGS]
    return "\n".join(parts)


def function_entry(name: str, function: Callable[..., Any]) -> str:
    """One function: its call, what it does, takes, gives and raises."""
    parts = [f'<a id="{name}"></a>\n### zifsim.{name}\n', f"```python\n{call_of(name, function)}\n```\n"]
    return "\n".join([*parts, *sections(inspect.getdoc(function) or "")])


def call_of(name: str, function: Callable[..., Any]) -> str:
    """The signature, a line per parameter."""
    lines, starred = [], False
    for p in inspect.signature(function).parameters.values():
        if p.kind is p.KEYWORD_ONLY and not starred:
            lines.append("*")
            starred = True
        star = {p.VAR_KEYWORD: "**", p.VAR_POSITIONAL: "*"}.get(p.kind, "")
        default = "" if p.default is p.empty else f" = {p.default!r}"
        annotation = "" if star else f": {p.annotation}"
        lines.append(f"{star}{p.name}{annotation}{default}")
    returned = inspect.signature(function).return_annotation
    return f"zifsim.{name}(\n" + "".join(f"    {line},\n" for line in lines) + f") -> {returned}"


def class_entry(where: str) -> str:
    """One kind of result or settings: what it is and holds."""
    module, name = where.split(":")
    kind = getattr(import_module(module), name)
    return "\n".join([f'<a id="{name}"></a>\n### {name}\n', *sections(inspect.getdoc(kind) or "")])


def sections(doc: str) -> list[str]:
    """A docstring as Markdown: prose, lists of parameters, an example."""
    head, *rest = SECTION.split(doc)
    parts = [f"{plain(head)}\n"]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        if title == "Examples":
            parts.append(f"```python\n{body.strip()}\n```\n")
        else:
            parts.append(f"**{title}**\n\n{entries(body)}\n")
    return parts


def entries(body: str) -> str:
    """``name: text`` entries, indented where they go on, as a list."""
    items: list[str] = []
    for line in body.strip().splitlines():
        goes_on = line.startswith(" ") or not re.match(r"[\w, .]+:", line)
        if items and goes_on:
            items[-1] += f" {line.strip()}"
        else:
            items.append(line.strip())
    return "\n".join(f"- {emphasised(item)}" for item in items)


def emphasised(item: str) -> str:
    """The names before the colon as code."""
    names, colon, text = item.partition(":")
    if not colon or not re.fullmatch(r"[\w, .]+", names):
        return plain(item)
    return ", ".join(f"`{name.strip()}`" for name in names.split(",")) + f":{plain(text)}"


def plain(text: str) -> str:
    """reStructuredText's marks as Markdown's, paragraphs on one line each."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", text).replace("``", "`")
    return "\n\n".join(" ".join(p.split()) for p in text.strip().split("\n\n")) if "\n" in text else text.rstrip()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE}")
