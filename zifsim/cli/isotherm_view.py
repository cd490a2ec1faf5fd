"""Isotherms as a user sees them: what will be run, a table that fills, the finished table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from zifsim.cli.terminal import console, say
from zifsim.io.tables import like_its_error, with_error

if TYPE_CHECKING:
    from rich.table import Table

    from zifsim.campaign.adsorption import JobCost
    from zifsim.campaign.isotherm import BulkState, IsothermJob
    from zifsim.gcmc.settings import GCMCSettings
    from zifsim.model.uptake import Isotherm, LoadingPoint
    from zifsim.runs.folder import Claim
    from zifsim.runs.progress import Event, Report, Tracker

PLAIN_WIDTH = 180
PROGRESS = "progress"       # the column that says how far a pressure is, and in the end whether it is known well enough
BAR = 1e5
MOVE_LIMIT, NOT_EQUILIBRATED, NO_ROOM = "move limit", "not equilibrated", "no room for the gas"


class TableColumns(Protocol):
    """The columns of a table with a row per pressure; ``bulk`` has the pressures, Pa."""

    names: tuple[str, ...]

    @property
    def bulk(self) -> Mapping[float, Any]: ...
    def cells(self, pressure_pa: float, row: Mapping[str, Any]) -> tuple[str, ...]: ...
    def table(self, title: str, rows: Mapping[float, Mapping[str, Any]]) -> Table: ...


def live_table(columns: TableColumns) -> Callable[[Tracker], Table]:
    """The table that fills while a run goes on."""
    from zifsim.gcmc.branches import pressure_name

    def table(tracker: Tracker) -> Table:
        parts = {pressure: tracker.parts.get(pressure_name(pressure)) for pressure in columns.bulk}
        return columns.table("", {pressure: {"fraction": part.fraction, **part.values} if part else {"fraction": 0.0}
                                  for pressure, part in parts.items()})
    return table


def with_cells(report: Report, columns: TableColumns) -> Report:
    """A report that says of a finished pressure what its row of the table does."""
    def tell(event: Event) -> None:
        if "point" in event.values:
            pressure = nearest(columns.bulk, event.values["pressure_pa"])
            cells = zip(columns.names[1:], columns.cells(pressure, event.values)[1:], strict=True)
            said = [cell if name == PROGRESS else f"{name} {cell}" for name, cell in cells
                    if cell and (name, cell) != (PROGRESS, "done")]
            event = replace(event, message=", ".join(said))
        report(event)
    return tell


def nearest(pressures: Iterable[float], pressure_pa: float) -> float:
    """The pressure among them that is meant (a kept one may differ in its last digits)."""
    return min(pressures, key=lambda p: abs(p - pressure_pa))


class Columns:
    """The columns of an isotherm's tables and the cells of a pressure in them."""

    def __init__(self, job: IsothermJob, unit: str) -> None:
        from zifsim.units import LOADING_UNITS, loading_factor

        cost = job.cost
        self.target = job.settings.target_relative_error
        self.bulk: dict[float, BulkState] = {state.pressure_pa: state for state in job.bulk}
        self.both = job.both_starts or job.flat_histogram
        self.relative = any(not math.isnan(s.p_over_p0) for s in job.bulk)
        self.factor = loading_factor(
            unit, molar_mass_g_mol=job.guest.molar_mass_g_mol, unit_cell_mass_amu=job.framework.mass_amu,
            unit_cells=math.prod(cost.repeats))
        label = LOADING_UNITS[unit]
        self.names = ("pressure, bar", *(("p/p₀",) if self.relative else ()), PROGRESS, "moves",
                      "molecules/supercell", f"absolute, {label}", f"excess, {label}", "heat, kJ/mol",
                      *((f"from empty, {label}", f"from full, {label}") if self.both else ()))

    def cells(self, pressure_pa: float, row: Mapping[str, Any]) -> tuple[str, ...]:
        """A pressure while it runs (``fraction``, ``moves``, ``molecules``) or once it is there (``point``)."""
        point: LoadingPoint | None = row.get("point")
        first = (f"{pressure_pa / BAR:.4g}",
                 *((f"{self.bulk[pressure_pa].p_over_p0:.4g}",) if self.relative else ()))
        if point is None:
            molecules = f"{row['molecules']:.2f}" if "molecules" in row else ""
            return (*first, f"{row['fraction']:.0%}", str(row.get("moves", "")), molecules,
                    *("" for _ in self.names[len(first) + 3:]))
        error = point.loading_error_mol_kg * self.factor
        return (*first, state_of(point, self.target), str(point.n_moves),
                with_error(point.molecules_per_cell, point.molecules_per_cell_error),
                with_error(point.loading_mol_kg * self.factor, error),
                with_error(point.excess_mol_kg * self.factor, error),
                "–" if math.isnan(point.heat_of_adsorption_kj_mol) else
                with_error(point.heat_of_adsorption_kj_mol, point.heat_of_adsorption_error_kj_mol),
                *((like_its_error(point.from_empty_mol_kg * self.factor, error),
                   like_its_error(point.from_full_mol_kg * self.factor, error)) if self.both else ()))

    def table(self, title: str, rows: Mapping[float, Mapping[str, Any]]) -> Table:
        from rich.table import Table

        table = Table(title=title, title_justify="left")
        for name in self.names:
            table.add_column(name, justify="right")
        for pressure, row in rows.items():
            table.add_row(*self.cells(pressure, row))
        return table


