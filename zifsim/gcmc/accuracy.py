"""How far the sampled energies are from the exact ones, measured on the molecules that were really visited."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from zifsim.gcmc.energy import recompute
from zifsim.gcmc.host import make_host
from zifsim.gcmc.system import AdsorptionSystem
from zifsim.gcmc.walker import Walker, guest_ewald, make_guests, make_walker
from zifsim.model.forcefield import AdsorptionForceField

EXACT_TOLERANCE = 1e-8
MOST_MOLECULES = 50       # summed atom by atom: enough for a mean, and quick


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Root-mean-square error of the grid's host energy, and error of the guests' Ewald sum, both K per molecule."""

    grid_error_k: float
    ewald_error_k: float


def measured_accuracy(system: AdsorptionSystem, forcefield: AdsorptionForceField, walker: Walker) -> Accuracy:
    """Compare up to 50 of the walker's molecules with direct sums over the framework's atoms, and the Ewald sum of
    them all with a converged one. NaN for an empty cell, or where there is nothing to compare."""
    n = int(walker.number[0])
    if n == 0:
        return Accuracy(math.nan, math.nan)
    exact = replace(system.settings, host_path="direct", ewald_tolerance=EXACT_TOLERANCE)
    ewald = guest_ewald(system.guest, system.host.cell, exact)
    guests = make_guests(system.guest, system.temperature_k, exact, ewald)
    host = make_host(system.framework, system.repeats, system.guest, forcefield, system.temperature_k, exact, ewald)
    some = np.linspace(0, n - 1, min(n, MOST_MOLECULES)).astype(int)
    errors = []
    for i in some:
        terms = recompute(_only(walker, np.array([i]), system), host, guests, ewald, system.volume)
        errors.append(terms.host_guest_lj_k + terms.host_guest_coulomb_k - walker.host_energies[i].sum())
    grid_error = float(np.sqrt(np.mean(np.square(errors)))) if system.settings.host_path == "grid" else 0.0
    ewald_error = 0.0
    if guests.charged:
        converged = recompute(_only(walker, np.arange(n), system), system.host, guests, ewald, system.volume)
        sampled = recompute(walker, system.host, system.guests, system.ewald, system.volume)
        ewald_error = (sampled.guest_guest_coulomb_k - converged.guest_guest_coulomb_k) / n
    return Accuracy(grid_error, ewald_error)


def _only(walker: Walker, chosen: np.ndarray, system: AdsorptionSystem) -> Walker:
    """A walker of a few molecules, for :func:`recompute` (its structure factor is not used)."""
    part = make_walker(system.guests, system.ewald, len(chosen) + 1)
    part.number[0] = len(chosen)
    part.centres[:len(chosen)] = walker.centres[chosen]
    part.sites[:len(chosen)] = walker.sites[chosen]
    return part
