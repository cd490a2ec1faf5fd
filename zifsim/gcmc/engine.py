"""The engine: state points made into an isotherm.

Pressures are taken one after another, each from the last configuration of the one before: upwards from an empty cell
and, for a gas far below its critical temperature, also downwards from a full one. There the two must meet; where
they do not, the point is not equilibrated, whatever each series says of itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import InputError
from zifsim.gcmc.accuracy import ExactSums
from zifsim.gcmc.eos import PengRobinson
from zifsim.gcmc.noroom import empty_point, has_room, without_room
from zifsim.gcmc.sampling import (
    BLOCK_MOVES,
    SAMPLE_EVERY,
    Progress,
    Run,
    advance,
    load_run,
    new_run,
    sample_point,
    save_run,
)
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.statistics import heat_of_adsorption
from zifsim.gcmc.system import AdsorptionSystem, make_system
from zifsim.gcmc.walker import Walker
from zifsim.gcmc.widom import widom_in
from zifsim.io.files import read_json, write_json_atomic
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.uptake import HenryResult, Isotherm, LoadingPoint
from zifsim.rng import derive_seed
from zifsim.units import ANGSTROM_M, AVOGADRO, molecules_to_mol_kg

FloatArray = NDArray[np.float64]
# Of the critical temperature; chosen here: pores filled with N2 or O2 at 77 K (0.6, 0.5) settle too slowly to be
# trusted from one side, CO2 at 273 K (0.9) is not such a case.
CONDENSABLE = 0.7
FILLING_FUGACITY_PA = 1e13  # no pressure at all, but fills a cell beyond what any pressure would ...
FILLING_MOVES = 100_000     # ... within so many moves
FULL = "full"

Sampler = Callable[[AdsorptionSystem, AdsorptionForceField, list[float], Path | None, int, Progress | None],
                   list[LoadingPoint]]


def _point(system: AdsorptionSystem, run: Run, pressure_pa: float, fugacity_pa: float, seed: int) -> LoadingPoint:
    """Averages of a finished pressure."""
    temperature, model = system.temperature_k, system.models[0]
    counts, energies = run.series()
    (summary,) = run.summaries()
    start = run.adapted_at // SAMPLE_EVERY + summary.equilibration_index
    heat, heat_error = heat_of_adsorption(counts[start:, 0], energies[start:], temperature)
    per_molecule = molecules_to_mol_kg(1.0, system.mass_amu)
    gas_density = PengRobinson(model).molar_density_mol_m3(temperature, pressure_pa)
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
    """Loading of one gas at one pressure, and the walker it ended with; see :func:`sampling.sample_point`."""
    run = sample_point(system, (fugacity_pa,), seed, start=start, checkpoint=checkpoint, progress=progress)
    return _point(system, run, pressure_pa, fugacity_pa, seed), run.walker


def full_walker(system: AdsorptionSystem, seed: int) -> Walker:
    """A cell filled to the brim: what :data:`FILLING_MOVES` moves at :data:`FILLING_FUGACITY_PA` leave."""
    run = new_run(system, seed)
    while run.moves < FILLING_MOVES:
        advance(system, run, (FILLING_FUGACITY_PA,), BLOCK_MOVES)
    return run.walker


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


def _run_branch(system: AdsorptionSystem, exact: ExactSums, pressures: list[float], branch: str,
                out_dir: Path | None, progress: Progress | None) -> list[LoadingPoint]:
    """Pressures one after another, each starting where the last one ended; finished ones are read back.

    ``branch``: "" begins with an empty cell, :data:`FULL` with a full one.
    """
    eos = PengRobinson(system.models[0])
    points: list[LoadingPoint] = []
    walker: Walker | None = None
    for pressure in pressures:
        name = f"{branch}-{_point_name(pressure)}" if branch else _point_name(pressure)
        done = out_dir / "points" / f"{name}.json" if out_dir else None
        final = out_dir / "points" / f"{name}.final.npz" if out_dir else None
        if done and final and done.exists() and final.exists():
            points.append(LoadingPoint(**read_json(done)))
            walker = load_run(final, system).walker
            _named(progress, pressure, branch)({"moves": points[-1].n_moves, "fraction": 1.0, "resumed": True,
                                                "molecules": points[-1].molecules_per_cell})
            continue
        seed = derive_seed(system.settings.seed, system.gases, name)
        if walker is None and branch == FULL:
            walker = full_walker(system, derive_seed(seed, "filling"))
        point, walker = run_point(
            system, pressure, eos.fugacity_pa(system.temperature_k, pressure), seed, start=walker,
            checkpoint=out_dir / "points" / f"{name}.checkpoint.npz" if out_dir else None,
            progress=_named(progress, pressure, branch))
        accuracy = exact.accuracy(walker)
        point = replace(point, grid_error_k=accuracy.grid_error_k, ewald_error_k=accuracy.ewald_error_k)
        points.append(point)
        if done and final:
            save_run(final, Run(walker, np.zeros((1, 2), dtype=np.uint64), np.zeros(2), [np.zeros((0, 1))],
                                [np.zeros(0)], 1))
            write_json_atomic(done, asdict(point))
            final.with_name(f"{name}.checkpoint.npz").unlink(missing_ok=True)
        _named(progress, pressure, branch)({"moves": point.n_moves, "molecules": point.molecules_per_cell,
                                            "fraction": 1.0})
    return points


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
        mean = sum(self._fractions.get((pressure, b), 0.0) for b in ("", FULL)) / 2.0
        self._progress(event | {"fraction": mean})


def merge_starts(empty: LoadingPoint, full: LoadingPoint) -> LoadingPoint:
    """One point from a run that began empty and one that began full.

    Where they meet within two standard errors the means are averaged with their weights. Where they do not, the
    value lies midway, its error reaches both, and the point is not equilibrated.
    """
    def mean(name: str) -> float:
        values = np.array([getattr(empty, name), getattr(full, name)])
        return float(values[np.isfinite(values)].mean()) if np.isfinite(values).any() else math.nan

    molecules, molecules_error, meet = _merged((empty.molecules_per_cell, full.molecules_per_cell),
                                               (empty.molecules_per_cell_error, full.molecules_per_cell_error))
    loading, loading_error, _ = _merged((empty.loading_mol_kg, full.loading_mol_kg),
                                        (empty.loading_error_mol_kg, full.loading_error_mol_kg))
    return replace(
        empty, loading_mol_kg=loading, loading_error_mol_kg=loading_error,
        excess_mol_kg=loading - (empty.loading_mol_kg - empty.excess_mol_kg),
        molecules_per_cell=molecules, molecules_per_cell_error=molecules_error,
        heat_of_adsorption_kj_mol=mean("heat_of_adsorption_kj_mol"),
        heat_of_adsorption_error_kj_mol=mean("heat_of_adsorption_error_kj_mol"),
        n_moves=empty.n_moves + full.n_moves,
        n_equilibration_moves=empty.n_equilibration_moves + full.n_equilibration_moves,
        effective_samples=empty.effective_samples + full.effective_samples,
        equilibrated=bool(meet and empty.equilibrated and full.equilibrated),
        grid_error_k=mean("grid_error_k"), ewald_error_k=mean("ewald_error_k"),
        from_empty_mol_kg=empty.loading_mol_kg, from_full_mol_kg=full.loading_mol_kg)


def _merged(pair: tuple[float, float], pair_errors: tuple[float, float]) -> tuple[float, float, bool]:
    """Value and error of two means, and whether they meet; see :func:`merge_starts`."""
    means, errors = np.array(pair), np.array(pair_errors)
    apart = abs(float(means[1] - means[0]))
    meet = apart <= 2.0 * float(np.hypot(*errors))
    if meet and np.all(errors > 0.0):
        weights = errors**-2.0
        return float(weights @ means / weights.sum()), float(weights.sum() ** -0.5), True
    return float(means.mean()), max(apart / 2.0, float(errors.max())), meet


def both_starts(settings: GCMCSettings, guest: GuestModel, temperature_k: float) -> bool:
    """Whether pressures are sampled from a full cell too."""
    if settings.starts != "auto":
        return settings.starts == "both"
    return temperature_k < CONDENSABLE * guest.critical_temperature_k


def finished_points(out_dir: Path, both: bool) -> list[LoadingPoint]:
    """The pressures that a stopped run left finished in ``out_dir``; ``both``: from both starts."""
    points = []
    for path in sorted((out_dir / "points").glob("[0-9]*Pa.json")):
        point, full = LoadingPoint(**read_json(path)), path.with_name(f"{FULL}-{path.name}")
        if not both:
            points.append(point)
        elif full.exists():
            points.append(merge_starts(point, LoadingPoint(**read_json(full))))
    return points


def sample_isotherm(system: AdsorptionSystem, forcefield: AdsorptionForceField, pressures: list[float],
                    out_dir: Path | None, threads: int, progress: Progress | None) -> list[LoadingPoint]:
    """All pressures (Pa, ascending) of a prepared system, dealt out to ``threads`` threads like cards.

    Neighbours are close enough to start from, and each thread gets cheap low pressures and dear high ones.
    """
    both = both_starts(system.settings, system.models[0], system.temperature_k)
    exact = ExactSums.of(system, forcefield)
    threads = min(threads, len(pressures) * (2 if both else 1))
    hands = [pressures[n::threads] for n in range(min(threads, len(pressures)))]
    tell = _BothBranches(progress) if both and progress else progress
    with ThreadPoolExecutor(threads) as pool:
        up = [pool.submit(_run_branch, system, exact, hand, "", out_dir, tell) for hand in hands]
        down = [pool.submit(_run_branch, system, exact, hand[::-1], FULL, out_dir, tell)
                for hand in hands if both]
        points = sorted((p for job in up for p in job.result()), key=lambda p: p.pressure_pa)
        full = sorted((p for job in down for p in job.result()), key=lambda p: p.pressure_pa)
    if both:
        points = [merge_starts(a, b) for a, b in zip(points, full, strict=True)]
    for point in points:
        if progress:
            progress({"pressure_pa": point.pressure_pa, "moves": point.n_moves, "fraction": 1.0,
                      "molecules": point.molecules_per_cell, "point": point})
    return points


def run_isotherm(framework: Framework, guest: GuestModel, forcefield: AdsorptionForceField, temperature_k: float,
                 pressures_pa: Sequence[float], settings: GCMCSettings, *, charges: str = "",
                 out_dir: Path | None = None, threads: int = 1, progress: Progress | None = None,
                 sampler: Sampler = sample_isotherm) -> Isotherm:
    """Isotherm of one gas in a rigid framework whose charges are assigned.

    ``charges``: name of the charge set, for the record. ``out_dir``: where finished pressures and checkpoints are
    kept; the same call continues there. ``threads``: pressures are dealt out to that many threads. ``sampler``: what
    makes the points of a prepared system (flat_isotherm.sample_flat_isotherm is another). Raises
    InputError for input that cannot be simulated, SimulationError for a run that went wrong.
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
        points = sampler(system, forcefield, pressures, out_dir, threads, progress)
    return Isotherm(
        gas=guest.gas, guest_model=guest.name, forcefield=forcefield.name,
        charges=charges if guest.has_charges else "none", framework=framework.name,
        framework_sha256=framework.content_hash(), temperature_k=temperature_k, supercell=system.repeats,
        points=tuple(points), henry=henry, settings=asdict(settings), molar_mass_g_mol=guest.molar_mass_g_mol,
        unit_cell_mass_amu=framework.mass_amu, void_fraction=system.void_fraction,
        saturation_pressure_pa=eos.saturation_or_nan_pa(temperature_k))
