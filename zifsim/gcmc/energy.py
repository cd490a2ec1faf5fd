"""Energy of a given configuration, term by term: what other codes are compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import InputError
from zifsim.gcmc.bookkeeping import tail_energy
from zifsim.gcmc.ewald import Ewald, add_structure_factor, fourier_energy, phase_scratch
from zifsim.gcmc.guests import Guests, guest_ewald, make_guests
from zifsim.gcmc.host import OVERLAP, Host, host_energy, make_host
from zifsim.gcmc.jit import kernel
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import check_framework, supercell_repeats
from zifsim.gcmc.walker import Scratch, Walker, find_neighbours, guest_energy, make_scratch, make_walker, place_sites
from zifsim.limits import require_finite
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
def _real_space_sums(walker: Walker, guests: Guests, host: Host, scratch: Scratch, totals: FloatArray) -> bool:
    """Host LJ, host Coulomb and pair energies over all molecules, each pair once, into ``totals`` (3,), K.

    Returns False on an overlap.
    """
    for i in range(walker.total[0]):
        kind = walker.kind[i]
        first = guests.first[kind]
        count = guests.first[kind + 1] - first
        near = find_neighbours(guests, walker, scratch, kind, walker.centres, i, i)
        place_sites(host.cell, walker.centres, walker.offsets, i, count, scratch.sites, 0)
        lj, coulomb = host_energy(host, first, count, scratch.sites, 0)
        if lj >= OVERLAP or near < 0:
            return False
        pair = guest_energy(guests, host, walker, scratch, near, kind, walker.centres, walker.offsets, i)
        if pair >= OVERLAP:
            return False
        totals[0] += lj
        totals[1] += coulomb
        totals[2] += 0.5 * pair
    return True


def real_space_energies(walker: Walker, host: Host, guests: Guests, ewald: Ewald) -> FloatArray:
    """(3,) energies of the walker's molecules with the host, Lennard-Jones and Coulomb, and among each other, K.

    Raises InputError where a molecule sits inside an atom or another molecule.
    """
    totals = np.zeros(3)
    scratch = make_scratch(guests, ewald, 1, len(walker.kind))
    if not _real_space_sums(walker, guests, host, scratch, totals):
        raise InputError("A guest molecule overlaps a framework atom or another guest; check the coordinates.")
    return totals


def fourier_energy_of(walker: Walker, host: Host, guests: Guests, ewald: Ewald) -> float:
    """Fourier energy of the walker's molecules, without self and exclusion terms, K."""
    real, imaginary = structure_factor_of(walker, host, guests, ewald)
    return float(fourier_energy(ewald, real, imaginary))


def structure_factor_of(walker: Walker, host: Host, guests: Guests, ewald: Ewald) -> tuple[FloatArray, FloatArray]:
    """(K,) real and imaginary structure factor of the walker's molecules."""
    real, imaginary = np.zeros(len(ewald.k_factor)), np.zeros(len(ewald.k_factor))
    phases, sites = phase_scratch(ewald), np.zeros((1, *walker.offsets.shape[1:]))
    for i in range(int(walker.total[0])):
        first, last = (int(n) for n in guests.first[walker.kind[i]:][:2])
        place_sites(host.cell, walker.centres, walker.offsets, i, last - first, sites, 0)
        add_structure_factor(ewald, sites, 0, guests.charges, first, last - first, 1.0, phases, real, imaginary)
    return real, imaginary


def total_energy(walker: Walker, host: Host, guests: Guests, ewald: Ewald, volume: float) -> FloatArray:
    """(4,) energies of the walker's configuration summed from scratch: host, pairs, Fourier, tail, K."""
    lj, coulomb, pair = real_space_energies(walker, host, guests, ewald)
    fourier = fourier_energy_of(walker, host, guests, ewald) + float(walker.number @ guests.self_energies)
    tail = float(tail_energy(walker.number, host.tail_energies, guests.tails, volume))
    return np.array([lj + coulomb, pair, fourier, tail])


def load_configuration(walker: Walker, guests: Guests, host: Host, sites: FloatArray) -> None:
    """Put whole molecules of the first gas, given by their ``sites`` (N, S, 3) Å, into an empty walker.

    Centres are the images of the model's origin found by superposing each molecule on the model.
    """
    n = len(sites)
    if n > len(walker.kind):
        raise InputError(f"{n} molecules do not fit into a cell that holds {len(walker.kind)}.")
    body = guests.body[:guests.first[1]]
    for i in range(n):
        centre = sites[i].mean(axis=0) - _rotation_onto(body, sites[i]) @ body.mean(axis=0)
        walker.centres[:, i] = centre @ host.inverse_cell
        walker.offsets[i] = sites[i] - centre
    walker.total[0] = walker.number[0] = n
    walker.members[0, :n] = walker.place[:n] = np.arange(n)


def _rotation_onto(body: FloatArray, sites: FloatArray) -> FloatArray:
    """Kabsch rotation (3, 3) that turns the model onto a molecule."""
    a, b = body - body.mean(axis=0), sites - sites.mean(axis=0)
    u, _, vt = np.linalg.svd(a.T @ b)
    sign = np.sign(np.linalg.det(u @ vt))
    rotation: FloatArray = (u @ np.diag([1.0, 1.0, sign]) @ vt).T
    return rotation


def configuration_energy(framework: Framework, guest: GuestModel, forcefield: AdsorptionForceField,
                         temperature_k: float, sites: FloatArray, settings: GCMCSettings) -> EnergyTerms:
    """Energy of given molecules, ``sites`` (M, S, 3) Å, in a framework with charges assigned, Coulomb by Ewald.

    The framework is repeated as the cut-off asks. Raises InputError for overlaps and missing parameters.
    """
    check_framework(framework, guest)
    settings = replace(settings, guest_coulomb="ewald")
    repeats = supercell_repeats(framework, (guest,), settings.cutoff_angstrom, settings.guest_images)
    supercell = framework.cell * np.array(repeats)[:, None]
    ewald = guest_ewald((guest,), supercell, settings)
    guests = make_guests((guest,), temperature_k, settings, ewald, supercell, coulomb=False)
    charges = make_guests((guest,), temperature_k, settings, ewald, supercell, lennard_jones=False)
    host = make_host(framework, repeats, (guest,), forcefield, temperature_k, settings)
    walker = make_walker(guests, ewald, len(sites) + 1)
    load_configuration(walker, guests, host, sites)
    host_lj, host_coulomb, pair_lj = real_space_energies(walker, host, guests, ewald)
    # charges alone have no core, whatever their energy
    _, _, pair_coulomb = real_space_energies(
        walker, host, charges._replace(core2=charges.core2 * 0.0, core2_least=0.0, overlap_k=math.inf), ewald)
    terms = EnergyTerms(
        float(host_lj), float(host_coulomb), float(pair_lj), float(pair_coulomb),
        fourier_energy_of(walker, host, guests, ewald), float(walker.number @ guests.self_energies),
        float(tail_energy(walker.number, host.tail_energies, guests.tails, framework.volume * math.prod(repeats))))
    require_finite(f"{guest.name} in {framework.name}", **terms.to_dict())
    return terms
