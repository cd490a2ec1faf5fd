"""What a user sees while anything runs, with and without a terminal."""

import io
import re
import sys
import time

import pytest

from zifsim.cli import screen as module
from zifsim.cli.screen import screen
from zifsim.runs.progress import Event, note

LONG = "x" * 300


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(module, "PLAIN_INTERVAL_S", 0.1)
    monkeypatch.setattr(module, "TICK_S", 0.02)


def test_a_line_per_finished_part_untruncated(capsys):
    with screen() as report:
        report(Event(kind="plan", values={"0.1 bar": 1.0, "1 bar": 1.0}))
        report(Event("0.1 bar", 0.5, "3 molecules"))
        report(Event("0.1 bar", message=LONG, kind="done"))
        report(Event("1 bar", message="no room", kind="failed"))
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"\[0:0\d\]  50%, ETA [-:\d]+ \| done: 0\.1 bar: {LONG}", lines[0])
    assert lines[1].endswith("| FAILED: 1 bar: no room")
    assert len(lines) == 2


def test_a_line_comes_now_and_then_even_where_the_engine_says_nothing(quick, capsys):
    with screen() as report:
        time.sleep(0.25)
        report(Event("melt", 0.31, "quench 812 K"))
        time.sleep(0.25)
    lines = capsys.readouterr().out.splitlines()
    assert "preparing" in lines[0]
    assert lines[-1].endswith("| running: melt 31% quench 812 K")
    assert 3 <= len(lines) <= 6


def test_a_note_is_shown_once(capsys):
    with screen() as report:
        report(note("platform: CPU"))
        report(note("platform: CPU"))
    assert capsys.readouterr().out.count("note: platform: CPU") == 1


def test_the_lines_are_kept_in_the_folder_once_it_is_claimed(tmp_path, capsys):
    with screen(tmp_path) as report:
        report(note("too early"))
        (tmp_path / "config.json").write_text("{}")
        report(Event("melt", kind="done"))
    kept = (tmp_path / "run.log").read_text().splitlines()
    assert len(kept) == 1
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \[0:0\d\] 100%, ETA 0:00 \| done: melt$", kept[0])


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path, capsys):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "run.log").mkdir()
    with screen(tmp_path) as report:
        report(Event("melt", kind="done"))
    assert "done: melt" in capsys.readouterr().out


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return Terminal()


def test_a_terminal_gets_bars_and_the_log_gets_lines(terminal, tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr(sys, "stdout", terminal)
    with screen(tmp_path) as report:
        report(Event(kind="plan", values={"melt [a]": 1.0, "gcmc": 1.0}))
        report(Event("melt [a]", 0.5, "quench [/b] 812 K"))
        time.sleep(0.6)
        report(Event("gcmc", kind="done"))
    shown = terminal.getvalue()
    assert "melt [a]" in shown
    assert "quench [/b] 812 K" in shown
    assert "done: gcmc" in (tmp_path / "run.log").read_text()


def test_a_command_may_show_a_table_of_its_own(terminal, monkeypatch):
    monkeypatch.setattr(sys, "stdout", terminal)
    with screen(table=lambda tracker: f"{len(tracker.parts)} pressures") as report:
        report(Event("1 bar", 0.5))
        time.sleep(0.6)
    assert "1 pressures" in terminal.getvalue()
