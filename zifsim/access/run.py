"""Accessibility of several gases in one framework, rigid or moving."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import numpy as np

from zifsim import limits
from zifsim.access.filling import SIZES_UM, TIMES_HOURS, Experiment
from zifsim.access.flexible import SnapshotAverage, average_snapshots
from zifsim.access.kinetics import Kinetics, Spread, convergence, resample
from zifsim.access.landscape import free_energy_grids
from zifsim.access.loading import loading_with
from zifsim.access.path import easiest_path
from zifsim.access.result import GasAccess, Loading, Pocket, Reach
from zifsim.access.umbrella import UmbrellaSettings, umbrella_barrier
from zifsim.gcmc.grid import divisions_for
from zifsim.gcmc.settings import GCMCSettings
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.runs import stopping
from zifsim.runs.progress import Event, Report, silent
from zifsim.units import BAR_PA, mol_kg_to_ml_stp_g

# Tight windows are narrower than the host's spacing: a rigid cell gets nodes between, as long as they are not too many.
REFINE, REFINED_NODES = 2, 12_000_000
MOST_POCKETS = 20
SAMPLED = 0.98      # of a gas's part, as reported: what comes before its loading


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """``experiment``: particle and time of the table; ``sizes_um`` and ``times_hours`` span the band around it;
    ``pressure_bar``: loadings at it are sampled (None: they are not)."""

    experiment: Experiment = field(default_factory=Experiment)
    sizes_um: tuple[float, ...] = SIZES_UM
    times_hours: tuple[float, ...] = TIMES_HOURS
    pressure_bar: float | None = None
    gcmc: GCMCSettings = field(default_factory=GCMCSettings)

    def __post_init__(self) -> None:
        for size in (self.experiment.size_um, *self.sizes_um):
            limits.PARTICLE_SIZE.check(size, "The size of particles")
        for hours in (self.experiment.hours, *self.times_hours):
            limits.HOURS.check(hours, "The time of the experiment")
        if self.pressure_bar is not None:
            limits.GAS_PRESSURE.check(self.pressure_bar, "The pressure of the loading")

    @property
    def band(self) -> tuple[Experiment, ...]:
        return tuple(Experiment(size, hours) for size, hours in product(self.sizes_um, self.times_hours))


def gas_part(guest: GuestModel, temperature_k: float, what: str) -> str:
    """A gas's part of a report: ``N2-TraPPE 77 K: rigid``."""
    return f"{guest.name} {temperature_k:g} K: {what}"


def frames_part(what: str, temperature_k: float | None) -> str:
    """The part of a set of snapshots: ``average at 77 K``."""
    return what if temperature_k is None else f"{what} at {temperature_k:g} K"


def framework_access(framework: Framework, guests: Sequence[tuple[GuestModel, float]],
                     forcefield: AdsorptionForceField, settings: AccessSettings, *,
                     snapshots: Sequence[Framework] = (), snapshot_temperature_k: float | None = None,
                     umbrella: UmbrellaSettings | None = None, threads: int = 1, folder: Path | None = None,
                     report: Report = silent) -> list[GasAccess]:
    """Several gases in the framework as it stands and, gas by gas after it, averaged over ``snapshots`` if any, and
    with ``umbrella`` sampling along the best path of that average where asked and there is a path.

    ``folder``: blocks of the average and places of umbrella sampling are kept there, and the same call continues.

    Raises
    ------
    InputError: missing parameters or charges, a grid that no memory holds, a guest that umbrella sampling cannot turn.
    RunInterrupted: asked to stop.
    """
    results = [rigid_access(framework, model, temperature_k, forcefield, settings, threads=threads, report=report)
               for model, temperature_k in guests]
    if snapshots:
        moving = flexible_access(snapshots, framework, guests, forcefield, settings, snapshot_temperature_k,
                                 umbrella=umbrella, threads=threads, folder=folder, report=report)
        results = [r for rigid, others in zip(results, moving, strict=True) for r in (rigid, *others)]
    return results


