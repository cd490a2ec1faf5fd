"""Slow, obvious numpy twins of the GCMC kernels, and small systems to try them on.

Energies in K, lengths in Å. The twins sum over explicit periodic images and use complex exponentials; they share
nothing with the engine but the definitions.
"""

import itertools
import json
import math
from pathlib import Path

import numpy as np
from scipy.special import erfc

from zifsim.gcmc.macrostates import NO_LADDER
from zifsim.gcmc.moves import SWAP, Conditions, run_moves
from zifsim.gcmc.random import streams
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import AdsorptionSystem, make_system
from zifsim.gcmc.walker import DOWN, UP, Walker
from zifsim.model.forcefield import AdsorptionForceField, LennardJones
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel, GuestSite
from zifsim.units import BOLTZMANN_J_K, COULOMB_K_ANGSTROM

DATA = Path(__file__).resolve().parents[1] / "data"
BALANCED = (0.25, 0.25, 0.2, 0.2, 0.1)
TRICLINIC = np.array([[13.0, 0.0, 0.0], [2.1, 13.4, 0.0], [-1.7, 1.3, 12.8]])
CUBIC = np.eye(3) * 13.0


def guest_model(sites, name="toy", gas="CO2", mass=44.0, **changes):
    """A guest from (ε, σ, q, z) rows: sites on the molecule's z axis (or (ε, σ, q, (x, y, z)))."""
    rows = []
    for i, (epsilon, sigma, charge, place) in enumerate(sites):
        position = place if isinstance(place, tuple) else (0.0, 0.0, float(place))
        rows.append(GuestSite(f"S{i}", "C", mass / len(sites), epsilon, sigma, charge, position))
    values = {"critical_temperature_k": 304.1, "critical_pressure_pa": 7.38e6, "acentric_factor": 0.22,
              "feynman_hibbs": False, "mixing": "lorentz-berthelot", "source": "toy"} | changes
    return GuestModel(name=name, gas=gas, sites=tuple(rows), molar_mass_g_mol=mass, **values)


CO2 = guest_model([(79.0, 3.05, -0.35, 1.16), (27.0, 2.80, 0.70, 0.0), (79.0, 3.05, -0.35, -1.16)], "CO2-toy")
METHANE = guest_model([(148.0, 3.73, 0.0, 0.0)], "CH4-toy", "CH4", 16.0, critical_temperature_k=190.6,
                      critical_pressure_pa=4.6e6, acentric_factor=0.011)
# A lopsided four-site molecule: no symmetry hides a wrong rotation, and each site has its own grid.
LOPSIDED = guest_model([(60.0, 2.9, 0.3, (0.9, 0.1, -0.2)), (35.0, 3.2, -0.5, (-0.4, 0.7, 0.1)),
                        (0.0, 1.0, 0.4, (-0.3, -0.6, 0.5)), (90.0, 2.6, -0.2, (-0.1, -0.3, -0.8))], "lopsided", "H2O")
FORCEFIELD = AdsorptionForceField("toy", "", {
    "Zn": LennardJones(60.0, 2.5, ""), "N": LennardJones(30.0, 3.2, ""), "C": LennardJones(50.0, 3.4, ""),
    "He": LennardJones(0.0, 1.0, "")}, "")
CHARGES = {"Zn": 0.9, "N": -0.6, "C": 0.15, "He": 0.0}


def toy_framework(cell=CUBIC, name="toy"):
    """Fourteen charged atoms along the faces of a cell, a cage in its middle; neutral."""
    species = ("Zn", "N", "N", "C", "C", "Zn", "N", "C", "N", "C", "Zn", "N", "N", "C")
    fractional = np.array([
        [0.02, 0.03, 0.01], [0.17, 0.05, 0.02], [0.01, 0.18, 0.96], [0.30, 0.04, 0.05], [0.03, 0.33, 0.01],
        [0.02, 0.51, 0.03], [0.05, 0.66, 0.02], [0.47, 0.03, 0.02], [0.62, 0.02, 0.97], [0.03, 0.02, 0.30],
        [0.04, 0.01, 0.53], [0.02, 0.05, 0.68], [0.03, 0.40, 0.44], [0.45, 0.42, 0.03]])
    charges = np.array([CHARGES[s] for s in species])
    return Framework(name, species, fractional @ cell, cell, charges=charges - charges.mean())


