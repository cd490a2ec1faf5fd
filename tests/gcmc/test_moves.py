"""The moves against a naive twin, move by move, and the properties each must have by itself."""

import itertools
import math

import numba
import numpy as np
import pytest
from gcmc_naive import (
    CO2,
    CUBIC,
    LOPSIDED,
    METHANE,
    TRICLINIC,
    fourier_factors,
    lennard_jones,
    mixed,
    sample,
    structure_factor,
    system_of,
    toy_framework,
    walker_with,
    wave_vectors,
    wrap,
)
from scipy.special import erfc, logsumexp

from zifsim.gcmc import bias, energy, ewald, grid, host, moves, potential, walker, widom
from zifsim.gcmc.energy import recompute
from zifsim.gcmc.host import OVERLAP
from zifsim.gcmc.jit import kernel
from zifsim.gcmc.moves import MOVE_NAMES, NEVER
from zifsim.gcmc.walker import OVERLAP_TEMPERATURES
from zifsim.rng import generator
from zifsim.units import COULOMB_K_ANGSTROM

TEMPERATURE = 500.0
BETA = 1.0 / TEMPERATURE


class NaiveWalker:
    """The Markov chain once more, in plain Python: full energies before and after, nothing incremental.

    It draws the same random numbers in the same order, so every proposal and every decision must agree. Host
    energies come from the engine's host (tested on its own); everything between guests is summed naively.
    """

    def __init__(self, system, trials, activity):
        self.system, self.trials, self.activity = system, trials, activity
        self.molecules = []      # (centre, quaternion)
        split = system.ewald
        self.k = wave_vectors(system.host.cell, 2 * split.alpha * math.sqrt(-math.log(
            system.settings.ewald_tolerance)))
        self.factors = fourier_factors(self.k, system.host.cell, split.alpha)

    def sites(self, molecule):
        centre, (w, *v) = molecule
        body = self.system.guest.site_positions
        return body + 2 * np.cross(v, np.cross(v, body) + w * body) + centre

    def host_energy(self, molecule):
        scratch = self.system.new_scratch()
        terms = _host_energy(self.system.host, self.system.ewald, self.sites(molecule)[None], scratch)
        return math.inf if terms[0] >= OVERLAP else sum(terms)

    def pair_energies(self, one, other):
        """Real-space (LJ, Coulomb) of two molecules, all sites at the image that brings the centres together."""
        guest, settings, cell = self.system.guest, self.system.settings, self.system.host.cell
        centre = wrap(one[0] - other[0], cell)
        if np.linalg.norm(centre) > settings.cutoff_angstrom + 2 * guest.radius_angstrom:
            return 0.0, 0.0
        shift = centre - (one[0] - other[0])
        a, b = self.sites(one) + shift, self.sites(other)
        lj = coulomb = 0.0
        for i, j in itertools.product(range(len(a)), repeat=2):
            r = float(np.linalg.norm(a[i] - b[j]))
            e, s = mixed(*((guest.sites[x].epsilon_k, guest.sites[x].sigma_angstrom) for x in (i, j)))
            lj += float(lennard_jones(r, e, s, settings.cutoff_angstrom, settings.truncation))
            qq = guest.sites[i].charge_e * guest.sites[j].charge_e
            coulomb += COULOMB_K_ANGSTROM * qq * erfc(self.system.ewald.alpha * r) / r
        return lj, coulomb

    def seen(self, molecule, others):
        """−β times what a trial sees, the host and the real-space energy with the others; NEVER for an overlap."""
        u = self.host_energy(molecule)
        if BETA * u >= 200.0:
            return NEVER
        repulsion = 0.0
        for other in others:
            lj, coulomb = self.pair_energies(molecule, other)
            repulsion += lj
            u += lj + coulomb
            if BETA * repulsion > OVERLAP_TEMPERATURES:
                return NEVER
        return -BETA * u

    def unseen(self, molecules):
        """Fourier energy with self and exclusion terms of a set of molecules."""
        guest, alpha = self.system.guest, self.system.ewald.alpha
        if not guest.has_charges or not molecules:
            return 0.0
        sites = [self.sites(m) for m in molecules]
        q = np.tile(guest.charges, len(sites))
        total = self.factors @ np.abs(structure_factor(self.k, np.concatenate(sites), q)) ** 2
        total -= len(sites) * COULOMB_K_ANGSTROM * alpha / math.sqrt(math.pi) * (guest.charges**2).sum()
        for m in sites:
            for a in range(len(m)):
                for b in range(a):
                    r = np.linalg.norm(m[a] - m[b])
                    total -= COULOMB_K_ANGSTROM * guest.charges[a] * guest.charges[b] * math.erf(alpha * r) / r
        return float(total)

    # -- proposals

    def log_density(self, centre):
        b = self.system.bias
        f = centre @ b.unit_inverse
        i, j, k = ((f - np.floor(f)) * b.divisions).astype(int)
        return b.voxels[(i * b.divisions[1] + j) * b.divisions[2] + k, 2]

    def draw(self, rng, others):
        b = self.system.bias
        x = rng.random() * len(b.voxels)
        v = int(x)
        if x - v >= b.voxels[v, 0]:
            v = int(b.voxels[v, 1])
        voxel = np.unravel_index(v, tuple(b.divisions))
        centre = sum(((voxel[n] + rng.random()) / b.divisions[n] + math.floor(rng.random() * b.repeats[n]))
                     * b.unit_cell[n] for n in range(3))
        # the engine gives up a hopeless place before it draws an orientation, so the twin must know that
        core = math.sqrt(self.system.guests.core2)
        if any(np.linalg.norm(wrap(centre - o[0], self.system.host.cell)) < core for o in others):
            return (centre, (1.0, 0.0, 0.0, 0.0)), NEVER
        molecule = (centre, self.draw_quaternion(rng))
        seen = self.seen(molecule, others)
        return molecule, NEVER if seen <= NEVER else seen - self.log_density(centre)

    def draw_quaternion(self, rng):
        if len(self.system.guest.sites) == 1:
            return (1.0, 0.0, 0.0, 0.0)
        while True:
            a, b = 2 * rng.random() - 1, 2 * rng.random() - 1
            if a * a + b * b < 1:
                break
        while True:
            c, d = 2 * rng.random() - 1, 2 * rng.random() - 1
            if 0 < c * c + d * d < 1:
                break
        scale = math.sqrt((1 - a * a - b * b) / (c * c + d * d))
        return (a, b, c * scale, d * scale)

    @staticmethod
    def log_mean(weights):
        return NEVER if max(weights) <= NEVER else float(logsumexp(weights)) - math.log(len(weights))

    def choose(self, rng, weights):
        shares = np.exp(np.array(weights) - max(weights))
        return int(np.searchsorted(np.cumsum(shares), rng.random() * shares.sum(), side="right"))

    # -- moves: each returns whether it was taken

    @staticmethod
    def accept(rng, log_ratio):
        return not (log_ratio < 0 and rng.random() >= math.exp(log_ratio))

    def insertion(self, rng):
        n = len(self.molecules)
        tries = [self.draw(rng, self.molecules) for _ in range(self.trials)]
        weights = [w for _, w in tries]
        if self.log_mean(weights) <= NEVER:
            return False
        new = [*self.molecules, tries[self.choose(rng, weights)][0]]
        rest = self.unseen(new) - self.unseen(self.molecules)
        ratio = self.activity * self.system.volume / (n + 1)
        if not self.accept(rng, math.log(ratio) + self.log_mean(weights) - BETA * rest):
            return False
        self.molecules = new
        return True

    def pick(self, rng):
        n = len(self.molecules)
        i = min(int(rng.random() * n), n - 1)
        return i, self.molecules[i], self.molecules[:i] + self.molecules[i + 1:]

    def old_weights(self, rng, old, others):
        """Log weights of the old placement and of the trials it competes with."""
        tries = [self.draw(rng, others) for _ in range(self.trials - 1)]
        return [self.seen(old, others) - self.log_density(old[0]), *(w for _, w in tries)]

    def deletion(self, rng):
        if not self.molecules:
            return False
        i, old, others = self.pick(rng)
        weight = self.log_mean(self.old_weights(rng, old, others))
        rest = self.unseen(others) - self.unseen(self.molecules)
        ratio = len(self.molecules) / (self.activity * self.system.volume)
        if not self.accept(rng, math.log(ratio) - weight - BETA * rest):
            return False
        self.molecules[i] = self.molecules[-1]
        self.molecules.pop()
        return True

    def regrowth(self, rng):
        if not self.molecules:
            return False
        i, old, others = self.pick(rng)
        before = self.log_mean(self.old_weights(rng, old, others))
        tries = [self.draw(rng, others) for _ in range(self.trials)]
        weights = [w for _, w in tries]
        if self.log_mean(weights) <= NEVER:
            return False
        new = tries[self.choose(rng, weights)][0]
        return self.replace(rng, i, new, self.log_mean(weights) - before, others, old)

    def replace(self, rng, i, new, log_ratio, others, old):
        rest = self.unseen([*others, new]) - self.unseen([*others, old])
        if not self.accept(rng, log_ratio - BETA * rest):
            return False
        self.molecules[i] = new
        return True

    def displacement(self, rng, step, radians):
        if not self.molecules:
            return False
        i, old, others = self.pick(rng)
        centre = old[0] + np.array([(2 * rng.random() - 1) * step for _ in range(3)])
        quaternion = self.turned(rng, old[1], radians) if radians > 0 else old[1]
        new = (centre, quaternion)
        seen = self.seen(new, others)
        if seen <= NEVER:
            return False
        return self.replace(rng, i, new, seen - self.seen(old, others), others, old)

    @staticmethod
    def turned(rng, quaternion, radians):
        cosine = 2 * rng.random() - 1
        azimuth = 2 * math.pi * rng.random()
        half = 0.5 * (2 * rng.random() - 1) * radians
        sine = math.sqrt(1 - cosine**2)
        v = math.sin(half) * np.array([sine * math.cos(azimuth), sine * math.sin(azimuth), cosine])
        u, w = np.array(quaternion[1:]), math.cos(half)
        return (w * quaternion[0] - v @ u, *(w * u + quaternion[0] * v + np.cross(v, u)))


