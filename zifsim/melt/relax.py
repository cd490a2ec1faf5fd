"""Energy minimisation of a framework with a melt force field, the cell fixed or free to change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import unit
from scipy.optimize import minimize

from zifsim.errors import SimulationError
from zifsim.melt.box import minimum_image, widths
from zifsim.melt.platform import PlatformChoice, choose_platform
from zifsim.melt.system import DEFAULT_CUTOFF, NM, MeltSystem, build_model
from zifsim.model.forcefield import MeltForceField
from zifsim.model.framework import Framework

FloatArray = NDArray[np.float64]

FORCE_TOLERANCE = 1.0           # kJ/mol/nm, rms
ENERGY_TOLERANCE = 0.05         # kJ/mol per cell, between restarts of the minimiser
MAX_RESTARTS = 50
CELL_ROUNDS = 30
MAX_STRAIN = 10.0               # per cent along each axis
STRAIN_STEP = 0.1               # per cent, of the central difference
GRADIENT_TOLERANCE = 0.05       # kJ/mol per per cent: about 20 bar in a cell of ZIF-62


def relax_framework(fw: Framework, forcefield: MeltForceField, relax_cell: bool = False,
                    platform: str = "auto", *, cutoff_angstrom: float = DEFAULT_CUTOFF,
                    cpu_threads: int | None = None) -> Framework:
    """The framework at the nearest energy minimum: same atoms and topology, dummy sites dropped.

    Parameters
    ----------
    relax_cell: also relax the box along x, y and z at zero pressure.

    Raises
    ------
    InputError: force field and framework do not fit together. SimulationError: the energy is not finite.
    """
    choice = choose_platform(platform, cpu_threads=cpu_threads)
    model = build_model(fw, forcefield, cutoff_angstrom=cutoff_angstrom)
    positions, vectors = (minimise_with_cell if relax_cell else minimise)(model, choice)
    atoms, cell = model.framework_at(positions, vectors)
    how = f"relaxed with {forcefield.name}{', cell included' if relax_cell else ''}"
    return replace(fw, positions=atoms, cell=cell, source=f"{fw.source}; {how}".lstrip("; "))


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


def minimise_with_cell(model: MeltSystem, choice: PlatformChoice) -> tuple[FloatArray, FloatArray]:
    """Positions (P, 3) and box (3, 3), Å, of least energy over the atoms and three strains along x, y, z.

    The atoms are minimised anew in every trial box (L-BFGS over the logarithmic strains, whose gradient is a
    central difference of the energy under rigid displacement of the molecules).
    """
    context = _open(model, choice)
    settle(context)
    best = (_positions(context), model.box.vectors)

    def box_at(percent: FloatArray) -> FloatArray:
        box: FloatArray = model.box.vectors * np.exp(percent / 100.0)
        return box

    def energy_at(percent: FloatArray) -> float:
        """Energy with the best atoms so far, carried into the box strained by ``percent``."""
        context.setPeriodicBoxVectors(*(box_at(percent) * NM))
        context.setPositions(carry_molecules(model, *best, box_at(percent)) * NM)
        return _energy(context)

    def energy_and_gradient(percent: FloatArray) -> tuple[float, FloatArray]:
        nonlocal best
        energy_at(percent)
        settle(context)
        best = (_positions(context), box_at(percent))
        steps = np.eye(3) * STRAIN_STEP
        gradient = [(energy_at(percent + s) - energy_at(percent - s)) / (2 * STRAIN_STEP) for s in steps]
        return energy_at(percent), np.array(gradient)

    room = 100.0 * np.log(max(2.01 * model.cutoff_angstrom, 1e-3) / widths(model.box.vectors))  # the cut-off's
    found = minimize(energy_and_gradient, np.zeros(3), jac=True, method="L-BFGS-B",
                     bounds=[(max(-MAX_STRAIN, min(least, 0.0)), MAX_STRAIN) for least in room],
                     options={"maxiter": CELL_ROUNDS, "ftol": 1e-7, "gtol": GRADIENT_TOLERANCE})
    energy_and_gradient(found.x)
    return best


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
