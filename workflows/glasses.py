#!/usr/bin/env python
"""Reference glasses of ``structures/glasses/glasses.toml``: melt those that are not there (``make glasses``).

A glass that is there already is skipped, a melt that was stopped continues from its checkpoint, and one that
another copy of this script is working on is left to it: start as many copies as there are cores or shares of a GPU.
The table in the README beside the list is written anew after every glass.

Usage: glasses.py [LIST.toml [FOLDER_OF_THE_RUNS]]
"""

import csv
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from zifsim.campaign.melt_job import MeltJob, run_melt_job
from zifsim.cli.screen import screen
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, RunInterrupted, SimulationError, ZifsimError
from zifsim.io.cif import write_framework_cif
from zifsim.io.files import read_json, write_json_atomic, write_text_atomic
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.io.tables import markdown_table
from zifsim.io.tomltable import read_toml
from zifsim.io.xyz import read_framework, write_framework
from zifsim.melt.program import melt_program
from zifsim.melt.result import MeltResult
from zifsim.melt.settings import MeltSettings
from zifsim.model.framework import Framework
from zifsim.model.schedule import TemperatureProgram
from zifsim.rng import derive_seed
from zifsim.runs import stopping
from zifsim.runs.digest import plain, sha256_file
from zifsim.runs.folder import try_lock
from zifsim.runs.record import finish_record, start_record
from zifsim.structures import relaxed

ROOT = Path(__file__).resolve().parents[1]
LIST, RUNS = ROOT / "structures/glasses/glasses.toml", Path("results/glasses")
TABLE_BEGIN, TABLE_END = "<!-- table: workflows/glasses.py -->\n", "<!-- end of table -->\n"
COLUMNS = ("name", "seed", "density at 300 K, g/cm³", "thinnest, g/cm³", "Zn with 4 N, %", "Zn–N, Å",
           "closest Zn–Zn, Å", "crystal bonds kept / new, %")
ROUTE = re.compile(r"-[A-Z](?=-)|-\d+$")        # what tells the glasses of one route apart
ROUTE_COLUMNS = ("route", "glasses", "density, g/cm³", "Zn with 4 N, %", "Zn–N, Å", "closest Zn–Zn, Å",
                 "crystal bonds kept, %")


@dataclass(frozen=True, slots=True)
class Glass:
    """One glass of the list: its name, the configuration and program it comes from, and the settings of all."""

    name: str
    bim_per_cell: int
    configuration: str
    program: str
    common: dict[str, Any]

    @property
    def seed(self) -> int:
        return derive_seed(self.common["seed"], self.name)

    @property
    def program_numbers(self) -> dict[str, float]:
        """The numbers of all programs, and those of its own."""
        numbers: dict[str, Any] = self.common["program"]
        own: dict[str, float] = numbers.get(self.program, {})
        return {k: v for k, v in numbers.items() if not isinstance(v, dict)} | own

    @property
    def settings(self) -> dict[str, Any]:
        return {"bim_per_cell": self.bim_per_cell, "configuration": self.configuration, "program": self.program,
                "program_numbers": self.program_numbers, "seed": self.seed,
                **{k: v for k, v in self.common.items() if k not in ("program", "seed")}}

    def crystal(self, folder: Path) -> Framework:
        """The relaxed starting cell; kept beside ``folder``: another version may relax it to other last digits."""
        kept = folder.with_name(f"{folder.name}.crystal.extxyz")
        if not kept.is_file():
            ordered = load_framework(self.common["structure"], configuration=self.configuration,
                                     bim_per_cell=self.bim_per_cell)
            forcefield = load_melt_forcefield(self.common["relax_with"])
            write_framework(kept, relaxed(ordered, forcefield))
        return read_framework(kept)

    @property
    def melt_settings(self) -> MeltSettings:
        return MeltSettings(seed=self.seed, cpu_threads=1, cutoff_angstrom=self.common["cutoff_angstrom"],
                            tail_correction=self.common["tail_correction"])

    @property
    def temperature_program(self) -> TemperatureProgram:
        return melt_program(self.program, **self.program_numbers)

    def melt(self, folder: Path) -> MeltResult:
        """Run or resume the melt in ``folder``; a finished one is read."""
        crystal = self.crystal(folder).supercell(tuple(self.common["supercell"]))
        forcefield = load_melt_forcefield(self.common["forcefield"])
        with screen(folder) as report:
            return run_melt_job(MeltJob(crystal, forcefield, self.temperature_program, self.melt_settings), folder,
                                report, self.name)

    def make(self, folder: Path, target: Path) -> None:
        """Melt in ``folder``; write ``target`` (a CIF) and, last, its run record."""
        started = start_record(f"glass {self.name}", seed=self.seed, settings=self.settings)
        result = self.melt(folder)
        write_framework_cif(target, result.framework)
        record = finish_record(started, {target.name: sha256_file(target)})
        write_json_atomic(target.with_suffix(".json"), {
            "name": self.name, "result": read_json(folder / "melt.json"),
            "melt_settings": self.melt_settings.physics(),
            "segments": [asdict(s) | seen_in(folder / "state.csv", s.name) for s in self.temperature_program.segments],
            "record": plain(record)})


