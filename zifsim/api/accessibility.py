"""Accessibility: which pores a gas reaches in the time of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from zifsim.api.given import Sampling, results_in, sampling_of
from zifsim.api.several import GasAccesses

if TYPE_CHECKING:
    from zifsim.model.framework import Framework
    from zifsim.runs.progress import Report


def access(structure: str | Path | Framework, gases: Mapping[str, float | Sequence[float]], *,
           forcefield: str | Path = "PP", charges: str | Path | None = None, size_um: float = 10.0, hours: float = 1.0,
           pressure_bar: float | None = None, snapshots: int | str | Path | None = None,
           snapshot_temperature_k: float | None = None, dynamics: str = "ZIF-FF", umbrella_ps: float = 0.0,
           platform: str = "auto", out: str | Path | None = None, threads: int = 1, report: Report | None = None,
           **settings: Unpack[Sampling]) -> GasAccesses:
    """Barriers, diffusion, fill times, and the part of a loading that an experiment finds: `zifsim access`.

    Parameters
    ----------
    structure: shipped name, CIF or extXYZ file, or a Framework.
    gases: gas, guest model or guest file -> temperature or temperatures, K.
    forcefield, charges, settings: as of :func:`zifsim.isotherm`; ``grid_spacing_angstrom`` is that of the free energy.
    size_um: diameter of the particles, µm.
    hours: time they are given, h.
    pressure_bar: sample the loading at this pressure too, with all pores and with the blocked ones closed.
    snapshots: windows that breathe: how many snapshots to make by molecular dynamics, 1 ps apart, or a DCD file or
        folder of a run to read them from; None: the rigid framework alone.
    snapshot_temperature_k: of the snapshots made, K; None: that of each gas.
    dynamics: force field of the snapshots made: ``ZIF-FF`` for crystals, ``nb-ZIF-FF-s`` for glasses.
    umbrella_ps: umbrella sampling along the best path of the average, ps at each place; 0: none.
    platform: of OpenMM: ``auto``, ``CUDA``, ``HIP``, ``OpenCL``, ``CPU``.
    out: results folder, as of :func:`zifsim.isotherm`; None: nothing is kept.
    threads: of grids, dynamics and sampling.
    report: takes an event (:class:`zifsim.runs.progress.Event`) as the run gets ahead; None: silence.

    Returns
    -------
    GasAccesses: for every gas rigid and, with snapshots, averaged and by umbrella sampling: ``barrier_kj_mol`` (inf:
        closed), ``diffusion_m2_s``, ``fill_time_s``, ``accessible_fraction``.

    Raises
    ------
    InputError, UnknownNameError: as :func:`zifsim.isotherm`; sizes and times that are not positive.

    Examples
    --------
    >>> zifsim.access("ZIF-8", {"N2": (77, 195), "CH4": 273}).plot()
    """
    from zifsim.access.filling import Experiment
    from zifsim.access.run import AccessSettings
    from zifsim.campaign.access_job import AccessJob, run_access_job
    from zifsim.io.guests import load_guest
    from zifsim.runs.progress import silent

    guests = [(load_guest(name, temperature_k=kelvin), kelvin) for name, at in gases.items()
              for kelvin in (at if isinstance(at, Sequence) else (at,))]
    values = AccessSettings(experiment=Experiment(size_um, hours), pressure_bar=pressure_bar,
                            gcmc=sampling_of(settings))
    job = AccessJob.load(structure, guests, forcefield, charges, values,
                         snapshots=None if snapshots is None else str(snapshots),
                         snapshot_temperature_k=snapshot_temperature_k, dynamics=dynamics, umbrella_ps=umbrella_ps,
                         platform=platform, threads=threads, report=report or silent)
    with results_in(out) as folder:
        return GasAccesses(run_access_job(job, folder, report or silent))
