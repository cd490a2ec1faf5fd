"""Imports go only downward through the floors of the house (docs/architecture.md)."""

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "zifsim"
FLOORS: dict[str, float] = {
    "units": 0, "errors": 0, "rng": 0, "printable": 0, "memory": 0.5, "limits": 0.5,
    "model": 1,
    "io": 2,
    "runs": 2.5,        # how anything runs: folders, records, stop signals, progress, devices
    "crystals": 3, "melt": 3, "gcmc": 3, "averages": 3,
    "structures": 3.5,  # what a name stands for: ordered (crystals) and relaxed (melt)
    "access": 4,        # needs snapshots (melt) and hosts (gcmc)
    "analysis": 4,      # looks at what build, melt and gcmc have made
    "campaign": 5, "compare": 5, "report": 5,
    "api": 5.5,         # what `import zifsim` gives
    "sweep": 6,         # many studies' worth of jobs, for a queue
    "cli": 7,
    "__init__": 8,      # the door: it hands down how results look, and names the functions of api
    "__main__": 8,
}
# Rooms of one floor do not see each other, except: campaign runs the stages, compare and report included; analysis
# measures pores on the landscapes of access.
SIDEWAYS = {("analysis", "access"), ("campaign", "compare"), ("campaign", "report"), ("report", "compare")}
MODULES = sorted(PACKAGE.rglob("*.py"))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text())))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    names: set[str] = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write 'from zifsim...'"
            names.add(node.module or "")
            if node.module == "zifsim":
                names.update(f"zifsim.{alias.name}" for alias in node.names)
    return {n.split(".")[1] for n in names if n.startswith("zifsim.")} - {"__version__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downward(path: Path) -> None:
    room = room_of(path)
    for other in imported_rooms(path) - {room}:
        allowed = FLOORS[other] < FLOORS[room] or (room, other) in SIDEWAYS
        assert allowed, f"zifsim/{path.relative_to(PACKAGE)} (floor {FLOORS[room]}) imports zifsim.{other}"


def imported_files(path: Path) -> set[Path]:
    """Files of the package that a file imports, within functions too (but not for its types alone)."""
    found: set[Path] = set()
    for_types = {inner for node in nodes_of(path) if isinstance(node, ast.If) and ast.unparse(node.test) ==
                 "TYPE_CHECKING" for inner in ast.walk(node)}
    for node in nodes_of(path):
        if isinstance(node, ast.ImportFrom) and node not in for_types and (node.module or "").startswith("zifsim."):
            base = PACKAGE.parent / node.module.replace(".", "/")
            found |= {file for file in (base.with_suffix(".py"), *(base / f"{a.name}.py" for a in node.names))
                      if file.is_file()}
    return found - {path}


def test_no_file_imports_itself_by_way_of_others() -> None:
    graph = {path: imported_files(path) for path in MODULES}
    while leaves := [path for path, needs in graph.items() if not needs & graph.keys()]:
        for path in leaves:
            del graph[path]
    assert not [str(path.relative_to(PACKAGE)) for path in graph]


def test_every_room_has_a_floor() -> None:
    assert {room_of(p) for p in MODULES} <= set(FLOORS)


# What belongs to the floor of running, and where a hash is physics (a stream, a structure) or a name is not the
# mechanism.
MECHANISMS = {
    "fcntl": {"runs/folder.py"},
    "flock": {"runs/folder.py"},
    "signal.signal": {"runs/stopping.py"},
    "hashlib": {"runs/digest.py", "rng.py", "model/framework.py"},
}
WORKFLOWS = PACKAGE.parent / "workflows"


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_mechanism_of_running_stands_in_one_place(mechanism: str) -> None:
    found = {p.relative_to(PACKAGE).as_posix() for p in MODULES if mechanism in _names(p)}
    assert found == MECHANISMS[mechanism]
    assert not [p for p in WORKFLOWS.glob("*.py") if mechanism in _names(p)]


@cache
def _names(path: Path) -> set[str]:
    """Every name and dotted name in a file's code."""
    names = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Attribute):
            names |= {node.attr, ast.unparse(node)}
        elif isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.name for alias in node.names}
            names.add(getattr(node, "module", None) or "")
    return names
