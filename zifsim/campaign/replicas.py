"""Replicas: several melts of one framework side by side, each in a process and a folder of its own.

Systems of some hundred atoms use neither many cores nor a whole GPU, so replicas run best next to each other: one
thread each, or several to a GPU. A replica is an ordinary melt job: its folder resumes by itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from zifsim.campaign.melt_job import MeltJob, run_melt_job
from zifsim.errors import RunInterrupted, SimulationError, ZifsimError
from zifsim.melt.result import RESULT, MeltResult, read_result
from zifsim.rng import derive_seed
from zifsim.runs import stopping
from zifsim.runs.devices import thread_environment, worker_count
from zifsim.runs.folder import Claim, finished_outputs
from zifsim.runs.progress import Event, Report, silent

KIND = "set of melts"
FOLDER = "replica-{number}"
PATIENCE_S = 30.0           # for replicas on their way to the next checkpoint


@dataclass(frozen=True, slots=True)
class Replica:
    """One melt of several: number from 1, its job with a seed of its own, its folder."""

    number: int
    job: MeltJob
    folder: Path

    @property
    def name(self) -> str:
        """What events call it."""
        return f"replica {self.number}"


def plan_replicas(job: MeltJob, count: int, out: Path) -> list[Replica]:
    """``count`` replicas with seeds derived from the job's; more of them later leave the first as they are."""
    return [Replica(n, replace(job, settings=replace(job.settings, seed=derive_seed(job.settings.seed, "replica", n))),
                    out / FOLDER.format(number=n)) for n in range(1, count + 1)]


def replicas_claim(job: MeltJob, count: int) -> Claim:
    """What the folder around them is known by; it may be asked for more of them."""
    return Claim(KIND, f"{count} melts of {job.framework.name}", job.config | {"replicas": count},
                 job.inputs_sha256 | {"melt": job.claim.key}, job.settings.seed, extensible=("replicas",))


def run_replicas(job: MeltJob, count: int, out: Path, report: Report = silent, at_once: int = 0) -> list[MeltResult]:
    """Run or continue ``count`` melts under ``out``, ``at_once`` of them side by side (0: as many as there are cores).

    Unless the settings say how many threads a melt may use, the cores are shared out evenly. ``report`` is told of
    every replica as a part of its own.

    Raises
    ------
    InputError: ``out`` holds something else or is in use. SimulationError: a replica failed; the others were finished
    first, and the message names those that failed. RunInterrupted: asked to stop; every replica has its checkpoint.
    """
    cores = worker_count(0)
    at_once = min(at_once or cores, count)
    threads = job.settings.cpu_threads or max(1, cores // at_once)
    shared = replace(job, settings=replace(job.settings, cpu_threads=threads))
    replicas = plan_replicas(shared, count, out)

    def read() -> list[MeltResult]:
        there = [r.folder for r in replicas if finished_outputs(r.folder) is not None]
        return [result for folder in there if (result := read_result(folder)) is not None]

    def run() -> list[MeltResult]:
        report(Event(kind="plan", values=dict.fromkeys((r.name for r in replicas), 1.0)))
        _run_all(replicas, at_once, report)
        return read()

    return replicas_claim(job, count).run(
        out, [f"{r.folder.name}/{RESULT}" for r in replicas], work=run, write=lambda *_: None, read=read)


def _run_all(replicas: Sequence[Replica], at_once: int, report: Report) -> None:
    """Run replicas in processes of their own until all have ended or this process is asked to stop."""
    waiting = list(replicas)
    running: dict[Any, _Child] = {}
    failed: dict[int, str] = {}
    with stopping.polled(PATIENCE_S + stopping.PATIENCE_S):
        try:
            while (waiting or running) and not stopping.asked():
                while waiting and len(running) < at_once:
                    started = _Child(waiting.pop(0))
                    running[started.events] = started
                for events in wait(list(running), timeout=stopping.LOOK_S):
                    child = running[events]
                    if not child.hear(report):
                        del running[events]
                        if child.error is not None:
                            failed[child.replica.number] = child.error
        finally:
            for child in running.values():
                child.process.terminate()
            for child in running.values():
                child.process.join(PATIENCE_S)
                child.process.kill()
    if waiting or running:
        stopping.check()
    if failed:
        raise SimulationError("; ".join(f"replica {n}: {why}" for n, why in sorted(failed.items())))


class _Child:
    """A process that runs one replica, and the pipe it reports through."""

    def __init__(self, replica: Replica) -> None:
        spawn = multiprocessing.get_context("spawn")        # a fork would share OpenMM's threads
        self.replica = replica
        self.error: str | None = None
        self.events, theirs = spawn.Pipe(duplex=False)
        self.process = spawn.Process(target=_run_one, args=(replica, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def hear(self, report: Report) -> bool:
        """Pass one event on; False where the process has ended."""
        try:
            event: Event = self.events.recv()
        except (EOFError, OSError):     # OSError: killed in the middle of an event
            self.process.join()
            if self.process.exitcode and self.error is None and not stopping.asked():
                self.error = f"its process ended with {self.process.exitcode}"
                report(Event(self.replica.name, message=self.error, kind="failed"))
            return False
        if event.kind == "failed":
            self.error = event.message
        report(event)
        return True


def _run_one(replica: Replica, events: Connection) -> None:
    """In the child: the melt itself."""
    stopping.die_with_parent()
    stopping.stop_at_signals_for_good(ignore=(signal.SIGINT,))      # Ctrl-C reaches the whole group; the parent decides
    os.environ.update(thread_environment(replica.job.settings.cpu_threads or 1))
    try:
        run_melt_job(replica.job, replica.folder, events.send, replica.name)
    except ZifsimError as error:
        events.send(Event(replica.name, message=str(error), kind="failed"))
    except RunInterrupted as stop:
        os._exit(stop.exit_code)
    except BrokenPipeError:
        os._exit(1)
    except Exception as error:
        traceback.print_exc()
        events.send(Event(replica.name, message=f"{type(error).__name__}: {error}", kind="failed"))
