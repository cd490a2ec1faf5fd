"""Bond lifetimes: how long a metal–N bond lives, and how often N change their metal."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zifsim.analysis.displacement import frame_interval_ps
from zifsim.analysis.frames import Frames
from zifsim.analysis.quantity import Quantity
from zifsim.errors import InputError
from zifsim.melt.coordination import ZN_N_CUTOFF, metal_nitrogen_pairs

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
NONE_SEEN = 3.0     # events that a Poisson process with none seen may have had, with 95 % confidence


@dataclass(frozen=True, slots=True)
class Rate:
    """Events of a Poisson process: ``events`` in ``exposure_ps`` (all bonds or all N together)."""

    events: int
    exposure_ps: float

    @property
    def per_ps(self) -> float:
        return self.events / self.exposure_ps

    @property
    def error_per_ps(self) -> float:
        """Standard error, √events over exposure; for no event the 95 % upper limit."""
        return (math.sqrt(self.events) if self.events else NONE_SEEN) / self.exposure_ps

    @property
    def lifetime_ps(self) -> float:
        """1/rate; infinite where nothing happened."""
        return self.exposure_ps / self.events if self.events else math.inf

    @property
    def shortest_lifetime_ps(self) -> float:
        """Lower limit of the lifetime (95 %) where nothing happened."""
        return self.exposure_ps / NONE_SEEN


@dataclass(frozen=True, slots=True, eq=False)
class BondsResult:
    """Bonds over time, as seen every ``interval_ps``.

    time: (T,) ps. survival: (T,) share of bonds unbroken ever since. intermittent: (T,) share of bonds there again
    after t, whatever came between. breaking: bonds lost, per bond. exchange: N found on another metal than before,
    per N; a bond that breaks and forms again is none.
    """

    cutoff: float
    interval_ps: float
    time: FloatArray
    survival: FloatArray
    intermittent: FloatArray
    breaking: Rate
    exchange: Rate

    def quantities(self) -> list[Quantity]:
        """The rows of the table; lifetimes of what was not seen to happen are left out."""
        rows = []
        for key, label, rate in (("bond", "metal–N bond, until it breaks", self.breaking),
                                 ("exchange", "N on one metal, until it is on another", self.exchange)):
            basis = f"{rate.events} events, frames every {self.interval_ps:g} ps"
            rows.append(Quantity(f"{key}_rate", f"rate: {label}", "1/ns", 1e3 * rate.per_ps, 1e3 * rate.error_per_ps,
                                 basis))
            if rate.events:
                rows.append(Quantity(f"{key}_lifetime", "  its inverse", "ps", rate.lifetime_ps,
                                     rate.lifetime_ps / math.sqrt(rate.events), basis))
        return rows


@dataclass(frozen=True, slots=True)
class BondLifetime:
    """Survival and correlation of metal–N bonds, bonded as in :class:`zifsim.analysis.coordination.Coordination`.

    Both correlation functions are those of hydrogen-bond dynamics (Rapaport, Mol. Phys. 1983, 50, 1151,
    doi:10.1080/00268978300102931); an exchange is counted when the new partner is reached, not when the old one is
    left (Laage & Hynes, J. Phys. Chem. B 2008, 112, 7697, doi:10.1021/jp802033r). Bonds that break and re-form between
    two frames are not seen: compare results at one frame interval only.
    """

    cutoff: float = ZN_N_CUTOFF

    def compute(self, frames: Frames) -> BondsResult:
        """Follow the bonds through all frames.

        Raises
        ------
        InputError: fewer than two frames, no bond in any of them, or frames without equal times.
        """
        metals, nitrogens = frames.metals, frames.nitrogens
        number = np.zeros(frames.framework.n_atoms, dtype=np.int64)
        number[nitrogens] = np.arange(len(nitrogens))
        seen: list[NDArray[np.int64]] = []
        steps = []
        for frame in frames:
            pairs, _ = metal_nitrogen_pairs(frame.positions, frame.box, metals, nitrogens, self.cutoff)
            seen.append(pairs[:, 0] * len(nitrogens) + number[pairs[:, 1]])
            steps.append(frame.step)
        codes = np.unique(np.concatenate(seen)) if seen else np.empty(0, dtype=np.int64)
        if len(seen) < 2 or len(codes) == 0:
            raise InputError(f"{frames.name}: {len(seen)} frames with {len(codes)} bonds; lifetimes need at least two "
                             "frames and a bond.")
        there = np.zeros((len(seen), len(codes)), dtype=bool)
        for k, found in enumerate(seen):
            there[k, np.searchsorted(codes, found)] = True
        interval = frame_interval_ps(frames, steps)
        lags = np.arange(len(seen) // 2 + 1)
        breaks = int((there[:-1] & ~there[1:]).sum())
        return BondsResult(
            self.cutoff, interval, np.asarray(lags * interval, dtype=np.float64), survival(there)[: len(lags)],
            intermittent(there)[: len(lags)], Rate(breaks, float(there[:-1].sum() * interval)),
            Rate(exchanges(there, codes % len(nitrogens), codes // len(nitrogens)),
                 float((len(seen) - 1) * interval * len(nitrogens))))


def survival(there: BoolArray) -> FloatArray:
    """(F,) share of the bonds present at an origin that are present in every frame up to each lag."""
    n = len(there)
    left = np.zeros(there.shape, dtype=np.int64)        # frames that a bond will last from here on
    left[-1] = there[-1]
    for k in range(n - 2, -1, -1):
        left[k] = np.where(there[k], left[k + 1] + 1, 0)
    kept = [(left[: n - lag] > lag).sum() / max(1, there[: n - lag].sum()) for lag in range(n)]
    return np.array(kept)


def intermittent(there: BoolArray) -> FloatArray:
    """(F,) share of the bonds present at an origin that are present again at each lag."""
    n = len(there)
    kept = [(there[: n - lag] & there[lag:]).sum() / max(1, there[: n - lag].sum()) for lag in range(n)]
    return np.array(kept)


def exchanges(there: BoolArray, nitrogen: NDArray[np.int64], metal: NDArray[np.int64]) -> int:
    """How often an N is found bonded without its last partner among its metals.

    ``nitrogen`` and ``metal`` (P,) of the bonds that are columns of ``there`` (F, P).
    """
    events = 0
    for n in np.unique(nitrogen):
        columns = np.flatnonzero(nitrogen == n)
        partner = -1
        for row in there[:, columns]:
            now = metal[columns[row]]
            if len(now) == 0 or partner in now:
                continue
            events += partner >= 0
            partner = int(now[0])
    return events
