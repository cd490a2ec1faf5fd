"""Structure, scattering and dynamics of crystals, melts and glasses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack, overload

from zifsim.api.given import settings_of
from zifsim.api.several import Analyses

if TYPE_CHECKING:
    from zifsim.analysis.frames import Frames
    from zifsim.analysis.summary import Analysis
    from zifsim.model.framework import Framework

    Structure = str | Path | Framework


class Measures(TypedDict, total=False):
    """Keywords of :func:`analyse`: the fields of :class:`zifsim.analysis.summary.AnalysisSettings`."""

    zn_n_cutoff: float
    r_max: float
    bin_width: float
    q_max: float
    q_resolution: float
    lorch: bool
    rings: bool
    pores: bool
    energy_pores: bool


@overload
def analyse(structures: Structure, *, segment: str = ..., every: int = ...,  # type: ignore[overload-overlap]
            **settings: Unpack[Measures]) -> Analysis: ...


@overload
def analyse(structures: Sequence[Structure], *, segment: str = ..., every: int = ...,
            **settings: Unpack[Measures]) -> Analyses: ...


def analyse(structures: Structure | Sequence[Structure], *, segment: str = "", every: int = 1,
            **settings: Unpack[Measures]) -> Analysis | Analyses:
    """Coordination, pair distributions, angles, tetrahedral order and total scattering: `zifsim analyse`.

    Parameters
    ----------
    structures: one or several: shipped names, CIF or extXYZ files, folders of finished melts, Frameworks.
    segment: of the melts' temperature program; empty: the last.
    every: take every n-th frame of a melt.
    settings: fields of :class:`zifsim.analysis.summary.AnalysisSettings`: ``zn_n_cutoff`` and ``r_max`` (Å), ``q_max``
        (1/Å), ``rings``, ``pores``, ``energy_pores``, …

    Returns
    -------
    Analysis of one structure, Analyses of several: ``quantities`` with their spread; curves of g(r), S(Q), D(r).

    Raises
    ------
    InputError, UnknownNameError: something unknown or unreadable, a melt that is not finished.

    Examples
    --------
    >>> zifsim.analyse(["ZIF-62", "results/glass"]).to_frame()
    """
    from zifsim.analysis.summary import AnalysisSettings
    from zifsim.analysis.summary import analyse as analyse_one

    values = settings_of(AnalysisSettings, settings)
    if isinstance(structures, str | Path) or not isinstance(structures, Sequence):
        return analyse_one(_frames(structures, segment, every), values)
    return Analyses(analyse_one(_frames(one, segment, every), values) for one in structures)


def _frames(structure: Structure, segment: str, every: int) -> Frames:
    from zifsim.analysis.frames import load_frames, of_framework
    from zifsim.model.framework import Framework

    if isinstance(structure, Framework):
        return of_framework(structure)
    return load_frames(structure, segment=segment, every=every)
