"""Frames, which are what is analysed: a framework in one configuration or in many, streamed from where they lie.

Every analysis is ``X(parameters).compute(frames)``. Frames are read anew each time they are iterated, so a
trajectory is never whole in memory. All boxes have a along x and b in the xy plane.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zifsim.crystals.linkers import METALS
from zifsim.errors import InputError
from zifsim.io.resources import find_data
from zifsim.io.tables import read_run_table
from zifsim.io.trajectory import Frame, parts, read_dcd, step_ps
from zifsim.io.xyz import read_framework
from zifsim.melt.box import Box
from zifsim.melt.checkpoint import check_results, read_checkpoint
from zifsim.model.framework import Framework
from zifsim.runs.folder import finished_outputs
from zifsim.runs.progress import Report, silent
from zifsim.structures import load_structure

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
GLASS, STATE_TABLE, TRAJECTORY, PARTS = "glass.extxyz", "state.csv", "trajectory.dcd", "trajectory"
RING = frozenset(("N1", "C1", "C2", "C4", "C5"))    # types of the five-membered ring in Im, mIm and bIm


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Configurations of one framework.

    Attributes
    ----------
    name: what it is called in tables.
    framework: species, types and building units of the atoms; its own positions and Zn–N bonds are not used.
    read: opens the configurations from the beginning.
    description: which configurations these are, for people.
    step_ps: time per integrator step, ps; 0 where there is no time (a single structure).
    melt: the folder of the melt they come from, and the first and last step of the segment; None for others.
    """

    name: str
    framework: Framework
    read: Callable[[], Iterator[Frame]]
    description: str
    step_ps: float = 0.0
    melt: tuple[Path, tuple[int, int]] | None = None

    def __iter__(self) -> Iterator[Frame]:
        return self.read()

    def spread_over(self, n: int) -> Iterator[Frame]:
        """At most ``n`` frames, evenly spread from the first to the last."""
        total = sum(1 for _ in self)
        chosen = set(np.linspace(0, total - 1, min(total, n)).round().astype(int).tolist())
        return (frame for k, frame in enumerate(self) if k in chosen)

    @property
    def metals(self) -> IntArray:
        """Indices of the metal atoms."""
        return np.flatnonzero([s in METALS for s in self.framework.species])

    @property
    def nitrogens(self) -> IntArray:
        """Indices of the N that can bind a metal."""
        return np.flatnonzero([t == "N1" for t in self.framework.types])

    @property
    def linkers(self) -> tuple[tuple[int, ...], ...]:
        """Atoms of every linker."""
        return tuple(u.atoms for u in self.framework.units if u.kind not in METALS)

    @property
    def rings(self) -> IntArray:
        """(L, 5) atoms of every linker's five-membered ring."""
        types = self.framework.types
        return np.array([[a for a in atoms if types[a] in RING] for atoms in self.linkers],
                        dtype=np.int64).reshape(-1, 5)


def of_framework(framework: Framework, name: str = "") -> Frames:
    """One configuration: the framework as it is.

    Raises
    ------
    InputError: its linkers are not assigned.
    """
    if not framework.units or not framework.types:
        raise InputError(f"{framework.name}: its linkers are not assigned. Load it with "
                         "zifsim.structures.load_structure.")
    box = Box.of(framework.cell)
    frame = Frame(0, box.to_box_frame(framework.positions), box.vectors)
    return Frames(name or framework.name, framework, lambda: iter((frame,)), "one structure")


def of_trajectory(framework: Framework, read: Callable[[], Iterator[Frame]], *, step_ps: float = 0.0,
                  description: str = "a trajectory", every: int = 1) -> Frames:
    """Every ``every``-th configuration that ``read`` yields, of atoms in the framework's order."""
    return Frames(framework.name, framework, lambda: itertools.islice(read(), 0, None, every), description, step_ps)


def of_melt(folder: Path, *, segment: str = "", every: int = 1, name: str = "") -> Frames:
    """The frames of one segment of a melt's temperature program (left out: its last).

    Raises
    ------
    InputError: the folder holds no finished melt, one of its files was changed, or the segment is unknown or has no
    frame.
    """
    if not (folder / GLASS).is_file():
        raise InputError(f"{folder} holds no finished melt (no {GLASS}). Finish it with 'zifsim melt', or give a "
                         "structure file.")
    finished_outputs(folder)
    _check_trajectory(folder)
    files = _files(folder)
    steps = segment_steps(folder)
    chosen = segment or list(steps)[-1]
    if chosen not in steps:
        raise InputError(f"{folder}: no segment '{segment}' in {STATE_TABLE}. It has: {', '.join(steps)}.")
    first, last = steps[chosen]

    def read() -> Iterator[Frame]:
        wanted = (f for file in files for f in read_dcd(file) if first <= f.step <= last)
        return itertools.islice(wanted, 0, None, every)

    if next(read(), None) is None:
        raise InputError(f"{folder}: segment '{chosen}' has no frame in its trajectory. Choose another of "
                         f"{', '.join(steps)}, or give {folder / GLASS} alone.")
    framework = read_framework(folder / GLASS)
    return Frames(name or folder.name, framework, read, f"segment '{chosen}' of the melt", step_ps(files[0]),
                  (folder, (first, last)))


def load_frames(name_or_path: str | Path, *, segment: str = "", every: int = 1, name: str = "",
                report: Report = silent) -> Frames:
    """Frames of a melt's folder, or the one configuration of a shipped structure, CIF or extXYZ file.

    ``name`` is what they are called in tables; left out: the folder's or the structure's name.
    """
    path = Path(name_or_path)
    if path.is_dir():
        return of_melt(path, segment=segment, every=every, name=name)
    return of_framework(load_structure(name_or_path, report=report), name)


def source_files(name_or_path: str | Path) -> list[Path]:
    """The files that :func:`load_frames` reads for a melt's folder or a structure."""
    path = Path(name_or_path)
    if path.is_dir():
        return [path / GLASS, path / STATE_TABLE, *_files(path)]
    return [find_data("structure", name_or_path, "structures", ".cif")]


def _check_trajectory(folder: Path) -> None:
    """Raise InputError where the trajectory is not what the melt wrote; an earlier version did not say what it was."""
    try:
        checkpoint = read_checkpoint(folder)
    except InputError:
        return
    if checkpoint is not None and TRAJECTORY in checkpoint.results and (folder / TRAJECTORY).is_file():
        check_results(folder, checkpoint, (TRAJECTORY,))


def state_rows(folder: Path) -> dict[str, list[str]]:
    """The columns of a melt's state.csv, as text.

    Raises
    ------
    InputError: the table is absent, damaged, or has no row.
    """
    path = folder / STATE_TABLE
    if not path.is_file():
        raise InputError(f"{path} is missing: it says which frames belong to which segment. Run the melt again.")
    return read_run_table(path)


def segment_steps(folder: Path) -> dict[str, tuple[int, int]]:
    """First and last step of every segment, in the order of time; a segment begins where the one before ended."""
    rows = state_rows(folder)
    found: dict[str, tuple[int, int]] = {}
    for name, step in zip(rows["segment"], map(int, rows["step"]), strict=True):
        first, _ = found.get(name, (step, step))
        found[name] = (first, step)
    return found


def _files(folder: Path) -> list[Path]:
    files = [folder / TRAJECTORY] if (folder / TRAJECTORY).is_file() else parts(folder / PARTS)
    if not files:
        raise InputError(f"{folder} holds no trajectory ({TRAJECTORY}). Give {folder / GLASS} alone, or run the "
                         "melt again.")
    return files
