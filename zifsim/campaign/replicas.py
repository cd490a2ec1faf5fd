"""Replicas: several melts of one framework side by side, each in a process and a folder of its own.

Systems of some hundred atoms use neither many cores nor a whole GPU, so replicas run best next to each other: one
thread each, or several to a GPU. A replica is an ordinary melt run: its folder resumes by itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from zifsim.errors import InputError, RunInterrupted, SimulationError, ZifsimError
from zifsim.melt.result import MeltResult, read_result
from zifsim.melt.run import MeltSettings, run_melt, stop_signals
from zifsim.model.forcefield import MeltForceField
from zifsim.model.framework import Framework
from zifsim.model.schedule import TemperatureProgram
from zifsim.rng import derive_seed
from zifsim.runs.devices import gpu_lease, thread_environment, worker_count

FOLDER = "replica-{number}"
PATIENCE_SECONDS = 30.0         # for replicas on their way to the next checkpoint


@dataclass(frozen=True, slots=True)
class Replica:
    """One melt of several: number from 1, its own seed, its folder."""

    number: int
    seed: int
    folder: Path


@dataclass(frozen=True, slots=True)
class ReplicaJob:
    """What all replicas have in common."""

    framework: Framework
    forcefield: MeltForceField
    program: TemperatureProgram
    settings: MeltSettings


# Called as watch(replica, event, info): event is "note" (info["text"]), "progress" (info as run_melt gives it, with
# step and total), "done" or "failed" (info["error"]).
Watch = Callable[[Replica, str, Mapping[str, Any]], None]


def plan_replicas(out: Path, count: int, seed: int) -> list[Replica]:
    """``count`` replicas with seeds derived from ``seed``; more of them later leave the first as they are.

    Raises
    ------
    InputError: ``out`` holds a single melt.
    """
    if (out / "state.csv").exists() or (out / "melt.json").exists():
        raise InputError(f"{out} holds a single melt; choose another folder for the replicas.")
    return [Replica(n, derive_seed(seed, "replica", n), out / FOLDER.format(number=n)) for n in range(1, count + 1)]


def run_replicas(job: ReplicaJob, replicas: Sequence[Replica], watch: Watch, at_once: int = 0) -> list[MeltResult]:
    """Run or resume all replicas, ``at_once`` of them side by side (0: as many as there are cores).

    Unless the settings say how many threads a melt may use, the cores are shared out evenly.

    Raises
    ------
    SimulationError: a replica failed; the others were finished first, and the message names those that failed.
    RunInterrupted: SIGTERM or SIGUSR1; every replica has its checkpoint.
    """
    cores = worker_count(0)
    at_once = min(at_once or cores, len(replicas))
    threads = job.settings.cpu_threads or max(1, cores // at_once)
    job = replace(job, settings=replace(job.settings, cpu_threads=threads))
    waiting = list(replicas)
    running: dict[Any, _Child] = {}
    failed: dict[int, str] = {}
    try:
        with stop_signals() as stop:
            while (waiting or running) and not stop.is_set():
                while waiting and len(running) < at_once:
                    started = _Child(job, waiting.pop(0))
                    running[started.events] = started
                for events in wait(list(running), timeout=0.5):
                    child = running[events]
                    if not child.hear(watch):
                        del running[events]
                        if child.error is not None:
                            failed[child.replica.number] = child.error
            if stop.is_set():
                raise RunInterrupted("replicas saved; the same command continues.")
    finally:
        for child in running.values():
            child.process.terminate()
        for child in running.values():
            child.process.join(PATIENCE_SECONDS)
            child.process.kill()
    if failed:
        raise SimulationError("; ".join(f"replica {n}: {why}" for n, why in sorted(failed.items())))
    results = [read_result(r.folder) for r in replicas]
    return [result for result in results if result is not None]


class _Child:
    """A process that runs one replica, and the pipe it reports through."""

    def __init__(self, job: ReplicaJob, replica: Replica) -> None:
        spawn = multiprocessing.get_context("spawn")        # a fork would share OpenMM's threads
        self.replica = replica
        self.error: str | None = None
        self.events, theirs = spawn.Pipe(duplex=False)
        self.process = spawn.Process(target=_run_one, args=(job, replica, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def hear(self, watch: Watch) -> bool:
        """Pass one event on; False where the process has ended."""
        try:
            event, info = self.events.recv()
        except EOFError:
            self.process.join()
            if self.process.exitcode and self.error is None:
                self.error = f"its process ended with {self.process.exitcode}"
                watch(self.replica, "failed", {"error": self.error})
            return False
        if event == "failed":
            self.error = info["error"]
        watch(self.replica, event, info)
        return True


def _run_one(job: ReplicaJob, replica: Replica, events: Connection) -> None:
    """In the child: the melt itself. A parent that was killed shows as a broken pipe, which ends the child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)            # Ctrl-C reaches the whole group; the parent decides
    settings = replace(job.settings, seed=replica.seed)
    os.environ.update(thread_environment(settings.cpu_threads or 1))
    try:
        with gpu_lease(settings.platform):
            run_melt(job.framework, job.forcefield, job.program, settings, replica.folder,
                     progress=lambda step, total, info: events.send(
                         ("progress", {**info, "step": step, "total": total})),
                     say=lambda text: events.send(("note", {"text": text})))
        events.send(("done", {}))
    except ZifsimError as error:
        events.send(("failed", {"error": str(error)}))
    except RunInterrupted:
        os._exit(RunInterrupted.exit_code)
    except BrokenPipeError:
        os._exit(1)
