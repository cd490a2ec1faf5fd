#!/usr/bin/env python
"""Density, coordination and T_g against the quench rate, from the liquids behind the reference glasses.

Every liquid is the end of the anneal of such a melt (made here where ``make glasses`` has left none: about ten minutes
of a core). It is settled with new velocities, cooled to 300 K at each rate and held there: all rates begin from the
same liquids, so what differs between them is the rate, and a trend is the mean over the liquids of each one's own.
Finished quenches are kept, a stopped one continues, and copies of this script share the work; whichever comes last
writes quench_rates.csv (every quench), .md (the table) and .png.
"""

import argparse
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
from glasses import LIST, RUNS, Glass, glasses, turn

from zifsim.analysis.frames import load_frames, state_rows
from zifsim.analysis.history import history
from zifsim.analysis.thermal import LEAST_POINTS, GlassTransition
from zifsim.campaign.melt_job import MeltJob, run_melt_job
from zifsim.cli.screen import screen
from zifsim.crystals.linkers import METALS
from zifsim.errors import InputError, RunInterrupted, SimulationError, ZifsimError
from zifsim.io.files import write_text_atomic
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.io.tables import markdown_table, write_csv
from zifsim.melt.result import MeltResult, read_result
from zifsim.model.framework import Framework
from zifsim.model.schedule import Segment, TemperatureProgram
from zifsim.report.chart import Chart, Line, Panel, chart_figure
from zifsim.rng import derive_seed
from zifsim.runs import stopping
from zifsim.sweep.trend import LEAST_RATES, fit_trend

LIQUID = "anneal"           # the segment whose last frame is quenched
ROOM_K = 300.0


@dataclass(frozen=True, slots=True)
class Quench:
    """A finished one: its result, and the mean potential energy at 300 K, kJ/mol per metal node."""

    result: MeltResult
    energy_kj_mol: float


QUANTITIES: dict[str, tuple[Callable[[Quench], float], int]] = {     # and how many digits are shown
    "density, g/cm³": (lambda q: q.result.density_g_cm3, 3),
    "potential energy, kJ/mol per Zn": (lambda q: q.energy_kj_mol, 1),
    "four-coordinated, %": (lambda q: 100.0 * q.result.coordination.get("4", 0.0), 1),
    "N per Zn": (lambda q: q.result.mean_coordination, 2),
    "mean Zn–N, Å": (lambda q: q.result.mean_zn_n_angstrom, 3),
}
SHOWN = tuple(QUANTITIES)[:3]


def liquid(glass: Glass, runs: Path) -> Framework:
    """The crystal's topology at the atoms and cell with which the anneal of its finished melt ended."""
    folder = runs / glass.name
    frames = load_frames(folder, segment=LIQUID)
    *_, last = frames
    crystal = glass.crystal(folder).supercell(tuple(glass.common["supercell"]))
    return replace(crystal, name=f"{glass.name} liquid", positions=last.positions, cell=last.box,
                   source=f"end of the segment '{LIQUID}' of {glass.name}")


def quench(glass: Glass, rate: float, settle_ps: float, equilibrate_ps: float, runs: Path, out: Path) -> None:
    """One liquid at one rate, unless it is there or another process is at it."""
    hot = glass.program_numbers.get("anneal_temperature_k", 1000.0)
    program = TemperatureProgram(f"quench at {rate:g} K/ps", (
        Segment("settle", hot, hot, settle_ps), Segment("quench", hot, ROOM_K, (hot - ROOM_K) / rate),
        Segment("equilibrate", ROOM_K, ROOM_K, equilibrate_ps)), glass.program_numbers.get("timestep_fs", 1.0))
    settings = replace(glass.melt_settings, seed=derive_seed(glass.seed, f"quench {rate:g}"))
    with turn(runs / glass.name) as free:
        if not free:
            print(f"{glass.name}: another process is melting it")
            return
        glass.melt(runs / glass.name)
    with turn(out) as mine:
        if mine:
            forcefield = load_melt_forcefield(glass.common["forcefield"])
            with screen(out) as report:
                run_melt_job(MeltJob(liquid(glass, runs), forcefield, program, settings), out, report,
                             f"{glass.name} {rate:g} K/ps")


