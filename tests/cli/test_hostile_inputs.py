"""Hard inputs (tests/data/inputs) end with a right result or one sentence: no traceback, hang or flood of memory."""

import fcntl
import os
import signal
from contextlib import contextmanager

import hard_inputs
import pytest
from cli_call import call
from hard_inputs import Answer, assert_right, prepare, read_cases

CASES = {case.name: case for case in read_cases()}
QUICK = [name for name, case in CASES.items() if case.quick]
# What is still wrong, and of which kind; a case that is mended is taken out.
WRONG: dict[str, str] = {}


def test_there_are_a_hundred_and_ten_cases():
    assert len(CASES) == 110
    assert WRONG.keys() <= CASES.keys()


@contextmanager
def cpu_limit(seconds):
    """What computes longer than this in the tests' own process is ended."""
    def end(*_):
        raise AssertionError(f"still at work after {seconds:g} s of computing")

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


def marked(names):
    return [pytest.param(name, marks=pytest.mark.xfail(reason=WRONG[name], strict=False)) if name in WRONG else name
            for name in names]


@pytest.fixture(scope="session")
def bases(tmp_path_factory):
    """What cases begin with; workers of one session share it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    (folder / "bases").mkdir(exist_ok=True)
    return folder / "bases"


@pytest.mark.parametrize("name", marked(QUICK))
def test_what_is_refused_at_once_is_refused_in_one_sentence(name, bases, tmp_path, monkeypatch, capfd):
    case = CASES[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    prepare(case, tmp_path, bases)
    with cpu_limit(20.0):
        code = call(*case.words)
    out, err = capfd.readouterr()
    assert_right(case, Answer(code, out, err, 0.0, 0), tmp_path, bases)


@pytest.mark.slow
@pytest.mark.parametrize("name", marked(CASES))
def test_a_hard_input_ends_with_a_right_result_or_one_sentence(name, bases, tmp_path, monkeypatch):
    case = CASES[name]
    monkeypatch.chdir(tmp_path)
    with open(bases.parent / "bases.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for needed in case.base:
            hard_inputs.make_base(needed, bases)
    prepare(case, tmp_path, bases)
    assert_right(case, hard_inputs.run(case.words, tmp_path), tmp_path, bases)
