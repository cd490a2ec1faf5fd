"""Energies and forces of the OpenMM system: reference energies, a naive twin, finite differences."""

import copy
import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import ase.io
import numpy as np
import openmm
import pytest
from openmm import unit
from scipy.sparse.linalg import LinearOperator, eigsh

from zifsim.crystals.linkers import recognise
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.system import (
    GROUP,
    NM,
    SOFT_LEFT_OUT,
    build_model,
    energy_of,
    energy_terms,
    particle_charges,
    soft_reach,
)
from zifsim.model.framework import Framework

DATA = Path(__file__).resolve().parents[1] / "data"
REFERENCE_NAMES = {"bond": "bond", "urey_bradley": "UB", "angle": "angle", "dihedral": "dihedral",
                   "improper": "improper", "nonbonded": "coul+14", "morse": "morse", "soft": "soft"}
# Own reference, kJ/mol: the shipped ZIF-8, PME tolerance 1e-6, cut-off 7 Å, computed once the terms agreed
# with the reference energies above.
OWN = {"nb-ZIF-FF-s": -4479.9027, "ZIF-FF": 825.1856, "nb-ZIF-FF": -1256.7659}
PAIR_TERMS = ("morse", "soft", "zinc_wall")
BONDED_TERMS = ("bond", "urey_bradley", "angle", "dihedral", "improper")


@pytest.fixture(scope="module")
def zif8() -> Framework:
    return load_framework("ZIF-8")


@pytest.fixture(scope="module")
def zif62() -> Framework:
    return load_framework("ZIF-62")


def open_context(model, platform: str = "Reference") -> openmm.Context:
    context = openmm.Context(model.system, openmm.VerletIntegrator(0.001),
                             openmm.Platform.getPlatformByName(platform))
    context.setPositions(model.positions * NM)
    return context


def shaken(fw: Framework, seed: int = 3, size: float = 0.08) -> Framework:
    """The framework with every atom displaced, so that no term sits at a symmetric point."""
    noise = np.random.default_rng(seed).normal(scale=size, size=fw.positions.shape)
    return replace(fw, positions=fw.positions + noise)


@pytest.mark.parametrize("case", [f"{s}|{f}" for s in ("ZIF-8", "ZIF-62")
                                  for f in ("nb-ZIF-FF", "nb-ZIF-FF-s", "ZIF-FF bonded")])
def test_every_term_agrees_with_the_reference_energies(case: str) -> None:
    expected = json.loads((DATA / "energies/melt.json").read_text())["energies"][case]
    structure, name = case.split("|")
    atoms = ase.io.read(DATA / "cells" / f"{structure}_dft_reference.extxyz")
    fw = recognise(structure, atoms.get_chemical_symbols(), atoms.positions, atoms.cell.array, "reference")
    forcefield = load_melt_forcefield(name.split()[0])
    # The bonded reference leaves out the C–N–Zn–N torsions.
    model = build_model(fw, forcefield, cutoff_angstrom=7.0, ewald_tolerance=1e-6, zinc_torsions=False,
                        by_term=True)
    terms = energy_terms(model, open_context(model))
    assert model.system.getNumParticles() == expected["n_particles"]
    assert terms.pop("zinc_wall", 0.0) == 0.0
    assert sum(terms.values()) == pytest.approx(expected["total"], abs=0.01)
    for term, energy in terms.items():
        assert energy == pytest.approx(expected[REFERENCE_NAMES[term]], abs=0.01), term


@pytest.mark.parametrize("name", OWN)
def test_energy_of_the_shipped_cell_is_the_stored_one(zif8: Framework, name: str) -> None:
    model = build_model(zif8, load_melt_forcefield(name), ewald_tolerance=1e-6)
    energy = energy_of(model, openmm.Platform.getPlatformByName("Reference"))
    assert energy == pytest.approx(OWN[name], abs=0.01)


