"""The energy of a given configuration, term by term: what other codes are compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import InputError
from zifsim.gcmc.ewald import Ewald, add_structure_factor, fourier_energy, phase_scratch
from zifsim.gcmc.host import OVERLAP, Host, host_energy, make_host
from zifsim.gcmc.jit import kernel
from zifsim.gcmc.moves import tail_energy
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import check_framework, supercell_repeats
from zifsim.gcmc.walker import Guests, Walker, guest_energy, guest_ewald, make_guests, make_scratch, make_walker
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.units import KELVIN_TO_KJ_MOL

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EnergyTerms:
    """Energies of a configuration in K. Host–host energy of the rigid framework is not included.

    ``guest_guest_coulomb_k`` = real space + Fourier (guests only) + self + exclusion; ``tail_k`` is 0 unless the
    truncation is ``tail``.
    """

    host_guest_lj_k: float
    host_guest_coulomb_k: float
    guest_guest_lj_k: float
    guest_guest_coulomb_real_k: float
    guest_guest_coulomb_fourier_k: float
    self_and_exclusion_k: float
    tail_k: float

    @property
    def guest_guest_coulomb_k(self) -> float:
        return (self.guest_guest_coulomb_real_k + self.guest_guest_coulomb_fourier_k
                + self.self_and_exclusion_k)

    @property
    def total_k(self) -> float:
        return (self.host_guest_lj_k + self.host_guest_coulomb_k + self.guest_guest_lj_k
                + self.guest_guest_coulomb_k + self.tail_k)

    def to_dict(self) -> dict[str, float]:
        """Every term in K, and the same in kJ/mol."""
        names = ("host_guest_lj", "host_guest_coulomb", "guest_guest_lj", "guest_guest_coulomb",
                 "guest_guest_coulomb_real", "guest_guest_coulomb_fourier", "self_and_exclusion", "tail", "total")
        kelvin = {f"{n}_k": float(getattr(self, f"{n}_k")) for n in names}
        return kelvin | {f"{n}_kj_mol": kelvin[f"{n}_k"] * KELVIN_TO_KJ_MOL for n in names}


@kernel
def _real_space_sums(walker, guests, ewald, host, scratch, totals):
    """Host and pair energies over all molecules, each pair once, into ``totals`` (4,); False on an overlap."""
    for i in range(walker.number[0]):
        host_lj, host_coulomb = host_energy(host, ewald, walker.sites, i, scratch)
        pair_lj, pair_coulomb = guest_energy(walker, guests, ewald, host, scratch, walker.sites, walker.centres, i, i)
        if host_lj >= OVERLAP or pair_lj >= OVERLAP:
            return False
        totals[0] += host_lj
        totals[1] += host_coulomb
        totals[2] += 0.5 * pair_lj
        totals[3] += 0.5 * pair_coulomb
    return True


def recompute(walker: Walker, host: Host, guests: Guests, ewald: Ewald, volume: float) -> EnergyTerms:
    """All terms of the walker's configuration, summed from scratch.

    Raises InputError where a molecule sits inside an atom or another molecule.
    """
    totals = np.zeros(4)
    scratch = make_scratch(guests, ewald, 1, len(walker.centres))
    if not _real_space_sums(walker, guests, ewald, host, scratch, totals):
        raise InputError("A guest molecule overlaps a framework atom or another guest; check the coordinates.")
    n = int(walker.number[0])
    real, imaginary = np.zeros(len(ewald.k_factor)), np.zeros(len(ewald.k_factor))
    phases = phase_scratch(ewald)
    for i in range(n):
        add_structure_factor(ewald, walker.sites, i, guests.charges, 1.0, phases, real, imaginary)
    host_lj, host_coulomb, pair_lj, pair_coulomb = (float(t) for t in totals)
    return EnergyTerms(host_lj, host_coulomb, pair_lj, pair_coulomb, float(fourier_energy(ewald, real, imaginary)),
                       n * guests.self_energy, float(tail_energy(host, guests, n, volume)))


def load_configuration(walker: Walker, guests: Guests, ewald: Ewald, sites: FloatArray) -> None:
    """Put whole molecules, given by their ``sites`` (N, S, 3) Å, into an empty walker.

    Centres are the images of the model's origin found by superposing each molecule on the model.
    """
    n = len(sites)
    if n > len(walker.centres):
        raise InputError(f"{n} molecules do not fit into a cell that holds {len(walker.centres)}.")
    body = guests.body
    for i in range(n):
        walker.sites[i] = sites[i]
        walker.centres[i] = sites[i].mean(axis=0) - _rotation_onto(body, sites[i]) @ body.mean(axis=0)
    walker.number[0] = n
    phases = phase_scratch(ewald)
    walker.real[:] = 0.0
    walker.imaginary[:] = 0.0
    for i in range(n):
        add_structure_factor(ewald, walker.sites, i, guests.charges, 1.0, phases, walker.real, walker.imaginary)


def _rotation_onto(body: FloatArray, sites: FloatArray) -> FloatArray:
    """Kabsch rotation (3, 3) that turns the model onto a molecule."""
    a, b = body - body.mean(axis=0), sites - sites.mean(axis=0)
    u, _, vt = np.linalg.svd(a.T @ b)
    sign = np.sign(np.linalg.det(u @ vt))
    rotation: FloatArray = (u @ np.diag([1.0, 1.0, sign]) @ vt).T
    return rotation


def configuration_energy(framework: Framework, guest: GuestModel, forcefield: AdsorptionForceField,
                         temperature_k: float, sites: FloatArray, settings: GCMCSettings) -> EnergyTerms:
    """Energy of given molecules, ``sites`` (M, S, 3) Å, in a framework with charges assigned.

    The framework is repeated as the cut-off asks. Raises InputError for overlaps and missing parameters.
    """
    check_framework(framework, guest)
    repeats = supercell_repeats(framework, guest, settings.cutoff_angstrom)
    ewald = guest_ewald(guest, framework.cell * np.array(repeats)[:, None], settings)
    guests = make_guests(guest, temperature_k, settings, ewald)
    host = make_host(framework, repeats, guest, forcefield, temperature_k, settings, ewald)
    walker = make_walker(guests, ewald, len(sites) + 1)
    load_configuration(walker, guests, ewald, sites)
    return recompute(walker, host, guests, ewald, framework.volume * math.prod(repeats))
