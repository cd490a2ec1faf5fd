"""Errors a user can mend. The command line prints their one sentence and exits with code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZifsimError(Exception):
    """Base of all errors that are told in one sentence: it names the file, the row and the mend."""


class InputError(ZifsimError):
    """A file, option or value that cannot be used as given."""


class DamagedError(InputError):
    """A file of zifsim's own that is not what zifsim wrote. ``fault``: the sentence without its mend."""

    def __init__(self, path: object, why: str, mend: str = "delete it, and the same command makes it again") -> None:
        self.fault = f"{path} is damaged ({why})"
        super().__init__(f"{self.fault}; {mend}.")


class UnknownNameError(ZifsimError):
    """A name that is not among the known ones; the nearest known name is suggested."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name.lower(), [k.lower() for k in known], n=1, cutoff=0.5)
        original = next((k for k in known if near and k.lower() == near[0]), None)
        hint = f" Did you mean '{original}'?" if original else ""
        super().__init__(f"Unknown {what} '{name}'.{hint} Known: {', '.join(known)}.")


class SimulationError(ZifsimError):
    """A run that had to stop for a physical reason (non-finite energy, fused atoms, box too small)."""


class RunInterrupted(BaseException):
    """A run that was asked to stop, with its state on disk; no ``except Exception`` keeps it from ending the process.

    ``exit_code``: 75 for SIGTERM and SIGUSR1, so that a queue can requeue, and 130 for Ctrl-C.
    """

    exit_code = 75
