"""Relaxation ends in the same minimum wherever it begins and whoever runs it."""

from dataclasses import replace

import numpy as np
import openmm
import pytest

from zifsim.crystals.load import load_framework
from zifsim.errors import SimulationError
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt import relax
from zifsim.melt.platform import PlatformChoice
from zifsim.melt.relax import relax_framework
from zifsim.melt.system import NM, build_model
from zifsim.model.framework import Framework

AGREE = 0.005       # Å


@pytest.fixture(scope="module")
def zif8() -> Framework:
    return load_framework("ZIF-8")


def test_the_smooth_energy_is_that_of_its_forces(zif8: Framework) -> None:
    """Central differences along a random direction, where atoms cross the cut-off and the switching distance."""
    model = build_model(zif8, load_melt_forcefield("nb-ZIF-FF-s"))
    relax._make_smooth(model)
    context = relax._open(model, PlatformChoice("Reference", {}, ""))
    direction = np.random.default_rng(3).standard_normal(model.positions.shape)

    def energy(step: float) -> float:
        context.setPositions((model.positions + step * direction) * NM)
        return relax._energy(context)

    for step in (1e-4, 1e-3):       # Å; a jump would spoil one of them
        slope = (energy(step) - energy(-step)) / (2.0 * step)
        context.setPositions(model.positions * NM)
        forces = context.getState(getForces=True).getForces(asNumpy=True)
        expected = -(forces.value_in_unit(openmm.unit.kilojoule_per_mole / openmm.unit.angstrom) * direction).sum()
        assert slope == pytest.approx(expected, rel=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("structure", "forcefield"), [("ZIF-62", "ZIF-FF"), ("ZIF-8", "nb-ZIF-FF-s")])
def test_two_starts_end_within_a_two_hundredth_of_an_angstrom(structure: str, forcefield: str) -> None:
    fw, parameters = load_framework(structure), load_melt_forcefield(forcefield)
    shaken = fw.positions + 0.03 * np.random.default_rng(1).standard_normal(fw.positions.shape)
    first = relax_framework(fw, parameters)
    second = relax_framework(replace(fw, positions=shaken - (shaken - fw.positions).mean(axis=0)), parameters)
    assert np.abs(first.minimum_image(first.positions - second.positions)).max() < AGREE
    assert first.bonds.tolist() == fw.bonds.tolist()
    assert first.cell.tolist() == fw.cell.tolist()


@pytest.mark.slow
def test_a_narrow_cell_is_relaxed_as_a_supercell() -> None:
    """The primitive cell of ZIF-8 (14.7 Å, some 12 Å wide) and the cubic one have the same minimum."""
    cubic, parameters = load_framework("ZIF-8"), load_melt_forcefield("ZIF-FF")
    wide = relax_framework(cubic, parameters)
    narrow = relax_framework(cubic, parameters, cutoff_angstrom=8.6)     # 17.2 Å: needs two cells along each axis
    assert narrow.n_atoms == cubic.n_atoms
    assert np.abs(narrow.minimum_image(narrow.positions - wide.positions)).max() < 0.05     # another cut-off


def test_no_minimum_is_said(zif8: Framework, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relax, "MAX_EVALUATIONS", 3)
    with pytest.raises(SimulationError, match="No energy minimum was found in"):
        relax_framework(zif8, load_melt_forcefield("ZIF-FF"))
