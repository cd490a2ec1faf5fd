"""The one unit system inside zifsim, and the constants and conversions at its boundary.

Inside: Å, ps, K, amu, e, kJ/mol; energies in kelvin (E/k_B) where a name ends in ``_k``.
Constants are CODATA 2018 (exact SI where defined): https://doi.org/10.1103/RevModPhys.93.025010.
"""

from __future__ import annotations

import math

AVOGADRO = 6.02214076e23                    # 1/mol, exact
BOLTZMANN_J_K = 1.380649e-23                # J/K, exact
GAS_CONSTANT = AVOGADRO * BOLTZMANN_J_K     # J/(mol K)
KELVIN_TO_KJ_MOL = GAS_CONSTANT * 1e-3      # energy E/k_B in K -> kJ/mol
PLANCK_J_S = 6.62607015e-34                 # J s, exact
HBAR_J_S = PLANCK_J_S / (2.0 * math.pi)
ELEMENTARY_CHARGE_C = 1.602176634e-19       # C, exact
VACUUM_PERMITTIVITY = 8.8541878128e-12      # F/m
AMU_KG = 1.66053906660e-27                  # kg
ANGSTROM_M = 1e-10

# e²/(4π ε0 k_B) in K·Å: Coulomb energy of two unit charges 1 Å apart.
COULOMB_K_ANGSTROM = ELEMENTARY_CHARGE_C**2 / (
    4.0 * math.pi * VACUUM_PERMITTIVITY * BOLTZMANN_J_K * ANGSTROM_M
)
KCAL_TO_KJ = 4.184
EV_TO_KJ_MOL = ELEMENTARY_CHARGE_C * AVOGADRO * 1e-3
BAR_PA = 1e5
ATM_PA = 101325.0

# Molar volume of the ideal gas at STP as adsorption papers use it (273.15 K, 1 atm), mL/mol.
STP_ML_MOL = GAS_CONSTANT * 273.15 / ATM_PA * 1e6
AMU_PER_CUBIC_ANGSTROM_TO_G_CM3 = AMU_KG * 1e3 / 1e-24


# Units of loading: ending of a column's name -> how the unit is printed. Gravimetric ones are per mass of the bare
# framework; wt % is grams of gas per 100 g of framework. The supercell is the simulation cell.
LOADING_UNITS = {
    "mol_kg": "mol/kg",
    "mmol_g": "mmol/g",
    "ml_stp_g": "mL(STP)/g",
    "wt_percent": "wt %",
    "molecules_per_unit_cell": "molecules/unit cell",
    "molecules_per_supercell": "molecules/supercell",
}


def loading_factor(unit: str, *, molar_mass_g_mol: float, unit_cell_mass_amu: float, unit_cells: int) -> float:
    """What a loading in mol/kg is multiplied by to be in ``unit`` (a key of LOADING_UNITS).

    ``molar_mass_g_mol`` is the gas's; ``unit_cells`` make up the supercell. Raises KeyError for another unit.
    """
    return {
        "mol_kg": 1.0,
        "mmol_g": 1.0,
        "ml_stp_g": STP_ML_MOL * 1e-3,
        "wt_percent": molar_mass_g_mol * 0.1,
        "molecules_per_unit_cell": unit_cell_mass_amu * 1e-3,
        "molecules_per_supercell": unit_cell_mass_amu * 1e-3 * unit_cells,
    }[unit]


def mol_kg_to_ml_stp_g(loading_mol_kg: float) -> float:
    """Loading in mol/kg -> mL(STP) of gas per gram of framework."""
    return loading_mol_kg * STP_ML_MOL * 1e-3


def molecules_to_mol_kg(n_molecules: float, framework_mass_amu: float) -> float:
    """Molecules in a cell of ``framework_mass_amu`` (amu) -> mol per kg of framework."""
    return n_molecules / framework_mass_amu * 1e3
