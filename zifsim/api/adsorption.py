"""Adsorption of one gas in a rigid framework: isotherm and Henry coefficient."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from zifsim.api.given import Sampling, pascals, sampling_of

if TYPE_CHECKING:
    from zifsim.model.framework import Framework
    from zifsim.model.guest import GuestModel
    from zifsim.model.uptake import HenryResult, Isotherm
    from zifsim.runs.progress import Report


def isotherm(structure: str | Path | Framework, gas: str | Path | GuestModel, *, temperature_k: float = 273.0,
             pressures_bar: float | Iterable[float] = 1.0, forcefield: str | Path = "PP",
             charges: str | Path | None = None, out: str | Path | None = None, threads: int = 1,
             flat_histogram: bool = False, blocked: str | Path | None = None,
             report: Report | None = None, **settings: Unpack[Sampling]) -> Isotherm:
    """Adsorption isotherm by grand canonical Monte Carlo in a rigid framework: `zifsim gcmc`.

    Parameters
    ----------
    structure: shipped name, CIF or extXYZ file, or a Framework.
    gas: a gas, a guest model or a guest file, or a GuestModel.
    temperature_k: K.
    pressures_bar: one or several, bar.
    forcefield: framework's Lennard-Jones rows: ``PP``, ``UFF``, ``DREIDING`` or a TOML file.
    charges: framework's charge set, a name or TOML file, assigned where the gas has charges; None: those of the force
        field's own file, else ZIF-FF.
    out: results folder: the run is recorded there, and the same call resumes it or reads it back; with more pressures
        or moves it uses what is there. None: nothing is written.
    threads: pressures side by side.
    flat_histogram: all pressures from one probability of the number of molecules.
    blocked: results folder of `zifsim access`: pores that the gas does not reach are closed.
    report: takes an event (:class:`zifsim.runs.progress.Event`) wherever the run gets ahead; None: silence.
    settings: fields of :class:`zifsim.gcmc.settings.GCMCSettings`, such as ``cutoff_angstrom`` (Å),
        ``target_relative_error``, ``max_moves`` (per pressure), ``seed``.

    Returns
    -------
    Isotherm: ``points``, pressures ascending, with loadings in mol/kg, one standard error, heat of adsorption in
        kJ/mol; ``henry``; ``to_frame()`` has every loading in every unit.

    Raises
    ------
    InputError, UnknownNameError: something unknown, a setting or pressure that makes no sense, an atom type without
        charge or Lennard-Jones row, or a folder that holds something else.
    SimulationError: a run that went wrong.

    Examples
    --------
    >>> found = zifsim.isotherm("ZIF-8", "CH4", temperature_k=273, pressures_bar=[0.1, 1])
    >>> found.plot()
    """
    from zifsim.campaign.isotherm import IsothermJob
    from zifsim.runs.progress import silent

    job = IsothermJob.load(structure, gas, temperature_k, pascals(pressures_bar), forcefield, charges,
                           sampling_of(settings), threads, flat_histogram, None if blocked is None else Path(blocked),
                           report or silent)
    return job.sample(None, report or silent) if out is None else job.run(Path(out), report or silent)


def henry(structure: str | Path | Framework, gas: str | Path | GuestModel, *, temperature_k: float = 273.0,
          forcefield: str | Path = "PP", charges: str | Path | None = None, insertions: int = 1_000_000,
          threads: int = 1, report: Report | None = None, **settings: Unpack[Sampling]) -> HenryResult:
    """Henry coefficient and heat of adsorption at zero loading, by Widom insertion: `zifsim widom`.

    Parameters
    ----------
    structure, gas, temperature_k, forcefield, charges, report, settings: as of :func:`zifsim.isotherm`.
    insertions: test molecules.
    threads: that build the grids.

    Returns
    -------
    HenryResult: ``henry_coefficient_mol_kg_pa`` (mol/kg/Pa) and ``heat_of_adsorption_kj_mol``, with one standard error;
        0 and NaN where the gas finds no place.

    Raises
    ------
    InputError, UnknownNameError: as :func:`zifsim.isotherm`.

    Examples
    --------
    >>> zifsim.henry("ZIF-8", "CH4", temperature_k=273).heat_of_adsorption_kj_mol
    """
    from zifsim.campaign.adsorption import load_host
    from zifsim.gcmc.eos import check_temperature
    from zifsim.gcmc.noroom import has_room, without_room
    from zifsim.gcmc.widom import widom
    from zifsim.io.guests import load_guest
    from zifsim.runs.progress import silent

    guest = load_guest(gas, temperature_k=temperature_k)
    check_temperature(guest.gas, temperature_k)
    values = sampling_of({**settings, "widom_insertions": insertions})
    host = load_host(structure, (guest,), forcefield, charges, values, report or silent)
    result = widom(host.framework, guest, host.forcefield, temperature_k, values, threads=threads)
    return result if has_room(host.framework, result) else without_room(result)
