"""Melting: from a crystal to its melt-quenched glass."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from zifsim.api.given import Dynamics, results_in, settings_of
from zifsim.model.schedule import ANNEAL_PS, DEFAULT_PROGRAM, EQUILIBRATE_PS, HOLD_PS, QUENCH_RATE_K_PER_PS

if TYPE_CHECKING:
    from zifsim.melt.result import MeltResult
    from zifsim.model.framework import Framework
    from zifsim.runs.progress import Report


def melt(structure: str | Path | Framework, *, out: str | Path | None = None, forcefield: str | Path = "nb-ZIF-FF-s",
         potential: str | None = None, program: str | Path = DEFAULT_PROGRAM, hold_ps: float = HOLD_PS,
         quench_rate_k_per_ps: float = QUENCH_RATE_K_PER_PS, anneal_ps: float = ANNEAL_PS,
         equilibrate_ps: float = EQUILIBRATE_PS,
         pressure_bar: float = 1.0, timestep_fs: float = 1.0, report: Report | None = None,
         **settings: Unpack[Dynamics]) -> MeltResult:
    """Heat a framework to 1500 K, hold it molten, quench it to a glass at 300 K: `zifsim melt`.

    Parameters
    ----------
    structure: shipped name, CIF or extXYZ file, or a Framework (``zifsim.load(..., supercell=...)``).
    out: results folder: trajectory, state, checkpoint and page are kept there, and the same call resumes the melt or
        reads it back. None: nothing is kept.
    forcefield: ``nb-ZIF-FF-s``, ``nb-ZIF-FF``, ``ZIF-FF`` (bonded: cannot melt) or a TOML file.
    potential: machine-learned potential in place of the force field, ``openmmml:NAME`` or ``openmmml:FILE``.
    program: ``dense`` (melt at constant volume, anneal at 1000 K), ``paper`` (1 bar throughout), ``anneal`` (of a
        glass) or a TOML file of segments.
    hold_ps: at 1500 K, ps.
    quench_rate_k_per_ps: cooling, K/ps.
    anneal_ps: at 1000 K, ps.
    equilibrate_ps: at 300 K at the end, ps.
    pressure_bar: of all segments at constant pressure, bar.
    timestep_fs: fs.
    report: takes an event (:class:`zifsim.runs.progress.Event`) as the melt gets ahead; None: silence.
    settings: fields of :class:`zifsim.melt.settings.MeltSettings`, such as ``seed``, ``platform``, ``cpu_threads``.

    Returns
    -------
    MeltResult: ``framework`` (the glass), ``density_g_cm3`` with one standard error, coordination, bonds kept and new.

    Raises
    ------
    InputError, UnknownNameError: something unknown, a setting that makes no sense, or a folder that holds something
        else.
    SimulationError: a run that became unphysical.

    Examples
    --------
    >>> glass = zifsim.melt("ZIF-62", out="glass", hold_ps=50, quench_rate_k_per_ps=10)
    >>> zifsim.isotherm(glass.framework, "CO2")
    """
    from zifsim.campaign.melt_job import MeltJob, run_melt_job
    from zifsim.errors import InputError
    from zifsim.io.melt_forcefields import load_melt_forcefield
    from zifsim.melt.potential import load_potential
    from zifsim.melt.program import check_temperatures, melt_program
    from zifsim.melt.settings import MeltSettings
    from zifsim.runs.progress import silent
    from zifsim.structures import load_structure

    if potential is not None and forcefield != "nb-ZIF-FF-s":
        raise InputError("Give either forcefield or potential: one model moves the atoms.")
    schedule = melt_program(str(program), hold_ps=hold_ps, quench_rate_k_per_ps=quench_rate_k_per_ps,
                            anneal_ps=anneal_ps, equilibrate_ps=equilibrate_ps, timestep_fs=timestep_fs,
                            pressure_bar=pressure_bar)
    values = settings_of(MeltSettings, settings)
    framework = load_structure(structure, report=report or silent)
    parameters = load_potential(potential, framework) if potential else load_melt_forcefield(forcefield)
    check_temperatures(schedule, parameters)
    with results_in(out) as folder:
        return run_melt_job(MeltJob(framework, parameters, schedule, values), folder, report or silent)
