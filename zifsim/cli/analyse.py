"""``zifsim analyse``: structure, scattering and dynamics of crystals, melts and glasses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zifsim import limits
from zifsim.cli.options import OUTPUT, within
from zifsim.cli.terminal import console, say

if TYPE_CHECKING:
    from zifsim.analysis.quantity import Quantity
    from zifsim.analysis.result import AnalysisResult

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
    every: Annotated[int, typer.Option("--every", metavar="N", help="Take every N-th frame.",
                                         callback=within(limits.COUNT))] = 1,
    cutoff: Annotated[float, typer.Option(
        "--cutoff", metavar="Å", callback=within(limits.BOND_DISTANCE),
        help="Metal and N closer than this are bonded.")] = 2.6,
    r_max: Annotated[float, typer.Option("--r-max", metavar="Å", help="Reach of g(r).",
                                           callback=within(limits.PAIR_DISTANCE))] = 12.0,
    q_max: Annotated[float, typer.Option(
        "--q-max", metavar="Å⁻¹", callback=within(limits.WAVE_NUMBER),
        help="End of the transform to D(r).", rich_help_panel=SCATTERING)] = 25.0,
    q_resolution: Annotated[float, typer.Option(
        "--q-resolution", metavar="Å⁻¹", callback=within(limits.RESOLUTION),
        help="Instrument's resolution (s.d.) that S(Q) is folded with.",
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
    from contextlib import nullcontext

    from zifsim.analysis.measured import read_curve
    from zifsim.analysis.summary import AnalysisSettings
    from zifsim.campaign.analysis_job import AnalysisJob, run_analysis_job
    from zifsim.cli.screen import preparing, screen
    from zifsim.io.results import read_isotherm
    from zifsim.runs.folder import unaltered
    from zifsim.runs.progress import silent

    settings = AnalysisSettings(zn_n_cutoff=cutoff, r_max=r_max, q_max=q_max, q_resolution=q_resolution,
                                lorch=not no_lorch, rings=rings, pores=pores, energy_pores=energy_pores)
    curves = [read_curve(kind, path) for kind, path in map(_kind_and_file, measured or [])]
    with preparing() as report:
        job = AnalysisJob.load(structures, settings, segment=segment, every=every, measured=curves,
                               bet=[read_isotherm(unaltered(path)) for path in bet or []], report=report)
    if out is not None:
        job.claim.check(out)
    with nullcontext(silent) if as_json else screen(out) as report:
        result = job.result(job.compute(report)) if out is None else run_analysis_job(job, out, report)
    if as_json:
        say(json.dumps(result.to_dict(), indent=2))
        return
    _show(result, cutoff)
    for framework, found in result.bet:
        say(f"BET area of N2 in {framework}: {found.area:.1f} ± {found.error:.1f} m²/g ({found.n_points} "
            f"pressures from p/p₀ {found.first:.2g} to {found.last:.2g}; {found.lowest:.0f} to {found.highest:.0f} "
            "with others that fulfil the criteria)")
    if out is not None:
        say(f"tables and pictures: {out}")


def _kind_and_file(text: str) -> tuple[str, str]:
    from zifsim.errors import InputError

    kind, equals, path = text.partition("=")
    if not equals:
        raise InputError(f"--measured {text}: give the kind and the file, as in xray-D=glass.dat.")
    return kind, path


def _show(result: AnalysisResult, cutoff: float) -> None:
    """A row per quantity, a numbered column per file, and one over all files; as many columns as the screen holds."""

    screen, structures, over_files = console(), result.structures, result.over_files
    for n, one in enumerate(structures, start=1):
        say(f"{n}  {one.name}: {one.formula}, {one.which}, {one.frames} frame{'s' if one.frames > 1 else ''}")
    labels = {q.key: f"{q.label}, {q.unit}" if q.unit else q.label for one in structures for q in one.quantities}
    values = [(str(n), {q.key: q for q in one.quantities}) for n, one in enumerate(structures, start=1)]
    columns = [[name, *(_cell(found.get(key)) for key in result.keys)] for name, found in values]
    if over_files:
        columns.append([f"mean ± s.d. of {len(structures)}", *(_mean_cell(q, len(structures)) for q in over_files)])
    first = ["", *(labels[key] for key in result.keys)]
    while columns:
        shown = _fitting([first, *columns], screen.width)
        for row in zip(*shown, strict=True):
            say("  ".join([row[0].ljust(_width(first)), *(cell.rjust(_width(column)) for cell, column in
                                                            zip(row[1:], shown[1:], strict=True))]).rstrip())
        columns = columns[len(shown) - 1:]
    if len(result.compositions) > 1:
        say(f"no means over files: they are different materials ({', '.join(result.compositions)}).")
    for n, one in enumerate(structures, start=1):
        say(f"{n}: X-ray D(r) has maxima at {', '.join(f'{r:.2f}' for r in one.xray_d_maxima_angstrom)} Å")
    say("± is the standard deviation over frames (of D, rates and T_g the standard error).\n"
        f"Metal and N count as bonded within {cutoff:g} Å.")


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
