"""Result folders: claimed by what they hold, locked while written, and DONE only when whole.

``config.json`` is written first and says what the folder is for: the kind of calculation, all that can change its
numbers, and digests of its inputs. A folder that holds anything else is refused by that content and left as it was.
``DONE`` comes last, with the sha256 of the results.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import platform
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, TypeVar

from zifsim.errors import DamagedError, InputError, RunInterrupted
from zifsim.io.files import TEMPORARY, is_plain_name, read_json, refused, write_bytes_atomic, write_json_atomic
from zifsim.runs import record as records
from zifsim.runs import stopping
from zifsim.runs.digest import digest, plain, sha256_file
from zifsim.runs.seal import read_sealed_json, write_sealed_json
from zifsim.runs.version import PHYSICS

Result = TypeVar("Result")
CONFIG, RECORD, DONE, LOCK, LOG = "config.json", "record.json", "DONE", ".lock", "run.log"
LOCK_LOOK_S = 1.0
_held: set[tuple[Path, int]] = set()    # folders held, each with the thread that holds it
LONGEST_SLUG = 80       # several of them, and what is put between and behind, make a name
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


def slug(name: str) -> str:
    """``name`` as part of a file name: letters, digits, ``. _ -``; a long one ends in digits of its hash."""
    found = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-").lstrip(".")
    return found if len(found) <= LONGEST_SLUG else f"{found[:LONGEST_SLUG - 9]}-{digest(name)[:8]}"


def content_key(kind: str, config: Mapping[str, Any], inputs_sha256: Mapping[str, str]) -> str:
    """sha256 over everything that can change a result, the version of the physics in it included."""
    return digest({"kind": kind, "physics": PHYSICS.get(kind, 1), "config": config, "inputs": inputs_sha256})


@dataclass(frozen=True, slots=True)
class Claim:
    """What a folder is claimed for.

    ``kind``: of calculation, as messages name it; ``title``: for the record; ``config``: all that can change the
    numbers, JSON-ready; ``inputs_sha256``: name -> digest of what it is made from. ``extensible``: names of ``config``
    in which the same folder may be asked for more later (pressures, say): what is finished there is used again.
    ``beside``: what else ``config.json`` keeps that changes no number (labels, how to run it).
    """

    kind: str
    title: str
    config: Mapping[str, Any]
    inputs_sha256: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    extensible: tuple[str, ...] = ()
    beside: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Of this very calculation."""
        return content_key(self.kind, self.config, self.inputs_sha256)

    @property
    def folder_key(self) -> str:
        """Of all calculations that may share the folder."""
        fixed = {name: value for name, value in self.config.items() if name not in self.extensible}
        return content_key(self.kind, fixed, self.inputs_sha256)

    def default(self, plain_path: Path) -> Path:
        """``plain_path``; with digits of the key after it where another calculation is there already."""
        own = plain_path.with_name(f"{plain_path.name}-{self.folder_key[:8]}")
        return own if own.exists() or self.why_not(plain_path) else plain_path

    def check(self, out: Path) -> None:
        """Raise InputError unless ``out`` is new, empty, or holds this very calculation; writes nothing."""
        if reason := self.why_not(out):
            raise InputError(reason)

    def why_not(self, out: Path) -> str:
        """Why ``out`` cannot be this calculation's folder; nothing where it can."""
        above = (out, *out.absolute().parents)
        if (link := next((p for p in above if p.is_symlink() and not p.exists()), None)) is not None:
            return (f"{link} is a link to {os.readlink(link)}, which is not there; mend the link, or choose another "
                    "folder with --out.")
        nearest = next(p for p in above if p.exists())
        if not nearest.is_dir():
            return f"{nearest} is a file; give a folder with --out."
        if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
            return f"{out} cannot be written to: no permission for {nearest}; choose another folder with --out."
        if not out.is_dir() or all(is_ours(p) for p in out.iterdir()):
            return ""
        held = read_config(out)
        if held is None and (out / CONFIG).is_file() and (out / RECORD).is_file():
            return (f"{out / CONFIG} is damaged, so nothing says what {out} holds; restore it, delete the folder to "
                    "compute it again, or choose another folder with --out.")
        if held is None:
            return f"{out} holds other files and no {self.kind}; choose a new or empty folder with --out."
        if (held.get("kind"), held.get("folder_key")) != (self.kind, self.folder_key):
            return f"{out} holds {difference(held, self)}; choose another folder with --out."
        return ""

    @contextmanager
    def hold(self, out: Path, wait: bool = False) -> Iterator[None]:
        """Hold ``out``, with ``config.json`` the first file in it.

        Raises
        ------
        InputError: ``out`` holds something else, is in use, or cannot be written to; nothing is changed there.
        """
        self.check(out)
        with writable(out), locked(out, wait):
            self.check(out)         # who held it until now may have been another calculation
            self.write(out)
            yield

    def write(self, out: Path) -> None:
        """``config.json`` of a folder that the caller holds; what was DONE for another claim is no longer."""
        if (read_config(out) or {}).get("key") == self.key:
            return
        (out / DONE).unlink(missing_ok=True)
        write_sealed_json(out / CONFIG, {
            "kind": self.kind, "title": self.title, "physics": PHYSICS.get(self.kind, 1),
            "key": self.key, "folder_key": self.folder_key,
            "config": plain(self.config), "inputs_sha256": dict(self.inputs_sha256), **plain(self.beside)})

    def run(self, out: Path, outputs: Sequence[str] = (), *, work: Callable[[], Result],
            write: Callable[[Result, str], Sequence[str] | None], read: Callable[[], Result],
            wait: bool = False, platform: str | None = None) -> Result:
        """Run or continue the calculation in ``out``; a finished one is ``read`` back.

        ``write`` is given the result and the date of the start, and leaves ``outputs`` (those that there are), or those
        that it returns. ``wait``: for another process that holds the folder. ``platform``: of OpenMM, for the record.

        Raises
        ------
        InputError: ``out`` holds something else, is in use or cannot be written to; nothing is changed there.
        """
        with self.hold(out, wait):
            if finished_outputs(out) is not None:
                return read()
            with self.recorded(out, platform) as finish:
                result = work()
                names = write(result, finish.started) or outputs
                finish(name for name in names if (out / name).is_file())
            return result

    @contextmanager
    def recorded(self, out: Path, platform: str | None = None) -> Iterator[Finish]:
        """``record.json`` of what the body does in a held folder: how it ended, whether or not that was well. The body
        calls what it is given with the names of its results, once they are whole: ``DONE`` is then written last."""
        finish = Finish(out, records.start_record(self.title, seed=self.seed, settings=self.config,
                                                  inputs_sha256=self.inputs_sha256, compute=platform))
        records.write_record(out, finish.record)
        try:
            yield finish
        except (Exception, RunInterrupted) as error:
            records.write_record(out, records.finish_record(finish.record, {}, f"{type(error).__name__}: {error}"))
            raise


