"""Mixtures of gases: grand canonical sampling of a mixture, with identity swaps between its gases."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import InputError
from zifsim.gcmc.accuracy import ExactSums
from zifsim.gcmc.branches import Measurement, mean_of_finite, merged, sample_branches
from zifsim.gcmc.bulk import notes_of
from zifsim.gcmc.dewpoint import condensation_notes
from zifsim.gcmc.engine import check_pressures
from zifsim.gcmc.eos import MIXTURES_BY, mixture_fugacities_pa
from zifsim.gcmc.noroom import points_where_there_is_room
from zifsim.gcmc.sampling import SAMPLE_EVERY, Run
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.statistics import summarise
from zifsim.gcmc.system import AdsorptionSystem, make_system
from zifsim.limits import require_finite
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.mixture import MixtureIsotherm
from zifsim.model.uptake import FRACTION_TOLERANCE, MixturePoint
from zifsim.runs.progress import Report, silent
from zifsim.units import molecules_to_mol_kg


def check_composition(models: Sequence[GuestModel], composition: Mapping[str, float]) -> tuple[float, ...]:
    """Mole fractions in the models' order.

    Raises
    ------
    InputError: fewer than two gases, a gas without fraction or without model, fractions not positive or not of sum 1.
    """
    gases = [m.gas for m in models]
    if len(gases) < 2:
        raise InputError("A mixture needs at least two gases; zifsim gcmc samples one.")
    if set(gases) != set(composition):
        raise InputError(f"The composition names {', '.join(composition)} but the gases are {', '.join(gases)}.")
    for gas, fraction in composition.items():
        if not fraction > 0.0:
            raise InputError(f"The mole fraction of {gas} is {fraction:g} and must be positive.")
    total = math.fsum(composition.values())
    if abs(total - 1.0) > FRACTION_TOLERANCE:
        raise InputError(f"The mole fractions sum to {total:g} and must sum to 1.")
    return tuple(composition[gas] for gas in gases)


def run_mixture(framework: Framework, models: Sequence[GuestModel], composition: Mapping[str, float],
                forcefield: AdsorptionForceField, temperature_k: float, pressures_pa: Sequence[float],
                settings: GCMCSettings, *, charges: str = "", out_dir: Path | None = None, threads: int = 1,
                report: Report = silent) -> MixtureIsotherm:
    """Loadings of a gas mixture in a rigid framework whose charges are assigned, at total pressures (Pa).

    ``composition``: gas -> mole fraction in the gas phase; fugacities by Peng–Robinson. Every gas must meet the target
    error. The rest is as for :func:`engine.run_isotherm`.
    """
    fractions = check_composition(models, composition)
    pressures = check_pressures(pressures_pa)
    fugacities = {p: mixture_fugacities_pa(models, fractions, temperature_k, p, settings.metastable) for p in pressures}
    system = make_system(framework, models, forcefield, temperature_k, settings, threads=threads)
    exact = ExactSums.of(system, forcefield)

    def point(run: Run, pressure_pa: float, seed: int) -> MixturePoint:
        return _point(system, exact, run, pressure_pa, composition)

    measurement = Measurement(MixturePoint, fugacities.__getitem__, point, merge_starts)
    points, _ = points_where_there_is_room(
        system, pressures, lambda: sample_branches(system, measurement, pressures, out_dir, threads, report),
        lambda pressure: MixturePoint.empty(framework.name, temperature_k, pressure, composition))
    more = {"equation_of_state": MIXTURES_BY, "notes": [
        *notes_of(models, temperature_k),
        *condensation_notes(models, fractions, temperature_k, pressures, settings.metastable)]}
    return MixtureIsotherm(
        composition=dict(composition), guest_models={m.gas: m.name for m in models},
        molar_masses_g_mol={m.gas: m.molar_mass_g_mol for m in models}, forcefield=forcefield.name,
        charges=charges if any(m.has_charges for m in models) else "none", framework=framework.name,
        framework_sha256=framework.content_hash(), temperature_k=temperature_k, supercell=system.repeats,
        unit_cell_mass_amu=framework.mass_amu, points=tuple(points), settings=asdict(settings) | more,
        fugacities_pa=tuple(dict(zip((m.gas for m in models), fugacities[p], strict=True)) for p in pressures))


def _point(system: AdsorptionSystem, exact: ExactSums, run: Run, pressure_pa: float,
           composition: Mapping[str, float]) -> MixturePoint:
    """Averages of a finished pressure."""
    per_molecule = molecules_to_mol_kg(1.0, system.mass_amu)
    summaries = {m.gas: s for m, s in zip(system.guest_models, run.summaries(), strict=True)}
    accuracy = exact.accuracy(run.walker)
    require_finite(f"{system.gases} in {system.framework.name} at {pressure_pa:g} Pa",
                   **{f"molecules of {gas}": s.mean for gas, s in summaries.items()})
    return MixturePoint(
        framework=system.framework.name, temperature_k=system.temperature_k, pressure_pa=pressure_pa,
        composition=dict(composition), source="gcmc",
        loadings_mol_kg={gas: s.mean * per_molecule for gas, s in summaries.items()},
        loading_errors_mol_kg={gas: s.standard_error * per_molecule for gas, s in summaries.items()},
        equilibrated=all(s.equilibrated for s in summaries.values()), n_moves=run.moves,
        molecules_per_cell=sum(s.mean for s in summaries.values()),
        ratio_errors=_ratio_errors(run.series()[0][run.adapted_at // SAMPLE_EVERY:], tuple(summaries)),
        grid_error_k=accuracy.grid_error_k, ewald_error_k=accuracy.ewald_error_k)


def _ratio_errors(counts: NDArray[np.float64], gases: Sequence[str]) -> dict[str, float]:
    """Relative standard errors of the ratios of mean loadings, from (n, C) molecules.

    To first order the ratio of two means errs as the mean of a/⟨a⟩ − b/⟨b⟩, a series like any other. Gases compete, so
    their loadings are not independent.
    """
    relative = {gas: column / column.mean() for gas, column in zip(gases, counts.T, strict=True) if column.any()}
    return {f"{a}/{b}": summarise(relative[a] - relative[b]).standard_error for a, b in combinations(relative, 2)}


def merge_starts(empty: MixturePoint, full: MixturePoint) -> MixturePoint:
    """One point from a run that began empty and one that began full; they must meet in every gas."""
    found = {gas: merged((empty.loadings_mol_kg[gas], full.loadings_mol_kg[gas]),
                         (empty.loading_errors_mol_kg[gas], full.loading_errors_mol_kg[gas]))
             for gas in empty.composition}
    meet = all(together for _, _, together in found.values())
    # ratios known from both starts; where the starts do not meet, the loadings' own errors must do
    pairs = set(empty.ratio_errors) & set(full.ratio_errors) if meet else set()
    return replace(
        empty, loadings_mol_kg={gas: value for gas, (value, _, _) in found.items()},
        loading_errors_mol_kg={gas: error for gas, (_, error, _) in found.items()},
        equilibrated=meet and empty.equilibrated and full.equilibrated, n_moves=empty.n_moves + full.n_moves,
        molecules_per_cell=mean_of_finite((empty.molecules_per_cell, full.molecules_per_cell)),
        ratio_errors={pair: merged((0.0, 0.0), (empty.ratio_errors[pair], full.ratio_errors[pair]))[1]
                      for pair in sorted(pairs)},
        grid_error_k=mean_of_finite((empty.grid_error_k, full.grid_error_k)),
        ewald_error_k=mean_of_finite((empty.ewald_error_k, full.ewald_error_k)),
        from_empty_mol_kg=dict(empty.loadings_mol_kg), from_full_mol_kg=dict(full.loadings_mol_kg))