def glasses(path: Path) -> Iterator[Glass]:
    """The glasses of a list, in its order."""
    common = read_toml(path)
    for batch in common.pop("batch"):
        bim = batch["bim_per_cell"]
        for number in batch["numbers"]:
            for program in batch["programs"]:
                for letter in batch["configurations"]:
                    name = f"ag{common['structure']}{'' if bim == 3 else f'-bIm{bim}'}-{letter}-{program}-{number}"
                    yield Glass(name, bim, letter, program, common)


def is_there(glass: Glass, target: Path) -> bool:
    """Whether the glass has been made.

    Raises
    ------
    InputError: with other settings than the list has now.
    """
    record = target.with_suffix(".json")
    if not record.is_file():
        return False
    if read_json(record)["record"]["settings"] != plain(glass.settings):
        raise InputError(f"{record} was made with other settings than the list has now; remove it and its CIF to "
                         "make the glass anew.")
    return True


def seen_in(table: Path, segment: str) -> dict[str, float]:
    """Means over a segment of ``state.csv``, and the density over its last tenth."""
    with open(table, newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["segment"] == segment]
    if not rows:                    # a segment shorter than the distance of two rows
        return {}

    def mean(column: str, of: list[dict[str, str]] = rows) -> float:
        return round(fmean(float(row[column]) for row in of), 4)

    return {"mean_set_point_k": mean("set_point_k"), "mean_temperature_k": mean("temperature_k"),
            "mean_density_g_cm3": mean("density_g_cm3"),
            "last_density_g_cm3": mean("density_g_cm3", rows[-max(1, len(rows) // 10):]),
            "mean_coordination": mean("zn_n_coordination"),
            "min_zn_zn_angstrom": min(float(row["min_zn_zn_a"]) for row in rows)}


@contextmanager
def turn(folder: Path) -> Iterator[bool]:
    """Whether this process may work in ``folder``, which no other copy of this script then does."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    stream = try_lock(folder.with_name(f"{folder.name}.lock"))
    with stream or nullcontext():
        yield stream is not None


def table(listed: Path) -> str:
    """What is there of a list, glass by glass and route by route, as Markdown."""
    names = [glass.name for glass in glasses(listed)]
    records = {name: read_json(path) for name in names if (path := listed.parent / f"{name}.json").is_file()}
    routes: dict[str, list[dict[str, Any]]] = {}
    for name, record in records.items():
        routes.setdefault(ROUTE.sub("", name), []).append(record["result"])
    return "\n".join((
        f"{len(records)} of the {len(names)} listed are here.\n",
        markdown_table(COLUMNS, [row_of(*pair) for pair in records.items()], "l" + "r" * (len(COLUMNS) - 1)),
        "Mean and standard deviation over the glasses of a route, arrangements together:\n",
        markdown_table(ROUTE_COLUMNS, [row_of_route(*pair) for pair in routes.items()],
                       "l" + "r" * (len(ROUTE_COLUMNS) - 1))))


def row_of(name: str, record: dict[str, Any]) -> list[str]:
    r = record["result"]
    thinnest = min(s["last_density_g_cm3"] for s in record["segments"] if "last_density_g_cm3" in s)
    return [f"`{name}`", str(r["seed"]),
            f"{r['density_g_cm3']:.3f} ± {r['density_error_g_cm3']:.3f}{'' if r['density_settled'] else ' *'}",
            f"{thinnest:.2f}", f"{100 * r['coordination'].get('4', 0):.0f}", f"{r['mean_zn_n_angstrom']:.3f}",
            f"{r['min_zn_zn_angstrom']:.2f}", f"{100 * r['bonds_kept']:.0f} / {100 * r['bonds_new']:.0f}"]


def row_of_route(name: str, results: list[dict[str, Any]]) -> list[str]:
    def spread(values: list[float], digits: int) -> str:
        return f"{fmean(values):.{digits}f}" + (f" ± {stdev(values):.{digits}f}" if len(values) > 1 else "")

    return [name, str(len(results)), spread([r["density_g_cm3"] for r in results], 2),
            spread([100 * r["coordination"].get("4", 0) for r in results], 0),
            spread([r["mean_zn_n_angstrom"] for r in results], 3),
            f"{min(r['min_zn_zn_angstrom'] for r in results):.2f}", spread([100 * r["bonds_kept"] for r in results], 0)]


def update_readme(listed: Path) -> None:
    """Put the table between the two marks of the README beside the list, where there is one."""
    readme = listed.parent / "README.md"
    if readme.is_file() and TABLE_BEGIN in (text := readme.read_text()):
        before, rest = text.split(TABLE_BEGIN)
        after = rest.split(TABLE_END)[1]
        write_text_atomic(readme, f"{before}{TABLE_BEGIN}\n{table(listed)}\n{TABLE_END}{after}")


def main(arguments: list[str]) -> int:
    stopping.stop_at_signals_for_good()
    listed = Path(arguments[0]) if arguments else LIST
    runs = Path(arguments[1]) if len(arguments) > 1 else RUNS
    failed = False
    try:
        for glass in glasses(listed):
            target = listed.parent / f"{glass.name}.cif"
            with turn(runs / glass.name) as mine:
                if not mine or is_there(glass, target):
                    continue
                try:
                    glass.make(runs / glass.name, target)
                except SimulationError as error:        # told, and left for a look; the others do not wait for it
                    print(f"error: {error}", file=sys.stderr)
                    failed = True
                else:
                    update_readme(listed)
                    print(f"made {target}", flush=True)
    except ZifsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RunInterrupted as stop:
        print(stop, file=sys.stderr)
        return stop.exit_code
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
