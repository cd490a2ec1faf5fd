"""Environment variables: what they may hold, one sentence where they hold something else."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import zifsim
from zifsim import memory
from zifsim.errors import InputError
from zifsim.runs import caches, devices
from zifsim.runs.environment import folder_of, whole_number

NUMBERS = ["ZIFSIM_MELTS_PER_GPU", "OPENMM_CPU_THREADS", "NUMBA_NUM_THREADS"]


@pytest.mark.parametrize("text", ["abc", "0", "-1", "1.5", "1e3", "²", "٣", "99999", "9" * 5000, "nan"])
def test_a_number_is_a_whole_one_from_one(monkeypatch, text):
    monkeypatch.setenv("ZIFSIM_X", text)
    with pytest.raises(InputError, match=r"ZIFSIM_X is '.*': set it to a number of melts, from 1 to 10000"):
        whole_number("ZIFSIM_X", "melts")


def test_a_number_that_is_right_or_not_there(monkeypatch):
    monkeypatch.delenv("ZIFSIM_X", raising=False)
    assert whole_number("ZIFSIM_X", "melts") is None
    for text, value in ((" 4 ", 4), ("10000", 10000), ("", None)):
        monkeypatch.setenv("ZIFSIM_X", text)
        assert whole_number("ZIFSIM_X", "melts") == value


def test_the_home_of_nobody_is_said_and_taken_as_not_set(monkeypatch, capsys):
    monkeypatch.setattr(caches, "_said", set())
    for _ in range(2):
        monkeypatch.setenv("ZIFSIM_X", "~nobody-by-this-name/x")
        assert folder_of("ZIFSIM_X") is None
    assert capsys.readouterr().err == (
        "note: ZIFSIM_X is '~nobody-by-this-name/x', and there is no such home folder; it is taken as not set.\n")
    monkeypatch.setenv("ZIFSIM_X", "~/x")
    assert folder_of("ZIFSIM_X") == Path.home() / "x"


def test_a_lease_refuses_a_number_of_melts_that_is_none(monkeypatch):
    """0 would wait for ever."""
    for text in ("abc", "0"):
        monkeypatch.setenv("ZIFSIM_MELTS_PER_GPU", text)
        with pytest.raises(InputError, match="ZIFSIM_MELTS_PER_GPU"), devices.gpu_lease("auto"):
            pass


def test_a_size_is_called_by_the_name_that_gave_it(monkeypatch):
    monkeypatch.setenv(memory.VARIABLE, "abc")
    with pytest.raises(InputError, match="ZIFSIM_MAX_MEMORY 'abc' is no size"):
        memory.budget_bytes()


@pytest.mark.parametrize(("variable", "text", "code"), [("NUMBA_NUM_THREADS", "0", 2), *(
    pytest.param(*values, marks=pytest.mark.slow) for values in (
        ("ZIFSIM_MELTS_PER_GPU", "abc", 2), ("ZIFSIM_MAX_MEMORY", "abc", 2), ("OPENMM_CPU_THREADS", "abc", 2),
        ("MPLBACKEND", "abc", 0), ("ZIFSIM_CACHE", "~nobody-by-this-name/x", 0)))])
def test_a_command_says_so_in_one_line(tmp_path, variable, text, code):
    """A melt reads them all but the last, which a picture and a grid do."""
    (tmp_path / "program.toml").write_text(
        'timestep_fs = 1.0\n[[segment]]\nname = "heat"\nto_k = 320\nduration_ps = 0.01\nensemble = "NVT"\n')
    command = (["melt", "ZIF-8", "--program", "program.toml", "--platform", "CPU", "--out", "out"]
               if code else ["energy", "ZIF-8", "--gas", "CH4", "--guests", "g.xyz", "--path", "grid", "--cutoff", "7"])
    (tmp_path / "g.xyz").write_text("1\n\nCH4 1.0 2.0 3.0\n")
    ended = subprocess.run([sys.executable, "-m", "zifsim", *command], cwd=tmp_path, check=False, capture_output=True,
                           text=True, env=os.environ | {variable: text})
    assert ended.returncode == code, ended.stderr
    if code:
        assert [line for line in ended.stderr.splitlines() if not line.startswith("error: ")] == []
        assert variable in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_other_variable_is_made_a_number_unchecked():
    """A variable that is read elsewhere is a text, a path, or checked there."""
    for path in Path(zifsim.__file__).parent.rglob("*.py"):
        assert not re.search(r"(int|float)\(os\.(environ|getenv)", path.read_text(encoding="utf-8")), path
