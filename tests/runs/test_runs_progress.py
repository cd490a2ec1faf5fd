"""Where a run stands: fractions weighted by cost, times that follow the measured pace."""

import pytest

from zifsim.runs.progress import Event, Tracker, clock, folded, note


@pytest.fixture
def now():
    """The clock, as a list of one number that a test sets."""
    return [0.0]


def tracker(now, **weights):
    return Tracker(weights, now=lambda: now[0])


def test_clock_reads_minutes_and_hours():
    assert [clock(s) for s in (None, 5, 65, 3665)] == ["-:--", "0:05", "1:05", "1:01:05"]


def test_progress_is_weighted_by_cost(now):
    shown = tracker(now, small=1.0, large=9.0)
    shown.take(Event("small", kind="done"))
    assert shown.fraction == pytest.approx(0.1)
    shown.take(Event("large", 0.5))
    assert shown.fraction == pytest.approx(0.55)
    assert shown.running == ["large"]


def test_the_time_left_follows_the_measured_pace(now):
    shown = tracker(now, a=10.0, b=10.0)
    assert shown.eta_s is None
    shown.take(Event("a", 0.0))
    now[0] = 30.0
    shown.take(Event("a", kind="done"))
    assert shown.eta_s == pytest.approx(30.0)


def test_preparation_does_not_set_the_pace(now):
    shown = tracker(now, a=10.0)
    shown.take(Event("a", 0.0, "compiling"))
    now[0] = 100.0
    shown.take(Event("a", 0.1))
    now[0] = 110.0
    shown.take(Event("a", 0.2))
    assert shown.eta_s == pytest.approx(80.0)
    assert shown.part_eta_s("a") == pytest.approx(80.0)


@pytest.mark.parametrize("kind", ["progress", "resumed"])
def test_what_a_resumed_part_had_done_before_does_not_make_it_look_fast(now, kind):
    shown = tracker(now, a=10.0)
    shown.take(Event("a", 0.8, kind=kind))
    shown.take(Event("a", 0.8))
    now[0] = 10.0
    shown.take(Event("a", 0.9))
    assert shown.part_eta_s("a") == pytest.approx(10.0)
    assert shown.eta_s == pytest.approx(10.0)


def test_a_part_that_an_earlier_run_finished_is_done_and_sets_no_pace(now):
    shown = tracker(now, a=10.0, b=10.0)
    shown.take(Event("a", 1.0, kind="resumed"))
    assert (shown.parts["a"].state, shown.fraction, shown.eta_s) == ("done", 0.5, None)


def test_dropped_parts_no_longer_count_and_planned_ones_do(now):
    shown = tracker(now)
    shown.take(Event(kind="plan", values={"a": 10.0, "b": 10.0, "c": 80.0}))
    shown.take(Event("a", message="no", kind="failed"))
    shown.take(Event("c", kind="dropped"))
    shown.take(Event("b", 0.5))
    assert shown.fraction == pytest.approx(0.75)
    assert shown.take(note("read me")) is None


def test_an_engine_of_several_parts_is_told_as_one_fraction():
    told = []
    report = folded(told.append)
    report(Event(kind="plan", values={"0.1 bar": 1.0, "1 bar": 1.0}))
    report(Event("0.1 bar", 0.5, "3 molecules"))
    report(Event("0.1 bar", kind="done"))
    report(note("platform: CPU"))
    assert [(e.fraction, e.message, e.kind) for e in told] == [
        (0.25, "0.1 bar, 3 molecules", "progress"), (0.5, "0.1 bar", "progress"), (0.0, "platform: CPU", "note")]
