"""The free energy of a guest in a framework that moves: snapshots averaged by their Boltzmann weights.

The density of one guest in a flexible framework is proportional to ⟨exp(−F_s(r)/k_BT)⟩ over snapshots s of the empty
framework at the same temperature (Widom's identity), so −k_BT ln of that average is its free energy, with every window
averaged by itself. Rare wide openings dominate the average; how much, is measured by resampling blocks of snapshots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zifsim.access.flood import flood
from zifsim.access.landscape import DIRECTIONS, FreeEnergyGrid, free_energy_grids
from zifsim.gcmc.grid import divisions_for
from zifsim.gcmc.settings import GCMCSettings
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.runs import stopping
from zifsim.runs.digest import digest
from zifsim.runs.progress import Event, Report, silent
from zifsim.runs.seal import kept, made_of, read_sealed_arrays, write_sealed_arrays

FloatArray = NDArray[np.float64]
SingleArray = NDArray[np.float32]
BLOCKS = 20


@dataclass(frozen=True, slots=True, eq=False)
class SnapshotAverage:
    """Boltzmann factors of one guest averaged over snapshots, in blocks of consecutive ones.

    ``log_weights`` (K, nx, ny, nz): ln of each block's mean exp(−F/k_BT), −inf where no snapshot has room;
    ``log_highest`` (nx, ny, nz): the highest −F/k_BT of all snapshots; ``counts`` (K,) snapshots of the blocks;
    ``barriers`` (n,) kJ/mol of every snapshot by itself, inf where it does not percolate; ``cell`` (3, 3) Å.
    """

    log_weights: SingleArray
    log_highest: SingleArray
    counts: NDArray[np.int64]
    barriers: FloatArray
    cell: FloatArray
    temperature_k: float

    @property
    def n_snapshots(self) -> int:
        return int(self.counts.sum())

    def grid(self, times: NDArray[np.int64] | None = None) -> FreeEnergyGrid:
        """The averaged free energy; ``times`` (K,): how often each block counts (once by default)."""
        weights = self.counts * (1 if times is None else times)
        highest = np.full(self.log_highest.shape, -np.inf, dtype=np.float32)
        for block in np.flatnonzero(weights):
            np.maximum(highest, self.log_weights[block], out=highest)
        shift = np.where(np.isfinite(highest), highest, np.float32(0.0))
        total = np.zeros(highest.shape)
        for block in np.flatnonzero(weights):
            total += weights[block] * np.exp(self.log_weights[block] - shift)
        grid = FreeEnergyGrid(np.empty(highest.shape, dtype=np.float32), self.cell, self.temperature_k)
        with np.errstate(divide="ignore"):
            grid.values[...] = -grid.kt * (np.log(total / weights.sum()) + shift)
        return grid

    def largest_part(self, node: int) -> float:
        """Fraction of the average at a node (flat index) that the widest snapshot has: 1 if one opening is all."""
        logs = self.log_weights.reshape(len(self.counts), -1)[:, node].astype(np.float64)
        best = float(self.log_highest.ravel()[node])
        return float(1.0 / (self.counts @ np.exp(logs - best)))


def average_snapshots(snapshots: Sequence[Framework], guests: Sequence[tuple[GuestModel, float]],
                      forcefield: AdsorptionForceField, settings: GCMCSettings, *, directions: int = DIRECTIONS,
                      threads: int = 1, folder: Path | None = None, part: str = "average",
                      report: Report = silent) -> list[SnapshotAverage]:
    """Average several guests over snapshots of one framework (charges assigned), all on one grid.

    ``folder``: finished blocks are kept there, and the same call again continues with them. ``report`` is told of
    ``part``.

    Raises
    ------
    InputError: missing parameters or charges, or a grid that no memory holds. RunInterrupted: asked to stop.
    """
    divisions = divisions_for(snapshots[0].cell, settings.grid_spacing_angstrom)
    blocks = np.array_split(np.arange(len(snapshots)), min(BLOCKS, len(snapshots)))
    name = _digest(snapshots, guests, forcefield, settings, directions)
    finished = []
    for number, block in enumerate(blocks):
        path = folder / f"{name}-{number:02d}.npz" if folder else None
        there = kept(path, _stored, report) if path else None
        finished.append(there or _average_block([snapshots[s] for s in block], guests, forcefield, settings, divisions,
                                                directions, threads))
        if path and there is None:
            logs, highest, barriers = finished[-1]
            write_sealed_arrays(path, logs=logs, highest=highest, barriers=barriers)
        done = int(block[-1]) + 1
        report(Event(part, done / len(snapshots), f"{done} of {len(snapshots)} snapshots",
                     kind="resumed" if there else "progress"))
    report(Event(part, 1.0, f"{len(snapshots)} snapshots", kind="done"))
    counts = np.array([len(b) for b in blocks])
    cell = np.mean([s.cell for s in snapshots], axis=0)
    return [SnapshotAverage(np.stack([logs[g] for logs, _, _ in finished]),
                            np.max([highest[g] for _, highest, _ in finished], axis=0), counts,
                            np.concatenate([barriers[g] for _, _, barriers in finished]), cell, temperature_k)
            for g, (_, temperature_k) in enumerate(guests)]


def _average_block(snapshots: Sequence[Framework], guests: Sequence[tuple[GuestModel, float]],
                   forcefield: AdsorptionForceField, settings: GCMCSettings, divisions: tuple[int, int, int],
                   directions: int, threads: int) -> tuple[SingleArray, SingleArray, FloatArray]:
    """ln mean weight and highest log weight (G, nx, ny, nz), and barriers (G, n), of one block."""
    shape = (len(guests), *divisions)
    highest, total = np.full(shape, -np.inf), np.zeros(shape)
    barriers = np.empty((len(guests), len(snapshots)))
    for s, snapshot in enumerate(snapshots):
        stopping.check()
        grids = free_energy_grids(snapshot, guests, forcefield, settings, divisions=divisions, directions=directions,
                                  threads=threads, keep=False)
        for g, grid in enumerate(grids):
            flooding = flood(grid.values)
            barriers[g, s] = flooding.percolation_level - network_minimum(flooding.network_levels, flooding.minima)
            log = -grid.values.astype(np.float64) / grid.kt
            new = np.maximum(highest[g], log)
            shift = np.where(np.isfinite(new), new, 0.0)
            total[g] = total[g] * np.exp(highest[g] - shift) + np.exp(log - shift)
            highest[g] = new
    with np.errstate(divide="ignore"):
        logs = np.log(total / len(snapshots)) + np.where(np.isfinite(highest), highest, 0.0)
    return logs.astype(np.float32), highest.astype(np.float32), barriers


def network_minimum(network_levels: FloatArray, minima: FloatArray) -> float:
    """Lowest free energy, kJ/mol, in the set of basins that percolates first; −inf where none does."""
    first = network_levels.min()
    return float(minima[network_levels == first].min()) if np.isfinite(first) else -np.inf


def _digest(snapshots: Sequence[Framework], guests: Sequence[tuple[GuestModel, float]],
            forcefield: AdsorptionForceField, settings: GCMCSettings, directions: int) -> str:
    """Name of what an average is made from."""
    return digest([[s.content_hash() for s in snapshots], guests, forcefield, settings, directions, BLOCKS])[:16]


def _stored(path: Path) -> tuple[SingleArray, SingleArray, FloatArray]:
    """What :func:`_average_block` found, as it was kept."""
    held = read_sealed_arrays(path)
    return made_of(path, lambda: (held["logs"], held["highest"], held["barriers"]))
