"""``zifsim analyse``: what it prints, writes and refuses."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_analysis_bet import bet_isotherm
from test_analysis_dynamics import make_melt

from zifsim.analysis.result import AnalysisResult, read_analysis
from zifsim.campaign.bundle import make_bundle, verify_bundle
from zifsim.cli.app import main
from zifsim.errors import InputError
from zifsim.io.files import write_json_atomic
from zifsim.model.framework import reduced

FIGURES = ("angles", "cooling", "pair_distributions", "structure_factors", "total_correlations")


def call(*arguments: str) -> int:
    """Exit code of a command line."""
    try:
        main(["analyse", *arguments])
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_melt(tmp_path / "melt")
    return tmp_path


def test_table_files_and_pictures_of_a_crystal_and_a_melt(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.arange(0.5, 12.0, 0.05)
    Path("curve.dat").write_text("".join(f"{a:.2f} {np.sin(3 * a):.5f}\n" for a in x))
    arguments = ("ZIF-8", "melt", "--q-resolution", "0.2", "--measured", "xray-D=curve.dat", "--out", "out")
    assert call(*arguments) == 0
    text = capsys.readouterr().out
    assert "1  ZIF-8: Zn12 C96 H120 N48, one structure, 1 frame" in text
    assert "segment 'hold' of the melt, 2 frames" in text
    assert "no means over files: they are different materials" in text
    assert "mean ± s.d. of 2" not in text
    values = json.loads((folder / "out/analysis.json").read_text())
    zif8 = values["structures"]["ZIF-8"]["quantities"]
    assert zif8["zn_coordination"]["value"] == 4.0
    assert zif8["zn_coordination"]["spread"] is None
    assert zif8["zn_n_peak"]["value"] == pytest.approx(1.987, abs=1e-3)
    assert values["structures"]["melt"]["quantities"]["tg_density"]["value"] == pytest.approx(700.0, abs=1.0)
    assert values["structures"]["melt"]["frames"] == 2
    assert values["over_files"] == {}
    one, melt = read_analysis(folder / "out").structures
    same = AnalysisResult((one, replace(melt, formula="Zn24 C192 H240 N96")))       # as if of one material
    found = {q.key: q for q in same.over_files}
    assert found["zn_zn_peak"].value == pytest.approx((6.0 + 6.007) / 2, abs=1e-2)
    assert found["tg_density"].basis.startswith("1 ")
    assert found["zn_coordination"].basis.startswith("2 ")
    assert values["schema"] == 1
    claim = json.loads((folder / "out/config.json").read_text())
    assert claim["config"]["settings"]["q_resolution"] == 0.2
    assert len(claim["inputs_sha256"]["melt: trajectory.dcd"]) == 64
    record = json.loads((folder / "out/record.json").read_text())
    assert {"numpy", "python"} <= set(record["versions"])
    assert record["outputs_sha256"].keys() >= {"analysis.json", "quantities.csv", "measured.png"}
    for name in (*FIGURES, "measured"):
        assert (folder / f"out/{name}.png").read_bytes().startswith(b"\x89PNG"), name
        with open(folder / f"out/{name}.csv", newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert {row["structure"] for row in rows} & {"ZIF-8", "melt"}, name
    before = (folder / "out/analysis.json").read_bytes()
    assert call("ZIF-8", "--out", "out") == 2                       # another analysis: refused, left as it was
    assert "out holds another analysis (structures differs)" in capsys.readouterr().err
    assert (folder / "out/analysis.json").read_bytes() == before


def test_a_finished_folder_is_known_by_content_and_read_back(folder: Path, capsys: pytest.CaptureFixture[str],
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    def table() -> str:
        return "\n".join(line for line in capsys.readouterr().out.splitlines() if not line.startswith("["))

    assert call("ZIF-8", "melt", "--q-resolution", "0.3", "--out", "out") == 0
    first = table()
    (folder / "elsewhere").mkdir()
    shutil.copytree("melt", "elsewhere/melt")
    monkeypatch.setattr("zifsim.campaign.analysis_job.analyse", None)      # nothing is computed again
    assert call("ZIF-8", "elsewhere/melt", "--q-resolution", "0.3", "--out", "out") == 0
    assert table() == first
    state = Path("elsewhere/melt/state.csv")
    state.write_text(state.read_text() + "\n")
    assert call("ZIF-8", "elsewhere/melt", "--q-resolution", "0.3", "--out", "out") == 2
    assert "another analysis (other melt: state.csv)" in capsys.readouterr().err
    (folder / "out/quantities.csv").write_text("")
    assert call("ZIF-8", "melt", "--q-resolution", "0.3", "--out", "out") == 2
    assert "is not what its run wrote" in capsys.readouterr().err


def test_an_isotherm_counts_by_its_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nitrogen = bet_isotherm(10.0, 200.0)
    write_json_atomic(Path("n2/isotherm.json"), nitrogen.to_dict())
    assert call("ZIF-8", "--q-resolution", "0.3", "--bet", "n2", "--out", "out") == 0
    assert "BET area of N2 in" in capsys.readouterr().out
    assert json.loads(Path("out/analysis.json").read_text())["bet"][0]["n_points"] >= 4
    Path("n2").rename("moved")
    assert call("ZIF-8", "--q-resolution", "0.3", "--bet", "moved", "--out", "out") == 0
    write_json_atomic(Path("moved/isotherm.json"), replace(nitrogen, points=nitrogen.points[:-1]).to_dict())
    capsys.readouterr()
    assert call("ZIF-8", "--q-resolution", "0.3", "--bet", "moved", "--out", "out") == 2
    assert "another analysis (other isotherm 1" in capsys.readouterr().err


def test_results_can_be_bundled_and_verified(folder: Path) -> None:
    assert call("ZIF-8", "--q-resolution", "0.3", "--out", "out") == 0
    packed = make_bundle(folder / "out")
    assert (packed.n_stages, packed.unfinished) == (1, 0)
    assert verify_bundle(packed.path).fingerprint == packed.fingerprint


@pytest.mark.parametrize(("text", "message"), [("{", "damaged"), ('{"schema": 2}', "newer zifsim"),
                                              ("[]", "not an analysis that zifsim wrote")])
def test_a_damaged_or_newer_result_is_one_sentence(text: str, message: str, folder: Path) -> None:
    (folder / "analysis.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_analysis(folder / "analysis.json")


def test_json_can_be_printed_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("ZIF-8", "--q-resolution", "0.3", "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["structures"]["ZIF-8"]["first_peaks"]["Zn–Zn"]["maximum_angstrom"] == pytest.approx(6.01, abs=0.02)
    assert values["over_files"] == {}


@pytest.mark.parametrize(("arguments", "message"), [
    (("ZIF-9",), "Did you mean 'ZIF-8'"),
    (("nothing.cif",), "No file 'nothing.cif'"),
    (("melt", "--segment", "boil"), "It has: heat, quench, hold"),
    (("ZIF-8", "ZIF-8"), "named twice"),
    (("ZIF-8", "--measured", "curve.dat"), "xray-D=glass.dat"),
    (("ZIF-8", "--measured", "xray-T=curve.dat"), "Unknown kind of measured curve 'xray-T'"),
    (("ZIF-8", "--cutoff", "9"), "between 1 and 4"),
    (("ZIF-8", "--q-max", "40"), "form factors"),
    (("ZIF-8", "--out", "melt"), "holds other files"),
])
def test_bad_input_is_one_line_and_writes_nothing(arguments: tuple[str, ...], message: str, folder: Path,
                                                  capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(p.name for p in folder.rglob("*"))
    assert call(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.strip().count("\n") == 0
    assert sorted(p.name for p in folder.rglob("*")) == before


def test_cells_of_one_material_have_one_composition() -> None:
    assert reduced("Zn12 C96 H120 N48") == reduced("Zn24 C192 H240 N96") == "Zn C8 H10 N4"
    assert reduced("Zn16 C108 H102 N64") == "Zn8 C54 H51 N32"
