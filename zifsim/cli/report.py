"""``zifsim report``: the HTML report of a study."""

from pathlib import Path
from typing import Annotated

import typer

from zifsim.cli import options
from zifsim.cli.terminal import say


def report(
    folder: Annotated[Path, typer.Argument(
        metavar="DIR", help="Results folder that `zifsim run` wrote, or the folder of a melt.")],
    access: options.Access = None,
) -> None:
    """Write DIR/report.html: one self-contained page with tables, pictures, scores and provenance.

    For the folder of a melt, finished or not: DIR/melt.html and DIR/melt.png.

    The page needs no network and no other file. figures/table1.png and figures/isotherms.png are the same
    pictures for slides; the tables of `zifsim compare` are refreshed as well. Nothing is simulated.

    Example: zifsim report results/quick
    """

    from zifsim.report import write_report
    from zifsim.report.melt import is_melt, write_melt_page

    if is_melt(folder):
        page = write_melt_page(folder)
        say(f"Written: {page} and {page.with_suffix('.png')}")
        return
    page = write_report(folder, access or [])
    say(f"Written: {page} and the pictures in {page.parent / 'figures'}")
