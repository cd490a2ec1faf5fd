"""The array-job script, with an sbatch that only notes what it is asked."""

import os
import subprocess

import fake_sweep
import pytest

from zifsim.io.resources import data_folder
from zifsim.sweep import folder

SUBMIT = data_folder("workflows") / "slurm" / "submit.sh"


@pytest.fixture
def submit(tmp_path):
    """A function that runs the script; returns what it said and the words of each sbatch."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in (("sbatch", f'echo "$@" >> {tmp_path}/asked; wc -l < {tmp_path}/asked'), ("zifsim", "exit 1")):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)

    def run(*words, path=f"{programs}:/usr/bin:/bin", **settings):
        (tmp_path / "asked").write_text("")
        done = subprocess.run(["bash", SUBMIT, *words], env=os.environ | {"PATH": path} | settings, text=True,
                              capture_output=True, check=False)
        return done, [line.split() for line in (tmp_path / "asked").read_text().splitlines()]

    return run


@pytest.fixture
def out(tmp_path):
    folder.write_plan(tmp_path / "sweep", fake_sweep.smoke(), fake_sweep.fake_jobs(melts=5))
    return tmp_path / "sweep"


def finish(out, kind, *lines):
    ids = (out / f"jobs/{kind}.txt").read_text().split()
    for line in lines or range(1, len(ids) + 1):
        (out / ids[line - 1]).mkdir(parents=True)
        (out / ids[line - 1] / "DONE").touch()


def arrays(asked):
    """(kind, its array) of each sbatch."""
    return [(words[-2], next(word for word in words if word.startswith("--array"))) for words in asked]


def test_every_kind_is_an_array_after_the_one_before(submit, out):
    done, asked = submit(out, MELT="--gres=gpu:h200:1")
    assert done.returncode == 0, done.stderr
    assert arrays(asked) == [("build", "--array=1"), ("melt", "--array=1,2,3,4,5"),
                             ("gcmc", "--array=1,2,3,4,5,6,7,8,9,10")]
    assert ["--dependency=afterany:1" in asked[1], "--dependency=afterany:2" in asked[2]] == [True, True]
    assert ["--gres=gpu:h200:1" in words for words in asked] == [False, True, False]


def test_only_what_is_not_finished_is_submitted(submit, out):
    finish(out, "build")
    finish(out, "melt", 1, 2, 4)
    assert arrays(submit(out)[1])[0] == ("melt", "--array=3,5")
    assert arrays(submit(out, MELTS_PER_GPU="2")[1])[0] == ("melt", "--array=2,3")     # lines 3 and 4, line 5
    finish(out, "melt", 3, 5)
    finish(out, "gcmc")
    done, asked = submit(out)
    assert asked == []
    assert "all jobs are finished" in done.stdout


@pytest.mark.parametrize(("words", "path", "sentence"), [
    ((), None, "give the results folder"),
    (("/proc",), None, "/proc holds no planned sweep"),
    (("out",), "/usr/bin:/bin", "'zifsim' is not on the PATH"),
])
def test_what_is_missing_is_named_and_nothing_submitted(submit, out, words, path, sentence):
    done, asked = submit(*[str(out) if word == "out" else word for word in words], **({"path": path} if path else {}))
    assert (done.returncode, done.stderr.count("\n"), asked) == (2, 1, [])
    assert sentence in done.stderr