def angle_between(u: np.ndarray, v: np.ndarray) -> float:
    return float(np.arccos(np.clip(u @ v / np.linalg.norm(u) / np.linalg.norm(v), -1, 1)))


def torsion(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, mic) -> float:
    u, v, w = mic(b - a), mic(c - b), mic(d - c)
    m, n = np.cross(u, v), np.cross(v, w)
    return float(np.arctan2(np.cross(m, n) @ v / np.linalg.norm(v), m @ n))


def naive_terms(model) -> dict[str, float]:
    """Bonded and pair terms from their formulas, one atom tuple at a time, over the graph of bonds."""
    ff, x, types = model.forcefield, model.positions, model.topology.types
    box = model.box.vectors

    def mic(v: np.ndarray) -> np.ndarray:
        return v - np.round(v @ np.linalg.inv(box)) @ box

    near: dict[int, set[int]] = {p: set() for p in range(len(types))}
    for i, j in model.topology.bonds:
        near[i].add(j)
        near[j].add(i)
    energy = dict.fromkeys(BONDED_TERMS + PAIR_TERMS, 0.0)

    def find(rows, names):
        return next((r for r in rows if list(r.types) in (list(names), list(names)[::-1])), None)

    for j in near:
        for i in near[j]:
            row = find(ff.bonds, (types[i], types[j]))
            energy["bond"] += 0.5 * row.k * (np.linalg.norm(mic(x[i] - x[j])) - row.r0) ** 2
            for k in near[i] - {j}:
                for m in near[j] - {i, k}:
                    row = find(ff.dihedrals, (types[k], types[i], types[j], types[m]))
                    if row:
                        phi = torsion(x[k], x[i], x[j], x[m], mic)
                        energy["dihedral"] += 0.5 * row.k * (1 + np.cos(row.n * phi - np.radians(row.phase)))
        for i, k in combinations(near[j], 2):
            row = find(ff.angles, (types[i], types[j], types[k]))
            theta = angle_between(mic(x[i] - x[j]), mic(x[k] - x[j]))
            energy["angle"] += row.k * (theta - np.radians(row.theta0)) ** 2
            energy["urey_bradley"] += row.k_ub * (np.linalg.norm(mic(x[i] - x[k])) - row.r_ub) ** 2
        if len(near[j]) == 3:
            outer = sorted(types[a] for a in near[j])
            row = next(r for r in ff.impropers if r.centre == types[j] and sorted(r.outer) == outer)
            last = next(a for a in near[j] if types[a] == row.last)
            first, second = sorted(near[j] - {last})
            chi = torsion(x[j], x[first], x[second], x[last], mic)
            energy["improper"] += row.k * (1 - np.cos(2 * chi))
    if ff.dissociable:
        pick = {t: [p for p, name in enumerate(types) if name == t] for t in ("Zn", "N1", "He", "Ne")}
        eps = np.sqrt(ff.atoms["Zn"].epsilon_kj_mol * ff.atoms["N1"].epsilon_kj_mol)
        sig = (ff.atoms["Zn"].sigma_angstrom + ff.atoms["N1"].sigma_angstrom) / 2
        for i in pick["Zn"]:
            for r in (np.linalg.norm(mic(x[i] - x[j])) for j in pick["N1"]):
                if r < model.cutoff_angstrom:
                    e = np.exp(-ff.morse.alpha * (r - ff.morse.r0))
                    energy["morse"] += ff.morse.depth_kj_mol * (e * e - 2 * e)
                    energy["morse"] -= 4 * eps * ((sig / r) ** 12 - (sig / r) ** 6)
        for i in pick["He"]:
            for r in (np.linalg.norm(mic(x[i] - x[j])) for j in pick["Ne"]):
                if r < model.cutoff_angstrom:
                    s = (ff.soft_sigma_angstrom / r) ** 6
                    energy["soft"] += 4 * ff.soft_epsilon_kj_mol * (s * s - s)
        for i, j in combinations(pick["Zn"], 2):
            r = np.linalg.norm(mic(x[i] - x[j]))
            if ff.zinc_wall and r < ff.zinc_wall.r0:
                energy["zinc_wall"] += ff.zinc_wall.k * (ff.zinc_wall.r0 - r) ** 2
    return energy


