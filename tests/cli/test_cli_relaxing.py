"""A structure that is relaxed first, which takes a minute: every command and function says so and can be stopped."""

import json

import pytest
from cli_call import call

import zifsim
from zifsim.errors import RunInterrupted
from zifsim.melt import relax
from zifsim.runs import stopping
from zifsim.runs.progress import Event

MIXED = "ZIF-62"        # its linkers share sites
COMMANDS = {
    "build": [],
    "gcmc": ["--gas", "CH4"],
    "mixture": ["--composition", "CO2=0.5,CH4=0.5"],
    "widom": ["--gas", "CH4", "--json"],
    "energy": ["--gas", "CH4", "--guests", "none.xyz", "--json"],
    "access": ["--gas", "CH4"],
    "melt": ["--out", "melt", "--dry-run"],
    "analyse": ["--json"],
}
FUNCTIONS = {
    "load": lambda report: zifsim.load(MIXED, report=report),
    "isotherm": lambda report: zifsim.isotherm(MIXED, "CH4", report=report),
    "henry": lambda report: zifsim.henry(MIXED, "CH4", report=report),
    "mixture": lambda report: zifsim.mixture(MIXED, {"CO2": 0.5, "CH4": 0.5}, report=report),
    "access": lambda report: zifsim.access(MIXED, {"CH4": 273}, report=report),
    "melt": lambda report: zifsim.melt(MIXED, report=report),
    "analyse": lambda report: zifsim.analyse(MIXED, report=report),
}


@pytest.fixture(autouse=True)
def not_shipped(monkeypatch, tmp_path):
    """The relaxed cell does not travel with zifsim, and somebody stops the run while it is made."""
    def stopped(*_):
        raise RunInterrupted("by SIGTERM; the same command continues")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("zifsim.structures.PHYSICS", {"relax": -1})
    monkeypatch.setattr("zifsim.melt.relax.relax_framework", stopped)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_that_it_relaxes_and_stops(command, capsys, tmp_path):
    assert call(command, MIXED, *COMMANDS[command]) == stopping.STOPPED
    said = capsys.readouterr()
    assert said.err == ("relaxing ZIF-62-bIm3-A: 290 atoms, ZIF-FF\n"
                        "stopped: by SIGTERM; the same command continues\n")
    assert said.out == ""           # which may be read by a program
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_reports_it(name):
    events: list[Event] = []
    with pytest.raises(RunInterrupted):
        FUNCTIONS[name](events.append)
    assert [event.message for event in events] == ["relaxing ZIF-62-bIm3-A: 290 atoms, ZIF-FF"]


def test_json_stays_json_where_a_note_is_told(monkeypatch, capsys):
    from zifsim.errors import InputError

    def refuse(*_):
        raise InputError("Force field ZIF-FF has no term for bond Zn–X.")

    monkeypatch.setattr("zifsim.melt.relax.relax_framework", refuse)
    assert call("analyse", MIXED, "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)
    assert "note: ZIF-62-bIm3-A is not relaxed: Force field ZIF-FF has no term" in said.err


def test_the_minimiser_looks_whether_it_is_to_stop_at_every_step(monkeypatch):
    from zifsim.io.melt_forcefields import load_melt_forcefield
    from zifsim.melt.system import build_model

    looks = []
    monkeypatch.setattr(stopping, "check", lambda: looks.append(1))
    model = build_model(zifsim.load("ZIF-8"), load_melt_forcefield("ZIF-FF"), cutoff_angstrom=8.0)
    surface = relax._Surface(model)
    for _ in range(2):
        surface(model.positions.ravel())
    assert len(looks) == 2
