"""Systems ready to be sampled: a framework, gases and a temperature; supercell, host, guests, Ewald split, bias."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import InputError
from zifsim.gcmc.bias import Bias, make_bias
from zifsim.gcmc.ewald import Ewald
from zifsim.gcmc.guests import Guests, guest_ewald, make_guests
from zifsim.gcmc.host import Host, make_host
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.void import helium_void_fraction
from zifsim.gcmc.walker import Scratch, Walker, make_scratch, make_walker
from zifsim.memory import reserve
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.neighbours import neighbour_pairs

FloatArray = NDArray[np.float64]
NEUTRALITY_E = 1e-4
OVERLAP_ANGSTROM = 0.6    # closer than any two nuclei come
BYTES_PER_MOLECULE = 500     # of a walker that holds it: sites, energies, neighbours
VOLUME_PER_MOLECULE = 12.0    # Å³: denser than any of the gases packs; bounds the arrays


@dataclass(frozen=True, slots=True)
class AdsorptionSystem:
    """Everything a walker needs; one system serves all pressures (read-only, shared between threads).

    ``guest_models``: of the gas, or of the gases of a mixture.
    """

    framework: Framework
    guest_models: tuple[GuestModel, ...]
    temperature_k: float
    settings: GCMCSettings
    repeats: tuple[int, int, int]
    host: Host
    guests: Guests
    ewald: Ewald
    bias: Bias
    void_fraction: float

    @property
    def gases(self) -> str:
        """Names of the gases, for messages."""
        return " + ".join(m.gas for m in self.guest_models)

    @property
    def volume(self) -> float:
        """Volume of the supercell, Å³."""
        return self.framework.volume * math.prod(self.repeats)

    @property
    def mass_amu(self) -> float:
        """Framework mass of the supercell, amu."""
        return self.framework.mass_amu * math.prod(self.repeats)

    def new_walker(self) -> Walker:
        return make_walker(self.guests, self.ewald, self.capacity)

    def new_scratch(self, n_trials: int = 1) -> Scratch:
        return make_scratch(self.guests, self.ewald, n_trials, self.capacity)

    @property
    def capacity(self) -> int:
        """Most molecules a walker can hold."""
        return max(16, int(self.volume / VOLUME_PER_MOLECULE))


def supercell_repeats(framework: Framework, models: Sequence[GuestModel], cutoff_angstrom: float,
                      guest_images: str = "nearest") -> tuple[int, int, int]:
    """Smallest repeats whose perpendicular widths hold twice the cut-off and the molecules' extent; half of that where
    all images of a guest count.

    The extent keeps nearest images exact when they are chosen by the molecules' centres. Raises InputError for one that
    memory does not hold.
    """
    needed = (1.0 if guest_images == "all" else 2.0) * (cutoff_angstrom + 2.0 * max(m.radius_angstrom for m in models))
    wanted = np.ceil(needed / framework.cell_widths - 1e-9)
    reserve(BYTES_PER_MOLECULE * framework.volume * float(np.prod(wanted)) / VOLUME_PER_MOLECULE,
            f"A supercell of {' × '.join(f'{x:.4g}' for x in wanted)} unit cells of {framework.name}, {needed:.4g} Å "
            "wide",
            "take a shorter cut-off, or a smaller molecule")
    a, b, c = wanted.astype(int)
    return int(a), int(b), int(c)


def check_framework(framework: Framework, guest: GuestModel) -> None:
    """Raise InputError for a host that would give a wrong number: overlapping atoms, net charge."""
    i, j, distance = neighbour_pairs(framework.positions, framework.cell, OVERLAP_ANGSTROM)
    if len(distance):
        closest = int(np.argmin(distance))
        first, other = int(i[closest]), int(j[closest])
        raise InputError(
            f"Framework {framework.name}: atoms {first + 1} ({framework.species[first]}) and {other + 1} "
            f"({framework.species[other]}) are {distance[closest]:.2f} Å apart; remove the overlap (disorder?).")
    if guest.has_charges and framework.charges is not None:
        total = float(np.sum(framework.charges))
        if abs(total) > NEUTRALITY_E:
            raise InputError(
                f"Framework {framework.name} carries a net charge of {total:+.4f} e per cell; a charge set must "
                f"leave it neutral (subtract {total / framework.n_atoms:+.6f} e per atom, or mend a type).")


def make_system(framework: Framework, models: Sequence[GuestModel] | GuestModel, forcefield: AdsorptionForceField,
                temperature_k: float, settings: GCMCSettings, *, threads: int = 1,
                blocked: NDArray[np.bool_] | None = None) -> AdsorptionSystem:
    """Choose the supercell, build host grids and the insertion bias, for one gas or several.

    ``blocked``: nodes of a grid on the unit cell around which no molecule's centre may be (host.make_host).
    Raises InputError for missing parameters or charges, overlapping atoms or a charged cell.
    """
    models = (models,) if isinstance(models, GuestModel) else tuple(models)
    if temperature_k <= 0:
        raise InputError(f"Temperature must be positive, not {temperature_k} K.")
    if len({m.gas for m in models}) != len(models):
        raise InputError("A mixture names a gas twice; give each gas once.")
    for model in models:
        check_framework(framework, model)
    repeats = supercell_repeats(framework, models, settings.cutoff_angstrom, settings.guest_images)
    supercell = framework.cell * np.array(repeats)[:, None]
    ewald = guest_ewald(models, supercell, settings)
    guests = make_guests(models, temperature_k, settings, ewald, supercell)
    host = make_host(framework, repeats, models, forcefield, temperature_k, settings, merge_coulomb=True,
                     threads=threads, blocked=blocked)
    bias = make_bias(host, guests, make_scratch(guests, ewald, 1, 1), framework.cell, repeats, temperature_k,
                     settings.bias_exponent, settings.seed)
    return AdsorptionSystem(framework, models, temperature_k, settings, repeats, host, guests, ewald, bias,
                            helium_void_fraction(framework, forcefield, threads))