@dataclass(slots=True)
class Finish:
    """How a recorded calculation says that it is whole; see :meth:`Claim.recorded`."""

    folder: Path
    record: records.RunRecord

    @property
    def started(self) -> str:
        """The date of the start, ISO 8601."""
        return self.record.started

    def __call__(self, outputs: Iterable[str]) -> None:
        """The end of the record, with the sha256 of these files, and ``DONE``."""
        names = list(outputs)
        records.write_record(self.folder, records.finish_record(
            self.record, {name: sha256_file(self.folder / name) for name in names}))
        mark_done(self.folder, [*names, RECORD])

    def unfinished(self, why: str) -> None:
        """The end of a record without results: some of the work failed, and the rest is kept."""
        records.write_record(self.folder, records.finish_record(self.record, {}, why))


def is_ours(path: Path) -> bool:
    """Whether a file says nothing of what its folder holds: a lock, a log, or what a killed write left."""
    return path.name in (LOCK, LOG) or bool(TEMPORARY.fullmatch(path.name))


def read_config(folder: Path) -> dict[str, Any] | None:
    """What a folder is claimed for; None where nothing readable says so."""
    try:
        values = read_sealed_json(folder / CONFIG, needed=False)
    except (OSError, DamagedError):
        return None
    return values if isinstance(values.get("kind"), str) else None


def difference(held: Mapping[str, Any], claim: Claim) -> str:
    """What a folder holds instead, as its ``config.json`` tells: ``another isotherm (forcefield: UFF, not PP)``."""
    if held["kind"] != claim.kind:
        return f"the results of another kind of calculation ({held['kind']})"
    physics = PHYSICS.get(claim.kind, 1)
    if held.get("physics", physics) != physics:
        return f"another {claim.kind} (by version {held['physics']} of its physics, which is at {physics} now)"
    theirs, ours = held.get("config"), plain(claim.config)
    if isinstance(theirs, Mapping):
        for name in dict.fromkeys([*ours, *theirs]):
            if name in claim.extensible or (name in ours and name in theirs and theirs[name] == ours[name]):
                continue
            if name not in theirs or name not in ours:
                has = "without" if name in ours else "with"
                return f"another {claim.kind} ({has} the setting {name}: of another version)"
            return f"another {claim.kind} ({name}{_values(theirs[name], ours[name])})"
    if held.get("inputs_sha256") != dict(claim.inputs_sha256):
        changed = [n for n, sha in claim.inputs_sha256.items() if (held.get("inputs_sha256") or {}).get(n) != sha]
        return f"another {claim.kind} (other {', '.join(changed) or 'input'})"
    return f"another {claim.kind} (see {CONFIG} there)"


