"""The moves against a naive twin, move by move, and the properties each must have by itself."""

import itertools
import math
from dataclasses import dataclass

import numba
import numpy as np
import pytest
from gcmc_naive import (
    CO2,
    CUBIC,
    LOPSIDED,
    METHANE,
    TRICLINIC,
    guest_model,
    sample,
    sites_of,
    system_of,
    toy_framework,
    walker_with,
    wrap,
)
from gcmc_twin import NaiveWalker

from zifsim.gcmc import bias, energy, ewald, grid, host, moves, potential, random, walker, widom
from zifsim.gcmc.energy import total_energy
from zifsim.gcmc.jit import kernel
from zifsim.gcmc.moves import MOVE_NAMES
from zifsim.gcmc.random import streams
from zifsim.gcmc.walker import FOURIER, TAIL

TEMPERATURE = 500.0


SMALL, LARGE = METHANE, guest_model([(120.0, 4.4, 0.0, 0.0)], "large", "SF6", 146.0)   # cores of different sizes


@dataclass(frozen=True)
class Case:
    """A walk for the engine and its twin."""

    guests: tuple
    cell: np.ndarray
    trials: int
    activity: float | tuple
    coulomb: str = "auto"
    exponent: float = 0.0
    truncation: str = "shifted"
    cutoff: float = 5.0
    probabilities: tuple = (0.32, 0.14, 0.18, 0.18, 0.18)
    orientations: int = 1
    images: str = "nearest"
    log_bias: tuple | None = None

    def system(self):
        return system_of(toy_framework(self.cell), self.guests, TEMPERATURE, cutoff_angstrom=self.cutoff,
                         ewald_tolerance=1e-3, truncation=self.truncation, n_trials=self.trials,
                         bias_exponent=self.exponent, guest_coulomb=self.coulomb, guest_images=self.images)


