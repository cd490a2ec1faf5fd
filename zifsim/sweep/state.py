"""Where a job stands: ``job.json`` in its folder, kept by the process that runs it, readable from every node."""

from __future__ import annotations

import math
import os
import platform
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from zifsim.errors import InputError
from zifsim.io.files import read_json, write_json_atomic
from zifsim.io.values import from_plain
from zifsim.runs.folder import DONE

STATE = "job.json"
STATES = ("running", "stopped", "failed", "done")
BEAT_SECONDS = 10.0
LOST_SECONDS = 60.0     # without a beat: its process or its node is gone
SETTLED_FRACTION = 0.02     # progress needed before a measured pace is believed


@dataclass(frozen=True, slots=True)
class JobState:
    """``state``: running, stopped (saved, to be continued), failed or done. Times are seconds since 1970.

    ``seconds`` is the time spent over all ``attempts``; ``final`` is True where another attempt would fail alike.
    ``began``: this attempt; ``first_fraction`` and ``first_time``: when it was first seen to get ahead, behind what it
    took over and prepared. ``beat``: when its process last gave a sign of life.
    """

    state: str
    fraction: float = 0.0
    message: str = ""
    reason: str = ""
    final: bool = False
    attempts: int = 0
    seconds: float = 0.0
    began: float = 0.0
    first_fraction: float = 0.0
    first_time: float = 0.0
    beat: float = 0.0
    node: str = ""
    slurm_job: str = ""
    pid: int = 0

    @property
    def whole_seconds(self) -> float | None:
        """What the whole job takes at this attempt's pace, preparation (the compiler's, say) aside; None: not known."""
        if self.first_time and (ahead := self.fraction - self.first_fraction) >= SETTLED_FRACTION:
            return (self.beat - self.first_time) / ahead
        return self.seconds or None if self.state == "done" else None

    @property
    def seconds_left(self) -> float | None:
        """Time left of a running job at its pace, None where that is not known yet."""
        whole = self.whole_seconds
        return None if self.state != "running" or whole is None else whole * (1.0 - self.fraction)


def read_state(folder: Path) -> JobState | None:
    """The state of a job's folder, None where it was never begun; a job that went silent is ``stopped``."""
    try:
        state = from_plain(JobState, read_json(folder / STATE), str(folder / STATE))
        numbers = (state.fraction, state.seconds, state.began, state.first_fraction, state.first_time, state.beat)
        if state.state not in STATES or not all(map(math.isfinite, numbers)):
            raise ValueError
    except (FileNotFoundError, ValueError, InputError):     # a damaged one only loses what was told of its progress
        return JobState("done") if (folder / DONE).is_file() else None
    if (folder / DONE).is_file():
        return replace(state, state="done")
    if state.state == "running" and time.time() - state.beat > LOST_SECONDS:
        return replace(state, state="stopped", message="lost: its process or node is gone")
    return state


class StateFile:
    """Keeps ``job.json`` of one attempt: progress as it comes, and a beat now and then."""

    def __init__(self, folder: Path) -> None:
        before = read_state(folder) or JobState("stopped")
        self._folder = folder
        self._lock = threading.Lock()
        self._spent = before.seconds
        self._closed = threading.Event()
        now = time.time()
        self._state = JobState("running", attempts=before.attempts + 1, seconds=before.seconds, began=now, beat=now,
                               node=platform.node(), slurm_job=os.environ.get("SLURM_JOB_ID", ""), pid=os.getpid())

    def begin(self) -> None:
        """Say that the job runs, now and until :meth:`end`."""
        self._write()
        threading.Thread(target=self._beat, daemon=True).start()

    def progress(self, fraction: float, message: str) -> None:
        """Note how far it is; written with the next beat."""
        with self._lock:
            self._state = replace(self._state, fraction=fraction, message=message)
            if fraction > 0.0 and not self._state.first_time:
                self._state = replace(self._state, first_fraction=fraction, first_time=time.time())

    def end(self, state: str, **values: Any) -> None:
        """The last word of this attempt."""
        self._closed.set()
        with self._lock:
            self._state = replace(self._state, state=state, **values)
        self._write()

    def _beat(self) -> None:
        while not self._closed.wait(BEAT_SECONDS):
            self._write()

    def _write(self) -> None:
        with self._lock:
            now = time.time()
            self._state = replace(self._state, beat=now, seconds=self._spent + now - self._state.began)
            write_json_atomic(self._folder / STATE, asdict(self._state))


def forget_failure(folder: Path) -> None:
    """Let a job that failed for good be tried again."""
    state = read_state(folder)
    if state is not None and state.state == "failed" and state.final:
        write_json_atomic(folder / STATE, asdict(replace(state, final=False)))
