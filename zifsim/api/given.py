"""Arguments of the door made into what the rooms below take: settings from keywords, Pa from bar, a folder or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from zifsim.errors import InputError, UnknownNameError
from zifsim.units import BAR_PA

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from zifsim.gcmc.settings import GCMCSettings

    SettingsT = TypeVar("SettingsT", bound=DataclassInstance)


class Sampling(TypedDict, total=False):
    """Keywords of every function that samples: the fields of :class:`zifsim.gcmc.settings.GCMCSettings`."""

    cutoff_angstrom: float
    truncation: str
    host_path: str
    grid_spacing_angstrom: float
    guest_coulomb: str
    guest_images: str
    ewald_tolerance: float
    n_trials: int
    bias_exponent: float
    metastable: bool
    isotherm: str
    starts: str
    min_moves: int
    max_moves: int
    target_relative_error: float
    min_effective_samples: int
    widom_insertions: int
    seed: int


class Dynamics(TypedDict, total=False):
    """Keywords of a melt: the fields of :class:`zifsim.melt.settings.MeltSettings`."""

    seed: int
    platform: str
    precision: str
    cpu_threads: int | None
    device: str | None
    cutoff_angstrom: float
    tail_correction: bool
    ewald_tolerance: float
    friction_per_ps: float
    barostat_interval: int
    update_steps: int
    state_interval_ps: float
    frame_interval_ps: float
    checkpoint_interval_ps: float | None


def settings_of(kind: type[SettingsT], given: Mapping[str, Any]) -> SettingsT:
    """Settings from keywords.

    Raises
    ------
    UnknownNameError: a keyword that is no setting; the nearest is suggested. InputError: a value that makes no sense.
    """
    known = [f.name for f in fields(kind)]
    for name in given:
        if name not in known:
            raise UnknownNameError("setting", name, known)
    return kind(**given)


def sampling_of(given: Mapping[str, Any]) -> GCMCSettings:
    """:func:`settings_of` sampling; few ``max_moves`` lower the least number of moves with them."""
    from zifsim.gcmc.settings import GCMCSettings

    values = dict(given)
    if "max_moves" in values:
        values.setdefault("min_moves", min(GCMCSettings().min_moves, values["max_moves"]))
    return settings_of(GCMCSettings, values)


def pascals(pressures_bar: float | Iterable[float]) -> list[float]:
    """Pressures in Pa, ascending, from one or several in bar.

    Raises
    ------
    InputError: none, or one that is not a positive number.
    """
    given = pressures_bar if isinstance(pressures_bar, Iterable) else [pressures_bar]
    try:
        values = sorted(float(value) for value in given)
    except (TypeError, ValueError):
        raise InputError(f"pressures_bar must be numbers, one or several in bar, not {pressures_bar!r}.") from None
    if not values:
        raise InputError("No pressure was given; name at least one, for example pressures_bar=1.")
    for value in values:
        if not 0.0 < value < float("inf"):
            raise InputError(f"A pressure of {value:g} bar cannot be sampled; pressures_bar must be positive numbers.")
    return [value * BAR_PA for value in values]


@contextmanager
def results_in(out: str | Path | None) -> Iterator[Path]:
    """The results folder asked for; None: one that is gone afterwards, so that nothing is left written."""
    if out is not None:
        yield Path(out)
        return
    with TemporaryDirectory(prefix="zifsim-") as folder:
        yield Path(folder) / "results"
