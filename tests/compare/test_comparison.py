"""From a results folder to the table, the scores and the files; every number worked out by hand."""

import csv
import json
import math
import shutil
from pathlib import Path

import pytest
from synthetic_results import (
    BLENDS,
    GASES,
    UPTAKE,
    loading_point,
    uptake_error,
    write_isotherm,
    write_study,
)

from zifsim.compare import ComparisonTable, run_comparison
from zifsim.compare.results import read_results
from zifsim.compare.scores import ALL, NOT_N2_77K, POSITIVE, score_table
from zifsim.compare.table import ComparisonRow
from zifsim.compare.uptakes import pressures_bar
from zifsim.errors import InputError


def row_of(table: ComparisonTable, material: str, gas: str) -> ComparisonRow:
    (row,) = [r for r in table.section("table1") if (r.material, r.gas) == (material, gas)]
    return row


def read_csv(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))


def test_crystal_row_is_the_mean_of_its_configurations(results_folder: Path) -> None:
    row = row_of(run_comparison(results_folder), "ZIF-62", "H2")
    assert row.ours is not None
    assert row.ours.value == pytest.approx(115.0)                              # (120 + 110) / 2
    assert row.ours.sampling_error == pytest.approx(math.hypot(2.5, 2.3) / 2)  # 2 % + 0.1 of each
    assert row.ours.model_spread == pytest.approx(math.sqrt(50.0))
    assert row.ours.n_models == 2
    assert row.ours_minus_experiment == pytest.approx(115.0 - 130.0)
    assert row.paper_minus_experiment == pytest.approx(130.5 - 130.0)
    assert row.ours_minus_paper == pytest.approx(115.0 - 130.5)


def test_blend_row_is_the_mass_weighted_mean_of_its_parts(results_folder: Path) -> None:
    row = row_of(run_comparison(results_folder), "ag[(ZIF-8)0.2(ZIF-62)0.8]", "CO2")
    assert row.ours is not None
    assert row.ours.value == pytest.approx(0.2 * 33.0 + 0.8 * 21.0)
    glass_error = math.hypot(uptake_error(18.0), uptake_error(24.0)) / 2
    assert row.ours.sampling_error == pytest.approx(math.hypot(0.2 * uptake_error(33.0), 0.8 * glass_error))
    assert row.ours.model_spread == pytest.approx(0.8 * math.sqrt(18.0))


def test_table_has_all_twenty_rows_and_zif8_against_ranges(results_folder: Path) -> None:
    table = run_comparison(results_folder)
    assert len(table.section("table1")) == 20
    zif8 = {row.gas: row for row in table.section("literature")}
    assert zif8["CO2"].ours_minus_experiment == 0.0                      # 33 lies inside 30–41
    assert zif8["H2"].ours_minus_experiment == pytest.approx(80.0 - 140.0)   # distance to the nearer end
    assert [row.gas for row in table.section("own")] == ["O2"]          # ZIF-8 O2 273 K: nothing measured


def test_missing_material_is_said_and_the_rest_goes_on(results_folder: Path) -> None:
    for stage in (results_folder / "gcmc").glob("agZIF-62-*-O2-*"):
        shutil.rmtree(stage)
    table = run_comparison(results_folder)
    assert row_of(table, "agZIF-62", "O2").ours is None
    assert "missing: no O2 isotherm of agZIF-62 at 273 K" in row_of(table, "agZIF-62", "O2").note
    assert row_of(table, "ag[(ZIF-8)0.2(ZIF-62)0.8]", "O2").ours is None
    assert row_of(table, "agZIF-62", "CO2").ours is not None
    written = [r for r in read_csv(results_folder / "table1.csv") if r["note"].startswith("missing")]
    assert {r["material"] for r in written} == {"agZIF-62", "ag[(ZIF-8)0.2(ZIF-62)0.8]"}
    assert all(r["uptake_ml_stp_g"] == "" for r in written)
    overall = {s.group: s for s in score_table(table)}[ALL]
    assert overall.n_rows == 18


