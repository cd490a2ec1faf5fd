"""Rings of known nets, linker order of known arrangements, pores of a lattice of spheres."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ideal_lattice import diamond_framework

from zifsim.analysis import pores as pores_module
from zifsim.analysis.frames import Frames, load_frames, of_framework
from zifsim.analysis.order import RANDOM_P2, LinkerOrder, nematic_order, ring_normals, warren_cowley
from zifsim.analysis.pore_sizes import BIN, PoreSizes, clearance
from zifsim.analysis.pores import PROBES, Pores, format_cssr
from zifsim.analysis.radii import RADII
from zifsim.analysis.rings import Net, Rings, find_net
from zifsim.errors import InputError, SimulationError
from zifsim.io.trajectory import Frame
from zifsim.model.framework import BuildingUnit, Framework

GLASSES = Path(__file__).resolve().parents[1] / "data/cells"


def test_net_of_the_diamond_lattice_has_four_bridges_per_metal() -> None:
    frames = of_framework(diamond_framework())
    net = find_net(frames, next(iter(frames)), 2.6)
    assert np.bincount(net.first).tolist() == [4] * 8
    assert np.linalg.norm(net.vector, axis=1) == pytest.approx(np.full(32, 6.0))
    assert net.doubled == 0
    large = net.supercell((2, 1, 3))
    assert large.n_nodes == 48
    assert np.bincount(large.first).tolist() == [4] * 48
    # Every edge has its way back, with the opposite image.
    there = {(i, j, *m) for i, j, m in zip(large.first, large.second, large.image.tolist(), strict=True)}
    assert {(j, i, *(-x for x in m)) for i, j, *m in there} == there


def test_diamond_sodalite_and_cag_have_their_rings() -> None:
    pytest.importorskip("matscipy")
    # Diamond: 12 six-rings pass each node, six nodes each. Sodalite: per cell of 12, 6 four- and 8 six-rings.
    assert np.flatnonzero(Rings().compute(of_framework(diamond_framework())).per_metal[0]).tolist() == [6]
    assert Rings().compute(of_framework(diamond_framework())).per_metal[0, 6] == pytest.approx(2.0)
    sodalite = Rings().compute(load_frames("ZIF-8")).per_metal[0]
    assert {n: sodalite[n] for n in np.flatnonzero(sodalite)} == {4: pytest.approx(6 / 12), 6: pytest.approx(8 / 12)}
    cag = Rings().compute(load_frames("ZIF-62")).per_metal[0]
    assert np.flatnonzero(cag).tolist() == [4, 6, 8]


def shortest_path_rings(net: Net, size: int) -> int:
    """Franzblau's definition, naively: closed walks of ``size`` nodes that are as far apart in the net as along it."""
    neighbours = [net.second[net.first == k].tolist() for k in range(net.n_nodes)]
    distance = np.full((net.n_nodes, net.n_nodes), 99)
    for start in range(net.n_nodes):
        layer, seen, d = {start}, {start}, 0
        while layer and d <= size:
            distance[start, list(layer)] = d
            layer = {n for k in layer for n in neighbours[k]} - seen
            seen |= layer
            d += 1
    along = np.array([[min(abs(a - b), size - abs(a - b)) for b in range(size)] for a in range(size)])
    found = set()

    def extend(path: list[int]) -> None:
        here = np.array(path)
        if len(path) == size:
            if path[0] in neighbours[path[-1]] and (distance[np.ix_(here, here)] == along).all():
                found.add(frozenset(path))
            return
        for n in neighbours[path[-1]]:
            if n > path[0] and n not in path and distance[n, path[0]] <= min(len(path), size - len(path)):
                extend([*path, n])

    for start in range(net.n_nodes):
        extend([start])
    return len(found)