def state_of(point: LoadingPoint, target_relative_error: float) -> str:
    """How a finished pressure ended, in a word or two."""
    if point.n_moves == 0:
        return NO_ROOM
    if not point.equilibrated:
        return NOT_EQUILIBRATED
    return MOVE_LIMIT if point.loading_error_mol_kg > target_relative_error * point.loading_mol_kg else "done"


def say_what_will_run(job: IsothermJob, folder: Path) -> None:
    """The calculation in a few lines, with whatever is unusual about the bulk gas."""
    cost, settings = job.cost, job.settings
    charges = f"charges {job.charges}" if job.guest.has_charges else "no charges"
    cells = "×".join(map(str, cost.repeats))
    say(f"{job.guest.name} in {job.framework.name} at {job.temperature_k:g} K: supercell of {cells} unit cells, "
        f"{cost.n_atoms} atoms; {job.forcefield.name}, {charges}, cut-off {settings.cutoff_angstrom:g} Å "
        f"({settings.truncation}), seed {settings.seed}")
    say(f"gas outside: {job.equation.name}, {job.equation.source}"
        f"{', metastable vapour kept' if settings.metastable else ''}")
    say(f"{job.framework.name}: {job.framework.source}")
    for note in (*bulk_notes(job), *sampling_notes(job)):
        say(f"note: {note}")
    say_where(job.claim, folder)


def say_where(claim: Claim, folder: Path) -> None:
    """Where the results go, and what to wait for first."""
    from zifsim.gcmc.jit import is_compiled
    from zifsim.gcmc.moves import run_moves
    from zifsim.runs.folder import DONE, read_config

    held = read_config(folder)
    finished = held is not None and held.get("key") == claim.key and (folder / DONE).is_file()
    how = "finished before; read back" if finished else "the same command continues there"
    say(f"results: {folder} ({how})", flush=True)
    if not finished and not is_compiled(run_moves):
        say("compiling the kernels first: half a minute or more, once per machine", flush=True)


def sampling_notes(job: IsothermJob) -> list[str]:
    """How the pressures are sampled where it is not simply one after another, and in which pores."""
    return [*([job.blocked.text] if job.blocked else []), *_order_notes(job)]


def _order_notes(job: IsothermJob) -> list[str]:
    if job.flat_histogram:
        return ["one flat histogram over the number of molecules gives all pressures; half of its walkers begin empty, "
                "half full."]
    if not job.both_starts:
        return []
    critical = job.guest.critical_temperature_k
    why = "as asked" if job.settings.starts == "both" else (
        f"because {job.temperature_k:g} K is far below the critical temperature ({job.temperature_k / critical:.2f} of "
        f"{critical:.4g} K) and a pore may fill and empty in steps")
    return [f"every pressure is sampled twice, from an empty and from a full cell, {why}; the two must meet."]


def bulk_notes(job: IsothermJob) -> list[str]:
    """What the user should know of the gas outside: pressures beyond saturation and how they are treated."""
    from zifsim.gcmc.bulk import notes_of

    gas, temperature, states = job.guest.gas, job.temperature_k, job.bulk
    notes = notes_of((job.guest,), temperature)
    beyond = [s for s in states if s.p_over_p0 > 1.0]
    if not beyond:
        return notes
    p0 = beyond[0].pressure_pa / beyond[0].p_over_p0 / BAR
    condenses = f"{gas} condenses at p₀ = {p0:.4g} bar at {temperature:g} K ({job.equation.name}); beyond it, at "
    vapour = [s for s in beyond if s.phase == "vapour"]
    liquid = [s for s in beyond if s.phase == "liquid"]
    none_left = "no vapour is left: " if job.settings.metastable else ""
    if vapour:
        notes.append(f"{condenses}{_bars(vapour)}, the fugacity is that of the metastable vapour.")
    if liquid:
        notes.append(f"{condenses}{_bars(liquid)}, {none_left}the fugacity is that of the liquid, and the excess is "
                     "over saturated vapour.")
    return notes


