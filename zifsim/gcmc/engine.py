"""The engine: runs the moves in blocks until a pressure is converged, and pressures into an isotherm.

A pressure starts from the final configuration of the one before it. A checkpoint holds the walker, the series and
the generator's state, so a killed run continues to the same numbers.
"""

from __future__ import annotations

import io
import json
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import InputError, SimulationError
from zifsim.gcmc.accuracy import measured_accuracy
from zifsim.gcmc.energy import recompute
from zifsim.gcmc.eos import PengRobinson
from zifsim.gcmc.moves import INSERTION, ROTATION, TRANSLATION, run_moves
from zifsim.gcmc.noroom import empty_point, has_room, without_room
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.statistics import SeriesSummary, heat_of_adsorption, summarise
from zifsim.gcmc.system import AdsorptionSystem, make_system
from zifsim.gcmc.walker import Walker
from zifsim.gcmc.widom import widom_in
from zifsim.io.files import read_json, write_bytes_atomic, write_json_atomic
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.uptake import HenryResult, Isotherm, LoadingPoint
from zifsim.rng import derive_seed, generator, generator_state, restore_generator
from zifsim.units import ANGSTROM_M, AVOGADRO, BOLTZMANN_J_K, molecules_to_mol_kg

FloatArray = NDArray[np.float64]
SAMPLE_EVERY = 20           # moves between samples
BLOCK_MOVES = 5_000         # moves between progress reports
CHECKPOINT_S = 20.0
GROWTH = 1.3                # a pressure is judged whenever its length has grown by this factor
CROWDED = 0.02              # insertion acceptance below which the number of trials is doubled
MAX_TRIALS = 32
TARGET_ACCEPTANCE = 0.4     # of translations and rotations ...
ACCEPTANCE_BAND = 0.15, 0.7  # ... whose steps are changed outside this band
DRIFT_TOLERANCE = 1e-9
MOVE_SHARES = (0.25, 0.25, 0.2, 0.2, 0.1)   # insertion, deletion, regrowth, translation, rotation
SAVED = ("number", "centres", "quaternions", "sites", "host_energies", "real", "imaginary", "energy", "accepted",
         "attempted")

Progress = Callable[[dict[str, Any]], None]


@dataclass
class _Run:
    """A pressure in progress: what a checkpoint holds."""

    walker: Walker
    rng: np.random.Generator
    steps: FloatArray
    counts: list[FloatArray]
    energies: list[FloatArray]
    n_trials: int
    moves: int = 0
    judged_at: int = 0
    adapted_at: int = 0     # moves at the last change of step sizes or trials: all before is discarded

    def series(self) -> tuple[FloatArray, FloatArray]:
        return np.concatenate(self.counts), np.concatenate(self.energies)


def _copy(walker: Walker) -> Walker:
    return walker._replace(**{name: getattr(walker, name).copy() for name in SAVED})


def _mix(rotates: bool) -> FloatArray:
    """Cumulative move probabilities; molecules without orientation put the rotation share into translation."""
    shares = np.array(MOVE_SHARES)
    if not rotates:
        shares[TRANSLATION] += shares[ROTATION]
        shares[ROTATION] = 0.0
    return np.cumsum(shares) + np.array([0, 0, 0, 0, 1e-9])


def _log_activity(fugacity_pa: float, temperature_k: float) -> float:
    """ln(βf) with βf in molecules per Å³."""
    return math.log(fugacity_pa * ANGSTROM_M**3 / (BOLTZMANN_J_K * temperature_k))


def _advance(system: AdsorptionSystem, run: _Run, log_activity: float, n_moves: int) -> None:
    """One block of moves, then adaptation."""
    samples = n_moves // SAMPLE_EVERY
    counts, energies = np.zeros(samples), np.zeros(samples)
    accepted, attempted = run.walker.accepted.copy(), run.walker.attempted.copy()
    roomy = run_moves(run.rng, system.host, system.guests, system.ewald, system.bias, run.walker,
                      system.new_scratch(run.n_trials), 1.0 / system.temperature_k, log_activity, system.volume,
                      _mix(system.guests.rotates), run.steps, n_moves, SAMPLE_EVERY, counts, energies)
    if not roomy:
        raise SimulationError(f"{system.guest.gas} in {system.framework.name}: the cell filled up with "
                              f"{int(run.walker.number[0])} molecules; check the force field and the pressure.")
    run.counts.append(counts)
    run.energies.append(energies)
    run.moves += n_moves
    _adapt(run, run.walker.accepted - accepted, run.walker.attempted - attempted, system.settings)


