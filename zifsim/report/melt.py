"""Page of one melt: ``melt.html`` and ``melt.png`` from what the run left in its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from zifsim.compare.reference import load_reference
from zifsim.errors import InputError
from zifsim.io.files import read_json, write_bytes_atomic, write_text_atomic
from zifsim.io.tables import read_run_table
from zifsim.io.xyz import read_framework
from zifsim.melt.checkpoint import CHECKPOINT, STATE_TABLE
from zifsim.melt.result import RESULT, verdict
from zifsim.melt.settings import NOT_PHYSICS, MeltSettings
from zifsim.printable import literal
from zifsim.report.figures import BLUE, INK, ORANGE, house_style, to_png, to_svg
from zifsim.report.glass import bonds_sentence, laboratory_sentence
from zifsim.report.html import page_template
from zifsim.runs.folder import CONFIG, RECORD, finished_outputs, read_config
from zifsim.runs.seal import UNREADABLE

FloatArray = NDArray[np.float64]
Table = Mapping[str, FloatArray]
PAGE, PICTURE = "melt.html", "melt.png"
OLD_RUN = "run.json"            # in which melts once said what they are
WINDOWS = 60                    # of the running mean, per run
GREEN = "#009e73"
# Column of state.csv, what the legend calls it, colour, dashes.
Curve = tuple[str, str, str, str]


def is_melt(folder: Path) -> bool:
    """Whether a folder is that of a melt, of ``zifsim melt`` or of a study."""
    claimed = (read_config(folder) or {}).get("kind") == "melt" or (folder / OLD_RUN).is_file()
    return claimed and (folder / STATE_TABLE).is_file()


def write_melt_page(out_dir: str | Path) -> Path:
    """Write ``melt.html`` and ``melt.png`` of a melt that is finished, still running or was stopped.

    Raises
    ------
    InputError: the folder holds no melt, or one that has no rows yet.
    """
    from markupsafe import Markup

    folder = Path(out_dir)
    if not is_melt(folder):
        raise InputError(f"{folder} holds no melt ({CONFIG} and {STATE_TABLE}); give the --out folder of "
                         "'zifsim melt'.")
    finished_outputs(folder)
    table = _read_table(folder / STATE_TABLE)
    try:
        run = read_run(folder)
        result = read_json(folder / RESULT) if (folder / RESULT).is_file() else None
    except (OSError, *UNREADABLE) as error:
        raise InputError(f"{folder} holds a damaged file of its melt ({type(error).__name__}: {error}); the same "
                         "`zifsim melt` tells which.") from None
    figure = melt_figure(run, table, result)
    write_bytes_atomic(folder / PICTURE, to_png(figure))
    page = page_template("melt.html.j2").render(
        run=run, finished=result is not None, settled=bool(result and result["density_settled"]),
        time_ps=float(table["time_ps"][-1]), duration_ps=duration_ps(run),
        bonds=bonds_sentence({run["forcefield"]: run["can_break"]}), tiles=_tiles(table, result),
        svg=Markup(to_svg(figure, "melt", "Temperature, density, coordination, bonds, energy and cell against time")),
        window_ps=_window(table) * float(np.diff(table["time_ps"][:2]).sum()), rates=_rates(run),
        facts=_facts(run, result), settings_json=json.dumps(run["settings"], indent=2))
    write_text_atomic(folder / PAGE, page)
    return folder / PAGE


def read_run(folder: Path) -> dict[str, Any]:
    """What a melt's folder says of how it is run: structure, force field, program, settings, platform, versions."""
    if (folder / OLD_RUN).is_file():
        return dict(read_json(folder / OLD_RUN))
    claim, record = read_config(folder) or {}, read_json(folder / RECORD)
    config = claim["config"]
    settings = {f.name: config.get(f.name, f.default) for f in fields(MeltSettings) if f.name not in NOT_PHYSICS}
    versions = {"zifsim": record["zifsim_version"], **{n: record["versions"][n] for n in ("openmm", "numpy")}}
    latest = next((read_json(folder / name) for name in (RESULT, CHECKPOINT) if (folder / name).is_file()), record)
    return {**(claim if "structure" in claim else _of_a_study(folder, claim)), "forcefield": config["forcefield"],
            "program": config["program"], "settings": settings, "platform": latest["platform"], "versions": versions,
            "input_sha256": claim["key"]}


