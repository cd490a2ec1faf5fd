"""A trial of an OpenMM platform in a process of its own, which a broken driver may end without harm.

``python -m zifsim.melt.probe`` is told on its command line, as JSON, which platform with which properties. It runs a
small system with the forces of a melt (PME, exceptions, pair forces between groups, bonds, angles, torsions, a tilted
box) through dynamics with both barostats and through the minimiser, and compares energies and forces with OpenMM's
Reference platform. What it found out is printed as it goes, one JSON object a line; how far it came tells what crashed.
"""

from __future__ import annotations

import copy
import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import openmm
from numpy.typing import NDArray
from openmm import unit

from zifsim.melt.opencl import opencl_devices

FloatArray = NDArray[np.float64]

MOLECULES, SPACING = 27, 0.6                # on a cubic lattice, nm
CHAIN = np.array([[0.0, 0.0, 0.0], [0.14, 0.0, 0.0], [0.19, 0.13, 0.0], [0.33, 0.14, 0.05]])      # nm
BOX = np.array([[1.8, 0.0, 0.0], [0.1, 1.8, 0.0], [-0.1, 0.1, 1.8]])                              # nm
CUTOFF = 0.7                                # nm
STEPS, INTERVAL = 40, 4                     # of dynamics with each barostat, and steps between its moves
FORCE_ERROR = 5e-3                          # rms, of the forces' own rms; single precision and PME leave 5e-4
ENERGY_ERROR = 0.3                          # kJ/mol; of 108 particles
DRIVERS = {     # where the kernel says which driver it has loaded
    "CUDA": ("/proc/driver/nvidia/version", r"\s(\d+\.\d+(?:\.\d+)?)\s"),
    "HIP": ("/sys/module/amdgpu/version", r"(\S+)"),
}


class Differs(Exception):
    """The platform computes something else than Reference."""


def main() -> None:
    """What the command line asks for; exits with 0 whatever was found out."""
    asked = json.loads(sys.argv[1])
    try:
        properties = _properties(asked["platform"], asked["properties"], asked["gpu_only"])
        _try(asked["platform"], properties)
    except (openmm.OpenMMException, Differs) as error:
        tell(why=(str(error).strip().splitlines() or ["no reason given"])[0])


def tell(**values: Any) -> None:
    print("\n" + json.dumps(values), flush=True)


def _properties(platform: str, given: dict[str, str], gpu_only: bool) -> dict[str, str]:
    """The properties to open contexts with; on OpenCL, those of the first GPU where only a GPU will do."""
    if platform != "OpenCL":
        return given
    devices = opencl_devices()
    if gpu_only:
        gpus = [d for d in devices if d.is_gpu and given.get("DeviceIndex", str(d.index)) == str(d.index)]
        if not gpus:
            names = ", ".join(sorted({d.name for d in devices})) or "it has none"
            raise Differs(f"none of its devices is a GPU: {names}")
        return given | gpus[0].properties
    return given


def _try(platform: str, properties: dict[str, str]) -> None:
    system = small_system()
    context = _context(system, platform, properties, openmm.MonteCarloBarostat(1.0, 300.0, INTERVAL))
    reference = _context(system, "Reference", {})
    tell(properties=properties, **_device(platform, context))
    compare(context, reference, "of the first configuration")
    context.setVelocitiesToTemperature(300.0, 2)
    context.getIntegrator().step(STEPS)
    compare(context, reference, "after dynamics")
    pressure = openmm.MonteCarloAnisotropicBarostat(openmm.Vec3(1.0, 1.0, 1.0), 300.0, True, True, True, INTERVAL)
    pressure.setScaleMoleculesAsRigid(False)
    context = _context(system, platform, properties, pressure)
    context.setVelocitiesToTemperature(300.0, 3)
    context.getIntegrator().step(STEPS)
    compare(context, reference, "after dynamics with an anisotropic barostat")
    tell(moves=True)
    before = _energy(context)
    openmm.LocalEnergyMinimizer.minimize(context, 1.0, 50)
    if not _energy(context) <= before:
        raise Differs("its minimiser goes uphill")
    compare(context, reference, "after minimising")
    tell(minimises=True)


