"""Runs the stages of a plan side by side in worker processes, each as soon as its inputs are there."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zifsim.campaign import rundir
from zifsim.campaign.devices import thread_environment
from zifsim.campaign.display import Display
from zifsim.campaign.estimate import path_lengths
from zifsim.campaign.stage import Stage
from zifsim.io.files import sha256_file

TICK_SECONDS = 0.5
GRACE_SECONDS = 60.0   # for workers to save their state after SIGTERM


@dataclass(slots=True)
class Outcome:
    """How a run of the plan ended: stage ids by fate, the folders, and the signal that stopped it, if any."""

    folders: dict[str, rundir.StageFolder] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    input_failures: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    signal: int | None = None


class Worker:
    """A worker process with its reader thread, which feeds (worker, event) into ``events``."""

    def __init__(self, threads: int, events: queue.Queue[tuple[Worker, dict[str, Any]]]) -> None:
        self.threads = threads
        self.stage: Stage | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "zifsim.campaign.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=os.environ | thread_environment(threads))
        threading.Thread(target=self._read, args=(events,), daemon=True).start()

    def _read(self, events: queue.Queue[tuple[Worker, dict[str, Any]]]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            events.put((self, json.loads(line)))
        events.put((self, {"event": "exit", "code": self.process.wait()}))

    def start(self, stage: Stage, folder: Path) -> None:
        assert self.process.stdin is not None
        self.stage = stage
        self.process.stdin.write(f"{folder}\n")
        self.process.stdin.flush()

    def close(self) -> None:
        """Let an idle worker end."""
        if self.process.stdin is not None:
            self.process.stdin.close()


class Scheduler:
    """One pass over a plan."""

    def __init__(self, stages: Sequence[Stage], out: Path, workers: int, display: Display) -> None:
        self.stages = list(stages)
        self.out = out
        self.cores = workers
        self.display = display
        self.outcome = Outcome()
        self._events: queue.Queue[tuple[Worker, dict[str, Any]]] = queue.Queue()
        self._workers: list[Worker] = []
        self._urgency = path_lengths(self.stages)

    def run(self) -> Outcome:
        """Run all stages that are not done; failures leave independent stages alone.

        Raises
        ------
        InputError: results of a finished stage were changed.
        """
        waiting = self._skip_done(sorted(self.stages, key=lambda s: -self._urgency[s.id]))
        self.display.begin(self.stages, self.outcome.skipped)
        with _signals(self._on_signal):
            try:
                while (waiting or self._busy()) and self.outcome.signal is None:
                    waiting = self._start_ready(waiting)
                    if not self._busy():
                        break
                    self._listen(TICK_SECONDS)
                self.outcome.blocked = [s.id for s in waiting]
            finally:
                self._shut_down()
        self._write_manifest()
        return self.outcome

    def _skip_done(self, stages: list[Stage]) -> list[Stage]:
        """Note finished stages, inputs first; returns those that are left."""
        left = list(stages)
        progress = True
        while progress:
            progress = False
            for stage in list(left):
                folder = self._folder(stage)
                if folder is not None and folder.is_done():
                    self.outcome.folders[stage.id] = folder
                    self.outcome.skipped.append(stage.id)
                    left.remove(stage)
                    progress = True
        self._write_manifest()
        return left

    def _inputs(self, stage: Stage) -> dict[str, Path] | None:
        """Paths of a stage's inputs, None while one is still to come."""
        ready = set(self.outcome.finished) | set(self.outcome.skipped)
        if any(upstream not in ready for upstream, _ in stage.needs.values()):
            return None
        return {name: self.outcome.folders[upstream].path / file
                for name, (upstream, file) in stage.needs.items()}

    def _folder(self, stage: Stage) -> rundir.StageFolder | None:
        inputs = self._inputs(stage)
        if inputs is None:
            return None
        digests = {name: sha256_file(path) for name, path in inputs.items()}
        key = rundir.content_key(stage.kind, stage.config, digests)
        return rundir.StageFolder(self.out, stage.kind, stage.name, key)

    def _busy(self) -> list[Worker]:
        return [w for w in self._workers if w.stage is not None]

    def _start_ready(self, waiting: list[Stage]) -> list[Stage]:
        """Start stages whose inputs are there, most urgent first, while cores are free."""
        left = []
        for stage in waiting:
            free = self.cores - sum(w.threads for w in self._busy())
            folder = self._folder(stage) if free > 0 else None
            if folder is None:
                left.append(stage)
                continue
            if stage.threads > free and self._busy():   # keep what is free for it: it is the more urgent one
                left += waiting[waiting.index(stage):]
                break
            inputs = self._inputs(stage) or {}
            self.outcome.folders[stage.id] = folder
            if folder.is_done():  # the same calculation, reached through another stage of this study
                self._finish(stage)
                continue
            if any(w.stage is not None and self.outcome.folders[w.stage.id].path == folder.path
                   for w in self._workers):
                left.append(stage)
                continue
            folder.prepare(stage.config, inputs, stage.run)
            self._worker(min(stage.threads, self.cores)).start(stage, folder.path)
            self.display.started(stage)
        return left

    def _worker(self, threads: int) -> Worker:
        """An idle worker with that many threads, or a new one; idle ones of another kind are let go."""
        for worker in [w for w in self._workers if w.stage is None]:
            if worker.threads == threads:
                return worker
            worker.close()
            self._workers.remove(worker)
        worker = Worker(threads, self._events)
        self._workers.append(worker)
        return worker

    def _listen(self, seconds: float) -> None:
        """Handle what workers report within ``seconds``."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                worker, event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if self._handle(worker, event):
                break
        self.display.tick()

    def _handle(self, worker: Worker, event: dict[str, Any]) -> bool:
        """Take one event; True where a core became free."""
        stage = worker.stage
        if event["event"] == "exit" and worker in self._workers:
            self._workers.remove(worker)
        if stage is None:
            return False
        if event["event"] == "note":
            self.display.note(event["text"])
            return False
        if event["event"] == "progress":
            self.display.progress(stage, event["fraction"], event["message"])
            return False
        worker.stage = None
        if event["event"] == "done":
            self._finish(stage)
        elif event["event"] == "failed":
            self._fail(stage, event["error"], event["input"])
        elif self.outcome.signal is None:
            code = event.get("code", worker.process.poll())
            cause = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            log = self.outcome.folders[stage.id].path / "stage.log"
            self._fail(stage, f"its process ended unexpectedly ({cause}; see {log})", False)
        return True

    def _finish(self, stage: Stage) -> None:
        self.outcome.finished.append(stage.id)
        self.display.finished(stage)
        self._write_manifest()

    def _fail(self, stage: Stage, message: str, input_error: bool) -> None:
        self.outcome.failed[stage.id] = message
        if input_error:
            self.outcome.input_failures.append(stage.id)
        self.display.failed(stage, message)

    def _write_manifest(self) -> None:
        rundir.write_manifest(self.out, self.outcome.folders)

    def _on_signal(self, signum: int, frame: Any) -> None:
        self.outcome.signal = signum

    def _shut_down(self) -> None:
        """Ask busy workers to save and stop, let idle ones end, and wait for all of them."""
        for worker in self._workers:
            if worker.stage is not None:
                worker.process.terminate()
            worker.close()
        deadline = time.monotonic() + GRACE_SECONDS
        for worker in self._workers:
            try:
                worker.process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        self.display.end()


@contextmanager
def _signals(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Route SIGINT, SIGTERM and SIGUSR1 to ``handler`` while the body runs (main thread only)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]
    before = {n: signal.signal(n, handler) for n in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
