"""Names are text: whatever a file or a user calls something, tables, pictures and pages show it and nothing breaks."""

import io
import re
import sys

import pytest
from cli_call import call
from rich.table import Table

from zifsim.cli import app as command_line
from zifsim.cli.terminal import console, say
from zifsim.crystals.load import load_framework
from zifsim.io.xyz import write_framework
from zifsim.printable import literal, one_line, prepare_streams, printable

ODD = ["[/b]", "[red]x", ":smile:", r"$\frac{$", "a\x1b[31mred\x1b]0;title\x07", "\x9b31m", "\u202eevil", "a\x00b",
       "a|b", "<script>", "x\ny"]


@pytest.mark.parametrize("name", ODD)
def test_nothing_in_a_text_acts_on_a_terminal(name, capsys):
    table = Table("column [bold]", name, title=name)
    table.add_row(name, "[/]")
    console().print(table)
    say(f"note: {name}")
    shown = capsys.readouterr().out
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)
    assert "[bold]" in shown
    assert printable(printable(name)) == printable(name)
    assert "\n" not in one_line(name)


def test_a_terminal_without_the_fields_characters_gets_the_nearest(monkeypatch):
    for encoding, expected in (("ascii", b"1.0 +- 0.1 A^?"), ("latin-1", b"1.0 \xb1 0.1 \xc5^?")):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, write_through=True))
        prepare_streams()
        say("1.0 ± 0.1 Å^漢", end="")
        table = Table("Å", title="µm³")
        table.add_row("± ° → …")
        console().print(table)
        assert raw.getvalue().startswith(expected)
        assert b"+---" in raw.getvalue()        # the lines of a table too


def test_a_name_with_markup_and_mathematics_is_shown_as_it_is(tmp_path, capsys):
    from dataclasses import replace

    name = r"[/b][red]$\frac{$"
    write_framework(tmp_path / "a.extxyz", replace(load_framework("ZIF-8"), name=name))
    assert call("build", tmp_path / "a.extxyz", "--no-relax") == 0
    assert name in capsys.readouterr().out


def test_pictures_show_dollars_as_dollars():
    from matplotlib.figure import Figure

    figure = Figure()
    for name in ODD:
        figure.suptitle(literal(name))
        figure.canvas.draw()
    assert literal("a$b") == r"a\$b"


def test_errors_are_one_printable_line(capsys):
    assert call("build", "no\x1b[31m\nsuch.cif") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "\x1b" not in said


def test_no_help_text_loses_words_in_brackets():
    """In typer's help a word in square brackets is a style, unless its bracket is escaped."""
    from typer.main import get_command

    def commands(command):
        yield command
        for inner in getattr(command, "commands", {}).values():
            yield from commands(inner)

    for command in commands(get_command(command_line.app)):
        for text in [command.help, *(getattr(p, "help", None) for p in command.params)]:
            words = set(re.findall(r"(?<!\\)\[([a-z ]+)\]", text or ""))
            assert words <= {"bold"}, text


def test_commands_print_through_the_terminal_only():
    from pathlib import Path

    folder = Path(command_line.__file__).parent
    for file in folder.glob("*.py"):
        if file.name not in ("terminal.py", "entry.py", "selftest.py"):
            assert not re.search(r"(?<![\w.])(print|Console)\(", file.read_text(encoding="utf-8")), file
