"""Version: the release and the commit that this is, and the version of the physics of every kind of result.

The same function names the wheel when it is built (``[tool.hatch.version]`` in pyproject.toml runs this file alone, so
it imports nothing but the standard library) and the code when it runs: a checkout asks git, so that an editable
install names the commit it stands at and not the one it was installed from.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

RELEASE = "0.1.0"                   # the release that is being worked on; its tag is v0.1.0
ROOT = Path(__file__).resolve().parents[2]
EXPORTED = "$Format:%H$"            # git archive (a forge's zip) writes the commit here: .gitattributes
GIT_PATIENCE_S = 10.0
HASH_DIGITS = 10

# Kind of calculation -> version of its physics. Keys of results folders hold this in place of the version of the
# package, so that finished results outlive changes of the code that do not change numbers. Add one to a kind in the
# commit that changes its results beyond rounding (a corrected term, another default within the engine, another stream
# of random numbers); results of the old kind are then computed anew, in a folder of their own.
PHYSICS: Mapping[str, int] = MappingProxyType({
    "build": 1,
    "relax": 2,
    "melt": 1,
    "gcmc": 3,
    "isotherm": 3,
    "mixture": 3,
    "access": 2,
    "analysis": 2,
    "pores": 2,
})


@cache
def version() -> str:
    """The version, as PEP 440 writes it: ``0.1.0.dev339+g05410d3ab1``, ``.dirty`` after it where files of the checkout
    were changed, ``0.1.0`` at the commit of the tag v0.1.0, ``0.1.0.dev0+unknown`` where nothing tells."""
    if (ROOT / ".git").exists():
        return _of_checkout() or _unknown()
    if not EXPORTED.startswith("$"):
        return f"{RELEASE}.dev0+g{EXPORTED[:HASH_DIGITS]}"
    return _of_source_archive() or _of_installed() or _unknown()


def commit() -> str | None:
    """The commit as far as :func:`version` knows it, ``+`` after it where files of the checkout were changed; None
    for a release and where nothing tells."""
    found = re.search(r"\+g([0-9a-f]+)(\.dirty)?$", version())
    return found and found[1] + ("+" if found[2] else "")


def _of_checkout() -> str | None:
    """None where git is missing or refuses, or nothing is committed yet."""
    try:
        head = _git("rev-parse", "HEAD")[:HASH_DIGITS]
        dirty = ".dirty" if _git("status", "--porcelain", "--untracked-files=no") else ""
        if f"v{RELEASE}" in _git("tag", "--points-at", "HEAD").split() and not dirty:
            return RELEASE
        return f"{RELEASE}.dev{_git('rev-list', '--count', 'HEAD')}+g{head}{dirty}"
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "--no-optional-locks", "-C", str(ROOT), *arguments], capture_output=True, text=True,
                          check=True, timeout=GIT_PATIENCE_S).stdout.strip()


def _of_source_archive() -> str | None:
    """What the PKG-INFO of an unpacked sdist says."""
    notes = ROOT / "PKG-INFO"
    if not (notes.is_file() and (ROOT / "pyproject.toml").is_file()):
        return None
    found = re.search(r"^Version: *(\S+)", notes.read_text(encoding="utf-8"), re.MULTILINE)
    return found and found[1]


def _of_installed() -> str | None:
    """What the wheel was called; nothing where this file is not that of the installed package."""
    try:
        installed = metadata.distribution("zifsim")
    except metadata.PackageNotFoundError:
        return None
    own = Path(str(installed.locate_file("zifsim/runs/version.py"))).resolve() == Path(__file__).resolve()
    return installed.version if own else None


def _unknown() -> str:
    return f"{RELEASE}.dev0+unknown"
