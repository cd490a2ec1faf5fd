"""Numeric options: what is not finite, or beyond all use, is refused in one sentence that names the option."""

import typing

import pytest
from cli_call import call

from zifsim.cli import app as command_line
from zifsim.cli import sweep

NUMBERS = {float: ["nan", "inf", "-inf", "-1", "1e308", "text"], int: ["-1", "99999999999999999999", "1.5", "nan"]}


def numeric_options():
    """(path of the command, option, type, how many numbers it takes), from the functions' annotations."""
    commands = [((), c) for c in command_line.app.registered_commands]
    commands += [(("sweep",), c) for c in sweep.app.registered_commands]
    for path, command in commands:
        name = command.name or command.callback.__name__
        for hint in typing.get_type_hints(command.callback, include_extras=True).values():
            while typing.get_origin(hint) is not None and typing.get_origin(hint) is not typing.Annotated:
                hint = typing.get_args(hint)[0]
            if typing.get_origin(hint) is not typing.Annotated:
                continue
            base, option = typing.get_args(hint)[:2]
            inner = [t for t in (*typing.get_args(base), base) if t in NUMBERS]
            names = [n for n in (option.default, *(option.param_decls or ())) if isinstance(n, str) and n[:2] == "--"]
            if inner and names:
                flag = names[0]
                yield pytest.param((*path, name), flag, inner[0], max(1, inner.count(int)), id=f"{name}{flag}")


@pytest.mark.parametrize(("path", "option", "kind", "count"), numeric_options())
def test_every_numeric_option_is_bounded(path, option, kind, count, capsys):
    for value in NUMBERS[kind]:
        assert call(*path, option, *[value] * count) == 2
        said = capsys.readouterr().err
        assert option in said
        assert "Traceback" not in said
        if value in ("inf", "1e308", "99999999999999999999") or (value == "nan" and kind is float):
            assert said.startswith(f"error: {option} is ")
            assert said.count("\n") == 1


def test_there_are_numeric_options():
    assert len(list(numeric_options())) > 50


@pytest.mark.parametrize("arguments", [
    ("access", "ZIF-8", "--gas", "CH4@273", "--snapshots", "99999999999"),
    ("access", "ZIF-8", "--gas", "CH4@273", "--spacing", "1e9"),
    ("access", "ZIF-8", "--gas", "CH4@inf"),
    ("access", "ZIF-8", "--gas", "CH4@-5"),
    ("gcmc", "ZIF-8", "--gas", "N2", "--dry-run", "--error", "inf"),
    ("gcmc", "ZIF-8", "--gas", "N2", "--dry-run", "--threads", "99999999"),
    ("gcmc", "ZIF-8", "--gas", "N2", "--dry-run", "--pressures", "1e308"),
    ("gcmc", "ZIF-8", "--gas", "N2", "--dry-run", "--pressures", "1:inf:3"),
    ("gcmc", "ZIF-8", "--gas", "N2", "--dry-run", "--pressures", "1:2:1e9"),
    ("melt", "ZIF-8", "--out", "m", "--timestep-fs", "1000"),
    ("melt", "ZIF-8", "--out", "m", "--hold-ps", "nan"),
    ("mixture", "ZIF-8", "--composition", "CO2=nan,N2=0.5"),
    ("mixture", "ZIF-8", "--composition", "CO2=inf,N2=0.5"),
    ("analyse", "ZIF-8", "--r-max", "1e6"),
])
def test_numbers_beyond_all_use_are_refused(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(*arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())
