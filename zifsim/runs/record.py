"""Records: where a result came from, as ``record.json`` beside it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from zifsim.io.files import write_json_atomic
from zifsim.runs.digest import plain
from zifsim.runs.version import commit, version

PACKAGES = ("numpy", "scipy", "numba", "openmm", "ase", "gemmi", "pymbar", "MDAnalysis", "CoolProp", "pymatgen",
            "pyzeo", "matscipy")


SCHEMA = 1


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything needed to say how a number came about. Times are UTC, ISO 8601.

    ``stage``: what was calculated; ``platform``: of OpenMM, if any; ``schema``: version of these fields.
    """

    stage: str
    zifsim_version: str
    git_commit: str | None
    versions: Mapping[str, str]
    machine: str
    platform: str | None
    seed: int | None
    argv: tuple[str, ...]
    started: str
    finished: str | None
    exit_reason: str
    inputs_sha256: Mapping[str, str] = field(default_factory=dict)
    outputs_sha256: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA


def start_record(stage: str, *, seed: int | None = None, settings: Mapping[str, Any] | None = None,
                 inputs_sha256: Mapping[str, str] | None = None, compute: str | None = None) -> RunRecord:
    """The record of a calculation that begins now; ``compute`` is the OpenMM platform, if any."""
    return RunRecord(
        stage=stage, zifsim_version=version(), git_commit=commit(), versions=package_versions(),
        machine=machine(), platform=compute, seed=seed, argv=_argv(), started=now(), finished=None,
        exit_reason="running", inputs_sha256=dict(inputs_sha256 or {}), settings=dict(settings or {}))


def finish_record(record: RunRecord, outputs_sha256: Mapping[str, str],
                  exit_reason: str = "finished") -> RunRecord:
    """The record of the same calculation, ended now."""
    return replace(record, finished=now(), exit_reason=exit_reason, outputs_sha256=dict(outputs_sha256))


def write_record(folder: Path, record: RunRecord) -> None:
    """``record.json`` in a result folder."""
    write_json_atomic(folder / "record.json", plain(record))


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
def machine() -> str:
    """Processor, cores and operating system; never the host's name."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines
                 if line.startswith("model name")]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def _argv() -> tuple[str, ...]:
    return (Path(sys.argv[0]).name, *sys.argv[1:])
