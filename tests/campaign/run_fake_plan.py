"""Runs a small plan of fake stages in a folder: a process that tests may kill."""

import sys
from pathlib import Path

from zifsim.campaign import rundir
from zifsim.campaign.run import execute
from zifsim.campaign.stage import Stage

out = Path(sys.argv[1])
first = Stage("build", "first", {"n": 3}, "fake_stages:count")
second = Stage("melt", "second", {"n": 40}, "fake_stages:count",
               needs={"framework": (first.id, "total.txt")})
with rundir.locked(out):
    execute([first, second], out, workers=2)