def empty_box(edge):
    """A box without forces: one atom of ε = 0."""
    return Framework("box", ("He",), np.zeros((1, 3)), np.eye(3) * edge, charges=np.zeros(1))


def one_kind_framework(positions, edge, epsilon, sigma):
    """Atoms of a single made-up kind in a cubic box, and their force field."""
    framework = Framework("wells", ("Zn",) * len(positions), np.asarray(positions, dtype=float), np.eye(3) * edge,
                          charges=np.zeros(len(positions)))
    return framework, AdsorptionForceField("wells", "", {"Zn": LennardJones(epsilon, sigma, "")}, "")


# ---------------------------------------------------------------- energies

def lattice_shifts(cell, reach):
    """All lattice vectors that can bring two points, whose difference is wrapped, within ``reach``."""
    widths = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    counts = [math.ceil(reach / w + 0.5) for w in widths]
    return np.array(list(itertools.product(*(range(-c, c + 1) for c in counts)))) @ cell


def lennard_jones(r, epsilon, sigma, cutoff, truncation="truncated", area=0.0):
    """u(r) of one pair, with the Feynman–Hibbs term of U″ + 2U′/r worked out by hand."""
    def bare(x):
        classical = 4.0 * epsilon * ((sigma / x) ** 12 - (sigma / x) ** 6)
        return classical + area * 4.0 * epsilon * (132.0 * sigma**12 / x**14 - 30.0 * sigma**6 / x**8)
    r = np.asarray(r, dtype=float)
    shift = bare(cutoff) if truncation == "shifted" else 0.0
    return np.where(r < cutoff, bare(np.maximum(r, 1e-2)) - shift, 0.0)


def pair_energy(pairs, a, b, s):
    """A pair table's energy (K) of sites a and b at s = r² inside the cut-off."""
    return float(pairs.coefficients[a, b] @ [s**-3, s**-4, s**-6, s**-7] - pairs.shift[a, b])


def mixed(a, b, mixing="lorentz-berthelot"):
    """(ε, σ) of two (ε, σ) pairs."""
    sigma = math.sqrt(a[1] * b[1]) if mixing == "geometric" else 0.5 * (a[1] + b[1])
    return math.sqrt(a[0] * b[0]), sigma


def wrap(vectors, cell):
    """Fold difference vectors into the parallelepiped around the origin."""
    fractional = vectors @ np.linalg.inv(cell)
    return (fractional - np.round(fractional)) @ cell


def host_lj(point, epsilon, sigma, framework, forcefield, cutoff, truncation="truncated", mixing="lorentz-berthelot"):
    """LJ energy of one site at ``point`` (3,) with every image of every framework atom."""
    shifts = lattice_shifts(framework.cell, cutoff)
    total = 0.0
    for species, position in zip(framework.species, framework.positions, strict=True):
        row = forcefield.atoms[species]
        e, s = mixed((epsilon, sigma), (row.epsilon_k, row.sigma_angstrom), mixing)
        r = np.linalg.norm(wrap(point - position, framework.cell) + shifts, axis=1)
        total += float(lennard_jones(r, e, s, cutoff, truncation).sum())
    return total


def wave_vectors(cell, k_cutoff):
    """All k ≠ 0 of the reciprocal lattice within the cut-off (K, 3), 1/Å."""
    reciprocal = 2.0 * math.pi * np.linalg.inv(cell).T
    counts = [math.ceil(k_cutoff * np.linalg.norm(v) / (2.0 * math.pi)) for v in cell]
    index = np.array(list(itertools.product(*(range(-c, c + 1) for c in counts))))
    k = index @ reciprocal
    norm = np.linalg.norm(k, axis=1)
    return k[(norm > 1e-12) & (norm <= k_cutoff * (1 + 1e-9))]


def fourier_factors(k, cell, alpha):
    k2 = (k**2).sum(axis=1)
    return COULOMB_K_ANGSTROM * 2.0 * math.pi / abs(np.linalg.det(cell)) * np.exp(-k2 / (4 * alpha**2)) / k2


def structure_factor(k, positions, charges):
    return np.exp(1j * k @ np.asarray(positions).T) @ charges


