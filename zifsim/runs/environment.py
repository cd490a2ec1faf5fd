"""Environment variables: what a user, a queue or a login script has set, checked where it is read."""

from __future__ import annotations

import os
from pathlib import Path

from zifsim.errors import InputError
from zifsim.runs.caches import say_once

MOST = 10_000


def whole_number(variable: str, what: str) -> int | None:
    """The number of ``what`` that a variable gives, from 1; None where it is not set or empty.

    Raises
    ------
    InputError: it is set to anything else.
    """
    text = os.environ.get(variable, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < len(str(MOST)) + 1 and 1 <= int(text) <= MOST):
        raise InputError(f"{variable} is '{text}': set it to a number of {what}, from 1 to {MOST}, or not at all.")
    return int(text)


def folder_of(variable: str) -> Path | None:
    """The folder for a cache that a variable names; None where it is not set, or names the home of nobody (said once:
    a run can do without a cache)."""
    text = os.environ.get(variable, "")
    try:
        return Path(text).expanduser() if text else None
    except RuntimeError:
        say_once(f"{variable} is '{text}', and there is no such home folder; it is taken as not set.")
        return None