def test_isotherm_without_a_point_at_one_bar_is_not_interpolated(tmp_path: Path) -> None:
    write_study(tmp_path)
    points = [loading_point(p, 10.0 * p, 0.1) for p in (0.9, 1.1)]
    write_isotherm(tmp_path, "ZIF-62", "A", "CO2", 273.0, points)
    row = row_of(run_comparison(tmp_path), "ZIF-62", "CO2")
    assert row.ours is None
    assert "no point at 1 bar" in row.note


def test_unequilibrated_point_marks_its_row_and_its_blend(tmp_path: Path) -> None:
    write_study(tmp_path)
    write_isotherm(tmp_path, "ZIF-62", "A", "N2", 77.0, [loading_point(1.0, 160.0, 1.0, equilibrated=False)])
    write_isotherm(tmp_path, "ZIF-62", "B", "N2", 77.0, [loading_point(1.0, 165.0, 1.0)])
    write_isotherm(tmp_path, "ZIF-8", "A", "N2", 77.0, [loading_point(1.0, 330.0, 1.0)])
    table = run_comparison(tmp_path)
    for material in ("ZIF-62", "(ZIF-8)(ZIF-62)(20/80)"):
        row = row_of(table, material, "N2")
        assert row.ours is not None
        assert not row.ours.equilibrated
        assert row.note.startswith("not equilibrated")
    assert "162.5 ± 0.7 *" in (tmp_path / "table1.md").read_text()


def test_nearest_temperature_is_taken_and_never_mixed(tmp_path: Path) -> None:
    write_study(tmp_path)
    write_isotherm(tmp_path, "ZIF-62", "A", "CO2", 273.0, [loading_point(1.0, 40.0, 0.1)])
    write_isotherm(tmp_path, "ZIF-62", "A", "CO2", 273.15, [loading_point(1.0, 39.0, 0.1)])
    write_isotherm(tmp_path, "ZIF-62", "B", "CO2", 273.15, [loading_point(1.0, 38.0, 0.1)])
    row = row_of(run_comparison(tmp_path), "ZIF-62", "CO2")
    assert row.ours is not None
    assert (row.ours.value, row.ours.n_models) == (pytest.approx(39.0), 2)   # 40 of A, 38 of B
    assert row.note == "simulated at 273.15 K"


def test_further_gases_and_materials_get_rows(tmp_path: Path) -> None:
    write_study(tmp_path)
    write_isotherm(tmp_path, "ZIF-4", "A", "CO2", 298.0, [loading_point(1.0, 20.0, 0.2)])
    write_isotherm(tmp_path, "ZIF-8", "A", "N2", 195.0, [loading_point(1.0, 40.0, 0.4)])
    write_isotherm(tmp_path, "ZIF-62", "A", "N2", 195.0, [loading_point(1.0, 20.0, 0.2)])
    table = run_comparison(tmp_path)
    text = table.section("text")
    assert [(r.material, r.temperature_k) for r in text] == [("(ZIF-8)(ZIF-62)(20/80)", 195.0)]
    assert text[0].ours_minus_experiment == pytest.approx(24.0 - 23.0)
    own = {(r.material, r.gas) for r in table.section("own")}
    assert own == {("ZIF-4", "CO2"), ("ZIF-8", "N2"), ("ZIF-62", "N2")}


def test_scores_are_those_worked_out_by_hand(results_folder: Path) -> None:
    scores = {s.group: s for s in score_table(run_comparison(results_folder))}
    # ours 115 41 5.2 164 23.5; experiment 130 39 0 0 27; paper 130.5 33.9 5.2 174.2 18.6
    crystal = scores["ZIF-62"]
    assert crystal.n_rows == 5
    assert crystal.mae_ours == pytest.approx((15.0 + 2.0 + 5.2 + 164.0 + 3.5) / 5)
    assert crystal.mae_paper == pytest.approx((0.5 + 5.1 + 5.2 + 174.2 + 8.4) / 5)
    assert crystal.n_log_rows == 3
    ours = (math.log(130 / 115) + math.log(41 / 39) + math.log(27 / 23.5)) / 3
    paper = (math.log(130.5 / 130) + math.log(39 / 33.9) + math.log(27 / 18.6)) / 3
    assert crystal.log_ratio_ours == pytest.approx(ours)
    assert crystal.log_ratio_paper == pytest.approx(paper)
    assert crystal.factor_ours == pytest.approx(math.exp(ours))
    assert (scores[ALL].n_rows, scores[ALL].n_log_rows) == (20, 17)
    assert (scores[POSITIVE].n_rows, scores[NOT_N2_77K].n_rows) == (17, 16)
    materials = [scores[m].mae_ours for m in ("ZIF-62", "agZIF-62", *BLENDS)]
    assert scores[ALL].mae_ours == pytest.approx(math.fsum(m for m in materials if m is not None) / 4)


