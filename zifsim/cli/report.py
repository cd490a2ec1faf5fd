"""``zifsim report``: the HTML report of a study."""

from pathlib import Path
from typing import Annotated

import typer

from zifsim.cli import options


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
    from rich.console import Console

    from zifsim.report import write_report
    from zifsim.report.melt import is_melt, write_melt_page

    if is_melt(folder):
        page = write_melt_page(folder)
        Console().print(f"Written: {page} and {page.with_suffix('.png')}", markup=False, soft_wrap=True)
        return
    page = write_report(folder, access or [])
    Console().print(
        f"Written: {page} and the pictures in {page.parent / 'figures'}", markup=False, soft_wrap=True
    )
