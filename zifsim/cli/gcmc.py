"""``zifsim gcmc``: one isotherm of one gas in one structure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zifsim.cli import options
from zifsim.cli.terminal import say

if TYPE_CHECKING:
    from zifsim.gcmc.settings import GCMCSettings

MOST_PRESSURES = 1000
MOST_PRESSURE = 1e6     # bar, or p/p0
LEAST_MOVES = 1000


def gcmc(
    structure: options.Structure,
    gas: Annotated[str, typer.Option(
        "--gas", metavar="NAME", help="H2, CO2, O2, N2, CH4, a guest model (CO2-EPM2) or a guest file.",
        rich_help_panel=options.MODEL)],
    temperature: options.Temperature = 273.0,
    pressures: options.Pressures = None,
    relative_pressures: Annotated[str | None, typer.Option(
        "--relative-pressures", metavar="P/P0", rich_help_panel=options.MODEL,
        help="Instead: pressures over the saturation pressure p0 of the gas, below its critical temperature.")] = None,
    forcefield: options.ForceField = "PP",
    charges: options.Charges = None,
    cutoff: options.Cutoff = 12.8,
    truncation: options.Truncation = "truncated",
    coulomb: options.Coulomb = "auto",
    guest_images: options.GuestImages = "nearest",
    metastable: options.Metastable = False,
    error: options.Error = 0.01,
    max_moves: options.MaxMoves = 20_000_000,
    isotherm: options.Sampled = "pooled",
    starts: options.Starts = "auto",
    flat_histogram: Annotated[bool, typer.Option(
        "--flat-histogram", rich_help_panel=options.SAMPLING,
        help="All pressures from one probability of the number of molecules (transition-matrix sampling, 8 walkers; "
        "--max-moves is of each).")] = False,
    blocked: Annotated[Path | None, typer.Option(
        "--blocked", metavar="DIR", rich_help_panel=options.MODEL,
        help="Close the pores that the gas does not reach at this temperature, by the results of `zifsim access` in "
        "DIR (for its size and time).")] = None,
    seed: options.Seed = 1,
    threads: options.Threads = 1,
    out: Annotated[Path | None, typer.Option(
        "--out", "-o", metavar="DIR", rich_help_panel=options.OUTPUT,
        help="Results folder.", show_default="results/gcmc/STRUCTURE_GAS_TEMPERATURE")] = None,
    unit: options.Unit = "mL/g",
    dry_run: options.DryRun = False,
) -> None:
    """Adsorption isotherm by grand canonical Monte Carlo in a rigid framework.

    Writes isotherm.csv, isotherm.json, isotherm.aif, isotherm.png and record.json: absolute and excess loading in every
    unit, errors, heat of adsorption, Henry coefficient. Stopped or killed, the same command continues to the same
    numbers; with other --pressures, more --max-moves or a smaller --error it uses what is finished there. The first run
    on a machine compiles for half a minute or more before anything is sampled.

    Example: zifsim gcmc ZIF-8 --gas CO2 --temperature 273 --pressures 0.01:1:12
    """
    from zifsim.campaign.isotherm import IsothermJob
    from zifsim.cli.isotherm_view import (
        Columns,
        live_table,
        print_isotherm,
        print_plan,
        say_what_will_run,
        with_cells,
    )
    from zifsim.cli.screen import preparing, screen
    from zifsim.errors import InputError
    from zifsim.runs import devices

    unit_key = parse_unit(unit)
    if flat_histogram and starts != "auto":
        raise InputError("--starts belongs to sampling pressure by pressure; half of the walkers of --flat-histogram "
                         "begin empty and half full, always.")
    settings = make_settings(cutoff_angstrom=cutoff, truncation=truncation, guest_coulomb=coulomb, starts=starts,
                             guest_images=guest_images, metastable=metastable, isotherm=isotherm,
                             target_relative_error=error, max_moves=max_moves, seed=seed)
    pressures_pa = _pressures_pa(pressures, relative_pressures, gas, temperature)
    with preparing() as report:
        job = IsothermJob.load(structure, gas, temperature, pressures_pa, forcefield, charges, settings,
                               devices.worker_count(threads), flat_histogram, blocked, report)
    folder = out or job.default_folder
    job.claim.check(folder)
    say_what_will_run(job, folder)
    if dry_run:
        print_plan(job)
        return
    columns = Columns(job, unit_key)
    with screen(folder, live_table(columns)) as report:
        found = job.run(folder, with_cells(report, columns), unit_key)
    print_isotherm(job, found, columns)
    also = "ln_probability.csv, " if (folder / "ln_probability.csv").is_file() else ""
    say(f"written: {folder}/isotherm.csv, isotherm.json, isotherm.aif, isotherm.png, {also}record.json")


def make_settings(*, max_moves: int, **values: Any) -> GCMCSettings:
    """Settings of a run with so many moves at most.

    Raises
    ------
    InputError: a setting that makes no sense.
    """
    from zifsim.errors import InputError
    from zifsim.gcmc.settings import GCMCSettings

    if max_moves < LEAST_MOVES:
        raise InputError(f"--max-moves {max_moves}: fewer than {LEAST_MOVES} moves say nothing about a loading.")
    return GCMCSettings(min_moves=min(100_000, max_moves), max_moves=max_moves, **values)


def _pressures_pa(absolute: str | None, relative: str | None, gas: str, temperature_k: float) -> list[float]:
    """Pressures in Pa from one of the two options, ``1`` bar where both are left out."""
    from zifsim.errors import InputError
    from zifsim.gcmc.bulk import equation_of_state
    from zifsim.io.guests import load_guest

    if relative is None:
        return parse_pressures("1" if absolute is None else absolute)
    if absolute is not None:
        raise InputError("Give --pressures or --relative-pressures, not both.")
    fractions = parse_series(relative, "--relative-pressures", "p/p0")
    eos = equation_of_state(load_guest(gas, temperature_k=temperature_k), temperature_k)
    saturation = eos.saturation_pressure_pa(temperature_k)
    return [fraction * saturation for fraction in fractions]


def parse_pressures(text: str) -> list[float]:
    """Pa, ascending, from ``0.01,0.1,1`` or ``start:stop:n`` (bar). Raises InputError like :func:`parse_series`."""
    from zifsim.units import BAR_PA

    return [bar * BAR_PA for bar in parse_series(text, "--pressures", "bar")]


def parse_series(text: str, option: str, unit: str) -> list[float]:
    """Positive numbers, ascending, from a list ``0.01,0.1,1`` or a range ``start:stop:n`` (log-spaced).

    Raises
    ------
    InputError: not numbers, not positive, repeated, or fewer than two points in a range; ``option`` is named.
    """
    import numpy as np

    from zifsim.errors import InputError
    from zifsim.limits import shown

    form = f"give a list such as 0.01,0.1,1 or a range such as 0.01:1:12, in {unit}"
    try:
        if ":" in text:
            first, last, number = text.split(":")
            low, high, n = float(first), float(last), int(number)
            if not 0 < low < high <= MOST_PRESSURE or not 2 <= n <= MOST_PRESSURES:
                raise InputError(f"{option} '{text}': start:stop:n needs 0 < start < stop and n from 2 to "
                                 f"{MOST_PRESSURES}.")
            values = [float(f"{p:.6g}") for p in np.geomspace(low, high, n)]
        else:
            values = [float(part) for part in text.split(",")]
            if len(values) > MOST_PRESSURES:
                raise InputError(f"{option} lists {len(values)} pressures; give at most {MOST_PRESSURES}.")
    except (ValueError, OverflowError):
        raise InputError(f"{option} {shown(text)} cannot be read; {form}.") from None
    for value in values:
        if not 0 < value <= MOST_PRESSURE:
            raise InputError(f"{option} '{text}': {value:g} {unit} is not a positive pressure of at most "
                             f"{MOST_PRESSURE:g}; {form}.")
    if len(set(values)) != len(values):
        raise InputError(f"{option} '{text}': a pressure is given twice; {form}.")
    return sorted(values)


def parse_unit(text: str) -> str:
    """The unit (a key of units.LOADING_UNITS) that a user wrote: ``mL/g``, ``mL(STP)/g``, ``wt%``, ``mol/kg``, …

    Raises
    ------
    UnknownNameError: none of the units; the known ones are listed.
    """
    from zifsim.errors import UnknownNameError
    from zifsim.units import LOADING_UNITS

    known = {"mol/kg": "mol_kg", "mmol/g": "mmol_g", "mL/g": "ml_stp_g", "wt%": "wt_percent",
             "molecules/unit-cell": "molecules_per_unit_cell", "molecules/supercell": "molecules_per_supercell"}
    named = {_squeezed(name): key for name, key in known.items()}
    named |= {_squeezed(label): key for key, label in LOADING_UNITS.items()} | {key: key for key in LOADING_UNITS}
    if _squeezed(text) in named:
        return named[_squeezed(text)]
    raise UnknownNameError("--unit", text, known)


def _squeezed(name: str) -> str:
    """Lower case without blanks and hyphens; ``cm3`` and ``cc`` are mL."""
    return name.lower().replace(" ", "").replace("-", "").replace("cm3", "ml").replace("cc", "ml").replace("(stp)", "")
