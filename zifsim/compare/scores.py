"""Scores: how far from experiment, in two numbers, for our values and the paper's over the same rows: our equilibrium
uptake, what of it is accessible in the time of an experiment, and the published simulation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from zifsim.compare.table import ComparisonRow, ComparisonTable


@dataclass(frozen=True, slots=True)
class Score:
    """Mean deviation from experiment over a group of rows.

    ``n_rows`` rows have our value, an experiment and a published simulation; the mean absolute errors
    (mL(STP)/g) run over them. The log ratio |ln(simulated/measured)| needs all three to be positive:
    ``n_log_rows`` of them are. A mean over no rows is None. The accessible uptake has a score where every row has one;
    it must be positive too for the log ratio.
    """

    group: str
    n_rows: int
    mae_ours: float | None
    mae_paper: float | None
    n_log_rows: int
    log_ratio_ours: float | None
    log_ratio_paper: float | None
    mae_accessible: float | None = None
    log_ratio_accessible: float | None = None

    @property
    def factor_ours(self) -> float | None:
        """exp of the mean log ratio: by what factor our value is typically off."""
        return None if self.log_ratio_ours is None else math.exp(self.log_ratio_ours)

    @property
    def factor_paper(self) -> float | None:
        return None if self.log_ratio_paper is None else math.exp(self.log_ratio_paper)

    @property
    def factor_accessible(self) -> float | None:
        return None if self.log_ratio_accessible is None else math.exp(self.log_ratio_accessible)


ALL = "all of Table 1"
POSITIVE = "without experimental zeros"
NOT_N2_77K = "without N2 at 77 K"
ACCESS_KNOWN = "with an accessible uptake"


def score_table(table: ComparisonTable) -> tuple[Score, ...]:
    """Scores of Table 1: each material, all rows, and all but those where diffusion decided the experiment.

    N2 at 77 K is shut out kinetically in the experiment (the paper says so), and its large simulated values
    govern every mean they enter; hence the group without it. Where accessibility is known for some rows only, they are
    a group of their own.
    """
    rows = table.section("table1")
    materials = dict.fromkeys(row.material for row in rows)
    groups = [(material, [r for r in rows if r.material == material]) for material in materials]
    groups += [
        (ALL, list(rows)),
        (POSITIVE, [r for r in rows if not r.reference.kinetic_zero]),
        (NOT_N2_77K, [r for r in rows if not (r.gas == "N2" and r.temperature_k < 100.0)]),
    ]
    known = [r for r in rows if r.accessible is not None]
    if known and any(r.ours is not None and r.accessible is None for r in rows):
        groups.append((ACCESS_KNOWN, known))
    return tuple(score(name, members) for name, members in groups)


def score(group: str, rows: Sequence[ComparisonRow]) -> Score:
    """Score of a group of rows; rows that lack one of the three values are left out of both sides."""
    compared = [
        (row.ours.value, row.reference.simulation, row.reference.high, row.accessible)
        for row in rows
        if row.ours is not None
        and row.reference.simulation is not None
        and row.reference.high is not None
        and row.reference.low == row.reference.high
    ]
    triples = [values[:3] for values in compared]
    reached = [one.estimate.value for *_, one in compared if one is not None]
    known = bool(compared) and len(reached) == len(compared)
    positive = [i for i, values in enumerate(triples) if min(values) > 0.0 and not (known and reached[i] <= 0.0)]

    def log_ratio(simulated: Sequence[float]) -> float | None:
        return _mean([abs(math.log(simulated[i] / triples[i][2])) for i in positive])

    return Score(
        group=group,
        n_rows=len(triples),
        mae_ours=_mean([abs(ours - measured) for ours, _, measured in triples]),
        mae_paper=_mean([abs(paper - measured) for _, paper, measured in triples]),
        n_log_rows=len(positive),
        log_ratio_ours=log_ratio([t[0] for t in triples]),
        log_ratio_paper=log_ratio([t[1] for t in triples]),
        mae_accessible=_mean([abs(r - t[2]) for r, t in zip(reached, triples, strict=True)]) if known else None,
        log_ratio_accessible=log_ratio(reached) if known else None,
    )


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
