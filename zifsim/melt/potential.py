"""Machine-learned potential in place of a force field, through OpenMM-ML (package ``openmmml``, extra ``ml``).

Atoms alone, no dummy sites, no bonded terms: what holds linkers together and lets Zn–N bonds break is the potential's
own business. The rest of a melt (program, guards, checkpoints, glass) does not know the difference.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openmm
import openmm.app

from zifsim.errors import InputError, UnknownNameError
from zifsim.melt.box import Box, minimum_image
from zifsim.melt.topology import Topology
from zifsim.model.forcefield import BondTerm, MeltForceField
from zifsim.model.framework import Framework
from zifsim.runs.digest import sha256_file

PREFIX = "openmmml:"
# Files whose ending says which family of models they hold; others are written FAMILY=FILE.
FAMILIES = {".model": "mace", ".fnx": "fennix", ".ckpt": "torchmdnet"}


def is_learned(forcefield: MeltForceField) -> bool:
    """Whether a force field stands for a machine-learned potential."""
    return forcefield.name.startswith(PREFIX)


def load_potential(name: str, fw: Framework) -> MeltForceField:
    """A machine-learned potential as what a melt takes for a force field.

    Parameters
    ----------
    name: ``openmmml:NAME`` of a potential that openmmml knows, ``openmmml:FILE`` of a trained model, or
        ``openmmml:FAMILY=FILE`` where the ending of the file does not say its family. A file enters by its content.
    fw: its linker bonds as they are now are the rest lengths that tell whether a linker has broken.

    Raises
    ------
    InputError: openmmml is not installed, the file is missing, or the metal is not Zn. UnknownNameError: openmmml has
    no such potential.
    """
    if not name.startswith(PREFIX):
        raise InputError(f"potential '{name}': write openmmml:NAME or openmmml:FILE.")
    family, path = _family_and_file(name)
    known = sorted(_openmmml().MLPotential._implFactories)
    if family not in known:
        raise UnknownNameError("openmmml potential", family, known)
    if other := sorted({fw.species[u.atoms[0]] for u in fw.units if len(u.atoms) == 1} - {"Zn"}):
        raise InputError(f"{fw.name} has {', '.join(other)}; a melt watches Zn–N bonds and knows no other metal yet.")
    source = "openmmml"
    if path is not None:
        source += f", {path.name}, sha256 {sha256_file(path)}"
    return MeltForceField(
        name=name, description="machine-learned, through openmmml: Zn–N bonds can break", dissociable=True, atoms={},
        bonds=_rest_lengths(fw), angles=(), dihedrals=(), impropers=(), lj_14=0.0, coulomb_14=0.0, morse=None,
        zinc_wall=None, soft_epsilon_kj_mol=0.0, soft_sigma_angstrom=0.0, max_tested_temperature_k=np.inf,
        source=source)


def learned_system(fw: Framework, forcefield: MeltForceField, topology: Topology, box: Box) -> openmm.System:
    """The OpenMM system of a machine-learned potential; masses are the elements'.

    Raises
    ------
    InputError: the potential cannot be loaded for this framework; what openmmml says is passed on.
    """
    family, path = _family_and_file(forcefield.name)
    try:
        potential = _openmmml().MLPotential(family, **({} if path is None else {"modelPath": str(path)}))
        system: openmm.System = potential.createSystem(_app_topology(fw, box), removeCMMotion=False)
    except (ImportError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"{forcefield.name} cannot be used for {fw.name}: {error}") from error
    # Bonds without force tell OpenMM what a molecule is, so that the barostat moves linkers whole.
    molecules = openmm.HarmonicBondForce()
    for i, j in topology.bonds:
        molecules.addBond(i, j, 0.0, 0.0)
    molecules.setName("molecules")
    system.addForce(molecules)
    return system


def _family_and_file(name: str) -> tuple[str, Path | None]:
    """The name that openmmml knows, and the model file, if one was given."""
    given = name.removeprefix(PREFIX)
    family, separator, file = given.partition("=")
    if not separator:
        path = Path(given)
        if path.suffix not in FAMILIES:
            return given, None
        family, file = FAMILIES[path.suffix], given
    if not Path(file).is_file():
        raise InputError(f"potential '{name}': no file '{file}'; check the path.")
    return family, Path(file)


def _openmmml() -> Any:
    try:
        import openmmml
    except ImportError as error:
        raise InputError("machine-learned potentials need the package openmmml: pip install 'zifsim[ml]' (and what the "
                         "potential itself needs, such as mace-torch).") from error
    return openmmml


def _app_topology(fw: Framework, box: Box) -> openmm.app.Topology:
    """Elements and box; one residue, for the order of atoms is that of residues."""
    topology = openmm.app.Topology()
    residue = topology.addResidue("ZIF", topology.addChain())
    for atom, symbol in enumerate(fw.species):
        topology.addAtom(f"{symbol}{atom}", openmm.app.Element.getBySymbol(symbol), residue)
    topology.setPeriodicBoxVectors(box.vectors * 0.1 * openmm.unit.nanometer)
    return topology


def _rest_lengths(fw: Framework) -> tuple[BondTerm, ...]:
    """Mean length of every kind of linker bond in ``fw``; without a force constant, for the guard alone."""
    i, j = fw.bonds.T
    lengths = np.linalg.norm(minimum_image(fw.positions[j] - fw.positions[i], fw.cell), axis=1)
    kinds: dict[tuple[str, str], list[float]] = {}
    for a, b, length in zip(i, j, lengths, strict=True):
        first, second = sorted((fw.types[a], fw.types[b]))
        if "Zn" not in (first, second):
            kinds.setdefault((first, second), []).append(float(length))
    return tuple(BondTerm(kind, 0.0, float(np.mean(found)), "lengths in the structure given")
                 for kind, found in sorted(kinds.items()))
