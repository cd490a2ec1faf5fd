"""Stage functions that take no time, for tests of the machinery around the real ones."""

import os
import time
from pathlib import Path

from zifsim.errors import InputError
from zifsim.runs import stopping
from zifsim.runs.progress import Event


def count(config, inputs, folder, report):
    """Counts to ``config['n']``, a step per file line; resumes from the lines that are there."""
    state = folder / "state.txt"
    done = len(state.read_text().split()) if state.is_file() else 0
    for i in range(done, config["n"]):
        time.sleep(float(os.environ.get("FAKE_PAUSE", "0")))
        with open(state, "a") as stream:
            stream.write(f"{os.getpid()}\n")
        report(Event(fraction=(i + 1) / config["n"], message=f"step {i + 1}"))
        stopping.check()
    total = config["n"] + sum(int(Path(p).read_text()) for p in inputs.values())
    (folder / "total.txt").write_text(str(total))
    return ["total.txt"]


def refuse(config, inputs, folder, report):
    raise InputError("the cell is too small.")


def crash(config, inputs, folder, report):
    raise RuntimeError("unexpected")


def die(config, inputs, folder, report):
    os._exit(9)
