"""System of OpenMM from a framework and a melt force field, term by term.

Only standard OpenMM forces, so that every platform runs all of it. Lennard-Jones and Coulomb live in one
``NonbondedForce`` (PME) whose exceptions follow the bond graph, dummies included; Morse, soft He–Ne core
and Zn–Zn wall are ``CustomNonbondedForce`` with interaction groups. Where linkers and zinc cages are molecules,
positions keep them whole and their bonded forces need no periodic images; a bonded network has no inside, so there
every force is periodic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import unit

from zifsim.errors import InputError
from zifsim.io.melt_forcefields import chain_key, improper_key
from zifsim.melt.box import Box, widths
from zifsim.melt.potential import is_learned, learned_system
from zifsim.melt.topology import Topology, bare_topology, build_topology
from zifsim.model.forcefield import MeltForceField
from zifsim.model.framework import Framework

FloatArray = NDArray[np.float64]

NM = 0.1                                # Å -> nm
DEFAULT_CUTOFF = 7.0                    # Å: what one unit cell of ZIF-62 (15.66 Å) allows while it densifies
TERMS = ("bond", "urey_bradley", "angle", "dihedral", "improper", "nonbonded", "morse", "soft", "zinc_wall")
GROUP = {term: number for number, term in enumerate(TERMS)}

# Masses, amu, of hydrogens and dummy sites; the atoms that carry them give the difference. Static and thermodynamic
# averages do not depend on masses, the time step does: these three lengthen the shortest vibration of ZIF-62 (normal
# modes of nb-ZIF-FF-s) as far as masses can, from 8.5 fs with 3, 4 and 3 to 14.5 fs, so that 1 fs holds at 1500 K.
HYDROGEN_MASS = 2.7
HELIUM_SITE_MASS = 12.0
NEON_SITE_MASS = 4.5
MAX_RESIDUAL_CHARGE = 1e-3              # e per Zn; what the rounding of published charges may leave
SOFT_LEFT_OUT = 1e-7                    # kJ/mol: what the soft core of a He–Ne pair is worth at most beyond its cut-off


@dataclass(frozen=True, slots=True)
class MeltSystem:
    """An OpenMM system with what is needed to read its particles as a framework again.

    ``positions`` (P, 3) Å in the frame of ``box``; the framework's atoms come first, dummy sites after them.
    """

    framework: Framework
    forcefield: MeltForceField
    topology: Topology
    system: openmm.System
    positions: FloatArray
    box: Box
    cutoff_angstrom: float

    def framework_at(self, positions: FloatArray, box: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Atom positions (N, 3) and cell (3, 3) in the framework's own frame, Å, from the simulation's."""
        atoms = positions[: self.framework.n_atoms]
        return self.box.positions_back(atoms), self.box.cell_back(box)


