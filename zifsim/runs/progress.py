"""Progress: one event for all engines, one pace, one clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["plan", "progress", "resumed", "done", "failed", "dropped", "note"]
SETTLED_FRACTION = 0.02     # of a part, or of the work: progress needed before a measured pace is believed


@dataclass(frozen=True, slots=True)
class Event:
    """How far one part of a run is.

    ``part``: its name (``0.1 bar``, ``N2 77 K: snapshots``); ``fraction``: of that part, 0 to 1; ``message``: its state
    in a few words; ``values``: numbers for whoever shows or keeps them. ``kind``: ``plan`` foretells parts (``values``:
    name -> weight, seconds say), ``resumed`` says what an earlier run left, ``done`` and ``failed`` end a part,
    ``dropped`` says that one will not be reached, and ``note`` is a sentence to be read once, whatever the part.
    """

    part: str = ""
    fraction: float = 0.0
    message: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    kind: Kind = "progress"


Report = Callable[[Event], None]


def silent(event: Event) -> None:
    """Tell nobody."""


def note(text: str) -> Event:
    """A sentence to be read once."""
    return Event(message=text, kind="note")


def clock(seconds: float | None) -> str:
    """``1:05`` or ``2:03:04``; ``-:--`` where unknown."""
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@dataclass(slots=True)
class Part:
    """Where a part stands. ``weight``: its size beside the others (seconds, say). ``first``: (time, fraction) when it
    was first seen to get ahead, behind what it took over and prepared."""

    weight: float
    fraction: float = 0.0
    message: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    inherited: float = 0.0
    first: tuple[float, float] | None = None


class Tracker:
    """Where a run stands: events in, fraction and time left out.

    ``parts``: name -> :class:`Part`; a part that was not foretold joins with the first event that names it.
    """

    def __init__(self, weights: Mapping[str, float] | None = None,
                 now: Callable[[], float] = time.monotonic) -> None:
        self.parts = {name: Part(weight) for name, weight in (weights or {}).items()}
        self._now = now
        self._began = now()

    def take(self, event: Event) -> Part | None:
        """Note an event; returns the part it is about, if it is about one that is left."""
        if event.kind == "plan":
            self.parts |= {name: Part(float(weight)) for name, weight in event.values.items()}
        elif event.kind == "dropped":
            self.parts.pop(event.part, None)
        if event.kind in ("plan", "dropped", "note"):
            return None
        part = self.parts.setdefault(event.part, Part(1.0))
        part.values |= event.values
        part.message = event.message or part.message
        if event.kind in ("done", "failed"):
            part.state, part.fraction = event.kind, 1.0
            return part
        part.state, part.fraction = "running", min(max(event.fraction, 0.0), 1.0)
        if event.kind == "resumed":
            part.inherited = part.fraction
            part.state = "done" if part.fraction >= 1.0 else "running"
        elif part.first is None and part.fraction > 0.0:    # preparing (compiling, say) says nothing of the pace
            part.first, part.inherited = (self._now(), part.fraction), part.fraction
        return part

    @property
    def elapsed_s(self) -> float:
        return self._now() - self._began

    @property
    def fraction(self) -> float:
        """Of the work that is done."""
        total = sum(p.weight for p in self.parts.values())
        return sum(p.weight * p.fraction for p in self.parts.values()) / total if total else 1.0

    @property
    def eta_s(self) -> float | None:
        """Time left: at the pace of this run so far, but not before the slowest running part ends; None: not known."""
        total = sum(p.weight for p in self.parts.values())
        left = total * (1.0 - self.fraction)
        if left <= 0.0:
            return 0.0
        own = sum(p.weight * (p.fraction - p.inherited) for p in self.parts.values())
        if own < SETTLED_FRACTION * total:
            return None
        slowest = max((self.part_eta_s(name) or 0.0 for name in self.running), default=0.0)
        since = min((p.first[0] for p in self.parts.values() if p.first), default=self._began)
        return max((self._now() - since) / own * left, slowest)

    def part_eta_s(self, name: str) -> float | None:
        """Time left of one part that runs, at its own pace."""
        part = self.parts[name]
        if part.first is None:
            return None
        since, start = part.first
        if part.fraction - start < SETTLED_FRACTION:
            return None
        return (self._now() - since) * (1.0 - part.fraction) / (part.fraction - start)

    @property
    def running(self) -> list[str]:
        """Parts under way."""
        return [name for name, part in self.parts.items() if part.state == "running"]


def folded(report: Report) -> Report:
    """A report for an engine of several parts that tells ``report`` of the whole: one fraction, the latest message, and
    where there are several the part that it is about."""
    tracker, lock = Tracker(), threading.Lock()

    def tell(event: Event) -> None:
        if event.kind == "note":
            report(event)
            return
        with lock:
            tracker.take(event)
            fraction = tracker.fraction if tracker.parts else 0.0
        if event.kind not in ("plan", "dropped"):
            named = event.part if len(tracker.parts) > 1 else ""
            said = ", ".join(text for text in (named, event.message) if text)
            report(Event(fraction=fraction, message=said, kind="resumed" if event.kind == "resumed" else "progress"))

    return tell
