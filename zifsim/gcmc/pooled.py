"""Pooled isotherms: every pressure has a run of its own, and all of them tell of one Q(N) (:mod:`macrostates`).

Each pressure's loading is read off from what the runs at all pressures noted. Runs go on, in rounds, at the pressures
whose error is still too large. As in :mod:`branches` a pressure begins where the one before it was, upwards from an
empty cell and, for gases far below their critical temperature, downwards from a full one too; the two must meet.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from zifsim.errors import DamagedError
from zifsim.gcmc.allocation import growth_for_errors
from zifsim.gcmc.branches import (
    EMPTY,
    FULL,
    PATIENCE_S,
    both_starts,
    branch_name,
    finished,
    full_walker,
    point_name,
    pressure_name,
    tell_of_earlier,
)
from zifsim.gcmc.macrostates import Estimate, Ladder, Macrostates, Notes
from zifsim.gcmc.points import loading_point
from zifsim.gcmc.sampling import (
    BLOCK_MOVES,
    CHECKPOINT_S,
    Run,
    advance,
    check_energy,
    load_run,
    log_activities,
    most_moves,
    new_run,
    noted,
    save_run,
)
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.statistics import SeriesSummary
from zifsim.gcmc.system import AdsorptionSystem
from zifsim.gcmc.walker import Walker
from zifsim.model.uptake import LoadingPoint
from zifsim.rng import derive_seed
from zifsim.runs import stopping
from zifsim.runs.progress import Event, Report, note, silent
from zifsim.runs.seal import kept as intact
from zifsim.runs.seal import made_of, read_sealed_json, write_sealed_json
from zifsim.units import molecules_to_mol_kg

ROUND = "pooled.json"       # how far every run goes in the present round
OPENING_MOVES = 20_000      # of a pressure, before the next one begins where it is
NOTED_MOVES = 1_000         # in a block, to begin with
# Whoever stops as soon as the claimed error is small enough stops where it happens to be too small. So runs are planned
# for less than that and judged by that, and only where the claim itself is known well enough.
PLANNED = 0.92
LEAST_FREEDOM = 50.0        # degrees of freedom of an error: it is then known to a tenth
LEAST_GROWTH = 0.3          # of the part of a run that counts, where it has not settled


@dataclass
class _Strand:
    """The run at one pressure from one start."""

    pressure_pa: float
    branch: str
    log_activity: float
    fugacity_pa: float
    file: Path | None
    run: Run | None = None
    fraction: float = 0.01      # of its work, as far as it is known

    @property
    def name(self) -> str:
        return branch_name(self.pressure_pa, self.branch)

    @property
    def begun(self) -> Run:
        assert self.run is not None
        return self.run

    def progress(self, molecules: float) -> Event:
        return Event(pressure_name(self.pressure_pa), self.fraction, f"{molecules:.1f} molecules", {
            "pressure_pa": self.pressure_pa, "branch": self.branch, "moves": self.begun.moves, "molecules": molecules})

    def save(self) -> None:
        if self.file:
            save_run(self.file, self.begun)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a strand when it is judged: the series' summary and what counts of its notes."""

    summary: SeriesSummary
    notes: Notes
    moves: int      # that count

    @classmethod
    def of(cls, strand: _Strand) -> _Known:
        run = strand.begun
        (summary,) = run.summaries()
        notes, moves = noted(run, summary.equilibration_index)
        return cls(summary, notes, moves)


def sample_pooled(system: AdsorptionSystem, pressures: Sequence[float], fugacity: Callable[[float], float],
                  finish: Callable[[LoadingPoint, Walker], LoadingPoint], out_dir: Path | None, threads: int,
                  report: Report) -> list[LoadingPoint]:
    """All pressures (Pa, ascending). ``finish``: completes a point by what its walker, as it ended, tells.

    ``out_dir``: where runs and points are kept. The same call continues there, and so does one with other pressures,
    more moves or a smaller error: a pressure that is known well enough by these keeps its numbers. ``threads``: runs
    side by side, without influence on the numbers. Raises SimulationError if a running energy drifts or the cell
    overfills, RunInterrupted (after checkpoints) where the process was asked to stop.
    """
    strands = _strands(system, pressures, fugacity, out_dir)
    report(Event(kind="plan", values={pressure_name(pressure): 1.0 for pressure in pressures}))
    points = _kept_points(system, strands, out_dir, report)
    tell_of_earlier(list(points), pressures, out_dir, report)
    if len(points) < len(pressures):
        ends = _begin(system, strands, out_dir, threads, report)
        known = _sample(system, strands, ends, set(pressures) - set(points), out_dir, threads, report)
        for pressure in pressures:
            if pressure not in points:
                own = _of(pressure, strands)
                points[pressure] = point = finish(_point(system, pressure, strands, known), own[0].begun.walker)
                if out_dir:
                    write_sealed_json(_point_file(out_dir, pressure), asdict(point))
                report(finished(point, "done"))
    return [points[pressure] for pressure in pressures]