def build_model(fw: Framework, forcefield: MeltForceField, *, cutoff_angstrom: float = DEFAULT_CUTOFF,
                ewald_tolerance: float = 5e-4, zinc_torsions: bool = True, repartition: bool = True,
                tail_correction: bool = False, by_term: bool = False) -> MeltSystem:
    """Assemble the OpenMM system of a framework, or take it from openmmml where ``forcefield`` is machine-learned.

    Parameters
    ----------
    cutoff_angstrom: of Lennard-Jones and of the real-space Coulomb sum; plain truncation.
    tail_correction: add the mean Lennard-Jones energy beyond the cut-off to energy and pressure, as if atoms were
        spread evenly there (−480 bar in the ZIF-62 crystal at 7 Å).
    ewald_tolerance: OpenMM's PME error tolerance.
    zinc_torsions: include the C–N–Zn–N torsions of the bonded model (k ≈ 0.1 kJ/mol).
    repartition: heavy hydrogens, so that a longer time step holds.
    by_term: one force per term, for :func:`energy_terms`; else Urey–Bradley springs are among the bonds and impropers
        among the dihedrals, which saves a twelfth of the time of a step on a CPU.

    Raises
    ------
    InputError: the force field lacks atom types or bonded terms (named); cell too small for the cut-off.
    """
    box = Box.of(fw.cell)
    if is_learned(forcefield):
        return _learned_model(fw, forcefield, box, repartition)
    narrowest = float(widths(box.vectors).min())
    if narrowest <= 2.0 * cutoff_angstrom:
        raise InputError(f"{fw.name}: the cell is {narrowest:.2f} Å wide, a cut-off of {cutoff_angstrom:g} Å "
                         f"needs more than {2 * cutoff_angstrom:g} Å; use a supercell or a shorter cut-off.")
    topology = build_topology(fw, forcefield, box.to_box_frame(fw.positions), box.vectors)
    system = openmm.System()
    system.setDefaultPeriodicBoxVectors(*(box.vectors * NM))
    for mass in particle_masses(fw, topology, forcefield, repartition):
        system.addParticle(mass)
    _add_bonded(system, topology, forcefield, zinc_torsions, by_term)
    _add(system, _nonbonded(topology, forcefield, cutoff_angstrom, ewald_tolerance, tail_correction), "nonbonded")
    if forcefield.dissociable:
        _add_pair_terms(system, topology, forcefield, cutoff_angstrom)
    return MeltSystem(fw, forcefield, topology, system, topology.positions, box, cutoff_angstrom)


def _learned_model(fw: Framework, forcefield: MeltForceField, box: Box, repartition: bool) -> MeltSystem:
    """The model of a machine-learned potential, which knows its own cut-off and has no use for ours."""
    topology = bare_topology(fw, box.to_box_frame(fw.positions), box.vectors)
    system = learned_system(fw, forcefield, topology, box)
    for particle, mass in enumerate(particle_masses(fw, topology, forcefield, repartition)):
        system.setParticleMass(particle, mass)
    return MeltSystem(fw, forcefield, topology, system, topology.positions, box, cutoff_angstrom=0.0)


def particle_masses(fw: Framework, topology: Topology, forcefield: MeltForceField,
                    repartition: bool) -> FloatArray:
    """(P,) masses, amu; what dummies and heavy hydrogens gain is taken from the atoms that carry them."""
    masses = np.concatenate([fw.masses, np.zeros(len(topology.parents))])
    for name, kind in forcefield.atoms.items():
        if kind.mass_amu is not None:
            masses[[t == name for t in topology.types]] = kind.mass_amu
    for dummy, parent in enumerate(topology.parents, start=fw.n_atoms):
        masses[dummy] = HELIUM_SITE_MASS if topology.types[dummy] == "He" else NEON_SITE_MASS
        masses[parent] -= masses[dummy]
    if repartition:
        for i, j in fw.bonds:
            for hydrogen, heavy in ((i, j), (j, i)):
                if fw.species[hydrogen] == "H":
                    masses[heavy] -= HYDROGEN_MASS - masses[hydrogen]
                    masses[hydrogen] = HYDROGEN_MASS
    return masses


def particle_charges(topology: Topology, forcefield: MeltForceField) -> FloatArray:
    """(P,) charges, e, neutral: what rounding of the published charges leaves is spread over the Zn.

    Raises
    ------
    InputError: the charges leave more than ``MAX_RESIDUAL_CHARGE`` per Zn.
    """
    charges = np.array([forcefield.atoms[t].charge_e for t in topology.types])
    zinc = np.array([t == "Zn" for t in topology.types])
    residual = charges.sum() / max(1, zinc.sum())
    if abs(residual) > MAX_RESIDUAL_CHARGE:
        raise InputError(f"Force field {forcefield.name} leaves {charges.sum():+.4f} e in the cell; "
                         "a linker is missing or its charges are wrong.")
    charges[zinc] -= residual
    return charges


