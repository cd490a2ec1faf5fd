"""``zifsim gcmc``: one isotherm of one gas in one structure."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from zifsim.model.uptake import Isotherm, LoadingPoint

COLUMNS = ("pressure, bar", "progress", "moves", "molecules/cell", "mol/kg", "mL(STP)/g", "heat, kJ/mol")
PLAIN_INTERVAL_SECONDS = 15.0


def gcmc(
    structure: Annotated[str, typer.Argument(
        metavar="STRUCTURE", help="Shipped structure (ZIF-8, ZIF-62), CIF or extXYZ file.")],
    gas: Annotated[str, typer.Option(
        "--gas", help="H2, CO2, O2, N2, CH4, a guest model (CO2-EPM2) or a guest file.")],
    out: Annotated[Path, typer.Option(
        "--out", "-o", metavar="DIR", help="Results folder; the same command continues there.")],
    temperature: Annotated[float, typer.Option("--temperature", "-T", metavar="K", help="Kelvin.")] = 273.0,
    pressures: Annotated[str, typer.Option(
        "--pressures", "-p", help="Bar: a list 0.01,0.1,1 or start:stop:n (log-spaced).")] = "1",
    forcefield: Annotated[str, typer.Option(
        "--forcefield", help="Lennard-Jones of the framework: PP, UFF, DREIDING or a file.")] = "PP",
    charges: Annotated[str, typer.Option(
        "--charges", help="Framework charges: ZIF-FF, ZIF-FF-bIm-ESP (another guess for bIm), PP and RESP "
        "(mIm only), RESP-ZIF-4 (Im only) or a file.")] = "ZIF-FF",
    cutoff: Annotated[float, typer.Option("--cutoff", metavar="Å", help="Cut-off, Å.")] = 12.8,
    truncation: Annotated[str, typer.Option(
        "--truncation", metavar="NAME",
        help="Lennard-Jones beyond the cut-off: truncated, shifted or tail.")] = "truncated",
    error: Annotated[float, typer.Option(
        "--error", help="A pressure is done at this standard error over loading ...")] = 0.01,
    max_moves: Annotated[int, typer.Option(
        "--max-moves", help="... or after so many Monte Carlo moves.")] = 20_000_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the random streams.")] = 1,
    threads: Annotated[int, typer.Option(
        "--threads", min=0, help="Pressures side by side; 0: all cores. Part of what makes a run repeatable: "
        "each thread starts from an empty cell.")] = 1,
) -> None:
    """Adsorption isotherm by grand canonical Monte Carlo in a rigid framework.

    Writes isotherm.csv, isotherm.json, isotherm.aif, isotherm.png and record.json. The first run on a machine compiles
    for about a minute before anything is sampled.

    Example: zifsim gcmc ZIF-8 --gas CO2 --temperature 273 --pressures 0.01:1:5 --out zif8-co2
    """
    from zifsim.campaign import devices
    from zifsim.campaign.isotherm import IsothermJob, run_isotherm_job
    from zifsim.gcmc.settings import GCMCSettings

    settings = GCMCSettings(cutoff_angstrom=cutoff, truncation=truncation, target_relative_error=error,
                            min_moves=min(100_000, max_moves), max_moves=max_moves, seed=seed)
    job = IsothermJob.load(structure, gas, temperature, parse_pressures(pressures), forcefield, charges,
                           settings, devices.worker_count(threads))
    watch = Watch(job.pressures_pa)
    try:
        isotherm = run_isotherm_job(job, out, watch)
    finally:
        watch.end()
    print_isotherm(isotherm, job.condensation_pa)
    print(f"written: {out}/isotherm.csv, isotherm.json, isotherm.aif, isotherm.png, record.json")


def parse_pressures(text: str) -> list[float]:
    """Pa, ascending, from ``0.01,0.1,1`` or ``start:stop:n`` (bar).

    Raises
    ------
    InputError: not numbers, not positive, repeated, or fewer than two points in a range.
    """
    import numpy as np

    from zifsim.errors import InputError
    from zifsim.units import BAR_PA

    form = "give a list such as 0.01,0.1,1 or a range such as 0.01:1:12, in bar"
    try:
        if ":" in text:
            first, last, number = text.split(":")
            low, high, n = float(first), float(last), int(number)
            if not 0 < low < high or n < 2:
                raise InputError(f"--pressures '{text}': start:stop:n needs 0 < start < stop and n ≥ 2.")
            bars = [float(f"{p:.6g}") for p in np.geomspace(low, high, n)]
        else:
            bars = [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"--pressures '{text}' cannot be read; {form}.") from None
    for bar in bars:
        if not 0 < bar < float("inf"):
            raise InputError(f"--pressures '{text}': {bar:g} bar is not a positive pressure; {form}.")
    if len(set(bars)) != len(bars):
        raise InputError(f"--pressures '{text}': a pressure is given twice; {form}.")
    return [bar * BAR_PA for bar in sorted(bars)]


class Watch:
    """The table that fills while the run goes on; single lines where the output is no terminal."""

    def __init__(self, pressures_pa: Sequence[float]) -> None:
        import time

        self._clock = time.monotonic
        self._began = self._told = self._clock()
        self._rows: dict[float, dict[str, Any]] = {p: {"fraction": 0.0} for p in pressures_pa}
        self._live: Any = None
        if sys.stdout.isatty():
            from rich.live import Live

            self._live = Live(get_renderable=self._table, refresh_per_second=2)
            self._live.start()

    def __call__(self, event: dict[str, Any]) -> None:
        """Take a progress event of the engine (called from its threads)."""
        pressure = min(self._rows, key=lambda p: abs(p - event["pressure_pa"]))
        self._rows[pressure] = self._rows[pressure] | event
        if self._live is None and ("point" in event or self._clock() - self._told > PLAIN_INTERVAL_SECONDS):
            self._told = self._clock()
            cells = [f"{name} {cell}" for name, cell in zip(COLUMNS, _cells(pressure, self._rows[pressure]),
                                                           strict=True) if cell]
            print(f"{self.headline} | " + ", ".join(cells), flush=True)

    @property
    def headline(self) -> str:
        from zifsim.campaign.display import clock

        elapsed = self._clock() - self._began
        fraction = sum(r["fraction"] for r in self._rows.values()) / len(self._rows)
        eta = elapsed * (1 - fraction) / fraction if fraction > 0.02 else None
        return f"{fraction:4.0%}, {clock(elapsed)} elapsed, ETA {clock(eta)}"

    def _table(self) -> Any:
        from rich.table import Table

        table = Table(title=self.headline, title_justify="left")
        for column in COLUMNS:
            table.add_column(column, justify="right")
        for pressure, row in self._rows.items():
            table.add_row(*_cells(pressure, row))
        return table

    def end(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def _cells(pressure_pa: float, row: dict[str, Any]) -> tuple[str, ...]:
    """A pressure's row while it runs, and once it is there."""
    point: LoadingPoint | None = row.get("point")
    bar = f"{pressure_pa / 1e5:.4g}"
    if point is None:
        molecules = f"{row['molecules']:.2f}" if "molecules" in row else ""
        return bar, f"{row['fraction']:.0%}", str(row.get("moves", "")), molecules, "", "", ""
    return (bar, "done" if point.equilibrated else "not equilibrated", str(point.n_moves),
            f"{point.molecules_per_cell:.2f} ± {point.molecules_per_cell_error:.2f}",
            f"{point.loading_mol_kg:.4f} ± {point.loading_error_mol_kg:.4f}",
            f"{point.loading_ml_stp_g:.2f} ± {point.loading_error_ml_stp_g:.2f}",
            f"{point.heat_of_adsorption_kj_mol:.1f} ± {point.heat_of_adsorption_error_kj_mol:.1f}")


