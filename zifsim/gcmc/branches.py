"""Branches of an isotherm: pressures one after another, each from the last configuration of the one before.

Finished ones are read back. Upwards from an empty cell and, for gases far below their critical temperature, also
downwards from a full one. There the two branches must meet; where they do not, the point is not equilibrated, whatever
each series says of itself.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

import numpy as np

from zifsim.gcmc.sampling import BLOCK_MOVES, Run, advance, is_enough, load_run, new_run, sample_point, save_run
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import AdsorptionSystem
from zifsim.gcmc.walker import Walker
from zifsim.model.guest import GuestModel
from zifsim.rng import derive_seed
from zifsim.runs import stopping
from zifsim.runs.progress import Event, Report, note, silent
from zifsim.runs.seal import kept as intact
from zifsim.runs.seal import made_of, read_sealed_json, write_sealed_json
from zifsim.units import BAR_PA

# Of the critical temperature; chosen here: pores filled with N2 or O2 at 77 K (0.6, 0.5) settle too slowly to be
# trusted from one side, CO2 at 273 K (0.9) is not such a case.
CONDENSABLE = 0.7
FILLING_FUGACITY_PA = 1e13  # no pressure at all, but fills a cell beyond what any pressure would ...
FILLING_MOVES = 100_000     # ... within so many moves
PATIENCE_S = 60.0           # for the block of moves that a stop signal falls into, and its checkpoint
EMPTY, FULL = "", "full"    # the branches; finished pressures of the first are called by their pressure alone


class Point(Protocol):
    """What a pressure leaves: a dataclass of plain values."""

    @property
    def pressure_pa(self) -> float: ...
    @property
    def n_moves(self) -> int: ...
    @property
    def molecules_per_cell(self) -> float: ...
    @property
    def summary(self) -> str: ...


P = TypeVar("P", bound=Point)


@dataclass(frozen=True, slots=True)
class Measurement(Generic[P]):
    """How runs become points.

    ``kind``: the points' class; ``fugacities_pa``: of all components at a pressure; ``point``: made from a finished
    run, its pressure and its seed; ``merge``: one point from that of the empty and that of the full start.
    """

    kind: type[P]
    fugacities_pa: Callable[[float], Sequence[float]]
    point: Callable[[Run, float, int], P]
    merge: Callable[[P, P], P]


def both_starts(settings: GCMCSettings, guests: Sequence[GuestModel], temperature_k: float) -> bool:
    """Whether pressures are sampled from a full cell too."""
    if settings.starts != "auto":
        return settings.starts == "both"
    return any(temperature_k < CONDENSABLE * guest.critical_temperature_k for guest in guests)


def full_walker(system: AdsorptionSystem, seed: int) -> Walker:
    """A cell filled to the brim: what :data:`FILLING_MOVES` moves at :data:`FILLING_FUGACITY_PA` leave."""
    run = new_run(system, seed)
    while run.moves < FILLING_MOVES:
        advance(system, run, (FILLING_FUGACITY_PA,) * len(system.guest_models), BLOCK_MOVES)
        stopping.check()
    return run.walker


def sample_branches(system: AdsorptionSystem, measurement: Measurement[P], pressures: Sequence[float],
                    out_dir: Path | None, threads: int, report: Report) -> list[P]:
    """All pressures (Pa, ascending), dealt out to ``threads`` threads like cards.

    Neighbours are close enough to start from, and each thread gets cheap low pressures and dear high ones.
    ``out_dir``: where finished pressures and checkpoints are kept. The same call continues there, and so does one with
    other pressures, more moves or a smaller error: a pressure that is known well enough by these keeps its numbers.
    """
    branches = (EMPTY, FULL) if both_starts(system.settings, system.guest_models, system.temperature_k) else (EMPTY,)
    threads = min(threads, len(pressures) * len(branches))
    hands = [list(pressures[n::threads]) for n in range(min(threads, len(pressures)))]
    found = _Points(measurement, branches, report)
    report(Event(kind="plan", values={pressure_name(pressure): 1.0 for pressure in pressures}))
    kept = _kept_points(system, measurement, pressures, branches, out_dir, report)
    for (pressure, branch), point in kept.items():
        found.add(pressure, branch, point, "resumed")
    there = [p for p in pressures if all((p, branch) in kept for branch in branches)]
    tell_of_earlier(there, pressures, out_dir, report)
    with stopping.polled(PATIENCE_S), ThreadPoolExecutor(threads) as pool:
        jobs = [pool.submit(_run_branch, system, measurement, hand if branch == EMPTY else hand[::-1], branch, out_dir,
                            kept, found) for branch in branches for hand in hands]
        for job in jobs:
            job.result()
    return [found.merged(pressure) for pressure in pressures]


def pressure_name(pressure_pa: float) -> str:
    """What a pressure is called where progress is told."""
    return f"{pressure_pa / BAR_PA:.6g} bar"


def merged(pair: tuple[float, float], pair_errors: tuple[float, float]) -> tuple[float, float, bool]:
    """Value and error of two means, and whether they meet.

    Where they meet within two standard errors they are averaged with their weights. Where they do not, the value lies
    midway and its error reaches both.
    """
    means, errors = np.array(pair), np.array(pair_errors)
    apart = abs(float(means[1] - means[0]))
    meet = apart <= 2.0 * float(np.hypot(*errors))
    if meet and np.all(errors > 0.0):
        weights = errors**-2.0
        return float(weights @ means / weights.sum()), float(weights.sum() ** -0.5), True
    return float(means.mean()), max(apart / 2.0, float(errors.max())), meet


def mean_of_finite(pair: tuple[float, float]) -> float:
    """Of two values, those that are finite; NaN where neither is."""
    finite = [value for value in pair if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan


def finished(point: Point, kind: Literal["resumed", "done"]) -> Event:
    """What is told of a pressure that is there."""
    return Event(pressure_name(point.pressure_pa), 1.0, point.summary, {
        "pressure_pa": point.pressure_pa, "moves": point.n_moves, "molecules": point.molecules_per_cell,
        "point": point}, kind)


def tell_of_earlier(kept: Sequence[float], pressures: Sequence[float], out_dir: Path | None, report: Report) -> None:
    """Note which of the pressures (Pa) are ``kept`` from earlier calls, and which others ``out_dir`` holds."""
    if kept:
        report(note(f"finished before and kept as it is: {', '.join(map(pressure_name, kept))}"))
    if others := _other_pressures(pressures, out_dir):
        report(note(f"finished before, not asked for, left out of the result: {others}"))


def point_name(pressure_pa: float) -> str:
    """What a pressure's files and random stream are called."""
    return f"{pressure_pa:.6g}Pa"