def read_quench(folder: Path) -> Quench | None:
    """None where it is not finished. The energy is that of 300 K without the first quarter, as the density."""
    result = read_result(folder)
    if result is None:
        return None
    rows = state_rows(folder)
    held = [float(energy) for energy, segment in zip(rows["energy_kj_mol"], rows["segment"], strict=True)
            if segment == "equilibrate"]
    return Quench(result, fmean(held[len(held) // 4:]) / sum(u.kind in METALS for u in result.framework.units))


def transition(folders: Sequence[Path]) -> list[str]:
    """T_g of the enthalpy and of the density of all liquids together, averaged at each temperature."""
    pasts = [past for folder in folders if (past := history(load_frames(folder))) is not None]
    cells = []
    for name in ("enthalpy", "density"):
        mean = np.mean([getattr(past, name) for past in pasts], axis=0)
        if len(mean) < LEAST_POINTS:
            cells.append("too few rows")
            continue
        fit = GlassTransition().compute(pasts[0].temperature, mean)
        cells.append(f"{fit.temperature:.0f} ± {fit.error:.0f}" if fit.clear else "no clear break")
    return cells


def plus_minus(values: Sequence[float], digits: int) -> str:
    """Mean ± standard error over liquids; of one liquid, its value."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{fmean(values):.{digits}f} ± {stdev(values) / math.sqrt(len(values)):.{digits}f}"


def slopes(there: Mapping[float, Sequence[Quench]], get: Callable[[Quench], float]) -> list[float]:
    """Change per decade of rate of every liquid by itself; at least three rates."""
    liquids = zip(*there.values(), strict=True)
    return [t.slope for results in liquids if (t := fit_trend(list(there), [get(r) for r in results])) is not None]


def summarise(chosen: Sequence[Glass], rates: Sequence[float], out: Path) -> None:
    """Write table, single values and picture; a rate at which a quench is missing is left out, and said."""
    there: dict[float, list[Quench]] = {}
    for rate in rates:
        done = [r for g in chosen if (r := read_quench(folder(out, g, rate))) is not None]
        if len(done) == len(chosen):
            there[rate] = done
        else:
            print(f"{rate:g} K/ps: {len(done)} of {len(chosen)} liquids done, left out of the table")
    if not there:
        return

    rows = [[f"{rate:g}", *(plus_minus([get(r) for r in results], digits) for get, digits in QUANTITIES.values()),
             f"{min(r.result.min_zn_zn_angstrom for r in results):.2f}",
             *transition([folder(out, glass, rate) for glass in chosen])] for rate, results in there.items()]
    if len(there) >= LEAST_RATES:
        rows.append(["per decade", *(plus_minus(slopes(there, get), digits + 1) for get, digits in QUANTITIES.values()),
                     *3 * [""]])
    columns = ["K/ps", *QUANTITIES, "closest Zn–Zn, Å", "T_g from H(T), K", "T_g from ρ(T), K"]
    text = (f"{markdown_table(columns, rows, 'l' * len(columns))}\n"
            f"Liquids: {', '.join(g.name for g in chosen)}; ± one standard error over them.\n")
    write_text_atomic(out / "quench_rates.md", text)
    write_csv(out / "quench_rates.csv", ["liquid", "quench_rate_k_per_ps", *QUANTITIES],
              [[glass.name, rate, *(get(r) for get, _ in QUANTITIES.values())]
               for rate, results in there.items() for glass, r in zip(chosen, results, strict=True)])
    chart_figure(chart(chosen, there)).savefig(out / "quench_rates.png")
    print(text, end="")


def chart(chosen: Sequence[Glass], there: Mapping[float, Sequence[Quench]]) -> Chart:
    """Density and coordination of every liquid against the rate."""
    x = np.log10(list(there))
    return Chart("quench_rates", tuple(
        Panel(name, "log₁₀ of the quench rate in K/ps", name, tuple(
            Line(glass.name, name, x, np.array([get(results[k]) for results in there.values()]), kind="joined")
            for k, glass in enumerate(chosen))) for name, (get, _) in QUANTITIES.items() if name in SHOWN))


def folder(out: Path, glass: Glass, rate: float) -> Path:
    return out / f"{glass.name}-{rate:g}"


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("glasses", nargs="*", metavar="NAME", help="reference glasses whose liquids are taken (default: "
                     "the first two seeds of both arrangements, `dense`)",
                     default=[f"agZIF-62-{c}-dense-{n}" for n in (1, 2) for c in "AB"])
    ask.add_argument("--rates", type=numbers, default=[100.0, 30.0, 10.0, 3.0], metavar="K/PS,...",
                     help="default: 100,30,10,3")
    ask.add_argument("--settle-ps", type=float, default=10.0, help="of every liquid, before (default: %(default)g)")
    ask.add_argument("--equilibrate-ps", type=float, default=20.0, help="at 300 K, after (default: %(default)g)")
    ask.add_argument("--list", type=Path, default=LIST, help="of the glasses (default: the reference glasses)")
    ask.add_argument("--runs", type=Path, default=RUNS, help="of their melts (default: %(default)s)")
    ask.add_argument("--out", type=Path, default=Path("results/quench_rates"), help="default: %(default)s")
    given = ask.parse_args()
    stopping.stop_at_signals_for_good()
    try:
        listed = {glass.name: glass for glass in glasses(given.list)}
        if unknown := [name for name in given.glasses if name not in listed]:
            raise InputError(f"{unknown[0]} is not in {given.list}.")
        chosen = [listed[name] for name in given.glasses]
        for rate in given.rates:
            for glass in chosen:
                quench(glass, rate, given.settle_ps, given.equilibrate_ps, given.runs, folder(given.out, glass, rate))
        summarise(chosen, given.rates, given.out)
    except ZifsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1 if isinstance(error, SimulationError) else 2
    except RunInterrupted as stop:
        print(stop, file=sys.stderr)
        return stop.exit_code
    return 0


def numbers(text: str) -> list[float]:
    """Positive numbers, the largest first."""
    found = sorted({float(word) for word in text.split(",")}, reverse=True)
    if found[-1] <= 0.0:
        raise argparse.ArgumentTypeError(f"{text}: a rate must be > 0")
    return found


if __name__ == "__main__":
    sys.exit(main())