def _add_bonded(system: openmm.System, topology: Topology, forcefield: MeltForceField,
                zinc_torsions: bool, by_term: bool) -> None:
    """Bonds, Urey–Bradley springs, angles, dihedrals, impropers; OpenMM halves k, so it is doubled here."""
    types = topology.types
    missing: set[str] = set()
    tables: dict[str, dict[tuple[str, ...], Any]] = {
        "bond": {chain_key(t.types): t for t in forcefield.bonds},
        "angle": {chain_key(t.types): t for t in forcefield.angles},
        "dihedral": {chain_key(t.types): t for t in forcefield.dihedrals},
        "improper": {improper_key(t.centre, t.outer): t for t in forcefield.impropers}}

    def term(kind: str, atoms: tuple[int, ...]) -> Any:
        names = [types[a] for a in atoms]
        key = improper_key(names[0], names[1:]) if kind == "improper" else chain_key(names)
        if key not in tables[kind]:
            missing.add(f"{kind} {'–'.join(names)}")
        return tables[kind].get(key)

    bond, angle, dihedral = openmm.HarmonicBondForce(), openmm.HarmonicAngleForce(), openmm.PeriodicTorsionForce()
    springs = openmm.HarmonicBondForce() if by_term else bond
    improper = openmm.PeriodicTorsionForce() if by_term else dihedral
    for pair in topology.bonds:
        if t := term("bond", pair):
            bond.addBond(*pair, t.r0 * NM, 2 * t.k / NM**2)
    for i, j, k in topology.angles:
        if t := term("angle", (i, j, k)):
            angle.addAngle(i, j, k, np.radians(t.theta0), 2 * t.k)
            if t.k_ub:
                springs.addBond(i, k, t.r_ub * NM, 2 * t.k_ub / NM**2)
    for chain in topology.dihedrals:
        about_zinc = "Zn" in (types[chain[1]], types[chain[2]])
        if (zinc_torsions or not about_zinc) and (t := term("dihedral", chain)) and t.k:
            dihedral.addTorsion(*chain, t.n, np.radians(t.phase), t.k)
    for planar in topology.planar:
        if (t := term("improper", planar)) and t.k:
            last = next(a for a in planar[1:] if types[a] == t.last)
            others = [a for a in planar[1:] if a != last]
            improper.addTorsion(planar[0], *others, last, 2, np.pi, t.k)
    if missing:
        raise InputError(f"Force field {forcefield.name} has no term for {', '.join(sorted(missing))}; "
                         "add it to a copy of its TOML file.")
    forces = {"bond": bond, "angle": angle, "dihedral": dihedral}
    if by_term:
        forces |= {"urey_bradley": springs, "improper": improper}
    for name, force in forces.items():
        force.setUsesPeriodicBoundaryConditions(not forcefield.dissociable)
        _add(system, force, name)


def _add(system: openmm.System, force: Any, name: str) -> None:
    force.setName(name)
    force.setForceGroup(GROUP[name])
    system.addForce(force)


def _nonbonded(topology: Topology, forcefield: MeltForceField, cutoff: float,
               tolerance: float, tail: bool) -> openmm.NonbondedForce:
    force = openmm.NonbondedForce()
    force.setNonbondedMethod(openmm.NonbondedForce.PME)
    force.setCutoffDistance(cutoff * NM)
    force.setEwaldErrorTolerance(tolerance)
    force.setUseDispersionCorrection(tail)
    for kind, charge in zip(topology.types, particle_charges(topology, forcefield), strict=True):
        atom = forcefield.atoms[kind]
        epsilon = 0.0 if kind in ("He", "Ne") else atom.epsilon_kj_mol      # these have the soft core instead
        force.addParticle(charge, atom.sigma_angstrom * NM, epsilon)
    force.createExceptionsFromBonds(list(topology.bonds), forcefield.coulomb_14, forcefield.lj_14)
    force.setExceptionsUsePeriodicBoundaryConditions(not forcefield.dissociable)
    return force


