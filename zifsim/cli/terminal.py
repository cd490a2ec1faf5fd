"""The terminal: everything a command prints goes through here, so that no name in a file acts on it or on a table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from zifsim.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment


def say(text: str = "", *, end: str = "\n", error: bool = False, flush: bool = False) -> None:
    """Print text that may hold names of files and users; ``error``: on stderr."""
    print(printable(text), end=end, file=sys.stderr if error else sys.stdout, flush=flush)


def console(plain_width: int | None = None, *, error: bool = False) -> Console:
    """A console for tables that takes no text for markup; ``plain_width``: where nobody watches (None: 80).
    ``error``: on stderr."""
    from rich.console import Console

    class Plain(Console):
        """Lets no control character out but rich's own."""

        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                shown = segment.text if segment.control else printable(segment.text)
                yield segment if shown == segment.text else segment._replace(text=shown)

    watched = (sys.stderr if error else sys.stdout).isatty()
    return Plain(stderr=error, width=None if watched else plain_width, markup=False, emoji=False, highlight=False)
