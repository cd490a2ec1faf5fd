"""Partial pair distributions g(r), periodic images included, and their first peaks."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks
from scipy.spatial import cKDTree

from zifsim.analysis.frames import Frames
from zifsim.analysis.quantity import Quantity, over_frames
from zifsim.errors import InputError
from zifsim.gcmc.jit import kernel
from zifsim.io.trajectory import Frame
from zifsim.melt.box import widths
from zifsim.memory import reserve
from zifsim.model.neighbours import periodic_images

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Pair = tuple[str, str]
# Gaussian s.d. with which g(r) is smoothed to find where a peak begins and ends, as a share of the distance at which
# half a neighbour has been found: 0.1 Å for Zn–N, 0.3 Å for Zn–Zn, whose few pairs scatter more.
SMOOTHING = 0.05
PROMINENCE = 0.3            # of its height by which a maximum must stand out to count as a peak
FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))     # of a Gaussian, in standard deviations


@dataclass(frozen=True, slots=True, eq=False)
class PairResult:
    """Partial pair distributions, averaged over frames.

    r: (B,) centres of the bins, Å. width: Å. g: pair of elements (in the order of ``elements``) -> (B,).
    spread: the same for their standard deviation over frames; NaN for one frame.
    concentrations: element -> share of the atoms. number_density: mean over frames, atoms/Å³.
    """

    r: FloatArray
    width: float
    g: Mapping[Pair, FloatArray]
    spread: Mapping[Pair, FloatArray]
    concentrations: Mapping[str, float]
    number_density: float
    n_frames: int

    @property
    def elements(self) -> tuple[str, ...]:
        return tuple(self.concentrations)

    def coordination(self, pair: Pair) -> FloatArray:
        """(B,) mean number of atoms of the second element within the outer edge of each bin around the first."""
        edges = self.width * np.arange(len(self.r) + 1)
        shells = 4.0 / 3.0 * np.pi * np.diff(edges**3)
        key = pair if pair in self.g else (pair[1], pair[0])
        density = self.number_density * self.concentrations[pair[1]]
        return np.asarray(np.cumsum(self.g[key] * shells) * density, dtype=np.float64)

    def first_peak(self, pair: Pair) -> tuple[float, float, float] | None:
        """Inner limit, maximum and outer limit of the first peak, Å; None where there is none.

        On g(r) smoothed by 5 % of the neighbours' distance: the first maximum above 1 that stands out by 30 % of its
        height; the limits are the nearest minima on either side that lie below half of it.
        """
        nearest = float(self.r[min(int(np.searchsorted(self.coordination(pair), 0.5)), len(self.r) - 1)])
        smooth = gaussian_filter1d(self.g[pair], SMOOTHING * nearest / self.width, mode="constant")
        peaks, found = find_peaks(smooth, height=1.0, prominence=0.0)
        peaks = peaks[found["prominences"] >= PROMINENCE * found["peak_heights"]]
        if len(peaks) == 0:
            return None
        top = int(peaks[0])
        inner, outer = top - _foot(smooth[top::-1]), top + _foot(smooth[top:])
        return float(self.r[inner]), float(self.r[top]), float(self.r[outer])


def _foot(falling: FloatArray) -> int:
    """Index of the first minimum below half of the first value (the last index where there is none)."""
    rises = np.flatnonzero((falling[1:] >= falling[:-1]) & (falling[:-1] < 0.5 * falling[0]))
    return int(rises[0]) if len(rises) else len(falling) - 1


@dataclass(frozen=True, slots=True)
class PairDistribution:
    """g(r) of all pairs of elements up to ``r_max`` Å in bins of ``width`` Å, or of the ``pairs`` asked for.

    g is the number of atoms found at a distance over the number expected at the mean density, so it is 1 for an ideal
    gas. All images count: beyond half the cell's width the model repeats itself, which in a crystal is the truth and
    in a glass is not.
    """

    r_max: float = 12.0
    width: float = 0.02

    def __post_init__(self) -> None:
        if not 0.0 < self.width < self.r_max / 10.0:
            raise InputError(f"bins of {self.width:g} Å up to {self.r_max:g} Å; use at least ten bins of a positive "
                             "width.")

    def compute(self, frames: Frames) -> PairResult:
        """Average over all frames."""
        species = frames.framework.species
        elements = tuple(dict.fromkeys(sorted(species, key=lambda s: (s in "NCH", "NCH".find(s), s))))
        kinds = np.array([elements.index(s) for s in species], dtype=np.int64)
        pairs = list(itertools.combinations_with_replacement(range(len(elements)), 2))
        table = np.empty((len(elements), len(elements)), dtype=np.int64)
        for number, (a, b) in enumerate(pairs):
            table[a, b] = table[b, a] = number
        reserve(80.0 * len(pairs) * self.r_max / self.width, f"g(r) up to {self.r_max:g} Å in bins of {self.width:g} Å",
                "take a shorter reach")
        n_bins = round(self.r_max / self.width)
        edges = np.linspace(0.0, self.width * n_bins, n_bins + 1)
        shells = 4.0 / 3.0 * np.pi * np.diff(edges**3)
        of_kind = np.bincount(kinds, minlength=len(elements)).astype(float)
        ideal = np.array([of_kind[a] * of_kind[b] for a, b in pairs])[:, None] * shells
        sums, squares, density, n = np.zeros((len(pairs), n_bins)), np.zeros((len(pairs), n_bins)), 0.0, 0
        for frame in frames:
            counts = pair_counts(frame, kinds, table, len(pairs), self.width, n_bins)
            volume = float(abs(np.linalg.det(frame.box)))
            g = counts * volume / ideal
            sums, squares = sums + g, squares + g * g
            density += len(species) / volume
            n += 1
        mean = sums / n
        spread = (np.sqrt(np.maximum(squares / n - mean**2, 0.0) * n / (n - 1)) if n > 1
                  else np.full_like(mean, np.nan))
        names = [(elements[a], elements[b]) for a, b in pairs]
        return PairResult(edges[:-1] + 0.5 * self.width, self.width, dict(zip(names, mean, strict=True)),
                          dict(zip(names, spread, strict=True)),
                          {e: float(c / len(species)) for e, c in zip(elements, of_kind, strict=True)}, density / n, n)


@dataclass(frozen=True, slots=True, eq=False)
class PeakResult:
    """The first peak of one g(r): its limits and maximum, Å; and per frame (F,) the mean and standard deviation of the
    distances within the limits, Å, and how many atoms of the second element an atom of the first has there."""

    pair: Pair
    limits: tuple[float, float]
    maximum: float
    mean: FloatArray
    deviation: FloatArray
    neighbours: FloatArray

    @property
    def lindemann(self) -> FloatArray:
        """(F,) generalised Lindemann ratio: full width at half maximum (of a Gaussian of the same s.d.) over mean.

        Its use for the melting of ZIFs: Gaillac et al., Nat. Mater. 2017, 16, 1149, doi:10.1038/nmat4998.
        """
        return np.asarray(FWHM * self.deviation / self.mean, dtype=np.float64)

    def quantities(self) -> list[Quantity]:
        """The rows of the table."""
        name, key = "–".join(self.pair), "_".join(self.pair).lower()
        return [
            over_frames(f"{key}_peak", f"{name} first peak, mean", "Å", self.mean),
            over_frames(f"{key}_peak_width", "  its s.d.", "Å", self.deviation),
            over_frames(f"{key}_peak_neighbours", "  neighbours in it", "", self.neighbours),
        ]


@dataclass(frozen=True, slots=True)
class FirstPeak:
    """Moments, frame by frame, of the distances of one pair of elements between two limits, Å."""

    pair: Pair
    limits: tuple[float, float]
    maximum: float

    @classmethod
    def of(cls, distribution: PairResult, pair: Pair) -> FirstPeak | None:
        """With the limits that a pair distribution has; None where it has no peak."""
        found = distribution.first_peak(pair)
        return None if found is None else cls(pair, (found[0], found[2]), found[1])

    def compute(self, frames: Frames) -> PeakResult:
        """Mean, standard deviation and number of the distances of every frame."""
        species = np.array(frames.framework.species)
        first, second = (np.flatnonzero(species == element) for element in self.pair)
        rows = []
        for frame in frames:
            distances = distances_between(frame, first, second, self.limits[1])
            inside = distances[distances >= self.limits[0]]
            rows.append((inside.mean(), inside.std(), len(inside) / max(1, len(first))) if len(inside)
                        else (np.nan, np.nan, 0.0))
        mean, deviation, neighbours = np.array(rows).T
        return PeakResult(self.pair, self.limits, self.maximum, mean, deviation, neighbours)


def distances_between(frame: Frame, first: IntArray, second: IntArray, r_max: float) -> FloatArray:
    """All distances under ``r_max`` Å between atoms ``first`` and ``second``, images included, an atom's distance
    to itself left out."""
    fractional = frame.positions[first] @ np.linalg.inv(frame.box)
    images, _ = periodic_images(frame.positions[second], frame.box, r_max)
    found = cKDTree((fractional - np.floor(fractional)) @ frame.box).sparse_distance_matrix(
        cKDTree(images), r_max, output_type="ndarray")["v"]
    return np.sort(found[(found < r_max) & (found > 1e-9)])


def lattice_shifts(box: FloatArray, r_max: float) -> FloatArray:
    """(S, 3) lattice translations, Å, that can bring a shortest difference vector to within ``r_max`` Å."""
    corner = 0.5 * max(float(np.linalg.norm(np.array(s) @ box)) for s in itertools.product((-1, 1), repeat=3))
    wanted = np.floor(r_max / widths(box) + 0.5 + 1e-9)
    reserve(200.0 * float(np.prod(2.0 * wanted + 1.0)), f"The images of a cell within {r_max:g} Å",
            "take a shorter reach of g(r)")
    counts = wanted.astype(int)
    shifts = np.array(list(itertools.product(*(range(-c, c + 1) for c in counts)))) @ box
    return np.ascontiguousarray(shifts[np.linalg.norm(shifts, axis=1) <= r_max + corner])


def pair_counts(frame: Frame, kinds: IntArray, table: IntArray, n_pairs: int, width: float,
                n_bins: int) -> FloatArray:
    """(n_pairs, n_bins) ordered pairs a→b at each distance (for equal kinds both directions), images included.

    ``kinds`` (N,) element number of each atom; ``table`` (K, K) pair number of two elements.
    """
    counts = np.zeros((n_pairs, n_bins), dtype=np.int64)
    fractional = frame.positions @ np.linalg.inv(frame.box)
    _count(fractional - np.floor(fractional), np.ascontiguousarray(frame.box),
           lattice_shifts(frame.box, width * n_bins), kinds, table, 1.0 / width, counts)
    return counts.astype(np.float64)


@kernel
def _count(fractional: FloatArray, box: FloatArray, shifts: FloatArray, kinds: IntArray, table: IntArray,
           per_width: float, counts: IntArray) -> None:
    """Add all pairs to the histograms ``counts`` (P, B); fractional positions lie in 0..1."""
    n_bins = counts.shape[1]
    limit2 = (n_bins / per_width) ** 2
    for i in range(fractional.shape[0]):
        for j in range(i, fractional.shape[0]):
            u = fractional[j, 0] - fractional[i, 0]
            v = fractional[j, 1] - fractional[i, 1]
            w = fractional[j, 2] - fractional[i, 2]
            u -= round(u)
            v -= round(v)
            w -= round(w)
            x = u * box[0, 0] + v * box[1, 0] + w * box[2, 0]
            y = u * box[0, 1] + v * box[1, 1] + w * box[2, 1]
            z = u * box[0, 2] + v * box[1, 2] + w * box[2, 2]
            pair = table[kinds[i], kinds[j]]
            times = 2 if kinds[i] == kinds[j] and i != j else 1
            for s in range(shifts.shape[0]):
                dx, dy, dz = x + shifts[s, 0], y + shifts[s, 1], z + shifts[s, 2]
                r2 = dx * dx + dy * dy + dz * dz
                if 1e-18 < r2 < limit2:
                    b = int(r2 ** 0.5 * per_width)
                    if b < n_bins:
                        counts[pair, b] += times
