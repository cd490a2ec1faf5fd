"""Chances of insertions and deletions, noted whether they are accepted or not (:mod:`moves` says what)."""

from __future__ import annotations

import math

from zifsim.gcmc.jit import kernel
from zifsim.gcmc.trials import NEVER
from zifsim.gcmc.walker import CHANCES, DOWN, TRIED, UP

LARGEST_LOG = 300.0      # of a ratio that is noted; at any activity the chance is then 0 or 1


@kernel
def note_insertion(transitions, n, ladder, log_weight):
    """Note that an insertion at ``n`` molecules was tried, of the ln of its ratio at unit activity (NEVER: impossible).
    """
    if ladder.shape[0] > 0:
        transitions[n, UP, TRIED] += 1.0
        if log_weight > NEVER:
            weight = math.exp(max(-LARGEST_LOG, min(LARGEST_LOG, log_weight)))
            for k in range(ladder.shape[0]):
                transitions[n, UP, CHANCES + k] += ladder[k] * weight / (1.0 + ladder[k] * weight)


@kernel
def note_deletion(transitions, n, ladder, log_weight, share):
    """Note a deletion at ``n`` molecules, the reverse of an insertion of ``log_weight``, with a weight of ``share``."""
    if ladder.shape[0] > 0:
        weight = math.exp(max(-LARGEST_LOG, min(LARGEST_LOG, log_weight)))
        for k in range(ladder.shape[0]):
            transitions[n, DOWN, CHANCES + k] += share / (1.0 + ladder[k] * weight)
