"""Sizes are foretold: budgets, what is refused, and neighbour lists that are linear in atoms."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list

from zifsim.cli.app import _options_first
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError
from zifsim.gcmc.grid import divisions_for
from zifsim.gcmc.system import supercell_repeats
from zifsim.io.guests import load_guest
from zifsim.memory import GIB, VARIABLE, budget_bytes, parse_size, reserve
from zifsim.model.neighbours import neighbour_pairs


@pytest.mark.parametrize(("text", "size"), [
    ("4GiB", 4 * GIB), ("500MB", 5e8), ("2G", 2e9), ("1.5 TiB", 1.5 * 2**40), ("1000", 1000.0), ("64k", 64e3)])
def test_sizes_are_read_as_people_write_them(text: str, size: float) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1GB", "many", "4 GiB please", "nan", "inf", "1e999"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--max-memory"):
        parse_size(text)


def test_more_than_the_budget_is_refused_with_both_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1GiB")
    assert budget_bytes() == GIB
    reserve(GIB, "A grid")
    for size in (2.0 * GIB, np.inf, np.nan):
        with pytest.raises(InputError, match=r"A grid would take .* more than the 1 GiB"):
            reserve(size, "A grid")


def test_without_the_option_the_budget_is_that_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert 2**28 < budget_bytes() < 2**50


def test_the_option_may_stand_after_the_command() -> None:
    assert _options_first(["build", "ZIF-8", "--max-memory", "1GB"]) == ["--max-memory", "1GB", "build", "ZIF-8"]
    assert _options_first(["build", "--max-memory=1GB", "x"]) == ["--max-memory=1GB", "build", "x"]
    assert _options_first(["build", "ZIF-8"]) == ["build", "ZIF-8"]


def test_what_would_not_fit_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "2GiB")
    zif8 = load_framework("ZIF-8")
    with pytest.raises(InputError, match=r"850 × 850 × 850 nodes"):
        divisions_for(10.0 * zif8.cell, 0.2)
    with pytest.raises(InputError, match=r"7,452,000,000 atoms"):
        zif8.supercell((300, 300, 300))
    with pytest.raises(InputError, match="unit cells of ZIF-8"):
        supercell_repeats(zif8, (load_guest("CH4"),), 2000.0)


@pytest.mark.parametrize("reach", [0.9, 2.6, 6.0, 14.0])
def test_neighbours_are_those_of_ase_in_a_skew_cell_with_many_images(reach: float) -> None:
    rng = np.random.default_rng(3)
    cell = np.array([[5.0, 0.0, 0.0], [1.5, 6.0, 0.0], [-1.0, 2.0, 7.0]])
    positions = rng.random((9, 3)) @ cell + rng.integers(-2, 3, (9, 3)) @ cell
    i, j, d = neighbour_pairs(positions, cell, reach)
    a, b, e = neighbor_list("ijd", Atoms("H9", positions=positions, cell=cell, pbc=True), reach)
    order = np.lexsort((e, b, a))
    assert i.tolist() == a[order].tolist()
    assert j.tolist() == b[order].tolist()
    assert d == pytest.approx(e[order], abs=1e-9)


def test_an_empty_cell_of_a_tenth_of_a_millimetre_costs_no_more_than_its_atoms() -> None:
    rng = np.random.default_rng(4)
    i, _, d = neighbour_pairs(rng.random((20_000, 3)) * 60.0, np.eye(3) * 9e5, 1.0)
    assert 0 < len(i) < 20_000
    assert d.max() <= 1.0


def test_a_supercell_has_the_bonds_of_its_cell_in_every_copy() -> None:
    zif8 = load_framework("ZIF-8")
    big = zif8.supercell((2, 1, 3))
    lengths = np.linalg.norm(big.minimum_image(big.positions[big.bonds[:, 1]] - big.positions[big.bonds[:, 0]]), axis=1)
    small = np.linalg.norm(zif8.minimum_image(
        zif8.positions[zif8.bonds[:, 1]] - zif8.positions[zif8.bonds[:, 0]]), axis=1)
    assert len(big.bonds) == 6 * len(zif8.bonds)
    assert np.sort(lengths) == pytest.approx(np.sort(np.repeat(small, 6)), abs=1e-9)


def test_a_cell_beyond_all_measure_is_refused() -> None:
    from dataclasses import replace

    zif8 = load_framework("ZIF-8")
    for factor in (1e6, 1e200):
        with pytest.raises(InputError, match="edge of the cell"):
            replace(zif8, cell=zif8.cell * factor)