def _values(theirs: Any, ours: Any) -> str:
    simple = all(isinstance(v, str | int | float | None) and len(str(v)) < 40 for v in (theirs, ours))
    return f": {theirs}, not {ours}" if simple else " differs"


@contextmanager
def writable(out: Path) -> Iterator[None]:
    """What the file system refuses, as one sentence."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if (reason := refused(error, out)) is None:
            raise
        raise reason from error


@contextmanager
def locked(folder: Path, wait: bool = False) -> Iterator[None]:
    """Hold a folder for this thread, sweeping what a killed process left half written. The operating system frees the
    lock however a process ends; a thread that holds the folder already goes on. ``wait``: until another lets go,
    instead of refusing.

    Raises
    ------
    InputError: another process holds it. RunInterrupted: asked to stop while waiting.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told, me = False, (folder.resolve(), threading.get_ident())
    if me in _held:
        yield
        return
    while (stream := try_lock(folder / LOCK)) is None:
        holder = (folder / LOCK).read_text(encoding="utf-8", errors="replace").strip() or "unknown"
        if not wait:
            raise InputError(f"{folder} is in use by another zifsim run (process {holder}); wait for it, stop it, or "
                             "choose another folder with --out.")
        if not told:
            print(f"{folder.name}: process {holder} has it; waiting", file=sys.stderr, flush=True)
        told = True
        stopping.sleep(LOCK_LOOK_S)
    _held.add(me)
    try:
        with stream:
            sweep(folder)
            yield
    finally:
        _held.discard(me)


def try_lock(path: Path) -> TextIO | None:
    """The locked file, which holds the lock until it is closed, with this process's number in it; None where another
    process has it. On a file system without locks that is said, and nothing keeps two runs apart there."""
    stream = open(path, "a+", encoding="utf-8")  # noqa: SIM115
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            stream.close()
            raise
        print(f"note: the file system of {path.parent} has no locks ({error.strerror}); do not run two calculations in "
              "one folder.", file=sys.stderr, flush=True)
    with contextlib.suppress(OSError):      # it is locked; without room nobody reads by whom
        os.truncate(stream.fileno(), 0)
        os.write(stream.fileno(), f"{os.getpid()} on {platform.node()}".encode())
    return stream


def sweep(folder: Path) -> None:
    """Remove what killed writes left under a folder that this process holds; folders with a lock of their own are left
    to those who hold that."""
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not (Path(here) / name / LOCK).exists()]
        for name in files:
            if TEMPORARY.fullmatch(name):
                (Path(here) / name).unlink(missing_ok=True)


def finished_outputs(folder: Path) -> dict[str, str] | None:
    """File name -> sha256 of a finished calculation's results; None where it has not finished.

    Raises
    ------
    InputError: a result is missing or differs from what was written.
    """
    if not (folder / DONE).is_file():
        return None
    try:
        outputs: dict[str, str] = read_sealed_json(folder / DONE, needed=False)["outputs"]
        items = [(str(name), str(sha256)) for name, sha256 in outputs.items()]
        if not all(is_plain_name(name) for name, _ in items):
            raise ValueError
    except (DamagedError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{folder / DONE} is damaged; delete it to have the results of {folder} made again.") from None
    for name, sha256 in items:
        if not (folder / name).is_file() or sha256_file(folder / name) != sha256:
            raise InputError(f"{folder / name} is not what its run wrote. Restore it, or delete the folder {folder} to "
                             "compute it again.")
    return dict(items)


def unaltered(path: Path) -> Path:
    """``path``, a results folder or a result in one, after a look at its ``DONE``, if there is one.

    Raises
    ------
    InputError: a result of the folder is not what its run wrote.
    """
    folder = path if path.is_dir() else path.parent
    if path.is_file() or path.is_dir():
        finished_outputs(folder)
    return path


def mark_done(folder: Path, outputs: Iterable[str]) -> dict[str, str]:
    """Write ``DONE``, last of all, with the sha256 of the results; returns them."""
    digests = {name: sha256_file(folder / name) for name in outputs}
    write_sealed_json(folder / DONE, {"finished": records.now(), "outputs": digests})
    return digests


def rewrite(out: Path, name: str, content: bytes) -> None:
    """Another file in a finished folder (a picture in another unit, say); what was sampled stays as it is."""
    if content == (out / name).read_bytes():
        return
    outputs = list(read_json(out / DONE)["outputs"])
    (out / DONE).unlink()       # a kill from here on leaves it unfinished, not altered
    write_bytes_atomic(out / name, content)
    record = read_json(out / RECORD)
    record["outputs_sha256"][name] = sha256_file(out / name)
    write_json_atomic(out / RECORD, record)
    mark_done(out, outputs)