def _point_file(out_dir: Path, pressure_pa: float) -> Path:
    return out_dir / "points" / f"{point_name(pressure_pa)}.json"


def _kept_points(system: AdsorptionSystem, strands: Sequence[_Strand], out_dir: Path | None,
                 report: Report) -> dict[float, LoadingPoint]:
    """The points that earlier calls left and that these settings take as they are."""
    kept: dict[float, LoadingPoint] = {}
    target = system.settings.target_relative_error
    if out_dir is None:
        return kept

    def read(path: Path) -> LoadingPoint:
        return made_of(path, lambda: LoadingPoint(**read_sealed_json(path)))

    for pressure in dict.fromkeys(s.pressure_pa for s in strands):
        point = intact(_point_file(out_dir, pressure), read, report)
        if point is None:
            continue
        good = point.equilibrated and point.loading_error_mol_kg <= target * point.loading_mol_kg
        if good or point.n_moves >= len(_of(pressure, strands)) * most_moves(system.settings):
            kept[pressure] = point
            report(finished(point, "resumed"))
    return kept


def sample_alone(system: AdsorptionSystem, pressure_pa: float, fugacity_pa: float, seed: int,
                 start: Walker | None = None) -> tuple[LoadingPoint, Walker]:
    """One pressure from one start (None: an empty cell), and the walker it ended with; errors as above."""
    log_activity = float(log_activities((fugacity_pa,), system.temperature_k)[0])
    strand = _Strand(pressure_pa, EMPTY, log_activity, fugacity_pa, None)
    strand.run = new_run(system, seed, start, Ladder.around(log_activity))
    _open(system, strand)
    known = _sample(system, [strand], {}, {pressure_pa}, None, 1, silent)
    return replace(_point(system, pressure_pa, [strand], known), seed=seed), strand.begun.walker


def _sample(system: AdsorptionSystem, strands: Sequence[_Strand], ends: dict[str, int], wanted: set[float],
            out_dir: Path | None, threads: int, report: Report) -> dict[str, _Known]:
    """Rounds, the first of them up to ``ends``, until the pressures that are wanted are known well enough."""
    while True:
        _run_to(system, strands, ends, wanted, threads, report)
        known = {s.name: _Known.of(s) for s in strands}
        ends = _next_ends(system, strands, wanted, known)
        macrostates = _pool(system, known)
        for strand in (s for s in strands if s.pressure_pa in wanted):
            estimate = _loading(macrostates, strand, known)
            strand.fraction = 0.99 if strand.name not in ends else max(
                strand.fraction, _fraction_done(estimate, strand.begun.moves, system.settings))
            report(strand.progress(estimate.value))
        if not ends:
            break
        if out_dir:
            write_sealed_json(out_dir / "points" / ROUND, ends)
    for strand in strands:
        check_energy(system, strand.begun.walker)
    return known


def _strands(system: AdsorptionSystem, pressures: Sequence[float], fugacity: Callable[[float], float],
             out_dir: Path | None) -> list[_Strand]:
    branches = (EMPTY, FULL) if both_starts(system.settings, system.guest_models, system.temperature_k) else (EMPTY,)
    strands = []
    for branch in branches:
        for pressure in pressures if branch == EMPTY else reversed(pressures):
            f = fugacity(pressure)
            file = out_dir / "points" / f"{branch_name(pressure, branch)}.run.npz" if out_dir else None
            strands.append(_Strand(pressure, branch, float(log_activities((f,), system.temperature_k)[0]), f, file))
    return strands