@kernel
def _host_energy(host_arrays, split, sites, scratch):
    return host.host_energy(host_arrays, split, sites, 0, scratch)


def naive_move(twin, rng, shares, steps):
    """One move of the twin, chosen as the engine chooses: (kind, taken)."""
    kind = int(np.searchsorted(np.cumsum(shares) + np.array([0, 0, 0, 0, 1e-9]), rng.random(), side="right"))
    done = (twin.insertion, twin.deletion, twin.regrowth, lambda r: twin.displacement(r, steps[0], 0.0),
            lambda r: twin.displacement(r, 0.0, steps[1]))[kind](rng)
    return kind, done


@pytest.mark.parametrize(("guest", "cell", "trials", "exponent", "activity"), [
    (METHANE, TRICLINIC * 0.75, 1, 0.0, 1e-3),       # a supercell of 2×2×2
    (METHANE, TRICLINIC * 0.85, 4, 0.5, 2e-3),
    (CO2, CUBIC * 1.2, 1, 0.0, 1e-3),
    (LOPSIDED, TRICLINIC * 1.3, 3, 0.5, 1e-4),
], ids=["methane-plain", "methane-biased", "CO2-plain", "lopsided-biased"])
def test_every_move_equals_its_naive_twin(guest, cell, trials, exponent, activity):
    # wide enough for the methane to leave no place without an atom in reach: between such places the energy changes
    # by rounding only, which decides whether a random number is drawn
    cutoff = 5.0 if guest.has_charges else 7.5
    system = system_of(toy_framework(cell), guest, TEMPERATURE, cutoff_angstrom=cutoff, ewald_tolerance=1e-3,
                       truncation="shifted", n_trials=trials, bias_exponent=exponent)
    steps, seed, n_moves = (0.7, 0.9), 11, 200
    # (the same holds for turning a sphere)
    shares = (0.32, 0.14, 0.18, 0.18, 0.18) if len(guest.sites) > 1 else (0.32, 0.18, 0.2, 0.3, 0.0)
    engine, counts, energies = sample(system, activity, n_moves, seed, shares=shares, every=1, steps=steps)
    twin, rng = NaiveWalker(system, trials, activity), generator(seed)
    accepted, attempted = np.zeros(5, dtype=int), np.zeros(5, dtype=int)
    for m in range(n_moves):
        kind, done = naive_move(twin, rng, shares, steps)
        attempted[kind] += 1
        accepted[kind] += done
        assert len(twin.molecules) == counts[m], f"move {m} ({MOVE_NAMES[kind]})"
    assert attempted.tolist() == engine.attempted.tolist()
    assert accepted.tolist() == engine.accepted.tolist()
    for i, (centre, _) in enumerate(twin.molecules):
        assert centre == pytest.approx(engine.centres[i], abs=1e-6)
    total = sum(twin.host_energy(m) for m in twin.molecules) + twin.unseen(twin.molecules)
    total += sum(sum(twin.pair_energies(a, b)) for a, b in itertools.combinations(twin.molecules, 2))
    assert energies[-1] == pytest.approx(total, rel=1e-6, abs=1e-2)
    used = np.array(shares) > 0
    assert np.all(accepted[used] > 0)
    assert np.all(accepted[used] < attempted[used])


