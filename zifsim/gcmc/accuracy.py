"""Errors of the sampled energies, measured against exact ones on the molecules that were really visited."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from zifsim.gcmc.energy import real_space_energies, total_energy
from zifsim.gcmc.ewald import Ewald
from zifsim.gcmc.guests import Guests, guest_ewald, make_guests
from zifsim.gcmc.host import Host, make_host
from zifsim.gcmc.system import AdsorptionSystem
from zifsim.gcmc.walker import Walker, make_walker
from zifsim.model.forcefield import AdsorptionForceField

EXACT_TOLERANCE = 1e-8
MOST_MOLECULES = 50       # summed atom by atom: enough for a mean, and quick


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Root-mean-square error of the grid's host energy, and error of the guests' Ewald sum, both K per molecule."""

    grid_error_k: float
    ewald_error_k: float


@dataclass(frozen=True, slots=True)
class ExactSums:
    """What sampled energies are measured with, made once for a system: direct sums over the framework's atoms (None
    where the system itself sums directly) and a converged Ewald sum of the guests (None without charges)."""

    system: AdsorptionSystem
    host: Host | None
    coulomb: tuple[Ewald, Guests] | None

    @classmethod
    def of(cls, system: AdsorptionSystem, forcefield: AdsorptionForceField) -> ExactSums:
        """Of a prepared system."""
        exact = replace(system.settings, host_path="direct", guest_coulomb="ewald", ewald_tolerance=EXACT_TOLERANCE)
        host, coulomb = None, None
        if system.settings.host_path == "grid":
            host = make_host(system.framework, system.repeats, system.guest_models, forcefield, system.temperature_k,
                             exact)
        if system.guests.charges.any():
            ewald = guest_ewald(system.guest_models, system.host.cell, exact)
            coulomb = ewald, make_guests(system.guest_models, system.temperature_k, exact, ewald, system.host.cell)
        return cls(system, host, coulomb)

    def accuracy(self, walker: Walker) -> Accuracy:
        """Compare up to 50 of the walker's molecules with direct sums, and the guests' Coulomb energy with a
        converged one. NaN for an empty cell, 0 where nothing is approximated."""
        n, system = int(walker.total[0]), self.system
        if n == 0:
            return Accuracy(math.nan, math.nan)
        grid_error = 0.0
        if self.host is not None:
            some = np.linspace(0, n - 1, min(n, MOST_MOLECULES)).astype(int)
            errors = [real_space_energies(_only(walker, np.array([i]), system), self.host, system.guests,
                                          system.ewald)[:2].sum() - walker.host_energies[i] for i in some]
            grid_error = float(np.sqrt(np.mean(np.square(errors))))
        coulomb_error = 0.0
        if self.coulomb is not None:
            ewald, guests = self.coulomb
            converged = total_energy(walker, system.host, guests, ewald, system.volume)
            sampled = total_energy(walker, system.host, system.guests, system.ewald, system.volume)
            coulomb_error = float((sampled - converged).sum()) / n
        return Accuracy(grid_error, coulomb_error)


def _only(walker: Walker, chosen: np.ndarray, system: AdsorptionSystem) -> Walker:
    """A walker of a few molecules, for their energies alone."""
    part = make_walker(system.guests, system.ewald, len(chosen) + 1)
    n = len(chosen)
    part.total[0] = n
    part.kind[:n] = walker.kind[chosen]
    part.centres[:, :n] = walker.centres[:, chosen]
    part.offsets[:n] = walker.offsets[chosen]
    return part
