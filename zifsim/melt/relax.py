"""Energy minimisation of a framework with a melt force field, in its cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import unit
from scipy.optimize import minimize

from zifsim.errors import SimulationError
from zifsim.melt.box import minimum_image
from zifsim.melt.platform import PlatformChoice
from zifsim.melt.system import DEFAULT_CUTOFF, NM, MeltSystem, build_model
from zifsim.model.forcefield import MeltForceField
from zifsim.model.framework import Framework
from zifsim.runs import stopping

FloatArray = NDArray[np.float64]

FORCE_TOLERANCE = 1.0           # kJ/mol/nm, rms: of a start for dynamics and of a glass
ENERGY_TOLERANCE = 0.05         # kJ/mol per cell, between restarts of the minimiser
MAX_RESTARTS = 50

# A minimum that every machine finds: no jump of the energy anywhere, and double precision.
SWITCH_WIDTH = 1.0              # Å below the cut-off over which Lennard-Jones is switched off
SPLITTING = 4.2                 # Ewald splitting times cut-off: erfc leaves 3e-9 of a charge at the cut-off
MESH_ANGSTROM = 0.5             # of the reciprocal-space part; a coarser mesh makes its own ripples (0.03 Å at 0.8 Å)
ROUGH_TOLERANCE = 0.05          # kJ/mol/Å, the largest component of the gradient before the Hessian is taken
TOLERANCE = 3e-4                # (kJ/mol)^½, gradient over root of the curvature: 0.001 Å in the softest modes
MAX_EVALUATIONS = 20_000
MAX_COORDINATES = 6_000         # of a Hessian (0.3 GB); a larger cell is left at the rough tolerance over ten
MEMORY = 30                     # steps that L-BFGS remembers
HESSIAN_STEP = 1e-3             # Å
LEAST_CURVATURE = 0.05          # kJ/mol/Å²: softer modes are scaled as this one


def relax_framework(fw: Framework, forcefield: MeltForceField, *, cutoff_angstrom: float = DEFAULT_CUTOFF) -> Framework:
    """The framework at the nearest energy minimum in its cell: same atoms and topology, dummy sites dropped.

    The same on every machine: Lennard-Jones is switched off smoothly before the cut-off, the Ewald sum is split so
    that nothing jumps there, and energies are those of OpenMM's Reference platform, in double precision. From starts
    0.03 Å apart atoms come out within 0.005 Å (not promised beyond :data:`MAX_COORDINATES`). A cell narrower than twice
    the cut-off is relaxed as a supercell, whose copies are averaged.

    Raises
    ------
    InputError: force field and framework do not fit together. SimulationError: the energy is not finite, or no
    minimum was found.
    """
    repeats = [int(2.0 * cutoff_angstrom // width) + 1 for width in fw.cell_widths]
    model = build_model(fw.supercell((repeats[0], repeats[1], repeats[2])), forcefield, cutoff_angstrom=cutoff_angstrom)
    _make_smooth(model)
    before, _ = model.framework_at(model.positions, model.box.vectors)
    after, _ = model.framework_at(_least_energy(model), model.box.vectors)
    moved = (after - before).reshape(-1, fw.n_atoms, 3).mean(axis=0)
    return replace(fw, positions=fw.positions + moved - moved.mean(axis=0),
                   source=f"{fw.source}; relaxed with {forcefield.name}".lstrip("; "))


def _make_smooth(model: MeltSystem) -> None:
    """Take the jumps at the cut-off out of a model's forces."""
    cutoff = model.cutoff_angstrom * NM
    for force in model.system.getForces():
        pairs = isinstance(force, (openmm.NonbondedForce, openmm.CustomNonbondedForce))
        if pairs and force.getCutoffDistance().value_in_unit(unit.nanometer) > cutoff - SWITCH_WIDTH * NM:
            force.setUseSwitchingFunction(True)
            force.setSwitchingDistance(cutoff - SWITCH_WIDTH * NM)
        if isinstance(force, openmm.NonbondedForce):
            mesh = [int(np.ceil(length / MESH_ANGSTROM)) for length in np.linalg.norm(model.box.vectors, axis=1)]
            force.setPMEParameters(SPLITTING / cutoff, *mesh)


def _least_energy(model: MeltSystem) -> FloatArray:
    """Positions (P, 3), Å, of the energy minimum.

    Rings turn against next to no resistance (0.1 kJ/mol/Å²) while bonds are 10,000 times as stiff, so that L-BFGS alone
    crawls; it gets near, and goes on in coordinates scaled by the Hessian, where all modes are alike.
    """
    start = model.positions.ravel()
    surface = _Surface(model)
    large = len(start) > MAX_COORDINATES
    near = _descend(surface, start, ROUGH_TOLERANCE / 10 if large else ROUGH_TOLERANCE)
    if large:
        return near.reshape(-1, 3)
    curvatures, modes = np.linalg.eigh(surface.hessian(near))
    scaled = modes / np.sqrt(np.maximum(np.abs(curvatures), LEAST_CURVATURE))

    def energy_and_gradient(along: FloatArray) -> tuple[float, FloatArray]:
        energy, gradient = surface(near + scaled @ along)
        return energy, scaled.T @ gradient

    least: FloatArray = near + scaled @ _descend(energy_and_gradient, np.zeros_like(near), TOLERANCE)
    return least.reshape(-1, 3)