def small_system() -> openmm.System:
    """Chains of four particles with every force of a melt."""
    system = openmm.System()
    system.setDefaultPeriodicBoxVectors(*BOX)
    bond, angle, torsion = openmm.HarmonicBondForce(), openmm.HarmonicAngleForce(), openmm.PeriodicTorsionForce()
    charges = openmm.NonbondedForce()
    charges.setNonbondedMethod(openmm.NonbondedForce.PME)
    charges.setEwaldErrorTolerance(1e-5)
    morse = openmm.CustomNonbondedForce("8*(x - 2)*x - 4*0.5*(s - 1)*s; s = (0.3/r)^6; x = exp(-20*(r - 0.35))")
    wall = openmm.CustomNonbondedForce("500*(0.65 - r)^2*step(0.65 - r)")
    pairs: list[tuple[int, int]] = []
    for first in range(0, 4 * MOLECULES, 4):
        a, b, c, d = range(first, first + 4)
        for charge, mass in ((0.6, 65.0), (-0.4, 14.0), (0.2, 12.0), (-0.4, 4.0)):
            system.addParticle(mass)
            charges.addParticle(charge, 0.3, 0.5)
            morse.addParticle([])
            wall.addParticle([])
        chain = ((a, b), (b, c), (c, d))
        pairs += chain
        for pair in chain:
            bond.addBond(*pair, 0.14, 200_000.0)
        angle.addAngle(a, b, c, 1.9, 400.0)
        angle.addAngle(b, c, d, 1.9, 400.0)
        torsion.addTorsion(a, b, c, d, 2, math.pi, 10.0)
    charges.createExceptionsFromBonds(pairs, 0.8333, 0.5)
    heads = range(0, 4 * MOLECULES, 4)
    morse.addInteractionGroup(heads, [head + 3 for head in heads])
    wall.addInteractionGroup(heads, heads)
    for force, reach in ((charges, CUTOFF), (morse, CUTOFF), (wall, 0.65)):
        force.setCutoffDistance(reach)
        if force is not charges:
            force.createExclusionsFromBonds(pairs, 3)
            force.setNonbondedMethod(openmm.CustomNonbondedForce.CutoffPeriodic)
    for force in (bond, angle, torsion, charges, morse, wall):
        system.addForce(force)
    return system


def first_positions() -> FloatArray:
    """(P, 3) nm."""
    edge = round(MOLECULES ** (1 / 3))
    corners = SPACING * np.array([[i, j, k] for i in range(edge) for j in range(edge) for k in range(edge)])
    jitter = np.random.default_rng(1).normal(0.0, 0.003, (MOLECULES, 4, 3))
    positions: FloatArray = (corners[:, None] + CHAIN + jitter).reshape(-1, 3)
    return positions


def _context(system: openmm.System, platform: str, properties: dict[str, str],
             barostat: openmm.Force | None = None) -> openmm.Context:
    system = copy.deepcopy(system)
    if barostat is not None:
        barostat.setRandomNumberSeed(1)
        system.addForce(barostat)
    integrator = openmm.LangevinMiddleIntegrator(300.0, 1.0, 0.0005)
    integrator.setRandomNumberSeed(1)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName(platform), properties)
    context.setPositions(first_positions())
    return context


def compare(context: openmm.Context, reference: openmm.Context, when: str) -> None:
    """Raises Differs where energy or forces are not Reference's for the same configuration."""
    state = context.getState(getPositions=True, getEnergy=True, getForces=True)
    reference.setPeriodicBoxVectors(*state.getPeriodicBoxVectors())
    reference.setPositions(state.getPositions())
    forces, expected = _forces(context), _forces(reference)
    error = float(np.sqrt(((forces - expected) ** 2).mean() / (expected**2).mean()))
    if not error <= FORCE_ERROR:
        raise Differs(f"its forces {when} differ from Reference's by {100 * error:.2g} %")
    energy, right = _energy(context), _energy(reference)
    if not abs(energy - right) <= ENERGY_ERROR:
        raise Differs(f"its energy {when} is {energy:.2f} kJ/mol, Reference's {right:.2f}")


def _forces(context: openmm.Context) -> FloatArray:
    return np.asarray(context.getState(getForces=True).getForces(asNumpy=True).value_in_unit(
        unit.kilojoule_per_mole / unit.nanometer))


def _energy(context: openmm.Context) -> float:
    return float(context.getState(getEnergy=True).getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole))


def _device(name: str, context: openmm.Context) -> dict[str, str]:
    """Name of the device in use and version of its driver, as far as they are known."""
    platform = context.getPlatform()
    known = {key: platform.getPropertyValue(context, key) for key in platform.getPropertyNames()}
    driver = ""
    if name in DRIVERS and Path(DRIVERS[name][0]).is_file():
        text = Path(DRIVERS[name][0]).read_text(encoding="utf-8", errors="replace")
        driver = found[1] if (found := re.search(DRIVERS[name][1], text)) else ""
    for device in opencl_devices() if name == "OpenCL" else ():
        if device.properties.items() <= known.items():
            driver = device.driver
    return {"device": known.get("DeviceName", ""), "driver": driver}


if __name__ == "__main__":
    main()
