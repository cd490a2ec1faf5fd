"""A machine-learned potential driving a melt, through openmmml's own plug-in mechanism.

The potential is tiny: one hidden layer of tanh units per kind of pair, of the distance, summed over the pairs that are
close in the crystal, fitted here to a parabola about its distances there. Its forces are those of the network.
"""

import json
import pickle
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import openmm
import pytest
from typer.testing import CliRunner

from zifsim.cli.app import app
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, UnknownNameError
from zifsim.melt.potential import load_potential
from zifsim.melt.run import MeltSettings, run_melt
from zifsim.melt.system import NM, build_model
from zifsim.model.framework import Framework
from zifsim.model.schedule import Segment, TemperatureProgram

REACH = 0.27            # nm; bonds and angles of linkers, and Zn–N
STIFFNESS = 5e4         # kJ/mol/nm²
CENTRES = np.linspace(-0.12, 0.12, 13)
WIDTH = 0.03            # nm


def hidden(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Activations (..., units) of the hidden layer, and their slopes."""
    value = np.tanh((x[..., None] - CENTRES) / WIDTH)
    return value, (1.0 - value**2) / WIDTH


def output_weights() -> np.ndarray:
    """Weights of the output layer and its bias, by ridge regression."""
    x = np.linspace(-0.1, 0.1, 201)
    inputs = np.column_stack([hidden(x)[0], np.ones_like(x)])
    ridge = 1e-6 * np.eye(inputs.shape[1])
    weights: np.ndarray = np.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ (0.5 * STIFFNESS * x**2))
    return weights


def network(state: openmm.State, pairs: np.ndarray, rest: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """Energy, kJ/mol, and forces (N, 3), kJ/mol/nm."""
    x = state.getPositions(asNumpy=True)._value
    box = state.getPeriodicBoxVectors(asNumpy=True)._value
    i, j = pairs.T
    vectors = x[j] - x[i]
    vectors -= np.round(vectors @ np.linalg.inv(box)) @ box
    r = np.linalg.norm(vectors, axis=1)
    value, slope = hidden(r - rest)
    pull = (slope @ weights[:-1] / r)[:, None] * vectors
    forces = np.zeros_like(x)
    np.add.at(forces, i, pull)
    np.add.at(forces, j, -pull)
    return float((value @ weights[:-1] + weights[-1]).sum()), forces


def close_pairs(fw: Framework) -> tuple[np.ndarray, np.ndarray]:
    """Pairs within reach, and their distances, nm."""
    i, j = np.triu_indices(fw.n_atoms, 1)
    r = np.linalg.norm(fw.minimum_image(fw.positions[j] - fw.positions[i]), axis=1) * NM
    near = r < REACH
    return np.column_stack([i, j])[near], r[near]


@pytest.fixture(scope="module")
def zif8() -> Framework:
    return load_framework("ZIF-8")


@pytest.fixture(scope="module")
def tiny(zif8: Framework) -> str:
    """The name of a potential that openmmml then knows."""
    openmmml = pytest.importorskip("openmmml", reason="needs openmmml (extra 'ml')")
    pairs, rest = close_pairs(zif8)
    weights = output_weights()

    class Implementation(openmmml.mlpotential.MLPotentialImpl):
        def addForces(self, topology, system, atoms, forceGroup, **options):
            assert [a.element.symbol for a in topology.atoms()] == list(zif8.species)
            force = openmm.PythonForce(partial(network, pairs=pairs, rest=rest, weights=weights))
            force.setUsesPeriodicBoundaryConditions(True)
            system.addForce(force)

    class Factory(openmmml.mlpotential.MLPotentialImplFactory):
        def createImpl(self, name, **options):
            return Implementation()

    openmmml.MLPotential.registerImplFactory("tiny", Factory())
    return "openmmml:tiny"


def test_forces_are_the_slope_of_the_learned_energy(zif8: Framework, tiny: str) -> None:
    model = build_model(zif8, load_potential(tiny, zif8))
    context = openmm.Context(model.system, openmm.VerletIntegrator(0.001),
                             openmm.Platform.getPlatformByName("Reference"))
    noise = np.random.default_rng(4)
    start = model.positions * NM + noise.normal(scale=0.005, size=model.positions.shape)
    direction = noise.normal(size=start.shape)

    def energy(along: float) -> float:
        context.setPositions(start + along * direction)
        return context.getState(getEnergy=True).getPotentialEnergy()._value

    slope = (energy(1e-5) - energy(-1e-5)) / 2e-5
    context.setPositions(start)
    forces = context.getState(getForces=True).getForces(asNumpy=True)._value
    assert slope == pytest.approx(-(forces * direction).sum(), rel=1e-5)


def test_atoms_alone_are_particles_and_linkers_are_molecules(zif8: Framework, tiny: str) -> None:
    model = build_model(zif8, load_potential(tiny, zif8))
    assert model.system.getNumParticles() == zif8.n_atoms
    masses = [model.system.getParticleMass(i)._value for i in range(zif8.n_atoms)]
    assert sum(masses) == pytest.approx(zif8.mass_amu)
    context = openmm.Context(model.system, openmm.VerletIntegrator(0.001))
    assert sorted(map(len, context.getMolecules())) == sorted(len(unit.atoms) for unit in zif8.units)


def test_a_learned_potential_runs_the_whole_program(zif8: Framework, tiny: str, tmp_path: Path) -> None:
    program = TemperatureProgram("short", (Segment("heat", 300.0, 330.0, 0.1, "NVT"),
                                           Segment("equilibrate", 330.0, 330.0, 0.3)), 1.0)
    settings = MeltSettings(platform="CPU", cpu_threads=1, state_interval_ps=0.02)
    result = run_melt(zif8, load_potential(tiny, zif8), program, settings, tmp_path)
    assert result.forcefield == "openmmml:tiny"
    assert result.can_break
    assert result.bonds_kept == 1.0
    assert result.mean_zn_n_angstrom == pytest.approx(1.99, abs=0.02)
    assert result.density_g_cm3 == pytest.approx(zif8.density_g_cm3, rel=0.1)
    again = run_melt(zif8, load_potential(tiny, zif8), program, settings, tmp_path)
    assert again.density_g_cm3 == result.density_g_cm3


def test_the_command_takes_a_learned_potential(tiny: str, tmp_path: Path) -> None:
    (tmp_path / "hold.toml").write_text('[[segment]]\nto_k = 300\nduration_ps = 0.02\nensemble = "NVT"\n')
    shown = CliRunner().invoke(app, ["melt", "ZIF-8", "--potential", tiny, "--program", str(tmp_path / "hold.toml"),
                                     "--platform", "CPU", "--threads", "1", "--out", str(tmp_path / "out")])
    assert shown.exit_code == 0, shown.output
    assert "machine-learned, through openmmml" in shown.output
    assert json.loads((tmp_path / "out" / "config.json").read_text())["config"]["forcefield"] == tiny


def test_a_potential_that_openmmml_does_not_know_is_named(zif8: Framework, tiny: str) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'tiny'"):
        load_potential("openmmml:tinny", zif8)


def test_another_metal_than_zinc_is_refused_by_name(zif8: Framework, tiny: str) -> None:
    cobalt = replace(zif8, species=tuple("Co" if s == "Zn" else s for s in zif8.species))
    with pytest.raises(InputError, match="ZIF-8 has Co"):
        load_potential(tiny, cobalt)


def test_a_model_file_is_known_by_its_content(zif8: Framework, tiny: str, tmp_path: Path) -> None:
    model = tmp_path / "own.model"
    model.write_bytes(pickle.dumps("weights"))
    before = load_potential(f"openmmml:{model}", zif8)
    model.write_bytes(pickle.dumps("other weights"))
    assert load_potential(f"openmmml:{model}", zif8).source != before.source
    with pytest.raises(InputError, match="cannot be used for ZIF-8"):       # no MACE here, or no model in that file
        build_model(zif8, before)


def test_a_missing_file_and_a_missing_package_are_one_clear_sentence(zif8: Framework, tmp_path: Path,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no file"):
        load_potential(f"openmmml:{tmp_path / 'none.model'}", zif8)
    with pytest.raises(InputError, match="write openmmml:NAME"):
        load_potential("mace", zif8)
    monkeypatch.setitem(sys.modules, "openmmml", None)
    with pytest.raises(InputError, match=r"pip install 'zifsim\[ml\]'"):
        load_potential("openmmml:ani2x", zif8)
