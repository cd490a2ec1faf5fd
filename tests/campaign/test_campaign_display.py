"""What is shown while a study runs: percentages weighted by cost, times that follow the measured pace."""

import pytest

from zifsim.campaign import display
from zifsim.campaign.stage import Stage


def stage(name, seconds):
    return Stage("fake", name, {}, "x:y", seconds=seconds)


@pytest.fixture
def now(monkeypatch):
    """The clock, as a list of one number that a test sets."""
    value = [0.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: value[0])
    return value


def test_clock_reads_minutes_and_hours():
    assert [display.clock(s) for s in (None, 5, 65, 3665)] == ["-:--", "0:05", "1:05", "1:01:05"]


def test_progress_is_weighted_by_cost_and_skipped_stages_do_not_count(now):
    shown = display.Display()
    small, large, old = stage("small", 1.0), stage("large", 9.0), stage("old", 100.0)
    shown.begin([small, large, old], [old.id])
    shown.started(small)
    shown.finished(small)
    assert shown.fraction == pytest.approx(0.1)
    shown.started(large)
    shown.progress(large, 0.5, "")
    assert shown.fraction == pytest.approx(0.55)


def test_the_time_left_follows_the_measured_pace(now):
    shown = display.Display()
    a, b = stage("a", 10.0), stage("b", 10.0)
    shown.begin([a, b], [])
    assert shown.remaining_seconds is None
    shown.started(a)
    shown.progress(a, 0.0, "")
    now[0] = 30.0
    shown.finished(a)
    assert shown.remaining_seconds == pytest.approx(30.0)


def test_what_a_resumed_stage_had_done_before_does_not_make_it_look_fast(now):
    shown = display.Display()
    a = stage("a", 10.0)
    shown.begin([a], [])
    shown.started(a)
    shown.progress(a, 0.8, "")
    now[0] = 10.0
    shown.progress(a, 0.9, "")
    assert shown.stage_seconds(a.id) == pytest.approx(10.0)
    assert shown.remaining_seconds == pytest.approx(10.0)


def test_lines_come_every_quarter_minute_and_name_what_runs(now, capsys):
    shown = display.PlainDisplay()
    a = stage("a", 10.0)
    shown.begin([a], [])
    shown.started(a)
    shown.progress(a, 0.0, "preparing")
    shown.progress(a, 0.1, "300 K")         # the pace is measured from here
    shown.progress(a, 0.5, "300 K")
    for now[0] in (1.0, 14.0, 16.0, 17.0):
        shown.tick()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ["[0:16]  50%, ETA 0:20 | running: fake a 50% 300 K"]


def test_a_note_is_shown_once(now, capsys):
    shown = display.PlainDisplay()
    shown.begin([], [])
    shown.note("platform: CPU")
    shown.note("platform: CPU")
    assert capsys.readouterr().out.count("platform: CPU") == 1


def test_a_failed_stage_and_what_hangs_on_it_no_longer_count(now):
    shown = display.Display()
    a, b = stage("a", 10.0), stage("b", 10.0)
    c = Stage("fake", "c", {}, "x:y", needs={"framework": (a.id, "f")}, seconds=80.0)
    shown.begin([a, b, c], [])
    for one in (a, b):
        shown.started(one)
    shown.failed(a, "no")
    shown.progress(b, 0.5, "")
    assert shown.fraction == pytest.approx(0.5)
