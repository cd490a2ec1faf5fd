"""Memory that a calculation may take: what the machine has, or ``--max-memory``; refused before it is taken.

A size is foretold where it can get out of hand: one sentence with the number, in place of an allocation that fails half
way, or of a machine that swaps.
"""

from __future__ import annotations

import math
import os
import re
import resource
from functools import cache
from pathlib import Path

from zifsim.errors import InputError

VARIABLE = "ZIFSIM_MAX_MEMORY"      # of the environment: it reaches the workers of a study too
SHARE = 0.8                         # of the machine's memory: the rest is for what is there already
GIB = 2**30
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
# Limits of control groups, version 2 and 1: of this process's own group where its files are seen at the top.
_GROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def reserve(n_bytes: float, what: str, mend: str = "") -> None:
    """Raise InputError where ``what`` needs more than the budget; nothing is allocated.

    ``mend``: what to do about it, the end of the sentence. Infinite and NaN sizes are too large.
    """
    budget = budget_bytes()
    if n_bytes <= budget:       # false for NaN too
        return
    raise InputError(f"{what} would take {human(n_bytes)} of memory, more than the {human(budget)} that may be used "
                     f"here (--max-memory raises it); {mend or 'ask for something smaller'}.")


def budget_bytes() -> float:
    """Bytes that may be used: ``--max-memory`` where it was given, else four fifths of what this machine, the control
    group or ulimit allow the process."""
    if given := os.environ.get(VARIABLE):
        return parse_size(given, VARIABLE)
    return SHARE * min(_machine(), _left_by_ulimit())


def parse_size(text: str, name: str = "--max-memory") -> float:
    """Bytes of ``4GiB``, ``500MB``, ``2G`` or a plain number, which was given as ``name``.

    Raises
    ------
    InputError: not a positive size.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?(?:[eE]\+?\d{1,3})?)\s*([KMGT]I?)?B?\s*", text, re.IGNORECASE)
    size = float(found[1]) * _UNITS[(found[2] or "").upper()] if found else 0.0
    if not 0.0 < size < math.inf:
        raise InputError(f"{name} '{text}' is no size; give one such as 4GiB or 500MB.")
    return size


def human(n_bytes: float) -> str:
    """A size in the unit that suits it."""
    for unit, size in (("TiB", 2**40), ("GiB", GIB), ("MiB", 2**20)):
        if n_bytes >= size:
            return f"{n_bytes / size:.3g} {unit}"
    return f"{n_bytes / 2**10:.3g} KiB" if n_bytes == n_bytes else "an unknown amount"


@cache
def _machine() -> float:
    """What the machine has, or the control group allows."""
    limits = [float(text) for path in _GROUPS if (text := _read(path)).isdecimal()]
    try:
        return min(float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")), *limits, math.inf)
    except (ValueError, OSError):       # a system that does not tell
        return min(*limits, math.inf, math.inf)


def _left_by_ulimit() -> float:
    """What a limit on the process's addresses leaves above those it has mapped already."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        return math.inf
    mapped = (_read("/proc/self/statm").split() or ["0"])[0]
    return max(0.0, float(soft) - float(mapped) * os.sysconf("SC_PAGE_SIZE"))


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