def print_isotherm(isotherm: Isotherm, condensation_pa: float | None) -> None:
    """The finished table, with what it was made with."""
    from rich.console import Console
    from rich.table import Table

    cell = "×".join(map(str, isotherm.supercell))
    table = Table(title=f"{isotherm.gas} in {isotherm.framework} at {isotherm.temperature_k:g} K "
                        f"({isotherm.guest_model}, {isotherm.forcefield}, charges {isotherm.charges}, "
                        f"{cell} cells)",
                  title_justify="left")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for point in isotherm.points:
        table.add_row(*_cells(point.pressure_pa, {"point": point}))
    console = Console(width=None if sys.stdout.isatty() else 130, highlight=False)
    console.print(table)
    if isotherm.henry is not None:
        henry = isotherm.henry
        heat = f"{henry.heat_of_adsorption_kj_mol:.2f} ± {henry.heat_of_adsorption_error_kj_mol:.2f}"
        console.print(f"Henry coefficient {henry.henry_coefficient_mol_kg_pa:.4g} ± "
                      f"{henry.henry_error_mol_kg_pa:.2g} mol/kg/Pa, heat at zero loading {heat} kJ/mol")
    if condensation_pa is not None:
        console.print(f"Note: {isotherm.gas} condenses at {condensation_pa / 1e5:.3f} bar here; "
                      "pressures above that use the vapour branch of the equation of state.")
