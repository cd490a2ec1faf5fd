"""Macrostates: the probability of the number of molecules of one gas, from what every insertion and deletion tells.

At N molecules in a given volume the configurations are those of the canonical ensemble, whatever the fugacity. So what
runs at different pressures note there (moves.py) adds up, and at each N the mean chances of an insertion at N and of a
deletion at N + 1 give Q(N+1)/Q(N) by detailed balance (transition-matrix Monte Carlo: Fitzgerald, Picard & Silver
1999, doi:10.1209/epl/i1999-00257-1; Errington 2003, doi:10.1063/1.1572463), at the activity where both are alike
(Bennett 1976, doi:10.1016/0021-9991(76)90078-4). Then Π(N) ∝ Q(N) z^N at any activity z = βf.

Errors are of the linearised estimate: every block of every run has an influence on the result, and the sum of a run's
influences varies as that of any correlated series does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zifsim.gcmc.statistics import inefficiency
from zifsim.gcmc.walker import CHANCES, DOWN, TRIED, UP
from zifsim.units import KELVIN_TO_KJ_MOL

FloatArray = NDArray[np.float64]
RUNG = 1.0                  # ln of the step of the ladder: half of it from the best activity costs nothing
BELOW, ABOVE = 1, 3         # rungs beyond the activities that are asked for; likely N lie on both sides of the mean
CONTINUED = 20              # numbers of molecules beyond those that were seen ...
LEAST_FALL = -0.1           # ... where Π falls by at least so much at each
JACKKNIFE = 16              # pieces
MOST_BLOCKS = 128           # of a run; then pairs are joined


@dataclass(frozen=True, slots=True)
class Ladder:
    """Activities at which chances are noted: ln(βf/Å⁻³) = RUNG × (first, first + 1, ..., first + count − 1)."""

    first: int
    count: int

    @classmethod
    def around(cls, log_activities: ArrayLike) -> Ladder:
        """One that reaches some way beyond the given ln(βf/Å⁻³)."""
        rungs = np.asarray(log_activities, dtype=float) / RUNG
        first = math.floor(rungs.min()) - BELOW
        return cls(first, math.ceil(rungs.max()) + ABOVE - first + 1)

    @property
    def log_activities(self) -> FloatArray:
        """(K,) ln(βf/Å⁻³)."""
        result: FloatArray = RUNG * np.arange(self.first, self.first + self.count, dtype=float)
        return result


NO_LADDER = Ladder(0, 0)


@dataclass(frozen=True, slots=True)
class Block:
    """What some moves of one run noted, for numbers of molecules from ``first`` up.

    ``transitions`` (n, 2, 1 + K) as in ``Walker.transitions``; ``visits`` (n,) samples with so many molecules, and the
    sum of their total energies, ``energies`` (n,) K; ``moves`` made.
    """

    first: int
    transitions: FloatArray
    visits: FloatArray
    energies: FloatArray
    moves: int

    @classmethod
    def taken(cls, transitions: FloatArray, counts: FloatArray, energies: FloatArray, moves: int, every: int) -> Block:
        """What stands in a walker's transitions (M + 1, 2, 1 + K), which are set to zero, and its samples (n,) of the
        molecules and their energy, K, one in ``every`` moves."""
        n = counts.astype(np.int64)
        low, high = max(0, int(n.min()) - every), int(n.max()) + every + 1      # one molecule more or less a move
        seen = np.flatnonzero(transitions[low:high, :, TRIED].any(axis=1))
        low, high = low + int(seen[0]), low + int(seen[-1]) + 1
        low, high = min(low, int(n.min())), max(high, int(n.max()) + 1)
        taken = transitions[low:high].copy()
        transitions[low:high] = 0.0
        sums: FloatArray = np.bincount(n - low, weights=energies, minlength=high - low).astype(float)
        return cls(low, taken, np.bincount(n - low, minlength=high - low).astype(float), sums, moves)

    def widened(self, first: int, n: int) -> Block:
        """The same for ``n`` numbers of molecules from ``first`` up, which hold its own."""
        place = slice(self.first - first, self.first - first + len(self.visits))
        transitions, visits, energies = np.zeros((n, *self.transitions.shape[1:])), np.zeros(n), np.zeros(n)
        transitions[place], visits[place], energies[place] = self.transitions, self.visits, self.energies
        return Block(first, transitions, visits, energies, self.moves)

    def joined(self, other: Block) -> Block:
        first = min(self.first, other.first)
        n = max(self.first + len(self.visits), other.first + len(other.visits)) - first
        a, b = self.widened(first, n), other.widened(first, n)
        return Block(first, a.transitions + b.transitions, a.visits + b.visits, a.energies + b.energies,
                     a.moves + b.moves)


def add_block(blocks: list[Block], new: Block) -> None:
    """Append a block to a run's, or join it to the last where that is not yet as long as the first. Where there are too
    many, pairs are joined."""
    if blocks and blocks[-1].moves < blocks[0].moves:
        blocks[-1] = blocks[-1].joined(new)
    else:
        blocks.append(new)
    if len(blocks) > MOST_BLOCKS:
        *pairs, last = blocks
        blocks[:] = [a.joined(b) for a, b in zip(pairs[::2], pairs[1::2], strict=True)] + [last]


def arrays_of(blocks: Sequence[Block], ladder: Ladder) -> dict[str, NDArray[Any]]:
    """Blocks as arrays that a file holds."""
    first = min((b.first for b in blocks), default=0)
    n = max((b.first + len(b.visits) for b in blocks), default=first) - first
    transitions, sums = np.zeros((len(blocks), n, 2, 1 + ladder.count)), np.zeros((len(blocks), 2, n))
    for b, block in enumerate(blocks):
        wide = block.widened(first, n)
        transitions[b], sums[b] = wide.transitions, (wide.visits, wide.energies)
    return {"block_first": np.array(first), "block_moves": np.array([b.moves for b in blocks], dtype=np.int64),
            "block_transitions": transitions, "block_sums": sums}


def blocks_of(arrays: Mapping[str, NDArray[Any]]) -> list[Block]:
    """What :func:`arrays_of` made arrays of."""
    return [Block(int(arrays["block_first"]), transitions, sums[0], sums[1], int(moves))
            for transitions, sums, moves in zip(
                arrays["block_transitions"], arrays["block_sums"], arrays["block_moves"], strict=True)]


@dataclass(frozen=True, slots=True)
class Notes:
    """The blocks of one run as arrays, N from 0 to n − 1: ``tried`` (B, n, 2), ``chances`` (B, n, 2, K) at the rungs of
    ``ladder``, ``visits`` and ``energies`` (B, n). The chances depend on ``n_trials``, their ratio does not."""

    ladder: Ladder
    n_trials: int
    tried: FloatArray
    chances: FloatArray
    visits: FloatArray
    energies: FloatArray

    @classmethod
    def of(cls, blocks: Sequence[Block], ladder: Ladder, n_trials: int) -> Notes:
        n = max((b.first + len(b.visits) for b in blocks), default=1)
        transitions, sums = np.zeros((len(blocks), n, 2, 1 + ladder.count)), np.zeros((len(blocks), 2, n))
        for b, block in enumerate(blocks):
            place = slice(block.first, block.first + len(block.visits))
            transitions[b, place], sums[b, 0, place], sums[b, 1, place] = (block.transitions, block.visits,
                                                                           block.energies)
        return cls(ladder, n_trials, transitions[..., TRIED], transitions[..., CHANCES:], sums[:, 0], sums[:, 1])

    def without(self, piece: int, pieces: int) -> Notes:
        """All but one of so many contiguous pieces."""
        left = np.ones(len(self.tried), dtype=bool)
        left[piece * len(left) // pieces: (piece + 1) * len(left) // pieces] = False
        return replace(self, tried=self.tried[left], chances=self.chances[left], visits=self.visits[left],
                       energies=self.energies[left])


@dataclass(frozen=True, slots=True)
class Steps:
    """ln Q(N+1)/Q(N) for N from 0 to n − 2 by groups of notes, the chances of each alike in themselves only.

    A group's two mean chances of a step get one weight, up·down/(up + down) of what was tried: each group's ratio is
    right by itself. ``log_ratio`` (n − 1,), NaN where nothing went up or down; ``rung`` (n − 1,) that was used; of
    every group (G, n − 1): ``up`` and ``down``, its share of the mean chances per chance noted, and ``mean_up`` and
    ``mean_down``, its mean chances.
    """

    log_ratio: FloatArray
    rung: NDArray[np.int64]
    up: FloatArray
    down: FloatArray
    mean_up: FloatArray
    mean_down: FloatArray

    @classmethod
    def of(cls, tried: FloatArray, chances: FloatArray, log_ladder: FloatArray) -> Steps:
        """From sums over each group, ``tried`` and ``chances`` (G, n, 2, K)."""
        n_up, n_down = tried[:, :-1, UP], tried[:, 1:, DOWN]
        up, down = chances[:, :-1, UP], chances[:, 1:, DOWN]
        weight = n_up * n_down / np.maximum(n_up + n_down, 1.0)
        mean_up, mean_down = up / np.maximum(n_up, 1.0), down / np.maximum(n_down, 1.0)
        total_up, total_down = (weight * mean_up).sum(axis=0), (weight * mean_down).sum(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            alike = np.abs(np.log(up.sum(axis=0) / down.sum(axis=0)))
            log_ratio = np.log(total_up / total_down) - log_ladder
        seen = (total_up > 0.0) & (total_down > 0.0)
        rung = np.argmin(np.where(seen, alike, np.inf), axis=1)
        at = (np.arange(len(rung)), rung)
        with np.errstate(divide="ignore", invalid="ignore"):
            per_up, per_down = weight / np.maximum(n_up, 1.0) / total_up, weight / np.maximum(n_down, 1.0) / total_down
        of_group = (slice(None), *at)
        return cls(np.where(seen[at], log_ratio[at], math.nan), rung, per_up[of_group], per_down[of_group],
                   mean_up[of_group], mean_down[of_group])

    @property
    def seen(self) -> NDArray[np.bool_]:
        result: NDArray[np.bool_] = np.isfinite(self.log_ratio)
        return result


@dataclass(frozen=True, slots=True)
class Estimate:
    """A quantity with its standard error, the degrees of freedom of that error, and the variance that each run (R,) is
    the cause of."""

    value: float
    error: float
    freedom: float
    variances: FloatArray


class Macrostates:
    """Π(N) of one gas in one cell, pooled over runs.

    Parameters
    ----------
    runs: what each noted. The blocks of one are taken as a correlated series, different runs as independent.
    temperature_k: of all.
    """

    def __init__(self, runs: Sequence[Notes], temperature_k: float) -> None:
        first = min(r.ladder.first for r in runs)
        self.ladder = Ladder(first, max(r.ladder.first + r.ladder.count for r in runs) - first)
        self.temperature_k, self.runs = temperature_k, runs
        self._groups = sorted({r.n_trials for r in runs})
        n = max(r.tried.shape[1] for r in runs)
        shape = (len(self._groups), n, 2, self.ladder.count)
        tried, chances = np.zeros(shape), np.zeros(shape)
        self._visits, self._energies = np.zeros(n), np.zeros(n)
        for run in runs:
            group, m, rungs = self._groups.index(run.n_trials), run.tried.shape[1], self._rungs(run)
            tried[group, :m, :, rungs] += run.tried.sum(axis=0)[:, :, None]
            chances[group, :m, :, rungs] += run.chances.sum(axis=0)
            self._visits[:m] += run.visits.sum(axis=0)
            self._energies[:m] += run.energies.sum(axis=0)
        self.steps = Steps.of(tried, chances, self.ladder.log_activities)

    def _rungs(self, run: Notes) -> slice:
        """Where a run's ladder stands in that of all."""
        start = run.ladder.first - self.ladder.first
        return slice(start, start + run.ladder.count)

    def log_probability(self, log_activity: float, around: int) -> tuple[int, FloatArray]:
        """The smallest N, and ln Π(N) of that and those after it without a gap, ``around`` among them; normalised."""
        seen = self.steps.seen
        low = high = min(around, len(seen))
        while low > 0 and seen[low - 1]:
            low -= 1
        while high < len(seen) and seen[high]:
            high += 1
        steps = self.steps.log_ratio[low:high] + log_activity
        if len(steps):      # beyond what was seen, as of molecules that do not feel each other, while it is downhill
            further = steps[-1] + np.log(high / np.arange(high + 1, high + 1 + CONTINUED))
            steps = np.concatenate([steps, further[further < LEAST_FALL]])
        log_pi = np.concatenate([[0.0], np.cumsum(steps)])
        log_pi -= log_pi.max()
        return low, log_pi - math.log(np.exp(log_pi).sum())

    def _unseen(self, low: int, p: FloatArray) -> float:
        """What numbers of molecules that were not seen, above and below, have to do with ⟨N⟩ of such a Π(N)."""
        n = np.arange(low, low + len(p))
        mean, seen = float(p @ n), self.steps.seen
        top = low
        while top < len(seen) and seen[top]:
            top += 1
        above = float(p[top - low + 1:] @ (n[top - low + 1:] - mean))
        if low == 0 or len(p) < 2:
            return abs(above)
        ratio = min(0.9, p[0] / p[1])
        return math.hypot(above, p[0] * ratio / (1.0 - ratio) * (mean - low + 1.0))

    def loading(self, log_activity: float, around: int) -> Estimate:
        """⟨N⟩ at an activity (ln βf/Å⁻³)."""
        low, log_pi = self.log_probability(log_activity, around)
        p, n = np.exp(log_pi), np.arange(low, low + len(log_pi))
        parts = [variance_of_sum(a) for a in self.influences(_slope_of_mean(len(self.steps.rung), low, p))]
        variances, freedoms = np.array(parts).T
        # Welch–Satterthwaite, doi:10.2307/3002019
        doubt = float((variances**2 / np.maximum(freedoms, 0.1)).sum())
        variance, mean = float(variances.sum()), float(p @ n)
        freedom = variance**2 / doubt if doubt > 0.0 else math.inf
        return Estimate(mean, math.hypot(math.sqrt(variance), self._unseen(low, p)), freedom, variances)

    def number_variance(self, log_activity: float, around: int) -> float:
        """⟨N²⟩ − ⟨N⟩²."""
        low, log_pi = self.log_probability(log_activity, around)
        p, n = np.exp(log_pi), np.arange(low, low + len(log_pi))
        return float(p @ (n - p @ n) ** 2)

    def influences(self, slope: FloatArray) -> list[FloatArray]:
        """(B,) of each run: how far each of its blocks moves a quantity of the given slope (n − 1,) in ln Q(N+1)/Q(N).
        """
        return [self._influence(run, slope) for run in self.runs]

    def _influence(self, run: Notes, slope: FloatArray) -> FloatArray:
        steps, group = self.steps, self._groups.index(run.n_trials)
        m = run.tried.shape[1]
        rung = steps.rung - self._rungs(run).start
        used = np.flatnonzero((rung >= 0) & (rung < run.ladder.count) & steps.seen & (slope != 0.0))
        total = np.zeros(len(run.tried))
        n = used[used < m]
        gain = run.chances[:, n, UP, rung[n]] - steps.mean_up[group, n] * run.tried[:, n, UP]
        total += gain @ (slope[n] * steps.up[group, n])
        n = used[used + 1 < m]
        gain = run.chances[:, n + 1, DOWN, rung[n]] - steps.mean_down[group, n] * run.tried[:, n + 1, DOWN]
        total -= gain @ (slope[n] * steps.down[group, n])
        return total

    def heat_of_adsorption_kj_mol(self, log_activity: float, around: int) -> float:
        """Isosteric heat, q = RT − cov(U, N)/var(N), from the mean energies at each N; NaN where N does not vary."""
        low, log_pi = self.log_probability(log_activity, around)
        n = np.arange(low, low + len(log_pi))
        seen = np.flatnonzero(self._visits)
        if not len(seen):
            return math.nan
        energy = np.interp(n, seen, self._energies[seen] / self._visits[seen])
        p = np.exp(log_pi)
        from_mean = n - p @ n
        variance = p @ from_mean**2
        if not variance > 0.0:
            return math.nan
        return float((self.temperature_k - p @ (energy * from_mean) / variance) * KELVIN_TO_KJ_MOL)

    def heat_error_kj_mol(self, log_activity: float, around: int) -> float:
        """Standard error of the heat: a jackknife over JACKKNIFE pieces, of every run the same."""
        values = [Macrostates([run.without(g, JACKKNIFE) for run in self.runs], self.temperature_k)
                  .heat_of_adsorption_kj_mol(log_activity, around) for g in range(JACKKNIFE)]
        return math.sqrt((JACKKNIFE - 1) * float(np.var(values)))


def _slope_of_mean(steps: int, low: int, p: FloatArray) -> FloatArray:
    """(steps,) d⟨N⟩/d ln Q(N+1)/Q(N) = Σ_{m>N} Π(m) (m − ⟨N⟩), of Π(N) ``p`` from N = ``low`` up."""
    slope, n = np.zeros(steps), np.arange(len(p))
    above = np.cumsum((p * (n - p @ n))[::-1])[::-1][1:]
    slope[low: low + len(above)] = above[: max(0, steps - low)]
    return slope


def variance_of_sum(series: FloatArray) -> tuple[float, float]:
    """Variance of the sum of a correlated series (B,) of mean 0, and as of how many independent values it is known."""
    if len(series) < 2:
        return float(series @ series), 1.0
    g = inefficiency(series)
    fraction = min(g / len(series), 0.5)    # a correlated sample has a variance too small by so much
    return float(series @ series) * g / (1.0 - fraction), len(series) / g - 1.0
