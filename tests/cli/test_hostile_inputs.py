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
WRONG: dict[str, str] = {
    **dict.fromkeys((
        "blocked-npz-empty", "done-empty", "done-list", "done-null", "done-outlist", "melt-ck-step-huge",
        "melt-ck-step-neg", "melt-ck-versions-list", "melt-ck-wall-nan", "melt-ck-xml-empty",
        "melt-ck-xml-fewer-atoms", "melt-latin1", "melt-result-empty", "melt-result-obj", "melt-table-text",
        "part-checkpoint-empty", "part-point-empty", "part-point-extra", "part-point-list", "part-walker-empty",
    ), "own state is trusted"),
    **dict.fromkeys((
        "iast-T-nan", "iast-deep", "iast-equil-str", "iast-gas-int", "iast-henry-nan", "iast-load-1e308",
        "iast-load-nan", "iast-load-str", "iast-p-nan", "iast-p-str", "iast-p-zero", "melt--cutoff=nan",
        "melt--equilibrate-ps=nan", "melt--hold-ps=nan", "melt--pressure-bar=nan", "melt--timestep-fs=1000",
        "melt--timestep-fs=nan", "program-dur-1e300",
    ), "numbers and types are trusted"),
    **dict.fromkeys((
        "access--snapshots=99999999999", "access--spacing=1e9", "analyse--r-max=1e6", "build-supercell-huge",
        "cif-cell-1e300:gcmc", "cif-one-zn-huge:widom", "guest-pos-1000-widom", "study-replicas-1000",
        "study-supercell-20", "xyz-cell-x100:energy", "xyz-cell-x10:widom", "xyz-cell-x1e+06:energy",
        "xyz-cell-x1e+200:energy", "xyz-cell-x1e+200:gcmc",
    ), "sizes are not refused"),
    **dict.fromkeys((
        "xyz-name-long:gcmc", "xyz-name-markup:run",
    ), "text is markup"),
}


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
