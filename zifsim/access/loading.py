"""The loading of the pores that a gas reaches, by grand canonical Monte Carlo at their full density.

Fractions of the loading by Boltzmann weight hold at vanishing loading. Elsewhere the blocked nodes are closed to the
molecules (the way used), or the molecules in them are counted and left out (the check; it agrees where molecules on
either side of a closed window hardly feel each other).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zifsim.gcmc.bulk import equation_of_state
from zifsim.gcmc.engine import loading_points
from zifsim.gcmc.sampling import advance, new_run
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import AdsorptionSystem, make_system
from zifsim.gcmc.walker import Walker
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.uptake import LoadingPoint
from zifsim.units import molecules_to_mol_kg

COUNT_EVERY = 1000      # moves
ERROR_BLOCKS = 10


@dataclass(frozen=True, slots=True)
class CountedLoading:
    """mol/kg inside and outside blocked nodes, with standard errors from block means."""

    inside: float
    inside_error: float
    outside: float
    outside_error: float


def loading_with(blocked: NDArray[np.bool_] | None, framework: Framework, guest: GuestModel,
                 forcefield: AdsorptionForceField, temperature_k: float, pressure_pa: float, settings: GCMCSettings, *,
                 threads: int = 1) -> LoadingPoint:
    """Loading at one pressure with the nodes of a mask (bx, by, bz) closed to molecules, or without a mask (None)."""
    system = make_system(framework, guest, forcefield, temperature_k, settings, threads=threads, blocked=blocked)
    points, _ = loading_points(system, forcefield, [pressure_pa], threads=threads)
    return points[0]


def count_loading(system: AdsorptionSystem, blocked: NDArray[np.bool_], pressure_pa: float, seed: int,
                  n_moves: int) -> CountedLoading:
    """Sample an unmasked system of one gas and count its molecules in and out of a mask; the first third is dropped."""
    eos = equation_of_state(system.guest_models[0], system.temperature_k, system.settings.metastable)
    fugacity = eos.fugacity_pa(system.temperature_k, pressure_pa)
    run = new_run(system, seed)
    counts = []
    for _ in range(n_moves // COUNT_EVERY):
        advance(system, run, [fugacity], COUNT_EVERY)
        inside = int(in_mask(run.walker, blocked, system.repeats).sum())
        counts.append((inside, int(run.walker.total[0]) - inside))
    kept = np.array(counts[len(counts) // 3:], dtype=float)
    means = np.array([block.mean(axis=0) for block in np.array_split(kept, ERROR_BLOCKS)])
    mol_kg = molecules_to_mol_kg(1.0, system.mass_amu)
    value, error = kept.mean(axis=0) * mol_kg, means.std(axis=0, ddof=1) / np.sqrt(ERROR_BLOCKS) * mol_kg
    return CountedLoading(float(value[0]), float(error[0]), float(value[1]), float(error[1]))


def in_mask(walker: Walker, blocked: NDArray[np.bool_], repeats: tuple[int, int, int]) -> NDArray[np.bool_]:
    """(N,) whether the node nearest to each molecule's centre is blocked."""
    n = int(walker.total[0])
    shape = np.array(blocked.shape)
    nodes = np.floor(walker.centres[:, :n].T * np.array(repeats) * shape + 0.5).astype(int) % shape
    found: NDArray[np.bool_] = blocked[tuple(nodes.T)]
    return found