def test_zero_uptake_of_ours_drops_the_log_row_on_both_sides(tmp_path: Path) -> None:
    write_study(tmp_path)
    write_isotherm(tmp_path, "agZIF-62", "A", "CO2", 273.0, [loading_point(1.0, 0.0, 0.0)])
    write_isotherm(tmp_path, "agZIF-62", "A", "CH4", 273.0, [loading_point(1.0, 7.8, 0.1)])
    score = {s.group: s for s in score_table(run_comparison(tmp_path))}["agZIF-62"]
    assert (score.n_rows, score.n_log_rows) == (2, 1)
    assert score.mae_ours == pytest.approx((20.1 + 3.9) / 2)
    assert score.log_ratio_ours == pytest.approx(math.log(2.0))
    assert score.log_ratio_paper == pytest.approx(math.log(3.9 / 1.4))


def test_score_over_no_rows_is_empty(tmp_path: Path) -> None:
    write_study(tmp_path)
    write_isotherm(tmp_path, "ZIF-8", "A", "CO2", 273.0, [loading_point(1.0, 33.0, 0.3)])
    score = {s.group: s for s in score_table(run_comparison(tmp_path))}[ALL]
    assert (score.n_rows, score.mae_ours, score.log_ratio_ours, score.factor_ours) == (0, None, None, None)


def test_csv_parses_back_to_the_table(results_folder: Path) -> None:
    table = run_comparison(results_folder)
    written = read_csv(results_folder / "table1.csv")
    assert len(written) == len(table.rows)
    for line, row in zip(written, table.rows, strict=True):
        assert row.ours is not None
        assert (line["material"], line["gas"]) == (row.material, row.gas)
        assert float(line["uptake_ml_stp_g"]) == row.ours.value
        assert float(line["sampling_error_ml_stp_g"]) == row.ours.sampling_error
        assert float(line["model_spread_ml_stp_g"]) == row.ours.model_spread
        assert line["equilibrated"] == "true"
        assert line["quality_note"] == "quick settings, not converged"
        assert (line["forcefield"], line["charges"], line["cutoff_angstrom"]) == ("PP", "ZIF-FF", "12.8")
        assert (line["study_seed"], line["seeds"]) == ("11", "4711")
        assert line["zifsim_version"] == "9.8.7 (0123456789)"
        assert line["experiment_zero_is_kinetic"] == ("true" if row.reference.kinetic_zero else "false")
    scores = read_csv(results_folder / "scores.csv")
    assert [s["group"] for s in scores][-3:] == [ALL, POSITIVE, NOT_N2_77K]


def test_markdown_and_latex_hold_every_row_and_say_quick(results_folder: Path) -> None:
    table = run_comparison(results_folder)
    markdown = (results_folder / "table1.md").read_text()
    latex = (results_folder / "table1.tex").read_text()
    body = [line.split("|") for line in markdown.splitlines() if line.startswith("|")]
    assert {len(cells) for cells in body[:2]} == {15}
    for row in table.rows:
        assert row.ours is not None
        assert f"{row.ours.value:.1f} ±" in markdown
        assert f"{row.ours.value:.1f} $\\pm$" in latex
    assert latex.count(r" \\") == 1 + len(table.rows)
    assert latex.count("{tabular}") == 2
    assert "_{" not in latex.replace("$_2$", "")
    for text in (markdown, latex):
        assert "uick settings, not converged" in text


def test_production_results_do_not_say_quick(tmp_path: Path) -> None:
    write_study(tmp_path, quality="production")
    write_isotherm(tmp_path, "ZIF-8", "A", "CO2", 273.0, [loading_point(1.0, 33.0, 0.3)])
    table = run_comparison(tmp_path)
    assert table.quality_note == "production settings"
    assert "quick" not in (tmp_path / "table1.md").read_text()


