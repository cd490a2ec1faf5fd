"""Isotherms from one flat histogram: all pressures at once, where :func:`engine.run_isotherm` is asked to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from zifsim.errors import InputError, SimulationError
from zifsim.gcmc.branches import finished, pressure_name
from zifsim.gcmc.bulk import equation_of_state
from zifsim.gcmc.flat_histogram import FlatHistogram, sample_flat_histogram
from zifsim.gcmc.points import loading_point
from zifsim.gcmc.system import AdsorptionSystem
from zifsim.io.tables import write_csv
from zifsim.model.uptake import LoadingPoint
from zifsim.rng import derive_seed
from zifsim.runs.progress import Event, Report, silent
from zifsim.units import molecules_to_mol_kg

LN_PROBABILITY = "ln_probability.csv"


def sample_flat_isotherm(system: AdsorptionSystem, pressures: Sequence[float], out_dir: Path | None = None,
                         threads: int = 1, report: Report = silent) -> list[LoadingPoint]:
    """All pressures (Pa, ascending) from one histogram over the number of molecules.

    ``threads``: walkers side by side, without influence on the numbers. Into ``out_dir`` go checkpoints and
    ``ln_probability.csv`` (at the highest pressure). Raises SimulationError where the moves allowed do not reach the
    highest loading.
    """
    eos = equation_of_state(system.guest_models[0], system.temperature_k, system.settings.metastable)
    fugacities = [eos.fugacity_pa(system.temperature_k, p) for p in pressures]
    seed = derive_seed(system.settings.seed, system.gases, "flat histogram")

    report(Event(kind="plan", values={pressure_name(pressure): 1.0 for pressure in pressures}))

    def tell(event: Event) -> None:
        for pressure in pressures:
            report(replace(event, part=pressure_name(pressure), values={"pressure_pa": pressure, **event.values}))

    histogram = sample_flat_histogram(system, fugacities, seed, out_dir=out_dir, threads=threads, report=tell)
    try:
        points = [point_of(system, histogram, p, f, seed) for p, f in zip(pressures, fugacities, strict=True)]
    except InputError as error:
        raise SimulationError(f"{system.gases} in {system.framework.name}: the histogram does not reach the highest "
                              "loading; raise --max-moves.") from error
    if out_dir:
        log_pi, errors = histogram.log_probability(fugacities[-1]), histogram.log_probability_error(fugacities[-1])
        write_csv(out_dir / LN_PROBABILITY, ("n_molecules", "ln_probability", "ln_probability_error"),
                  [(n, float(a), float(b)) for n, (a, b) in enumerate(zip(log_pi, errors, strict=True))])
    for point in points:
        report(finished(point, "done"))
    return points


def point_of(system: AdsorptionSystem, histogram: FlatHistogram, pressure_pa: float, fugacity_pa: float,
             seed: int) -> LoadingPoint:
    """One pressure of a histogram.

    Moves are those of the whole histogram. ``from_empty`` and ``from_full`` are what the two halves of the walkers
    found; the point counts as equilibrated where they meet within two standard errors of their difference. There is
    no series, so ``effective_samples`` is NaN, and so are the energy errors, which are not measured.
    """
    mean, error = histogram.loading(fugacity_pa)
    heat, heat_error = histogram.heat_of_adsorption_kj_mol(fugacity_pa)
    empty, full, meet = histogram.halves(fugacity_pa)
    per_molecule = molecules_to_mol_kg(1.0, system.mass_amu)
    return loading_point(
        system, pressure_pa, fugacity_pa, mean, error, heat_of_adsorption_kj_mol=heat,
        heat_of_adsorption_error_kj_mol=heat_error, n_moves=histogram.n_moves,
        n_equilibration_moves=histogram.n_adaptation_moves, effective_samples=math.nan, equilibrated=meet, seed=seed,
        from_empty_mol_kg=empty * per_molecule, from_full_mol_kg=full * per_molecule)
