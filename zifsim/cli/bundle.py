"""``zifsim bundle`` and ``zifsim verify``: results with all that made them in one checked archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zifsim.cli.terminal import say


def bundle(
    result: Annotated[Path, typer.Argument(metavar="DIR", help="Results folder of a study, a sweep or one command.")],
    out: Annotated[Path | None, typer.Option(
        "--out", "-o", metavar="FILE", help="Archive to write.", show_default="DIR.bundle.tar.gz")] = None,
) -> None:
    """Pack inputs, settings, records, versions, results and tables into one archive with checksums.

    Trajectories and checkpoints stay behind. The same results give the same bytes.

    Example: zifsim bundle results/quench_sweep
    """
    from zifsim.campaign.bundle import make_bundle

    made = make_bundle(result, out)
    if made.unfinished:
        say(f"note: {made.unfinished} stages are not finished and not in it")
    say(f"{made.name}: {made.n_files} files of {made.n_stages} stages\n"
        f"written: {made.path} ({made.megabytes:.1f} MB)\nfingerprint: {made.fingerprint}")


def verify(archive: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Archive that `zifsim bundle` wrote.")],
           ) -> None:
    """Check every file of a bundle; a changed, missing or foreign one is named and the exit code is 2.

    The list of checksums vouches for the files, and the fingerprint for the list: compare it with the one that `zifsim
    bundle` printed.

    Example: zifsim verify results/quench_sweep.bundle.tar.gz
    """
    from zifsim.campaign.bundle import verify_bundle

    found = verify_bundle(archive)
    say(f"{found.name}: all {found.n_files} files of {found.n_stages} stages are what was packed, nothing else is "
        f"in it\nfingerprint: {found.fingerprint}")