@pytest.mark.parametrize("cell", [CUBIC * 1.3, TRICLINIC * 1.3], ids=["cubic", "triclinic"])
@pytest.mark.parametrize("truncation", ["shifted", "tail"])
def test_running_energies_equal_recomputed_ones_after_thousands_of_moves(cell, truncation):
    system = system_of(toy_framework(cell), CO2, TEMPERATURE, cutoff_angstrom=6.0, truncation=truncation)
    state, counts, _ = sample(system, 2e-4, 20_000, 5)
    terms = recompute(state, system.host, system.guests, system.ewald, system.volume)
    scale = np.abs(state.energy).sum()
    fourier = terms.guest_guest_coulomb_fourier_k + terms.self_and_exclusion_k
    assert state.energy == pytest.approx([terms.host_guest_lj_k, terms.host_guest_coulomb_k, terms.guest_guest_lj_k,
                                          terms.guest_guest_coulomb_real_k, fourier, terms.tail_k], abs=1e-9 * scale)
    assert np.all(state.accepted > 30)
    assert counts.max() >= 4


def test_rejected_moves_leave_the_walker_untouched():
    system = system_of(toy_framework(), CO2, TEMPERATURE, cutoff_angstrom=5.0)
    state = walker_with(system, 2)
    before = [np.array(a) for a in state]
    # an activity so low that no insertion passes; translations by far too much are checked by their count
    after, counts, _ = sample(system, 1e-300, 300, 2, shares=(1.0, 0.0, 0.0, 0.0, 0.0), walker=state, every=1)
    assert set(counts) == {2.0}
    for name, old, new in zip(state._fields, before, after, strict=True):
        if name != "attempted":
            assert np.array_equal(old, new), name


