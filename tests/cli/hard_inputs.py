"""The cases of tests/data/inputs: how their files are made, and what of a command's answer is right."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import tomllib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CPU_S = 30.0                    # a process may compute so long; on a machine that others use, the clock says nothing
WALL_S = 120.0
MEMORY_BYTES = 4 * 2**30
PROGRAM = """name = "tiny"
timestep_fs = 1.0
[[segment]]
name = "heat"
to_k = 350.0
duration_ps = 0.5
[[segment]]
name = "hold"
to_k = 350.0
duration_ps = 0.5
"""
BASES = {
    "ch4": "gcmc ZIF-8 --gas CH4 --pressures 0.1,1,10 --max-moves 100000 --error 0.05 --out ch4",
    "co2": "gcmc ZIF-8 --gas CO2 --pressures 0.1,1 --max-moves 50000 --error 0.1 --out co2",
    "acc": "access ZIF-8 --gas CH4@273 --spacing 0.5 --out acc",
    "melt": "melt ZIF-8 --program program.toml --threads 1 --platform CPU --out melt",
}
KINDS = {"character": tarfile.CHRTYPE, "folder": tarfile.DIRTYPE, "fifo": tarfile.FIFOTYPE, "hard": tarfile.LNKTYPE,
         "symbolic": tarfile.SYMTYPE}


@dataclass(frozen=True, slots=True)
class Case:
    """One case of cases.toml; its README says what the fields mean."""

    name: str
    run: str
    right: str = ""
    quick: bool = False
    shows: str = ""
    base: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    json: tuple[dict[str, Any], ...] = ()
    text: tuple[dict[str, str], ...] = ()
    xyz: dict[str, Any] | None = None
    bundle: dict[str, Any] | None = None

    @property
    def words(self) -> list[str]:
        return [re.sub(r"repeat:(.):(\d+)", lambda m: m[1] * int(m[2]), word) for word in shlex.split(self.run)]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended: exit code (negative: of a signal), what it printed, CPU time, most memory with children."""

    code: int
    out: str
    err: str
    cpu_s: float
    memory_bytes: int


def read_cases() -> list[Case]:
    cases = tomllib.loads((ROOT / "tests/data/inputs/cases.toml").read_text(encoding="utf-8"))["case"]
    return [Case(**{k: tuple(v) if isinstance(v, list) else v for k, v in case.items()}) for case in cases]


def content(text: str) -> bytes:
    """What a file of a case holds: text, ``hex:`` and bytes, or ``repeat:CHARACTER:TIMES``."""
    if text.startswith("hex:"):
        return bytes.fromhex(text[4:])
    if text.startswith("repeat:"):
        _, character, times = text.split(":")
        return character.encode() * int(times)
    return text.encode()


def prepare(case: Case, folder: Path, bases: Path) -> None:
    """Fill an empty folder with the files of a case; ``bases`` holds what :func:`make_base` made."""
    for name in case.base:
        if name == "program.toml":
            (folder / name).write_text(PROGRAM)
        else:
            shutil.copytree(bases / name, folder / name)
    for name in case.remove:
        (folder / name).unlink()
    for edit in case.text:
        source = edit.get("from", edit["file"])
        text = (folder / source if (folder / source).exists() else ROOT / source).read_text(encoding="utf-8")
        assert edit.get("old", "") in text, f"{case.name}: {source} does not hold {edit['old']!r}"
        edited = (re.sub(edit["pattern"], edit["new"], text, count=1) if "pattern" in edit
                  else text.replace(edit.get("old", ""), edit.get("new", ""), 1))
        (folder / edit["file"]).write_text(edited, encoding="utf-8")
    for edit in case.json:
        whole = json.loads((folder / edit.get("from", edit["file"])).read_text(encoding="utf-8"))
        *way, last = edit["at"]
        part = whole
        for key in way:
            part = part[key]
        assert last in part if isinstance(part, dict) else last < len(part)
        part[last] = json.loads(edit["value"])
        (folder / edit["file"]).write_text(json.dumps(whole), encoding="utf-8")
    for name, text in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content(text))
    if case.xyz is not None:
        (folder / "x.extxyz").write_text(crystal(**case.xyz), encoding="utf-8")
    if case.bundle is not None:
        write_bundle(folder / "b.tar.gz", **case.bundle)


def crystal(name: str = "x", cell: float = 1.0, bond: list[int] | None = None) -> str:
    """ZIF-8 as extended XYZ: its cell stretched (its atoms where they were), its first bond another."""
    from zifsim.crystals.load import load_framework
    from zifsim.io.xyz import format_framework

    plain = load_framework("ZIF-8")
    text = format_framework(replace(plain, name=name))
    lattice = " ".join(f"{x * cell:g}" for x in plain.cell.ravel())
    text = re.sub(r'Lattice="[^"]*"', f'Lattice="{lattice}"', text, count=1)
    if bond is not None:
        edited = re.sub(r'(bonds\\":\[)\[\d+,\d+\]', lambda m: f"{m[1]}[{bond[0]},{bond[1]}]", text, count=1)
        assert edited != text
        text = edited
    return text


