"""The page of a melt: what it says of a finished, an unfinished and a bonded run."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from zifsim.campaign.melt_job import MeltJob, run_melt_job
from zifsim.cli.app import app
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.io.xyz import write_framework
from zifsim.melt.run import MeltSettings
from zifsim.model.schedule import Segment, TemperatureProgram
from zifsim.report.melt import read_run, write_melt_page
from zifsim.runs.digest import plain
from zifsim.runs.folder import finished_outputs
from zifsim.runs.seal import read_sealed_json

PROGRAM = TemperatureProgram("short", (Segment("heat", 300.0, 400.0, 0.2, "NVT"), Segment("quench", 400.0, 300.0, 0.2),
                                       Segment("equilibrate", 300.0, 300.0, 0.4)), 1.0)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("melt")
    settings = MeltSettings(platform="CPU", cpu_threads=1, seed=77, state_interval_ps=0.02)
    run_melt_job(MeltJob(load_framework("ZIF-8"), load_melt_forcefield("nb-ZIF-FF-s"), PROGRAM, settings), folder)
    return folder


@pytest.fixture
def unfinished(finished: Path, tmp_path: Path) -> Path:
    """The same run as it stood halfway, and with a bonded force field."""
    rows = (finished / "state.csv").read_text().splitlines(keepends=True)
    (tmp_path / "state.csv").write_text("".join(rows[: len(rows) // 2]))
    claim = read_sealed_json(finished / "config.json")
    claim |= {"can_break": False, "config": claim["config"] | {"forcefield": "ZIF-FF"}}
    (tmp_path / "config.json").write_text(json.dumps(claim))
    (tmp_path / "record.json").write_bytes((finished / "record.json").read_bytes())
    return tmp_path


class Balanced(HTMLParser):
    """Counts open elements."""

    VOID = ("meta", "br", "path", "use")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def words(page: Path) -> str:
    """What a reader sees beside the picture."""
    text = re.sub(r"<svg.*?</svg>|<style>.*?</style>", "", page.read_text(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_a_finished_melt_says_what_came_out_and_how_it_was_run(finished: Path) -> None:
    text, result = words(finished / "melt.html"), json.loads((finished / "melt.json").read_text())
    assert "density settled" in text or "Density not settled" in text
    assert f"{result['density_g_cm3']:.3f} ± {result['density_error_g_cm3']:.3f}" in text
    assert "Zn–N bonds can break and re-form" in text
    assert "a refit of this project, not a published force field" in text
    assert "Quenched at 500 K/ps (5 × 10¹⁴ K/s)" in text
    assert "seed 77" in text
    assert "openmm 8" in text
    assert (finished / "melt.png").read_bytes()[:4] == b"\x89PNG"


def test_the_page_needs_no_other_file_and_closes_what_it_opens(finished: Path) -> None:
    text = (finished / "melt.html").read_text()
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    assert not re.search(r'(src|href)="(?!#|https://doi\.org)', text)


def test_an_unfinished_melt_says_so_and_a_bonded_one_that_it_cannot_melt(unfinished: Path) -> None:
    text = words(write_melt_page(unfinished))
    assert re.search(r"Unfinished: 0\.[34] of 0\.8 ps", text)
    assert "density now" in text
    assert "bonds are fixed: the network cannot melt" in text


def test_a_row_that_is_being_written_does_not_count(unfinished: Path) -> None:
    before = words(write_melt_page(unfinished))
    with open(unfinished / "state.csv", "a") as stream:
        stream.write("999999,0.7,equil")
    assert words(write_melt_page(unfinished)) == before
    header = (unfinished / "state.csv").read_text().splitlines(keepends=True)[0]
    (unfinished / "state.csv").write_text(header)
    with pytest.raises(InputError, match="no rows yet"):
        write_melt_page(unfinished)


def test_zifsim_report_writes_the_page_of_a_melt(unfinished: Path) -> None:
    shown = CliRunner().invoke(app, ["report", str(unfinished)])
    assert shown.exit_code == 0, shown.output
    assert (unfinished / "melt.html").is_file()


def test_a_folder_without_a_melt_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no melt \(config.json and state.csv\)"):
        write_melt_page(tmp_path)


def test_a_melt_of_an_earlier_version_still_gets_its_page(finished: Path, tmp_path: Path) -> None:
    """It said in run.json what it is."""
    (tmp_path / "run.json").write_text(json.dumps(read_run(finished) | {"structure": "ZIF-old"}))
    for name in ("state.csv", "melt.json"):
        (tmp_path / name).write_bytes((finished / name).read_bytes())
    old, new = words(write_melt_page(tmp_path)), words(finished / "melt.html")
    assert old == new.replace("ZIF-8: melt", "ZIF-old: melt")


def test_the_stage_of_a_study_gets_its_page_from_what_the_plan_wrote(finished: Path, tmp_path: Path) -> None:
    """Its crystal is a file of another stage, its force field stands there by value."""
    crystal, forcefield = load_framework("ZIF-8"), load_melt_forcefield("nb-ZIF-FF-s")
    write_framework(tmp_path / "crystal.extxyz", crystal)
    claim = json.loads((finished / "config.json").read_text())
    stage = {"kind": "melt", "key": claim["key"], "inputs": {"framework": "../crystal.extxyz"},
             "config": claim["config"] | {"material": "ZIF-8", "configuration": "A-r1", "supercell": [1, 1, 1]},
             "parameters": {"forcefield": plain(forcefield)}}
    folder = tmp_path / "stage"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(stage))
    for name in ("state.csv", "melt.json", "record.json"):
        (folder / name).write_bytes((finished / name).read_bytes())
    of_stage, of_job = words(write_melt_page(folder)), words(finished / "melt.html")
    assert of_stage.replace("ZIF-8-A-r1", "ZIF-8") == of_job


def test_drawing_the_page_again_leaves_the_folder_finished(finished: Path) -> None:
    assert "melt.html" not in json.loads((finished / "DONE").read_text())["outputs"]
    write_melt_page(finished)
    assert finished_outputs(finished) is not None