@pytest.mark.parametrize("name", ["nb-ZIF-FF-s", "nb-ZIF-FF", "ZIF-FF"])
def test_terms_equal_their_formulas_summed_naively(zif62: Framework, name: str) -> None:
    fw = shaken(zif62)
    if name == "nb-ZIF-FF-s":       # two zincs pushed inside the wall
        zinc = [i for i, t in enumerate(fw.types) if t == "Zn"]
        vectors = fw.minimum_image(fw.positions[zinc] - fw.positions[zinc[0]])
        other = 1 + int(np.argmin(np.linalg.norm(vectors[1:], axis=1)))
        positions = fw.positions.copy()
        positions[zinc[other]] -= 0.25 * vectors[other]
        fw = replace(fw, positions=positions)
    model = build_model(fw, load_melt_forcefield(name), by_term=True)
    terms = energy_terms(model, open_context(model))
    naive = naive_terms(model)
    assert name != "nb-ZIF-FF-s" or naive["zinc_wall"] > 1.0
    for term in terms.keys() & naive.keys():
        assert terms[term] == pytest.approx(naive[term], rel=1e-6, abs=1e-4), term


def test_the_soft_core_loses_nothing_that_could_be_seen_at_its_own_cutoff(zif62: Framework) -> None:
    """Beyond r_c a pair is worth |4ε(s² − s)| < 4εs ≤ the limit, and its force is below six times that per r_c."""
    forcefield = load_melt_forcefield("nb-ZIF-FF-s")
    reach = soft_reach(forcefield)
    assert reach == pytest.approx(2.70, abs=0.01)
    assert soft_reach(replace(forcefield, soft_epsilon_kj_mol=64 * forcefield.soft_epsilon_kj_mol)) == (
        pytest.approx(2 * reach))
    model = build_model(shaken(zif62), forcefield)
    (soft,) = (f for f in model.system.getForces() if f.getName() == "soft")
    assert soft.getCutoffDistance()._value == pytest.approx(reach * NM)

    def seen() -> tuple[float, np.ndarray]:
        state = open_context(model).getState(getEnergy=True, getForces=True, groups={GROUP["soft"]})
        return state.getPotentialEnergy()._value, np.array(state.getForces(asNumpy=True)._value) * NM

    energy, forces = seen()
    soft.setCutoffDistance(model.cutoff_angstrom * NM)
    all_energy, all_forces = seen()
    partners = model.topology.types.count("He")         # as many Ne
    assert 0.0 < abs(all_energy - energy) < partners**2 * SOFT_LEFT_OUT
    assert np.abs(all_forces).max() > 0.01
    assert np.abs(all_forces - forces).max() < partners * 6.0 * SOFT_LEFT_OUT / reach


@pytest.mark.parametrize("name", ["nb-ZIF-FF-s", "nb-ZIF-FF", "ZIF-FF"])
def test_forces_are_the_slope_of_the_energy(zif62: Framework, name: str) -> None:
    model = build_model(shaken(zif62), load_melt_forcefield(name), ewald_tolerance=1e-6)
    context = open_context(model)
    state = context.getState(getForces=True)
    forces = state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer)
    step = 1e-5
    for seed in range(4):
        direction = np.random.default_rng(seed).normal(size=model.positions.shape)
        direction /= np.linalg.norm(direction)

        def energy(along: float, direction: np.ndarray = direction) -> float:
            context.setPositions(model.positions * NM + along * direction)
            return context.getState(getEnergy=True).getPotentialEnergy()._value

        slope = (energy(step) - energy(-step)) / (2 * step)
        assert -slope == pytest.approx(float((forces * direction).sum()), rel=1e-4, abs=0.2)


