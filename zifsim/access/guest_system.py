"""OpenMM system of a framework that moves with one rigid guest inside, the guest's centre held by a restraint."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import unit

from zifsim.errors import InputError
from zifsim.gcmc.host import framework_kinds, host_pairs
from zifsim.gcmc.settings import GCMCSettings
from zifsim.melt.platform import PlatformChoice
from zifsim.melt.system import NM, MeltSystem, build_model
from zifsim.model.forcefield import AdsorptionForceField, MeltForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.units import COULOMB_K_ANGSTROM, KELVIN_TO_KJ_MOL

FloatArray = NDArray[np.float64]
ALPHA = 2.0         # 1/nm, of the damped Coulomb energy
HALF_CELL = 0.499   # of the shortest edge: where interactions of the guest end


class Restraint(NamedTuple):
    """An energy, kJ/mol, of the centres 1 of the guest and 2 of the framework (nm), and its parameters, all 0 at first;
    ``hold`` is its strength."""

    expression: str
    parameters: tuple[str, ...]


class GuestSystem(NamedTuple):
    """``system``: the particles of ``model`` (atoms, dummy sites), then the sites of the guest."""

    system: openmm.System
    model: MeltSystem

    @property
    def masses(self) -> FloatArray:
        """(P,) amu."""
        number = self.system.getNumParticles()
        return np.array([self.system.getParticleMass(i).value_in_unit(unit.amu) for i in range(number)])

    def context(self, integrator: openmm.Integrator, choice: PlatformChoice) -> openmm.Context:
        """A context on the chosen platform; positions are still to be set."""
        return openmm.Context(self.system, integrator, openmm.Platform.getPlatformByName(choice.name),
                              choice.properties)


def host_force(framework: Framework, guest: GuestModel, temperature_k: float, forcefield: AdsorptionForceField,
               cutoff_angstrom: float) -> tuple[NDArray[np.int64], int, openmm.CustomNonbondedForce]:
    """Kinds of the atoms (N,), how many there are, and OpenMM's force between them and the sites of guests.

    Particles have a charge and a type: an atom's kind, then the sites of the guest, then one that feels nothing.
    Truncated Lennard-Jones with its Feynman–Hibbs terms, and damped, shifted Coulomb (Wolf et al. 1999,
    doi:10.1063/1.478738, energies only).
    """
    kinds, epsilon, sigma = framework_kinds(framework, forcefield)
    settings = GCMCSettings(cutoff_angstrom=cutoff_angstrom)
    table = host_pairs(epsilon, sigma, [guest], temperature_k, settings).coefficients
    size = len(epsilon) + len(guest.sites) + 1
    force = openmm.CustomNonbondedForce(
        "c3(t1,t2)/r^6 + c4(t1,t2)/r^8 + c6(t1,t2)/r^12 + c7(t1,t2)/r^14 + k*q1*q2*(erfc(a*r)/r - erfc(a*rc)/rc)")
    for column, (name, power) in enumerate((("c3", 6), ("c4", 8), ("c6", 12), ("c7", 14))):
        full = np.zeros((size, size))
        full[len(epsilon):-1, :len(epsilon)] = table[:, :, column] * KELVIN_TO_KJ_MOL * NM**power
        full += full.T
        force.addTabulatedFunction(name, openmm.Discrete2DFunction(size, size, full.T.ravel().tolist()))
    for name, value in (("k", COULOMB_K_ANGSTROM * KELVIN_TO_KJ_MOL * NM), ("a", ALPHA),
                        ("rc", cutoff_angstrom * NM)):
        force.addGlobalParameter(name, value)
    force.addPerParticleParameter("t")
    force.addPerParticleParameter("q")
    force.setNonbondedMethod(openmm.CustomNonbondedForce.CutoffPeriodic)
    force.setCutoffDistance(cutoff_angstrom * NM)
    return kinds, len(epsilon), force


def guest_system(framework: Framework, guest: GuestModel, temperature_k: float, forcefield: AdsorptionForceField,
                 dynamics: MeltForceField, restraint: Restraint) -> GuestSystem:
    """The system of a framework (charges assigned) and one guest, which the dummy sites of the framework ignore.

    Raises
    ------
    InputError: a guest that is neither a point nor linear; a framework without charges for one that has them.
    """
    model = build_model(framework, dynamics)
    system, n = model.system, model.system.getNumParticles()
    cutoff = HALF_CELL * float(np.linalg.norm(model.box.vectors, axis=1).min())
    if guest.has_charges and framework.charges is None:
        raise InputError(f"{guest.name} carries charges but framework {framework.name} has none.")
    kinds, n_kinds, force = host_force(framework, guest, temperature_k, forcefield, cutoff)
    charges = framework.charges if guest.has_charges and framework.charges is not None else np.zeros(framework.n_atoms)
    m = len(guest.sites)
    for particle in range(n):
        is_atom = particle < framework.n_atoms
        force.addParticle([kinds[particle], charges[particle]] if is_atom else [n_kinds + m, 0.0])
    ends = _add_guest(system, guest)
    for site in range(m):
        force.addParticle([n_kinds + site, guest.sites[site].charge_e])
    force.addInteractionGroup(set(range(n)), set(range(n, n + m)))
    for other in system.getForces():
        _leave_out(other, n, m, force)
    system.addForce(force)
    hold = openmm.CustomCentroidBondForce(2, restraint.expression)
    hold.addGroup([n + end for end in ends])
    hold.addGroup(list(range(n)))
    hold.addBond([0, 1])
    for name in restraint.parameters:
        hold.addGlobalParameter(name, 0.0)
    system.addForce(hold)
    return GuestSystem(system, model)


def _add_guest(system: openmm.System, guest: GuestModel) -> list[int]:
    """Add the sites; returns those with mass: the one of a point, the outer two of a line, which share it."""
    n, m, sites = system.getNumParticles(), len(guest.sites), guest.site_positions
    ends = [int(e) for e in np.argsort(np.linalg.norm(sites, axis=1), kind="stable")[-2:]] if m > 1 else [0]
    for site in range(m):
        system.addParticle(guest.molar_mass_g_mol / len(ends) if site in ends else 0.0)
    if m > 1:
        span = sites[ends[1]] - sites[ends[0]]
        system.addConstraint(n + ends[0], n + ends[1], float(np.linalg.norm(span)) * NM)
        for site in set(range(m)) - set(ends):
            part = float((sites[site] - sites[ends[0]]) @ span / (span @ span))
            if np.linalg.norm(sites[ends[0]] + part * span - sites[site]) > 1e-6:
                raise InputError(f"Guest {guest.name} is neither a point nor linear; only those follow a path.")
            system.setVirtualSite(n + site, openmm.TwoParticleAverageSite(n + ends[0], n + ends[1], 1.0 - part, part))
    return ends


def _leave_out(force: Any, n: int, m: int, host: openmm.CustomNonbondedForce) -> None:
    """Let the forces of the framework ignore the ``m`` sites after its ``n`` particles."""
    pairs = [(n + a, n + b) for a in range(m) for b in range(a)]
    if isinstance(force, openmm.NonbondedForce):
        for _ in range(m):
            force.addParticle(0.0, 0.1, 0.0)
        for pair in pairs:
            force.addException(*pair, 0.0, 0.1, 0.0)
        for exception in range(force.getNumExceptions()):       # OpenMM wants the same pairs left out everywhere
            host.addExclusion(*force.getExceptionParameters(exception)[:2])
    elif isinstance(force, openmm.CustomNonbondedForce):
        for _ in range(m):
            force.addParticle([0.0] * force.getNumPerParticleParameters())
        for pair in pairs:
            force.addExclusion(*pair)


def turned(sites: FloatArray, direction: FloatArray) -> FloatArray:
    """Sites (m, 3) Å of a linear molecule, its axis along ``direction`` (3,), a unit vector; a point as it is."""
    far = sites[np.argmax(np.linalg.norm(sites, axis=1))]
    length = float(np.linalg.norm(far))
    return np.outer(sites @ far / length, direction) if length > 0.0 else sites
