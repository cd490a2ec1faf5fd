"""Allocation of moves: which of several runs should go on, and how far, for the errors of several quantities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zifsim.gcmc.macrostates import Estimate

FloatArray = NDArray[np.float64]
GROWTH_STEP = 0.05
MOST_GROWTH = 1.0           # of the moves that count, before it is looked again


def growth_for_errors(estimates: Sequence[Estimate], moves: FloatArray, target_relative_error: float) -> FloatArray:
    """By what fraction each run (S,) of so many moves should grow for the errors of all estimates to be small enough.

    The variance that a run causes falls as one over its moves; they go, a little at a time, to the run where they
    lower the worst error most, at most MOST_GROWTH in one round.
    """
    limits = np.array([(target_relative_error * e.value) ** 2 for e in estimates])
    variances, planned = np.array([e.variances for e in estimates]), moves.copy()
    waiting = np.zeros(len(estimates), dtype=bool)      # for what the next round tells
    while True:
        now = variances * (moves / planned)
        excess = np.where(waiting, -1.0, now.sum(axis=1) / np.maximum(limits, 1e-300) - 1.0)
        worst = int(np.argmax(excess))
        if excess[worst] <= 0.0:
            return planned / moves - 1.0
        best = int(np.argmax(now[worst] / planned))
        if planned[best] < (1.0 + MOST_GROWTH) * moves[best]:
            planned[best] *= 1.0 + GROWTH_STEP
        else:
            waiting[worst] = True