def rigid_access(framework: Framework, guest: GuestModel, temperature_k: float, forcefield: AdsorptionForceField,
                 settings: AccessSettings, *, threads: int = 1, report: Report = silent) -> GasAccess:
    """One gas in the framework as it stands (charges assigned)."""
    stopping.check()
    part = gas_part(guest, temperature_k, "rigid")
    report(Event(part, 0.0, "free energies"))
    spacing = settings.gcmc.grid_spacing_angstrom
    nodes = math.prod(divisions_for(framework.cell, spacing))
    refine = REFINE if nodes * REFINE**3 <= REFINED_NODES else 1
    grid = free_energy_grids(framework, [(guest, temperature_k)], forcefield, settings.gcmc, refine=refine,
                             threads=threads)[0]
    kinetics = Kinetics.of(grid, guest)
    found = _result(kinetics, guest, settings, spacing / refine)
    return _with_loading(found, framework, guest, forcefield, settings, threads, part, report)


def flexible_access(snapshots: Sequence[Framework], framework: Framework, guests: Sequence[tuple[GuestModel, float]],
                    forcefield: AdsorptionForceField, settings: AccessSettings, snapshot_temperature_k: float | None, *,
                    umbrella: UmbrellaSettings | None = None, threads: int = 1, folder: Path | None = None,
                    report: Report = silent) -> list[tuple[GasAccess, ...]]:
    """Several gases in a framework that moves; ``framework`` is what loadings are sampled in (rigid). Of each gas, the
    average and, where asked and there is a path, what umbrella sampling says.

    ``folder``: blocks of the average and places of umbrella sampling are kept there.
    """
    averages = average_snapshots(snapshots, guests, forcefield, settings.gcmc, threads=threads, folder=folder,
                                 part=frames_part("average", snapshot_temperature_k), report=report)
    results: list[tuple[GasAccess, ...]] = []
    for (guest, temperature_k), average in zip(guests, averages, strict=True):
        kinetics = Kinetics.of(average.grid(), guest)
        part = gas_part(guest, temperature_k, "averaged")
        found = _averaged(kinetics, average, guest, settings, snapshot_temperature_k, part, report)
        found = _with_loading(found, framework, guest, forcefield, settings, threads, part, report)
        part = gas_part(guest, temperature_k, "umbrella")
        if umbrella is None or not np.isfinite(kinetics.axis_barriers.min()):
            report(Event(part, kind="dropped"))
            results.append((found,))
            continue
        slower = _with_umbrella(kinetics, found, framework, guest, forcefield, settings, umbrella, folder,
                                part, report)
        results.append((found, _with_loading(slower, framework, guest, forcefield, settings, threads, part, report)))
    return results


def _with_umbrella(kinetics: Kinetics, found: GasAccess, framework: Framework, guest: GuestModel,
                   forcefield: AdsorptionForceField, settings: AccessSettings, umbrella: UmbrellaSettings,
                   folder: Path | None, part: str, report: Report) -> GasAccess:
    """The average's hopping with the barrier that umbrella sampling finds along the best path.

    All rates along the network are scaled by exp(−δ/k_BT), δ that barrier less the average's on the same path.
    """
    axis = int(np.argmin(kinetics.axis_barriers))
    path = easiest_path(kinetics.grid, kinetics.start, axis, float(kinetics.flooding.axis_levels[axis]))
    barrier = umbrella_barrier(framework, guest, kinetics.grid.temperature_k, forcefield, path, axis, umbrella,
                               folder=folder, part=part, report=report)

    def hopping_at(offset: float) -> Kinetics:
        return kinetics.scaled(math.exp(-(barrier.barrier_kj_mol + offset - path.barrier) / kinetics.grid.kt))

    middle = _result(hopping_at(0.0), guest, settings, found.spacing_angstrom)
    slow, fast = (_result(hopping_at(sign * barrier.error_kj_mol), guest, settings, found.spacing_angstrom)
                  for sign in (1, -1))
    reaches = tuple(replace(m, low=s.fraction, high=f.fraction)
                    for m, s, f in zip(middle.reaches, slow.reaches, fast.reaches, strict=True))
    axes = list(middle.axis_barriers_kj_mol)
    axes[axis] = barrier.barrier_kj_mol
    return replace(middle, n_snapshots=found.n_snapshots, snapshot_temperature_k=found.snapshot_temperature_k,
                   barrier_kj_mol=barrier.barrier_kj_mol, axis_barriers_kj_mol=(axes[0], axes[1], axes[2]),
                   barrier_band=(barrier.barrier_kj_mol - barrier.error_kj_mol,
                                 barrier.barrier_kj_mol + barrier.error_kj_mol),
                   fill_time_band=(fast.fill_time_s, slow.fill_time_s), reaches=reaches, umbrella=barrier)


