"""Checkpoint of a melt run: one file, written whole, portable between platforms and machines.

It holds the OpenMM state as XML with all digits (positions, velocities, box), the integrator step (which, with the
program, says everything about the set point), the seed and the wall time so far. Random streams start from (seed,
step) at every checkpoint, whether the run was interrupted there or not. It is sealed, and has the digests of what else
a run continues from: the table and the frames up to its step and, at the end, the results. Where one of them does not
fit, days of work may be at stake: that is said, and nothing is thrown away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import openmm

from zifsim.errors import DamagedError, InputError
from zifsim.io.files import write_bytes_atomic
from zifsim.io.trajectory import parts
from zifsim.runs.digest import digest, sha256_bytes, sha256_file
from zifsim.runs.seal import CHANGED, made_of, read_sealed_json, write_sealed_json
from zifsim.runs.version import PHYSICS

CHECKPOINT = "checkpoint.json"
STATE_TABLE = "state.csv"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a run stands.

    ``input_sha256`` identifies what is run; ``interval_steps`` the distance of its checkpoints; ``versions`` and
    ``platform`` what it ran with when this was written. ``table_bytes`` and ``table_sha256``: of ``state.csv`` up to
    this step; ``frames_sha256``: :func:`chained` over the parts of the trajectory; ``results``: file -> sha256 of a
    finished run.
    """

    input_sha256: str
    step: int
    seed: int
    interval_steps: int
    wall_s: float
    versions: Mapping[str, str]
    platform: str
    table_bytes: int
    table_sha256: str
    frames_sha256: str
    state_xml: str
    results: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> openmm.State:
        return deserialised(self.state_xml)

    def differences(self, platform: str) -> list[str]:
        """Sentences on what differs now from what wrote it: versions, platform or number of threads."""
        then = [f"{name} {version}" for name, version in self.versions.items()]
        now = [f"{name} {version}" for name, version in versions().items()]
        found = [f"it was written by {', '.join(then)}, this is {', '.join(now)}"] if then != now else []
        return found + ([f"it ran on {self.platform}, now on {platform}"] if platform != self.platform else [])


def versions() -> dict[str, str]:
    """Versions of the programs that decide a path."""
    return {"zifsim's physics of melts": str(PHYSICS["melt"]), "OpenMM": openmm.__version__}


def deserialised(state_xml: str) -> openmm.State:
    return openmm.XmlSerializer.deserialize(state_xml)


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace the folder's checkpoint, atomically."""
    write_sealed_json(folder / CHECKPOINT, asdict(checkpoint))


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """The folder's checkpoint, or None.

    Raises
    ------
    InputError: the file is damaged or of another version of zifsim.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    try:
        values = read_sealed_json(path)
        return made_of(path, lambda: Checkpoint(**values))
    except DamagedError as error:
        raise InputError(f"{error.fault}; restore it, or delete {folder} to begin the melt anew.") from None


def chained(frames_sha256: str, part: Path) -> str:
    """The digest of all parts of a trajectory up to this one, from that up to the one before."""
    return digest([frames_sha256, part.name, sha256_file(part)])


def truncate_table(folder: Path, checkpoint: Checkpoint, columns: Sequence[str]) -> None:
    """Drop what was written to ``state.csv`` after a checkpoint.

    Raises
    ------
    InputError: the table has other columns than this version writes, or is not what was written up to the checkpoint.
    """
    path = folder / STATE_TABLE
    content = path.read_bytes() if path.is_file() else b""
    head, newline, _ = content.partition(b"\n")
    if newline and head.isascii() and b"step" in head and head.decode().strip().split(",") != list(columns):
        raise InputError(f"{path} has the columns of another version of zifsim; finish the run with that version, or "
                         "choose another folder.")
    known = content[:checkpoint.table_bytes]
    if len(known) != checkpoint.table_bytes or sha256_bytes(known) != checkpoint.table_sha256:
        raise _damaged(path, folder)
    if known != content:
        write_bytes_atomic(path, known)


def check_frames(folder: Path, trajectory: Path, checkpoint: Checkpoint) -> None:
    """Raise InputError where the parts of a trajectory are not those that a checkpoint vouches for."""
    found = ""
    for part in parts(trajectory):
        found = chained(found, part)
    if found != checkpoint.frames_sha256:
        raise _damaged(trajectory, folder)


def check_results(folder: Path, checkpoint: Checkpoint, names: Sequence[str]) -> None:
    """Raise DamagedError where one of a finished run's files is missing or is not what the run wrote."""
    for name in names:
        found = sha256_file(folder / name) if (folder / name).is_file() else None
        if found != checkpoint.results.get(name):
            raise _damaged(folder / name, folder)


def _damaged(path: Path, folder: Path) -> DamagedError:
    return DamagedError(path, CHANGED, f"restore it, or delete {folder} to begin the melt anew")
