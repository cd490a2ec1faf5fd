"""How much computing something is, whatever else the machine does: calls of functions, Python's and built in."""

import cProfile
import pstats
from collections.abc import Callable, Sequence
from typing import Any


def calls(function: Callable[..., Any], *arguments: Any) -> int:
    """How many calls a call of a function makes."""
    profile = cProfile.Profile()
    profile.runcall(function, *arguments)
    return pstats.Stats(profile).total_calls


def per_job(jobs: Sequence[int], counted: Sequence[int]) -> list[float]:
    """Calls that every further job costs, from each number of jobs to the next."""
    return [(c - a) / (n - m) for m, n, a, c in zip(jobs, jobs[1:], counted, counted[1:], strict=False)]
