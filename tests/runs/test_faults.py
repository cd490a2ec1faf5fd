"""The fault helper itself: it counts changes, children's too, kills before the n-th of them, and finds a torn file."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import faults
import pytest
from faults import Runner, kill_everywhere, signal_everywhere

# Makes a folder with two files; the second is moved into place, or (torn) written as it stands.
SCRIPT = """
import os, signal, subprocess, sys, time
from pathlib import Path
how, out = sys.argv[1], Path(sys.argv[2])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))
if how == "flock":
    import fcntl
    fcntl.flock(0, fcntl.LOCK_EX)
out.mkdir(exist_ok=True)
out.mkdir(exist_ok=True)
if how == "child":
    subprocess.run([sys.executable, "-c", f"open({str(out / 'child')!r}, 'w').close()"], check=True)
Path(out / "one").write_text("1")
if how == "torn" and (out / "two").exists():
    sys.exit("two is damaged") if (out / "two").read_text() != "2" else sys.exit()
if how == "slow":
    time.sleep(60)
target = out / ("two" if how == "torn" else ".two.tmp")
target.write_text("2")
os.replace(target, out / "two")
"""


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory):
    with Runner(tmp_path_factory.mktemp("runner")) as runner:
        yield runner


@pytest.fixture
def script(tmp_path: Path) -> str:
    (tmp_path / "script.py").write_text(SCRIPT)
    return str(tmp_path / "script.py")


def same(folder: Path, whole: Path) -> None:
    assert {p.name: p.read_text() for p in folder.iterdir()} == {p.name: p.read_text() for p in whole.iterdir()}


def test_changes_are_counted_unless_they_change_nothing(runner: Runner, script: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = runner.run(["plain", str(out)], out, target=script)
    assert done.code == 0, done
    assert [line.split(" ")[0] for line in done.changes] == ["os.mkdir", "open", "open", "os.rename"]
    with_child = runner.run(["child", str(out)], out, target=script)
    assert [Path(line.split(" ")[-1]).name for line in with_child.changes] == ["child", "one", ".two.tmp", "two"]


def test_the_kill_comes_before_the_change_and_takes_the_children(runner: Runner, script: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert runner.run(["child", str(out)], out, target=script, kill_at=2).code == -signal.SIGKILL
    assert {p.name for p in tmp_path.rglob("*")} == {"script.py", "out"}
    assert runner.run(["plain", str(out)], out, target=script, kill_at=3).code == -signal.SIGKILL
    assert {p.name for p in out.iterdir()} == {"one", ".two.tmp"}


def test_a_sound_script_survives_every_kill_and_every_signal(runner: Runner, script: str, tmp_path: Path) -> None:
    with Runner(tmp_path / "kills") as kills, Runner(tmp_path / "signals") as signals:
        assert kill_everywhere(kills, ["plain", "{out}"], same, target=script) == 4
        assert signal_everywhere(signals, ["plain", "{out}"], same, target=script) == [75] * 4


def test_a_script_that_writes_in_place_is_found_out(script: str, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "EVERY_CHANGE", True)       # the torn one is a point of its own
    begun = 'open(target, "w").close()\ntarget.write_text("2")'
    Path(script).write_text(SCRIPT.replace('target.write_text("2")', begun))
    with Runner(tmp_path / "kills") as kills, pytest.raises(AssertionError, match="the same command ended with"):
        kill_everywhere(kills, ["torn", "{out}"], same, target=script)


def test_a_signal_after_some_time_the_patience_and_flock(runner: Runner, script: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    stopped = runner.run(["slow", str(out)], out, target=script, send=signal.SIGTERM, after_s=0.3)
    assert stopped.code == 75
    with pytest.raises(TimeoutError, match=r"did not end within 0\.5 s"):
        runner.run(["slow", str(out)], out, target=script, timeout_s=0.5)
    refused = runner.run(["flock", str(out)], out, target=script, flock=errno.ENOLCK)
    assert refused.code == 1
    assert "No locks available" in refused.stderr


def test_zifsim_itself_runs_in_a_fork(runner: Runner, tmp_path: Path) -> None:
    shown = runner.run(["--version"], tmp_path / "out")
    cold = subprocess.run([sys.executable, "-m", "zifsim", "--version"], capture_output=True, text=True, check=True)
    assert (shown.code, shown.stdout, shown.changes) == (0, cold.stdout, ())
