"""Frameworks that have no room for a gas: uptake zero, said plainly and without sampling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from zifsim.gcmc.system import AdsorptionSystem
from zifsim.gcmc.widom import widom_in
from zifsim.model.framework import Framework
from zifsim.model.uptake import HenryResult
from zifsim.units import AMU_KG, ANGSTROM_M, AVOGADRO, BOLTZMANN_J_K

P = TypeVar("P")

# Below this mean Boltzmann weight of a test molecule (an empty box has 1), a supercell of 10⁵ Å³ would hold fewer
# than 10⁻³ molecules at 77 K and 1000 bar, and fewer than 10⁻⁵ under any condition of an adsorption experiment.
LEAST_WEIGHT = 1e-9


def points_where_there_is_room(system: AdsorptionSystem, pressures: Sequence[float], sample: Callable[[], list[P]],
                               empty: Callable[[float], P]) -> tuple[list[P], HenryResult | None]:
    """What ``sample`` finds; where none of the system's gases has room, the ``empty`` point of every pressure (Pa).

    Also the Henry result of the first gas, without any where the settings ask for no test insertions.
    """
    if system.settings.widom_insertions <= 0:
        return sample(), None
    first = henry = widom_in(system)
    for component in range(1, len(system.guest_models)):
        if has_room(system.framework, henry):
            break
        henry = widom_in(system, component)
    if has_room(system.framework, henry):
        return sample(), first
    return [empty(pressure) for pressure in pressures], without_room(first)


def has_room(framework: Framework, henry: HenryResult) -> bool:
    """Whether test insertions found a place for the molecule: ⟨exp(−βU)⟩ of at least 10⁻⁹."""
    empty_box = (framework.volume * ANGSTROM_M**3 / (BOLTZMANN_J_K * henry.temperature_k)
                 / (framework.mass_amu * AMU_KG) / AVOGADRO)      # K_H where U = 0 everywhere, mol/kg/Pa
    return henry.henry_coefficient_mol_kg_pa >= LEAST_WEIGHT * empty_box


def without_room(henry: HenryResult) -> HenryResult:
    """The Henry result as zero; a molecule that is nowhere has no heat of adsorption."""
    return replace(henry, henry_coefficient_mol_kg_pa=0.0, henry_error_mol_kg_pa=0.0,
                   heat_of_adsorption_kj_mol=math.nan, heat_of_adsorption_error_kj_mol=math.nan)