def test_rings_of_a_glass_equal_a_naive_count() -> None:
    pytest.importorskip("matscipy")
    frames = load_frames(GLASSES / "agZIF-62_dense_prototype.cif")
    result = Rings(max_size=6).compute(frames)
    net = find_net(frames, next(iter(frames)), 2.6).supercell((4, 4, 3))
    for size in (3, 4, 5, 6):
        assert result.per_metal[0, size] == pytest.approx(shortest_path_rings(net, size) / net.n_nodes)


def test_parallel_linkers_are_ordered_and_random_ones_are_not() -> None:
    assert nematic_order(np.tile([0.6, 0.0, 0.8], (20, 1)) * np.resize([1, -1], (20, 1))) == pytest.approx(1.0)
    assert nematic_order(np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])) == pytest.approx(0.0)
    directions = np.random.default_rng(1).normal(size=(400, 32, 3))
    directions /= np.linalg.norm(directions, axis=2, keepdims=True)
    assert np.mean([nematic_order(d) for d in directions]) == pytest.approx(RANDOM_P2 / np.sqrt(32), rel=0.05)
    # In ZIF-8 a mirror {110} runs through each linker, so its normal is (a, b, b); a cubic crystal has no P₂.
    frames = load_frames("ZIF-8")
    frame = next(iter(frames))
    normals = np.sort(np.abs(ring_normals(frame.positions, frame.box, frames.rings)), axis=1)
    assert normals[:, 1] == pytest.approx(normals[:, 2], abs=1e-6)
    assert LinkerOrder().compute(frames).p2[0] == pytest.approx(0.0, abs=1e-4)


def test_warren_cowley_order_of_chains() -> None:
    kinds = np.array([True, False] * 6)
    ring = np.array([[k, (k + 1) % 12] for k in range(12)])
    assert warren_cowley(ring, kinds) == pytest.approx(1.0 - 11 / 6)          # alternating: every partner is another
    blocks = np.array([True] * 6 + [False] * 6)
    assert warren_cowley(ring, blocks) == pytest.approx(1.0 - 2 / 12 * 11 / 6)
    every_pair = np.array(list(itertools.combinations(range(12), 2)))
    assert warren_cowley(every_pair, blocks) == pytest.approx(0.0)            # all pairs: no preference at all


def sphere_lattice(edge: float) -> Frames:
    """One carbon atom in a cubic cell, doubled along every axis so that Zeo++ has a net to work on."""
    framework = Framework("spheres", ("C",) * 8, edge * np.array(list(itertools.product((0.0, 1.0), repeat=3))),
                          2.0 * edge * np.eye(3), units=(BuildingUnit("C", tuple(range(8))),))
    frame = Frame(0, framework.positions, framework.cell)
    return Frames("spheres", framework, lambda: iter((frame,)), "")


def test_pores_between_spheres_on_a_cubic_lattice_are_as_geometry_says() -> None:
    pytest.importorskip("pyzeo")
    edge, radius, probe = 8.0, RADII["C"], 2.6
    frames = sphere_lattice(edge)
    result = Pores(probes={"He": probe}, volume_samples=100_000, surface_samples=5_000).compute(frames)
    assert result.largest[0] == pytest.approx(np.sqrt(3.0) * edge - 2.0 * radius, abs=1e-3)
    assert result.free[0] == pytest.approx(np.sqrt(2.0) * edge - 2.0 * radius, abs=1e-3)
    grams = frames.framework.mass_amu * pores_module.MASS_TO_G
    reach = radius + 0.5 * probe
    empty = 8 * (edge**3 - 4.0 / 3.0 * np.pi * reach**3)
    helium = result.probes["He"]
    assert helium.volume[0] == pytest.approx(empty * 1e-24 / grams, rel=0.01)
    assert helium.surface[0] == pytest.approx(8 * 4.0 * np.pi * reach**2 * 1e-20 / grams, rel=0.01)
    assert helium.closed_volume[0] == helium.closed_surface[0] == 0.0
    assert result.skeletal[0] == pytest.approx(grams * 1e24 / (8 * 4.0 / 3.0 * np.pi * reach**3), rel=0.01)


