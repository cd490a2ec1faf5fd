"""Melts on the terminal: segments of one run, the table of several, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zifsim.cli.terminal import console, say

if TYPE_CHECKING:
    from rich.table import Table

    from zifsim.campaign.melt_job import MeltJob
    from zifsim.melt.result import MeltResult
    from zifsim.model.schedule import TemperatureProgram
    from zifsim.runs.progress import Event, Report, Tracker


def show_job(job: MeltJob) -> None:
    """What is about to run, in two lines."""
    fw, forcefield, program = job.framework, job.forcefield, job.program
    say(f"{fw.name}: {fw.formula}, {fw.density_g_cm3:.3f} g/cm³, {forcefield.name}: {forcefield.description}")
    say(f"program {program.name}: {program.duration_ps:g} ps, {program.n_steps} steps of {program.timestep_fs:g} fs",
        flush=True)


def show_cost(job: MeltJob, count: int) -> None:
    """How large the job is and about how long it takes."""
    from zifsim.campaign.estimate import dummy_count, melt_seconds
    from zifsim.melt.potential import is_learned
    from zifsim.runs.progress import clock

    fw, learned = job.framework, is_learned(job.forcefield)
    particles = fw.n_atoms + (dummy_count(fw) if job.forcefield.dissociable and not learned else 0)
    seconds = count * melt_seconds(particles, job.program.n_steps)
    several = f"{count} melts of " if count > 1 else ""
    time = "a time that the potential decides" if learned else f"about {clock(seconds)} of one thread of a server core"
    say(f"{several}{fw.n_atoms} atoms, {particles} particles, {job.program.n_steps} steps: {time}; nothing was run")


def run_one(job: MeltJob, out: Path) -> None:
    """Run with a part for every segment of the program, then say what came out."""
    from zifsim.campaign.melt_job import run_melt_job
    from zifsim.cli.screen import screen

    with screen(out) as report:
        result = run_melt_job(job, out, by_segment(job.program, report))
    show(result, out)


def by_segment(program: TemperatureProgram, report: Report) -> Report:
    """A report for the melt's engine that tells ``report`` of every segment as a part of its own."""
    from zifsim.runs.progress import Event

    steps = [program.steps_of(s) for s in program.segments]
    names = [s.name for s in program.segments]
    parts = [name if names.count(name) == 1 else f"{name} ({k})" for k, name in enumerate(names, start=1)]
    ended = 0
    report(Event(kind="plan", values=dict(zip(parts, steps, strict=True))))

    def take(event: Event) -> None:
        nonlocal ended
        if event.kind == "note":
            report(event)
            return
        done = round(event.fraction * program.n_steps)
        resumed = event.kind == "resumed"
        message = event.message.removeprefix(f"{event.values.get('segment')} ")
        while ended < len(parts) and sum(steps[:ended + 1]) <= done:
            report(Event(parts[ended], 1.0, "" if resumed else message, event.values, "resumed" if resumed else "done"))
            ended += 1
        if ended < len(parts):
            report(Event(parts[ended], (done - sum(steps[:ended])) / steps[ended], message, event.values, event.kind))

    return take


def run_several(job: MeltJob, count: int, out: Path) -> None:
    """Run replicas under one table, then say what came out and how much it spreads."""
    from zifsim.campaign.replicas import plan_replicas, run_replicas
    from zifsim.cli.screen import screen

    replicas = plan_replicas(job, count, out)
    seeds = {r.name: r.job.settings.seed for r in replicas}
    with screen(out, lambda tracker: replica_table(tracker, seeds)) as report:
        results = run_replicas(job, count, out, report)
    _show_spread(results)
    say(f"glasses: {out}/replica-*/glass.extxyz, numbers: {out}/replica-*/melt.json, pages: "
        f"{out}/replica-*/melt.html")


def replica_table(tracker: Tracker, seeds: Mapping[str, int]) -> Table:
    """A row for every replica: how far it is, the last row of its state.csv, time left."""
    from rich.table import Table

    from zifsim.runs.progress import clock

    table = Table()
    for column in ("", "seed", "", "segment", "K (set)", "g/cm³", "Zn–N", "min Zn–Zn, Å", "ns/day", "time left"):
        table.add_column(column)
    for name, part in tracker.parts.items():
        row, v = [name, str(seeds.get(name, "")), f"{part.fraction:.0%}"], part.values
        if "segment" in v:
            row += [v["segment"], f"{v['temperature_k']:.0f} ({v['set_point_k']:.0f})", f"{v['density_g_cm3']:.3f}",
                    f"{v['coordination']:.2f}", f"{v['min_zn_zn']:.2f}", f"{v['ns_per_day']:.1f}",
                    clock(tracker.part_eta_s(name)) if part.state == "running" else part.state]
        else:
            row.append(part.message or part.state)
        table.add_row(*row)
    return table


def _show_spread(results: Sequence[MeltResult]) -> None:
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
    for number, (result, row) in enumerate(zip(results, rows, strict=True), start=1):
        cells = [f.format(x) for f, x in zip(formats, row, strict=True)]
        cells[0] += f" ± {result.density_error_g_cm3:.3f}" + ("" if result.density_settled else " *")
        table.add_row(str(number), *cells)
    table.add_section()
    table.add_row("mean ± s.d.", *(f"{f.format(m)} ± {f.format(s)}" for f, m, s in
                                   zip(formats, rows.mean(axis=0), rows.std(axis=0, ddof=1), strict=True)))
    console().print(table)
    for number, result in enumerate(results, start=1):
        if not result.melted:
            say(f"replica {number}: {result.verdict}; no glass")


def _hotter(result: MeltResult) -> str:
    return ": melt it hotter or longer" if result.can_break else ""


def show(result: MeltResult, out: Path) -> None:
    """What came out of one run."""
    numbers = ", ".join(f"{n}: {100 * fraction:.0f} %" for n, fraction in result.coordination.items())
    settled = "" if result.density_settled else " (still drifting or too short: not converged)"
    say(f"density {result.density_g_cm3:.3f} ± {result.density_error_g_cm3:.3f} g/cm³{settled}\n"
        f"Zn–N coordination {numbers}; mean distance {result.mean_zn_n_angstrom:.3f} Å; closest Zn–Zn "
        f"{result.min_zn_zn_angstrom:.2f} Å\n"
        f"Zn–N bonds of the start kept {100 * result.bonds_kept:.0f} %, new {100 * result.bonds_new:.0f} %"
        f"{'' if result.can_break else ' (this force field cannot break them)'}\n"
        f"{'' if result.melted else f'{result.verdict}; this is no glass{_hotter(result)}' + chr(10)}"
        f"{result.ns_per_day:.1f} ns/day on {result.platform}\n"
        f"{'glass' if result.melted else 'structure'}: {out / 'glass.extxyz'}, numbers: {out / 'melt.json'}, "
        f"page: {out / 'melt.html'}")