def test_pressures_are_those_that_every_model_has(tmp_path: Path) -> None:
    write_study(tmp_path)
    write_isotherm(tmp_path, "ZIF-62", "A", "CO2", 273.0, [loading_point(p, p, 0.1) for p in (0.1, 0.5, 1.0)])
    write_isotherm(tmp_path, "ZIF-62", "B", "CO2", 273.0, [loading_point(p, p, 0.1) for p in (0.1, 1.0, 2.0)])
    assert pressures_bar(read_results(tmp_path), "ZIF-62", "CO2", 273.0) == pytest.approx((0.1, 1.0))


def test_manifest_decides_which_stages_belong(results_folder: Path) -> None:
    old = write_isotherm(results_folder, "ZIF-62", "A", "CO2", 273.4, [loading_point(1.0, 999.0, 1.0)])
    belong = {p.name: {"kind": "gcmc", "folder": f"gcmc/{p.name}", "done": True}
              for p in (results_folder / "gcmc").iterdir() if p != old}
    (results_folder / "manifest.json").write_text(json.dumps({"stages": belong}))
    unfinished = next(iter(belong))
    for name in belong:
        if name != unfinished:
            (results_folder / "gcmc" / name / "DONE").write_text('{"outputs": {}}')
    results = read_results(results_folder)
    assert len(results.isotherms) == len(UPTAKE) * len(GASES) - 1
    assert old.name not in {one.stage for one in results.isotherms}
    assert unfinished not in {one.stage for one in results.isotherms}


def test_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No folder"):
        run_comparison(tmp_path / "nowhere")


def test_folder_without_study_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"not a results folder.*study\.json"):
        run_comparison(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_study_without_isotherms_is_refused_and_left_alone(tmp_path: Path) -> None:
    write_study(tmp_path)
    with pytest.raises(InputError, match="no isotherm yet"):
        run_comparison(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["study.json"]


def test_damaged_isotherm_is_named_and_old_tables_stay(results_folder: Path) -> None:
    run_comparison(results_folder)
    before = (results_folder / "table1.csv").read_bytes()
    damaged = next((results_folder / "gcmc").iterdir()) / "isotherm.json"
    damaged.write_text('{"gas": "CO2"')
    with pytest.raises(InputError, match=damaged.parent.name):
        run_comparison(results_folder)
    assert (results_folder / "table1.csv").read_bytes() == before


def test_isotherm_that_lacks_a_key_is_named(results_folder: Path) -> None:
    damaged = next((results_folder / "gcmc").iterdir()) / "isotherm.json"
    values = json.loads(damaged.read_text())
    del values["points"]
    damaged.write_text(json.dumps(values))
    with pytest.raises(InputError, match=r"is not an isotherm that zifsim wrote.*points"):
        run_comparison(results_folder)


def test_two_isotherms_of_one_model_are_refused(tmp_path: Path) -> None:
    write_study(tmp_path)
    stage = write_isotherm(tmp_path, "ZIF-62", "A", "CO2", 273.0, [loading_point(1.0, 40.0, 0.1)])
    shutil.copytree(stage, stage.with_name("again"))
    with pytest.raises(InputError, match=r"and 'again' both hold CO2 at 273 K in ZIF-62 A"):
        run_comparison(tmp_path)


def test_blend_weight_that_is_not_positive_is_named(results_folder: Path) -> None:
    study = json.loads((results_folder / "study.json").read_text())
    study["blends"]["(ZIF-8)(ZIF-62)(20/80)"]["ZIF-8"] = -0.2
    (results_folder / "study.json").write_text(json.dumps(study))
    with pytest.raises(InputError, match=r"Blend '\(ZIF-8\)\(ZIF-62\)\(20/80\)'.*positive"):
        run_comparison(results_folder)


def test_a_commit_is_named_once():
    from zifsim.compare.results import _maker

    assert _maker({"zifsim_version": "0.1.0", "git_commit": "0123456789abcdef"}) == "0.1.0 (0123456789)"
    assert _maker({"zifsim_version": "0.1.0.dev7+g0123456789", "git_commit": "0123456789abcdef"}) == (
        "0.1.0.dev7+g0123456789")
    assert _maker({"zifsim_version": "0.1.0", "git_commit": None}) == "0.1.0"