def _bars(states: list[BulkState]) -> str:
    first, last = (f"{s.pressure_pa / BAR:.4g} bar" for s in (states[0], states[-1]))
    return first if len(states) == 1 else f"{first} to {last}"


def print_plan(job: IsothermJob) -> None:
    """What ``--dry-run`` adds: the size of things and the gas at every pressure."""
    print_size(job.cost, job.settings, job.threads)
    print_table(_bulk_table(job))
    say("dry run: nothing was written")


def print_size(cost: JobCost, settings: GCMCSettings, n_cores: int) -> None:
    """Grids and time that a job needs."""
    nodes = "×".join(map(str, cost.grid_nodes))
    say(f"host grid: {cost.n_grids} of {nodes} nodes ({settings.grid_spacing_angstrom:g} Å), "
        f"{cost.grid_megabytes:.0f} MB")
    cores = f"{n_cores} core{'s' * (n_cores > 1)}"
    say(f"time: of the order of {_rough(cost.seconds)} on {cores}; a pressure is done at an error of "
        f"{100.0 * settings.target_relative_error:.2g} %, or after {settings.max_moves:g} moves")


def _rough(seconds: float) -> str:
    """A time as one would guess it."""
    for size, name in ((3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.2g} {name}"
    return f"{seconds:.0f} s"


def _bulk_table(job: IsothermJob) -> Table:
    from rich.table import Table

    table = Table("pressure, bar", "p/p₀", "fugacity, bar", "phase")
    for column in table.columns:
        column.justify = "right"
    for state in job.bulk:
        relative = "–" if math.isnan(state.p_over_p0) else f"{state.p_over_p0:.4g}"
        table.add_row(f"{state.pressure_pa / BAR:.4g}", relative, f"{state.fugacity_pa / BAR:.6g}", state.phase)
    return table


def print_isotherm(job: IsothermJob, isotherm: Isotherm, columns: Columns) -> None:
    """The finished table, and what to make of it."""
    rows = {nearest(columns.bulk, p.pressure_pa): {"point": p} for p in isotherm.points}
    print_table(columns.table(f"{isotherm.gas} in {isotherm.framework}, {isotherm.temperature_k:g} K", rows))
    henry, states = isotherm.henry, {state_of(p, columns.target) for p in isotherm.points}
    if isotherm.no_room:
        say(f"No room for the gas: {isotherm.gas} finds no place in {isotherm.framework} (helium void fraction "
            f"{isotherm.void_fraction:.3f}), so the uptake is 0 and there is no heat of adsorption.")
    elif henry is not None:
        say(f"Henry coefficient {henry.henry_coefficient_mol_kg_pa:.4g} ± {henry.henry_error_mol_kg_pa:.2g} "
            f"mol/kg/Pa, heat at zero loading {henry.heat_of_adsorption_kj_mol:.2f} ± "
            f"{henry.heat_of_adsorption_error_kj_mol:.2f} kJ/mol, helium void fraction {isotherm.void_fraction:.3f}")
    if MOVE_LIMIT in states:
        say(f"{MOVE_LIMIT}: the error asked for ({100.0 * columns.target:.2g} % of the loading) was not reached; "
            "raise --max-moves or --error.")
    if NOT_EQUILIBRATED in states:
        say(f"{NOT_EQUILIBRATED}: {_why_not_equilibrated(job)} Raise --max-moves.")
    for note in bulk_notes(job):
        say(f"note: {note}")


def _why_not_equilibrated(job: IsothermJob) -> str:
    if job.flat_histogram:
        return "the walkers that began empty and those that began full differ by more than two standard errors."
    if job.both_starts:
        return ("the loading was still drifting, or the cells that began empty and full did not meet; its error is how "
                "far.")
    return "the loading was still drifting; its error is how far."


def print_table(table: Table) -> None:

    console(PLAIN_WIDTH).print(table)
