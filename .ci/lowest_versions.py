"""The oldest versions that pyproject.toml allows, as constraints for pip: ``python .ci/lowest_versions.py [EXTRA...]``.

Only direct dependencies are pinned; what they need in turn is pip's choice.
"""

import re
import sys
import tomllib
from pathlib import Path

BOUND = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[(?P<extras>[a-z0-9,]+)\])?\s*(?:>=\s*(?P<version>[0-9][^,;\s]*))?")


def lowest(project: dict, extras: list[str]) -> dict[str, str]:
    """Package -> lower bound, of the dependencies and of these extras."""
    optional = project["optional-dependencies"]
    found: dict[str, str] = {}
    for requirement in [*project["dependencies"], *(r for extra in extras for r in optional[extra])]:
        match = BOUND.match(requirement)
        if match["name"] == project["name"]:
            found |= lowest(project, match["extras"].split(","))
        elif match["version"] is None:
            sys.exit(f"pyproject.toml: '{requirement}' has no lower bound; write {match['name']}>=VERSION.")
        else:
            found[match["name"]] = match["version"]
    return found


if __name__ == "__main__":
    pyproject = tomllib.loads((Path(__file__).resolve().parents[1] / "pyproject.toml").read_text())
    for name, version in sorted(lowest(pyproject["project"], sys.argv[1:]).items()):
        print(f"{name}=={version}")
