"""Snapshots of a framework in thermal motion: made by molecular dynamics, or read from a trajectory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from zifsim.errors import InputError
from zifsim.io.tables import read_run_table
from zifsim.io.trajectory import Frame, read_dcd
from zifsim.melt.box import Box
from zifsim.melt.checkpoint import STATE_TABLE
from zifsim.melt.run import TRAJECTORY, MeltSettings, run_melt
from zifsim.model.forcefield import MeltForceField
from zifsim.model.framework import Framework
from zifsim.model.schedule import Segment, TemperatureProgram
from zifsim.runs.progress import Event, Report, silent

EQUILIBRATION_PS = 10.0
INTERVAL_PS = 1.0
STEP_FS = 1.0       # masses are chosen so that 1 fs holds even at 1500 K (docs/glass.md)


def make_snapshots(framework: Framework, forcefield: MeltForceField, temperature_k: float, number: int, folder: Path, *,
                   seed: int = 1, threads: int | None = None, platform: str = "auto",
                   part: str = "snapshots", report: Report = silent) -> None:
    """Run the framework at constant volume and temperature and keep a frame every picosecond.

    The cell is the one given: for a crystal that of the experiment, so that the density is not the force field's.
    The same call again continues a run that was stopped, or returns. ``report`` is told of ``part``.

    Raises
    ------
    InputError, SimulationError, RunInterrupted: as :func:`zifsim.melt.run.run_melt`.
    """
    if number < 1 or not temperature_k > 0.0:
        raise InputError(f"Snapshots: {number} at {temperature_k:g} K cannot be made; ask for at least one, above 0 K.")
    program = TemperatureProgram("snapshots", (
        Segment("equilibrate", temperature_k, temperature_k, EQUILIBRATION_PS, "NVT"),
        Segment("sample", temperature_k, temperature_k, number * INTERVAL_PS, "NVT")), STEP_FS)
    settings = MeltSettings(seed=seed, platform=platform, cpu_threads=threads, frame_interval_ps=INTERVAL_PS,
                            state_interval_ps=INTERVAL_PS)
    run_melt(framework, forcefield, program, settings, folder,
             lambda event: report(replace(event, kind="progress") if event.kind == "done" else event), part)
    report(Event(part, 1.0, f"{number} snapshots", kind="done"))


def read_snapshots(path: Path, framework: Framework) -> list[Framework]:
    """The frames of a DCD file, or of the last segment of a melt's or snapshot run's folder, as frameworks.

    ``framework`` is the structure that was run, or what came of it: the same atoms in the same order. Every frame is
    moved as a whole to lie upon it, since dynamics lets the framework drift. Raises InputError for a path without
    frames, or with other atoms.
    """
    frames = list(_frames(path))
    if not frames:
        raise InputError(f"{path} holds no snapshots: give a folder with {TRAJECTORY} and {STATE_TABLE}, or a "
                         "DCD file.")
    for frame in frames:
        if len(frame.positions) != framework.n_atoms:
            raise InputError(f"{path} has {len(frame.positions)} atoms and {framework.name} has {framework.n_atoms}; "
                             "give the structure that the snapshots were made of.")
    box = Box.of(framework.cell)
    reference, drift = framework.fractional, np.zeros(3)
    snapshots = []
    for frame in frames:
        cell = box.cell_back(frame.box)
        fractional = box.positions_back(frame.positions) @ np.linalg.inv(cell)
        moved = fractional - reference - drift
        moved -= np.round(moved)
        drift = drift + moved.mean(axis=0)
        snapshots.append(replace(framework, positions=(fractional - drift) @ cell, cell=cell))
    return snapshots


def _frames(path: Path) -> Iterator[Frame]:
    if path.is_file():
        yield from read_dcd(path)
        return
    if not path.exists():
        raise InputError(f"There is no file or folder {path}; give a number of snapshots to make, a DCD file, or the "
                         "folder of a run.")
    trajectory, table = path / TRAJECTORY, path / STATE_TABLE
    if not trajectory.is_file() or not table.is_file():
        raise InputError(f"{path}: no {TRAJECTORY} and {STATE_TABLE} there; is it the folder of a finished melt or "
                         "snapshot run?")
    columns = read_run_table(table)
    rows = list(zip(map(int, columns["step"]), columns["segment"], strict=True))
    first = min(step for step, segment in rows if segment == rows[-1][1])
    yield from (frame for frame in read_dcd(trajectory) if frame.step >= first)
