"""Where a sweep stands, read from its folder alone: how many jobs of each kind, what runs, what failed and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median_low

from zifsim.sweep.jobs import KINDS, Job
from zifsim.sweep.state import JobState, read_state

FATES = ("done", "running", "waiting", "failed")


@dataclass(frozen=True, slots=True)
class SweepStatus:
    """``counts``: kind -> fate -> number. ``begun``: waiting jobs that were stopped or lost, to be continued."""

    counts: Mapping[str, Mapping[str, int]]
    running: tuple[tuple[Job, JobState], ...]
    failed: tuple[tuple[Job, JobState], ...]
    begun: tuple[tuple[Job, JobState], ...]
    seconds_left: float | None
    seconds_left_by_kind: Mapping[str, float | None] = field(default_factory=dict)

    def total(self, fate: str) -> int:
        return sum(counts[fate] for counts in self.counts.values())

    @property
    def is_complete(self) -> bool:
        return self.total("done") == sum(sum(c.values()) for c in self.counts.values())


def read_status(out: Path, jobs: Sequence[Job]) -> SweepStatus:
    """The state of every job."""
    states = [(job, read_state(out / job.id)) for job in jobs]
    counts = {kind: Counter(dict.fromkeys(FATES, 0)) for kind in KINDS if any(j.kind == kind for j in jobs)}
    groups: dict[str, list[tuple[Job, JobState]]] = {"running": [], "failed": [], "stopped": [], "done": []}
    for job, state in states:
        fate = "waiting" if state is None or state.state == "stopped" else state.state
        counts[job.kind][fate] += 1
        if state is not None:
            groups[state.state].append((job, state))
    left = {kind: _seconds_left(kind, states) for kind in counts}
    known = [seconds for seconds in left.values() if seconds is not None]
    side_by_side = max(1, len(groups["running"]))
    return SweepStatus(
        counts=counts, running=tuple(groups["running"]), failed=tuple(groups["failed"]),
        begun=tuple(groups["stopped"]),
        seconds_left=sum(known) / side_by_side if len(known) == len(left) else None,
        seconds_left_by_kind={kind: None if seconds is None else seconds / side_by_side
                              for kind, seconds in left.items()})


def _seconds_left(kind: str, states: Sequence[tuple[Job, JobState | None]]) -> float | None:
    """Job seconds left in a kind: estimates times the median pace so far, None before anything got ahead."""
    mine = [(job, state) for job, state in states if job.kind == kind and (state is None or state.state != "failed")]
    open_jobs = [(job, state) for job, state in mine if state is None or state.state != "done"]
    if not open_jobs:
        return 0.0
    paces = [whole / job.seconds for job, state in mine if state is not None and (whole := state.whole_seconds)]
    if not paces:
        return None
    pace = median_low(paces)
    total = 0.0
    for job, state in open_jobs:
        own = None if state is None else state.seconds_left
        fraction = 0.0 if state is None else state.fraction
        total += job.seconds * pace * (1.0 - fraction) if own is None else own
    return total