def test_pore_sizes_between_spheres_are_as_geometry_says() -> None:
    edge = 8.0
    cavity = np.sqrt(3.0) * edge - 2.0 * RADII["C"]
    result = PoreSizes(points=4_000, spacing=0.2).compute(sphere_lattice(edge))
    assert result.share.sum() * BIN == pytest.approx(1.0)
    assert result.largest[0] == pytest.approx(cavity, abs=0.01)         # the middle of the cavity is a node
    # The void within a cavity's sphere: seven eighths of the cell or so, by a sum over a fine grid.
    x = (np.arange(80) + 0.5) / 80 * edge
    at = np.stack(np.meshgrid(x, x, x), axis=-1)
    corner = np.linalg.norm(at - edge * np.round(at / edge), axis=-1)
    middle = at - 0.5 * edge
    within = np.zeros(corner.shape, dtype=bool)
    for shift in itertools.product((-edge, 0.0, edge), repeat=3):
        within |= np.linalg.norm(middle - shift, axis=-1) <= 0.5 * cavity
    expected = (within & (corner > RADII["C"])).sum() / (corner > RADII["C"]).sum()
    found = result.share[result.diameter > cavity - BIN].sum() * BIN
    assert found == pytest.approx(expected, abs=4.0 * np.sqrt(expected * (1 - expected) / 4_000) + 0.02)


def test_zif8_has_its_cage_and_window_and_shuts_out_nitrogen_when_rigid() -> None:
    pytest.importorskip("pyzeo")
    result = Pores(probes={"He": 2.6, "N2": 3.64}, surface_samples=100).compute(load_frames("ZIF-8"))
    assert result.largest[0] == pytest.approx(11.6, abs=0.4)        # Park et al. 2006: cage 11.6 Å, window 3.4 Å
    assert result.free[0] == pytest.approx(3.4, abs=0.05)
    # by symmetry the narrowest place, and the widest, lie on the threefold axis: one number, without Zeo++
    frames = load_frames("ZIF-8")
    frame, species = next(iter(frames)), frames.framework.species
    axis = np.linspace(0.0, 0.5, 5001)[:, None] * np.ones(3) @ frame.box
    along = 2.0 * clearance(axis, frame, species, {e: RADII[e] for e in set(species)})
    assert result.free[0] == pytest.approx(along.min(), abs=2e-3)
    assert result.largest[0] == pytest.approx(along.max(), abs=2e-3)
    assert result.free[0] < PROBES["O2"]        # as its volume for O2 says: shut
    assert result.probes["N2"].volume[0] == 0.0
    assert result.probes["N2"].closed_volume[0] > 0.1
    assert result.skeletal[0] > 1.1 > frames_density("ZIF-8")


def frames_density(name: str) -> float:
    return load_frames(name).framework.density_g_cm3


def test_what_zeo_cannot_do_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = sphere_lattice(8.0)
    gold = replace(frames, framework=replace(frames.framework, species=("Au",) * 8))
    with monkeypatch.context() as patch:
        patch.setattr(pores_module.importlib.util, "find_spec", lambda name: None)
        with pytest.raises(InputError, match=r"zifsim\[analysis\]"):
            Pores().compute(frames)
    monkeypatch.setattr(pores_module.importlib.util, "find_spec", lambda name: object())
    with pytest.raises(InputError, match="radius of Au"):
        Pores().compute(gold)
    monkeypatch.setattr(pores_module, "format_cssr", lambda species, frame: "no atoms at all\n")
    with pytest.raises(SimulationError, match="Zeo"):
        Pores().compute(frames)


def test_cssr_wraps_every_atom_into_the_cell() -> None:
    frame = Frame(0, np.array([[-1.0, 5.0, 17.0]]), 8.0 * np.eye(3))
    assert "0.875000  0.625000  0.125000" in format_cssr(("C",), frame)