class _Surface:
    """The energy of a model and its gradient over all coordinates, on the Reference platform; translations left out."""

    def __init__(self, model: MeltSystem) -> None:
        self._context = _open(model, PlatformChoice("Reference", {}, "Reference, double precision"))

    def __call__(self, flat: FloatArray) -> tuple[float, FloatArray]:
        """Energy, kJ/mol, and gradient (3P,), kJ/mol/Å, at positions (3P,), Å."""
        stopping.check()
        self._context.setPositions(flat.reshape(-1, 3) * NM)
        forces = self._context.getState(getForces=True).getForces(asNumpy=True)
        slope = -np.asarray(forces.value_in_unit(unit.kilojoule_per_mole / unit.angstrom), dtype=np.float64)
        return _energy(self._context), (slope - slope.mean(axis=0)).ravel()     # the mesh pulls at the cell as a whole

    def hessian(self, flat: FloatArray) -> FloatArray:
        """(3P, 3P) second derivatives, kJ/mol/Å², by forward differences, good enough to scale coordinates by."""
        _, here = self(flat)
        rows = np.empty((len(flat), len(flat)))
        for number in range(len(flat)):
            moved = flat.copy()
            moved[number] += HESSIAN_STEP
            rows[number] = (self(moved)[1] - here) / HESSIAN_STEP
        rows = (rows.reshape(-1, 3, len(flat)) - rows.reshape(-1, 3, len(flat)).mean(axis=0)).reshape(rows.shape)
        return np.asarray(0.5 * (rows + rows.T))


def _descend(energy_and_gradient: Callable[[FloatArray], tuple[float, FloatArray]], start: FloatArray,
             tolerance: float) -> FloatArray:
    """Coordinates where no component of the gradient exceeds ``tolerance``; SimulationError where none are found."""
    found = minimize(energy_and_gradient, start, jac=True, method="L-BFGS-B",
                     options={"maxcor": MEMORY, "maxfun": MAX_EVALUATIONS, "maxiter": MAX_EVALUATIONS, "ftol": 0.0,
                              "gtol": tolerance})
    steepest = float(np.abs(found.jac).max())
    if steepest > tolerance:
        raise SimulationError(f"No energy minimum was found in {found.nfev} evaluations (a slope of {steepest:.2g} "
                              f"is left, {tolerance:g} is wanted); relax a smaller cell, or none (--no-relax, "
                              'relax_with = "none").')
    return np.asarray(found.x, dtype=np.float64)


def minimise(model: MeltSystem, choice: PlatformChoice) -> tuple[FloatArray, FloatArray]:
    """Positions (P, 3) of the energy minimum at the model's box, and that box, Å."""
    context = _open(model, choice)
    settle(context)
    return _positions(context), model.box.vectors


def settle(context: openmm.Context) -> None:
    """Bring a context to its energy minimum.

    OpenMM's L-BFGS gives up where a line search fails, which single-precision forces cause long before the
    minimum (30 kJ/mol above it in ZIF-8); so it is begun anew until it gains nothing more.
    """
    before = np.inf
    for _ in range(MAX_RESTARTS):
        openmm.LocalEnergyMinimizer.minimize(context, FORCE_TOLERANCE)
        energy = _energy(context)
        if before - energy < ENERGY_TOLERANCE:
            return
        before = energy


def carry_molecules(model: MeltSystem, positions: FloatArray, old_box: FloatArray,
                    new_box: FloatArray) -> FloatArray:
    """Positions (P, 3) carried from one box to another, Å: centres scale with the box, molecules stay rigid.

    In a bonded framework, which is one molecule, every building unit moves as a whole instead.
    """
    units = (model.topology.molecules if model.forcefield.dissociable
             else [unit.atoms for unit in model.framework.units])
    change = np.linalg.solve(old_box, new_box)
    moved = np.empty_like(positions)
    for members in units:
        index = np.array(members)
        first = positions[index[0]]
        whole = first + minimum_image(positions[index] - first, old_box)
        images = positions[index] - whole       # lattice vectors, which stretch with the box
        centre = whole.mean(axis=0)
        moved[index] = whole + centre @ change - centre + images @ change
    return moved


def _open(model: MeltSystem, choice: PlatformChoice) -> openmm.Context:
    context = openmm.Context(model.system, openmm.VerletIntegrator(0.001),
                             openmm.Platform.getPlatformByName(choice.name), choice.properties)
    context.setPositions(model.positions * NM)
    return context


def _positions(context: openmm.Context) -> FloatArray:
    state = context.getState(getPositions=True)
    positions: FloatArray = state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)
    return np.array(positions, dtype=np.float64)


def _energy(context: openmm.Context) -> float:
    state = context.getState(getEnergy=True)
    energy = float(state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole))
    if not np.isfinite(energy):
        raise SimulationError("The energy is not finite: atoms overlap in the structure given.")
    return energy
