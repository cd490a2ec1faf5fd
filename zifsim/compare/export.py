"""Tables of the comparison in words: CSV for machines, Markdown and LaTeX for people."""

from __future__ import annotations

from pathlib import Path

from zifsim.compare.reference import PRESSURE_BAR
from zifsim.compare.scores import Score, score_table
from zifsim.compare.table import ComparisonRow, ComparisonTable
from zifsim.io.files import write_text_atomic
from zifsim.io.tables import Cell, latex_table, markdown_table, write_csv

# fmt: off
COLUMNS = (
    "study", "quality", "quality_note", "section", "material", "gas", "temperature_k", "pressure_bar",
    "uptake_ml_stp_g", "sampling_error_ml_stp_g", "model_spread_ml_stp_g", "n_models", "equilibrated",
    "accessible_ml_stp_g", "accessible_sampling_error_ml_stp_g", "accessible_lowest_ml_stp_g",
    "accessible_highest_ml_stp_g", "accessible_basis",
    "experiment_ml_stp_g", "experiment_low_ml_stp_g", "experiment_high_ml_stp_g",
    "experiment_zero_is_kinetic", "experiment_origin", "published_simulation_ml_stp_g",
    "ours_minus_experiment_ml_stp_g", "accessible_minus_experiment_ml_stp_g", "published_minus_experiment_ml_stp_g",
    "ours_minus_published_ml_stp_g",
    "forcefield", "charges", "guest_model", "cutoff_angstrom", "study_seed", "seeds", "models",
    "zifsim_version", "note",
)
SCORE_COLUMNS = (
    "study", "quality", "quality_note", "group", "n_rows",
    "mean_absolute_error_ours_ml_stp_g", "mean_absolute_error_accessible_ml_stp_g",
    "mean_absolute_error_published_ml_stp_g",
    "n_log_rows", "mean_abs_ln_ratio_ours", "mean_abs_ln_ratio_accessible", "mean_abs_ln_ratio_published",
)
SHOWN = (
    "Material", "Gas", "T, K", "This work", "Spread", "Models", "Accessible", "Experiment", "Published sim.",
    "Ours − exp.", "Acc. − exp.", "Publ. − exp.", "Ours − publ.",
)
SHOWN_ALIGN = "llrrrrrrrrrrr"
SCORE_SHOWN = (
    "Rows", "n", "MAE ours", "MAE acc.", "MAE publ.", "n (log)", "ln ratio ours", "ln ratio acc.", "ln ratio publ.",
    "Factor ours", "Factor acc.", "Factor publ.",
)
SCORE_ALIGN = "lrrrrrrrrrrr"
# fmt: on
SUBSCRIPTS = str.maketrans("24", "₂₄")  # of the gases' formulas
EXPLANATION = (
    "Uptake at 1 bar, mL(STP)/g. This work: mean over structural models ± standard error of sampling; "
    "spread: standard deviation between models. Accessible: what of it the gas reaches within the time of the "
    "experiment (in brackets: particles of 1 mm in 6 min to 1 µm in a day). * not equilibrated. † a measured "
    "zero is kinetic (the gas does not get in in time), so its log ratio is undefined. Deviations from a "
    "measured range count from its nearer end. Experiment and published simulation: doi:10.1039/c8sc04044c."
)
SCORE_EXPLANATION = (
    "Ours and published over the same n rows of Table 1. MAE: mean absolute error, mL(STP)/g. ln ratio: mean "
    "|ln(simulated/measured)| over the rows where all values are positive. Factor: exp of it. Acc.: the accessible "
    "uptake, where every row of the group has one."
)
NO_ACCESS = (
    "Accessible is empty: there are no accessibility results. Add [access] to the study, or name results of "
    "`zifsim access` with `zifsim compare --access`."
)


def columns_in_use(table: ComparisonTable) -> tuple[str, ...]:
    """:data:`SHOWN` for a screen: without access results those that would be empty are left out."""
    return SHOWN if table.has_access else tuple(name for name in SHOWN if not name.startswith("Acc"))


def write_tables(table: ComparisonTable, folder: Path) -> None:
    """Write table1.csv, table1.md, table1.tex and scores.csv into a folder."""
    scores = score_table(table)
    write_csv(folder / "table1.csv", COLUMNS, [csv_row(table, row) for row in table.rows])
    write_csv(
        folder / "scores.csv",
        SCORE_COLUMNS,
        [
            (
                table.study,
                table.quality,
                table.quality_note,
                s.group,
                s.n_rows,
                s.mae_ours,
                s.mae_accessible,
                s.mae_paper,
                s.n_log_rows,
                s.log_ratio_ours,
                s.log_ratio_accessible,
                s.log_ratio_paper,
            )
            for s in scores
        ],
    )
    write_text_atomic(folder / "table1.md", as_markdown(table, scores))
    write_text_atomic(folder / "table1.tex", as_latex(table))