def test_the_tail_correction_stands_for_a_longer_cutoff_in_a_larger_cell(zif62: Framework) -> None:
    """Without it 7 Å misses 129 kJ/mol per cell, with it 1 % of that."""
    forcefield, cpu = load_melt_forcefield("nb-ZIF-FF-s"), openmm.Platform.getPlatformByName("CPU")
    plain, small = (energy_of(build_model(zif62, forcefield, ewald_tolerance=1e-5, tail_correction=tail), cpu)
                    for tail in (False, True))
    large = energy_of(build_model(zif62.supercell((2, 2, 2)), forcefield, cutoff_angstrom=12.0, ewald_tolerance=1e-5,
                                  tail_correction=True), cpu) / 8
    assert large - plain == pytest.approx(-128.1, abs=1.0)
    assert small == pytest.approx(large, abs=2.0)


def test_cpu_platform_agrees_with_the_reference_platform(zif62: Framework) -> None:
    model = build_model(shaken(zif62), load_melt_forcefield("nb-ZIF-FF-s"), ewald_tolerance=1e-5)
    reference, cpu = (energy_of(model, openmm.Platform.getPlatformByName(p)) for p in ("Reference", "CPU"))
    assert cpu == pytest.approx(reference, abs=0.2)


def test_helium_sites_point_at_the_nitrogens_and_neon_sites_outwards(zif8: Framework) -> None:
    model = build_model(zif8, load_melt_forcefield("nb-ZIF-FF-s"))
    x, fw = model.positions, zif8
    for dummy, parent in enumerate(model.topology.parents, start=fw.n_atoms):
        arm = x[dummy] - x[parent]
        bonded = [j if i == parent else i for i, j in fw.bonds if parent in (i, j)]
        cosines = [np.cos(angle_between(arm, fw.minimum_image(fw.positions[b] - fw.positions[parent])))
                   for b in bonded]
        if model.topology.types[dummy] == "He":
            assert np.linalg.norm(arm) == pytest.approx(0.9)
            assert max(cosines) > 0.995         # at one of the four N
        else:
            assert np.linalg.norm(arm) == pytest.approx(0.5)
            zinc = next(k for k, b in enumerate(bonded) if fw.types[b] == "Zn")
            assert cosines[zinc] > 0.99         # the lone pair looks at the Zn


def test_cell_is_neutral_and_keeps_its_mass(zif62: Framework) -> None:
    for name in ("nb-ZIF-FF-s", "ZIF-FF"):
        ff = load_melt_forcefield(name)
        model = build_model(zif62, ff)
        assert particle_charges(model.topology, ff).sum() == pytest.approx(0.0, abs=1e-9)
        masses = [model.system.getParticleMass(i)._value for i in range(model.system.getNumParticles())]
        assert sum(masses) == pytest.approx(zif62.mass_amu)
        assert min(masses) >= 2.7 - 1e-9        # nothing light is left to limit the time step


@pytest.mark.parametrize("name", ["nb-ZIF-FF-s", "ZIF-FF"])
def test_fourteen_steps_of_a_femtosecond_fit_into_the_shortest_vibration(zif62: Framework, name: str) -> None:
    """The highest eigenvalue of the mass-weighted Hessian, whose products are differences of forces."""
    model = build_model(zif62, load_melt_forcefield(name))
    context = open_context(model, "CPU")
    masses = [model.system.getParticleMass(i)._value for i in range(model.system.getNumParticles())]
    scale = np.repeat(masses, 3) ** -0.5

    def forces(displaced: np.ndarray) -> np.ndarray:
        context.setPositions(model.positions * NM + (scale * displaced).reshape(-1, 3))
        return context.getState(getForces=True).getForces(asNumpy=True)._value.ravel()

    def product(vector: np.ndarray) -> np.ndarray:
        step = 3e-3 * vector / np.linalg.norm(vector)
        return scale * (forces(-step) - forces(step)) * np.linalg.norm(vector) / 6e-3

    hessian = LinearOperator((len(scale), len(scale)), matvec=product, dtype=float)
    highest = eigsh(hessian, k=1, which="LA", tol=1e-2, return_eigenvectors=False,
                    v0=np.random.default_rng(1).normal(size=len(scale)))[0]
    assert 14.0 < 2000.0 * np.pi / np.sqrt(highest) < 17.0      # fs


