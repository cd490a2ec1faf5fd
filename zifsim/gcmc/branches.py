"""Pressures one after another, each from the last configuration of the one before; finished ones are read back.

Upwards from an empty cell and, for gases far below their critical temperature, also downwards from a full one. There
the two branches must meet; where they do not, the point is not equilibrated, whatever each series says of itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from zifsim.gcmc.sampling import BLOCK_MOVES, Progress, Run, advance, load_walker, new_run, sample_point, save_walker
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import AdsorptionSystem
from zifsim.gcmc.walker import Walker
from zifsim.io.files import read_json, write_json_atomic
from zifsim.model.guest import GuestModel
from zifsim.rng import derive_seed

# Of the critical temperature; chosen here: pores filled with N2 or O2 at 77 K (0.6, 0.5) settle too slowly to be
# trusted from one side, CO2 at 273 K (0.9) is not such a case.
CONDENSABLE = 0.7
FILLING_FUGACITY_PA = 1e13  # no pressure at all, but fills a cell beyond what any pressure would ...
FILLING_MOVES = 100_000     # ... within so many moves
EMPTY, FULL = "", "full"    # the branches; finished pressures of the first are called by their pressure alone


class Point(Protocol):
    """What a pressure leaves: a dataclass of plain values."""

    @property
    def pressure_pa(self) -> float: ...
    @property
    def n_moves(self) -> int: ...
    @property
    def molecules_per_cell(self) -> float: ...


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
        advance(system, run, (FILLING_FUGACITY_PA,) * len(system.models), BLOCK_MOVES)
    return run.walker


def sample_branches(system: AdsorptionSystem, measurement: Measurement[P], pressures: Sequence[float],
                    out_dir: Path | None, threads: int, progress: Progress | None) -> list[P]:
    """All pressures (Pa, ascending), dealt out to ``threads`` threads like cards.

    Neighbours are close enough to start from, and each thread gets cheap low pressures and dear high ones.
    ``out_dir``: where finished pressures and checkpoints are kept; the same call continues there.
    """
    both = both_starts(system.settings, system.models, system.temperature_k)
    threads = min(threads, len(pressures) * (2 if both else 1))
    hands = [list(pressures[n::threads]) for n in range(min(threads, len(pressures)))]
    tell = _BothBranches(progress) if both and progress else progress
    with ThreadPoolExecutor(threads) as pool:
        up = [pool.submit(_run_branch, system, measurement, hand, EMPTY, out_dir, tell) for hand in hands]
        down = [pool.submit(_run_branch, system, measurement, hand[::-1], FULL, out_dir, tell)
                for hand in hands if both]
        points = sorted((p for job in up for p in job.result()), key=lambda p: p.pressure_pa)
        full = sorted((p for job in down for p in job.result()), key=lambda p: p.pressure_pa)
    if both:
        points = [measurement.merge(a, b) for a, b in zip(points, full, strict=True)]
    for point in points:
        if progress:
            progress({"pressure_pa": point.pressure_pa, "moves": point.n_moves, "fraction": 1.0,
                      "molecules": point.molecules_per_cell, "point": point})
    return points


def finished_points(out_dir: Path, kind: type[P], merge: Callable[[P, P], P] | None) -> list[P]:
    """The pressures that a stopped run left finished in ``out_dir``; ``merge``: where both starts are sampled."""
    points = []
    for path in sorted((out_dir / "points").glob("[0-9]*Pa.json")):
        point, full = kind(**read_json(path)), path.with_name(f"{FULL}-{path.name}")
        if merge is None:
            points.append(point)
        elif full.exists():
            points.append(merge(point, kind(**read_json(full))))
    return points


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


def point_name(pressure_pa: float) -> str:
    """What a pressure's files and random stream are called."""
    return f"{pressure_pa:.6g}Pa"


def _run_branch(system: AdsorptionSystem, measurement: Measurement[P], pressures: Sequence[float], branch: str,
                out_dir: Path | None, progress: Progress | None) -> list[P]:
    """Pressures one after another; finished ones are read back. ``branch``: from an empty or from a full cell."""
    points: list[P] = []
    walker: Walker | None = None
    for pressure in pressures:
        name = f"{branch}-{point_name(pressure)}" if branch else point_name(pressure)
        files = _PointFiles(out_dir / "points", name) if out_dir else None
        tell = _named(progress, pressure, branch)
        if files and files.finished:
            point, walker = measurement.kind(**read_json(files.point)), load_walker(files.walker)
            tell({"moves": point.n_moves, "fraction": 1.0, "resumed": True, "molecules": point.molecules_per_cell})
        else:
            seed = derive_seed(system.settings.seed, system.gases, name)
            if walker is None and branch == FULL:
                walker = full_walker(system, derive_seed(seed, "filling"))
            run = sample_point(system, measurement.fugacities_pa(pressure), seed, start=walker,
                               checkpoint=files.checkpoint if files else None, progress=tell)
            point, walker = measurement.point(run, pressure, seed), run.walker
            if files:
                files.finish(point, walker)
            tell({"moves": point.n_moves, "fraction": 1.0, "molecules": point.molecules_per_cell})
        points.append(point)
    return points


class _PointFiles:
    """What is kept of one pressure: a checkpoint while it runs, then the point and its last configuration."""

    def __init__(self, folder: Path, name: str) -> None:
        self.point, self.walker = folder / f"{name}.json", folder / f"{name}.final.npz"
        self.checkpoint = folder / f"{name}.checkpoint.npz"

    @property
    def finished(self) -> bool:
        return self.point.exists() and self.walker.exists()

    def finish(self, point: Any, walker: Walker) -> None:
        save_walker(self.walker, walker)
        write_json_atomic(self.point, asdict(point))
        self.checkpoint.unlink(missing_ok=True)


def _named(progress: Progress | None, pressure_pa: float, branch: str) -> Progress:
    """Progress that tells which pressure and branch it is about."""
    def tell(event: dict[str, Any]) -> None:
        if progress:
            progress({"pressure_pa": pressure_pa, "branch": branch} | event)
    return tell


class _BothBranches:
    """Progress of a pressure is the mean of its two branches."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._fractions = progress, dict[tuple[float, str], float]()

    def __call__(self, event: dict[str, Any]) -> None:
        pressure = event["pressure_pa"]
        self._fractions[pressure, event["branch"]] = event["fraction"]
        mean = sum(self._fractions.get((pressure, b), 0.0) for b in (EMPTY, FULL)) / 2.0
        self._progress(event | {"fraction": mean})