def test_deletion_refills_the_gap_with_the_last_molecule():
    system = system_of(toy_framework(), CO2, TEMPERATURE, cutoff_angstrom=5.0)
    state = walker_with(system, 3)
    sites = state.sites[:3].copy()
    while state.number[0] == 3:
        sample(system, 1e-12, 1, int(state.attempted.sum()), shares=(0, 1.0, 0, 0, 0), walker=state, every=1)
    left = {tuple(np.round(m.ravel(), 9)) for m in state.sites[:2]}
    assert left < {tuple(np.round(m.ravel(), 9)) for m in sites}
    terms = recompute(state, system.host, system.guests, system.ewald, system.volume)
    assert state.energy.sum() == pytest.approx(terms.total_k, abs=1e-8)


def test_molecules_stay_rigid_and_their_quaternions_normalised():
    system = system_of(toy_framework(), LOPSIDED, TEMPERATURE, cutoff_angstrom=5.0)
    state = walker_with(system, 2)
    sample(system, 1e-3, 20_000, 4, shares=(0, 0, 0.1, 0.3, 0.6), walker=state)
    assert np.linalg.norm(state.quaternions[:2], axis=1) == pytest.approx(1.0, abs=1e-12)
    body = LOPSIDED.site_positions
    for a, b in itertools.combinations(range(4), 2):
        expected = np.linalg.norm(body[a] - body[b])
        assert np.linalg.norm(state.sites[:2, a] - state.sites[:2, b], axis=1) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("exponent", [0.0, 0.5])
