"""Runs a small plan of fake stages in a folder: a process that tests may kill."""

import sys
from pathlib import Path

from zifsim.campaign.scheduler import Scheduler
from zifsim.campaign.stage import Stage
from zifsim.runs.folder import locked
from zifsim.runs.progress import Event
from zifsim.runs.stopping import stoppable


def show(event: Event) -> None:
    if event.kind == "plan":
        print(f"{len(event.values)} to do", flush=True)


out = Path(sys.argv[1])
first = Stage("build", "first", {"n": 3}, "fake_stages:count")
second = Stage("melt", "second", {"n": 40}, "fake_stages:count",
               needs={"framework": (first.id, "total.txt")})
with stoppable(), locked(out):
    Scheduler([first, second], out, 2, show).run()
