"""Which pores a gas reaches in the time of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from zifsim.api.given import Sampling, sampling_of
from zifsim.api.several import GasAccesses

if TYPE_CHECKING:
    from zifsim.model.framework import Framework


def access(structure: str | Path | Framework, gases: Mapping[str, float | Sequence[float]], *,
           forcefield: str | Path = "PP", charges: str | Path = "ZIF-FF", size_um: float = 10.0, hours: float = 1.0,
           pressure_bar: float | None = None, snapshots: Sequence[Framework] = (), threads: int = 1,
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
    snapshots: of the framework in thermal motion, over which the free energy is averaged as well.
    threads: of the grids and of sampling.

    Returns
    -------
    GasAccesses: for every gas rigid and, with snapshots, averaged: ``barrier_kj_mol`` (inf: closed),
        ``diffusion_m2_s``, ``fill_time_s``, ``blocked`` (nx, ny, nz; nodes out of reach).

    Raises
    ------
    InputError, UnknownNameError: as :func:`zifsim.isotherm`; sizes and times that are not positive.

    Examples
    --------
    >>> zifsim.access("ZIF-8", {"N2": (77, 195), "CH4": 273}).plot()
    """
    from zifsim.access.filling import Experiment
    from zifsim.access.run import AccessSettings, framework_access
    from zifsim.campaign.isotherm import load_host
    from zifsim.io.guests import load_guest

    guests = [(load_guest(name, temperature_k=kelvin), kelvin) for name, at in gases.items()
              for kelvin in (at if isinstance(at, Sequence) else (at,))]
    values = AccessSettings(experiment=Experiment(size_um, hours), pressure_bar=pressure_bar,
                            gcmc=sampling_of(settings))
    models = [guest for guest, _ in guests]
    host = load_host(structure, models, forcefield, charges, values.gcmc)  # type: ignore[arg-type]
    return GasAccesses(framework_access(host.framework, guests, host.forcefield, values, snapshots=snapshots,
                                        threads=threads))
