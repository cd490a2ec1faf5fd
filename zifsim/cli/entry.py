"""Entry point of ``zifsim``: stop signals are taken from the first line, before anything heavy is imported."""

from __future__ import annotations

import sys

from zifsim.errors import RunInterrupted
from zifsim.runs import stopping


def entry() -> None:
    """The ``zifsim`` command. See :func:`zifsim.cli.app.main` for its exit codes."""
    stopping.stop_at_signals_for_good()
    try:
        from zifsim.cli.app import main

        main()
    except RunInterrupted as stop:
        print(f"stopped: {stop}", file=sys.stderr)
        sys.exit(stop.exit_code)
    finally:
        stopping.leave()


if __name__ == "__main__":
    entry()
