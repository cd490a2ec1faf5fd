"""``zifsim access``: which pores a gas reaches within the time of an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zifsim import limits
from zifsim.cli import options
from zifsim.cli.options import within
from zifsim.cli.terminal import console, say

if TYPE_CHECKING:
    from zifsim.access.result import GasAccess
    from zifsim.campaign.access_job import AccessJob
    from zifsim.model.guest import GuestModel

# The measurements of Longley et al. 2019, doi:10.1039/c8sc04044c.
PAPER_GASES = "H2@77,CO2@273,O2@273,N2@77,CH4@273"
SNAPSHOTS = "Snapshots"
MOST_OPEN = 3.0     # kJ/mol between the ends of a path of umbrella sampling


def access(
    structure: options.Structure,
    gas: Annotated[str, typer.Option(
        "--gas", metavar="NAME[@K],...", rich_help_panel=options.MODEL,
        help="Gases (or guest models or files), each with its temperature: N2@77,N2@195.")] = PAPER_GASES,
    temperature: Annotated[float, typer.Option(
        "--temperature", "-T", metavar="K", help="Of gases named without one.", rich_help_panel=options.MODEL,
        callback=within(limits.TEMPERATURE))] = 273.0,
    forcefield: options.ForceField = "PP",
    charges: options.Charges = None,
    cutoff: options.Cutoff = 12.8,
    spacing: Annotated[float, typer.Option(
        "--spacing", metavar="Å", rich_help_panel=options.MODEL, callback=within(limits.ACCESS_SPACING),
        help="Nodes of the free-energy grid; a small rigid cell gets twice as many along each axis.")] = 0.2,
    size_um: Annotated[float, typer.Option(
        "--size-um", metavar="µm", help="Diameter of the particles.", rich_help_panel="Experiment",
        callback=within(limits.PARTICLE_SIZE))] = 10.0,
    hours: Annotated[float, typer.Option(
        "--hours", metavar="h", help="Time they are given.", rich_help_panel="Experiment",
        callback=within(limits.HOURS))] = 1.0,
    pressure: Annotated[float | None, typer.Option(
        "--pressure", "-p", metavar="BAR", rich_help_panel="Experiment", callback=within(limits.GAS_PRESSURE),
        help="Sample the loading at this pressure too, with all pores and with the blocked ones closed.")] = None,
    snapshots: Annotated[str | None, typer.Option(
        "--snapshots", metavar="N|DIR", rich_help_panel=SNAPSHOTS,
        help="Windows that breathe: make N snapshots, 1 ps apart, by molecular dynamics (hundreds are needed), or read "
        "a DCD file or the last segment of a run's folder.", show_default="the rigid framework alone")] = None,
    snapshot_temperature: Annotated[float | None, typer.Option(
        "--snapshot-temperature", metavar="K", callback=within(limits.TEMPERATURE),
        help="Of the framework in the snapshots made, one for all gases.",
        rich_help_panel=SNAPSHOTS, show_default="that of each gas, a set of snapshots for each")] = None,
    dynamics: Annotated[str, typer.Option(
        "--dynamics", metavar="NAME", rich_help_panel=SNAPSHOTS,
        help="Force field of the snapshots made: ZIF-FF for crystals, nb-ZIF-FF-s for glasses.")] = "ZIF-FF",
    umbrella_ps: Annotated[float, typer.Option(
        "--umbrella-ps", metavar="PS", rich_help_panel=SNAPSHOTS, show_default="none",
        callback=within(limits.DURATION),
        help="Umbrella sampling of each gas along the best path of the average, PS at each of 50 to 110 places (12 is "
        "fair; half an hour of a core per gas): barriers that need no rare opening of a window.")] = 0.0,
    led_ps: Annotated[float, typer.Option("--led-ps", hidden=True, callback=within(limits.DURATION))] = 0.0,
    platform: Annotated[str, typer.Option(
        "--platform", metavar="NAME", help="auto, CUDA, HIP, OpenCL or CPU.", rich_help_panel=SNAPSHOTS)] = "auto",
    seed: options.Seed = 1,
    threads: Annotated[int, typer.Option(
        "--threads", metavar="N", callback=within(limits.SOME_THREADS),
        help="Threads.", rich_help_panel=options.SAMPLING)] = 1,
    out: Annotated[Path | None, typer.Option(
        "--out", "-o", metavar="DIR", rich_help_panel=options.OUTPUT, help="Results folder.",
        show_default="results/access/STRUCTURE")] = None,
) -> None:
    """Which pores a gas reaches in the time of an experiment: barriers, diffusion, fill times, accessible fraction.

    Writes access.csv, access.json, access.png, blocked.npz (the pores out of reach, for `zifsim gcmc --blocked`) and
    record.json; `zifsim compare --access` puts the accessible loading beside the experiment. With --snapshots N the
    dynamics and every finished part of an average are kept in the folder: the same command continues, and so does one
    with more gases.

    Example: zifsim access ZIF-62 --gas N2@77,N2@195 --snapshots 200 --out results/access/zif-62
    """
    from zifsim.access.filling import Experiment
    from zifsim.access.run import AccessSettings
    from zifsim.campaign.access_job import AccessJob, run_access_job
    from zifsim.cli.screen import preparing, screen
    from zifsim.gcmc.settings import GCMCSettings

    if led_ps:
        say("--led-ps is now called --umbrella-ps.", error=True)
        umbrella_ps = umbrella_ps or led_ps
    settings = AccessSettings(experiment=Experiment(size_um, hours), pressure_bar=pressure, gcmc=GCMCSettings(
        cutoff_angstrom=cutoff, grid_spacing_angstrom=spacing, seed=seed))
    with preparing() as report:
        job = AccessJob.load(structure, parse_guests(gas, temperature), forcefield, charges, settings,
                             snapshots=snapshots, snapshot_temperature_k=snapshot_temperature, dynamics=dynamics,
                             umbrella_ps=umbrella_ps, platform=platform, threads=threads, report=report)
    folder = out or job.default_folder
    job.check(folder)
    _say_what(job)
    with screen(folder) as report:
        results = run_access_job(job, folder, report)
    print_results(results)
    _say_notes(job)
    say(f"written: {folder}/access.csv, access.json, access.png, blocked.npz, record.json")


def parse_guests(text: str, temperature_k: float) -> list[tuple[GuestModel, float]]:
    """Guests and temperatures from ``N2@77,CO2``.

    Raises
    ------
    InputError, UnknownNameError: no such gas, or a temperature that is no positive number.
    """
    from zifsim.errors import InputError
    from zifsim.io.guests import load_guest

    guests = []
    for part in text.split(","):
        name, at, kelvin = part.strip().partition("@")
        try:
            of_k = float(kelvin) if at else temperature_k
        except ValueError:
            raise InputError(f"--gas '{part.strip()}': '{kelvin}' is no temperature; write a gas as N2 or "
                             "N2@77.") from None
        guests.append((load_guest(name, temperature_k=of_k), of_k))
    if len({(m.name, t) for m, t in guests}) != len(guests):
        raise InputError(f"--gas '{text}' names a gas twice at one temperature.")
    return guests


def _say_what(job: AccessJob) -> None:
    framework, experiment = job.framework, job.settings.experiment
    named = ", ".join(f"{m.name} {t:g} K" for m, t in job.guests)
    at = ", ".join(f"{at_k:g}" for at_k in job.sets if at_k is not None)
    say(f"{framework.name}: {framework.formula}, {framework.density_g_cm3:.3f} g/cm³, "
        f"{f'{job.n_snapshots} snapshots' if job.n_snapshots else 'rigid'}{f' at {at} K' if at else ''}\n"
        f"{framework.name}: {framework.source}\n{named}\n"
        f"experiment: particles of {experiment.size_um:g} µm, {experiment.hours:g} h")
    _say_notes(job)


def _say_notes(job: AccessJob) -> None:
    for note in job.notes:
        say(f"note: {note}")


def print_results(results: list[GasAccess]) -> None:
    """The table, and what to make of it."""
    from rich import box
    from rich.table import Table

    from zifsim.access.result import time_text

    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))     # fits 80 characters
    for name in ("gas", "framework", "barrier\nkJ/mol", "D\nm²/s", f"{results[0].size_um:g} µm\nin",
                 f"reached\nin {results[0].hours:g} h", "reached\nin band"):
        table.add_column(name, justify="left" if name in ("gas", "framework") else "right")
    with_loading = any(r.loading for r in results)
    if with_loading:
        table.add_column("mL/g, all\n/ reached", justify="right")
    for r in results:
        low, high = r.accessible_range
        row = [f"{r.gas} {r.temperature_k:g} K", r.kind, _number(r.barrier_kj_mol, r.barrier_band),
               f"{r.diffusion_m2_s:.0e}", time_text(r.fill_time_s), f"{r.accessible_fraction:.2g}",
               f"{low:.1g}–{high:.1g}"]
        if with_loading and r.loading:
            row.append(f"{r.loading.equilibrium:.1f} / {r.loading.accessible:.1f}")
        table.add_row(*row)
    console().print(table)
    say("D and fill times: transition-state theory at vanishing loading, so D is an upper bound. Reached: "
        "fraction of the equilibrium loading. Band: 1 µm to 1 mm, 6 min to 24 h.")
    sampled = {(r.gas, r.temperature_k) for r in results if r.umbrella}
    for r in results:
        if (found := r.umbrella) is not None:
            say(f"{r.gas} {r.temperature_k:g} K, umbrella sampling along {found.axis}: {found.barrier_kj_mol:.1f} ± "
                f"{found.error_kj_mol:.1f} kJ/mol, the average has {found.averaged_kj_mol:.1f} on the same path; the "
                f"two ends of the path, which should be equal, differ by {abs(found.closure_kj_mol):.1f}; "
                f"{found.places} places of {found.ps:g} ps.")
            if abs(found.closure_kj_mol) > MOST_OPEN:
                say("The framework changed on the way, or the time is too short: use a longer --umbrella-ps.")
        elif r.largest_snapshot is not None and r.largest_snapshot > 0.3:
            say(f"{r.gas} {r.temperature_k:g} K: one snapshot makes {100 * r.largest_snapshot:.0f} % of the average "
                "at the bottleneck: too few snapshots" + ("." if (r.gas, r.temperature_k) in sampled else
                                                           ", the barrier is an upper bound; "
                                                           "--umbrella-ps needs no rare opening."))


def _number(value: float, band: tuple[float, float]) -> str:
    import math

    if not math.isfinite(value):
        return "closed"
    return f"{value:.1f}" if band[0] == band[1] else f"{value:.1f} ({band[0]:.1f}–{band[1]:.1f})"
