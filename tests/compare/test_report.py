"""The HTML report, the pictures and the two commands."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer
from synthetic_results import write_results, write_study
from typer.testing import CliRunner

from zifsim.cli.compare import compare
from zifsim.cli.report import report
from zifsim.compare import run_comparison
from zifsim.compare.reference import load_reference
from zifsim.compare.results import read_results
from zifsim.errors import InputError
from zifsim.report import write_report
from zifsim.report.glass import glass_summary
from zifsim.report.html import chem

MELT = {
    "forcefield": "nb-ZIF-FF-s", "program": "paper", "seed": 3, "density_g_cm3": 1.3141,
    "density_error_g_cm3": 0.0042, "density_settled": True, "temperature_k": 301.2, "mean_coordination": 3.81,
    "coordination": {"3": 0.1875, "4": 0.8125}, "mean_zn_n_angstrom": 2.0123, "min_zn_zn_angstrom": 5.13,
    "bonds_kept": 0.3, "bonds_new": 0.55, "can_break": True, "duration_ps": 28.0, "ns_per_day": 3.2,
    "platform": "CPU, 1 thread (no working GPU platform was found)", "material": "agZIF-62", "configuration": "A-r1",
}
PROGRAM = [
    {"name": "heat", "from_k": 300.0, "to_k": 1500.0, "duration_ps": 12.0},
    {"name": "quench", "from_k": 1500.0, "to_k": 300.0, "duration_ps": 24.0},
    {"name": "equilibrate", "from_k": 300.0, "to_k": 300.0, "duration_ps": 5.0},
]


class Page(HTMLParser):
    """Collects text, ids, and everything a browser would load."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.text, self.ids, self.loads, self.open = "", [], [], []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if "id" in values:
            self.ids.append(values["id"])
        if tag in ("script", "link", "img", "iframe", "object", "embed", "source"):
            self.loads.append(tag)
        self.loads += [v for k, v in attrs if k in ("src", "srcset", "data") and v]
        if tag != "a":
            self.loads += [v for k, v in attrs if k in ("href", "xlink:href") and not str(v).startswith("#")]

    def handle_data(self, data: str) -> None:
        self.text += data


def add_glass(results: Path) -> Path:
    stage = results / "melt" / "agZIF-62-A-r1"
    stage.mkdir(parents=True)
    (stage / "melt.json").write_text(json.dumps(MELT))
    (stage / "config.json").write_text(json.dumps({"config": {"program": {"segments": PROGRAM}}}))
    return results