def _kept_points(system: AdsorptionSystem, measurement: Measurement[P], pressures: Sequence[float],
                 branches: Sequence[str], out_dir: Path | None, report: Report) -> dict[tuple[float, str], P]:
    """The points that earlier runs left in ``out_dir`` and that these settings take as they are; damaged files are
    told, and what they held is made again: a point from its finished run, a run from the one before."""
    kept: dict[tuple[float, str], P] = {}
    if out_dir is None:
        return kept

    def read(path: Path) -> P:
        return made_of(path, lambda: measurement.kind(**read_sealed_json(path)))

    for pressure, branch in product(pressures, branches):
        files = _PointFiles.of(out_dir, pressure, branch)
        run, point = files.run(system.settings, report), intact(files.point, read, report)
        # without as many moves it was killed before the point of a longer run was written
        if run is not None and run.finished and point is not None and point.n_moves == run.moves:
            kept[pressure, branch] = point
    return kept


def _other_pressures(pressures: Sequence[float], out_dir: Path | None) -> str:
    """Names of the finished pressures in ``out_dir`` that are not among these."""
    asked = {point_name(pressure) for pressure in pressures}
    there = {path.stem for path in (out_dir / "points").glob("[0-9]*Pa.json")} if out_dir else set()
    there = {name for name in there if re.fullmatch(r"[0-9.]+(e[+-][0-9]+)?Pa", name)}
    return ", ".join(map(pressure_name, sorted(float(name.removesuffix("Pa")) for name in there - asked)))


