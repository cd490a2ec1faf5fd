"""Result folders: named by what they hold, locked while written, and DONE only when whole.

A stage's folder is ``OUT/<kind>/<readable name>-<8 hex digits>``. The digits are a hash of the stage's
configuration (force-field and guest parameters included), of the content of its input files and of zifsim's
version. Changing a setting therefore opens a new folder beside the old one, and nothing finished is ever
overwritten; ``OUT/manifest.json`` lists the folders that belong to the study as it stands.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zifsim
from zifsim.campaign.provenance import now
from zifsim.errors import InputError
from zifsim.io.files import read_json, sha256_file, write_json_atomic

DONE = "DONE"
LOCK = ".lock"
MANIFEST = "manifest.json"
STUDY = "study.json"


def slug(name: str) -> str:
    """``name`` as a file name: letters, digits, ``. _ -``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")


def content_key(kind: str, config: Mapping[str, Any], inputs_sha256: Mapping[str, str]) -> str:
    """sha256 over everything that can change a stage's result."""
    content = {"kind": kind, "zifsim": zifsim.__version__, "config": config, "inputs": inputs_sha256}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class StageFolder:
    """The folder of one stage under ``out``."""

    out: Path
    kind: str
    name: str
    key: str

    @property
    def path(self) -> Path:
        return self.out / self.kind / f"{slug(self.name)}-{self.key[:8]}"

    @property
    def relative(self) -> str:
        return self.path.relative_to(self.out).as_posix()

    def is_done(self) -> bool:
        """True where the stage finished; raises InputError where its files were changed afterwards."""
        return finished_outputs(self.path) is not None

    def prepare(self, config: Mapping[str, Any], inputs: Mapping[str, Path], run: str) -> None:
        """Create the folder with its ``config.json``: all that a worker needs."""
        write_json_atomic(self.path / "config.json", {
            "kind": self.kind, "name": self.name, "key": self.key, "run": run,
            "zifsim_version": zifsim.__version__,
            "inputs": {name: {"path": os.path.relpath(path, self.path), "sha256": sha256_file(path)}
                       for name, path in inputs.items()},
            "config": config})


def finished_outputs(folder: Path) -> dict[str, str] | None:
    """File name -> sha256 of a finished stage's results; None where it has not finished.

    Raises
    ------
    InputError: a result is missing or differs from what the stage wrote.
    """
    if not (folder / DONE).is_file():
        return None
    outputs: dict[str, str] = read_json(folder / DONE)["outputs"]
    for name, digest in outputs.items():
        if not (folder / name).is_file() or sha256_file(folder / name) != digest:
            raise InputError(f"{folder / name} is not what its stage wrote. Restore it, or delete the folder "
                             f"{folder} to compute it again.")
    return outputs


def mark_done(folder: Path, outputs: Iterable[str]) -> dict[str, str]:
    """Write ``DONE``, last of all, with the hashes of the results; returns them."""
    digests = {name: sha256_file(folder / name) for name in outputs}
    write_json_atomic(folder / DONE, {"finished": now(), "outputs": digests})
    return digests


def claim(out: Path, study: Mapping[str, Any], file: str = STUDY) -> None:
    """Make ``out`` the results folder of ``study``, which is written to ``file``.

    Raises
    ------
    InputError: the folder holds another study, or files that are no study at all.
    """
    check_owner(out, study, file)
    write_json_atomic(out / file, dict(study))


def check_owner(out: Path, study: Mapping[str, Any], file: str = STUDY) -> None:
    """Raise InputError unless ``out`` is new, empty, or holds the study of the same name; writes nothing."""
    name, what = study["study"]["name"], Path(file).stem
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; give a folder with --out.")
    if (out / file).is_file():
        try:
            other = read_json(out / file)["study"]["name"]
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{out / file} is not a zifsim {what}; choose another --out folder.") from None
        if other != name:
            raise InputError(f"{out} holds the {what} '{other}', not '{name}'; choose another --out folder.")
    elif out.is_dir() and any(p.name != LOCK for p in out.iterdir()):
        raise InputError(f"{out} holds other files and no {what}; choose a new or empty folder with --out.")


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold ``out`` for this process. However the process dies, the operating system frees the lock.

    Raises
    ------
    InputError: another process holds it.
    """
    out.mkdir(parents=True, exist_ok=True)
    with open(out / LOCK, "a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            holder = stream.read().strip() or "unknown"
            raise InputError(f"{out} is in use by another zifsim run (process {holder}); wait for it, "
                             "stop it, or choose another folder with --out.") from None
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield


def write_manifest(out: Path, folders: Mapping[str, StageFolder]) -> None:
    """``manifest.json``: stage id -> its folder, kind and state, for the study as it stands."""
    write_json_atomic(out / MANIFEST, {"stages": {
        stage: {"kind": f.kind, "folder": f.relative, "done": (f.path / DONE).is_file()}
        for stage, f in folders.items()}})
