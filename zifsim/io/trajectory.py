"""Trajectories as DCD files in parts, so that a kill can neither duplicate nor mislabel a frame.

Frames are kept in memory until the next checkpoint and then written as one whole part; a part is named by the
step of its first frame, and its DCD header holds first step and interval. Positions are those of the
framework's atoms, dummy sites left out, with the box as lengths and angles (a along x, b in the xy plane).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.geometry import cell_to_cellpar, cellpar_to_cell
from numpy.typing import NDArray

from zifsim.errors import InputError
from zifsim.io.files import replacing

FloatArray = NDArray[np.float64]
AKMA_TIME_PS = 0.04888821       # the unit in which DCD headers give the time step
PART = "part-{step:012d}.dcd"


@dataclass(frozen=True, slots=True)
class Frame:
    """One configuration: integrator step, positions (N, 3) Å, box (3, 3) rows, Å."""

    step: int
    positions: FloatArray
    box: FloatArray


def write_part(folder: Path, frames: Sequence[Frame], interval: int, step_ps: float) -> Path | None:
    """Write equally spaced frames as one part, atomically; None where there is none to write."""
    if not frames:
        return None
    return _write(folder / PART.format(step=frames[0].step), frames, interval, step_ps)


def drop_parts_after(folder: Path, step: int) -> None:
    """Remove the parts that begin after ``step`` (those written later than the checkpoint of that step)."""
    for part in parts(folder):
        if first_step(part) > step:
            part.unlink()


def parts(folder: Path) -> list[Path]:
    """The parts of a trajectory in the order of time."""
    return sorted(folder.glob(PART.format(step=0).replace("0" * 12, "*")))


def first_step(part: Path) -> int:
    """Step of the first frame, from the part's name."""
    return int(part.stem.removeprefix("part-"))


def merge_parts(folder: Path, target: Path, interval: int, step_ps: float) -> int:
    """Make one DCD file of all parts and remove them; returns the number of frames. Safe to repeat."""
    found = parts(folder)
    # A kill may have come while the parts were being removed: what the target holds already is kept.
    files = ([target] if target.is_file() else []) + found
    by_step = {frame.step: frame for file in files for frame in read_dcd(file)}
    frames = [by_step[step] for step in sorted(by_step)]
    if found:
        _write(target, frames, interval, step_ps)
        for part in found:
            part.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    return len(frames)


def read_dcd(path: Path) -> Iterator[Frame]:
    """Frames of a DCD file written here, float32 precision; raises InputError for one that cannot be read."""
    from MDAnalysis.lib.formats.libdcd import DCDFile

    try:
        with DCDFile(str(path)) as stream:
            start, interval = int(stream.header["istart"]), int(stream.header["nsavc"])
            if 12 * int(stream.header["natoms"]) > path.stat().st_size:
                raise OSError("it has more atoms than it can hold")
            for number, frame in enumerate(stream):
                a, gamma, b, beta, alpha, c = (float(x) for x in frame.unitcell)
                box = cellpar_to_cell([a, b, c, alpha, beta, gamma])  # type: ignore[no-untyped-call]
                yield Frame(start + number * interval, np.asarray(frame.xyz, dtype=np.float64),
                            np.asarray(box, dtype=np.float64))
    except (OSError, ValueError, ZeroDivisionError, OverflowError, MemoryError) as error:
        raise InputError(f"{path} is not a DCD trajectory, or a damaged one ({str(error) or 'no frames'}).") from None


def step_ps(path: Path) -> float:
    """Time per integrator step of a DCD file written here, ps."""
    from MDAnalysis.lib.formats.libdcd import DCDFile

    with DCDFile(str(path)) as stream:
        return float(stream.header["delta"]) * AKMA_TIME_PS


def _write(path: Path, frames: Sequence[Frame], interval: int, step_ps: float) -> Path:
    from MDAnalysis.lib.formats.libdcd import DCDFile

    with replacing(path) as temporary:
        try:
            with DCDFile(str(temporary), "w") as stream:
                stream.write_header("zifsim", len(frames[0].positions), frames[0].step, interval,
                                    step_ps / AKMA_TIME_PS, 1)
                for frame in frames:
                    a, b, c, alpha, beta, gamma = cell_to_cellpar(frame.box)  # type: ignore[no-untyped-call]
                    stream.write(frame.positions.astype(np.float32), np.array([a, gamma, b, beta, alpha, c]))
            with DCDFile(str(temporary)) as written:        # the library does not tell of a full disk
                whole = len(written) == len(frames)
        except OSError as error:
            if error.errno:
                raise
            whole = False
        if not whole:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    return path