def csv_row(table: ComparisonTable, row: ComparisonRow) -> tuple[Cell, ...]:
    """The cells of one row, in the order of :data:`COLUMNS`."""
    ours, reached, reference, settings = row.ours, row.accessible, row.reference, row.settings
    single = reference.high if reference.low == reference.high else None
    return (
        table.study,
        table.quality,
        table.quality_note,
        reference.section,
        row.material,
        row.gas,
        row.temperature_k,
        PRESSURE_BAR,
        ours.value if ours else None,
        ours.sampling_error if ours else None,
        ours.model_spread if ours else None,
        ours.n_models if ours else 0,
        ours.equilibrated if ours else None,
        reached.estimate.value if reached else None,
        reached.estimate.sampling_error if reached else None,
        reached.low if reached else None,
        reached.high if reached else None,
        reached.basis if reached else "",
        single,
        reference.low,
        reference.high,
        reference.kinetic_zero,
        reference.origin,
        reference.simulation,
        row.ours_minus_experiment,
        row.accessible_minus_experiment,
        row.paper_minus_experiment,
        row.ours_minus_paper,
        settings.forcefield,
        settings.charges,
        settings.guest_model,
        settings.cutoff_angstrom,
        table.seed,
        settings.seeds,
        settings.models,
        table.versions,
        row.note,
    )


def shown_row(row: ComparisonRow) -> tuple[str, ...]:
    """The cells of one row for people, in the order of :data:`SHOWN`."""
    ours = row.ours
    return (
        row.material,
        row.gas,
        f"{row.temperature_k:g}",
        ours_text(row),
        "–" if ours is None or ours.n_models < 2 else f"{ours.model_spread:.1f}",
        str(ours.n_models) if ours else "0",
        accessible_text(row),
        experiment_text(row),
        "–" if row.reference.simulation is None else f"{row.reference.simulation:.1f}",
        signed(row.ours_minus_experiment),
        signed(row.accessible_minus_experiment),
        signed(row.paper_minus_experiment),
        signed(row.ours_minus_paper),
    )


def ours_text(row: ComparisonRow) -> str:
    """Value ± sampling error, starred where not equilibrated; 'missing' where there is none, or none to compare."""
    if row.ours is None:
        return "missing"
    digits = 1 if row.ours.sampling_error >= 0.05 or row.ours.value >= 10.0 else 2
    star = "" if row.ours.equilibrated else " *"
    return f"{row.ours.value:.{digits}f} ± {row.ours.sampling_error:.{digits}f}{star}"


def accessible_text(row: ComparisonRow) -> str:
    """Value and, where they differ from it, the lowest and highest over sizes and times; a dash where unknown."""
    if row.accessible is None:
        return "–"
    value, low, high = (f"{v:.1f}" for v in (row.accessible.estimate.value, row.accessible.low, row.accessible.high))
    return value if low == value == high else f"{value} ({low}–{high})"


def experiment_text(row: ComparisonRow) -> str:
    """The measured value, a range as low–high, a kinetic zero with a dagger."""
    low, high = row.reference.low, row.reference.high
    if low is None or high is None:
        return "–"
    if row.reference.kinetic_zero:
        return "0 †"
    return f"{high:g}" if low == high else f"{low:g}–{high:g}"


def signed(value: float | None) -> str:
    """A deviation with its sign, or a dash."""
    if value is None:
        return "–"
    return "0.0" if abs(value) < 0.05 else f"{value:+.1f}".replace("-", "−")


def number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def shown_score(score: Score) -> tuple[str, ...]:
    """The cells of one score for people, in the order of :data:`SCORE_SHOWN`."""
    return (
        score.group,
        str(score.n_rows),
        number(score.mae_ours, 1),
        number(score.mae_accessible, 1),
        number(score.mae_paper, 1),
        str(score.n_log_rows),
        number(score.log_ratio_ours),
        number(score.log_ratio_accessible),
        number(score.log_ratio_paper),
        number(score.factor_ours),
        number(score.factor_accessible),
        number(score.factor_paper),
    )


def as_markdown(table: ComparisonTable, scores: tuple[Score, ...]) -> str:
    """table1.md: the table, the scores, and what was missing."""
    notes = [
        f"- {row.material}, {row.gas} {row.temperature_k:g} K: {row.note}" for row in table.rows if row.note
    ]
    parts = [
        f"# Uptake at 1 bar: {table.study}",
        f"**{table.quality_note.capitalize()}.** {EXPLANATION}",
        *(f"**{warning}**" for warning in table.warnings),
        markdown_table(SHOWN, [shown_row(row) for row in table.rows], SHOWN_ALIGN),
        "## Scores against experiment",
        SCORE_EXPLANATION,
        markdown_table(SCORE_SHOWN, [shown_score(s) for s in scores], SCORE_ALIGN),
        "## Notes",
        "\n".join(notes) or "None.",
        *([] if table.has_access else [NO_ACCESS]),
        f"Settings: {table.settings_line}.",
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def as_latex(table: ComparisonTable) -> str:
    """table1.tex: the table for a manuscript."""
    said = " ".join((f"{table.quality_note.capitalize()}.", *table.warnings))
    rows = [
        (material, gas.translate(SUBSCRIPTS), *rest) for material, gas, *rest in map(shown_row, table.rows)
    ]
    groups = [i for i in range(1, len(rows)) if rows[i][0] != rows[i - 1][0]]
    return latex_table(
        SHOWN,
        rows,
        SHOWN_ALIGN,
        f"{said} {EXPLANATION} Settings: {table.settings_line}.",
        "tab:uptake",
        groups,
    )