def _run_branch(system: AdsorptionSystem, measurement: Measurement[P], pressures: Sequence[float], branch: str,
                out_dir: Path | None, kept: Mapping[tuple[float, str], P], found: _Points[P]) -> None:
    """Pressures one after another; ``kept`` ones are read back. ``branch``: from an empty or from a full cell."""
    walker: Walker | None = None
    for pressure in pressures:
        files = _PointFiles.of(out_dir, pressure, branch) if out_dir else None
        if files and (pressure, branch) in kept:
            walker = load_run(files.final).walker
            files.checkpoint.unlink(missing_ok=True)    # of a run that was killed just after its point was written
            continue
        run = files.run(system.settings, silent) if files else None
        seed = derive_seed(system.settings.seed, system.gases, branch_name(pressure, branch))
        if run is None and walker is None and branch == FULL:
            walker = full_walker(system, derive_seed(seed, "filling"))
        if run is None or not run.finished:
            run = sample_point(system, measurement.fugacities_pa(pressure), seed, start=walker, earlier=run,
                               checkpoint=files.checkpoint if files else None, report=found.report_of(pressure, branch))
        point = measurement.point(run, pressure, seed)
        if files:
            files.finish(point, run)
        found.add(pressure, branch, point, "done")
        walker = run.walker


def branch_name(pressure_pa: float, branch: str) -> str:
    """What a pressure of a branch is called: its files, and its random stream."""
    return f"{branch}-{point_name(pressure_pa)}" if branch else point_name(pressure_pa)


@dataclass(frozen=True, slots=True)
class _PointFiles:
    """What is kept of one pressure: a checkpoint while it runs, then the point and the finished run, to go on from."""

    point: Path
    final: Path
    checkpoint: Path

    @classmethod
    def of(cls, out_dir: Path, pressure_pa: float, branch: str) -> _PointFiles:
        folder, name = out_dir / "points", branch_name(pressure_pa, branch)
        return cls(folder / f"{name}.json", folder / f"{name}.final.npz", folder / f"{name}.checkpoint.npz")

    def run(self, settings: GCMCSettings, report: Report) -> Run | None:
        """The run to continue: ``finished`` where it needs no more moves by these settings. ``report`` is told of what
        is damaged.

        A checkpoint is not asked whether it is known well enough: runs are judged at set lengths, killed or not.
        """
        final, checkpoint = (intact(path, load_run, report) for path in (self.final, self.checkpoint))
        newest = max((run for run in (final, checkpoint) if run is not None), key=lambda run: run.moves, default=None)
        if newest is not None:
            newest.finished = newest is final and is_enough(newest, settings)
        return newest

    def finish(self, point: Any, run: Run) -> None:
        save_run(self.final, run)
        write_sealed_json(self.point, asdict(point))
        self.checkpoint.unlink(missing_ok=True)


class _Points(Generic[P]):
    """Points as the branches find them; a pressure is told of once all its branches are there."""

    def __init__(self, measurement: Measurement[P], branches: Sequence[str], report: Report) -> None:
        self._measurement, self._branches, self._report = measurement, branches, report
        self._points: dict[tuple[float, str], P] = {}
        self._fractions: dict[tuple[float, str], float] = {}
        self._lock = threading.Lock()

    def add(self, pressure_pa: float, branch: str, point: P, kind: Literal["resumed", "done"]) -> None:
        """A point of one branch; merged with the other's, it ends the pressure."""
        with self._lock:
            self._points[pressure_pa, branch] = point
            self._fractions[pressure_pa, branch] = 1.0
            if any((pressure_pa, b) not in self._points for b in self._branches):
                return
        self._report(finished(self.merged(pressure_pa), kind))

    def merged(self, pressure_pa: float) -> P:
        """The point of a pressure, all of whose branches are there."""
        first, *second = (self._points[pressure_pa, branch] for branch in self._branches)
        return self._measurement.merge(first, second[0]) if second else first

    def report_of(self, pressure_pa: float, branch: str) -> Report:
        """For the sampling of one branch: the progress of a pressure is the mean of its branches."""
        def tell(event: Event) -> None:
            with self._lock:
                self._fractions[pressure_pa, branch] = event.fraction
                mean = sum(self._fractions.get((pressure_pa, b), 0.0) for b in self._branches) / len(self._branches)
            self._report(replace(event, part=pressure_name(pressure_pa), fraction=mean,
                                 values={"pressure_pa": pressure_pa, "branch": branch, **event.values}))
        return tell