def _of_a_study(folder: Path, claim: Mapping[str, Any]) -> dict[str, Any]:
    """What the folder of a study's stage says in other words: its crystal is a file, its force field given by value."""
    config, forcefield = claim["config"], claim["parameters"]["forcefield"]
    crystal = read_framework(folder / claim["inputs"]["framework"]).supercell(tuple(config["supercell"]))
    return {"structure": f"{config['material']}-{config['configuration']}", "formula": crystal.formula,
            "atoms": crystal.n_atoms, "source": crystal.source, "forcefield_description": forcefield["description"],
            "can_break": forcefield["dissociable"]}


def _read_table(path: Path) -> Table:
    """Columns of state.csv, the segment's name left out; a last row that is being written does not count."""
    rows = read_run_table(path, unfinished=True)
    return {name: np.array([float(value) for value in values]) for name, values in rows.items() if name != "segment"}


def duration_ps(run: Mapping[str, Any]) -> float:
    return sum(float(s["duration_ps"]) for s in run["program"]["segments"])


def melt_figure(run: Mapping[str, Any], table: Table, result: Mapping[str, Any] | None) -> Figure:
    """Six panels against time: temperature, density, coordination, bonds, energy, cell."""
    with house_style():
        figure = Figure(figsize=(11.0, 5.4), layout="constrained")
        (warm, dense, near), (bonds, energy, cell) = figure.subplots(2, 3, sharex=True)
        _draw(warm, table, [("temperature_k", "actual", BLUE, "-")], "temperature, K")
        warm.plot(table["time_ps"], table["set_point_k"], color=INK, linewidth=0.9, label="set point")
        _draw(dense, table, [("density_g_cm3", "", BLUE, "-")], "density, g/cm³")
        if result is not None:
            dense.axhline(result["density_g_cm3"], color=ORANGE, linewidth=0.9)
        _draw(near, table, [("zn_n_coordination", "", BLUE, "-")], "Zn–N coordination")
        percent = {name: 100.0 * table[name] for name in ("bonds_kept", "bonds_new")}
        _draw(bonds, {**table, **percent}, [("bonds_kept", "kept", BLUE, "-"), ("bonds_new", "new", ORANGE, "-")],
              "Zn–N bonds, % of the crystal's")
        bonds.set_ylim(bottom=0.0)
        _draw(energy, table, [("energy_kj_mol", "", BLUE, "-")], "energy per cell, kJ/mol")
        edges = [("a", "a", BLUE, "-"), ("b", "b", ORANGE, "--"), ("c", "c", GREEN, "-")]
        _draw(cell, {**table, **_edges(table)}, edges, "cell, Å")
        for ax in (warm, dense, near, bonds, energy, cell):
            _finish(ax, run, labelled=ax in (warm, dense, near))
        for ax in (bonds, energy, cell):
            ax.set_xlabel("time, ps")
        figure.suptitle(literal(f"{run['structure']}, {run['forcefield']}, program {run['program']['name']}, seed "
                                f"{run['settings']['seed']}"), x=0.995, ha="right", fontsize=8.5, style="italic")
    return figure


def _draw(ax: Axes, table: Table, curves: Sequence[Curve], title: str) -> None:
    """Every row thinly, the running mean on top."""
    time, window = table["time_ps"], _window(table)
    for column, label, colour, dashes in curves:
        ax.plot(time, table[column], color=colour, linewidth=0.5, alpha=0.35)
        ax.plot(_smooth(time, window), _smooth(table[column], window), dashes, color=colour, linewidth=1.6, label=label)
    ax.set_title(title, loc="left")


