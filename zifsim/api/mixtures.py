"""Mixtures of gases: sampled together, or predicted from the isotherms of each alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from zifsim.api.given import Sampling, pascals, sampling_of
from zifsim.api.several import MixturePoints

if TYPE_CHECKING:
    from zifsim.model.framework import Framework
    from zifsim.model.mixture import MixtureIsotherm
    from zifsim.model.uptake import Isotherm
    from zifsim.runs.progress import Report


def mixture(structure: str | Path | Framework, composition: Mapping[str, float], *, temperature_k: float = 273.0,
            pressures_bar: float | Iterable[float] = 1.0, forcefield: str | Path = "PP",
            charges: str | Path | None = None, out: str | Path | None = None, threads: int = 1,
            pure: Sequence[Isotherm | str | Path] = (), extrapolation: str = "error", report: Report | None = None,
            **settings: Unpack[Sampling]) -> MixtureIsotherm:
    """Adsorption of a gas mixture by grand canonical Monte Carlo: `zifsim mixture`.

    Parameters
    ----------
    structure: shipped name, CIF or extXYZ file, or a Framework.
    composition: gas, guest model or guest file -> mole fraction in the gas; they sum to 1.
    temperature_k: K.
    pressures_bar: total pressures, one or several, bar.
    forcefield, charges, threads, report, settings: as of :func:`zifsim.isotherm`.
    out: results folder, as of :func:`zifsim.isotherm`; None: nothing is written.
    pure: isotherms of the pure gases, or their results folders: what IAST makes of them is put beside (``predicted``).
    extrapolation: of ``pure``, as of :func:`zifsim.iast`.

    Returns
    -------
    MixtureIsotherm: ``points``, each with the loading of every gas in mol/kg, one standard error, and ``selectivity``.

    Raises
    ------
    InputError, UnknownNameError: as :func:`zifsim.isotherm`; fractions that do not sum to 1.

    Examples
    --------
    >>> both = zifsim.mixture("ZIF-8", {"CO2": 0.15, "N2": 0.85}, temperature_k=298, pressures_bar=1)
    >>> both.points[0].selectivity("CO2", "N2")
    """
    from zifsim.campaign.mixture import MixtureJob
    from zifsim.runs.progress import silent

    job = MixtureJob.load(structure, composition, temperature_k, pascals(pressures_bar), forcefield, charges,
                          sampling_of(settings), threads, report or silent)
    if pure:
        job = job.predict(_read(pure), extrapolation)
    return job.sample(None, report or silent) if out is None else job.run(Path(out), report or silent)


def iast(isotherms: Sequence[Isotherm | str | Path], composition: Mapping[str, float], *,
         pressures_bar: float | Iterable[float] = 1.0, extrapolation: str = "error", seed: int = 1,
         allow_different: bool = False) -> MixturePoints:
    """Loadings and selectivity of a gas mixture from pure isotherms, by ideal adsorbed solution theory: `zifsim iast`.

    The gas is taken as ideal. Errors are propagated from those of the isotherms.

    Parameters
    ----------
    isotherms: one of each gas, of one framework and temperature; or the results folders that hold them.
    composition: gas -> mole fraction in the gas; they sum to 1.
    pressures_bar: total pressures, one or several, bar.
    extrapolation: beyond an isotherm's last point: ``error``, or ``langmuir`` (through its last two points).
    seed: of the error bars.
    allow_different: use isotherms of different frameworks, force fields, charges or temperatures all the same.

    Returns
    -------
    MixturePoints: one per pressure, ascending, with the loading of every gas in mol/kg and ``selectivity``.

    Raises
    ------
    InputError: isotherms that do not belong together or end too early, or fractions that do not sum to 1.

    Examples
    --------
    >>> pure = [zifsim.isotherm("ZIF-8", gas, pressures_bar=[0.1, 1, 10]) for gas in ("CO2", "N2")]
    >>> zifsim.iast(pure, {"CO2": 0.15, "N2": 0.85}, pressures_bar=1).to_frame()
    """
    from zifsim.gcmc.iast import iast as mixture_of

    pure = _read(isotherms)
    return MixturePoints(mixture_of(pure, composition, pressure, extrapolation=extrapolation, seed=seed,
                                    allow_different=allow_different)
                         for pressure in pascals(pressures_bar))


def _read(isotherms: Sequence[Isotherm | str | Path]) -> list[Isotherm]:
    """Isotherms, those named by their folders read."""
    from zifsim.io.results import read_isotherm
    from zifsim.runs.folder import unaltered

    return [read_isotherm(unaltered(Path(one))) if isinstance(one, str | Path) else one for one in isotherms]