def _adapt(run: _Run, accepted: NDArray[np.int64], attempted: NDArray[np.int64], settings: GCMCSettings) -> None:
    """Tune the step sizes while their acceptance is far off, and double the trials in a crowded cell.

    Only during the first half of the longest run, and everything before the last change is discarded from the
    averages, so that they come from one Markov chain.
    """
    if run.moves > settings.max_moves // 2 or run.moves == settings.max_moves:
        return
    for kind, step, limit in ((TRANSLATION, 0, 4.0), (ROTATION, 1, math.pi)):
        rate = accepted[kind] / max(attempted[kind], 1)
        off = attempted[kind] > 50 and not ACCEPTANCE_BAND[0] < rate < ACCEPTANCE_BAND[1]
        size = min(limit, max(0.02, run.steps[step] * min(2.0, max(0.5, rate / TARGET_ACCEPTANCE))))
        if off and size != run.steps[step]:
            run.steps[step] = size
            run.adapted_at = run.moves
    tried = attempted[INSERTION]
    if run.n_trials < MAX_TRIALS and tried > 500 and accepted[INSERTION] < CROWDED * tried:
        run.n_trials *= 2
        run.adapted_at = run.moves


def _summary(run: _Run) -> SeriesSummary:
    """Statistics of the loading since the last adaptation."""
    counts, _ = run.series()
    return summarise(counts[run.adapted_at // SAMPLE_EVERY:])


def _converged(summary: SeriesSummary, settings: GCMCSettings) -> bool:
    if not summary.equilibrated or summary.effective_samples < settings.min_effective_samples:
        return False
    return summary.standard_error <= settings.target_relative_error * summary.mean


def _check_energy(system: AdsorptionSystem, walker: Walker) -> float:
    """Relative drift of the running energy from the recomputed one; raises SimulationError above 1e-9."""
    running = float(walker.energy.sum())
    terms = recompute(walker, system.host, system.guests, system.ewald, system.volume)
    scale = max(1.0, sum(abs(float(e)) for e in walker.energy))
    drift = abs(running - terms.total_k) / scale
    if drift > DRIFT_TOLERANCE:
        raise SimulationError(f"{system.guest.gas} in {system.framework.name}: the running energy {running:.9g} K "
                              f"differs from the recomputed {terms.total_k:.9g} K (relative {drift:.1e}).")
    return drift


def _point(system: AdsorptionSystem, run: _Run, pressure_pa: float, fugacity_pa: float, seed: int) -> LoadingPoint:
    """Averages of a finished pressure."""
    temperature = system.temperature_k
    counts, energies = run.series()
    summary = _summary(run)
    start = run.adapted_at // SAMPLE_EVERY + summary.equilibration_index
    heat, heat_error = heat_of_adsorption(counts[start:], energies[start:], temperature)
    per_molecule = molecules_to_mol_kg(1.0, system.mass_amu)
    gas_density = PengRobinson(system.guest).molar_density_mol_m3(temperature, pressure_pa)
    gas_in_cell = gas_density * AVOGADRO * ANGSTROM_M**3 * system.volume
    return LoadingPoint(
        pressure_pa=pressure_pa, fugacity_pa=fugacity_pa,
        loading_mol_kg=summary.mean * per_molecule, loading_error_mol_kg=summary.standard_error * per_molecule,
        excess_mol_kg=(summary.mean - gas_in_cell * system.void_fraction) * per_molecule,
        molecules_per_cell=summary.mean, molecules_per_cell_error=summary.standard_error,
        heat_of_adsorption_kj_mol=heat, heat_of_adsorption_error_kj_mol=heat_error,
        n_moves=run.moves, n_equilibration_moves=start * SAMPLE_EVERY,
        effective_samples=summary.effective_samples, equilibrated=summary.equilibrated, seed=seed)


def run_point(system: AdsorptionSystem, pressure_pa: float, fugacity_pa: float, seed: int, *,
              start: Walker | None = None, checkpoint: Path | None = None,
              progress: Progress | None = None) -> tuple[LoadingPoint, Walker]:
    """Sample one pressure until it is converged or ``max_moves`` is reached.

    ``start``: walker to begin from (None: empty cell). ``checkpoint``: file that is written every 20 s and
    continued from if present. Raises SimulationError if the running energy drifts or the cell overfills.
    """
    settings = system.settings
    run = _load(checkpoint, system) if checkpoint and checkpoint.exists() else None
    if run is None:
        walker = system.new_walker() if start is None else _copy(start)
        run = _Run(walker, generator(seed), np.array([1.0, 0.5]), [], [], settings.n_trials)
    log_activity = _log_activity(fugacity_pa, system.temperature_k)
    saved = time.monotonic()
    summary: SeriesSummary | None = None
    while run.moves < settings.max_moves:
        _advance(system, run, log_activity, min(BLOCK_MOVES, settings.max_moves - run.moves))
        if run.moves - run.adapted_at >= settings.min_moves and run.moves >= GROWTH * run.judged_at:
            run.judged_at = run.moves
            summary = _summary(run)
            if _converged(summary, settings):
                break
        if progress:
            progress({"pressure_pa": pressure_pa, "moves": run.moves, "molecules": float(run.counts[-1].mean()),
                      "fraction": _fraction_done(run, summary, settings)})
        if checkpoint and time.monotonic() - saved > CHECKPOINT_S:
            _save(checkpoint, run)
            saved = time.monotonic()
    _check_energy(system, run.walker)
    return _point(system, run, pressure_pa, fugacity_pa, seed), run.walker


def _fraction_done(run: _Run, summary: SeriesSummary | None, settings: GCMCSettings) -> float:
    """Best guess of how far a pressure is: from the error so far, never beyond the move limit."""
    if summary is None or summary.mean <= 0 or not math.isfinite(summary.standard_error):
        return min(0.99, run.moves / max(settings.min_moves * 2, 1))
    relative = summary.standard_error / summary.mean
    needed = run.judged_at * max(1.0, (relative / settings.target_relative_error) ** 2)
    return min(0.99, run.moves / min(needed, settings.max_moves))


def _save(path: Path, run: _Run) -> None:
    counts, energies = run.series()
    n = int(run.walker.number[0])
    arrays = {name: getattr(run.walker, name) for name in SAVED}
    for name in ("centres", "quaternions", "sites", "host_energies"):
        arrays[name] = arrays[name][:n]
    stream = io.BytesIO()
    np.savez(stream, steps=run.steps, series_counts=counts, series_energies=energies,
             state=json.dumps({"moves": run.moves, "judged_at": run.judged_at, "adapted_at": run.adapted_at,
                               "n_trials": run.n_trials, "rng": generator_state(run.rng)}), **arrays)
    write_bytes_atomic(path, stream.getvalue())


def _load(path: Path, system: AdsorptionSystem) -> _Run:
    with np.load(path) as data:
        state = json.loads(str(data["state"]))
        walker = system.new_walker()
        n = int(data["number"][0])
        for name in SAVED:
            target = getattr(walker, name)
            if len(data[name]) == len(target):
                target[...] = data[name]
            else:
                target[:n] = data[name]
        return _Run(walker, restore_generator(state["rng"]), data["steps"], [data["series_counts"]],
                    [data["series_energies"]], state["n_trials"], state["moves"], state["judged_at"],
                    state["adapted_at"])


def _point_name(pressure_pa: float) -> str:
    """What a pressure's files and random stream are called."""
    return f"{pressure_pa:.6g}Pa"


def _check_pressures(pressures_pa: Sequence[float]) -> list[float]:
    """Pressures ascending; raises InputError unless all are positive and different."""
    pressures = sorted(float(p) for p in pressures_pa)
    if not pressures:
        raise InputError("No pressure was given; name at least one, for example 1 bar.")
    if pressures[0] <= 0:
        raise InputError(f"Pressures must be positive; got {pressures[0] / 1e5:g} bar.")
    if len({_point_name(p) for p in pressures}) != len(pressures):
        raise InputError("The same pressure was given twice (they are told apart by six digits).")
    return pressures


def _run_chunk(system: AdsorptionSystem, forcefield: AdsorptionForceField, pressures: list[float],
               out_dir: Path | None, progress: Progress | None) -> list[LoadingPoint]:
    """Pressures one after another, each starting where the last one ended; finished ones are read back."""
    eos = PengRobinson(system.guest)
    points: list[LoadingPoint] = []
    walker: Walker | None = None
    for pressure in pressures:
        name = _point_name(pressure)
        done = out_dir / "points" / f"{name}.json" if out_dir else None
        final = out_dir / "points" / f"{name}.final.npz" if out_dir else None
        if done and final and done.exists() and final.exists():
            points.append(LoadingPoint(**read_json(done)))
            walker = _load(final, system).walker
            continue
        seed = derive_seed(system.settings.seed, system.guest.gas, name)
        point, walker = run_point(
            system, pressure, eos.fugacity_pa(system.temperature_k, pressure), seed, start=walker,
            checkpoint=out_dir / "points" / f"{name}.checkpoint.npz" if out_dir else None, progress=progress)
        accuracy = measured_accuracy(system, forcefield, walker)
        point = replace(point, grid_error_k=accuracy.grid_error_k, ewald_error_k=accuracy.ewald_error_k)
        points.append(point)
        if done and final:
            last = _Run(walker, generator(seed), np.zeros(2), [np.zeros(0)], [np.zeros(0)], 1)
            _save(final, last)
            write_json_atomic(done, asdict(point))
            final.with_name(f"{name}.checkpoint.npz").unlink(missing_ok=True)
        if progress:
            progress({"pressure_pa": pressure, "moves": point.n_moves, "molecules": point.molecules_per_cell,
                      "fraction": 1.0, "point": point})
    return points


def run_isotherm(framework: Framework, guest: GuestModel, forcefield: AdsorptionForceField, temperature_k: float,
                 pressures_pa: Sequence[float], settings: GCMCSettings, *, charges: str = "",
                 out_dir: Path | None = None, threads: int = 1, progress: Progress | None = None) -> Isotherm:
    """Isotherm of one gas in a rigid framework whose charges are assigned.

    ``charges``: name of the charge set, for the record. ``out_dir``: where finished pressures and checkpoints are
    kept; the same call continues there. ``threads``: pressures are dealt out in that many contiguous runs.
    Raises InputError for input that cannot be simulated, SimulationError for a run that went wrong.
    """
    pressures = _check_pressures(pressures_pa)
    eos = PengRobinson(guest)
    for pressure in pressures:
        eos.fugacity_pa(temperature_k, pressure)
    system = make_system(framework, guest, forcefield, temperature_k, settings, threads=threads)
    henry: HenryResult | None = widom_in(system) if settings.widom_insertions > 0 else None
    if henry is not None and not has_room(framework, henry):
        henry = without_room(henry)
        points = [empty_point(p, eos.fugacity_pa(temperature_k, p), settings.seed) for p in pressures]
    else:
        chunks = [list(c) for c in np.array_split(pressures, min(threads, len(pressures)))]
        with ThreadPoolExecutor(len(chunks)) as pool:
            jobs = [pool.submit(_run_chunk, system, forcefield, [float(p) for p in c], out_dir, progress)
                    for c in chunks]
            points = [point for job in jobs for point in job.result()]
    return Isotherm(
        gas=guest.gas, guest_model=guest.name, forcefield=forcefield.name,
        charges=charges if guest.has_charges else "none", framework=framework.name,
        framework_sha256=framework.content_hash(), temperature_k=temperature_k, supercell=system.repeats,
        points=tuple(points), henry=henry, settings=asdict(settings), molar_mass_g_mol=guest.molar_mass_g_mol,
        unit_cell_mass_amu=framework.mass_amu, void_fraction=system.void_fraction,
        saturation_pressure_pa=eos.saturation_or_nan_pa(temperature_k))
