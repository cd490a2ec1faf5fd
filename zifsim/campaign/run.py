"""Study runs: a whole study, from its file to the comparison table: the public entry point of the campaign room."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zifsim.campaign.plan import make_plan
from zifsim.campaign.scheduler import Outcome, Scheduler
from zifsim.campaign.stage import Stage
from zifsim.campaign.stagefolder import MANIFEST, owner_claim
from zifsim.campaign.study import Study, load_study
from zifsim.errors import ZifsimError
from zifsim.runs import stopping
from zifsim.runs.devices import worker_count
from zifsim.runs.folder import DONE
from zifsim.runs.progress import Report, silent
from zifsim.runs.seal import write_sealed_json

if TYPE_CHECKING:
    from zifsim.compare.table import ComparisonTable

STUDY = "study.json"
OUTPUTS = (STUDY, MANIFEST)     # tables and page are views of them, which `zifsim compare` and `report` make anew


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


def run_study(study: str | Path | Study, out: str | Path | None = None, overrides: Iterable[str] = (),
              report: Report = silent) -> StudyResult:
    """Run or resume a study: build, relax, melt, adsorb, compare, report. Finished stages are not repeated.

    Parameters
    ----------
    study: a TOML file, a shipped study's name (``quick``), or a :class:`Study`.
    out: results folder; default ``results/<study name>``.
    overrides: ``a.b=c`` assignments on top of the file.
    report: takes an event of every stage as it gets ahead.

    Raises
    ------
    InputError: a wrong study, or a results folder that cannot be used; nothing was written.
    RunInterrupted: SIGTERM, SIGUSR1 or Ctrl-C arrived; the state is saved, and the same call continues.
    """
    study = study if isinstance(study, Study) else load_study(study, overrides)
    folder, claim = results_folder(study, out), owner_claim("study", study.to_dict())
    claim.check(folder)
    workers = worker_count(study.study.workers)
    stages = make_plan(study, workers)
    with stopping.stoppable(), claim.hold(folder):
        (folder / DONE).unlink(missing_ok=True)
        with claim.recorded(folder) as finish:
            outcome, failures, comparison, page = _run(study, stages, folder, workers, report)
            if failures:
                finish.unfinished(f"failed: {', '.join(failures)}")
            else:
                finish(OUTPUTS)
    input_at_fault = bool(outcome.failed) and set(outcome.input_failures) == set(outcome.failed)
    table = folder / "table1.md" if comparison is not None else None
    n_done = len(outcome.finished) + len(outcome.skipped)
    return StudyResult(folder, comparison, table, page, len(stages), n_done, failures, input_at_fault)


def _run(study: Study, stages: list[Stage], folder: Path, workers: int, report: Report,
         ) -> tuple[Outcome, dict[str, str], ComparisonTable | None, Path | None]:
    """Run the stages, and compare what there is; what went wrong, by stage."""
    write_sealed_json(folder / STUDY, study.to_dict())
    outcome = Scheduler(stages, folder, workers, report).run()
    failures = dict(outcome.failed)
    failures |= dict.fromkeys(outcome.blocked, "not started, because a stage before it failed")
    if not any(stage.startswith("gcmc ") for stage in (*outcome.finished, *outcome.skipped)):
        return outcome, failures, None, None
    return outcome, failures, *compare_and_report(folder, failures)


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