def ewald_energy(positions, charges, cell, alpha=0.55):
    """Coulomb energy of a neutral periodic set of charges, K: converged to 1e-9 or so of its size."""
    cutoff, k_cutoff = 5.2 / alpha, 2.0 * alpha * 5.2
    shifts = lattice_shifts(cell, cutoff)
    energy = 0.0
    for position, charge in zip(positions, charges, strict=True):
        r = np.linalg.norm(wrap(position - positions, cell)[:, None] + shifts, axis=-1)
        partner, _ = np.nonzero((r > 1e-9) & (r < cutoff))
        r = r[(r > 1e-9) & (r < cutoff)]
        energy += 0.5 * charge * float((charges[partner] * erfc(alpha * r) / r).sum()) * COULOMB_K_ANGSTROM
    k = wave_vectors(cell, k_cutoff)
    energy += float(fourier_factors(k, cell, alpha) @ np.abs(structure_factor(k, positions, charges)) ** 2)
    return energy - COULOMB_K_ANGSTROM * alpha / math.sqrt(math.pi) * float(np.square(charges).sum())


def intramolecular(charges, positions):
    """Plain Coulomb energy of a molecule's own pairs, K."""
    return sum(COULOMB_K_ANGSTROM * charges[a] * charges[b] / np.linalg.norm(positions[a] - positions[b])
               for a in range(len(charges)) for b in range(a))


def configuration_energy(framework, repeats, guest, forcefield, molecules, cutoff, truncation="truncated"):
    """Host LJ, host Coulomb, guest LJ, guest Coulomb (K) of whole ``molecules`` (N, S, 3): the twin of recompute."""
    supercell = framework.supercell(repeats)
    lj = sum(host_lj(r, s.epsilon_k, s.sigma_angstrom, framework, forcefield, cutoff, truncation, guest.mixing)
             for m in molecules for s, r in zip(guest.sites, m, strict=True) if s.epsilon_k > 0)
    shifts = lattice_shifts(supercell.cell, cutoff)
    pair = 0.0
    for m, other in itertools.combinations(range(len(molecules)), 2):
        for a, b in itertools.product(range(len(guest.sites)), repeat=2):
            e, s = mixed(*((guest.sites[x].epsilon_k, guest.sites[x].sigma_angstrom) for x in (a, b)), guest.mixing)
            r = np.linalg.norm(wrap(molecules[m][a] - molecules[other][b], supercell.cell) + shifts, axis=1)
            pair += float(lennard_jones(r, e, s, cutoff, truncation).sum())
    if not guest.has_charges:
        return lj, 0.0, pair, 0.0
    flat, q = np.concatenate(molecules), np.tile(guest.charges, len(molecules))
    guests_alone = ewald_energy(flat, q, supercell.cell)
    host_alone = ewald_energy(supercell.positions, supercell.charges, supercell.cell)
    both = ewald_energy(np.concatenate([supercell.positions, flat]), np.concatenate([supercell.charges, q]),
                        supercell.cell)
    own = sum(intramolecular(guest.charges, m) for m in molecules)
    return lj, both - guests_alone - host_alone, pair, guests_alone - own


# ---------------------------------------------------------------- sampling

def quick_settings(**changes):
    values = {"cutoff_angstrom": 6.0, "grid_spacing_angstrom": 0.3, "min_moves": 20_000, "max_moves": 40_000,
              "widom_insertions": 0, "target_relative_error": 0.05, "seed": 7}
    return GCMCSettings(**(values | changes))


def system_of(framework, guest, temperature_k, forcefield=FORCEFIELD, **settings) -> AdsorptionSystem:
    return make_system(framework, guest, forcefield, temperature_k, quick_settings(**settings))


def fugacity(per_cubic_angstrom, temperature_k):
    """Fugacity (Pa) of an activity βf given in 1/Å³."""
    return per_cubic_angstrom * 1e30 * BOLTZMANN_J_K * temperature_k


def conditions_of(system, activity, *, probabilities=BALANCED, steps=(1.0, 0.8), orientations=1,
                  log_bias=None, ladder=NO_LADDER) -> Conditions:
    """Moves in the given proportions (a sixth is the swap's) at βf = ``activity`` (1/Å³; one, or one per gas)."""
    activities = np.atleast_1d(np.asarray(activity, dtype=float))
    mix = np.cumsum([*probabilities, 0.0][:SWAP + 1])
    mix[mix > 1.0 - 1e-12] = 1.0 + 1e-9
    weights = np.zeros(1)
    if log_bias is not None:
        weights = np.zeros(system.capacity + 1)
        weights[:len(log_bias)], weights[len(log_bias):] = log_bias, log_bias[-1]
    return Conditions(1.0 / system.temperature_k, np.log(activities), system.volume, mix, np.array(steps), orientations,
                      weights, np.exp(ladder.log_activities))