def write_bundle(path: Path, members: list[dict[str, Any]], manifest: str | None = None) -> None:
    """An archive as ``zifsim bundle`` packs it, with members that do not belong there."""
    plain = {m["name"]: hashlib.sha256(content(m.get("text", ""))).hexdigest() for m in members if "kind" not in m}
    linked = {m["name"]: plain[m["link"]] for m in members if m.get("kind") == "symbolic" and m["link"] in plain}
    true = json.dumps({"zifsim_bundle": 1, "name": "x", "zifsim_version": "0.1.0", "versions": {},
                       "files": {k: v for k, v in (plain | linked).items() if k != "bundle.json"}})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        held = [m for m in members if m["name"] == "bundle.json"]
        for member in [*held, {"name": "bundle.json", "text": manifest or true},
                       *(m for m in members if m["name"] != "bundle.json")]:
            info, data = tarfile.TarInfo(member["name"]), content(member.get("text", ""))
            info.type, info.linkname = KINDS.get(member.get("kind", ""), tarfile.REGTYPE), member.get("link", "")
            info.size = member.get("size", len(data))
            archive.addfile(info)
            if data:
                buffer.write(data + bytes(-len(data) % 512))
                archive.offset += len(data) + -len(data) % 512
    path.write_bytes(gzip.compress(buffer.getvalue()))


def make_base(name: str, bases: Path) -> None:
    """Make one of the folders that cases begin with, where it is not there."""
    if name in BASES and not (bases / name).exists():
        (bases / "program.toml").write_text(PROGRAM)
        done = run(shlex.split(BASES[name]), bases)
        assert done.code == 0, done


def run(words: list[str], folder: Path) -> Answer:
    """Run ``zifsim`` in a process of its own within CPU_S, WALL_S and MEMORY_BYTES; what goes beyond is killed."""
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (int(CPU_S), int(CPU_S) + 5))

    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "PYTHONUTF8": "1"}
    with open(folder / ".out", "w+b") as out, open(folder / ".err", "w+b") as err:
        process = subprocess.Popen([sys.executable, "-m", "zifsim", *words], cwd=folder, env=environment,
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True,
                                   preexec_fn=limit)
        began, most = time.monotonic(), 0
        while True:
            found, status, used = os.wait4(process.pid, os.WNOHANG)
            if found:
                break
            most = max(most, memory_of_group(process.pid))
            if most > MEMORY_BYTES or time.monotonic() - began > WALL_S:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.05)
        process.returncode = os.waitstatus_to_exitcode(status)
        most = max(most, used.ru_maxrss * 1024)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode("utf-8", "replace"))
    for name in (".out", ".err"):
        (folder / name).unlink()
    return Answer(process.returncode, texts[0], texts[1], used.ru_utime + used.ru_stime, most)


def memory_of_group(leader: int) -> int:
    """Resident memory of a process and its children, bytes; 0 where /proc does not tell."""
    total = 0
    for process in [leader, *children_of(leader)]:
        try:
            total += int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError, ValueError):
            continue
    return total


def children_of(process: int) -> list[int]:
    try:
        found = [int(p) for p in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []
    return found + [grandchild for child in found for grandchild in children_of(child)]


def assert_right(case: Case, answer: Answer, folder: Path, bases: Path) -> None:
    """The answer of a case is one that its ``right`` allows, within time and memory."""
    told = (f"exit {answer.code} after {answer.cpu_s:.1f} s, {answer.memory_bytes / 2**20:.0f} MiB\n"
            f"{answer.out}{answer.err}")
    assert "Traceback" not in answer.out + answer.err, told
    assert answer.memory_bytes < MEMORY_BYTES, told
    assert answer.cpu_s < CPU_S, told
    if answer.code == 0:
        assert case.right, f"done, though it cannot be: {told}"
        RIGHT[case.right](case, answer, folder, bases)
    else:
        assert answer.code == 2 or (case.right == "stops" and answer.code == 1), told
        sentences = [line for line in answer.err.splitlines() if line.startswith("error: ")]
        assert len(sentences) == 1 or answer.err.startswith("Usage: "), told
        assert sum(len(line) for line in sentences) < 1000, told


def _same_isotherm(case: Case, answer: Answer, folder: Path, bases: Path) -> None:
    ours, theirs = (json.loads((f / "ch4/isotherm.json").read_text())["points"] for f in (folder, bases))
    assert ours == theirs
    assert (folder / "ch4/DONE").is_file()


def _same_melt(case: Case, answer: Answer, folder: Path, bases: Path) -> None:
    ours, theirs = (json.loads((f / "melt/melt.json").read_text()) for f in (folder, bases))
    for name in ("density_g_cm3", "n_steps", "bonds_kept", "mean_coordination"):
        assert ours[name] == theirs[name]
    assert ours["wall_s"] > 0.0
    assert (folder / "melt/state.csv").read_bytes() == (bases / "melt/state.csv").read_bytes()


def _finite(case: Case, answer: Answer, folder: Path, bases: Path) -> None:
    numbers = [float(x) for x in re.findall(r"(?<![\w.])[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?", answer.out)]
    assert numbers
    assert all(math.isfinite(x) for x in numbers)
    assert not re.search(r"\b(nan|inf|infinity)\b", answer.out, re.IGNORECASE)


def _plan(case: Case, answer: Answer, folder: Path, bases: Path) -> None:
    assert "ZIF-8" in answer.out
    assert not [p for p in folder.iterdir() if p.is_dir()]


def _shown(case: Case, answer: Answer, folder: Path, bases: Path) -> None:
    assert case.shows in answer.out + answer.err
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", answer.out + answer.err)


def _stops(case: Case, answer: Answer, folder: Path, bases: Path) -> None:
    raise AssertionError(f"it ended as if nothing were wrong: {answer.out}")


RIGHT = {"ch4": _same_isotherm, "melt": _same_melt, "finite": _finite, "plan": _plan, "shown": _shown, "stops": _stops}
