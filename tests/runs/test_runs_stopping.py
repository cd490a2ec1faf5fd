"""Stop signals: taken anywhere, without a lock, and the process always ends."""

import os
import signal
import subprocess
import sys
import time

import pytest

from zifsim.errors import RunInterrupted
from zifsim.runs import stopping

HELD = """
import sys, time
from zifsim.runs import stopping
stopping.PATIENCE_S = 1.0
stopping.stop_at_signals_for_good()
print("ready", flush=True)
{body}
"""


def killed_while_stoppable(number: int) -> None:
    with stopping.stoppable():
        os.kill(os.getpid(), number)
        time.sleep(5.0)


def end_of(body: str, number: int, wait: float = 0.0) -> int:
    process = subprocess.Popen([sys.executable, "-c", HELD.format(body=body)], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    time.sleep(wait)
    process.send_signal(number)
    return process.wait(timeout=30)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGUSR1, 75), (signal.SIGINT, 130)])
def test_outside_of_polled_loops_a_signal_raises_at_once(number, code):
    with pytest.raises(RunInterrupted, match="the same command continues") as stop:
        killed_while_stoppable(number)
    assert stop.value.exit_code == code


def test_inside_a_polled_loop_it_sets_a_flag_that_the_loop_sees():
    seen = []
    with stopping.stoppable() as stop, stopping.polled(60.0):
        os.kill(os.getpid(), signal.SIGTERM)
        seen.append(stop())
        with pytest.raises(RunInterrupted, match="SIGTERM"):
            stopping.check()
    assert seen == [True]


def test_handlers_are_given_back_and_a_new_start_forgets_the_old_signal():
    before = signal.getsignal(signal.SIGTERM)
    with stopping.stoppable(), stopping.polled(60.0):
        os.kill(os.getpid(), signal.SIGUSR1)
    assert signal.getsignal(signal.SIGTERM) is before
    with stopping.stoppable() as stop:
        assert not stop()


def test_the_watchdog_of_a_run_that_ended_lets_the_process_live(monkeypatch):
    monkeypatch.setattr(stopping, "PATIENCE_S", 0.2)
    with pytest.raises(RunInterrupted):
        killed_while_stoppable(signal.SIGTERM)
    time.sleep(0.5)


def test_no_except_exception_swallows_it():
    assert not issubclass(RunInterrupted, Exception)


def test_a_loop_that_does_not_look_is_ended_after_its_patience():
    assert end_of("with stopping.polled(1.0):\n    time.sleep(60)", signal.SIGTERM, 0.5) == 75


def test_code_that_swallows_everything_is_ended_too():
    body = "while True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass"
    assert end_of(body, signal.SIGUSR1, 0.5) == 75


def twice(number: int, patience: str = "60.0") -> int:
    """Exit code of a process that is told twice, and would take a second to save its state."""
    body = (f"with stopping.polled({patience}):\n    while not stopping.asked():\n        time.sleep(0.01)\n"
            "    print('asked', flush=True)\n    time.sleep(1.0)\n    sys.exit(7)")
    process = subprocess.Popen([sys.executable, "-c", HELD.format(body=body)], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    time.sleep(0.5)
    for _ in range(2):
        process.send_signal(number)
        time.sleep(0.2)
    return process.wait(timeout=30)


def test_a_queue_that_tells_twice_does_not_cut_the_saving_short_and_ctrl_c_twice_ends_at_once():
    assert twice(signal.SIGTERM) == 7
    assert twice(signal.SIGUSR1) == 7
    assert twice(signal.SIGINT) == 130


def test_after_leave_a_signal_changes_nothing():
    assert end_of("stopping.leave()\nprint('left', flush=True)\ntime.sleep(1.0)\nsys.exit(3)", signal.SIGTERM, 0.5) == 3


SIGNALS_IN_SLEEP = """
import signal
from zifsim.runs import stopping
from zifsim.errors import RunInterrupted

stopping._end_after = lambda *values: None
signal.signal(signal.SIGALRM, stopping._take)
with stopping.polled():
    for n in range(5000):
        stopping._signal = None
        signal.setitimer(signal.ITIMER_REAL, 5e-5 + 1e-8 * n)
        try:
            while True:
                stopping.sleep(1e-6)
        except RunInterrupted:
            pass
"""


def test_a_signal_may_come_at_any_moment_of_a_sleep():
    """With an Event in the handler, which locks, one of some thousand signals stopped the process for good."""
    assert subprocess.run([sys.executable, "-c", SIGNALS_IN_SLEEP], timeout=120).returncode == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl")
def test_a_child_dies_with_its_parent():
    child = "from zifsim.runs import stopping; import time; stopping.die_with_parent(); print(1, flush=True); " \
            "time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {child!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline and _alive(pid):
        time.sleep(0.05)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/status") as status:
            return "State:\tZ" not in status.read()
    except FileNotFoundError:
        return False
