"""Helium void fraction: the part of a cell that excess adsorption counts as gas."""

from __future__ import annotations

import numpy as np

from zifsim.gcmc.grid import divisions_for, lj_energies
from zifsim.gcmc.host import framework_kinds
from zifsim.gcmc.potential import pair_table
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework

# Talu & Myers 2001, doi:10.1002/aic.690470521: helium as the reference gas at room temperature.
HELIUM_EPSILON_K = 10.9
HELIUM_SIGMA_ANGSTROM = 2.64
REFERENCE_TEMPERATURE_K = 298.0
SPACING_ANGSTROM = 0.4
CUTOFF_ANGSTROM = 12.0


def helium_void_fraction(framework: Framework, forcefield: AdsorptionForceField, threads: int = 1) -> float:
    """⟨exp(−βU_He)⟩ over the cell at 298 K, by quadrature on a regular grid (0.4 Å); dimensionless."""
    kinds, epsilon, sigma = framework_kinds(framework, forcefield)
    pairs = pair_table(np.array([HELIUM_EPSILON_K]), np.array([HELIUM_SIGMA_ANGSTROM]), epsilon, sigma,
                       cutoff_angstrom=CUTOFF_ANGSTROM, truncation="truncated")
    energies = lj_energies(framework.positions, kinds, framework.cell, pairs, [0],
                           divisions_for(framework.cell, SPACING_ANGSTROM), threads)
    return float(np.exp(-energies / REFERENCE_TEMPERATURE_K).mean())
