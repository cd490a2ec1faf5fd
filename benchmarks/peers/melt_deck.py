"""A melt model written as LAMMPS input: the data file, and the commands from units to the long-range sum.

Everything comes from the topology and the force field, nothing from the OpenMM system, so that a wrong unit or factor
in ``zifsim.melt.system`` shows up as a difference. Units ``real``: kcal/mol, Å, fs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from zifsim.io.melt_forcefields import chain_key, improper_key
from zifsim.melt.system import MeltSystem, particle_charges, particle_masses
from zifsim.units import KCAL_TO_KJ

DUMMIES = ("He", "Ne")


class Rows:
    """Numbered coefficients and the atom tuples that use them, for one kind of bonded term."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.rows: list[tuple[int, tuple[int, ...]]] = []

    def add(self, coefficients: Sequence[float | int], atoms: Iterable[int]) -> None:
        text = " ".join(repr(c) for c in coefficients)
        number = self.numbers.setdefault(text, len(self.numbers) + 1)
        self.rows.append((number, tuple(int(a) + 1 for a in atoms)))


def bonded_rows(model: MeltSystem) -> dict[str, Rows]:
    """Bonds, Angles, Dihedrals and Impropers with coefficients of styles harmonic, charmm, charmm and cvff."""
    topology, forcefield = model.topology, model.forcefield
    tables: dict[str, dict[Any, Any]] = {
        "Bonds": {chain_key(t.types): t for t in forcefield.bonds},
        "Angles": {chain_key(t.types): t for t in forcefield.angles},
        "Dihedrals": {chain_key(t.types): t for t in forcefield.dihedrals},
        "Impropers": {improper_key(t.centre, t.outer): t for t in forcefield.impropers}}
    rows = {kind: Rows() for kind in tables}

    def names(atoms: Iterable[int]) -> list[str]:
        return [topology.types[a] for a in atoms]

    for bond in topology.bonds:
        term = tables["Bonds"][chain_key(names(bond))]
        rows["Bonds"].add((term.k / KCAL_TO_KJ, term.r0), bond)
    for angle in topology.angles:
        term = tables["Angles"][chain_key(names(angle))]
        rows["Angles"].add((term.k / KCAL_TO_KJ, term.theta0, term.k_ub / KCAL_TO_KJ, term.r_ub), angle)
    for chain in topology.dihedrals:
        term = tables["Dihedrals"][chain_key(names(chain))]
        rows["Dihedrals"].add((term.k / KCAL_TO_KJ, term.n, round(term.phase), 0.0), chain)
    for centre, *outer in topology.planar:
        term = tables["Impropers"][improper_key(topology.types[centre], names(outer))]
        last = next(a for a in outer if topology.types[a] == term.last)
        rows["Impropers"].add((term.k / KCAL_TO_KJ, -1, 2), (centre, *(a for a in outer if a != last), last))
    return rows


def data_file(model: MeltSystem) -> str:
    """Box, masses, atoms (style full) and bonded terms; atoms are numbered as the model's particles are, from 1."""
    topology, box = model.topology, model.box.vectors.tolist()
    kinds = sorted(set(topology.types))
    masses = particle_masses(model.framework, topology, model.forcefield, repartition=True)
    charges = particle_charges(topology, model.forcefield).tolist()
    bonded = bonded_rows(model)
    counts = {"atom": (len(topology.types), len(kinds))}
    counts |= {kind.lower()[:-1]: (len(r.rows), len(r.numbers)) for kind, r in bonded.items()}
    lines = [model.framework.name, "", *(f"{n} {kind}s\n{types} {kind} types" for kind, (n, types) in counts.items()),
             "", *(f"0.0 {box[i][i]!r} {axis}lo {axis}hi" for i, axis in enumerate("xyz")),
             f"{box[1][0]!r} {box[2][0]!r} {box[2][1]!r} xy xz yz", "", "Masses", ""]
    for number, kind in enumerate(kinds, start=1):
        mass = np.unique(masses[[t == kind for t in topology.types]].round(9))
        assert len(mass) == 1, f"atoms of type {kind} differ in mass"
        lines.append(f"{number} {float(mass[0])!r}")
    lines += ["", "Atoms # full", ""]
    lines += [f"{i} 1 {kinds.index(t) + 1} {q!r} {x:.12f} {y:.12f} {z:.12f}"
              for i, (t, q, (x, y, z)) in enumerate(zip(topology.types, charges, model.positions, strict=True), 1)]
    for kind, r in bonded.items():
        lines += ["", f"{kind[:-1]} Coeffs", "", *(f"{n} {text}" for text, n in r.numbers.items())]
        lines += ["", kind, "", *(f"{i} {n} {' '.join(map(str, a))}" for i, (n, a) in enumerate(r.rows, 1))]
    return "\n".join(lines) + "\n"


def model_commands(model: MeltSystem, kspace: Sequence[str]) -> list[str]:
    """From units to the interactions; ``data.txt`` holds what :func:`data_file` wrote."""
    forcefield, cutoff = model.forcefield, model.cutoff_angstrom
    styles = f"lj/cut/coul/long {cutoff}"
    if forcefield.dissociable:
        styles = f"hybrid/overlay {styles} morse {cutoff}" + (" harmonic/cut" if forcefield.zinc_wall else "")
    return ["units real", "atom_style full", "atom_modify map array", "box tilt large", f"pair_style {styles}",
            "bond_style harmonic", "angle_style charmm", "dihedral_style charmm", "improper_style cvff",
            f"special_bonds lj 0.0 0.0 {forcefield.lj_14} coul 0.0 0.0 {forcefield.coulomb_14}", "read_data data.txt",
            "pair_modify shift no tail no", *kspace, *pair_commands(model), "neighbor 2.0 bin"]


def pair_commands(model: MeltSystem) -> list[str]:
    """``pair_coeff`` of every pair of types, written out (Lorentz–Berthelot, Morse, soft core, wall)."""
    forcefield = model.forcefield
    kinds = sorted(set(model.topology.types))
    free = forcefield.dissociable
    commands = []
    for i, a in enumerate(kinds, start=1):
        for j, b in enumerate(kinds[i - 1:], start=i):
            first, second = forcefield.atoms[a], forcefield.atoms[b]
            epsilon = np.sqrt(first.epsilon_kj_mol * second.epsilon_kj_mol)
            sigma = (first.sigma_angstrom + second.sigma_angstrom) / 2.0
            if free and {a, b} == set(DUMMIES):
                epsilon, sigma = forcefield.soft_epsilon_kj_mol, forcefield.soft_sigma_angstrom
            elif free and (a in DUMMIES or b in DUMMIES or {a, b} == {"Zn", "N1"}):
                epsilon = 0.0
            style = "lj/cut/coul/long " if free else ""
            commands.append(f"pair_coeff {i} {j} {style}{float(epsilon) / KCAL_TO_KJ!r} {sigma!r}")
    if free:
        nitrogen, zinc = kinds.index("N1") + 1, kinds.index("Zn") + 1
        assert forcefield.morse is not None
        commands.append(f"pair_coeff {nitrogen} {zinc} morse {forcefield.morse.depth_kj_mol / KCAL_TO_KJ!r} "
                        f"{forcefield.morse.alpha!r} {forcefield.morse.r0!r}")
        if forcefield.zinc_wall is not None:
            commands.append(f"pair_coeff {zinc} {zinc} harmonic/cut {forcefield.zinc_wall.k / KCAL_TO_KJ!r} "
                            f"{forcefield.zinc_wall.r0!r}")
    return commands
