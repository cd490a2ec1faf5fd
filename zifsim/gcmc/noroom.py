"""A framework that has no room for the gas: uptake zero, said plainly and without sampling."""

from __future__ import annotations

import math
from dataclasses import replace

from zifsim.model.framework import Framework
from zifsim.model.uptake import HenryResult, LoadingPoint
from zifsim.units import AMU_KG, ANGSTROM_M, AVOGADRO, BOLTZMANN_J_K

# Below this mean Boltzmann weight of a test molecule (an empty box has 1), a supercell of 10⁵ Å³ would hold fewer
# than 10⁻³ molecules at 77 K and 1000 bar, and fewer than 10⁻⁵ under any condition of an adsorption experiment.
LEAST_WEIGHT = 1e-9


def has_room(framework: Framework, henry: HenryResult) -> bool:
    """Whether test insertions found a place for the molecule: ⟨exp(−βU)⟩ of at least 10⁻⁹."""
    empty_box = (framework.volume * ANGSTROM_M**3 / (BOLTZMANN_J_K * henry.temperature_k)
                 / (framework.mass_amu * AMU_KG) / AVOGADRO)      # K_H where U = 0 everywhere, mol/kg/Pa
    return henry.henry_coefficient_mol_kg_pa >= LEAST_WEIGHT * empty_box


def without_room(henry: HenryResult) -> HenryResult:
    """The Henry result as zero; a molecule that is nowhere has no heat of adsorption."""
    return replace(henry, henry_coefficient_mol_kg_pa=0.0, henry_error_mol_kg_pa=0.0,
                   heat_of_adsorption_kj_mol=math.nan, heat_of_adsorption_error_kj_mol=math.nan)


def empty_point(pressure_pa: float, fugacity_pa: float, seed: int) -> LoadingPoint:
    """A pressure at which nothing is adsorbed and nothing was sampled (0 moves)."""
    return LoadingPoint(
        pressure_pa=pressure_pa, fugacity_pa=fugacity_pa, loading_mol_kg=0.0, loading_error_mol_kg=0.0,
        excess_mol_kg=0.0, molecules_per_cell=0.0, molecules_per_cell_error=0.0, heat_of_adsorption_kj_mol=math.nan,
        heat_of_adsorption_error_kj_mol=math.nan, n_moves=0, n_equilibration_moves=0, effective_samples=0.0,
        equilibrated=True, seed=seed)
