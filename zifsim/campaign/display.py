"""What a user sees while a study runs: live bars in a terminal, a plain line now and then anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zifsim.campaign.stage import Stage

PLAIN_INTERVAL_SECONDS = 15.0
SETTLED_FRACTION = 0.02   # progress needed before a measured pace is believed


def clock(seconds: float | None) -> str:
    """``1:05`` or ``2:03:04``; ``-:--`` where unknown."""
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Display:
    """Keeps the state of a run and tells nobody: the quiet display, and the base of the others."""

    def __init__(self) -> None:
        self._plan: list[Stage] = []
        self._weights: dict[str, float] = {}
        self._fractions: dict[str, float] = {}
        self._first: dict[str, tuple[float, float]] = {}   # stage -> (time, fraction) when it first got ahead
        self._running: dict[str, str] = {}                 # stage -> last message
        self._ended: set[str] = set()
        self._began = 0.0
        self._notes: set[str] = set()

    def begin(self, stages: Sequence[Stage], skipped: Iterable[str]) -> None:
        self._plan = list(stages)
        done = set(skipped)
        self._weights = {s.id: s.seconds for s in stages if s.id not in done}
        self._began = time.monotonic()

    def started(self, stage: Stage) -> None:
        self._running[stage.id] = ""

    def progress(self, stage: Stage, fraction: float, message: str) -> None:
        if fraction > 0.0:      # preparation (compiling, say) and what was taken over say nothing of the pace
            self._first.setdefault(stage.id, (time.monotonic(), fraction))
        self._fractions[stage.id] = fraction
        self._running[stage.id] = message

    def finished(self, stage: Stage) -> None:
        self._close(stage)

    def failed(self, stage: Stage, message: str) -> None:
        self._close(stage)
        self._drop(stage)

    def _drop(self, stage: Stage) -> None:
        """Take a stage, and all that hangs on it, out of the work to do."""
        self._weights.pop(stage.id, None)
        for other in self._plan:
            if other.id in self._weights and any(upstream == stage.id for upstream, _ in other.needs.values()):
                self._drop(other)

    def note(self, text: str) -> None:
        """A sentence to read; the same one is shown once."""
        if text not in self._notes:
            self._notes.add(text)
            self._show_note(text)

    def _show_note(self, text: str) -> None:
        """Where the display shows notes."""

    def tick(self) -> None:
        """Called about twice a second."""

    def end(self) -> None:
        """The run is over."""

    def _close(self, stage: Stage) -> None:
        self._running.pop(stage.id, None)
        self._fractions[stage.id] = 1.0
        self._ended.add(stage.id)

    @property
    def fraction(self) -> float:
        """Share of this run's estimated work that is done."""
        total = sum(self._weights.values())
        done = sum(w * self._fractions.get(s, 0.0) for s, w in self._weights.items())
        return done / total if total else 1.0

    @property
    def remaining_seconds(self) -> float | None:
        """Time left: at the pace of the run so far, but not before the slowest running stage ends."""
        total = sum(self._weights.values())
        inherited = sum(self._weights.get(s, 0.0) * f for s, (_, f) in self._first.items())
        own = self.fraction * total - inherited
        if self.fraction >= 1.0:
            return 0.0
        if own < SETTLED_FRACTION * total:
            return None
        pace = (time.monotonic() - self._began) / own
        slowest = max((self.stage_seconds(s) or 0.0 for s in self._running), default=0.0)
        return max(pace * (1.0 - self.fraction) * total, slowest)

    def stage_seconds(self, stage: str) -> float | None:
        """Time left for one running stage."""
        if stage not in self._first:
            return None
        began, inherited = self._first[stage]
        own = self._fractions[stage] - inherited
        if own < SETTLED_FRACTION:
            return None
        return (time.monotonic() - began) * (1.0 - self._fractions[stage]) / own


class PlainDisplay(Display):
    """Lines with percentage and ETA, for logs and CI."""

    def begin(self, stages: Sequence[Stage], skipped: Iterable[str]) -> None:
        super().begin(stages, skipped)
        self._last = time.monotonic()
        print(f"{len(stages)} stages, {len(set(skipped))} already done", flush=True)

    def finished(self, stage: Stage) -> None:
        super().finished(stage)
        self._line(f"done: {stage.id}")

    def failed(self, stage: Stage, message: str) -> None:
        super().failed(stage, message)
        self._line(f"FAILED: {stage.id}: {message}")

    def _show_note(self, text: str) -> None:
        self._line(f"note: {text}")

    def tick(self) -> None:
        if time.monotonic() - self._last >= PLAIN_INTERVAL_SECONDS:
            running = "; ".join(f"{s} {self._fractions.get(s, 0.0):.0%}{' ' + m if m else ''}"
                                for s, m in self._running.items())
            self._line(f"running: {running}")

    def _line(self, text: str) -> None:
        self._last = time.monotonic()
        elapsed = clock(self._last - self._began)
        print(f"[{elapsed}] {self.fraction:4.0%}, ETA {clock(self.remaining_seconds)} | {text}", flush=True)


class LiveDisplay(Display):
    """Bars: the whole study on top, each running stage below it."""

    def __init__(self) -> None:
        super().__init__()
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self._bars = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), TaskProgressColumn(),
            TextColumn("{task.fields[eta]}", style="cyan"),
            TextColumn("{task.fields[message]}", style="dim", markup=False))
        self._tasks: dict[str, Any] = {}

    def begin(self, stages: Sequence[Stage], skipped: Iterable[str]) -> None:
        super().begin(stages, skipped)
        self._count = len(stages)
        self._skipped = len(set(skipped))
        self._overall = self._bars.add_task("study", total=1.0, eta="", message="")
        self._bars.start()

    def started(self, stage: Stage) -> None:
        super().started(stage)
        self._tasks[stage.id] = self._bars.add_task(f"  {stage.id}", total=1.0, eta="", message="")

    def finished(self, stage: Stage) -> None:
        from rich.markup import escape

        super().finished(stage)
        self._remove(stage)
        self._bars.console.print(f"[green]done[/]   {escape(stage.id)}", highlight=False)

    def failed(self, stage: Stage, message: str) -> None:
        from rich.markup import escape

        super().failed(stage, message)
        self._remove(stage)
        self._bars.console.print(f"[red]FAILED[/] {escape(f'{stage.id}: {message}')}", highlight=False)

    def _show_note(self, text: str) -> None:
        self._bars.console.print(text, style="yellow", markup=False, highlight=False)

    def tick(self) -> None:
        for stage, message in self._running.items():
            if stage in self._tasks:
                self._bars.update(self._tasks[stage], completed=self._fractions.get(stage, 0.0),
                                  message=message, eta=clock(self.stage_seconds(stage)))
        self._bars.update(self._overall, completed=self.fraction, eta=f"ETA {clock(self.remaining_seconds)}",
                          message=f"{len(self._ended) + self._skipped} of {self._count} stages")

    def end(self) -> None:
        self.tick()
        self._bars.stop()

    def _remove(self, stage: Stage) -> None:
        task = self._tasks.pop(stage.id, None)
        if task is not None:
            self._bars.remove_task(task)


def make_display(quiet: bool = False) -> Display:
    """Bars in a terminal, lines elsewhere, nothing where ``quiet``."""
    if quiet:
        return Display()
    return LiveDisplay() if sys.stdout.isatty() else PlainDisplay()
