"""Host grids: nodes, derivatives, interpolation and its order, blocked cores."""

import math
from dataclasses import replace

import numpy as np
import pytest
from gcmc_naive import (
    CHARGES,
    CO2,
    CUBIC,
    FORCEFIELD,
    METHANE,
    TRICLINIC,
    ewald_energy,
    host_lj,
    system_of,
    toy_framework,
)

from zifsim.errors import InputError
from zifsim.gcmc.grid import (
    BLOCKED,
    CORE_FRACTION,
    compress,
    divisions_for,
    interpolate,
    lj_grid,
    periodic_images,
    potential_grid,
    wrapped,
)
from zifsim.gcmc.host import framework_kinds
from zifsim.gcmc.potential import pair_table
from zifsim.units import COULOMB_K_ANGSTROM

CUTOFF = 6.0
PROBE = (79.0, 3.05)
CELLS = pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])


def probe_grid(framework, divisions, truncation="truncated", threads=1, cutoff=CUTOFF):
    kinds, epsilon, sigma = framework_kinds(framework, FORCEFIELD)
    pairs = pair_table(np.array([PROBE[0]]), np.array([PROBE[1]]), epsilon, sigma, cutoff_angstrom=cutoff,
                       truncation=truncation)
    return lj_grid(framework.positions, kinds, framework.cell, pairs, 0, divisions, threads)


def free_points(framework, n, seed=0, distance=3.0):
    """Random points (n, 3) at least ``distance`` from every atom."""
    rng = np.random.default_rng(seed)
    points = []
    while len(points) < n:
        point = rng.random(3) @ framework.cell
        if np.linalg.norm(framework.minimum_image(framework.positions - point), axis=1).min() > distance:
            points.append(point)
    return np.array(points)


def values(nodes, points, cell):
    fractional = points @ np.linalg.inv(cell)
    return np.array([interpolate(nodes, 0, *f) for f in fractional - np.floor(fractional)])


def lj_values(framework, spacing, points, cutoff=CUTOFF):
    """Lennard-Jones (shifted) at points by the engine's way: compressed float32 nodes, interpolated."""
    nodes, floor, scale = compress(probe_grid(framework, divisions_for(framework.cell, spacing), "shifted",
                                              cutoff=cutoff))
    return floor + scale * (np.exp(values(wrapped(nodes)[None], points, framework.cell)) - 1.0)


def potential_at(framework, point):
    """Electrostatic potential (K/e) of the host: the energy of a probe pair minus that of the probes alone."""
    far = point + framework.cell[0] / 2          # a counter charge keeps the cell neutral
    probes = np.array([point, far])
    q = np.array([1.0, -1.0])
    both = ewald_energy(np.concatenate([framework.positions, probes]), np.concatenate([framework.charges, q]),
                        framework.cell)
    return (both - ewald_energy(framework.positions, framework.charges, framework.cell)
            - ewald_energy(probes, q, framework.cell))


@CELLS
def test_periodic_images_are_all_those_within_reach_of_the_cell(cell):
    framework = toy_framework(cell)
    images, owners = periodic_images(framework.positions, cell, 5.0)
    assert framework.minimum_image(images - framework.positions[owners]) == pytest.approx(0.0, abs=1e-9)
    for point in np.random.default_rng(0).random((20, 3)) @ cell:
        near = np.linalg.norm(images - point, axis=1)
        shifts = np.array([(i, j, k) for i in range(-2, 3) for j in range(-2, 3) for k in range(-2, 3)]) @ cell
        everything = np.linalg.norm(framework.positions[:, None] + shifts[None] - point, axis=-1).ravel()
        assert np.sort(near[near < 5.0]) == pytest.approx(np.sort(everything[everything < 5.0]), abs=1e-9)


@CELLS
@pytest.mark.parametrize("truncation", ["truncated", "shifted"])
def test_lj_nodes_equal_the_sum_over_images(cell, truncation):
    framework = toy_framework(cell)
    divisions = (9, 8, 7)
    nodes = probe_grid(framework, divisions, truncation)
    for index in ((0, 4, 3), (4, 4, 4), (8, 5, 2), (5, 7, 6)):
        point = (np.array(index) / divisions) @ cell
        if nodes[index][0] < BLOCKED:
            expected = host_lj(point, *PROBE, framework, FORCEFIELD, CUTOFF, truncation)
            assert nodes[index][0] == pytest.approx(expected, rel=1e-10, abs=1e-9)
    assert (nodes[..., 0] < BLOCKED).sum() > 100


