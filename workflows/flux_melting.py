#!/usr/bin/env python
"""Table 1 of Longley et al. 2019 through the public API: ``zifsim run flux_melting`` as a script.

Stop it at any time and start it again: finished stages are kept, a melt continues from its checkpoint.
Command-line arguments are changes to the study, for example ``melt.replicas=1 melt.supercell=[1,1,1]``.
"""

import sys
from pathlib import Path

from zifsim.campaign import run_study
from zifsim.cli.screen import screen
from zifsim.errors import RunInterrupted, ZifsimError
from zifsim.runs import stopping

STUDY = Path(__file__).with_suffix(".toml")


def main() -> int:
    stopping.stop_at_signals_for_good()
    try:
        with screen() as report:
            result = run_study(STUDY, overrides=sys.argv[1:], report=report)
    except ZifsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RunInterrupted as stop:      # a queue sent SIGTERM or SIGUSR1; run the script again to continue
        print(stop, file=sys.stderr)
        return stop.exit_code
    for stage, reason in result.failures.items():
        print(f"failed: {stage}: {reason}", file=sys.stderr)
    if result.table is not None:
        print(result.table.read_text())
        print(f"report: {result.report}")
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
