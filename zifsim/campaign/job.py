"""The folder of a job on its own, outside a study: checked, locked, recorded, and finished only when whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from zifsim.campaign import provenance, rundir
from zifsim.errors import InputError
from zifsim.io.files import read_json, sha256_file, write_bytes_atomic, write_json_atomic

Result = TypeVar("Result")
RECORD = "record.json"


@dataclass(frozen=True, slots=True)
class JobFolder:
    """What a job's folder is known by: its kind, a title for the record, and all that can change its numbers."""

    kind: str
    title: str
    config: Mapping[str, Any]
    inputs_sha256: Mapping[str, str]
    seed: int

    @property
    def key(self) -> str:
        return rundir.content_key(self.kind, self.config, self.inputs_sha256)

    def default(self, plain: Path) -> Path:
        """``plain``; with digits of the key after it where another job is there already."""
        own = plain.with_name(f"{plain.name}-{self.key[:8]}")
        return own if own.exists() or self._why_not(plain) else plain

    def check(self, out: Path) -> None:
        """Raise InputError unless ``out`` is new, empty, or holds this very job; writes nothing."""
        if reason := self._why_not(out):
            raise InputError(reason)

    def run(self, out: Path, outputs: Sequence[str], *, work: Callable[[], Result],
            write: Callable[[Result, str], None], read: Callable[[], Result]) -> Result:
        """Run or resume the job in ``out``; a finished one is ``read`` back.

        ``write`` is given the result and the date of the start, and leaves ``outputs`` (those that there are).

        Raises
        ------
        InputError: ``out`` holds something else, is in use or cannot be written to; nothing is changed there.
        """
        self.check(out)
        with _writable(out), rundir.locked(out):
            if rundir.finished_outputs(out) is not None:
                return read()
            write_json_atomic(out / "config.json", {"kind": self.kind, "key": self.key, "config": self.config,
                                                    "inputs_sha256": self.inputs_sha256})
            record = provenance.start_record(self.title, seed=self.seed, settings=self.config,
                                             inputs_sha256=self.inputs_sha256)
            provenance.write_record(out, record)
            try:
                result = work()
            except Exception as error:
                provenance.write_record(out, provenance.finish_record(record, {}, f"{type(error).__name__}: {error}"))
                raise
            write(result, record.started)
            there = [name for name in outputs if (out / name).is_file()]
            provenance.write_record(out, provenance.finish_record(
                record, {name: sha256_file(out / name) for name in there}))
            rundir.mark_done(out, [*there, RECORD])
            return result

    def _why_not(self, out: Path) -> str:
        """Why ``out`` is not this job's folder; nothing where it is new, empty, or holds this very job."""
        nearest = next(p for p in (out, *out.absolute().parents) if p.exists())
        if not nearest.is_dir():
            return f"{nearest} is a file; give a folder with --out."
        if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
            return f"{out} cannot be written to: no permission for {nearest}; choose another folder with --out."
        if not out.is_dir() or all(p.name == rundir.LOCK for p in out.iterdir()):
            return ""
        try:
            held = read_json(out / "config.json")["key"]
        except (OSError, ValueError, KeyError, TypeError):
            return f"{out} holds other files and no {self.kind}; choose a new --out folder."
        if held != self.key:
            return f"{out} holds another calculation (see {out / 'config.json'}); choose a new folder with --out."
        return ""


def rewrite(out: Path, name: str, content: bytes) -> None:
    """Another file in a finished folder (a picture in another unit, say); what was sampled stays as it is."""
    if content == (out / name).read_bytes():
        return
    outputs = list(read_json(out / rundir.DONE)["outputs"])
    write_bytes_atomic(out / name, content)
    record = read_json(out / RECORD)
    record["outputs_sha256"][name] = sha256_file(out / name)
    write_json_atomic(out / RECORD, record)
    rundir.mark_done(out, outputs)


@contextmanager
def _writable(out: Path) -> Iterator[None]:
    """What the file system refuses, as one sentence."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        yield
    except (PermissionError, FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{out} cannot be written to ({error.strerror}); choose another folder with --out.") from error