def _of(pressure_pa: float, strands: Sequence[_Strand]) -> list[_Strand]:
    return [s for s in strands if s.pressure_pa == pressure_pa]


def _begin(system: AdsorptionSystem, strands: Sequence[_Strand], out_dir: Path | None, threads: int,
           report: Report) -> dict[str, int]:
    """Every strand as an earlier call left it, or after its opening; how far each goes in the round at hand."""
    ladder = Ladder.around([s.log_activity for s in strands])

    def begin(branch: str) -> None:
        walker: Walker | None = None
        for strand in (s for s in strands if s.branch == branch):
            run = intact(strand.file, load_run, report) if strand.file else None
            if run is None:
                seed = derive_seed(system.settings.seed, system.gases, strand.name)
                if walker is None and branch == FULL:
                    walker = full_walker(system, derive_seed(seed, "filling"))
                strand.run = run = new_run(system, seed, walker, ladder)
                _open(system, strand)
                strand.save()
            run.adapt_until = system.settings.max_moves // 2
            strand.run, walker = run, run.walker

    with stopping.polled(PATIENCE_S), ThreadPoolExecutor(threads) as pool:
        for job in [pool.submit(begin, branch) for branch in dict.fromkeys(s.branch for s in strands)]:
            job.result()
    place = out_dir / "points" / ROUND if out_dir else None
    if place is None or not place.exists():
        return {}
    try:
        return made_of(place, lambda: {str(name): int(end) for name, end in read_sealed_json(place).items()})
    except DamagedError as error:
        report(note(f"{error.fault}, so the round begins where the runs are."))
        return {}


def _open(system: AdsorptionSystem, strand: _Strand) -> None:
    """The first moves of a strand, until OPENING_MOVES of them count."""
    run, most = strand.begun, most_moves(system.settings)
    while run.moves - run.adapted_at < OPENING_MOVES and run.moves < most:
        advance(system, run, (strand.fugacity_pa,), min(NOTED_MOVES, most - run.moves))
        stopping.check()


def _run_to(system: AdsorptionSystem, strands: Sequence[_Strand], ends: dict[str, int], wanted: set[float],
            threads: int, report: Report) -> None:
    """Bring the strands to the end of a round."""
    def unfinished(strand: _Strand) -> bool:
        """What adaptation discards must be followed by something to be judged."""
        run = strand.begun
        return run.moves < ends.get(strand.name, 0) or run.moves == run.adapted_at

    def go(strand: _Strand) -> None:
        run, saved, told = strand.begun, time.monotonic(), strand.begun.moves
        end = ends.get(strand.name, 0)
        while unfinished(strand):
            block = min(BLOCK_MOVES, run.blocks[0].moves) if run.blocks else NOTED_MOVES
            advance(system, run, (strand.fugacity_pa,), min(block, end - run.moves) if run.moves < end else block)
            if run.moves - told >= BLOCK_MOVES:
                told = run.moves
                try:
                    if strand.pressure_pa in wanted:
                        report(strand.progress(float(run.counts[-1].mean())))
                    stopping.check()
                except BaseException:       # that is how a run is stopped: nothing sampled is lost
                    strand.save()
                    raise
            if time.monotonic() - saved > CHECKPOINT_S:
                strand.save()
                saved = time.monotonic()
        strand.save()

    ordered = sorted(filter(unfinished, strands), key=lambda s: -s.fugacity_pa)
    with stopping.polled(PATIENCE_S), ThreadPoolExecutor(threads) as pool:
        for job in [pool.submit(go, strand) for strand in ordered]:
            job.result()


def _pool(system: AdsorptionSystem, known: dict[str, _Known], names: Sequence[str] | None = None) -> Macrostates:
    return Macrostates([k.notes for name, k in known.items() if names is None or name in names], system.temperature_k)


def _loading(macrostates: Macrostates, strand: _Strand, known: dict[str, _Known]) -> Estimate:
    return macrostates.loading(strand.log_activity, round(known[strand.name].summary.mean))


