"""Glass from the end of a melt run: mean cell, minimisation, bonds by distance, averages."""

from __future__ import annotations

import copy
import csv
import logging
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import SimulationError
from zifsim.limits import require_finite
from zifsim.melt.box import Box
from zifsim.melt.coordination import ZN_N_CUTOFF
from zifsim.melt.dynamics import Dynamics
from zifsim.melt.observe import Observer
from zifsim.melt.platform import PlatformChoice
from zifsim.melt.relax import carry_molecules, minimise
from zifsim.melt.result import NOT_MELTED, MeltResult, melted, verdict
from zifsim.melt.system import NM, MeltSystem
from zifsim.model.forcefield import MeltForceField
from zifsim.model.framework import Framework

FloatArray = NDArray[np.float64]

SETTLED_SAMPLES = 10            # independent samples below which a mean is called unsettled
GLASS_MADE, HEATED = "melted and quenched with", "heated and cooled with"     # in the source of what is left


@dataclass(frozen=True, slots=True)
class Average:
    """Mean and standard error of a correlated series from ``first`` on; ``settled`` is False while it drifts."""

    mean: float
    error: float
    first: int
    settled: bool


def average(series: FloatArray) -> Average:
    """Mean of a series without its first quarter, with the error of correlated samples.

    The statistical inefficiency is pymbar's (Chodera et al. 2007, doi:10.1021/ct0502864). Settled means at least
    ``SETTLED_SAMPLES`` independent samples, and halves whose means differ by less than three standard errors.
    """
    logging.getLogger("pymbar").setLevel(logging.ERROR)     # it advertises JAX whenever it is imported
    from pymbar.timeseries import statistical_inefficiency

    first = len(series) // 4
    kept = series[first:]
    if len(kept) < 4 or np.ptp(kept) == 0.0:
        return Average(float(kept.mean()), 0.0, first, bool(np.ptp(kept) == 0.0))
    independent = len(kept) / min(float(statistical_inefficiency(kept)), len(kept) / 2)
    error = float(kept.std(ddof=1) / np.sqrt(independent))
    early, late = np.array_split(kept, 2)
    drift = abs(early.mean() - late.mean())
    # Each half has √2 times the error of the whole, their difference twice.
    return Average(float(kept.mean()), error, first, bool(independent >= SETTLED_SAMPLES and drift < 6.0 * error))


def make_result(dynamics: Dynamics, choice: PlatformChoice, table: Path) -> MeltResult:
    """The result of a run that has reached the end of its program; ``table`` is its state.csv."""
    model, program = dynamics.model, dynamics.program
    rows = last_segment(table, program.n_steps - program.steps_of(program.segments[-1]))
    density = average(rows["density_g_cm3"])
    kept = slice(density.first, None)
    mean_box = np.zeros((3, 3))
    mean_box[np.tril_indices(3)] = [rows[c][kept].mean()
                                    for c in ("ax_a", "bx_a", "by_a", "cx_a", "cy_a", "cz_a")]
    require_finite(f"The melt of {model.framework.name}", density_g_cm3=density.mean, cell=float(mean_box.sum()))
    glass = make_glass(model, *dynamics.configuration(), mean_box, choice)
    observer = dynamics.observer
    frame = Box.of(glass.cell)
    positions = frame.to_box_frame(glass.positions)
    pairs, distances = observer.pairs(positions, frame.vectors)
    kept_bonds, new_bonds = observer.bonds_kept_and_new(pairs)
    glass = called(glass, kept_bonds, model.forcefield)
    numbers = Counter(Counter(pairs[:, 0].tolist()).get(int(z), 0) for z in observer.zinc)
    return MeltResult(
        framework=glass, forcefield=model.forcefield.name, program=program.name, seed=dynamics.settings.seed,
        density_g_cm3=density.mean, density_error_g_cm3=density.error,
        density_settled=density.settled,
        temperature_k=float(rows["temperature_k"][kept].mean()),
        mean_coordination=float(rows["zn_n_coordination"][kept].mean()),
        coordination={str(n): numbers[n] / len(observer.zinc) for n in sorted(numbers)},
        mean_zn_n_angstrom=float(distances.mean()), zn_n_cutoff_angstrom=ZN_N_CUTOFF,
        min_zn_zn_angstrom=observer.closest_zincs(positions, frame.vectors),
        bonds_kept=kept_bonds, bonds_new=new_bonds, can_break=model.forcefield.dissociable,
        n_steps=program.n_steps, duration_ps=program.duration_ps,
        ns_per_day=program.duration_ps / 1000.0 / (dynamics.wall_s / 86400.0), wall_s=dynamics.wall_s,
        platform=choice.note, input_sha256=dynamics.digest)


def last_segment(table: Path, after_step: int) -> dict[str, FloatArray]:
    """Columns of state.csv later than ``after_step`` as arrays."""
    with open(table, newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if int(row["step"]) > after_step]
    if not rows:
        raise SimulationError(f"{table} has no rows of the last segment; use a shorter state_interval_ps.")
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0] if name != "segment"}


def make_glass(model: MeltSystem, positions: FloatArray, box: FloatArray, mean_box: FloatArray,
               choice: PlatformChoice) -> Framework:
    """The last configuration carried to the mean box and minimised, with its Zn–N bonds found by distance."""
    carried = carry_molecules(model, positions, box, mean_box)
    system = copy.deepcopy(model.system)
    system.setDefaultPeriodicBoxVectors(*(mean_box * NM))
    fixed = replace(model, system=system, positions=carried, box=replace(model.box, vectors=mean_box))
    relaxed, _ = minimise(fixed, choice.minimiser or choice)
    atoms, cell = fixed.framework_at(relaxed, mean_box)
    fw = model.framework
    bonds = fw.bonds
    if model.forcefield.dissociable:
        metal = [fw.types[i] == "Zn" or fw.types[j] == "Zn" for i, j in bonds]
        pairs, _ = Observer(model).pairs(relaxed, mean_box)
        bonds = np.concatenate([bonds[~np.array(metal)], pairs])
    return replace(fw, positions=atoms, cell=cell, bonds=bonds, charges=None)


def called(end: Framework, bonds_kept: float, forcefield: MeltForceField) -> Framework:
    """The end of a run with a name and source that say what it is: a glass, or what has not melted."""
    is_glass = melted(bonds_kept) or GLASS_MADE in end.source       # an annealed glass keeps its bonds
    what = f"{GLASS_MADE if is_glass else HEATED} {forcefield.name}, minimised at the mean 300 K cell"
    if not is_glass:
        what += f"; {verdict(bonds_kept, forcefield.dissociable)}"
    return replace(end, name=f"{end.name.removesuffix(' glass')} {'glass' if is_glass else NOT_MELTED}",
                   source=f"{end.source}; {what}".lstrip("; "))