def noting(walker, ladder) -> Walker:
    """The same walker, with room for what is noted at the rungs of a ladder."""
    return walker._replace(transitions=np.zeros((len(walker.transitions), 2, 1 + ladder.count)))


def ideal_transitions(n, mean, ladder, tried=1.0, acceptance=1.0):
    """(n, 2, 1 + K) transitions without noise of an ideal gas of so many molecules at unit activity; ``tried`` (n,)
    insertions and deletions each, a part of which is taken."""
    ratio = mean * np.exp(ladder.log_activities) / np.arange(1, n + 1)[:, None]     # of an insertion
    transitions = np.zeros((n, 2, 1 + ladder.count))
    transitions[:, :, 0] = np.broadcast_to(tried, n)[:, None]
    transitions[:, UP, 1:] = transitions[:, UP, :1] * acceptance * ratio / (1.0 + ratio)
    transitions[1:, DOWN, 1:] = transitions[1:, DOWN, :1] * acceptance / (1.0 + ratio[:-1])
    return transitions


def sample(system, activity, n_moves, seed, *, walker=None, every=20, trials=None, **conditions):
    """Run moves (see :func:`conditions_of`): walker, numbers (n,) or, of a mixture, (n, C), total energies (K)."""
    walker = system.new_walker() if walker is None else walker
    trials = trials or system.settings.n_trials
    counts, energies = np.zeros((n_moves // every, len(system.guest_models))), np.zeros(n_moves // every)
    assert run_moves(streams(seed, trials + 1), system.host, system.guests, system.ewald, system.bias, walker,
                     system.new_scratch(trials), conditions_of(system, activity, **conditions), n_moves, every, counts,
                     energies)
    return walker, counts[:, 0] if len(system.guest_models) == 1 else counts, energies


def walker_with(system, *numbers, seed=3) -> Walker:
    """A walker with exactly so many molecules of each gas: insertions only, at an activity that takes them."""
    walker = system.new_walker()
    while walker.number.tolist() != list(numbers):
        short = [1e3 if have < want else 1e-300 for have, want in zip(walker.number, numbers, strict=True)]
        sample(system, short, 1, seed, probabilities=(1.0, 0.0, 0.0, 0.0, 0.0), walker=walker, every=1)
        seed += 1
    return walker


def sites_of(walker, system) -> np.ndarray:
    """(N, S, 3) Å of the walker's molecules, all of one gas, centres inside the cell."""
    n = int(walker.total[0])
    count = len(system.guest_models[0].sites)
    return (walker.centres[:, :n].T @ system.host.cell)[:, None] + walker.offsets[:n, :count]


def block_mean(series, blocks=50):
    """Mean of the series without its first tenth, and the standard error of the block means."""
    series = np.asarray(series)[len(series) // 10:]
    means = np.array([part.mean() for part in np.array_split(series, blocks)])
    return float(means.mean()), float(means.std(ddof=1) / math.sqrt(blocks))


def random_turn(rng):
    """A random rotation matrix (3, 3)."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q *= np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else -q


# ---------------------------------------------------------------- reference data

def reference_data():
    """The reference energies of other codes (tests/data/README.md)."""
    return json.loads((DATA / "energies/gcmc.json").read_text(encoding="utf-8"))


def reference_framework(data):
    model, cell = data["model"]["framework"], data["framework_unit_cell"]
    edge, atoms = cell["a"], cell["atoms"]
    framework = Framework(
        "ZIF-8", tuple(model[row[0]][0] for row in atoms), np.array([row[1:] for row in atoms]) * edge,
        np.eye(3) * edge, types=tuple(row[0] for row in atoms), charges=np.array([model[row[0]][4] for row in atoms]))
    rows = {name: LennardJones(row[2], row[3], "reference") for name, row in model.items()}
    return framework, AdsorptionForceField("reference", "", rows, "reference")


def reference_guest(data, gas):
    model = data["model"]
    sites = [(*model["gas"][name][2:5], z) for name, z in model["molecules"][gas]]
    return guest_model(sites, gas, gas)
