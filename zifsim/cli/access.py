"""``zifsim access``: which pores a gas reaches within the time of an experiment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zifsim.cli import options

if TYPE_CHECKING:
    from zifsim.access.result import GasAccess
    from zifsim.access.run import AccessSettings
    from zifsim.model.framework import Framework
    from zifsim.model.guest import GuestModel

# The measurements of Longley et al. 2019, doi:10.1039/c8sc04044c.
PAPER_GASES = "H2@77,CO2@273,O2@273,N2@77,CH4@273"
SNAPSHOTS = "Snapshots"
MOST_OPEN = 3.0     # kJ/mol between the ends of a led molecule's path


def access(
    structure: options.Structure,
    gas: Annotated[str, typer.Option(
        "--gas", metavar="NAME[@K],...", rich_help_panel=options.MODEL,
        help="Gases (or guest models or files), each with its temperature: N2@77,N2@195.")] = PAPER_GASES,
    temperature: Annotated[float, typer.Option(
        "--temperature", "-T", metavar="K", help="Of gases named without one.", rich_help_panel=options.MODEL)] = 273.0,
    forcefield: options.ForceField = "PP",
    charges: options.Charges = "ZIF-FF",
    cutoff: options.Cutoff = 12.8,
    spacing: Annotated[float, typer.Option(
        "--spacing", metavar="Å", rich_help_panel=options.MODEL,
        help="Nodes of the free-energy grid; a small rigid cell gets twice as many along each axis.")] = 0.2,
    size_um: Annotated[float, typer.Option(
        "--size-um", metavar="µm", help="Diameter of the particles.", rich_help_panel="Experiment")] = 10.0,
    hours: Annotated[float, typer.Option(
        "--hours", metavar="h", help="Time they are given.", rich_help_panel="Experiment")] = 1.0,
    pressure: Annotated[float | None, typer.Option(
        "--pressure", "-p", metavar="BAR", rich_help_panel="Experiment",
        help="Sample the loading at this pressure too, with all pores and with the blocked ones closed.")] = None,
    snapshots: Annotated[str | None, typer.Option(
        "--snapshots", metavar="N|DIR", rich_help_panel=SNAPSHOTS,
        help="Windows that breathe: make N snapshots, 1 ps apart, by molecular dynamics (hundreds are needed), or read "
        "a DCD file or the last segment of a run's folder.", show_default="the rigid framework alone")] = None,
    snapshot_temperature: Annotated[float | None, typer.Option(
        "--snapshot-temperature", metavar="K", help="Of the framework in the snapshots made.",
        rich_help_panel=SNAPSHOTS, show_default="that of the gases; 300 where they have several")] = None,
    dynamics: Annotated[str, typer.Option(
        "--dynamics", metavar="NAME", rich_help_panel=SNAPSHOTS,
        help="Force field of the snapshots made: ZIF-FF for crystals, nb-ZIF-FF-s for glasses.")] = "ZIF-FF",
    umbrella_ps: Annotated[float, typer.Option(
        "--umbrella-ps", metavar="PS", rich_help_panel=SNAPSHOTS, show_default="not led",
        help="Lead each gas through the moving windows along the best path of the average, PS at each of 50 to 110 "
        "places (12 is fair; half an hour of a core per gas): barriers that need no rare opening.")] = 0.0,
    platform: Annotated[str, typer.Option(
        "--platform", metavar="NAME", help="auto, CUDA, HIP, OpenCL or CPU.", rich_help_panel=SNAPSHOTS)] = "auto",
    seed: options.Seed = 1,
    threads: Annotated[int, typer.Option(
        "--threads", metavar="N", min=1, help="Threads.", rich_help_panel=options.SAMPLING)] = 1,
    out: Annotated[Path | None, typer.Option(
        "--out", "-o", metavar="DIR", rich_help_panel=options.OUTPUT, help="Results folder.",
        show_default="results/access/STRUCTURE")] = None,
) -> None:
    """Which pores a gas reaches in the time of an experiment: barriers, diffusion, fill times, accessible share.

    Writes access.csv, access.json, access.png, blocked.npz (the pores out of reach, for `zifsim gcmc --blocked`) and
    record.json; `zifsim compare --access` puts the accessible loading beside the experiment. With --snapshots N the run
    and every finished part of the average are kept in the folder, and the same command continues.

    Example: zifsim access ZIF-62 --gas N2@77,N2@195 --snapshots 200 --out results/access/zif-62
    """
    from zifsim.access.figure import access_png
    from zifsim.access.filling import Experiment
    from zifsim.access.run import AccessSettings, framework_access
    from zifsim.access.umbrella import UmbrellaSettings
    from zifsim.crystals.load import load_framework
    from zifsim.errors import InputError
    from zifsim.gcmc.settings import GCMCSettings
    from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
    from zifsim.io.melt_forcefields import load_melt_forcefield
    from zifsim.runs.digest import plain
    from zifsim.runs.record import start_record

    guests = parse_guests(gas, temperature)
    if umbrella_ps and snapshots is None:
        raise InputError("--umbrella-ps follows the best path of an average over snapshots: add --snapshots.")
    led = UmbrellaSettings(umbrella_ps, load_melt_forcefield(dynamics), seed, platform, threads) if umbrella_ps else None
    settings = AccessSettings(experiment=Experiment(size_um, hours), pressure_bar=pressure, gcmc=GCMCSettings(
        cutoff_angstrom=cutoff, grid_spacing_angstrom=spacing, seed=seed))
    framework, parameters = load_framework(structure), load_adsorption_forcefield(forcefield)
    if any(model.has_charges for model, _ in guests):
        framework = assign_charges(framework, load_charge_set(charges))
    folder = out or Path("results/access") / framework.name
    check_folder(folder, framework, guests)
    frames: list[Framework] = []
    of_k = None
    if snapshots is not None:
        made_at = snapshot_temperature
        if made_at is None and snapshots.isdigit():
            made_at = _common_temperature([t for _, t in guests])
        frames, of_k = _snapshots(snapshots, framework, dynamics, made_at or 300.0, folder, seed, threads, platform)
    record = start_record("access", seed=seed, settings=plain(settings) | {
        "forcefield": forcefield, "charges": charges, "snapshots": snapshots, "dynamics": dynamics,
        "snapshot_temperature_k": of_k, "umbrella_ps": umbrella_ps or None},
        inputs_sha256={"framework": framework.content_hash()})
    _say_what(framework, guests, settings, len(frames), of_k)
    with _stopped_by_signals():
        results = framework_access(framework, guests, parameters, settings, snapshots=frames,
                                   snapshot_temperature_k=of_k, umbrella=led, threads=threads, folder=folder / "average",
                                   progress=_Told(), umbrella_progress=_Told("places on the way"))
    print_results(results)
    _write(folder, framework, results, record, access_png(results, f"{framework.name}: {len(frames)} snapshots"
                                                          if frames else f"{framework.name}, rigid"))


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


def check_folder(folder: Path, framework: Framework, guests: list[tuple[GuestModel, float]]) -> None:
    """Raise InputError unless ``folder`` is new, empty, or holds results of this command for this framework and none
    but these gases: others would be lost."""
    from zifsim.access.stored import RESULT, read_access
    from zifsim.errors import InputError

    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give a folder with --out.")
    held = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if held and not held & {"access.json", "snapshots", "average"}:
        raise InputError(f"{folder} holds other files; choose a new --out folder.")
    if RESULT not in held:
        return
    stored = read_access(folder)
    if {one.framework for one in stored} != {framework.name}:
        raise InputError(f"{folder} holds results of {stored[0].framework}, not of {framework.name}; choose another "
                         "--out folder.")
    asked = {(model.name, t) for model, t in guests}
    lost = {f"{one.guest_model}@{one.temperature_k:g}": None for one in stored
            if (one.guest_model, one.temperature_k) not in asked}
    if lost:
        raise InputError(f"{folder} holds results of {', '.join(lost)}, which this run would overwrite; name "
                         f"{'it' if len(lost) == 1 else 'them'} in --gas too, or choose another --out folder.")


def _common_temperature(temperatures_k: list[float]) -> float:
    """Of the framework for gases of these temperatures: theirs if they share one, else 300 K, said aloud."""
    different = sorted(set(temperatures_k))
    if len(different) == 1:
        return different[0]
    print(f"Gases of {', '.join(f'{t:g}' for t in different)} K share snapshots of 300 K, whose windows open too wide "
          "for the colder ones. Run each temperature by itself, or name one with --snapshot-temperature.")
    return 300.0


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """SIGTERM and SIGUSR1 end the run with exit code 75: finished blocks and places are on disk."""
    import signal

    from zifsim.errors import RunInterrupted

    def stop(number: int, frame: object) -> None:
        raise RunInterrupted(f"by {signal.Signals(number).name}; the same command continues")

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGUSR1)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _snapshots(wanted: str, framework: Framework, dynamics: str, temperature_k: float, folder: Path, seed: int,
               threads: int, platform: str) -> tuple[list[Framework], float | None]:
    """Snapshots made (a number) or read (a path), and the temperature of those made."""
    from zifsim.access.snapshots import make_snapshots, read_snapshots
    from zifsim.io.melt_forcefields import load_melt_forcefield

    if not wanted.isdigit():
        return read_snapshots(Path(wanted), framework), None
    told = _Told("dynamics, steps")
    make_snapshots(framework, load_melt_forcefield(dynamics), temperature_k, int(wanted), folder / "snapshots",
                   seed=seed, threads=threads, platform=platform, say=print,
                   progress=lambda step, total, info: told(step, total))
    return read_snapshots(folder / "snapshots", framework), temperature_k


class _Told:
    """Says every tenth of the way how far it is and how long the rest will take."""

    def __init__(self, what: str = "snapshots averaged") -> None:
        import time

        self._what, self._clock, self._tenths = what, time.monotonic, 0
        self._start: tuple[float, int] | None = None

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        self._start = self._start or (now, done)
        tenths = 10 * done // total
        if tenths < self._tenths:               # another gas begins
            self._tenths, self._start = tenths, (now, done)
        if tenths > self._tenths:
            gone, since = now - self._start[0], done - self._start[1]
            left = f", {gone / since * (total - done) / 60:.0f} min left" if since and done < total else ""
            print(f"{self._what}: {done} of {total}{left}", flush=True)
            self._tenths = tenths


def _say_what(framework: Framework, guests: list[tuple[GuestModel, float]], settings: AccessSettings,
              n_frames: int, of_k: float | None) -> None:
    named = ", ".join(f"{m.name} {t:g} K" for m, t in guests)
    experiment = settings.experiment
    print(f"{framework.name}: {framework.formula}, {framework.density_g_cm3:.3f} g/cm³, "
          f"{f'{n_frames} snapshots' if n_frames else 'rigid'}{'' if of_k is None else f' at {of_k:g} K'}\n{named}\n"
          f"experiment: particles of {experiment.size_um:g} µm, {experiment.hours:g} h")


def print_results(results: list[GasAccess]) -> None:
    """The table, and what to make of it."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from zifsim.access.result import time_text

    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))     # fits 80 characters
    for name in ("gas", "framework", "barrier\nkJ/mol", "D\nm²/s", f"{results[0].size_um:g} µm\nin",
                 f"share\nin {results[0].hours:g} h", "share\nin band"):
        table.add_column(name, justify="left" if name in ("gas", "framework") else "right")
    with_loading = any(r.loading for r in results)
    if with_loading:
        table.add_column("mL/g, all\n/ reached", justify="right")
    for r in results:
        low, high = r.accessible_range
        row = [f"{r.gas} {r.temperature_k:g} K", r.kind, _number(r.barrier_kj_mol, r.barrier_band),
               f"{r.diffusion_m2_s:.0e}", time_text(r.fill_time_s), f"{r.accessible_fraction:.2g}", f"{low:.1g}–{high:.1g}"]
        if with_loading and r.loading:
            row.append(f"{r.loading.equilibrium:.1f} / {r.loading.accessible:.1f}")
        table.add_row(*row)
    Console().print(table)
    print("D and fill times: transition-state theory at vanishing loading, so D is an upper bound. Share: of the "
          "equilibrium loading. Band: 1 µm to 1 mm, 6 min to 24 h.")
    led = {(r.gas, r.temperature_k) for r in results if r.umbrella}
    for r in results:
        if r.umbrella is not None:
            print(f"{r.gas} {r.temperature_k:g} K, led along {r.umbrella.axis}: {r.umbrella.barrier_kj_mol:.1f} ± "
                  f"{r.umbrella.error_kj_mol:.1f} kJ/mol, the average has {r.umbrella.averaged_kj_mol:.1f} on the same path; the "
                  f"two ends of the path, which should be equal, differ by {abs(r.umbrella.closure_kj_mol):.1f}; "
                  f"{r.umbrella.places} places of {r.umbrella.ps:g} ps.")
            if abs(r.umbrella.closure_kj_mol) > MOST_OPEN:
                print("The framework changed on the way, or the time is too short: use a longer --umbrella-ps.")
        elif r.largest_snapshot is not None and r.largest_snapshot > 0.3:
            print(f"{r.gas} {r.temperature_k:g} K: one snapshot makes {100 * r.largest_snapshot:.0f} % of the average "
                  "at the bottleneck: too few snapshots" + ("." if (r.gas, r.temperature_k) in led else
                                                           ", the barrier is an upper bound; "
                                                           "--umbrella-ps needs no rare opening."))


def _number(value: float, band: tuple[float, float]) -> str:
    import math

    if not math.isfinite(value):
        return "closed"
    return f"{value:.1f}" if band[0] == band[1] else f"{value:.1f} ({band[0]:.1f}–{band[1]:.1f})"


def _write(folder: Path, framework: Framework, results: list[GasAccess], record: Any, picture: bytes) -> None:
    from zifsim.access.stored import write_access
    from zifsim.io.files import write_bytes_atomic
    from zifsim.runs.digest import sha256_file
    from zifsim.runs.record import finish_record, write_record

    written = write_access(folder, framework, results, record.settings, record.zifsim_version)
    write_bytes_atomic(folder / "access.png", picture)
    names = (*written, "access.png")
    write_record(folder, finish_record(record, {name: sha256_file(folder / name) for name in names}))
    print(f"written: {folder}/{', '.join(names)}, record.json")
