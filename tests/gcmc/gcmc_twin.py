"""The Markov chain once more, in plain Python: full energies before and after, nothing incremental.

It draws the same random numbers in the same order as the engine, so every proposal and every decision must agree. Host
energies come from the engine's host (tested on its own); everything between guests is summed naively.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from gcmc_naive import FORCEFIELD, fourier_factors, lennard_jones, mixed, structure_factor, wave_vectors, wrap
from scipy.special import erfc, logsumexp

from zifsim.gcmc.host import OVERLAP, host_energy
from zifsim.gcmc.jit import kernel
from zifsim.units import COULOMB_K_ANGSTROM

NEVER = -1e300
OVERLAP_TEMPERATURES = 100.0    # k_B T among guests, and
HOPELESS_TEMPERATURES = 200.0   # with the host, beyond which a placement is given up
MASK = 2**64 - 1


class Xoroshiro:
    """xoroshiro128++ in whole numbers of any length, from Blackman & Vigna 2021, doi:10.1145/3460772."""

    def __init__(self, state):
        self.low, self.high = (int(x) for x in state)

    @staticmethod
    def turned(x, k):
        return ((x << k) | (x >> (64 - k))) & MASK

    def whole(self):
        result = (self.turned((self.low + self.high) & MASK, 17) + self.low) & MASK
        mixed_ = self.low ^ self.high
        self.low = self.turned(self.low, 49) ^ mixed_ ^ ((mixed_ << 21) & MASK)
        self.high = self.turned(mixed_, 28)
        return result

    def random(self):
        return (self.whole() >> 11) / 2.0**53


@dataclass(eq=False)
class Molecule:
    """One guest: its gas, its centre (Å) and its orientation (w, x, y, z)."""

    kind: int
    centre: np.ndarray
    quaternion: tuple

    def at(self, centre, quaternion):
        return Molecule(self.kind, centre, quaternion)


@kernel
def _host_energy(host, first, count, sites, scratch):
    return host_energy(host, first, count, sites, 0)


class NaiveWalker:
    """A twin of the engine's walker. ``rng``: (1 + trials, 2) states of the streams, as the engine gets them."""

    def __init__(self, system, rng, activities, *, forcefield=FORCEFIELD, orientations=1, log_bias=None):
        self.system, self.forcefield = system, forcefield
        self.decide, *self.streams = (Xoroshiro(state) for state in rng)
        self.trials, self.activities, self.beta = len(self.streams), activities, 1.0 / system.temperature_k
        self.orientations, self.weighted = orientations, log_bias is not None
        self.log_bias = np.zeros(1000) if log_bias is None else log_bias
        self.molecules = []
        self.members = [[] for _ in system.guest_models]
        split = system.ewald
        if len(split.k_factor):
            self.k = wave_vectors(system.host.cell, 2 * split.alpha * math.sqrt(-math.log(
                system.settings.ewald_tolerance)))
            self.factors = fourier_factors(self.k, system.host.cell, split.alpha)

    # -- energies

    def sites(self, molecule):
        w, *v = molecule.quaternion
        body = self.system.guest_models[molecule.kind].site_positions
        return body + 2 * np.cross(v, np.cross(v, body) + w * body) + molecule.centre

    def host_energy(self, molecule):
        models, sites = self.system.guest_models, self.sites(molecule)
        first = sum(len(m.sites) for m in models[:molecule.kind])
        terms = _host_energy(self.system.host, first, len(sites), sites[None], self.system.new_scratch())
        return math.inf if terms[0] >= OVERLAP else sum(terms)

    def distance(self, one, other):
        return float(np.linalg.norm(wrap(one.centre - other.centre, self.system.host.cell)))

    def images(self, one, other):
        """Shifts (Å) of the first molecule to all images, or the nearest, within reach of the second."""
        cell, apart = self.system.host.cell, one.centre - other.centre
        nearest = wrap(apart, cell)
        around = [np.array(n) @ cell for n in itertools.product((-1, 0, 1), repeat=3)]
        shifts = around if self.system.settings.guest_images == "all" else [np.zeros(3)]
        return [nearest + s - apart for s in shifts if np.linalg.norm(nearest + s) < self.reach()]

    def pair_energy(self, one, other):
        """Real-space energy of two molecules, all sites at the images that bring the centres within reach."""
        return sum(self.image_energy(one, other, shift) for shift in self.images(one, other))

    def image_energy(self, one, other, shift):
        settings, energy = self.system.settings, 0.0
        rule = [self.system.guest_models[m.kind].mixing for m in (one, other)]
        for (p, a), (q, b) in itertools.product(
                zip(self.sites(one) + shift, self.system.guest_models[one.kind].sites, strict=True),
                zip(self.sites(other), self.system.guest_models[other.kind].sites, strict=True)):
            r = float(np.linalg.norm(p - q))
            e, s = mixed((a.epsilon_k, a.sigma_angstrom), (b.epsilon_k, b.sigma_angstrom),
                         rule[0] if rule[0] == rule[1] else "lorentz-berthelot")
            energy += float(lennard_jones(r, e, s, settings.cutoff_angstrom, settings.truncation))
            energy += COULOMB_K_ANGSTROM * a.charge_e * b.charge_e * erfc(self.system.ewald.alpha * r) / r
        return energy

    def reach(self):
        return self.system.settings.cutoff_angstrom + 2 * max(m.radius_angstrom for m in self.system.guest_models)

    def seen(self, molecule, others):
        """−β times what a trial sees, the host and the real-space energy with the others; NEVER for an overlap."""
        host, pair = self.host_energy(molecule), 0.0
        if self.beta * host >= HOPELESS_TEMPERATURES:
            return NEVER
        near = [o for o in others if self.distance(molecule, o) < self.reach()]
        if near:     # the nearest first: where it alone is an overlap, the rest is not asked
            n = int(np.argmin([self.distance(molecule, o) for o in near]))
            near[0], near[n] = near[n], near[0]
        for other in near:
            pair += self.pair_energy(molecule, other)
            if self.beta * pair > OVERLAP_TEMPERATURES:
                return NEVER
        return -self.beta * (host + pair)

    def fourier(self, molecules):
        """Fourier energy with self and exclusion terms of a set of molecules."""
        alpha = self.system.ewald.alpha
        if not len(self.system.ewald.k_factor) or not molecules:
            return 0.0
        sites = [self.sites(m) for m in molecules]
        charges = [self.system.guest_models[m.kind].charges for m in molecules]
        total = self.factors @ np.abs(structure_factor(self.k, np.concatenate(sites), np.concatenate(charges))) ** 2
        for m, q in zip(sites, charges, strict=True):
            total -= COULOMB_K_ANGSTROM * alpha / math.sqrt(math.pi) * (q**2).sum()
            for a in range(len(m)):
                for b in range(a):
                    r = np.linalg.norm(m[a] - m[b])
                    total -= COULOMB_K_ANGSTROM * q[a] * q[b] * math.erf(alpha * r) / r
        return float(total)

    def tail(self, molecules):
        """Long-range correction, every site against a uniform density of all others."""
        if self.system.settings.truncation != "tail":
            return 0.0
        framework, rc = self.system.framework, self.system.settings.cutoff_angstrom
        volume, energy = self.system.volume, 0.0

        def beyond(epsilon, sigma):
            return 16 * math.pi * epsilon * (sigma**12 / (9 * rc**9) - sigma**6 / (3 * rc**3))

        rows = [[(s.epsilon_k, s.sigma_angstrom) for s in self.system.guest_models[m.kind].sites] for m in molecules]
        flat = [row for molecule in rows for row in molecule]
        host = [(self.forcefield.atoms[s].epsilon_k, self.forcefield.atoms[s].sigma_angstrom)
                for s in framework.species]
        for row in flat:
            energy += sum(beyond(*mixed(row, h)) for h in host) / framework.volume
            energy += 0.5 * sum(beyond(*mixed(row, other)) for other in flat) / volume
        return energy

    def long_range(self, molecules):
        return self.fourier(molecules) + self.tail(molecules)

    def total_energy(self):
        pairs = itertools.combinations(self.molecules, 2)
        return (sum(self.host_energy(m) for m in self.molecules) + sum(self.pair_energy(a, b) for a, b in pairs)
                + self.long_range(self.molecules))

    # -- proposals

    def voxel(self, centre):
        """Voxel of the supercell (3,) in which a centre lies."""
        n = self.system.bias.divisions * np.array(self.system.repeats)
        f = centre @ np.linalg.inv(self.system.host.cell)
        return np.minimum(((f - np.floor(f)) * n).astype(int), n - 1)

    def log_density(self, molecule):
        b = self.system.bias
        return b.voxels[molecule.kind, np.ravel_multi_index(self.voxel(molecule.centre) % b.divisions, b.divisions), 2]

    def in_core(self, molecule, others):
        """The engine gives up a hopeless place before it draws an orientation, so the twin must know that."""
        nearest = self.reach()
        for o in others:
            r = self.distance(molecule, o)
            if r < nearest:
                nearest = r
                if r < math.sqrt(self.system.guests.core2[molecule.kind, o.kind]):
                    return True
        return False

    def draw(self, rng, kind, others):
        """A molecule anywhere, and its log weight."""
        b, repeats = self.system.bias, self.system.repeats
        voxels = b.voxels[kind]
        x = rng.random() * len(voxels)
        v = int(x)
        if x - v >= voxels[v, 0]:
            v = int(voxels[v, 1])
        place = np.array(np.unravel_index(v, tuple(b.divisions))) + [rng.random() for _ in range(3)]
        place = (place / b.divisions + [int(rng.random() * n) for n in repeats]) / repeats
        upright = Molecule(kind, place @ self.system.host.cell, (1.0, 0.0, 0.0, 0.0))
        molecule, seen = self.turned_anyhow(rng, upright, others)
        if not self.in_core(upright, others):
            for turned, weight in self.more_orientations(rng, molecule, others):
                both = np.logaddexp(seen, weight) if seen > NEVER else weight
                if weight > NEVER and (seen <= NEVER or rng.random() < math.exp(weight - both)):
                    molecule = turned
                seen = both if weight > NEVER else seen
        if seen <= NEVER:
            return molecule, NEVER
        return molecule, seen - math.log(self.orientations_of(kind)) - self.log_density(molecule)

    def orientations_of(self, kind):
        return self.orientations if self.system.guest_models[kind].radius_angstrom > 0.0 else 1

    def more_orientations(self, rng, molecule, others):
        """The molecule otherwise turned, and the log weights of that, one after the other."""
        for _ in range(1, self.orientations_of(molecule.kind)):
            turned = molecule.at(molecule.centre, self.draw_quaternion(rng, molecule.kind))
            yield turned, self.seen(turned, others)

    def turned_anyhow(self, rng, molecule, others):
        """The molecule in a random orientation, and its log weight."""
        if self.in_core(molecule, others):
            return molecule, NEVER
        molecule = molecule.at(molecule.centre, self.draw_quaternion(rng, molecule.kind))
        return molecule, self.seen(molecule, others)

    def draw_quaternion(self, rng, kind):
        if self.system.guest_models[kind].radius_angstrom == 0.0:
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

    def choose(self, tries):
        """One of the (molecule, log weight) tries, in proportion to its weight."""
        if len(tries) == 1:
            return tries[0][0]
        weights = np.array([w for _, w in tries])
        relative = np.exp(weights - weights.max())
        return tries[int(np.searchsorted(np.cumsum(relative), self.decide.random() * relative.sum(), side="right"))][0]

    # -- moves: each returns whether it was taken

    def pick(self, n):
        return 0 if n == 1 else min(int(self.decide.random() * n), n - 1)

    def accept(self, log_ratio):
        return not (log_ratio < 0 and self.decide.random() >= math.exp(log_ratio))

    def move(self, probabilities, steps):
        """One move, chosen as the engine chooses: (kind, taken)."""
        u, gases = self.decide.random(), len(self.members)
        kind = int(np.searchsorted(np.cumsum(probabilities) + np.array([0.0] * (len(probabilities) - 1) + [1e-9]), u,
                                   side="right"))
        done = (lambda: self.insertion(self.pick(gases)), lambda: self.deletion(self.pick(gases)), self.regrowth,
                lambda: self.displacement(steps[0], 0.0), lambda: self.displacement(0.0, steps[1]), self.swap)[kind]()
        return kind, done

    def weights(self, old, others):
        """Log weights of an old placement and of the trials it competes with."""
        tries = [self.draw(rng, old.kind, others) for rng in self.streams[1:]]
        turned = [w for _, w in self.more_orientations(self.streams[0], old, others)]
        return [self.log_mean([self.seen(old, others), *turned]) - self.log_density(old), *(w for _, w in tries)]

    def insertion(self, kind):
        n = len(self.molecules)
        tries = [self.draw(rng, kind, self.molecules) for rng in self.streams]
        weight = self.log_mean([w for _, w in tries])
        if weight <= NEVER:
            return False
        new = self.choose(tries)
        rest = self.long_range([*self.molecules, new]) - self.long_range(self.molecules)
        ratio = self.activities[kind] * self.system.volume / (len(self.members[kind]) + 1)
        eta = self.log_bias[n + 1] - self.log_bias[n]
        if not self.accept(math.log(ratio) + weight - self.beta * rest + eta):
            return False
        self.molecules.append(new)
        self.members[kind].append(new)
        return True

    def without(self, i):
        return self.molecules[:i] + self.molecules[i + 1:]

    def deletion(self, kind):
        if not self.members[kind]:
            return False
        old = self.members[kind][self.pick(len(self.members[kind]))]
        i, n = self.molecules.index(old), len(self.molecules)
        others, lot = self.without(i), math.log(1.0 - self.decide.random())
        rest = self.long_range(others) - self.long_range(self.molecules)
        ratio = len(self.members[kind]) / (self.activities[kind] * self.system.volume)
        eta = self.log_bias[n - 1] - self.log_bias[n]
        ratio = math.log(ratio) - self.beta * rest + eta
        if not self.weighted:       # the engine draws no trials where they could not save the deletion
            alone = self.seen(old, others) - self.log_density(old)
            if lot > ratio - alone + math.log(self.trials * self.orientations) and self.trials * self.orientations > 1:
                return False
        if lot > ratio - self.log_mean(self.weights(old, others)):
            return False
        self.molecules[i] = self.molecules[-1]
        self.molecules.pop()
        self.remove_from_component(old)
        return True

    def remove_from_component(self, old):
        members = self.members[old.kind]
        members[members.index(old)] = members[-1]
        members.pop()

    def regrowth(self):
        if not self.molecules:
            return False
        i = self.pick(len(self.molecules))
        old, others = self.molecules[i], self.without(i)
        before = self.log_mean(self.weights(old, others))
        tries = [self.draw(rng, old.kind, others) for rng in self.streams]
        after = self.log_mean([w for _, w in tries])
        return after > NEVER and self.replace(i, self.choose(tries), after - before)

    def replace(self, i, new, log_ratio):
        old, others = self.molecules[i], self.without(i)
        rest = self.long_range([*others, new]) - self.long_range([*others, old])
        if not self.accept(log_ratio - self.beta * rest):
            return False
        self.molecules[i] = new
        if new.kind == old.kind:
            self.members[old.kind][self.members[old.kind].index(old)] = new
        else:
            self.remove_from_component(old)
            self.members[new.kind].append(new)
        return True

    def displacement(self, step, radians):
        if not self.molecules:
            return False
        i = self.pick(len(self.molecules))
        old, others = self.molecules[i], self.without(i)
        shift = [(2 * self.decide.random() - 1) * step for _ in range(3)] if step > 0 else [0.0, 0.0, 0.0]
        new = old.at(old.centre + np.array(shift), self.turned(old.quaternion, radians))
        seen = NEVER if self.in_core(new, others) else self.seen(new, others)
        return seen > NEVER and self.replace(i, new, seen - self.seen(old, others))

    def turned(self, quaternion, radians):
        if radians == 0.0:
            return quaternion
        cosine = 2 * self.decide.random() - 1
        azimuth = 2 * math.pi * self.decide.random()
        half = 0.5 * (2 * self.decide.random() - 1) * radians
        sine = math.sqrt(1 - cosine**2)
        v = math.sin(half) * np.array([sine * math.cos(azimuth), sine * math.sin(azimuth), cosine])
        u, w = np.array(quaternion[1:]), math.cos(half)
        return (w * quaternion[0] - v @ u, *(w * u + quaternion[0] * v + np.cross(v, u)))

    def swap(self):
        gases = len(self.members)
        a = self.pick(gases)
        b = (a + 1 + self.pick(gases - 1)) % gases
        if not self.members[a]:
            return False
        old = self.members[a][self.pick(len(self.members[a]))]
        i = self.molecules.index(old)
        others = self.without(i)
        competitors = [self.turned_anyhow(rng, old, others) for rng in self.streams[1:]]
        before = self.log_mean([self.seen(old, others), *(w for _, w in competitors)])
        plain = Molecule(b, old.centre, (1.0, 0.0, 0.0, 0.0))
        tries = [self.turned_anyhow(rng, plain, others) for rng in self.streams]
        after = self.log_mean([w for _, w in tries])
        ratio = (self.activities[b] * len(self.members[a])
                 / (self.activities[a] * (len(self.members[b]) + 1)))
        return after > NEVER and self.replace(i, self.choose(tries), after - before + math.log(ratio))
