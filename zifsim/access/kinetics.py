"""Kinetics of a gas on its free-energy grid: percolation, basins, hopping, and what an experiment reaches."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from zifsim.access.basins import Basins, find_basins
from zifsim.access.filling import Experiment, accessible_fraction, diffusion_m2_s, fill_time_s, taking_part
from zifsim.access.flexible import SnapshotAverage, network_minimum
from zifsim.access.flood import Flooding, flood
from zifsim.access.landscape import FreeEnergyGrid
from zifsim.access.network import Hopping, hopping
from zifsim.model.guest import GuestModel
from zifsim.runs import stopping
from zifsim.runs.progress import Event, Report, silent

FloatArray = NDArray[np.float64]
RESAMPLES = 30
SEED = 1


@dataclass(frozen=True, slots=True, eq=False)
class Kinetics:
    """A guest's free-energy grid, partitioned. Barriers are in kJ/mol above the deepest minimum of the network that
    percolates first, inf where nothing does."""

    grid: FreeEnergyGrid
    flooding: Flooding
    basins: Basins
    hopping: Hopping

    @classmethod
    def of(cls, grid: FreeEnergyGrid, guest: GuestModel) -> Kinetics:
        flooding = flood(grid.values)
        basins = find_basins(grid, flooding)
        return cls(grid, flooding, basins, hopping(basins, grid.cell, grid.temperature_k, guest.molar_mass_g_mol))

    @property
    def network_minimum(self) -> float:
        """Lowest free energy, kJ/mol, in the network that percolates first (of the whole grid if none does)."""
        lowest = network_minimum(self.flooding.network_levels, self.flooding.minima)
        return lowest if np.isfinite(lowest) else self.basins.reference

    @property
    def barrier(self) -> float:
        """To percolate at all, kJ/mol."""
        return self.flooding.percolation_level - self.network_minimum

    @property
    def axis_barriers(self) -> FloatArray:
        """(3,) to get along a, b, c, kJ/mol."""
        return self.flooding.axis_levels - self.network_minimum

    @property
    def dimensions(self) -> int:
        """In how many dimensions anything percolates, whatever the barrier."""
        return int(np.isfinite(self.flooding.dimension_levels).sum())

    @property
    def start(self) -> int:
        """Flat index of the deepest node of the network that percolates first."""
        levels = self.flooding.network_levels
        first = np.flatnonzero(levels == levels.min())
        return int(self.flooding.seeds[first[np.argmin(self.flooding.minima[first])]])

    def scaled(self, factor: float) -> Kinetics:
        """The same with every hop along the network ``factor`` times as frequent."""
        faster = replace(self.hopping, conductance_m2_s=factor * self.hopping.conductance_m2_s)
        return replace(self, hopping=faster)

    @property
    def window(self) -> int:
        """Flat index of the node where the first percolating path is highest, −1 without one."""
        if not np.isfinite(self.flooding.percolation_level):
            return -1
        return int(np.flatnonzero(self.grid.values.ravel() == np.float32(self.flooding.percolation_level))[0])

    def accessible_fraction(self, experiment: Experiment) -> float:
        """Fraction of the equilibrium loading that an experiment finds."""
        return accessible_fraction(self.basins, self.hopping, experiment)

    def diffusion(self, experiment: Experiment) -> FloatArray:
        """(3, 3) m²/s."""
        return diffusion_m2_s(self.basins, self.hopping, experiment.seconds)

    def fill_time_s(self, experiment: Experiment) -> float:
        """Time to fill a particle to 90 %, s."""
        return fill_time_s(float(np.trace(self.diffusion(experiment))) / 3.0, experiment.size_um)

    def blocked(self, experiment: Experiment) -> NDArray[np.bool_]:
        """(nx, ny, nz) nodes that the gas does not reach: basins that do not take part within the experiment's time,
        and all of them where the particle is not filled to 90 % in it."""
        open_basins = taking_part(self.hopping, experiment.seconds)
        if self.fill_time_s(experiment) > experiment.seconds:
            open_basins[:] = False
        labels = self.basins.labels
        mask: NDArray[np.bool_] = (labels >= 0) & ~open_basins[labels]
        return mask


@dataclass(frozen=True, slots=True)
class Spread:
    """Barrier (kJ/mol), fill time (s) and accessible fractions over resampled snapshots: 16th and 84th percentile."""

    barrier: tuple[float, float]
    fill_time_s: tuple[float, float]
    fractions: dict[Experiment, tuple[float, float]]


def resample(average: SnapshotAverage, guest: GuestModel, experiment: Experiment,
             experiments: tuple[Experiment, ...], resamples: int = RESAMPLES, *, part: str = "bootstrap",
             report: Report = silent) -> Spread:
    """Bootstrap over blocks of consecutive snapshots, which are correlated among themselves. ``report`` is told of
    ``part``. Raises RunInterrupted where asked to stop."""
    rng = np.random.default_rng(SEED)
    k = len(average.counts)
    barriers, times, fractions = [], [], []
    for number in range(resamples):
        stopping.check()
        report(Event(part, number / resamples, f"{number} of {resamples} resamples"))
        kinetics = Kinetics.of(average.grid(rng.multinomial(k, np.full(k, 1.0 / k))), guest)
        barriers.append(kinetics.barrier)
        times.append(kinetics.fill_time_s(experiment))
        fractions.append([kinetics.accessible_fraction(e) for e in experiments])
    return Spread(_band(barriers), _band(times),
                  {e: _band(column) for e, column in zip(experiments, np.transpose(fractions).tolist(), strict=True)})


def convergence(average: SnapshotAverage, guest: GuestModel, experiment: Experiment) -> list[tuple[int, float, float]]:
    """(snapshots, barrier in kJ/mol, fill time in s) with the first 1, 2, 4 … blocks and with all of them."""
    rows = []
    number = len(average.counts)
    for used in sorted({2**p for p in range(number.bit_length()) if 2**p < number} | {number}):
        kinetics = Kinetics.of(average.grid((np.arange(number) < used).astype(np.int64)), guest)
        rows.append((int(average.counts[:used].sum()), kinetics.barrier, kinetics.fill_time_s(experiment)))
    return rows


def _band(values: list[float]) -> tuple[float, float]:
    """16th and 84th percentile; of sorted values, since a resample may be infinite."""
    ordered = np.sort(values)
    low, high = ordered[round(0.16 * (len(ordered) - 1))], ordered[round(0.84 * (len(ordered) - 1))]
    return float(low), float(high)