def _averaged(kinetics: Kinetics, average: SnapshotAverage, guest: GuestModel, settings: AccessSettings,
              snapshot_temperature_k: float | None, part: str, report: Report) -> GasAccess:
    spread = resample(average, guest, settings.experiment, settings.band, part=part, report=report)
    found = _result(kinetics, guest, settings, settings.gcmc.grid_spacing_angstrom, spread)
    ordered = np.sort(average.barriers)
    low, middle, high = (float(ordered[round(q * (len(ordered) - 1))]) for q in (0.1, 0.5, 0.9))
    return replace(found, n_snapshots=average.n_snapshots, snapshot_temperature_k=snapshot_temperature_k,
                   snapshot_barriers=(low, middle, high),
                   largest_snapshot=average.largest_part(kinetics.window) if kinetics.window >= 0 else None,
                   convergence=tuple(convergence(average, guest, settings.experiment)))


def _result(kinetics: Kinetics, guest: GuestModel, settings: AccessSettings, spacing: float,
            spread: Spread | None = None) -> GasAccess:
    experiment, basins = settings.experiment, kinetics.basins
    tensor, fill = kinetics.diffusion(experiment), kinetics.fill_time_s(experiment)
    reaches = []
    for e in settings.band:
        fraction = kinetics.accessible_fraction(e)
        low, high = spread.fractions[e] if spread else (fraction, fraction)
        reaches.append(Reach(e.size_um, e.hours, fraction, low, high))
    times = kinetics.hopping.exchange_s
    off_network = [b for b in np.argsort(-basins.weights) if times[b] > 0.0][:MOST_POCKETS]
    pockets = tuple(Pocket(float(basins.probabilities[b]), float(basins.minima[b]),
                           float(basins.network_levels[b] - basins.minima[b]), float(times[b])) for b in off_network)
    barrier, axes = kinetics.barrier, kinetics.axis_barriers
    return GasAccess(
        gas=guest.gas, guest_model=guest.name, temperature_k=kinetics.grid.temperature_k, n_snapshots=0,
        snapshot_temperature_k=None, spacing_angstrom=spacing, barrier_kj_mol=barrier,
        barrier_band=spread.barrier if spread else (barrier, barrier),
        axis_barriers_kj_mol=(float(axes[0]), float(axes[1]), float(axes[2])), dimensions=kinetics.dimensions,
        diffusion_m2_s=float(np.trace(tensor)) / 3.0,
        diffusion_axes_m2_s=(float(tensor[0, 0]), float(tensor[1, 1]), float(tensor[2, 2])),
        size_um=experiment.size_um, hours=experiment.hours, fill_time_s=fill,
        fill_time_band=spread.fill_time_s if spread else (fill, fill),
        accessible_fraction=kinetics.accessible_fraction(experiment), reaches=tuple(reaches),
        mean_weight=kinetics.grid.mean_weight(), n_basins=len(basins.weights), pockets=pockets,
        blocked=kinetics.blocked(experiment))


def _with_loading(found: GasAccess, framework: Framework, guest: GuestModel, forcefield: AdsorptionForceField,
                  settings: AccessSettings, threads: int, part: str, report: Report) -> GasAccess:
    """The same with its loadings at a pressure, if one is asked for: of all pores, and with the blocked ones closed.
    It ends ``part`` of the report, and no number leaves it that is none."""
    found.check_finite(framework.name)
    done = Event(part, 1.0, f"barrier {found.barrier_kj_mol:.1f} kJ/mol", kind="done")
    if settings.pressure_bar is None:
        report(done)
        return found
    loadings: list[tuple[float, float]] = []
    for mask in (None, found.blocked):
        stopping.check()
        report(Event(part, SAMPLED, f"loading at {settings.pressure_bar:g} bar"))
        if mask is not None and not mask.any():
            loadings.append(loadings[0])
            continue
        point = loading_with(mask, framework, guest, forcefield, found.temperature_k, settings.pressure_bar * BAR_PA,
                             settings.gcmc, threads=threads)
        loadings.append((mol_kg_to_ml_stp_g(point.loading_mol_kg), mol_kg_to_ml_stp_g(point.loading_error_mol_kg)))
    found = replace(found, loading=Loading(settings.pressure_bar, *loadings[0], *loadings[1]))
    found.check_finite(framework.name)
    report(done)
    return found
