"""``zifsim analyse``: structure, scattering and dynamics of crystals, melts and glasses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zifsim.cli.options import OUTPUT

if TYPE_CHECKING:
    from zifsim.analysis.quantity import Quantity
    from zifsim.analysis.summary import Analysis, AnalysisSettings

RESULT = "analysis.json"
SCATTERING, MORE = "Scattering", "More"
LEAST = 1e-5        # shown as zero: rounding of the coordinates


def analyse(
    structures: Annotated[list[str], typer.Argument(
        metavar="STRUCTURE_OR_MELT...", help="Shipped structures, CIF or extXYZ files, folders of finished melts.")],
    out: Annotated[Path | None, typer.Option(
        "--out", "-o", help="Folder for JSON, CSV and PNG; left out: the table is only printed.",
        rich_help_panel=OUTPUT)] = None,
    segment: Annotated[str, typer.Option(
        "--segment", help="Segment of the melts' temperature program.", show_default="the last")] = "",
    every: Annotated[int, typer.Option("--every", min=1, metavar="N", help="Take every N-th frame.")] = 1,
    cutoff: Annotated[float, typer.Option(
        "--cutoff", metavar="Å", help="Metal and N closer than this are bonded.")] = 2.6,
    r_max: Annotated[float, typer.Option("--r-max", metavar="Å", help="Reach of g(r).")] = 12.0,
    q_max: Annotated[float, typer.Option(
        "--q-max", metavar="Å⁻¹", help="End of the transform to D(r).", rich_help_panel=SCATTERING)] = 25.0,
    q_resolution: Annotated[float, typer.Option(
        "--q-resolution", metavar="Å⁻¹", help="Instrument's resolution (s.d.) that S(Q) is folded with.",
        rich_help_panel=SCATTERING)] = 0.05,
    no_lorch: Annotated[bool, typer.Option(
        "--no-lorch", help="Transform to D(r) without Lorch's window.", rich_help_panel=SCATTERING)] = False,
    measured: Annotated[list[str] | None, typer.Option(
        "--measured", metavar="KIND=FILE", rich_help_panel=SCATTERING,
        help="A measured curve to compare with, by R_w: xray- or neutron- F, S, D, G or PDF; columns x, y[, error]. "
        "Repeatable. Example: xray-D=glass.dat")] = None,
    rings: Annotated[bool, typer.Option(
        "--rings", help="Rings of the net of metals and linkers, up to 10 metals, on at most 3 frames (needs "
        "zifsim\\[analysis]; a second for 16 metals, a minute for 128).",
        rich_help_panel=MORE)] = False,
    pores: Annotated[bool, typer.Option(
        "--pores", help="Pore diameters, sizes, and volume and surface per gas, by Zeo++ on at most 3 frames (needs "
        "zifsim\\[analysis]; some 10 s each).", rich_help_panel=MORE)] = False,
    energy_pores: Annotated[bool, typer.Option(
        "--energy-pores", help="Pores by free energy, five gases at the paper's temperatures (PP, ZIF-FF charges): the "
        "level at which each percolates, volume and diameters where F is no higher than outside; on at most 3 frames "
        "(some 5 s each per 300 atoms).", rich_help_panel=MORE)] = False,
    bet: Annotated[list[Path] | None, typer.Option(
        "--bet", metavar="ISOTHERM", rich_help_panel=MORE,
        help="Folder of a N2 isotherm at 77 K ('zifsim gcmc'): its BET area too. Repeatable.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.",
                                          rich_help_panel=OUTPUT)] = False,
) -> None:
    """Coordination, pair distributions, angles, tetrahedral order and total scattering, with their spread.

    Of a melt's folder the frames of one segment are analysed, of a structure the atoms as they lie. Values are
    means ± standard deviations over frames; with several files a last column gives those over files.

    Example: zifsim analyse ZIF-62 results/quick/melt/* --out results/structure
    """
    import json

    from zifsim.analysis.bet import BETArea
    from zifsim.analysis.frames import load_frames
    from zifsim.analysis.measured import read_curve
    from zifsim.analysis.summary import AnalysisSettings
    from zifsim.analysis.summary import analyse as analyse_one
    from zifsim.io.results import read_isotherm
    from zifsim.runs.digest import plain, sha256_file

    settings = AnalysisSettings(zn_n_cutoff=cutoff, r_max=r_max, q_max=q_max, q_resolution=q_resolution,
                                lorch=not no_lorch, rings=rings, pores=pores, energy_pores=energy_pores)
    curves = [read_curve(kind, path) for kind, path in map(_kind_and_file, measured or [])]
    areas = [(isotherm, BETArea().compute(isotherm)) for isotherm in map(read_isotherm, bet or [])]
    names = _labels(structures)
    frames = [load_frames(s, segment=segment, every=every, name=name)
              for s, name in zip(structures, names, strict=True)]
    content = {"structures": _sources(structures, names), "segment": segment, "every": every, "settings": settings,
               "measured": {m: sha256_file(Path(_kind_and_file(m)[1])) for m in measured or []},
               "bet": [str(path) for path in bet or []]}
    if out is not None:
        _check_folder(out, content)
    analyses = _with_progress(frames, lambda f: analyse_one(f, settings, curves))
    values = _as_dict(content, analyses)
    if areas:
        values["bet"] = [plain(found) | {"framework": isotherm.framework} for isotherm, found in areas]
    if out is not None:
        _write(out, values, analyses)
    if as_json:
        print(json.dumps(values, indent=2))
        return
    _show(analyses, settings)
    for isotherm, found in areas:
        print(f"BET area of N2 in {isotherm.framework}: {found.area:.1f} ± {found.error:.1f} m²/g ({found.n_points} "
              f"pressures from p/p₀ {found.first:.2g} to {found.last:.2g}; {found.lowest:.0f} to {found.highest:.0f} "
              "with others that fulfil the criteria)")
    if out is not None:
        print(f"tables and pictures: {out}")


def _kind_and_file(text: str) -> tuple[str, str]:
    from zifsim.errors import InputError

    kind, equals, path = text.partition("=")
    if not equals:
        raise InputError(f"--measured {text}: give the kind and the file, as in xray-D=glass.dat.")
    return kind, path


def _labels(arguments: list[str]) -> list[str]:
    """Short names that differ: the last part of each path, with the folder before it where two are alike."""
    from zifsim.errors import InputError

    if len(set(arguments)) < len(arguments):
        raise InputError("a structure is named twice; name each once.")
    short = [Path(a).name if Path(a).is_dir() else Path(a).stem if Path(a).is_file() else a for a in arguments]
    return [s if short.count(s) == 1 else str(Path(a).parent / s) for a, s in zip(arguments, short, strict=True)]


def _sources(arguments: list[str], names: list[str]) -> dict[str, dict[str, str]]:
    """Name -> argument, and the sha256 of its files."""
    from zifsim.io.resources import find_data
    from zifsim.runs.digest import sha256_file

    found = {}
    for name, argument in zip(names, arguments, strict=True):
        path = Path(argument)
        files = ([path / f for f in ("glass.extxyz", "trajectory.dcd", "state.csv")] if path.is_dir()
                 else [find_data("structure", argument, "structures", ".cif")])
        found[name] = {"given": argument} | {f.name: sha256_file(f) for f in files if f.is_file()}
    return found


def _check_folder(out: Path, content: dict[str, Any]) -> None:
    """Raise InputError unless ``out`` is new, empty, or holds this same analysis."""
    from zifsim.errors import InputError
    from zifsim.io.files import read_json
    from zifsim.runs.digest import plain

    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; give a folder with --out.")
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not (out / RESULT).is_file():
        raise InputError(f"{out} holds other files and no analysis; choose a new --out folder.")
    if read_json(out / RESULT).get("asked") != plain(content):
        raise InputError(f"{out} holds another analysis (other structures or settings); choose a new --out folder.")


def _with_progress(frames: list[Any], run: Any) -> list[Analysis]:
    """Analyse one after the other, with a line that says which and how long the rest will take."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(),
                  console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=len(frames))
        done = []
        for f in frames:
            bar.update(task, description=f"{f.name}: {f.description}")
            done.append(run(f))
            bar.advance(task)
    return done


def _as_dict(content: dict[str, Any], analyses: list[Analysis]) -> dict[str, Any]:
    import zifsim
    from zifsim.runs.digest import plain
    from zifsim.runs.record import git_commit, package_versions

    return {
        "zifsim_version": zifsim.__version__, "git_commit": git_commit(), "versions": package_versions(),
        "asked": plain(content),
        "structures": {a.name: {
            "frames": a.n_frames, "which": a.frames.description, "formula": a.frames.framework.formula,
            "source": a.frames.framework.source,
            "quantities": {q.key: q.to_dict() for q in a.quantities},
            "xray_d_maxima_angstrom": a.scattering.xray.peaks().round(4).tolist(),
            "first_peaks": {"–".join(p.pair): {"limits_angstrom": list(p.limits), "maximum_angstrom": p.maximum}
                            for p in a.peaks}} for a in analyses},
        "over_files": {q.key: q.to_dict() for q in _across(analyses)},
    }


def _across(analyses: list[Analysis]) -> list[Quantity]:
    """Every quantity over all files; empty for a single file."""
    from zifsim.analysis.quantity import over_files

    if len(analyses) < 2:
        return []
    return [over_files([q for a in analyses for q in a.quantities if q.key == key]) for key in _keys(analyses)]


def _keys(analyses: list[Analysis]) -> list[str]:
    """The keys of all rows, each where the structure that has most of them has it."""
    order: list[str] = []
    for a in analyses:
        at = 0
        for q in a.quantities:
            if q.key in order:
                at = order.index(q.key) + 1
            else:
                order.insert(at, q.key)
                at += 1
    return order


def _write(out: Path, values: dict[str, Any], analyses: list[Analysis]) -> None:
    from zifsim.io.files import write_bytes_atomic, write_json_atomic
    from zifsim.io.tables import write_csv
    from zifsim.report.chart import CSV_COLUMNS, chart_figure, chart_rows
    from zifsim.report.figures import to_png
    from zifsim.report.structure import structure_charts

    for chart in structure_charts(analyses):
        write_csv(out / f"{chart.name}.csv", CSV_COLUMNS, chart_rows(chart))
        write_bytes_atomic(out / f"{chart.name}.png", to_png(chart_figure(chart)))
    columns = ["structure", "key", "label", "unit", "value", "spread", "basis"]
    rows = [[a.name, *list(q.to_dict().values())] for a in analyses for q in a.quantities]
    write_csv(out / "quantities.csv", columns, rows)
    write_json_atomic(out / RESULT, values)


def _show(analyses: list[Analysis], settings: AnalysisSettings) -> None:
    """A row per quantity, a numbered column per file, and one over all files; as many columns as the screen holds."""
    from rich.console import Console

    console = Console()
    for n, a in enumerate(analyses, start=1):
        console.print(f"{n}  {a.name}: {a.frames.framework.formula}, {a.frames.description}, {a.n_frames} "
                      f"frame{'s' if a.n_frames > 1 else ''}", markup=False, highlight=False, soft_wrap=True)
    keys = _keys(analyses)
    labels = {q.key: f"{q.label}, {q.unit}" if q.unit else q.label for a in analyses for q in a.quantities}
    values = [(str(n), {q.key: q for q in a.quantities}) for n, a in enumerate(analyses, start=1)]
    columns = [[name, *(_cell(found.get(key)) for key in keys)] for name, found in values]
    if len(analyses) > 1:
        columns.append([f"mean ± s.d. of {len(analyses)}", *(_mean_cell(q, len(analyses)) for q in _across(analyses))])
    first = ["", *(labels[key] for key in keys)]
    while columns:
        shown = _fitting([first, *columns], console.width)
        for row in zip(*shown, strict=True):
            print("  ".join([row[0].ljust(_width(first)), *(cell.rjust(_width(column)) for cell, column in
                                                            zip(row[1:], shown[1:], strict=True))]).rstrip())
        columns = columns[len(shown) - 1:]
    for n, a in enumerate(analyses, start=1):
        print(f"{n}: X-ray D(r) has maxima at {', '.join(f'{r:.2f}' for r in a.scattering.xray.peaks())} Å")
    print(f"± is the standard deviation over frames (of D, rates and T_g the standard error).\n"
          f"Metal and N count as bonded within {settings.zn_n_cutoff:g} Å.")


def _width(column: list[str]) -> int:
    return max(len(cell) for cell in column)


def _fitting(columns: list[list[str]], width: int) -> list[list[str]]:
    """The labels and as many of the other columns as fit side by side, one at least."""
    n, used = 1, _width(columns[0])
    while n < len(columns) and (n == 1 or used + 2 + _width(columns[n]) <= width):
        used += 2 + _width(columns[n])
        n += 1
    return columns[:n]


def _mean_cell(quantity: Quantity, n_files: int) -> str:
    """A mean over files, with their number where not all of them have the value (a pore that is shut, say)."""
    text = _cell(quantity)
    return text if text == "–" or (n := quantity.basis.split()[0]) == str(n_files) else f"{text} of {n}"


def _cell(quantity: Quantity | None) -> str:
    """Value ± spread, as many digits as the spread has use for."""
    import math

    if quantity is None or math.isnan(quantity.value):
        return "–"
    if math.isnan(quantity.spread) or quantity.spread < LEAST:
        return f"{quantity.value if abs(quantity.value) > LEAST else 0.0:.4g}"
    digits = max(0, min(5, 1 - math.floor(math.log10(quantity.spread))))
    return f"{quantity.value:.{digits}f} ± {quantity.spread:.{digits}f}"