@pytest.fixture
def glass_folder(results_folder: Path) -> Path:
    return add_glass(results_folder)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with a glass and its report, for the tests that only look at it: pictures take seconds."""
    folder = add_glass(write_results(tmp_path_factory.mktemp("reported") / "results"))
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def markup(reported: Path) -> str:
    return (reported / "report.html").read_text()


@pytest.fixture(scope="module")
def text(markup: str) -> str:
    return Page(markup).text


def test_report_loads_nothing_from_outside(markup: str) -> None:
    page = Page(markup)
    assert page.loads == []
    assert "@import" not in markup
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", markup))
    links = set(re.findall(r'https?://[^"\s<]+', markup))
    assert links
    assert all(link.startswith("https://doi.org/10.") for link in links)


def test_report_holds_every_number_of_the_table(reported: Path, text: str) -> None:
    for row in run_comparison(reported).rows:
        assert row.ours is not None
        assert f"{row.ours.value:.1f} ± {row.ours.sampling_error:.1f}" in text
        if row.ours.n_models > 1:
            assert f"{row.ours.model_spread:.1f}" in text
        for number in (row.reference.low, row.reference.high, row.reference.simulation):
            assert number is None or f"{number:g}" in text
        for deviation in (row.ours_minus_experiment, row.paper_minus_experiment, row.ours_minus_paper):
            if deviation is not None and abs(deviation) >= 0.05:
                assert f"{deviation:+.1f}".replace("-", "−") in text


def test_report_shows_the_tensions_of_the_paper(text: str) -> None:
    for implied in ("77.5", "80.5", "11.9", "14.3", "339.2", "345.9", "−32.0", "±0.45"):
        assert implied in text
    assert "Zn(Im)1.8125(bIm)0.1875" in text


def test_report_says_quick_settings_in_page_and_pictures(markup: str) -> None:
    assert markup.count("quick settings, not converged") >= 4   # banner, settings line, both pictures


def test_report_describes_the_glass(text: str) -> None:
    assert "1.314 ± 0.004" in text
    assert "3: 19, 4: 81" in text
    assert "With nb-ZIF-FF-s (a refit of this project, not a published force field), Zn–N bonds can break" in text
    assert "50 K/ps (5 × 10¹³ K/s)" in text
    assert "0.1 to 1 K/s: at least 13 orders of magnitude slower" in text


def test_bonded_force_field_is_said_to_leave_the_network_alone(glass_folder: Path) -> None:
    path = glass_folder / "melt" / "agZIF-62-A-r1" / "melt.json"
    path.write_text(json.dumps(MELT | {"can_break": False, "forcefield": "ZIF-FF", "density_settled": False}))
    summary = glass_summary(read_results(glass_folder), load_reference())
    assert summary is not None
    assert "cannot melt" in summary.bonds
    assert "not settled" in summary.lines[0].values[0]


def test_report_without_glass_has_no_glass_section(results_folder: Path, quick_pictures: None) -> None:
    text = Page(write_report(results_folder).read_text()).text
    assert "The glass" not in text
    assert "there are no accessibility results" in text


def test_ids_of_the_page_are_unique(markup: str) -> None:
    ids = Page(markup).ids
    assert ids
    assert len(ids) == len(set(ids))


def test_names_from_the_study_are_escaped(glass_folder: Path) -> None:
    study = json.loads((glass_folder / "study.json").read_text())
    study["study"]["title"] = "<script>alert(1)</script>"
    (glass_folder / "study.json").write_text(json.dumps(study))
    assert Page(write_report(glass_folder).read_text()).loads == []


def test_report_is_the_same_each_time(reported: Path, markup: str) -> None:
    assert write_report(reported).read_text() == markup


def test_pictures_are_written(reported: Path) -> None:
    for name in ("table1.png", "isotherms.png"):
        assert (reported / "figures" / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "marked"), [
    ("CO2", "CO<sub>2</sub>"), ("agZIF-62", "a<sub>g</sub>ZIF-62"), ("ZIF-62", "ZIF-62"),
    ("ag[(ZIF-8)0.2(ZIF-62)0.8]", "a<sub>g</sub>[(ZIF-8)<sub>0.2</sub>(ZIF-62)<sub>0.8</sub>]"),
    ("(ZIF-8)(ZIF-62)(20/80)", "(ZIF-8)(ZIF-62)(20/80)"), ("<b>", "&lt;b&gt;"),
])
def test_chemical_names_get_their_subscripts(name: str, marked: str) -> None:
    assert str(chem(name)) == marked


def command_line() -> typer.Typer:
    app = typer.Typer()
    app.command()(compare)
    app.command()(report)
    return app


def test_compare_prints_the_table(results_folder: Path) -> None:
    answer = CliRunner().invoke(command_line(), ["compare", str(results_folder)], env={"COLUMNS": "160"})
    assert answer.exit_code == 0, answer.output
    assert "Quick settings, not converged." in answer.output
    assert "ag[(ZIF-8)0.2(ZIF-62)0.8]" in answer.output
    assert "115.0 ± 1.7" in answer.output
    assert (results_folder / "table1.csv").is_file()


def test_compare_fits_a_narrow_terminal(results_folder: Path) -> None:
    answer = CliRunner().invoke(command_line(), ["compare", str(results_folder)], env={"COLUMNS": "80"})
    assert answer.exit_code == 0, answer.output
    assert max(len(line) for line in answer.output.splitlines()) <= 80
    assert "115.0 ± 1.7" in answer.output


def test_report_names_what_it_wrote(results_folder: Path, quick_pictures: None) -> None:
    answer = CliRunner().invoke(command_line(), ["report", str(results_folder)])
    assert answer.exit_code == 0, answer.output
    assert "report.html" in answer.output
    assert (results_folder / "report.html").is_file()


def test_nothing_is_written_where_nothing_was_simulated(tmp_path: Path) -> None:
    write_study(tmp_path)
    with pytest.raises(InputError, match="no isotherm yet"):
        write_report(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["study.json"]


def test_the_glass_table_names_the_platform_without_its_note(text: str) -> None:
    assert "3.2 (CPU, 1 thread)" in text
    assert "no working GPU" not in text.partition("Provenance")[0]
