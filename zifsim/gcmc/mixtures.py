"""Several gases at once: grand canonical sampling of a mixture, with identity swaps between its gases."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from zifsim.errors import InputError
from zifsim.gcmc.eos import mixture_fugacities_pa
from zifsim.gcmc.sampling import Progress, Run, load_run, sample_point, save_run
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import AdsorptionSystem, make_system
from zifsim.gcmc.walker import Walker
from zifsim.io.files import read_json, write_json_atomic
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.uptake import MixturePoint
from zifsim.rng import derive_seed
from zifsim.units import molecules_to_mol_kg

FRACTION_TOLERANCE = 1e-6


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
                settings: GCMCSettings, *, out_dir: Path | None = None, threads: int = 1,
                progress: Progress | None = None) -> list[MixturePoint]:
    """Loadings of a gas mixture in a rigid framework whose charges are assigned, at total pressures (Pa).

    ``composition``: gas -> mole fraction in the gas phase; fugacities by Peng–Robinson. Every gas must meet the target
    error. ``out_dir``: where finished pressures and checkpoints are kept; the same call continues there. ``threads``
    build the host's grids; pressures follow one another. Raises InputError for input that cannot be simulated.
    """
    fractions = check_composition(models, composition)
    pressures = sorted(float(p) for p in pressures_pa)
    fugacities = [mixture_fugacities_pa(models, fractions, temperature_k, p) for p in pressures]
    system = make_system(framework, models, forcefield, temperature_k, settings, threads=threads)
    points: list[MixturePoint] = []
    walker: Walker | None = None
    for pressure, each in zip(pressures, fugacities, strict=True):
        name = f"{pressure:.6g}Pa"
        done = out_dir / "points" / f"{name}.json" if out_dir else None
        final = out_dir / "points" / f"{name}.final.npz" if out_dir else None
        if done and final and done.exists() and final.exists():
            points.append(MixturePoint.from_dict(read_json(done)))
            walker = load_run(final, system).walker
            continue

        def tell(event: dict[str, object], pressure: float = pressure) -> None:
            if progress:
                progress({"pressure_pa": pressure} | event)

        run = sample_point(system, each, derive_seed(settings.seed, system.gases, name), start=walker,
                           checkpoint=out_dir / "points" / f"{name}.checkpoint.npz" if out_dir else None, progress=tell)
        walker = run.walker
        point = _point(system, run, pressure, composition)
        points.append(point)
        if done and final:
            save_run(final, Run(walker, run.rng, run.steps, [np.zeros((0, len(models)))], [np.zeros(0)], 1))
            write_json_atomic(done, point.to_dict())
            final.with_name(f"{name}.checkpoint.npz").unlink(missing_ok=True)
        tell({"moves": run.moves, "fraction": 1.0, "point": point,
              "molecules": float(sum(s.mean for s in run.summaries()))})
    return points


def _point(system: AdsorptionSystem, run: Run, pressure_pa: float, composition: Mapping[str, float]) -> MixturePoint:
    """Averages of a finished pressure."""
    per_molecule = molecules_to_mol_kg(1.0, system.mass_amu)
    summaries = {m.gas: s for m, s in zip(system.models, run.summaries(), strict=True)}
    return MixturePoint(
        framework=system.framework.name, temperature_k=system.temperature_k, pressure_pa=pressure_pa,
        composition=dict(composition), source="gcmc",
        loadings_mol_kg={gas: s.mean * per_molecule for gas, s in summaries.items()},
        loading_errors_mol_kg={gas: s.standard_error * per_molecule for gas, s in summaries.items()},
        equilibrated=all(s.equilibrated for s in summaries.values()))
