"""Entry point of ``zifsim``: stop signals are taken from the first line, before anything heavy is imported."""

from __future__ import annotations

import sys

from zifsim.errors import RunInterrupted
from zifsim.printable import one_line, prepare_streams
from zifsim.runs import stopping


def entry(arguments: list[str] | None = None) -> None:
    """The ``zifsim`` command, with those of the process by default; exit codes: :func:`zifsim.cli.app.main`."""
    stopping.stop_at_signals_for_good()
    prepare_streams()
    try:
        from zifsim.cli.app import main

        main(arguments)
    except RunInterrupted as stop:
        print(one_line(f"stopped: {stop}"), file=sys.stderr)
        sys.exit(stop.exit_code)
    finally:
        stopping.leave()


if __name__ == "__main__":
    entry()