def test_positions_are_drawn_with_the_density_that_acceptance_divides_by(exponent):
    system = system_of(toy_framework(TRICLINIC), METHANE, TEMPERATURE, cutoff_angstrom=5.0, bias_exponent=exponent)
    b, rng, n = system.bias, generator(1), 60_000
    centres = np.zeros((n, 3))
    stated = np.array([bias.random_position(rng, b, centres, m) for m in range(n)])
    density = np.exp(b.voxels[:, 2])
    assert density.mean() == pytest.approx(1.0, rel=1e-9)
    fractional = centres @ b.unit_inverse
    i, j, k = ((fractional - np.floor(fractional)) * b.divisions).astype(int).T
    voxel = (i * b.divisions[1] + j) * b.divisions[2] + k
    drawn = np.bincount(voxel, minlength=len(density))
    assert np.array_equal(stated, b.voxels[voxel, 2])
    assert all(bias.log_density_at(b, centres, m) == stated[m] for m in range(0, n, 100))
    # voxels in 20 groups of like density: χ² with 19 degrees of freedom, 99.9 % below 43.8
    groups = np.array_split(np.argsort(density, kind="stable"), 20)
    expected = np.array([density[g].sum() for g in groups]) * n / len(density)
    counted = np.array([drawn[g].sum() for g in groups])
    assert ((counted - expected) ** 2 / expected).sum() < 43.8


def test_alias_table_returns_its_weights():
    weights = np.random.default_rng(2).random(97) ** 4
    weights /= weights.sum()
    probability, alias = bias.alias_table(weights)
    back = probability / 97
    np.add.at(back, alias, (1 - probability) / 97)
    assert back == pytest.approx(weights, rel=1e-9)


def test_random_orientations_are_uniform():
    rng, q = generator(3), np.zeros((20_000, 4))
    for m in range(len(q)):
        bias.random_quaternion(rng, q, m)
    assert np.linalg.norm(q, axis=1) == pytest.approx(1.0, abs=1e-12)
    # second and fourth moments of a uniform point on S³ are 1/4 and 1/8; 4σ of 20 000 samples
    assert (q**2).mean(axis=0) == pytest.approx(0.25, abs=4 * 0.25 / math.sqrt(20_000))
    assert (q**4).mean(axis=0) == pytest.approx(0.125, abs=4 * 0.17 / math.sqrt(20_000))


def kernels():
    """Every compiled function of the engine."""
    found = {}
    for module in (bias, energy, ewald, grid, host, moves, potential, walker, widom):
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
