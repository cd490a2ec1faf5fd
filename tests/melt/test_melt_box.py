"""What a change of volume does: the pressure asked for, molecules moved as wholes, the way back to the user's cell."""

from dataclasses import replace

import numpy as np
import openmm
import pytest

from zifsim.crystals.load import load_framework
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.box import Box
from zifsim.melt.context import configuration, open_context
from zifsim.melt.platform import choose_platform
from zifsim.melt.settings import MeltSettings
from zifsim.melt.system import MeltSystem, build_model
from zifsim.model.schedule import Segment

SETTINGS = MeltSettings(platform="CPU", cpu_threads=1, barostat_interval=1)


@pytest.fixture(scope="module")
def dissociable() -> MeltSystem:
    return build_model(load_framework("ZIF-8"), load_melt_forcefield("nb-ZIF-FF-s"))


@pytest.fixture(scope="module")
def bonded() -> MeltSystem:
    return build_model(load_framework("ZIF-8"), load_melt_forcefield("ZIF-FF"))


def opened(model: MeltSystem, barostat: str, timestep_fs: float) -> openmm.Context:
    segment = Segment("hold", 500.0, 500.0, 1.0, pressure_bar=250.0, barostat=barostat)
    return open_context(model, segment, SETTINGS, timestep_fs, choose_platform("CPU", cpu_threads=1), None, 0)


@pytest.mark.parametrize("barostat", ["isotropic", "anisotropic"])
def test_the_barostat_has_the_pressure_and_temperature_of_its_segment(dissociable: MeltSystem, barostat: str) -> None:
    parameters = dict(opened(dissociable, barostat, 0.5).getParameters())
    pressures = [value for name, value in parameters.items() if "Pressure" in name]
    assert pressures == [250.0] * (3 if barostat == "anisotropic" else 1)       # bar
    assert [value for name, value in parameters.items() if "Temperature" in name] == [500.0]


@pytest.mark.parametrize("barostat", ["isotropic", "anisotropic"])
@pytest.mark.parametrize("rigid", [True, False])
def test_volume_moves_carry_molecules_as_wholes_and_a_bonded_network_atom_by_atom(
        dissociable: MeltSystem, bonded: MeltSystem, barostat: str, rigid: bool) -> None:
    """Steps so short that nothing moves but by volume moves, one at every step."""
    model = dissociable if rigid else bonded
    context = opened(model, barostat, 1e-7)
    before, box = configuration(context.getState(getPositions=True))
    context.getIntegrator().step(60)
    after, new_box = configuration(context.getState(getPositions=True))
    stretch = np.diag(new_box) / np.diag(box)
    assert np.abs(stretch - 1.0).max() > 1e-4                                   # some were accepted
    i, j = np.array(model.topology.bonds).T
    lengths = [np.linalg.norm(x[j] - x[i], axis=1) for x in (before, after)]
    if rigid:
        assert lengths[1] == pytest.approx(lengths[0], rel=1e-5)
    else:
        fractional = [x @ np.linalg.inv(b) for x, b in ((before, box), (after, new_box))]
        moved = fractional[1] - fractional[0]
        assert moved - moved.mean(axis=0) == pytest.approx(np.zeros_like(moved), abs=1e-5)


def test_the_cell_of_a_strained_box_is_the_one_its_atoms_are_carried_to() -> None:
    """A turned, sheared, left-handed cell: fractional coordinates in the user's cell outlive the strain of the box."""
    rng = np.random.default_rng(7)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    cell = np.array([[1, 0, 0], [2, 1, 0], [-1, 1, 1]]) @ np.diag([11.0, 12.5, 14.0]) @ turn
    cell[2] *= -1.0
    fractional = rng.uniform(size=(40, 3))
    box = Box.of(cell)
    assert box.cell_back(box.vectors) == pytest.approx(cell, abs=1e-9)
    strained = box.vectors @ np.array([[1.07, 0.0, 0.0], [0.02, 0.95, 0.0], [-0.03, 0.01, 1.1]])
    carried = box.to_box_frame(fractional @ cell) @ np.linalg.inv(box.vectors) @ strained
    assert box.positions_back(carried) == pytest.approx(fractional @ box.cell_back(strained), abs=1e-9)


def test_a_model_hands_back_cell_and_atoms_in_the_users_frame() -> None:
    framework = load_framework("ZIF-8")
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    turned = replace(framework, cell=framework.cell @ turn, positions=framework.positions @ turn)
    model = build_model(turned, load_melt_forcefield("ZIF-FF"))
    positions, cell = model.framework_at(1.02 * model.positions, 1.02 * model.box.vectors)
    assert cell == pytest.approx(1.02 * turned.cell, abs=1e-6)
    off = (positions - 1.02 * turned.positions) @ np.linalg.inv(cell)
    assert off - np.round(off) == pytest.approx(np.zeros_like(off), abs=1e-6)       # perhaps in another image
