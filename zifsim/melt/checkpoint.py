"""Checkpoint of a melt run: one file, written whole, portable between platforms and machines.

It holds the OpenMM state as XML (positions, velocities, box), the integrator step (which, with the program,
says everything about the set point), the seed and the wall time so far. Random streams restart from (seed,
step), so the same checkpoint continues with the same random numbers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import openmm

from zifsim.io.files import read_json, write_json_atomic, write_text_atomic

CHECKPOINT = "checkpoint.json"
STATE_TABLE = "state.csv"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a run stands. ``input_sha256`` identifies what is run, ``openmm_version`` what wrote it."""

    input_sha256: str
    step: int
    seed: int
    wall_s: float
    openmm_version: str
    state_xml: str

    @property
    def state(self) -> openmm.State:
        return openmm.XmlSerializer.deserialize(self.state_xml)


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Replace the folder's checkpoint, atomically."""
    write_json_atomic(folder / CHECKPOINT, asdict(checkpoint))


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """The folder's checkpoint, or None."""
    path = folder / CHECKPOINT
    return Checkpoint(**read_json(path)) if path.is_file() else None


def truncate_table(folder: Path, step: int) -> None:
    """Drop the rows of ``state.csv`` later than ``step``, and a last row that a kill left incomplete."""
    path = folder / STATE_TABLE
    if not path.is_file():
        return
    lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    kept = lines[:1] + [row for row in lines[1:] if int(row.split(",")[0]) <= step]
    write_text_atomic(path, "".join(kept))