def _add_pair_terms(system: openmm.System, topology: Topology, forcefield: MeltForceField,
                    cutoff: float) -> None:
    """Morse between Zn and N in place of their Lennard-Jones, the soft He–Ne core, the wall between zincs.

    The Lennard-Jones of Zn–N that ``NonbondedForce`` contains is taken off here, which costs nothing in a
    force that visits the same pairs, where an exception per pair would not scale. The soft core is published
    for He and Ne with every atom; beyond He–Ne it stays under 1e-3 kJ/mol per cell and is left out. Its own cut-off is
    :func:`soft_reach`.
    """
    members = {k: [p for p, t in enumerate(topology.types) if t == k] for k in ("Zn", "N1", "He", "Ne")}
    zinc, nitrogen = forcefield.atoms["Zn"], forcefield.atoms["N1"]
    assert forcefield.morse is not None
    morse = _pair_force("morse", topology, cutoff, members["Zn"], members["N1"],
                        "depth*(x - 2)*x - 4*eps*(s - 1)*s; s = (sig/r)^6; x = exp(-alpha*(r - r0))",
                        depth=forcefield.morse.depth_kj_mol, alpha=forcefield.morse.alpha / NM,
                        r0=forcefield.morse.r0 * NM,
                        eps=np.sqrt(zinc.epsilon_kj_mol * nitrogen.epsilon_kj_mol),
                        sig=(zinc.sigma_angstrom + nitrogen.sigma_angstrom) / 2 * NM)
    _add(system, morse, "morse")
    _add(system, _pair_force("soft", topology, min(cutoff, soft_reach(forcefield)), members["He"], members["Ne"],
                             "4*soft_eps*(s - 1)*s; s = (soft_sig/r)^6",
                             soft_eps=forcefield.soft_epsilon_kj_mol,
                             soft_sig=forcefield.soft_sigma_angstrom * NM), "soft")
    if (wall := forcefield.zinc_wall) is not None:
        _add(system, _pair_force("zinc_wall", topology, min(cutoff, wall.r0), members["Zn"], members["Zn"],
                                 "wall_k*(wall_r - r)^2*step(wall_r - r)",
                                 wall_k=wall.k / NM**2, wall_r=wall.r0 * NM), "zinc_wall")


def soft_reach(forcefield: MeltForceField) -> float:
    """Distance, Å, beyond which the soft core 4ε(s² − s), s = (σ/r)⁶, of a pair is worth less than 4εs =
    :data:`SOFT_LEFT_OUT`, and pulls with less than 6 × that per r."""
    well = 4.0 * forcefield.soft_epsilon_kj_mol
    return float(forcefield.soft_sigma_angstrom * max(1.0, well / SOFT_LEFT_OUT) ** (1.0 / 6.0))


def _pair_force(name: str, topology: Topology, cutoff: float, first: list[int], second: list[int],
                expression: str, **parameters: float) -> openmm.CustomNonbondedForce:
    """A pair force between two groups of particles; its constants are written into the expression."""
    constants = "; ".join(f"{k} = {float(v)!r}" for k, v in parameters.items())
    force = openmm.CustomNonbondedForce(f"{expression}; {constants}")
    for _ in topology.types:
        force.addParticle([])
    force.createExclusionsFromBonds(list(topology.bonds), 3)    # the same as NonbondedForce: platforms insist
    force.addInteractionGroup(first, second)
    force.setNonbondedMethod(openmm.CustomNonbondedForce.CutoffPeriodic)
    force.setCutoffDistance(cutoff * NM)
    return force


def energy_terms(model: MeltSystem, context: openmm.Context) -> dict[str, float]:
    """Energy by term, kJ/mol, of a model built ``by_term``; ``morse`` is the Morse energy less the Zn–N
    Lennard-Jones it replaces."""
    def energy(name: str) -> float:
        state = context.getState(getEnergy=True, groups={GROUP[name]})
        return float(state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole))

    present = {force.getName() for force in model.system.getForces()}
    return {name: energy(name) for name in TERMS if name in present}


def energy_of(model: MeltSystem, platform: openmm.Platform) -> float:
    """Potential energy of the model's own positions, kJ/mol."""
    context = openmm.Context(model.system, openmm.VerletIntegrator(0.001), platform)
    context.setPositions(model.positions * NM)
    state = context.getState(getEnergy=True)
    return float(state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole))
