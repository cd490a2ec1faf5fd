"""A run's record: everything needed to say how a number came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Written as ``record.json`` beside every result. Times are UTC, ISO 8601."""

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
