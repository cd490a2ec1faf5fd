"""Checkpoint of a melt run: one file, written whole, portable between platforms and machines.

It holds the OpenMM state as XML with all digits (positions, velocities, box), the integrator step (which, with the
program, says everything about the set point), the seed and the wall time so far. Random streams start from (seed,
step) at every checkpoint, whether the run was interrupted there or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import openmm

from zifsim.errors import InputError
from zifsim.io.files import read_json, write_json_atomic, write_text_atomic
from zifsim.runs.version import PHYSICS

CHECKPOINT = "checkpoint.json"
STATE_TABLE = "state.csv"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a run stands.

    ``input_sha256`` identifies what is run; ``interval_steps`` the distance of its checkpoints; ``versions`` and
    ``platform`` what it ran with when this was written.
    """

    input_sha256: str
    step: int
    seed: int
    interval_steps: int
    wall_s: float
    versions: Mapping[str, str]
    platform: str
    state_xml: str

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
    write_json_atomic(folder / CHECKPOINT, asdict(checkpoint))


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
        return Checkpoint(**read_json(path))
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged or of another version of zifsim ({error}); choose another folder."
                         ) from error


def truncate_table(folder: Path, step: int, columns: Sequence[str]) -> None:
    """Drop the rows of ``state.csv`` later than ``step``, and a last row that a kill left incomplete.

    Raises
    ------
    InputError: the table has other columns than this version writes.
    """
    path = folder / STATE_TABLE
    if not path.is_file():
        return
    lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    if lines and lines[0].strip().split(",") != list(columns):
        raise InputError(f"{path} has the columns of another version of zifsim; finish the run with that version, or "
                         "choose another folder.")
    kept = lines[:1] + [row for row in lines[1:] if int(row.split(",")[0]) <= step]
    write_text_atomic(path, "".join(kept))
