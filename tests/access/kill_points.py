"""Kill points of ``zifsim access``: ``python kill_points.py FOLDER ARGUMENT...`` kills it before every write, in turn.

A process that has loaded everything forks a child per run. A child that is to be killed dies by SIGKILL in place of its
n-th ``os.replace`` under its folder, that is with the new file written and not yet in place. Then the same command must
end with exit code 0 and the very files of a run that nobody killed. Prints how many points there were.
"""

import os
import signal
import sys
from pathlib import Path

import matplotlib.figure  # noqa: F401
import openmm  # noqa: F401

from zifsim.access import snapshots
from zifsim.cli.app import main

FILES = ("access.json", "access.csv", "access.png", "blocked.npz")


def run(folder, arguments, kill_at=0):
    """Run the command in a child; its wait status."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code, replace, count = 99, os.replace, 0

    def counted(source, target):
        nonlocal count
        count += Path(target).is_relative_to(folder)
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    if kill_at:
        os.replace = counted
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        main(["access", *arguments, "--out", str(folder)])
    except SystemExit as stop:
        code = stop.code or 0
    finally:
        os._exit(code)


def killed_everywhere(top, arguments):
    """How many points there are; asserts what must hold at each."""
    whole = top / "whole"
    assert run(whole, arguments) == 0
    expected = {name: (whole / name).read_bytes() for name in FILES}
    for point in range(1, 1000):
        folder = top / str(point)
        status = run(folder, arguments, point)
        if status == 0:
            return point - 1
        assert os.WTERMSIG(status) == signal.SIGKILL, f"point {point}: status {status}"
        assert run(folder, arguments) == 0, f"after point {point}"
        assert {name: (folder / name).read_bytes() for name in FILES} == expected, f"after point {point}"
        assert not list(folder.rglob("*.tmp")), f"after point {point}"
    raise AssertionError("it never ends")


if __name__ == "__main__":
    top, arguments = Path(sys.argv[1]), sys.argv[2:]
    snapshots.EQUILIBRATION_PS = snapshots.INTERVAL_PS = 0.05
    try:                                        # compiled once, for all children
        rigid = arguments[:arguments.index("--snapshots")] if "--snapshots" in arguments else arguments
        main(["access", *rigid, "--out", str(top / "compiled")])
    except SystemExit as stop:
        if stop.code:
            raise
    print(killed_everywhere(top, arguments))
