"""``zifsim mixture``: a gas mixture in one structure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zifsim.cli import options
from zifsim.cli.terminal import say


def mixture(
    structure: options.Structure,
    composition: Annotated[str, typer.Option(
        "--composition", metavar="GAS=FRACTION,...", rich_help_panel=options.MODEL,
        help="Mole fractions in the gas: CO2=0.15,N2=0.85. A guest model (CO2-EPM2=0.15) or file may name a gas.")],
    temperature: options.Temperature = 273.0,
    pressures: options.Pressures = None,
    forcefield: options.ForceField = "PP",
    charges: options.Charges = None,
    cutoff: options.Cutoff = 12.8,
    truncation: options.Truncation = "truncated",
    coulomb: options.Coulomb = "auto",
    guest_images: options.GuestImages = "nearest",
    metastable: options.Metastable = False,
    error: options.Error = 0.01,
    max_moves: options.MaxMoves = 20_000_000,
    starts: options.Starts = "auto",
    seed: options.Seed = 1,
    threads: options.Threads = 1,
    pure: Annotated[str | None, typer.Option(
        "--pure", metavar="DIR,DIR,...", rich_help_panel=options.OUTPUT,
        help="Results folders of the pure gases' isotherms: what IAST predicts is shown beside the sampled loadings.")
    ] = None,
    extrapolation: Annotated[str, typer.Option(
        "--extrapolation", metavar="NAME", rich_help_panel=options.OUTPUT,
        help="IAST beyond a pure isotherm's last point: error, or langmuir (through its last two points).")] = "error",
    out: Annotated[Path | None, typer.Option(
        "--out", "-o", metavar="DIR", rich_help_panel=options.OUTPUT,
        help="Results folder.", show_default="results/mixture/STRUCTURE_GASES_TEMPERATURE")] = None,
    unit: options.Unit = "mL/g",
    dry_run: options.DryRun = False,
) -> None:
    """Adsorption of a gas mixture by grand canonical Monte Carlo in a rigid framework.

    Writes mixture.csv, mixture.json, mixture.png, record.json: loadings of every gas in every unit, selectivities and
    errors at total pressures. A pressure is done when every gas has the error asked for. Stopped or killed, the same
    command continues to the same numbers; with more pressures or moves, what is finished is used again.

    Example: zifsim mixture ZIF-8 --composition CO2=0.15,N2=0.85 --temperature 298 --pressures 0.1:10:5
    """
    from zifsim.campaign.mixture import MixtureJob
    from zifsim.cli.gcmc import make_settings, parse_pressures, parse_unit
    from zifsim.cli.iast import parse_composition
    from zifsim.cli.isotherm_view import live_table, say_where, with_cells
    from zifsim.cli.mixture_view import MixtureColumns, mixture_lines, print_mixture, print_mixture_plan
    from zifsim.cli.screen import preparing, screen
    from zifsim.io.results import read_isotherm
    from zifsim.runs import devices
    from zifsim.runs.folder import unaltered

    unit_key = parse_unit(unit)
    settings = make_settings(cutoff_angstrom=cutoff, truncation=truncation, guest_coulomb=coulomb, starts=starts,
                             guest_images=guest_images, metastable=metastable,
                             target_relative_error=error, max_moves=max_moves, seed=seed)
    with preparing() as report:
        job = MixtureJob.load(structure, parse_composition(composition), temperature, parse_pressures(pressures or "1"),
                              forcefield, charges, settings, devices.worker_count(threads), report)
    if pure is not None:
        job = job.predict([read_isotherm(unaltered(Path(p.strip()))) for p in pure.split(",")], extrapolation)
    folder = out or job.default_folder
    job.claim.check(folder)
    for line in mixture_lines(job):
        say(line)
    say_where(job.claim, folder)
    if dry_run:
        print_mixture_plan(job)
        return
    columns = MixtureColumns(job, unit_key)
    with screen(folder, live_table(columns)) as report:
        found = job.run(folder, with_cells(report, columns), unit_key)
    print_mixture(found, job, columns)
    say(f"written: {folder}/mixture.csv, mixture.json, mixture.png, record.json")
