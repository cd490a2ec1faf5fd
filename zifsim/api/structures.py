"""Structures and gases by name or file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zifsim.model.framework import Framework
    from zifsim.model.guest import GuestModel
    from zifsim.runs.progress import Report


def load(structure: str | Path | Framework, *, configuration: str = "A", bim_per_cell: int | None = None,
         supercell: tuple[int, int, int] = (1, 1, 1), charges: str | Path | None = None,
         report: Report | None = None) -> Framework:
    """A framework: ordered, with linkers recognised, bonds and atom types.

    Parameters
    ----------
    structure: shipped name (``ZIF-8``, ``ZIF-62``, a glass), CIF or extXYZ file; a Framework stays what it is.
    configuration: symmetry class of a disordered crystal's linkers: ``A`` the likeliest, ``B`` the one whose
        benzimidazolates are farthest apart, ``C`` … the others.
    bim_per_cell: benzimidazolates on the mixed sites of one cell; None: nearest to the occupancies of the file.
    supercell: repeats along a, b, c.
    charges: charge set to assign (``ZIF-FF``, ``PP``, ``RESP``, …, or a TOML file); None: none. The functions that
        sample assign charges themselves.
    report: takes an event (:class:`zifsim.runs.progress.Event`) where atoms are relaxed, which takes a minute; None:
        silence.

    Returns
    -------
    Framework: ``positions`` (N, 3) and ``cell`` (3, 3) in Å, ``species``, ``types``, ``bonds`` (B, 2), ``units``,
        ``charges`` (N,) in e or None, ``density_g_cm3``.

    Raises
    ------
    InputError, UnknownNameError: no such structure, an unreadable file, an unknown linker or configuration, or a charge
        set that lacks one of its atom types.

    Examples
    --------
    >>> zifsim.load("ZIF-8").density_g_cm3
    0.924...
    """
    from zifsim.io.adsorption import assign_charges, load_charge_set
    from zifsim.runs.progress import silent
    from zifsim.structures import load_structure

    framework = load_structure(structure, configuration=configuration, bim_per_cell=bim_per_cell, supercell=supercell,
                               report=report or silent)
    return framework if charges is None else assign_charges(framework, load_charge_set(charges))


def gas(name: str | Path | GuestModel) -> GuestModel:
    """The model of a gas: its sites, charges and critical constants, with their source.

    Parameters
    ----------
    name: a gas (``CO2``: its default model), a model (``CO2-EPM2``) or a TOML file; a GuestModel stays what it is.

    Returns
    -------
    GuestModel: ``sites`` (σ in Å, ε/k_B in K, charges in e, positions in Å), ``molar_mass_g_mol``, ``source``.

    Raises
    ------
    InputError, UnknownNameError: no such gas or model, or a file that is none.

    Examples
    --------
    >>> zifsim.gas("CO2").name
    'CO2-TraPPE'
    """
    from zifsim.io.guests import load_guest

    return load_guest(name)
