"""Where a result came from: versions, machine, seeds, inputs and outputs, as a :class:`RunRecord`."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import zifsim
from zifsim.io.files import write_json_atomic
from zifsim.model.record import RunRecord

PACKAGES = ("numpy", "scipy", "numba", "openmm", "ase", "gemmi", "pymbar", "MDAnalysis", "pymatgen",
            "pyzeo", "matscipy")


def start_record(stage: str, *, seed: int | None = None, settings: Mapping[str, Any] | None = None,
                 inputs_sha256: Mapping[str, str] | None = None, compute: str | None = None) -> RunRecord:
    """The record of a calculation that begins now; ``compute`` is the OpenMM platform, if any."""
    return RunRecord(
        stage=stage, zifsim_version=zifsim.__version__, git_commit=git_commit(), versions=package_versions(),
        machine=machine(), platform=compute, seed=seed, argv=_argv(), started=now(), finished=None,
        exit_reason="running", inputs_sha256=dict(inputs_sha256 or {}), settings=dict(settings or {}))


def finish_record(record: RunRecord, outputs_sha256: Mapping[str, str],
                  exit_reason: str = "finished") -> RunRecord:
    """The record of the same calculation, ended now."""
    return replace(record, finished=now(), exit_reason=exit_reason, outputs_sha256=dict(outputs_sha256))


def write_record(folder: Path, record: RunRecord) -> None:
    """``record.json`` in a result folder."""
    write_json_atomic(folder / "record.json", asdict(record))


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@cache
def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on, as installed."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@cache
def git_commit() -> str | None:
    """Commit of the checkout that zifsim runs from (``+`` where files were changed), None if installed."""
    root = Path(zifsim.__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return commit + ("+" if _git(root, "status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    answer = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10,
                            check=True)
    return answer.stdout.strip()


@cache
def machine() -> str:
    """Processor, cores and operating system; never the host's name."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines()
                 if line.startswith("model name")]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def _argv() -> tuple[str, ...]:
    return (Path(sys.argv[0]).name, *sys.argv[1:])


def plain(value: Any) -> Any:
    """Nested frozen values (dataclasses, mappings, arrays, tuples) as JSON-ready ones."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value) if isinstance(value, Path) else value


def digest(value: Any) -> str:
    """sha256 of parameters as loaded, so that comments and layout of their files do not count."""
    return hashlib.sha256(repr(plain(value)).encode()).hexdigest()
