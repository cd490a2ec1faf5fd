"""Screen: what a user sees while anything runs. Bars (or a table) in a terminal, whole plain lines anywhere else."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zifsim.cli.terminal import console, say
from zifsim.runs.folder import CONFIG, LOG
from zifsim.runs.progress import Event, Report, Tracker, clock

if TYPE_CHECKING:
    from rich.console import RenderableType

    Table = Callable[[Tracker], RenderableType]

PLAIN_INTERVAL_S = 15.0
TICK_S = 0.5
BAR_WIDTH = 24


@contextmanager
def screen(folder: Path | None = None, table: Table | None = None) -> Iterator[Report]:
    """A report to give to an engine; what it is told is shown until the body ends.

    ``folder``: of the results; the plain lines are appended to its ``run.log``. ``table``: what a terminal shows in
    place of bars, made anew from the tracker.
    """
    shown = (_Live if sys.stdout.isatty() else _Plain)(folder, table)
    ticking = threading.Thread(target=shown.tick_until_closed, daemon=True)
    shown.open()
    ticking.start()
    try:
        yield shown.take
    finally:
        shown.close()
        ticking.join()


@contextmanager
def preparing() -> Iterator[Report]:
    """A report for what comes before a run, such as relaxing a structure: what goes on while a terminal watches, a line
    elsewhere. On stderr, since stdout may be JSON."""
    from rich.text import Text

    status = console(error=True).status("")

    def report(event: Event) -> None:
        if event.kind == "note":
            say(f"note: {event.message}", error=True)
        elif sys.stderr.isatty():
            status.update(Text(event.message))
            status.start()
        else:
            say(event.message, error=True)

    try:
        yield report
    finally:
        status.stop()


class _Plain:
    """A line per finished part, and one every 15 s; the base of the live screen, which sends them to the log alone."""

    def __init__(self, folder: Path | None, table: Table | None) -> None:
        self.tracker = Tracker()
        self._table, self._folder = table, folder
        self._lock = threading.RLock()
        self._closed = threading.Event()
        self._told: set[str] = set()
        self._last = time.monotonic()

    def open(self) -> None:
        """Begin to show."""

    def close(self) -> None:
        """Show no more."""
        self._closed.set()

    def take(self, event: Event) -> None:
        """An event, from any thread."""
        with self._lock:
            part = self.tracker.take(event)
            if event.kind == "note" and event.message not in self._told:
                self._told.add(event.message)
                self.say(f"note: {event.message}")
            elif part and event.kind in ("done", "failed"):
                what = "done" if event.kind == "done" else "FAILED"
                self.say(": ".join(text for text in (what, event.part, event.message) if text))

    def tick_until_closed(self) -> None:
        """Look at the clock now and then, whether or not the engine says anything."""
        while not self._closed.wait(TICK_S):
            with self._lock:
                if not self._closed.is_set():
                    self.tick()

    def tick(self) -> None:
        """Some time has passed."""
        if time.monotonic() - self._last >= PLAIN_INTERVAL_S:
            parts = self.tracker.parts
            running = "; ".join(f"{name} {parts[name].fraction:.0%} {parts[name].message}".strip()
                                for name in self.tracker.running)
            self.say(f"running: {running}" if running else "preparing")

    def say(self, text: str) -> None:
        """A line, to the log too."""
        self._last = time.monotonic()
        line = f"{self.headline} | {text}"
        self.show(text, line)
        if self._folder is not None and (self._folder / CONFIG).is_file():
            try:
                with open(self._folder / LOG, "a", encoding="utf-8") as log:
                    log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}\n")
            except OSError:         # a full disk is told by what fails for it
                pass

    def show(self, text: str, line: str) -> None:
        """Where lines are shown."""
        say(line, flush=True)

    @property
    def headline(self) -> str:
        """``[1:05]  42%, ETA 1:30``."""
        return (f"[{clock(self.tracker.elapsed_s)}] {self.tracker.fraction if self.tracker.parts else 0.0:4.0%}, "
                f"ETA {clock(self.tracker.eta_s if self.tracker.parts else None)}")


class _Live(_Plain):
    """Bars, the whole on top and each running part below it, or a table."""

    def open(self) -> None:
        from rich.live import Live

        self._console = console()
        self._live = Live(get_renderable=self._renderable, console=self._console, refresh_per_second=4, transient=True)
        self._live.start()

    def close(self) -> None:
        super().close()
        self._live.stop()

    def show(self, text: str, line: str) -> None:
        style = {"done": "green", "FAILED": "red", "note": "yellow"}.get(text.partition(":")[0])
        if (style and self._table is None) or style in ("red", "yellow"):
            self._console.print(text, style=style, soft_wrap=True)

    def _renderable(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        with self._lock:
            if self._table is not None:
                return Group(Text(self.headline), self._table(self.tracker))
            return self._bars()

    def _bars(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table as Grid

        grid, tracker = Grid.grid(padding=(0, 1)), self.tracker
        ended = sum(p.state in ("done", "failed") for p in tracker.parts.values())

        def row(name: str, fraction: float, eta: float | None, message: Any) -> None:
            from rich.text import Text

            grid.add_row(Text(name), ProgressBar(total=1.0, completed=fraction, width=BAR_WIDTH),
                         f"{fraction:4.0%}", Text(f"ETA {clock(eta)}", style="cyan"), Text(message, style="dim"))

        if len(tracker.parts) != 1:
            row("all", tracker.fraction if tracker.parts else 0.0, tracker.eta_s if tracker.parts else None,
                f"{ended} of {len(tracker.parts)}, {clock(tracker.elapsed_s)} elapsed")
        for name in tracker.running:
            part = tracker.parts[name]
            row(name, part.fraction, tracker.part_eta_s(name), part.message)
        return grid