# Cut-off 7.5 Å: wide enough for the methane to leave no place without an atom in reach. Between such places the energy
# changes by rounding only, which decides whether a random number is drawn. The same holds for turning a sphere.
SPHERES = {"cutoff": 7.5, "probabilities": (0.32, 0.18, 0.2, 0.3, 0.0)}
SPHERES_SWAPPED = {"cutoff": 7.5, "probabilities": (0.3, 0.15, 0.15, 0.2, 0.0, 0.2)}
CASES = {
    "methane-plain": Case((METHANE,), TRICLINIC * 0.75, 1, 1e-3, **SPHERES),       # a supercell of 2×2×2
    "methane-biased": Case((METHANE,), TRICLINIC * 0.85, 4, 2e-3, exponent=0.5, **SPHERES),
    "methane-weighted": Case((METHANE,), TRICLINIC * 0.85, 2, 1e-3, log_bias=tuple(0.3 * np.arange(40) ** 0.5),
                             **SPHERES),
    "CO2-cutoff": Case((CO2,), CUBIC * 1.2, 1, 1e-3),
    "CO2-cutoff-dense": Case((CO2,), TRICLINIC, 4, 1e-2, exponent=0.3),
    "CO2-all-images": Case((CO2,), TRICLINIC * 0.7, 2, 3e-3, exponent=0.3, images="all"),
    "CO2-turned": Case((CO2,), TRICLINIC, 3, 1e-2, exponent=0.3, orientations=4),
    "CO2-ewald": Case((CO2,), CUBIC * 1.2, 1, 1e-3, coulomb="ewald"),
    "CO2-tail": Case((CO2,), CUBIC * 1.2, 2, 1e-3, truncation="tail"),
    "polar": Case((LOPSIDED,), TRICLINIC * 1.3, 3, 2e-5, exponent=0.3),
    "methane+CO2-tail": Case((METHANE, CO2), TRICLINIC, 3, (1e-3, 2e-3), exponent=0.3, truncation="tail",
                             orientations=2, **SPHERES_SWAPPED),
    "large+small": Case((LARGE, SMALL), TRICLINIC * 0.85, 4, (2e-3, 2e-3), truncation="truncated", **SPHERES_SWAPPED),
    "CO2+polar": Case((CO2, LOPSIDED), CUBIC * 1.3, 2, (1e-3, 1e-3), exponent=0.3,
                      probabilities=(0.3, 0.12, 0.12, 0.12, 0.12, 0.22)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_move_equals_its_naive_twin(case):
    system, steps, seed, n_moves = case.system(), (0.7, 0.9), 11, 200
    engine, counts, energies = sample(system, case.activity, n_moves, seed, probabilities=case.probabilities, every=1,
                                      steps=steps, orientations=case.orientations, log_bias=case.log_bias)
    twin = NaiveWalker(system, streams(seed, case.trials + 1), np.atleast_1d(case.activity),
                       orientations=case.orientations, log_bias=case.log_bias)
    accepted, attempted = np.zeros(6, dtype=int), np.zeros(6, dtype=int)
    for m, count in enumerate(counts.reshape(n_moves, -1)):
        kind, done = twin.move(case.probabilities, steps)
        attempted[kind] += 1
        accepted[kind] += done
        assert [len(members) for members in twin.members] == count.tolist(), f"move {m} ({MOVE_NAMES[kind]})"
    assert attempted.tolist() == engine.attempted.tolist()
    assert accepted.tolist() == engine.accepted.tolist()
    for i, molecule in enumerate(twin.molecules):
        apart = wrap(molecule.centre - engine.centres[:, i] @ system.host.cell, system.host.cell)
        assert apart == pytest.approx(0.0, abs=1e-6)
        assert molecule.kind == engine.kind[i]
    assert energies[-1] == pytest.approx(twin.total_energy(), rel=1e-6, abs=1e-2)
    used = np.append(case.probabilities, [0.0])[:6] > 0
    assert np.all(accepted[used] > 0)
    assert np.all(accepted[used] < attempted[used])


@pytest.mark.parametrize("guests", [(CO2,), (METHANE, CO2)], ids=["CO2", "methane+CO2"])
@pytest.mark.parametrize(("cell", "truncation", "coulomb"), [
    (CUBIC * 1.3, "shifted", "cutoff"), (CUBIC * 1.3, "tail", "ewald"), (TRICLINIC * 1.3, "tail", "cutoff"),
    (TRICLINIC * 1.3, "shifted", "ewald")])
def test_running_energies_equal_recomputed_ones_after_thousands_of_moves(guests, cell, truncation, coulomb):
    system = system_of(toy_framework(cell), guests, TEMPERATURE, cutoff_angstrom=6.0, truncation=truncation,
                       guest_coulomb=coulomb)
    probabilities = (0.25, 0.25, 0.2, 0.2, 0.1) if len(guests) == 1 else (0.2, 0.2, 0.2, 0.1, 0.1, 0.2)
    state, counts, _ = sample(system, [5e-4] * len(guests), 20_000, 5, probabilities=probabilities)
    terms = total_energy(state, system.host, system.guests, system.ewald, system.volume)
    assert state.energy == pytest.approx(terms, abs=1e-9 * max(1.0, np.abs(state.energy).sum()))
    assert state.energy[:2].all()
    assert (state.energy[FOURIER] != 0.0, state.energy[TAIL] != 0.0) == (coulomb == "ewald", truncation == "tail")
    assert np.all(state.accepted[np.append(probabilities, 0.0)[:6] > 0] > 30)
    assert counts.max() >= 4


def test_rejected_moves_leave_the_walker_untouched():
    system = system_of(toy_framework(), CO2, TEMPERATURE, cutoff_angstrom=5.0)
    state = walker_with(system, 2)
    before = [np.array(a) for a in state]
    # an activity so low that no insertion passes; translations by far too much are checked by their count
    after, counts, _ = sample(system, 1e-300, 300, 2, probabilities=(1.0, 0.0, 0.0, 0.0, 0.0), walker=state, every=1)
    assert set(counts) == {2.0}
    for name, old, new in zip(state._fields, before, after, strict=True):
        if name not in ("attempted", "transitions"):
            assert np.array_equal(old, new), name


def test_deletion_refills_the_gap_with_the_last_molecule():
    system = system_of(toy_framework(), CO2, TEMPERATURE, cutoff_angstrom=5.0)
    state = walker_with(system, 3)
    sites = sites_of(state, system)
    while state.total[0] == 3:
        sample(system, 1e-12, 1, int(state.attempted.sum()), probabilities=(0, 1.0, 0, 0, 0), walker=state, every=1)
    left = {tuple(np.round(m.ravel(), 9)) for m in sites_of(state, system)}
    assert left < {tuple(np.round(m.ravel(), 9)) for m in sites}
    terms = total_energy(state, system.host, system.guests, system.ewald, system.volume)
    assert state.energy.sum() == pytest.approx(terms.sum(), abs=1e-8)


def test_molecules_stay_rigid_and_their_quaternions_normalised():
    system = system_of(toy_framework(), LOPSIDED, TEMPERATURE, cutoff_angstrom=5.0)
    state = walker_with(system, 2)
    sample(system, 1e-3, 20_000, 4, probabilities=(0, 0, 0.1, 0.3, 0.6), walker=state)
    assert np.linalg.norm(state.quaternions[:2], axis=1) == pytest.approx(1.0, abs=1e-12)
    body = LOPSIDED.site_positions
    for a, b in itertools.combinations(range(4), 2):
        expected = np.linalg.norm(body[a] - body[b])
        assert np.linalg.norm(state.offsets[:2, a] - state.offsets[:2, b], axis=1) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("exponent", [0.0, 0.5])
def test_positions_are_drawn_with_the_density_that_acceptance_divides_by(exponent):
    system = system_of(toy_framework(TRICLINIC), METHANE, TEMPERATURE, cutoff_angstrom=5.0, bias_exponent=exponent)
    b, rng, n = system.bias, streams(1, 2), 60_000
    centres = np.zeros((3, n))
    stated = np.array([bias.random_position(rng, 1, b, 0, centres, m) for m in range(n)])
    density = np.exp(b.voxels[0, :, 2])
    assert density.mean() == pytest.approx(1.0, rel=1e-9)
    i, j, k = np.floor(centres * (b.divisions * b.repeats)[:, None]).astype(int) % b.divisions[:, None]
    voxel = (i * b.divisions[1] + j) * b.divisions[2] + k
    drawn = np.bincount(voxel, minlength=len(density))
    assert np.array_equal(stated, b.voxels[0, voxel, 2])
    assert all(bias.log_density_at(b, 0, centres, m) == stated[m] for m in range(0, n, 100))
    # and all of the supercell's repeats alike: 2σ of the means of 60 000 uniform numbers
    assert centres.mean(axis=1) == pytest.approx(
        [(np.average((x + 0.5) / (d * r) + (r - 1) / (2 * r), weights=density)) for x, d, r in zip(
            np.indices(b.divisions).reshape(3, -1), b.divisions, b.repeats, strict=True)], abs=2 * 0.29 / math.sqrt(n))
    # voxels in 20 groups of like density: χ² with 19 degrees of freedom, 99.9 % below 43.8
    groups = np.array_split(np.argsort(density, kind="stable"), 20)
    expected = np.array([density[g].sum() for g in groups]) * n / len(density)
    counted = np.array([drawn[g].sum() for g in groups])
    assert ((counted - expected) ** 2 / expected).sum() < 43.8


def test_alias_table_equals_its_slow_twin():
    weights = np.random.default_rng(3).random(500) ** 8
    weights /= weights.sum()
    scaled, probability, alias = weights * 500, np.ones(500), np.arange(500)
    small, large = list(np.nonzero(scaled < 1.0)[0]), list(np.nonzero(scaled >= 1.0)[0])
    while small and large:
        low, high = small.pop(), large[-1]
        probability[low], alias[low] = scaled[low], high
        scaled[high] -= 1.0 - scaled[low]
        if scaled[high] < 1.0:
            small.append(large.pop())
    got_probability, got_alias = bias.alias_table(weights)
    assert np.array_equal(got_probability, probability)
    assert np.array_equal(got_alias, alias)


def test_alias_table_returns_its_weights():
    weights = np.random.default_rng(2).random(97) ** 4
    weights /= weights.sum()
    probability, alias = bias.alias_table(weights)
    back = probability / 97
    np.add.at(back, alias, (1 - probability) / 97)
    assert back == pytest.approx(weights, rel=1e-9)


def test_random_orientations_are_uniform():
    rng, q = streams(3, 2), np.zeros((20_000, 4))
    for m in range(len(q)):
        bias.random_quaternion(rng, 1, q, m)
    assert np.linalg.norm(q, axis=1) == pytest.approx(1.0, abs=1e-12)
    # second and fourth moments of a uniform point on S³ are 1/4 and 1/8; 4σ of 20 000 samples
    assert (q**2).mean(axis=0) == pytest.approx(0.25, abs=4 * 0.25 / math.sqrt(20_000))
    assert (q**4).mean(axis=0) == pytest.approx(0.125, abs=4 * 0.17 / math.sqrt(20_000))


def kernels():
    """Every compiled function of the engine."""
    found = {}
    for module in (bias, energy, ewald, grid, host, moves, potential, random, walker, widom):
        for name, value in vars(module).items():
            if isinstance(value, numba.core.registry.CPUDispatcher):
                found[name] = value
    return found


def test_no_kernel_allocates_or_holds_the_interpreter_lock():
    found = kernels()
    assert len(found) > 20
    for name, function in found.items():
        assert function.targetoptions["nogil"] is True, name
        assert function.targetoptions["_nrt"] is False, name


def test_a_kernel_that_allocates_does_not_compile():
    @kernel
    def allocates(n):
        return np.zeros(n)[0]

    with pytest.raises(Exception, match=r"(?i)nrt|alloc"):
        allocates(3)


@pytest.mark.parametrize(("guests", "coulomb"), [((CO2,), "cutoff"), ((METHANE,), "auto"), ((LOPSIDED, CO2), "ewald")],
                         ids=["CO2", "methane", "polar+CO2"])
@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC], ids=["cubic", "triclinic"])
def test_a_small_cell_of_which_all_images_count_is_the_large_one_filled_periodically(guests, coulomb, cell):
    settings = {"cutoff_angstrom": 7.0, "guest_coulomb": coulomb, "ewald_tolerance": 1e-8, "truncation": "truncated"}
    small = system_of(toy_framework(cell), guests, TEMPERATURE, guest_images="all", **settings)
    large = system_of(toy_framework(cell), guests, TEMPERATURE, **settings)
    assert math.prod(small.repeats) < math.prod(large.repeats)
    few = walker_with(small, *([5] * len(guests)))
    many = large.new_walker()
    times = np.array(large.repeats) // np.array(small.repeats)
    for shift in itertools.product(*(range(t) for t in times)):
        for i in range(few.total[0]):
            m, kind = many.total[0], few.kind[i]
            many.centres[:, m] = (few.centres[:, i] % 1.0 + shift) / times
            many.offsets[m], many.kind[m] = few.offsets[i], kind
            many.members[kind, many.number[kind]] = m
            many.total[0] += 1
            many.number[kind] += 1
    energies = [total_energy(w, s.host, s.guests, s.ewald, s.volume) for w, s in ((few, small), (many, large))]
    assert energies[1][1] != 0.0
    assert energies[1] / math.prod(times) == pytest.approx(energies[0], rel=1e-5, abs=1e-4)
