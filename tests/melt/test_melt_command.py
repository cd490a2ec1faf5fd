"""``zifsim melt`` and ``zifsim doctor`` as a user meets them."""

import csv
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from zifsim.cli import doctor as doctor_command
from zifsim.cli import selftest
from zifsim.cli.doctor import doctor
from zifsim.cli.melt import melt
from zifsim.errors import InputError, UnknownNameError
from zifsim.io.files import read_json
from zifsim.melt.trial import available_platforms

SEGMENTS = '[[segment]]\nname = "hold"\nto_k = 300\nduration_ps = 0.1\nensemble = "NVT"\n'


@pytest.fixture
def app() -> typer.Typer:
    both = typer.Typer()
    both.command("melt")(melt)
    both.command("doctor")(doctor)
    return both


def run(app: typer.Typer, *arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_melt_runs_a_program_file_and_writes_what_it_says(app: typer.Typer, tmp_path: Path) -> None:
    (tmp_path / "hold.toml").write_text(SEGMENTS)
    out = tmp_path / "glass"
    command = ("melt", "ZIF-8", "--program", str(tmp_path / "hold.toml"), "--platform", "CPU", "--threads", "1",
               "--seed", "7", "--out", str(out))
    shown = run(app, *command)
    assert shown.exit_code == 0, shown.output
    assert "Zn–N coordination 4: 100 %" in shown.output
    assert {p.name for p in out.iterdir() if not p.name.startswith('.')} == {
        "config.json", "record.json", "run.log", "state.csv", "checkpoint.json", "glass.extxyz", "melt.json",
        "melt.html", "melt.png", "DONE"}
    record = read_json(out / "record.json")
    assert (record["platform"], record["seed"], record["exit_reason"]) == ("CPU, 1 thread", 7, "finished")
    assert set(read_json(out / "DONE")["outputs"]) == {"glass.extxyz", "melt.json", "state.csv", "record.json"}
    assert "done: hold: " in shown.output
    assert read_json(out / "melt.json")["seed"] == 7
    with open(out / "state.csv", newline="") as stream:
        assert [r["step"] for r in csv.DictReader(stream)] == ["0", "100"]
    again = run(app, *command)
    assert again.exit_code == 0
    assert "density" in again.output
    assert "done: hold" not in again.output
    with_more_threads = run(app, *command[:-4], "--threads", "2", *command[-4:])
    assert with_more_threads.exit_code == 0             # how fast it runs is no part of what it is
    other = run(app, *command, "--seed", "8")
    assert isinstance(other.exception, InputError)
    assert str(other.exception) == f"{out} holds another melt (seed: 7, not 8); choose another folder with --out."


def test_a_log_has_a_whole_line_for_every_segment(app: typer.Typer, tmp_path: Path) -> None:
    """Two of the same name are told apart; what an earlier run finished is not told again."""
    (tmp_path / "twice.toml").write_text(SEGMENTS.replace("0.1", "0.02") * 2)
    command = ("melt", "ZIF-8", "--program", str(tmp_path / "twice.toml"), "--platform", "CPU", "--threads", "1",
               "--out", str(tmp_path / "out"))
    lines = run(app, *command).output.splitlines()
    ended = [line for line in lines if "| done: " in line]
    assert [line.split("done: ")[1].split(":")[0] for line in ended] == ["hold (1)", "hold (2)"]
    assert all(line.endswith("ns/day") for line in ended)
    assert ended[0].startswith("[0:0")
    assert " 50%, ETA " in ended[0]


def test_dry_run_tells_the_size_and_runs_nothing(app: typer.Typer, tmp_path: Path) -> None:
    shown = run(app, "melt", "ZIF-8", "--replicas", "3", "--dry-run", "--out", str(tmp_path / "out"))
    assert shown.exit_code == 0, shown.output
    assert "3 melts of 276 atoms, 372 particles, 337000 steps: about" in shown.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("arguments", "error", "says"), [
    (("ZIF-8", "--forcefield", "nb-ZIFF"), UnknownNameError, "nb-ZIF-FF"),
    (("ZIF-8", "--forcefield", "ZIF-FF", "--potential", "openmmml:x.pt"), InputError, "either"),
    (("ZIF-9999",), UnknownNameError, "ZIF-9999"),
    (("nowhere/a.cif",), InputError, "nowhere/a.cif"),
    (("ZIF-8", "--program", "papper"), UnknownNameError, "Did you mean 'paper'"),
    (("ZIF-8", "--quench-rate", "-10"), InputError, "--quench-rate is -10"),
    (("ZIF-8", "--platform", "GPU"), UnknownNameError, "Unknown platform 'GPU'"),
    (("ZIF-8", "--cutoff", "12", "--platform", "CPU"), InputError, "needs more than 24 Å"),
])
def test_bad_input_is_one_clear_sentence_and_writes_nothing(app: typer.Typer, tmp_path: Path, arguments, error,
                                                            says: str) -> None:
    shown = run(app, "melt", *arguments, "--out", str(tmp_path / "out"))
    assert isinstance(shown.exception, error)
    assert says in str(shown.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("as_file", [False, True])
def test_a_folder_that_holds_something_else_is_left_alone(app: typer.Typer, tmp_path: Path, as_file: bool) -> None:
    out = tmp_path / "out"
    (out if as_file else out / "thesis.tex").parent.mkdir(exist_ok=True)
    (out if as_file else out / "thesis.tex").write_text("precious")
    shown = run(app, "melt", "ZIF-8", "--out", str(out))
    assert isinstance(shown.exception, InputError)
    assert ("is a file" if as_file else "holds other files and no melt") in str(shown.exception)
    assert [p.name for p in tmp_path.rglob("*")] == (["out"] if as_file else ["out", "thesis.tex"])


def test_absent_cuda_stops_the_command_instead_of_running_on_the_cpu(app: typer.Typer, tmp_path: Path) -> None:
    if "CUDA" in available_platforms():
        pytest.skip("this machine has OpenMM's CUDA platform")
    shown = run(app, "melt", "ZIF-8", "--platform", "CUDA", "--out", str(tmp_path / "out"))
    assert isinstance(shown.exception, InputError)
    assert "zifsim[cuda12]" in str(shown.exception)
    assert not (tmp_path / "out").exists()


def test_doctor_names_platforms_and_tests_what_they_compute(app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(doctor_command.SELF_TESTS, "ideal-gas")
    shown = run(app, "doctor")
    assert shown.exit_code == 0, shown.output
    assert "OpenMM platforms: " in shown.output
    assert "CPU" in shown.output
    assert "'auto' chooses: " in shown.output
    if "CUDA" not in available_platforms():
        assert "pip install 'zifsim[cuda12]'" in shown.output
    assert f"ok ({selftest.ZIF8_ENERGY:.2f}" in shown.output


def test_a_self_test_that_finds_another_number_fails(monkeypatch: pytest.MonkeyPatch,
                                                     capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(selftest, "ZIF8_ENERGY", 0.0)
    assert selftest.main("energy") == 1
    assert capsys.readouterr().out.startswith("FAILED: ArithmeticError")


@pytest.mark.parametrize(("does", "told"), [
    ("import os; os.kill(os.getpid(), 11)", "FAILED: it was ended by SIGSEGV"),
    ("print('FAILED: ValueError: no'); raise SystemExit(1)", "FAILED: ValueError: no"),
    ("raise SystemExit(3)", "FAILED: it ended with code 3")])
def test_doctor_outlives_what_crashes(does: str, told: str, app: typer.Typer, monkeypatch: pytest.MonkeyPatch) -> None:
    healthy = [sys.executable, "-c", "print('fine')"]
    for victim in ("platforms", "dynamics"):
        monkeypatch.setattr(doctor_command, "_command",
                            lambda test, victim=victim: [sys.executable, "-c", does] if test == victim else healthy)
        shown = run(app, "doctor")
        assert shown.exit_code == 1
        assert shown.output.count(told) == 1
        assert shown.output.count("fine") == 3
        assert "1 of 4 self tests failed." in shown.output
