"""Analysis of structures and melts on its own: known by what it reads, checked before it starts, with its record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zifsim.analysis.bet import BETArea, BETResult
from zifsim.analysis.frames import Frames, load_frames, source_files
from zifsim.analysis.measured import MeasuredCurve
from zifsim.analysis.result import RESULT, AnalysisResult, StructureResult, read_analysis
from zifsim.analysis.summary import Analysis, AnalysisSettings, analyse
from zifsim.errors import InputError
from zifsim.io.files import write_bytes_atomic, write_json_atomic
from zifsim.io.tables import write_csv
from zifsim.model.uptake import Isotherm
from zifsim.report.chart import CSV_COLUMNS, Chart, chart_figure, chart_rows
from zifsim.report.figures import to_png
from zifsim.report.structure import structure_charts
from zifsim.runs.digest import digest, plain, sha256_file
from zifsim.runs.folder import Claim
from zifsim.runs.progress import Event, Report, silent

TABLE = "quantities.csv"
COLUMNS = ("structure", "key", "label", "unit", "value", "spread", "basis")


@dataclass(frozen=True, slots=True)
class AnalysisJob:
    """Everything an analysis needs, loaded and checked; every structure under a name of its own.

    ``inputs_sha256``: file, measured curve or isotherm -> digest of its content. ``bet``: (framework, area).
    """

    frames: tuple[Frames, ...]
    segment: str
    every: int
    settings: AnalysisSettings
    measured: tuple[MeasuredCurve, ...]
    bet: tuple[tuple[str, BETResult], ...]
    inputs_sha256: Mapping[str, str]

    @classmethod
    def load(cls, structures: Sequence[str], settings: AnalysisSettings, *, segment: str = "", every: int = 1,
             measured: Sequence[MeasuredCurve] = (), bet: Sequence[Isotherm] = (),
             report: Report = silent) -> AnalysisJob:
        """Load a job by names, files and folders of melts; ``bet``: isotherms whose BET area is wanted.

        Raises
        ------
        InputError, UnknownNameError: something that is missing, unknown, or named twice.
        """
        areas = tuple((isotherm.framework, BETArea().compute(isotherm)) for isotherm in bet)
        names = short_names(structures)
        frames = tuple(load_frames(structure, segment=segment, every=every, name=name, report=report)
                       for structure, name in zip(structures, names, strict=True))
        inputs = {f"{name}: {file.name}": sha256_file(file)
                  for structure, name in zip(structures, names, strict=True) for file in source_files(structure)}
        inputs |= {f"measured {curve.kind}: {curve.source}": digest(curve) for curve in measured}
        inputs |= {f"isotherm {n}: {isotherm.framework}": digest(isotherm) for n, isotherm in enumerate(bet, start=1)}
        return cls(frames, segment, every, settings, tuple(measured), areas, inputs)

    @property
    def claim(self) -> Claim:
        """What the job's folder is known by."""
        names = [f.name for f in self.frames]
        config: dict[str, Any] = {
            "structures": names, "segment": self.segment, "every": self.every, "settings": plain(self.settings),
            "measured": [f"{curve.kind}={curve.source}" for curve in self.measured],
            "bet": [framework for framework, _ in self.bet]}
        return Claim("analysis", f"analysis of {', '.join(names)}", config, self.inputs_sha256)

    def compute(self, report: Report = silent) -> list[Analysis]:
        """Analyse one structure after the other; each is a part of what ``report`` is told."""
        report(Event(kind="plan", values={frames.name: 1.0 for frames in self.frames}))
        return [analyse(frames, self.settings, self.measured, report) for frames in self.frames]

    def result(self, analyses: Sequence[Analysis]) -> AnalysisResult:
        """What is kept of the analyses, with the BET areas."""
        return AnalysisResult(tuple(map(StructureResult.of, analyses)), self.bet)


def run_analysis_job(job: AnalysisJob, out: Path, report: Report = silent) -> AnalysisResult:
    """Run a job in ``out``, which is left with ``analysis.json``, CSV and PNG; a finished one is read back.

    Raises
    ------
    InputError: ``out`` holds something else, is in use or cannot be written to; nothing is changed there.
    """
    charts: list[Chart] = []

    def work() -> AnalysisResult:
        analyses = job.compute(report)
        charts.extend(structure_charts(analyses))
        return job.result(analyses)

    def write(result: AnalysisResult, date: str) -> list[str]:
        for chart in charts:
            write_csv(out / f"{chart.name}.csv", CSV_COLUMNS, chart_rows(chart))
            write_bytes_atomic(out / f"{chart.name}.png", to_png(chart_figure(chart)))
        write_csv(out / TABLE, COLUMNS, [[one.name, *q.to_dict().values()] for one in result.structures
                                         for q in one.quantities])
        write_json_atomic(out / RESULT, result.to_dict())
        return [RESULT, TABLE, *(f"{chart.name}.{suffix}" for chart in charts for suffix in ("csv", "png"))]

    return job.claim.run(out, work=work, write=write, read=lambda: read_analysis(out))


def short_names(structures: Sequence[str]) -> list[str]:
    """Short names that differ: the last part of each path, with the folder before it where two are alike.

    Raises
    ------
    InputError: a structure is named twice.
    """
    if len(set(structures)) < len(structures):
        raise InputError("a structure is named twice; name each once.")
    short = [Path(s).name if Path(s).is_dir() else Path(s).stem if Path(s).is_file() else s for s in structures]
    return [name if short.count(name) == 1 else str(Path(s).parent / name)
            for s, name in zip(structures, short, strict=True)]