def _halves_meet(system: AdsorptionSystem, pressure_pa: float, strands: Sequence[_Strand],
                 known: dict[str, _Known]) -> tuple[list[Estimate], bool]:
    """What the strands of each start find at a pressure, and whether they agree within two standard errors."""
    halves = []
    for strand in _of(pressure_pa, strands):
        alone = _pool(system, known, [s.name for s in strands if s.branch == strand.branch])
        halves.append(_loading(alone, strand, known))
    if len(halves) < 2:
        return halves, True
    return halves, abs(halves[1].value - halves[0].value) <= 2.0 * math.hypot(halves[0].error, halves[1].error)


def _next_ends(system: AdsorptionSystem, strands: Sequence[_Strand], wanted: set[float],
               known: dict[str, _Known]) -> dict[str, int]:
    """How far the strands go next; empty where the pressures that are wanted are known well enough."""
    macrostates, most, target = _pool(system, known), most_moves(system.settings), system.settings.target_relative_error
    judged = [s for s in strands if s.pressure_pa in wanted]
    estimates = {s.name: _loading(macrostates, s, known) for s in judged}
    counted = np.array([max(known[s.name].moves, OPENING_MOVES) for s in strands], dtype=float)
    growth = np.zeros(len(strands))
    if any(e.error > target * e.value for e in estimates.values()):
        growth = growth_for_errors(list(estimates.values()), counted, PLANNED * target)
    enough = sum(k.moves for k in known.values()) >= system.settings.min_moves
    for i, strand in enumerate(strands):
        if strand.pressure_pa in wanted:
            settled = known[strand.name].summary.equilibrated and estimates[strand.name].freedom >= LEAST_FREEDOM
            if not (enough and settled and _halves_meet(system, strand.pressure_pa, strands, known)[1]):
                growth[i] = max(growth[i], LEAST_GROWTH)
    ends = {}
    for strand, more in zip(strands, growth * counted, strict=True):
        moves = strand.begun.moves
        if more > 0.0 and moves < most:
            ends[strand.name] = min(most, moves + NOTED_MOVES * math.ceil(more / NOTED_MOVES))
    return ends


def _fraction_done(estimate: Estimate, moves: int, settings: GCMCSettings) -> float:
    """How far a pressure is: by its error, and by the moves it may take."""
    by_error = (settings.target_relative_error * estimate.value / estimate.error) ** 2 if estimate.error > 0.0 else 0.0
    return min(0.98, max(by_error, moves / settings.max_moves))


def _point(system: AdsorptionSystem, pressure_pa: float, strands: Sequence[_Strand],
           known: dict[str, _Known]) -> LoadingPoint:
    """A finished pressure.

    It is equilibrated where each of its runs has settled, its starts meet, and what was visited on average agrees
    with what the transitions say, within four standard errors. Where not, its error reaches as far as that is off, and
    as the series still moved. ``effective_samples``: as many independent samples of N would have this error.
    """
    own, macrostates = _of(pressure_pa, strands), _pool(system, known)
    estimate = _loading(macrostates, own[0], known)
    halves, meet = _halves_meet(system, pressure_pa, strands, known)
    around = round(known[own[0].name].summary.mean)
    doubts = [] if meet else [abs(h.value - estimate.value) for h in halves]
    for series in (known[s.name].summary for s in own):
        apart = abs(series.mean - estimate.value)
        if not series.equilibrated:
            doubts.append(series.standard_error)
        if apart > 4.0 * math.hypot(series.standard_error, estimate.error):
            doubts.append(apart)
    error = max(estimate.error, *doubts) if doubts else estimate.error
    per_molecule = molecules_to_mol_kg(1.0, system.mass_amu)
    moves = sum(s.begun.moves for s in own)
    both = {"from_empty_mol_kg": halves[0].value * per_molecule,
            "from_full_mol_kg": halves[1].value * per_molecule} if len(halves) == 2 else {}
    log_activity = own[0].log_activity
    return loading_point(
        system, pressure_pa, own[0].fugacity_pa, estimate.value, error,
        heat_of_adsorption_kj_mol=macrostates.heat_of_adsorption_kj_mol(log_activity, around),
        heat_of_adsorption_error_kj_mol=macrostates.heat_error_kj_mol(log_activity, around),
        n_moves=moves, n_equilibration_moves=moves - sum(known[s.name].moves for s in own),
        effective_samples=macrostates.number_variance(log_activity, around) / error**2 if error > 0.0 else math.nan,
        equilibrated=not doubts,
        seed=derive_seed(system.settings.seed, system.gases, own[0].name), **both)
