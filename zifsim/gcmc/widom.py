"""Widom test insertion: Henry coefficient and heat of adsorption at zero loading.

K_H = ⟨exp(−βU)⟩ V / (k_B T m) and q = RT − ⟨U exp(−βU)⟩/⟨exp(−βU)⟩ (Widom 1963, doi:10.1063/1.1734110; Vlugt et
al. 2008, doi:10.1021/ct700342k). Positions are drawn with the host's own Boltzmann weight and reweighted.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from zifsim.gcmc.bias import Bias, make_bias, random_position, random_quaternion
from zifsim.gcmc.guests import Guests
from zifsim.gcmc.host import OVERLAP, Host, host_energy
from zifsim.gcmc.jit import kernel
from zifsim.gcmc.potential import quantum_note
from zifsim.gcmc.random import streams
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import AdsorptionSystem, make_system
from zifsim.gcmc.walker import Scratch, place_sites, turn_body
from zifsim.limits import require_finite
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.uptake import HenryResult
from zifsim.rng import derive_seed
from zifsim.units import AMU_KG, ANGSTROM_M, AVOGADRO, BOLTZMANN_J_K, GAS_CONSTANT, KELVIN_TO_KJ_MOL

FloatArray = NDArray[np.float64]
BLOCKS = 50


@kernel
def _insert(rng: NDArray[np.uint64], host: Host, guests: Guests, bias: Bias, scratch: Scratch, beta: float,
            component: int, n_insertions: int, sums: FloatArray) -> None:
    """Add Σ w and Σ w·U of ``n_insertions`` test molecules to ``sums`` (2,); w = exp(−βU)/(g V)."""
    first = guests.first[component]
    count = guests.first[component + 1] - first
    for _ in range(n_insertions):
        log_density = random_position(rng, 1, bias, component, scratch.centres, 0)
        random_quaternion(rng, 1, scratch.quaternions, 0)
        turn_body(guests.body, first, first + count, scratch.quaternions, scratch.offsets, 0)
        place_sites(host.cell, scratch.centres, scratch.offsets, 0, count, scratch.sites, 0)
        lj, coulomb = host_energy(host, first, count, scratch.sites, 0)
        if lj < OVERLAP:
            u = lj + coulomb + host.tail_energies[component]
            w = math.exp(-beta * u - log_density)
            sums[0] += w
            sums[1] += w * u


def mean_weights(system: AdsorptionSystem, n_insertions: int, seed: int, component: int = 0) -> FloatArray:
    """(B, 2) block means of exp(−βU) and U·exp(−βU) (K) over random placements of one molecule of a component."""
    scratch = system.new_scratch()
    bias = make_bias(system.host, system.guests, scratch, system.framework.cell, system.repeats,
                     system.temperature_k, 1.0, derive_seed(seed, "widom-bias"))
    rng = streams(derive_seed(seed, "widom"), 2)
    per_block = max(1, n_insertions // BLOCKS)
    sums = np.zeros((BLOCKS, 2))
    for block in sums:
        _insert(rng, system.host, system.guests, bias, scratch, 1.0 / system.temperature_k, component, per_block, block)
    return sums / per_block


def henry_from_blocks(system: AdsorptionSystem, blocks: FloatArray, n_insertions: int, seed: int,
                      component: int = 0) -> HenryResult:
    """Henry coefficient and heat with jackknife errors from :func:`mean_weights`."""
    per_pa = (system.volume * ANGSTROM_M**3 / (BOLTZMANN_J_K * system.temperature_k)
              / (system.mass_amu * AMU_KG) / AVOGADRO)
    n = len(blocks)
    mean = blocks.mean(axis=0)
    henry, error = mean[0] * per_pa, blocks[:, 0].std(ddof=1) / math.sqrt(n) * per_pa
    heat = heat_error = math.nan
    if mean[0] > 0:
        rt = GAS_CONSTANT * system.temperature_k * 1e-3
        heat = rt - mean[1] / mean[0] * KELVIN_TO_KJ_MOL
        without = (blocks.sum(axis=0) - blocks) / (n - 1)
        heats = rt - without[:, 1] / np.maximum(without[:, 0], 1e-300) * KELVIN_TO_KJ_MOL
        heat_error = float(np.sqrt((n - 1) / n * np.sum((heats - heats.mean()) ** 2)))
    guest = system.guest_models[component]
    require_finite(f"{guest.gas} in {system.framework.name}", henry_coefficient_mol_kg_pa=henry, its_error=error)
    return HenryResult(guest.gas, system.temperature_k, float(henry), float(error), float(heat), heat_error,
                       n_insertions, seed, quantum_note(guest, system.temperature_k))


def widom_in(system: AdsorptionSystem, component: int = 0) -> HenryResult:
    """Henry coefficient (mol/kg/Pa) and zero-loading heat (kJ/mol) of one gas of a prepared system."""
    settings = system.settings
    blocks = mean_weights(system, settings.widom_insertions, settings.seed, component)
    return henry_from_blocks(system, blocks, settings.widom_insertions, settings.seed, component)


def widom(framework: Framework, guest: GuestModel, forcefield: AdsorptionForceField, temperature_k: float,
          settings: GCMCSettings, *, threads: int = 1) -> HenryResult:
    """:func:`widom_in` for a framework with charges assigned (one standard error each)."""
    return widom_in(make_system(framework, guest, forcefield, temperature_k, settings, threads=threads))
