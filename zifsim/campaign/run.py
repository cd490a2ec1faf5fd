"""A whole study, from its file to the comparison table: the public entry point of the campaign room."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zifsim.campaign import devices, rundir
from zifsim.campaign.display import make_display
from zifsim.campaign.plan import make_plan
from zifsim.campaign.scheduler import Outcome, Scheduler
from zifsim.campaign.stage import Stage
from zifsim.campaign.study import Study, load_study
from zifsim.errors import RunInterrupted, ZifsimError

if TYPE_CHECKING:
    from zifsim.compare.table import ComparisonTable


@dataclass(frozen=True, slots=True)
class StudyResult:
    """What a run of a study left behind. ``failures`` maps a stage to the sentence why it failed.

    ``comparison``, ``table`` (Markdown) and ``report`` (HTML) are None where nothing could be compared.
    ``input_at_fault`` is True where every failure was the input's fault.
    """

    out: Path
    comparison: ComparisonTable | None
    table: Path | None
    report: Path | None
    n_stages: int
    n_done: int
    failures: dict[str, str] = field(default_factory=dict)
    input_at_fault: bool = False


def results_folder(study: Study, out: str | Path | None = None) -> Path:
    """Where a study's results go: ``out``, or ``results/<study name>``."""
    return Path("results") / study.name if out is None else Path(out)


def run_study(study: str | Path | Study, out: str | Path | None = None, overrides: Iterable[str] = (), *,
              quiet: bool = False) -> StudyResult:
    """Run or resume a study: build, relax, melt, adsorb, compare, report. Finished stages are not repeated.

    Parameters
    ----------
    study: a TOML file, a shipped study's name (``quick``), or a :class:`Study`.
    out: results folder; default ``results/<study name>``.
    overrides: ``a.b=c`` assignments on top of the file.
    quiet: no progress display.

    Raises
    ------
    InputError: a wrong study, or a results folder that cannot be used; nothing was written.
    RunInterrupted: SIGTERM or SIGUSR1 arrived; the state is saved, and the same call continues.
    KeyboardInterrupt: Ctrl-C, likewise.
    """
    study = study if isinstance(study, Study) else load_study(study, overrides)
    folder = results_folder(study, out)
    rundir.check_owner(folder, study.to_dict())
    workers = devices.worker_count(study.study.workers)
    stages = make_plan(study, workers)
    with rundir.locked(folder):
        rundir.claim(folder, study.to_dict())
        outcome = execute(stages, folder, workers, quiet=quiet)
        failures = dict(outcome.failed)
        failures |= dict.fromkeys(outcome.blocked, "not started, because a stage before it failed")
        comparison = report = None
        if any(stage.startswith("gcmc ") for stage in (*outcome.finished, *outcome.skipped)):
            comparison, report = compare_and_report(folder, failures)
    input_at_fault = bool(outcome.failed) and set(outcome.input_failures) == set(outcome.failed)
    table = folder / "table1.md" if comparison is not None else None
    n_done = len(outcome.finished) + len(outcome.skipped)
    return StudyResult(folder, comparison, table, report, len(stages), n_done, failures, input_at_fault)


def execute(stages: list[Stage], folder: Path, workers: int, *, quiet: bool = False) -> Outcome:
    """Run a plan in a results folder held by the caller; raises where a signal stopped it."""
    outcome = Scheduler(stages, folder, workers, make_display(quiet)).run()
    if outcome.signal == signal.SIGINT:
        raise KeyboardInterrupt
    if outcome.signal is not None:
        name = signal.Signals(outcome.signal).name
        raise RunInterrupted(f"stopped by {name}, state saved in {folder}: the same command continues")
    return outcome


def compare_and_report(folder: Path, failures: dict[str, str]) -> tuple[ComparisonTable | None, Path | None]:
    """Write the comparison tables and the report of what is there; what goes wrong joins ``failures``."""
    from zifsim.compare import run_comparison
    from zifsim.report.html import write_report

    comparison = report = None
    try:
        comparison = run_comparison(folder)
        report = write_report(folder)
    except ZifsimError as error:
        failures["compare and report"] = str(error)
    return comparison, report