@CELLS
def test_a_node_is_blocked_exactly_where_it_lies_in_a_core(cell):
    framework = toy_framework(cell)
    divisions = (12, 11, 10)
    nodes = probe_grid(framework, divisions)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in divisions), indexing="ij"), axis=-1).reshape(-1, 3)
    points = (index / divisions) @ cell
    sigma = np.array([0.5 * (PROBE[1] + FORCEFIELD.atoms[s].sigma_angstrom) for s in framework.species])
    distance = np.linalg.norm(framework.minimum_image(points[:, None] - framework.positions[None]), axis=-1)
    core = (distance < CORE_FRACTION * sigma).any(axis=1)
    assert (nodes[..., 0].ravel() >= BLOCKED).tolist() == core.tolist()
    assert 0 < core.sum() < len(core)


def test_interpolation_next_to_a_blocked_node_is_blocked():
    framework = toy_framework()
    nodes, _, _ = compress(probe_grid(framework, divisions_for(CUBIC, 0.5)))
    nodes = wrapped(nodes)[None]
    assert interpolate(nodes, 0, *(framework.fractional[0] % 1.0)) >= 1e29
    assert interpolate(nodes, 0, 0.5, 0.5, 0.5) < 1e3


ORDERS = ((0,), (1,), (0, 1), (2,), (0, 2), (1, 2), (0, 1, 2))   # derivatives stored after the value


def central_difference(value_at, axes, step):
    """Mixed central difference of ``value_at(offsets (3,) in grid steps)`` along ``axes``."""
    total = 0.0
    for signs in np.ndindex(*(2,) * len(axes)):
        offset = np.zeros(3)
        offset[list(axes)] = step * (2 * np.array(signs) - 1)
        total += (-1.0) ** (len(axes) - sum(signs)) * value_at(offset)
    return total / (2.0 * step) ** len(axes)


@CELLS
def test_stored_lj_derivatives_equal_finite_differences_of_the_sum(cell):
    framework, divisions = toy_framework(cell), np.array((30, 31, 29))
    nodes = probe_grid(framework, tuple(divisions))
    for index in ((9, 13, 8), (15, 7, 9), (8, 8, 8)):
        def value_at(offset, place=index):
            point = ((np.array(place) + offset) / divisions) @ cell
            return host_lj(point, *PROBE, framework, FORCEFIELD, CUTOFF)

        scale = np.abs(nodes[index][1:]).max()
        assert scale > 1.0
        for order, axes in enumerate(ORDERS, start=1):
            assert nodes[index][order] == pytest.approx(central_difference(value_at, axes, 0.03), abs=2e-3 * scale)


@CELLS
def test_stored_potential_derivatives_equal_finite_differences_on_a_finer_grid(cell):
    framework, coarse, refine = toy_framework(cell), np.array((28, 29, 27)), 4
    fine, nodes = (potential_grid(framework.positions, framework.charges, cell, tuple(n))
                   for n in (coarse * refine, coarse))
    index = (9, 13, 8)

    def value_at(offset):
        return fine[tuple(np.rint((np.array(index) + offset) * refine).astype(int))][0]

    scale = np.abs(nodes[index][1:]).max()
    for order, axes in enumerate(ORDERS, start=1):
        assert nodes[index][order] == pytest.approx(central_difference(value_at, axes, 1 / refine), abs=0.02 * scale)


@CELLS
def test_interpolated_lj_equals_the_direct_sum(cell):
    framework = toy_framework(cell)
    points = free_points(framework, 40)
    expected = np.array([host_lj(p, *PROBE, framework, FORCEFIELD, CUTOFF, "shifted") for p in points])
    error = lj_values(framework, 0.2, points) - expected
    assert np.abs(error).max() < 0.3
    assert np.abs(error).mean() < 0.05
    assert np.abs(expected).max() > 200.0


@CELLS
def test_interpolated_potential_equals_an_ewald_sum(cell):
    framework = toy_framework(cell)
    points = free_points(framework, 6)
    nodes = potential_grid(framework.positions, framework.charges, cell, divisions_for(cell, 0.2))
    got = values(wrapped(nodes.astype(np.float32))[None], points, cell)
    opposite = values(wrapped(nodes.astype(np.float32))[None], points + cell[0] / 2, cell)
    expected = np.array([potential_at(framework, p) for p in points])
    assert got - opposite == pytest.approx(expected, rel=1e-4, abs=1.0)
    assert np.abs(expected).max() > 300.0
    assert set(framework.species) <= set(CHARGES)


