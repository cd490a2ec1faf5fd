"""Results for a gas in a framework: one frozen value each, and how it is written."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zifsim.io.tables import Cell
from zifsim.limits import require_finite
from zifsim.model.shown import Drawn

YEAR_S = 3.156e7
# Fields that are infinite where a gas does not get through: barriers, times, and (snapshots, barrier, time) together.
MAY_BE_INFINITE = ("barrier", "axis_barriers", "snapshot_barriers", "fill_time", "convergence", "pockets_barrier",
                   "pockets_exchange")


@dataclass(frozen=True, slots=True)
class Reach:
    """Fraction of the equilibrium loading that an experiment finds; ``low`` and ``high`` over resampled snapshots."""

    size_um: float
    hours: float
    fraction: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Pocket:
    """A basin off the network: the probability that a molecule is in it at vanishing loading, its minimum and the
    barrier from it to the network, kJ/mol, and the mean time in which a molecule gets from it to the network, s."""

    probability: float
    minimum_kj_mol: float
    barrier_kj_mol: float
    exchange_s: float


@dataclass(frozen=True, slots=True)
class Loading:
    """At one pressure, mL(STP)/g with standard errors: of all pores and of those that the gas reaches."""

    pressure_bar: float
    equilibrium: float
    equilibrium_error: float
    accessible: float
    accessible_error: float


@dataclass(frozen=True, slots=True)
class UmbrellaBarrier:
    """What umbrella sampling finds on a path through the moving framework along ``axis`` (a, b or c).

    ``barrier_kj_mol`` ± ``error_kj_mol`` (one standard error, half the closure included), and ``averaged_kj_mol``, that
    of the average over snapshots on the same path. ``closure_kj_mol``: F at the end of the path less F at its start,
    which ought to be 0; it is spread evenly over the path. ``places`` of ``ps`` each; ``profile``: rows of Å along the
    path, F sampled, F averaged, kJ/mol, from the path's start.
    """

    axis: str
    barrier_kj_mol: float
    error_kj_mol: float
    averaged_kj_mol: float
    closure_kj_mol: float
    places: int
    ps: float
    profile: tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True, repr=False)
class GasAccess(Drawn):
    """One gas in one framework, rigid (``n_snapshots`` 0), averaged over snapshots at ``snapshot_temperature_k``, or
    with ``umbrella`` sampling along the best path of that average.

    Barriers, kJ/mol, from the deepest minimum of the network that percolates first, inf where nothing percolates;
    pairs of ``*_band`` are 16th and 84th percentile over resampled snapshots, or one standard error either way of
    umbrella sampling. ``diffusion_m2_s`` is the mean over the axes of the self-diffusion coefficient at vanishing
    loading (an upper bound), ``diffusion_axes_m2_s`` along x, y, z; ``fill_time_s`` to 90 % for a particle of
    ``size_um``; ``reaches`` for other sizes and times. ``mean_weight`` is ⟨exp(−F/k_BT)⟩. ``snapshot_barriers``: 10th,
    50th, 90th percentile of single snapshots; ``largest_snapshot``: fraction that the widest has of the average at the
    bottleneck; ``convergence``: snapshots, barrier, fill time. ``blocked`` (nx, ny, nz): nodes that the gas does not
    reach in a particle of ``size_um`` within ``hours``.
    """

    gas: str
    guest_model: str
    temperature_k: float
    n_snapshots: int
    snapshot_temperature_k: float | None
    spacing_angstrom: float
    barrier_kj_mol: float
    barrier_band: tuple[float, float]
    axis_barriers_kj_mol: tuple[float, float, float]
    dimensions: int
    diffusion_m2_s: float
    diffusion_axes_m2_s: tuple[float, float, float]
    size_um: float
    hours: float
    fill_time_s: float
    fill_time_band: tuple[float, float]
    accessible_fraction: float
    reaches: tuple[Reach, ...]
    mean_weight: float
    n_basins: int
    pockets: tuple[Pocket, ...]
    snapshot_barriers: tuple[float, float, float] | None = None
    largest_snapshot: float | None = None
    convergence: tuple[tuple[int, float, float], ...] = ()
    loading: Loading | None = None
    umbrella: UmbrellaBarrier | None = None
    blocked: NDArray[np.bool_] | None = field(default=None, repr=False, compare=False)

    @property
    def kind(self) -> str:
        if self.umbrella is not None:
            return f"umbrella along {self.umbrella.axis}"
        return f"{self.n_snapshots} snapshots" if self.n_snapshots else "rigid"

    @property
    def accessible_range(self) -> tuple[float, float]:
        """Lowest and highest accessible fraction over all sizes and times."""
        fractions = [r.fraction for r in self.reaches]
        return min(fractions), max(fractions)

    def check_finite(self, framework: str) -> None:
        """Raise SimulationError where a number is none: only what never happens (a barrier, a time) may be infinite."""
        what = f"Access of {self.guest_model} to {framework} at {self.temperature_k:g} K, {self.kind}"
        for name, value in _numbers(asdict(replace(self, blocked=None))):
            never = value == math.inf and name.startswith(MAY_BE_INFINITE)
            require_finite(what, **{name: 0.0 if never else value})

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values without the mask; what is infinite ("never") or not a number is None."""
        values: dict[str, Any] = _plain(asdict(replace(self, blocked=None)))
        del values["blocked"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GasAccess:
        """What :meth:`to_dict` made, without the mask.

        Raises
        ------
        KeyError, TypeError, ValueError: it did not make these values.
        """
        said = dict(values)
        for name in ("barrier_kj_mol", "fill_time_s"):
            said[name] = _number(said[name])
        for name in ("barrier_band", "axis_barriers_kj_mol", "diffusion_axes_m2_s", "fill_time_band"):
            said[name] = tuple(_number(v) for v in said[name])
        if said["snapshot_barriers"] is not None:
            said["snapshot_barriers"] = tuple(_number(v) for v in said["snapshot_barriers"])
        said["convergence"] = tuple((int(n), _number(b), _number(t)) for n, b, t in said["convergence"])
        said["reaches"] = tuple(Reach(**reach) for reach in said["reaches"])
        said["pockets"] = tuple(Pocket(**{k: _number(v) for k, v in pocket.items()}) for pocket in said["pockets"])
        if said["loading"] is not None:
            said["loading"] = Loading(**said["loading"])
        if said["umbrella"] is not None:
            profile = tuple((float(a), float(f), float(o)) for a, f, o in said["umbrella"]["profile"])
            said["umbrella"] = UmbrellaBarrier(**{**said["umbrella"], "profile": profile})
        return cls(**said)

    def row(self) -> dict[str, Cell]:
        """Flat columns for CSV; empty where infinite."""
        low, high = self.accessible_range
        values: dict[str, Any] = {
            "gas": self.gas, "guest_model": self.guest_model, "temperature_k": self.temperature_k,
            "n_snapshots": self.n_snapshots, "snapshot_temperature_k": self.snapshot_temperature_k,
            "spacing_angstrom": self.spacing_angstrom,
            "barrier_kj_mol": self.barrier_kj_mol, "barrier_low_kj_mol": self.barrier_band[0],
            "barrier_high_kj_mol": self.barrier_band[1],
            **{f"barrier_{x}_kj_mol": b for x, b in zip("abc", self.axis_barriers_kj_mol, strict=True)},
            "diffusion_m2_s": self.diffusion_m2_s, "size_um": self.size_um, "hours": self.hours,
            "fill_time_s": self.fill_time_s, "fill_time_low_s": self.fill_time_band[0],
            "fill_time_high_s": self.fill_time_band[1], "accessible_fraction": self.accessible_fraction,
            "accessible_fraction_lowest": low, "accessible_fraction_highest": high,
            "largest_snapshot": self.largest_snapshot,
            **{f"umbrella_{name}": getattr(self.umbrella, name) if self.umbrella else None
               for name in ("axis", "ps", "places", "error_kj_mol", "averaged_kj_mol", "closure_kj_mol")}}
        for name in ("pressure_bar", "equilibrium", "equilibrium_error", "accessible", "accessible_error"):
            unit = "" if name == "pressure_bar" else "_ml_stp_g"
            values[name + unit] = getattr(self.loading, name) if self.loading else None
        return {name: _plain(value) for name, value in values.items()}


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Every number within a value, by the name of the field that it stands in."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, f"{name}_{key}".lstrip("_"))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _numbers(inner, name)        # rows of pockets: pockets_minimum_kj_mol
    elif isinstance(value, float):
        yield name, value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float | None) -> float:
    return math.inf if value is None else float(value)


def time_text(seconds: float) -> str:
    """``0.4 s``, ``3 h``, ``10^9 years``, ``never``."""
    if not math.isfinite(seconds):
        return "never"
    for least, unit, name in ((1e3 * YEAR_S, 0.0, ""), (YEAR_S, YEAR_S, "years"), (86400.0, 86400.0, "days"),
                              (3600.0, 3600.0, "h"), (60.0, 60.0, "min")):
        if seconds >= least:
            if not name:
                return f"10^{round(math.log10(seconds / YEAR_S))} years"
            return f"{seconds / unit:.2g} {name}" if seconds / unit < 99.5 else f"{seconds / unit:.0f} {name}"
    return f"{seconds:.2g} s"
