"""A melt on the terminal: the live line of one run, the live table of several, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from zifsim.campaign.replicas import Replica
    from zifsim.melt.result import MeltResult
    from zifsim.melt.run import MeltSettings
    from zifsim.model.forcefield import MeltForceField
    from zifsim.model.framework import Framework
    from zifsim.model.schedule import TemperatureProgram


def run_one(framework: Framework, forcefield: MeltForceField, program: TemperatureProgram, settings: MeltSettings,
            out: Path) -> MeltResult:
    """Run with a live line: segment, temperature, density, coordination, closest zincs, speed, time left."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    from zifsim.melt.run import run_melt
    from zifsim.report.melt import is_melt, write_melt_page

    with Progress(TextColumn("{task.description}"), BarColumn(bar_width=20), TaskProgressColumn(),
                  TextColumn("{task.fields[live]}")) as bar:
        task = bar.add_task("starting", total=program.n_steps, live="")

        def progress(step: int, total: int, info: Mapping[str, Any]) -> None:
            bar.update(task, completed=step, description=info["segment"], live=live_line(info))

        result = run_melt(framework, forcefield, program, settings, out, progress,
                          lambda text: bar.console.print(text, highlight=False, soft_wrap=True))
    if is_melt(out):            # a melt finished before there were pages has no run.json
        write_melt_page(out)
    return result


def live_line(info: Mapping[str, Any]) -> str:
    """The state of a run in one line."""
    return (f"{info['temperature_k']:.0f} K (set {info['set_point_k']:.0f})  {info['density_g_cm3']:.3f} g/cm³  "
            f"Zn–N {info['coordination']:.2f}  min Zn–Zn {info['min_zn_zn']:.2f} Å  {info['ns_per_day']:.1f} ns/day  "
            f"{time_left(info['eta_s'])}")


def time_left(seconds: float | None) -> str:
    """Hours and minutes left, or minutes and seconds."""
    if seconds is None:
        return ""
    if seconds >= 3600.0:
        return f"{seconds // 3600:.0f} h {seconds % 3600 / 60:02.0f} min left"
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s left"


def run_several(framework: Framework, forcefield: MeltForceField, program: TemperatureProgram,
                settings: MeltSettings, out: Path, count: int) -> None:
    """Run replicas under one live table, then print what came out and how much it spreads."""
    from rich.console import Console
    from rich.live import Live

    from zifsim.campaign.replicas import ReplicaJob, plan_replicas, run_replicas
    from zifsim.report.melt import write_melt_page

    console = Console()
    replicas = plan_replicas(out, count, settings.seed)
    states: dict[int, dict[str, Any]] = {r.number: {"event": "waiting"} for r in replicas}
    told: set[str] = set()

    with Live(_live_table(replicas, states), console=console, refresh_per_second=2) as live:
        def watch(replica: Replica, event: str, info: Mapping[str, Any]) -> None:
            if event == "note":
                if info["text"] not in told:
                    told.add(info["text"])
                    console.print(info["text"], highlight=False, soft_wrap=True)
                return
            states[replica.number] = {**states[replica.number], **info, "event": event}
            live.update(_live_table(replicas, states))

        results = run_replicas(ReplicaJob(framework, forcefield, program, settings), replicas, watch)
    for replica in replicas:
        write_melt_page(replica.folder)
    _show_spread(console, replicas, results)
    print(f"glasses: {out}/replica-*/glass.extxyz, numbers: {out}/replica-*/melt.json, pages: "
          f"{out}/replica-*/melt.html")


def _live_table(replicas: list[Replica], states: Mapping[int, Mapping[str, Any]]) -> Table:
    from rich.table import Table

    table = Table()
    for column in ("replica", "seed", "", "segment", "K (set)", "g/cm³", "Zn–N", "min Zn–Zn, Å", "ns/day", ""):
        table.add_column(column)
    for replica in replicas:
        info = states[replica.number]
        row = [str(replica.number), str(replica.seed)]
        if "step" in info:
            row += [f"{100 * info['step'] / info['total']:.0f} %", info["segment"],
                    f"{info['temperature_k']:.0f} ({info['set_point_k']:.0f})", f"{info['density_g_cm3']:.3f}",
                    f"{info['coordination']:.2f}", f"{info['min_zn_zn']:.2f}", f"{info['ns_per_day']:.1f}",
                    time_left(info["eta_s"]) if info["event"] == "progress" else info["event"]]
        else:
            row.append(info["event"])
        table.add_row(*row)
    return table


def _show_spread(console: Any, replicas: list[Replica], results: list[MeltResult]) -> None:
    """Every replica in a row; below, means with the standard deviation between replicas."""
    import numpy as np
    from rich.table import Table

    drifting = any(not r.density_settled for r in results)
    table = Table(caption="* still drifting or too short: not converged" if drifting else None, caption_justify="left")
    for column in ("replica", "density, g/cm³", "Zn with 4 N, %", "Zn–N, Å", "min Zn–Zn, Å", "bonds kept, %", "new, %"):
        table.add_column(column, justify="right")
    rows = np.array([[r.density_g_cm3, 100 * r.coordination.get("4", 0.0), r.mean_zn_n_angstrom, r.min_zn_zn_angstrom,
                      100 * r.bonds_kept, 100 * r.bonds_new] for r in results])
    formats = ("{:.3f}", "{:.0f}", "{:.3f}", "{:.2f}", "{:.0f}", "{:.0f}")
    for replica, result, row in zip(replicas, results, rows, strict=True):
        cells = [f.format(x) for f, x in zip(formats, row, strict=True)]
        cells[0] += f" ± {result.density_error_g_cm3:.3f}" + ("" if result.density_settled else " *")
        table.add_row(str(replica.number), *cells)
    table.add_section()
    table.add_row("mean ± s.d.", *(f"{f.format(m)} ± {f.format(s)}" for f, m, s in
                                   zip(formats, rows.mean(axis=0), rows.std(axis=0, ddof=1), strict=True)))
    console.print(table)


def show(result: MeltResult, out: Path) -> None:
    """What came out of one run."""
    numbers = ", ".join(f"{n}: {100 * fraction:.0f} %" for n, fraction in result.coordination.items())
    settled = "" if result.density_settled else " (still drifting or too short: not converged)"
    print(f"density {result.density_g_cm3:.3f} ± {result.density_error_g_cm3:.3f} g/cm³{settled}\n"
          f"Zn–N coordination {numbers}; mean distance {result.mean_zn_n_angstrom:.3f} Å; closest Zn–Zn "
          f"{result.min_zn_zn_angstrom:.2f} Å\n"
          f"Zn–N bonds of the start kept {100 * result.bonds_kept:.0f} %, new {100 * result.bonds_new:.0f} %"
          f"{'' if result.can_break else ' (this force field cannot break them)'}\n"
          f"{result.ns_per_day:.1f} ns/day on {result.platform}\n"
          f"glass: {out / 'glass.extxyz'}, numbers: {out / 'melt.json'}, page: {out / 'melt.html'}")