def test_potential_has_zero_mean_over_the_cell():
    # of the Ewald sum without the k = 0 term; the flat cores (no guest comes there) take a little off it
    framework = toy_framework()
    nodes = potential_grid(framework.positions, framework.charges, CUBIC, (60, 60, 60))
    core = np.pi / 3 * 1.0 / np.linalg.det(CUBIC) * COULOMB_K_ANGSTROM
    assert abs(nodes[..., 0].mean()) < core * np.abs(framework.charges).sum()


def test_lj_error_falls_with_the_fourth_power_of_the_spacing():
    framework, cutoff = toy_framework(TRICLINIC), 11.0   # wide: the force jumps at the cut-off, which has no order
    points = free_points(framework, 60, seed=1, distance=3.2)
    expected = np.array([host_lj(p, *PROBE, framework, FORCEFIELD, cutoff, "shifted") for p in points])
    errors = [float(np.sqrt(np.mean((lj_values(framework, h, points, cutoff) - expected) ** 2)))
              for h in (0.8, 0.4, 0.2)]
    assert math.log2(errors[0] / errors[1]) > 3.5
    assert math.log2(errors[1] / errors[2]) > 3.5


def test_potential_error_falls_with_the_fourth_power_of_the_spacing():
    framework = toy_framework(TRICLINIC)
    points = free_points(framework, 60, seed=1, distance=2.5)

    def at(spacing):
        nodes = potential_grid(framework.positions, framework.charges, TRICLINIC, divisions_for(TRICLINIC, spacing))
        return values(wrapped(nodes)[None], points, TRICLINIC)

    best = at(0.13)
    errors = [float(np.sqrt(np.mean((at(h) - best) ** 2))) for h in (0.5, 0.25)]
    assert math.log2(errors[0] / errors[1]) > 3.5


def test_threads_do_not_change_a_grid():
    framework = toy_framework(TRICLINIC)
    divisions = divisions_for(TRICLINIC, 0.5)
    assert np.array_equal(probe_grid(framework, divisions, threads=1), probe_grid(framework, divisions, threads=3))


def test_compression_is_reversible_to_float32():
    grid = probe_grid(toy_framework(), divisions_for(CUBIC, 0.5))
    nodes, floor, scale = compress(grid)
    open_nodes = grid[..., 0] < BLOCKED
    back = floor + scale * (np.exp(nodes[..., 0][open_nodes].astype(float)) - 1.0)
    # the digits go where they count: to the wells, not to the walls
    expected = grid[..., 0][open_nodes]
    assert np.all(np.abs(back - expected) < 2e-6 * (np.abs(expected - floor) + scale))
    assert np.all(nodes[..., 0][~open_nodes] == np.float32(BLOCKED))


def test_compression_holds_where_every_node_is_repulsive():
    grid = np.zeros((2, 2, 2, 8))
    grid[..., 0] = np.linspace(5e3, 9e5, 8).reshape(2, 2, 2)
    nodes, floor, scale = compress(grid)
    assert np.all(np.isfinite(nodes))
    assert floor + scale * (np.exp(nodes[..., 0].astype(float)) - 1.0) == pytest.approx(grid[..., 0], rel=1e-5)


def test_an_atom_without_interaction_on_a_node_leaves_the_grid_finite():
    framework = toy_framework()
    framework = replace(framework, species=("He", *framework.species[1:]),
                        positions=framework.positions - framework.positions[0])
    assert np.all(np.isfinite(probe_grid(framework, (6, 6, 6))))


def test_divisions_never_make_a_grid_wider_than_asked():
    for spacing in (0.1, 0.15, 0.2, 0.33):
        n = np.array(divisions_for(TRICLINIC, spacing))
        lengths = np.linalg.norm(TRICLINIC, axis=1)
        assert np.all(lengths / n <= spacing * (1 + 1e-9))
        assert np.all(lengths / (n - 1) > spacing)


def test_too_coarse_a_grid_for_the_potential_is_refused_and_one_without_charges_is_not():
    with pytest.raises(InputError, match="grid_spacing"):
        system_of(toy_framework(), CO2, 273.0, grid_spacing_angstrom=1.5)
    assert system_of(toy_framework(), METHANE, 273.0, grid_spacing_angstrom=1.5).host.use_grid
