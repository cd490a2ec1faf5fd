"""What the name of a structure stands for: one framework, the same in every command, study and script.

A file that holds one ordered cell is taken as it stands. Where linkers share sites, one arrangement is made, and its
atoms are relaxed in the cell of the experiment, because refinement gives such sites a mean of both linkers (benzo rings
of ZIF-62 with bonds of 1.52 Å). The name of a framework tells of an exception (``unrelaxed``, ``relaxed``), its
``source`` how it was made. Relaxed cells of the shipped crystals travel with zifsim (``make relaxed-cells``).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from zifsim.crystals.crystal import CrystalStructure, open_crystal
from zifsim.crystals.load import check_one, load_framework
from zifsim.errors import InputError
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.io.resources import data_folder
from zifsim.io.xyz import read_framework
from zifsim.model.forcefield import MeltForceField
from zifsim.model.framework import Framework
from zifsim.runs.digest import digest, plain
from zifsim.runs.progress import Event, Report, silent
from zifsim.runs.version import PHYSICS

RELAX_FORCEFIELD = "ZIF-FF"     # bonded, and the closest to crystal geometry of the melt force fields
KEY_DIGITS = 16


def load_structure(structure: str | Path | Framework, *, configuration: str = "A", bim_per_cell: int | None = None,
                   supercell: tuple[int, int, int] = (1, 1, 1), relax: bool | None = None,
                   report: Report = silent) -> Framework:
    """The framework of a shipped structure, a CIF or an extXYZ file, with linkers, bonds and types assigned.

    Parameters
    ----------
    structure, configuration, bim_per_cell, supercell: as :func:`zifsim.crystals.load.load_framework` takes them.
    relax: minimise the energy of the atoms in the fixed cell; None: where linkers share sites.

    Raises
    ------
    InputError: as :func:`~zifsim.crystals.load.load_framework`, or the force field does not fit (``relax=True``).
    """
    if isinstance(structure, Framework):
        return load_framework(structure, configuration=configuration, bim_per_cell=bim_per_cell, supercell=supercell)
    check_one(configuration)
    crystal = open_crystal(structure)
    cell = crystal.order(configuration, bim_per_cell)[0]
    return prepared(cell, crystal, relax=relax, report=report).supercell(supercell)


def usual_relaxation(crystal: CrystalStructure) -> str | None:
    """The melt force field that arrangements of a crystal are relaxed with where nobody asks for another; None where no
    linkers share a site, so that the atoms stay where they were measured."""
    return RELAX_FORCEFIELD if crystal.sites is not None and crystal.sites.mixed_sites else None


def name_of(cell: Framework, crystal: CrystalStructure, relax_with: str | None) -> str:
    """The name of an ordered cell of a crystal once it is relaxed so, or not: it tells of what is unusual."""
    if relax_with == usual_relaxation(crystal):
        return cell.name
    return f"{cell.name}-unrelaxed" if relax_with is None else f"{cell.name}-relaxed-{Path(relax_with).stem}"


def prepared(cell: Framework, crystal: CrystalStructure, *, relax: bool | None = None,
             report: Report = silent) -> Framework:
    """An ordered cell of a crystal as :func:`load_structure` gives it, relaxed or not."""
    usual = usual_relaxation(crystal)
    wanted = usual if relax is None else RELAX_FORCEFIELD if relax else None
    cell = replace(cell, name=name_of(cell, crystal, wanted))
    return cell if wanted is None else relaxed(cell, load_melt_forcefield(wanted), report, insist=bool(relax))


def relaxed(cell: Framework, forcefield: MeltForceField, report: Report = silent, *, insist: bool = True) -> Framework:
    """A cell relaxed with a melt force field: the one that travels with zifsim, or made here.

    ``insist``: a force field that does not fit is an error, not a note (and a word in name and source).

    Raises
    ------
    InputError: force field and framework do not fit together. SimulationError: no minimum was found.
    """
    from zifsim.melt.relax import relax_framework

    shipped = relaxed_path(cell, forcefield)
    if shipped.is_file():
        return replace(read_framework(shipped), name=cell.name)
    report(Event(message=f"relaxing {cell.name}: {cell.n_atoms} atoms, {forcefield.name}"))
    try:
        return relax_framework(cell, forcefield)
    except InputError as error:
        if insist:
            raise
        report(Event(kind="note", message=f"{cell.name} is not relaxed: {error}"))
        return replace(cell, name=f"{cell.name}-unrelaxed", source=f"{cell.source}; not relaxed: {error}")


def relaxed_path(cell: Framework, forcefield: MeltForceField) -> Path:
    """Where the relaxed cell would lie that travels with zifsim; its name holds a digest of all it is made from."""
    key = digest([cell.content_hash(), plain(forcefield), PHYSICS["relax"]])[:KEY_DIGITS]
    return data_folder("structures") / "relaxed" / f"{cell.name}-{key}.extxyz"
