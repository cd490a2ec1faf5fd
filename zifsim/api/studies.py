"""Studies, whole, from their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zifsim.campaign.run import StudyResult
    from zifsim.campaign.study import Study
    from zifsim.runs.progress import Report


def run_study(study: str | Path | Study, *, out: str | Path | None = None, changes: Mapping[str, Any] | None = None,
              report: Report | None = None) -> StudyResult:
    """Build, relax, melt, adsorb, compare, report: `zifsim run`. Finished stages are not repeated.

    Parameters
    ----------
    study: a study file, the name of a shipped one (``quick``, ``flux_melting``), or a Study.
    out: results folder; None: ``results/<study name>``.
    changes: values of the file to change, ``{"study.seed": 7, "melt.hold_ps": 10}``.
    report: takes an event (:class:`zifsim.runs.progress.Event`) of every stage as it gets ahead; None: silence.

    Returns
    -------
    StudyResult: ``comparison`` (a ComparisonTable), ``report`` (its HTML page), ``failures`` by stage.

    Raises
    ------
    InputError, UnknownNameError: a study that cannot be run, or a folder that holds another; nothing is written.
    RunInterrupted: the run was asked to stop; the same call continues.

    Examples
    --------
    >>> zifsim.run_study("quick", changes={"study.seed": 7}).comparison.to_frame()
    """
    import json

    from zifsim.campaign.run import run_study as run
    from zifsim.runs.progress import silent

    assignments = [f"{key}={json.dumps(value, default=str)}" for key, value in (changes or {}).items()]
    return run(study, out, assignments, report or silent)