def _finish(ax: Axes, run: Mapping[str, Any], *, labelled: bool) -> None:
    """Bands for the segments of the program, their names where they fit, a legend where there is one."""
    start, whole = 0.0, duration_ps(run)
    for number, segment in enumerate(run["program"]["segments"]):
        end = start + segment["duration_ps"]
        if number % 2:
            ax.axvspan(start, end, color=INK, alpha=0.05, linewidth=0)
        if labelled and end - start > 0.012 * whole * len(segment["name"]):
            ax.annotate(literal(segment["name"]), ((start + end) / 2, 0.985), xycoords=("data", "axes fraction"),
                        ha="center", va="top", fontsize=7.5)
        start = end
    ax.set_xlim(0.0, whole)
    if labelled:                # room for the names
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.08 * (high - low))
    ax.grid(True)
    ax.set_axisbelow(True)
    if any(ax.get_legend_handles_labels()[1]):
        ax.legend(fontsize=8.0, loc="lower center" if labelled else "best")


def _window(table: Table) -> int:
    """Rows of the running mean."""
    return max(1, len(table["time_ps"]) // WINDOWS)


def _smooth(series: FloatArray, window: int) -> FloatArray:
    """Running mean, shorter by ``window`` − 1."""
    mean: FloatArray = np.convolve(series, np.full(window, 1.0 / window), mode="valid")
    return mean


def _edges(table: Table) -> Table:
    """Lengths of the cell's three edges, Å."""
    return {"a": table["ax_a"], "b": np.hypot(table["bx_a"], table["by_a"]),
            "c": np.sqrt(table["cx_a"]**2 + table["cy_a"]**2 + table["cz_a"]**2)}


def _tiles(table: Table, result: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if result is None:
        last = {name: float(column[-1]) for name, column in table.items()}
        return [(f"{last['density_g_cm3']:.3f}", "density now, g/cm³"),
                (f"{last['zn_n_coordination']:.2f}", "N per Zn now"),
                (f"{100 * last['bonds_kept']:.0f} / {100 * last['bonds_new']:.0f} %", "Zn–N bonds kept / new"),
                (f"{last['temperature_k']:.0f} K", f"set point {last['set_point_k']:.0f} K")]
    four = 100.0 * result["coordination"].get("4", 0.0)
    found = verdict(result["bonds_kept"], result["can_break"])
    return [*([] if found == "melted" else [("not melted", found.removeprefix("not melted: "))]),
            (f"{result['density_g_cm3']:.3f} ± {result['density_error_g_cm3']:.3f}", "bulk density, g/cm³"),
            (f"{four:.0f} %", f"of Zn with four N; mean Zn–N {result['mean_zn_n_angstrom']:.3f} Å"),
            (f"{100 * result['bonds_kept']:.0f} / {100 * result['bonds_new']:.0f} %",
             "Zn–N bonds of the crystal kept / new"),
            (f"{result['min_zn_zn_angstrom']:.2f} Å", "closest Zn–Zn in the glass")]


def _rates(run: Mapping[str, Any]) -> str:
    """The last cooling beside the laboratory's; nothing where the program never cools."""
    falls = [s for s in run["program"]["segments"] if s["to_k"] < s["from_k"]]
    if not falls:
        return ""
    rate = (falls[-1]["from_k"] - falls[-1]["to_k"]) / falls[-1]["duration_ps"]
    return laboratory_sentence([rate], load_reference().glass["laboratory_quench_rate_k_per_s"])


def _facts(run: Mapping[str, Any], result: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    settings = run["settings"]
    tail = ", tail correction" if settings.get("tail_correction") else ""
    facts = [("Force field", f"{run['forcefield']}: {run['forcefield_description']}"),
             ("Structure", run["source"] or run["structure"]),
             ("Time step", f"{run['program']['timestep_fs']:g} fs"),
             ("Cut-off", f"{settings['cutoff_angstrom']:g} Å{tail}, PME tolerance {settings['ewald_tolerance']:g}"),
             ("Thermostat", f"Langevin, {settings['friction_per_ps']:g} /ps; volume moves every "
                            f"{settings['barostat_interval']} steps"),
             ("Seed", str(settings["seed"])), ("Platform", run["platform"])]
    if result is not None:
        facts.append(("Speed", f"{result['ns_per_day']:.1f} ns/day, {result['wall_s'] / 60.0:.1f} min"))
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    return [*facts, ("Versions", versions), ("Input sha256", run["input_sha256"])]
