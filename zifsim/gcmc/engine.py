"""Engine of isotherms: state points of one gas made into an isotherm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import InputError
from zifsim.gcmc.accuracy import ExactSums
from zifsim.gcmc.branches import Measurement, mean_of_finite, merged, point_name, sample_branches
from zifsim.gcmc.bulk import equation_of_state, notes_of
from zifsim.gcmc.flat_isotherm import sample_flat_isotherm
from zifsim.gcmc.noroom import points_where_there_is_room
from zifsim.gcmc.points import loading_point
from zifsim.gcmc.pooled import sample_alone, sample_pooled
from zifsim.gcmc.sampling import SAMPLE_EVERY, Run, sample_point
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.statistics import heat_of_adsorption
from zifsim.gcmc.system import AdsorptionSystem, make_system
from zifsim.gcmc.walker import Walker
from zifsim.limits import require_finite
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.uptake import HenryResult, Isotherm, LoadingPoint
from zifsim.runs.digest import digest, sha256_bytes
from zifsim.runs.progress import Report, silent


def _point(system: AdsorptionSystem, run: Run, pressure_pa: float, fugacity_pa: float, seed: int) -> LoadingPoint:
    """Averages of a finished pressure."""
    counts, energies = run.series()
    (summary,) = run.summaries()
    start = run.adapted_at // SAMPLE_EVERY + summary.equilibration_index
    heat, heat_error = heat_of_adsorption(counts[start:, 0], energies[start:], system.temperature_k)
    return loading_point(
        system, pressure_pa, fugacity_pa, summary.mean, summary.standard_error, heat_of_adsorption_kj_mol=heat,
        heat_of_adsorption_error_kj_mol=heat_error, n_moves=run.moves, n_equilibration_moves=start * SAMPLE_EVERY,
        effective_samples=summary.effective_samples, equilibrated=summary.equilibrated, seed=seed)


def run_point(system: AdsorptionSystem, pressure_pa: float, fugacity_pa: float, seed: int, *,
              start: Walker | None = None) -> tuple[LoadingPoint, Walker]:
    """Loading of one gas at one pressure from one start, and the walker it ended with; see :mod:`pooled` and
    :func:`sampling.sample_point`."""
    if system.settings.isotherm == "pooled":
        return sample_alone(system, pressure_pa, fugacity_pa, seed, start)
    run = sample_point(system, (fugacity_pa,), seed, start=start)
    return _point(system, run, pressure_pa, fugacity_pa, seed), run.walker


def check_pressures(pressures_pa: Sequence[float]) -> list[float]:
    """Pressures ascending; raises InputError unless all are positive and different."""
    pressures = sorted(float(p) for p in pressures_pa)
    if not pressures:
        raise InputError("No pressure was given; name at least one, for example 1 bar.")
    if pressures[0] <= 0:
        raise InputError(f"Pressures must be positive; got {pressures[0] / 1e5:g} bar.")
    if len({point_name(p) for p in pressures}) != len(pressures):
        raise InputError("The same pressure was given twice (they are told apart by six digits).")
    return pressures


def merge_starts(empty: LoadingPoint, full: LoadingPoint) -> LoadingPoint:
    """One point from a run that began empty and one that began full.

    Where they meet within two standard errors the means are averaged with their weights. Where they do not, the
    value lies midway, its error reaches both, and the point is not equilibrated.
    """
    def mean(name: str) -> float:
        return mean_of_finite((getattr(empty, name), getattr(full, name)))

    molecules, molecules_error, meet = merged((empty.molecules_per_cell, full.molecules_per_cell),
                                              (empty.molecules_per_cell_error, full.molecules_per_cell_error))
    loading, loading_error, _ = merged((empty.loading_mol_kg, full.loading_mol_kg),
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


def loading_points(system: AdsorptionSystem, forcefield: AdsorptionForceField, pressures: Sequence[float], *,
                   flat_histogram: bool = False, out_dir: Path | None = None, threads: int = 1,
                   report: Report = silent) -> tuple[list[LoadingPoint], HenryResult | None]:
    """All pressures (Pa, ascending) of a prepared system of one gas, and its Henry coefficient.

    The arguments are those of :func:`run_isotherm`; so are the errors.
    """
    eos = equation_of_state(system.guest_models[0], system.temperature_k, system.settings.metastable)
    exact = ExactSums.of(system, forcefield)

    def fugacity(pressure_pa: float) -> float:
        return eos.fugacity_pa(system.temperature_k, pressure_pa)

    def with_accuracy(point: LoadingPoint, walker: Walker) -> LoadingPoint:
        accuracy = exact.accuracy(walker)
        return replace(point, grid_error_k=accuracy.grid_error_k, ewald_error_k=accuracy.ewald_error_k)

    def point(run: Run, pressure_pa: float, seed: int) -> LoadingPoint:
        return with_accuracy(_point(system, run, pressure_pa, fugacity(pressure_pa), seed), run.walker)

    def sample() -> list[LoadingPoint]:
        if flat_histogram:
            return sample_flat_isotherm(system, pressures, out_dir, threads, report)
        if system.settings.isotherm == "pooled":
            return sample_pooled(system, pressures, fugacity, with_accuracy, out_dir, threads, report)
        measurement = Measurement(LoadingPoint, lambda pressure: (fugacity(pressure),), point, merge_starts)
        return sample_branches(system, measurement, pressures, out_dir, threads, report)

    return points_where_there_is_room(system, pressures, sample, lambda pressure: LoadingPoint.empty(
        pressure, fugacity(pressure), system.settings.seed))


def run_isotherm(framework: Framework, guest: GuestModel, forcefield: AdsorptionForceField, temperature_k: float,
                 pressures_pa: Sequence[float], settings: GCMCSettings, *, charges: str = "",
                 blocked: NDArray[np.bool_] | None = None, flat_histogram: bool = False, out_dir: Path | None = None,
                 threads: int = 1, report: Report = silent) -> Isotherm:
    """Isotherm of one gas in a rigid framework whose charges are assigned.

    ``charges``: name of the charge set, for the record. ``blocked`` (bx, by, bz): nodes of a grid on the unit cell
    where no molecule's centre may be; all results, the Henry coefficient too, are those of the pores left open.
    ``flat_histogram``: all pressures from one probability of the number of molecules. ``out_dir``: where finished
    pressures and checkpoints are kept; the same call continues there (:func:`branches.sample_branches`). ``threads``:
    pressures are dealt out to that many threads. Raises InputError for input that cannot be simulated, SimulationError
    for a run that went wrong, RunInterrupted where the process was asked to stop.
    """
    pressures = check_pressures(pressures_pa)
    eos = equation_of_state(guest, temperature_k, settings.metastable)
    for pressure in pressures:
        eos.fugacity_pa(temperature_k, pressure)
    system = make_system(framework, guest, forcefield, temperature_k, settings, threads=threads, blocked=blocked)
    points, henry = loading_points(system, forcefield, pressures, flat_histogram=flat_histogram, out_dir=out_dir,
                                   threads=threads, report=report)
    for point in points:
        require_finite(f"{guest.gas} in {framework.name} at {point.pressure_pa:g} Pa", fugacity_pa=point.fugacity_pa,
                       loading_mol_kg=point.loading_mol_kg, molecules_per_cell=point.molecules_per_cell)
    more: dict[str, Any] = {"flat_histogram": flat_histogram, "equation_of_state": eos.name,
                            "notes": notes_of((guest,), temperature_k)}
    more |= {} if blocked is None else {"blocked": mask_values(blocked)}
    return Isotherm(
        gas=guest.gas, guest_model=guest.name, forcefield=forcefield.name,
        charges=charges if guest.has_charges else "none", framework=framework.name,
        framework_sha256=framework.content_hash(), temperature_k=temperature_k, supercell=system.repeats,
        points=tuple(points), henry=henry, settings=asdict(settings) | more,
        molar_mass_g_mol=guest.molar_mass_g_mol, unit_cell_mass_amu=framework.mass_amu,
        void_fraction=system.void_fraction, saturation_pressure_pa=eos.saturation_or_nan_pa(temperature_k),
        geometry_sha256=framework.geometry_hash(), forcefield_sha256=digest(forcefield), formula=framework.formula)


def mask_values(blocked: NDArray[np.bool_]) -> dict[str, Any]:
    """What a mask of blocked nodes is known by, JSON-ready."""
    return {"mask_sha256": sha256_bytes(np.packbits(blocked).tobytes()), "mask_nodes": list(blocked.shape)}
