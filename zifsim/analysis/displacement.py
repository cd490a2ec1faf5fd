"""Displacements: how far metals and linkers have moved, and their diffusion coefficients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zifsim.analysis.frames import Frames
from zifsim.analysis.quantity import Quantity
from zifsim.crystals.linkers import METALS
from zifsim.errors import InputError
from zifsim.melt.box import minimum_image

FloatArray = NDArray[np.float64]
FIT_FROM, FIT_TO = 0.2, 0.5     # of the trajectory: shorter times may still rattle, longer ones have few origins
LEAST_FRAMES = 8
DIFFUSIVE = 0.5                 # a smaller exponent is a cage's, and no diffusion coefficient is given


@dataclass(frozen=True, slots=True, eq=False)
class GroupDisplacement:
    """One group of bodies.

    msd: (T,) Å² at ``DisplacementResult.time``, averaged over bodies and time origins. error: (T,) its standard error
    over bodies. exponent: slope of log MSD against log time where D is fitted (1: diffusion, 0: a cage).
    diffusion, diffusion_error: Å²/ps (1 Å²/ps = 1e-8 m²/s); the error is the standard error over bodies.
    """

    n: int
    msd: FloatArray
    error: FloatArray
    exponent: float
    diffusion: float
    diffusion_error: float


@dataclass(frozen=True, slots=True, eq=False)
class DisplacementResult:
    """``time`` (T,) ps; ``groups``: kind of building unit (``Zn``, ``Im`` ...) and ``linkers`` -> displacement."""

    time: FloatArray
    groups: Mapping[str, GroupDisplacement]
    n_frames: int

    def quantities(self) -> list[Quantity]:
        """The rows of the table: metals, and all linkers together."""
        rows = []
        for name, g in self.groups.items():
            if name not in METALS and name != "linkers":
                continue
            last = len(self.time) - 1
            basis = f"{g.n} bodies, {self.n_frames} frames"
            rows += [Quantity(f"msd_{name.lower()}", f"MSD of {name} after {self.time[last]:.3g} ps", "Å²",
                              float(g.msd[last]), float(g.error[last]), basis),
                     Quantity(f"msd_exponent_{name.lower()}", "  its exponent in time", "", g.exponent, basis=basis)]
            if g.exponent > DIFFUSIVE:
                rows.append(Quantity(f"diffusion_{name.lower()}", f"  D of {name}", "Å²/ps", g.diffusion,
                                     g.diffusion_error, basis))
        return rows


@dataclass(frozen=True, slots=True)
class MeanSquareDisplacement:
    """⟨|r(t₀ + t) − r(t₀)|²⟩ over bodies and origins t₀, up to half the trajectory; D = slope/6 from 20 to 50 %.

    A body is a metal or a linker's centre of mass. Their paths are followed from frame to frame by the shortest step
    in the present cell, which stays right while the cell's size fluctuates (von Bülow et al., J. Chem. Phys. 2020,
    153, 021101, doi:10.1063/5.0008316); a body may move up to half a cell between frames. The common drift of the
    framework is taken out. Sums over origins by FFT (Calandrini et al., Collection SFN 2011, 12, 201,
    doi:10.1051/sfn/201112010). The paths of the centres are kept in memory, the trajectory is not.
    """

    def compute(self, frames: Frames) -> DisplacementResult:
        """Follow all building units.

        Raises
        ------
        InputError: fewer than eight frames, or frames without a time or at unequal distances.
        """
        paths, steps = follow(frames)
        if len(steps) < LEAST_FRAMES:
            raise InputError(f"{frames.name}: {len(steps)} frames are too few for displacements; give at least "
                             f"{LEAST_FRAMES}.")
        interval_ps = frame_interval_ps(frames, steps)
        lags = np.arange(len(steps) // 2 + 1)
        time = np.asarray(lags * interval_ps, dtype=np.float64)
        each = np.array([windowed_msd(paths[:, k])[: len(lags)] for k in range(paths.shape[1])])
        kinds = np.array([u.kind for u in frames.framework.units])
        groups = {kind: _group(each[kinds == kind], time, len(steps)) for kind in dict.fromkeys(kinds.tolist())}
        linkers = ~np.isin(kinds, METALS)
        if linkers.any():
            groups["linkers"] = _group(each[linkers], time, len(steps))
        return DisplacementResult(time, groups, len(steps))


def follow(frames: Frames) -> tuple[FloatArray, list[int]]:
    """(F, U, 3) unwrapped centres of mass of the building units, Å, drift taken out, and the step of each frame."""
    units, masses = frames.framework.units, frames.framework.masses
    total = np.array([masses[list(u.atoms)].sum() for u in units])
    atoms = np.concatenate([u.atoms for u in units])
    firsts = np.concatenate([np.full(len(u.atoms), u.atoms[0]) for u in units])
    number = np.repeat(np.arange(len(units)), [len(u.atoms) for u in units])
    share = masses[atoms] / total[number]
    paths: list[FloatArray] = []
    steps: list[int] = []
    before = np.empty((0, 3))
    for frame in frames:
        spokes = minimum_image(frame.positions[atoms] - frame.positions[firsts], frame.box) * share[:, None]
        centres = frame.positions[[u.atoms[0] for u in units]].copy()
        np.add.at(centres, number, spokes)
        paths.append(paths[-1] + minimum_image(centres - before, frame.box) if paths else centres)
        steps.append(frame.step)
        before = centres
    result = np.array(paths)
    drift = (result * total[:, None]).sum(axis=1) / total.sum()
    return result - (drift - drift[0])[:, None], steps


def frame_interval_ps(frames: Frames, steps: list[int]) -> float:
    """Time between frames, ps.

    Raises
    ------
    InputError: there is no time, or the frames are not equally spaced.
    """
    gaps = np.diff(steps)
    if frames.step_ps <= 0.0 or len(gaps) == 0 or gaps[0] <= 0 or (gaps != gaps[0]).any():
        raise InputError(f"{frames.name}: its frames have no time or are not equally spaced, so no dynamics can be "
                         "had from them.")
    return float(gaps[0] * frames.step_ps)


def windowed_msd(path: FloatArray) -> FloatArray:
    """(F,) mean-square displacement of a path (F, 3) at every lag, over all time origins."""
    n = len(path)
    # Σ |r(t+m) − r(t)|² = Σ |r(t+m)|² + Σ |r(t)|² − 2 Σ r(t+m)·r(t); the last by FFT, padded against wrapping.
    centred = path - path.mean(axis=0)
    spectrum = np.fft.rfft(centred, 2 * n, axis=0)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, 2 * n, axis=0)[:n].sum(axis=1)
    squares = np.concatenate([[0.0], np.cumsum((centred**2).sum(axis=1))])
    late, early = squares[n] - squares[:n], squares[n - np.arange(n)]
    return np.asarray((late + early - 2.0 * correlation) / (n - np.arange(n)), dtype=np.float64)


def _group(each: FloatArray, time: FloatArray, n_frames: int) -> GroupDisplacement:
    """Mean, error and diffusion of the MSDs (n, T) of the bodies of one group."""
    n = len(each)
    msd = each.mean(axis=0)
    error = each.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.full_like(msd, np.nan)
    fit = np.arange(len(time)) >= max(1, round(FIT_FROM * n_frames))
    fit &= np.arange(len(time)) <= round(FIT_TO * n_frames)
    centred = time[fit] - time[fit].mean()
    slopes = (each[:, fit] @ centred) / (centred @ centred) / 6.0
    positive = np.maximum(msd[fit], 1e-12)
    exponent = float(np.polyfit(np.log(time[fit]), np.log(positive), 1)[0])
    return GroupDisplacement(n, msd, error, exponent, float(slopes.mean()),
                             float(slopes.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"))
