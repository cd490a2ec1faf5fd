"""Scheduler: runs the stages of a plan side by side in worker processes, each as soon as its inputs are there."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zifsim.campaign.estimate import path_lengths
from zifsim.campaign.stage import Stage
from zifsim.campaign.stagefolder import StageFolder, write_manifest
from zifsim.campaign.worker import STAGE_LOG
from zifsim.runs import stopping
from zifsim.runs.devices import thread_environment
from zifsim.runs.digest import sha256_file
from zifsim.runs.folder import content_key
from zifsim.runs.progress import Event, Report, silent

TICK_SECONDS = 0.5
GRACE_SECONDS = 60.0   # for workers to save their state after SIGTERM


@dataclass(slots=True)
class Outcome:
    """How a run of the plan ended: stage ids by fate, and the folders."""

    folders: dict[str, StageFolder] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    input_failures: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)


class Worker:
    """A worker process with its reader thread, which feeds (worker, event) into ``events``; its exit, without a kind
    that it sent itself, comes last as (worker, None)."""

    def __init__(self, threads: int, events: queue.Queue[tuple[Worker, Event | None]]) -> None:
        self.threads = threads
        self.stage: Stage | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "zifsim.campaign.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=os.environ | thread_environment(threads))
        threading.Thread(target=self._read, args=(events,), daemon=True).start()

    def _read(self, events: queue.Queue[tuple[Worker, Event | None]]) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            events.put((self, Event(**json.loads(line))))
        self.process.wait()
        events.put((self, None))

    def start(self, stage: Stage, folder: Path) -> None:
        assert self.process.stdin is not None
        self.stage = stage
        self.process.stdin.write(json.dumps(str(folder)) + "\n")       # ASCII, whatever the locale
        self.process.stdin.flush()

    def close(self) -> None:
        """Let an idle worker end."""
        if self.process.stdin is not None:
            self.process.stdin.close()


class Scheduler:
    """One pass over a plan. ``report`` takes an event of every stage, whose parts are their ids."""

    def __init__(self, stages: Sequence[Stage], out: Path, workers: int, report: Report = silent) -> None:
        self.stages = list(stages)
        self.out = out
        self.cores = workers
        self.report = report
        self.outcome = Outcome()
        self._events: queue.Queue[tuple[Worker, Event | None]] = queue.Queue()
        self._workers: list[Worker] = []
        self._urgency = path_lengths(self.stages)

    def run(self) -> Outcome:
        """Run all stages that are not done; failures leave independent stages alone.

        Raises
        ------
        InputError: results of a finished stage were changed. RunInterrupted: asked to stop; workers saved their state.
        """
        waiting = self._skip_done(sorted(self.stages, key=lambda s: -self._urgency[s.id]))
        self.report(Event(kind="plan", values={s.id: s.seconds for s in waiting}))
        with stopping.polled(GRACE_SECONDS + stopping.PATIENCE_S):
            try:
                while (waiting or self._busy()) and not stopping.asked():
                    waiting = self._start_ready(waiting)
                    if not self._busy():
                        break
                    self._listen(TICK_SECONDS)
                self.outcome.blocked = [s.id for s in waiting]
            finally:
                self._shut_down()
        self._write_manifest()
        stopping.check()
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

    def _folder(self, stage: Stage) -> StageFolder | None:
        inputs = self._inputs(stage)
        if inputs is None:
            return None
        digests = {name: sha256_file(path) for name, path in inputs.items()}
        return StageFolder(self.out, stage.kind, stage.name, content_key(stage.kind, stage.config, digests))

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
            folder.claim(stage.config, inputs, stage.run, stage.parameters).write(folder.path)
            self._worker(min(stage.threads, self.cores)).start(stage, folder.path)
            self.report(Event(stage.id))
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
                return
            if self._handle(worker, event):
                return

    def _handle(self, worker: Worker, event: Event | None) -> bool:
        """Take one event; True where a core became free."""
        stage = worker.stage
        if event is None and worker in self._workers:
            self._workers.remove(worker)
        if stage is None:
            return False
        if event is not None and event.kind not in ("done", "failed"):
            self.report(replace(event, part="" if event.kind == "note" else stage.id))
            return False
        worker.stage = None
        if event is None:
            if not stopping.asked():
                code = worker.process.poll()
                cause = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
                self._fail(stage, f"its process ended unexpectedly ({cause}; see "
                                  f"{self.outcome.folders[stage.id].path / STAGE_LOG})", {})
        elif event.kind == "done":
            self._finish(stage)
        else:
            self._fail(stage, event.message, event.values)
        return True

    def _finish(self, stage: Stage) -> None:
        self.outcome.finished.append(stage.id)
        self.report(Event(stage.id, kind="done"))
        self._write_manifest()

    def _fail(self, stage: Stage, message: str, values: Mapping[str, Any]) -> None:
        self.outcome.failed[stage.id] = message
        if values.get("input"):
            self.outcome.input_failures.append(stage.id)
        self.report(Event(stage.id, message=message, kind="failed"))
        self._drop_after(stage)

    def _drop_after(self, stage: Stage) -> None:
        """Say that all which hangs on a failed stage will not be reached."""
        for other in self.stages:
            if any(upstream == stage.id for upstream, _ in other.needs.values()):
                self.report(Event(other.id, kind="dropped"))
                self._drop_after(other)

    def _write_manifest(self) -> None:
        write_manifest(self.out, self.outcome.folders)

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
