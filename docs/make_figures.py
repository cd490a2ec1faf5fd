"""``make docs``: the pictures and the table that the README and docs/ show, from a finished quick study.

    python docs/make_figures.py [RESULTS] [--readme README.md]

RESULTS (default results/quick) is what ``make run`` leaves. Writes docs/quick_table1.png and docs/quick_melt.png,
and the table between the two ``quick-table`` comments of the README. Nothing is simulated.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from pathlib import Path

from matplotlib.figure import Figure

from zifsim.compare.export import experiment_text, ours_text
from zifsim.compare.reference import load_reference
from zifsim.compare.results import StudyResults, read_results
from zifsim.compare.table import ComparisonRow, ComparisonTable, build_table
from zifsim.errors import InputError
from zifsim.io.files import write_bytes_atomic, write_text_atomic
from zifsim.report.figures import table1_figure, to_png

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- quick-table: written by `make docs` -->", "<!-- /quick-table -->"
SUBSCRIPTS = str.maketrans("24", "₂₄")
PANELS = (("temperature_k", "temperature, K"), ("density_g_cm3", "density, g/cm³"),
          ("zn_n_coordination", "N per Zn"))
STYLES = (("#0072b2", "-"), ("#d55e00", "--"), ("#009e73", "-."), ("#cc79a7", ":"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Pictures and tables of the README and docs/, from a quick study.")
    parser.add_argument("results", nargs="?", type=Path, default=Path("results/quick"))
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md")
    options = parser.parse_args(arguments)
    try:
        if not options.results.is_dir():
            raise InputError(f"No results in {options.results}: do `make run` first (or name a results folder).")
        results = read_results(options.results)
        table = build_table(results, load_reference())
        melts = melt_files(options.results)
        written = [write_readme_table(options.readme, table, results)]
        pictures = {"quick_table1.png": table1_figure(table), "quick_melt.png": melt_figure(melts, results)}
        for name, figure in pictures.items():
            written.append(Path(__file__).with_name(name))
            write_bytes_atomic(written[-1], small_png(figure))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(f"wrote {path}" for path in written))
    return 0


def write_readme_table(readme: Path, table: ComparisonTable, results: StudyResults) -> Path:
    """Replace what stands between the two comments; raises InputError where they are missing."""
    text = readme.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise InputError(f"{readme} must hold '{BEGIN}' and after it '{END}', once each.")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    write_text_atomic(readme, f"{head}{BEGIN}\n\n{compact_table(table)}\n{provenance(table, results)}\n\n{END}{tail}")
    return readme


def compact_table(table: ComparisonTable) -> str:
    """Materials by gases: our value, under it experiment and published simulation."""
    rows = [row for row in table.rows if row.reference.section in ("table1", "literature", "own")]
    conditions = list(dict.fromkeys((r.gas, r.temperature_k) for r in table.section("table1")))
    cells = {(r.material, r.gas, r.temperature_k): _cell(r) for r in rows}
    lines = ["| | " + " | ".join(f"{gas.translate(SUBSCRIPTS)} {kelvin:g} K" for gas, kelvin in conditions) + " |",
             "| :-- |" + " :-: |" * len(conditions)]
    for material in dict.fromkeys(row.material for row in rows):
        values = (cells.get((material, *condition), "–") for condition in conditions)
        lines.append(f"| {material} | " + " | ".join(values) + " |")
    return "\n".join(lines) + "\n"


def _cell(row: ComparisonRow) -> str:
    published = "–" if row.reference.simulation is None else f"{row.reference.simulation:.1f}"
    ours = ours_text(row).replace(" *", "\\*")
    return f"**{ours}**<br>{experiment_text(row)} · {published}"


def provenance(table: ComparisonTable, results: StudyResults) -> str:
    machines = ", ".join(sorted({str(r["machine"]) for r in results.records}))
    return (f"Uptake at 1 bar, mL(STP)/g: **this work ± sampling error**, below it experiment · published simulation "
            f"(doi:10.1039/c8sc04044c). **{table.quality_note.capitalize()}**; \\* not equilibrated; "
            f"† a measured zero is kinetic. zifsim {table.versions}, seed {table.seed}, {machines}.")


def melt_files(folder: Path) -> dict[str, Path]:
    """Name of each melt of the study -> its state.csv; raises InputError where there is none."""
    found: dict[str, Path] = {}
    stages = json.loads((folder / "manifest.json").read_text())["stages"]
    for name, stage in stages.items():
        path = folder / stage["folder"] / "state.csv"
        if stage["kind"] == "melt" and path.is_file():
            found[name.removeprefix("melt ")] = path
    if not found:
        raise InputError(f"{folder} holds no melt with its state.csv; finish `make run` first.")
    return found


def melt_figure(melts: dict[str, Path], results: StudyResults) -> Figure:
    """Temperature, density and coordination against time, one line per melt."""
    figure = Figure(figsize=(11.0, 2.7), layout="constrained")
    figure.suptitle(f"{results.name}: {results.quality_note}", x=0.995, ha="right", fontsize=9, style="italic")
    axes = figure.subplots(1, len(PANELS))
    for (name, path), (colour, line) in zip(melts.items(), STYLES * len(melts), strict=False):
        with open(path, newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        time = [float(row["time_ps"]) for row in rows]
        for ax, (column, _) in zip(axes, PANELS, strict=True):
            ax.plot(time, [float(row[column]) for row in rows], line, color=colour, linewidth=1.0, label=name)
        axes[0].plot(time, [float(row["set_point_k"]) for row in rows], color="#1b1f24", linewidth=0.8, zorder=3)
    for ax, (_, label) in zip(axes, PANELS, strict=True):
        ax.set_title(label, loc="left", fontsize=10)
        ax.set_xlabel("time, ps")
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(color="#d5d9de", linewidth=0.6)
    axes[1].legend(frameon=False, fontsize=8)
    return figure


def small_png(figure: Figure) -> bytes:
    """The report's PNG with a palette of 64 colours: flat pictures lose nothing and shrink to a third."""
    from PIL import Image

    picture = Image.open(io.BytesIO(to_png(figure))).convert("RGB").quantize(64)
    stream = io.BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return stream.getvalue()


if __name__ == "__main__":
    sys.exit(main())
