"""The command line's frame: help, version, exit codes, what is (not) imported."""

import signal
import subprocess
import sys

import pytest
from cli_call import call

from zifsim.cli import app
from zifsim.errors import InputError, RunInterrupted, SimulationError
from zifsim.runs import stopping

COMMANDS = ["run", "build", "melt", "gcmc", "iast", "widom", "energy", "compare", "report", "doctor"]


def app_help(command):
    return next(c.help for c in app.app.registered_commands if c.name == command)


def test_importing_the_command_line_loads_no_heavy_package():
    heavy = ["numpy", "openmm", "numba", "scipy", "ase", "gemmi", "pydantic", "matplotlib", "pymatgen"]
    code = f"import sys, zifsim.cli.app; print([m for m in {heavy} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_help_lists_every_command(capsys):
    assert call("--help") == 0
    text = capsys.readouterr().out
    assert all(f" {command} " in text for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command, capsys):
    assert call(command, "--help") == 0
    text = capsys.readouterr().out
    assert f"zifsim {command}" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_help_paragraphs_are_not_broken_where_the_source_is(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    assert call(command, "--help") == 0
    prose = capsys.readouterr().out.partition("╭")[0]
    assert prose.lstrip().startswith(f"Usage: zifsim {command} ")
    lines = [line.strip() for line in prose.splitlines() if line.strip()]
    assert lines[1:] == app_help(command).split("\n\n")


def test_version(capsys):
    import zifsim

    assert call("--version") == 0
    assert capsys.readouterr().out == f"zifsim {zifsim.__version__}\n"


@pytest.mark.parametrize(("error", "code", "line"), [
    (InputError("x.cif is\nnot a CIF."), 2, "error: x.cif is not a CIF."),
    (SimulationError("atoms have collided."), 1, "error: atoms have collided."),
    (RunInterrupted("by SIGTERM"), 75, "stopped: by SIGTERM"),
    (stopping.interruption(signal.SIGUSR1), 75, "stopped: by SIGUSR1; the same command continues"),
    (stopping.interruption(signal.SIGINT), 130, "stopped: by SIGINT; the same command continues"),
])
def test_errors_are_one_line_and_an_exit_code(monkeypatch, capsys, error, code, line):
    def fail(arguments, prog_name):
        raise error

    monkeypatch.setattr(app, "app", fail)
    assert call() == code
    assert capsys.readouterr().err == line + "\n"


def test_unexpected_errors_keep_their_traceback(monkeypatch):
    def fail(arguments, prog_name):
        raise ZeroDivisionError

    monkeypatch.setattr(app, "app", fail)
    with pytest.raises(ZeroDivisionError):
        call()


def test_an_unknown_option_is_exit_code_2():
    assert call("run", "quick", "--dry") == 2