def test_molecules_stay_whole_while_the_volume_changes(zif62: Framework) -> None:
    """Bonded forces without periodic images rely on it."""
    model = build_model(zif62, load_melt_forcefield("nb-ZIF-FF-s"))
    system = copy.deepcopy(model.system)
    barostat = openmm.MonteCarloBarostat(1.0, 600.0, 2)
    barostat.setScaleMoleculesAsRigid(True)
    system.addForce(barostat)
    integrator = openmm.LangevinMiddleIntegrator(600.0, 10.0, 0.001)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("CPU"), {"Threads": "1"})
    context.setPositions(model.positions * NM + 3.0)        # outside the box, so that molecules are carried back
    integrator.step(200)
    state = context.getState(getPositions=True)
    assert state.getPeriodicBoxVolume()._value != pytest.approx(np.linalg.det(model.box.vectors) * NM**3, rel=1e-4)
    i, j = np.array(model.topology.bonds).T
    x = state.getPositions(asNumpy=True)._value
    assert np.linalg.norm(x[j] - x[i], axis=1).max() < 0.2      # nm


def test_only_rigid_linkers_and_zinc_cages_are_molecules_of_the_dissociable_model(zif62: Framework) -> None:
    free = build_model(zif62, load_melt_forcefield("nb-ZIF-FF-s")).topology.molecules
    assert len(free) == len(zif62.units)
    assert len(build_model(zif62, load_melt_forcefield("ZIF-FF")).topology.molecules) == 1


def test_energy_does_not_depend_on_how_the_cell_is_described(zif8: Framework) -> None:
    """The same lattice with another vector, turned in space, atoms anywhere in the periodic images."""
    shear = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]])
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    images = np.random.default_rng(2).integers(-1, 2, size=(zif8.n_atoms, 3)) @ zif8.cell
    turned = replace(zif8, cell=shear @ zif8.cell @ turn, positions=(zif8.positions + images) @ turn)
    ff = load_melt_forcefield("nb-ZIF-FF-s")
    reference = openmm.Platform.getPlatformByName("Reference")
    energies = [energy_of(build_model(fw, ff, ewald_tolerance=1e-6), reference) for fw in (zif8, turned)]
    assert energies[0] == pytest.approx(energies[1], abs=0.02)


def test_unknown_types_and_missing_terms_are_named(zif8: Framework) -> None:
    ff = load_melt_forcefield("nb-ZIF-FF-s")
    less = replace(ff, atoms={k: v for k, v in ff.atoms.items() if k != "C3"})
    with pytest.raises(InputError, match=r"does not know the atom types C3 \(in mIm\)"):
        build_model(zif8, less)
    short = replace(ff, angles=tuple(a for a in ff.angles if a.types != ("H3", "C3", "H3")))
    with pytest.raises(InputError, match="no term for angle H3–C3–H3"):
        build_model(zif8, short)
    with pytest.raises(InputError, match="no force-field types"):
        build_model(replace(zif8, types=()), ff)


def test_a_cell_too_small_for_the_cutoff_is_refused(zif8: Framework) -> None:
    with pytest.raises(InputError, match="more than 24 Å"):
        build_model(zif8, load_melt_forcefield("ZIF-FF"), cutoff_angstrom=12.0)
