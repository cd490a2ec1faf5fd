"""Loading points of one gas from what its sampling found."""

from __future__ import annotations

from typing import Any

from zifsim.gcmc.bulk import equation_of_state
from zifsim.gcmc.system import AdsorptionSystem
from zifsim.model.uptake import LoadingPoint
from zifsim.units import ANGSTROM_M, AVOGADRO, molecules_to_mol_kg


def loading_point(system: AdsorptionSystem, pressure_pa: float, fugacity_pa: float, molecules: float,
                  molecules_error: float, **more: Any) -> LoadingPoint:
    """A point of so many molecules in the simulation cell; ``more``: the other fields of a LoadingPoint.

    The excess is the loading less the gas that would fill the void volume (helium void fraction).
    """
    per_molecule = molecules_to_mol_kg(1.0, system.mass_amu)
    eos = equation_of_state(system.guest_models[0], system.temperature_k, system.settings.metastable)
    density = eos.molar_density_mol_m3(system.temperature_k, pressure_pa)
    gas_in_void = density * AVOGADRO * ANGSTROM_M**3 * system.volume * system.void_fraction
    return LoadingPoint(
        pressure_pa=pressure_pa, fugacity_pa=fugacity_pa, loading_mol_kg=molecules * per_molecule,
        loading_error_mol_kg=molecules_error * per_molecule, excess_mol_kg=(molecules - gas_in_void) * per_molecule,
        molecules_per_cell=molecules, molecules_per_cell_error=molecules_error, **more)
