"""Mixtures as a user sees them: the table that fills, the finished one, and IAST beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from zifsim.cli.isotherm_view import BAR, MOVE_LIMIT, NOT_EQUILIBRATED, nearest, print_size, print_table
from zifsim.cli.terminal import say
from zifsim.io.tables import with_error

if TYPE_CHECKING:
    from rich.table import Table

    from zifsim.campaign.mixture import MixtureJob
    from zifsim.model.mixture import MixtureIsotherm
    from zifsim.model.uptake import MixturePoint


class MixtureColumns:
    """The columns of a mixture's tables and the cells of a pressure in them; selectivities are over later gases."""

    def __init__(self, job: MixtureJob, unit: str) -> None:
        import math

        from zifsim.units import LOADING_UNITS, loading_factor

        self.target = job.settings.target_relative_error
        self.bulk = dict.fromkeys(job.pressures_pa)
        self.predicted = {p.pressure_pa: p for p in job.predicted}
        self.factors = {g.gas: loading_factor(
            unit, molar_mass_g_mol=g.molar_mass_g_mol, unit_cell_mass_amu=job.framework.mass_amu,
            unit_cells=math.prod(job.cost.repeats)) for g in job.guests}
        self.pairs = list(combinations(self.factors, 2))
        self.found = (*(f"{gas}, {LOADING_UNITS[unit]}" for gas in self.factors),
                      *(f"selectivity {a}/{b}" for a, b in self.pairs))
        self.names = ("pressure, bar", "progress", "moves", "molecules/supercell", *self.found)

    def cells(self, pressure_pa: float, row: Mapping[str, Any]) -> tuple[str, ...]:
        """A pressure while it runs (``fraction``, ``moves``, ``molecules``) or once it is there (``point``)."""
        point: MixturePoint | None = row.get("point")
        molecules = f"{row['molecules']:.2f}" if "molecules" in row else ""
        state = f"{row['fraction']:.0%}" if point is None else self.state_of(point)
        found = ("",) * len(self.found) if point is None else self.cells_of(point)
        return f"{pressure_pa / BAR:.4g}", state, str(row.get("moves", "")), molecules, *found

    def cells_of(self, point: MixturePoint) -> tuple[str, ...]:
        """Loadings and selectivities."""
        return (*(with_error(point.loadings_mol_kg[gas] * factor, point.loading_errors_mol_kg[gas] * factor)
                  for gas, factor in self.factors.items()),
                *(with_error(*point.selectivity(a, b)) for a, b in self.pairs))

    def state_of(self, point: MixturePoint) -> str:
        """How a finished pressure ended, in a word or two."""
        if not point.equilibrated:
            return NOT_EQUILIBRATED
        short = any(point.loading_errors_mol_kg[g] > self.target * q for g, q in point.loadings_mol_kg.items())
        return MOVE_LIMIT if short else "done"

    def table(self, title: str, rows: Mapping[float, Mapping[str, Any]]) -> Table:
        return _table(title, self.names, [self.cells(pressure, row) for pressure, row in rows.items()])

    def finished(self, title: str, points: Sequence[MixturePoint]) -> Table:
        """Every pressure with how it ended, and IAST below it where it was asked for."""
        rows = []
        for point in points:
            pressure = f"{point.pressure_pa / BAR:.4g}"
            rows.append((pressure, self.state_of(point), *self.cells_of(point)))
            if prediction := self.predicted.get(nearest(self.bulk, point.pressure_pa)):
                rows.append((pressure, "IAST", *self.cells_of(prediction)))
        return _table(title, ("pressure, bar", "", *self.found), rows)


def _table(title: str, names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def mixture_lines(job: MixtureJob) -> list[str]:
    """The calculation in a few lines."""
    from zifsim.gcmc.eos import MIXTURES_BY

    cost, settings = job.cost, job.settings
    charges = f"charges {job.charges}" if any(g.has_charges for g in job.guests) else "no charges"
    models = ", ".join(g.name for g in job.guests)
    return [f"{job.title} ({models}) in {job.framework.name} at {job.temperature_k:g} K: supercell of "
            f"{'×'.join(map(str, cost.repeats))} unit cells, {cost.n_atoms} atoms; {job.forcefield.name}, {charges}, "
            f"cut-off {settings.cutoff_angstrom:g} Å ({settings.truncation}), seed {settings.seed}",
            f"gas outside: {MIXTURES_BY}{', metastable vapour kept' if settings.metastable else ''}",
            *(f"note: {note}" for note in job.notes),
            f"{job.framework.name}: {job.framework.source}",
            *(["every pressure is sampled from an empty and from a full cell; the two must meet in every gas."]
              if job.both_starts else [])]


def print_mixture_plan(job: MixtureJob) -> None:
    """What ``--dry-run`` adds: the size of things and the gas at every pressure."""
    print_size(job.cost, job.settings, 1)
    rows = [(f"{p / BAR:.4g}", *(f"{f / BAR:.6g}" for f in job.fugacities_pa(p).values()), job.phase(p))
            for p in job.pressures_pa]
    print_table(_table("", ("pressure, bar", *(f"fugacity {gas}, bar" for gas in job.composition), "phase"), rows))
    say("dry run: nothing was written")


def print_mixture(mixture: MixtureIsotherm, job: MixtureJob, columns: MixtureColumns) -> None:
    """The finished table, and what to make of it."""
    print_table(columns.finished(f"{job.title} in {mixture.framework}, {mixture.temperature_k:g} K", mixture.points))
    states = {columns.state_of(p) for p in mixture.points}
    if MOVE_LIMIT in states:
        say(f"{MOVE_LIMIT}: the error asked for ({100.0 * columns.target:.2g} % of every gas's loading) was not "
            "reached; raise --max-moves or --error.")
    if NOT_EQUILIBRATED in states:
        meeting = ", or the two starts did not meet" if job.both_starts else ""
        say(f"{NOT_EQUILIBRATED}: a loading was still drifting{meeting}; its error is how far. Raise --max-moves.")
    if not all(p.equilibrated for p in columns.predicted.values()):
        say("note: a pressure of the pure isotherms was not equilibrated")
    for note in job.notes:
        say(f"note: {note}")
