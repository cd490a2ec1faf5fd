"""Structure, scattering and dynamics of crystals, melts and glasses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack, overload

from zifsim.api.given import settings_of
from zifsim.api.several import Analyses

if TYPE_CHECKING:
    from zifsim.analysis.frames import Frames
    from zifsim.analysis.result import AnalysisResult
    from zifsim.analysis.summary import Analysis, AnalysisSettings
    from zifsim.model.framework import Framework
    from zifsim.runs.progress import Report

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
def analyse(structures: Structure, *, segment: str = ..., every: int = ..., out: None = ...,  # type: ignore[overload-overlap]
            report: Report | None = ..., **settings: Unpack[Measures]) -> Analysis: ...


@overload
def analyse(structures: Sequence[Structure], *, segment: str = ..., every: int = ..., out: None = ...,
            report: Report | None = ..., **settings: Unpack[Measures]) -> Analyses: ...


@overload
def analyse(structures: Structure | Sequence[Structure], *, segment: str = ..., every: int = ..., out: str | Path,
            report: Report | None = ..., **settings: Unpack[Measures]) -> AnalysisResult: ...


def analyse(structures: Structure | Sequence[Structure], *, segment: str = "", every: int = 1,
            out: str | Path | None = None, report: Report | None = None,
            **settings: Unpack[Measures]) -> Analysis | Analyses | AnalysisResult:
    """Coordination, pair distributions, angles, tetrahedral order and total scattering: `zifsim analyse`.

    Parameters
    ----------
    structures: one or several: shipped names, CIF or extXYZ files, folders of finished melts, Frameworks.
    segment: of the melts' temperature program; empty: the last.
    every: take every n-th frame of a melt.
    out: results folder for tables and pictures; the analysis is recorded there, and the same call reads it back.
    report: takes an event (:class:`zifsim.runs.progress.Event`) as it gets ahead; None: silence.
    settings: fields of :class:`zifsim.analysis.summary.AnalysisSettings`: ``zn_n_cutoff`` and ``r_max`` (Å), ``q_max``
        (1/Å), ``rings``, ``pores``, ``energy_pores``, …

    Returns
    -------
    Analysis, of several structures Analyses: ``quantities`` with their spread; curves of g(r), S(Q), D(r). With ``out``
        an AnalysisResult, what the folder keeps of it.

    Raises
    ------
    InputError, UnknownNameError: something unknown or unreadable, a melt that is not finished, a folder that holds
        something else, or a Framework where there is ``out``, whose record names files.

    Examples
    --------
    >>> zifsim.analyse(["ZIF-62", "results/glass"]).to_frame()
    """
    from zifsim.analysis.summary import AnalysisSettings
    from zifsim.analysis.summary import analyse as analyse_one
    from zifsim.runs.progress import silent

    values, report = settings_of(AnalysisSettings, settings), report or silent
    single = isinstance(structures, str | Path) or not isinstance(structures, Sequence)
    given: list[Structure] = [structures] if single else list(structures)  # type: ignore[list-item,arg-type]
    if out is not None:
        return _recorded(given, Path(out), segment, every, values, report)
    found = [analyse_one(_frames(one, segment, every, report), values, report=report) for one in given]
    return found[0] if single else Analyses(found)


def _recorded(structures: list[Structure], out: Path, segment: str, every: int, settings: AnalysisSettings,
              report: Report) -> AnalysisResult:
    from zifsim.campaign.analysis_job import AnalysisJob, run_analysis_job
    from zifsim.errors import InputError

    names = [str(one) for one in structures if isinstance(one, str | Path)]
    if len(names) < len(structures):
        raise InputError("An analysis that is recorded reads names, files or folders: write the Framework to a file, "
                         "or leave out 'out'.")
    return run_analysis_job(AnalysisJob.load(names, settings, segment=segment, every=every, report=report), out, report)


def _frames(structure: Structure, segment: str, every: int, report: Report) -> Frames:
    from zifsim.analysis.frames import load_frames, of_framework
    from zifsim.model.framework import Framework

    if isinstance(structure, Framework):
        return of_framework(structure)
    return load_frames(structure, segment=segment, every=every, report=report)
