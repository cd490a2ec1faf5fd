"""Stored accessibility: what is written into a folder of results, read again, and chosen for a gas."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zifsim.access.result import GasAccess
from zifsim.errors import InputError
from zifsim.io.files import read_json, write_bytes_atomic, write_json_atomic
from zifsim.io.tables import write_csv
from zifsim.model.framework import Framework
from zifsim.runs.folder import finished_outputs
from zifsim.runs.seal import UNREADABLE

RESULT, TABLE, MASKS = "access.json", "access.csv", "blocked.npz"
SCHEMA = 1          # 0: files without a schema, whose umbrella sampling is "led" and whose fractions are "share"
SAME_TEMPERATURE_K = 0.5    # "273 K" in one file may be 273.15 K in another


@dataclass(frozen=True, slots=True)
class StoredAccess:
    """One gas in one framework, as its folder has it: see :class:`zifsim.access.result.GasAccess`.

    ``accessible_fraction`` of the equilibrium loading for ``size_um`` and ``hours``; ``fraction_low`` and
    ``fraction_high`` over the whole band of sizes and times.
    ``sha256``: of the framework as it was, ``geometry_sha256`` without its charges; ``mass_amu`` of its cell.
    """

    folder: Path
    framework: str
    sha256: str
    geometry_sha256: str
    mass_amu: float
    forcefield: str
    charges: str
    gas: str
    guest_model: str
    temperature_k: float
    n_snapshots: int
    snapshot_temperature_k: float | None
    umbrella_ps: float | None
    size_um: float
    hours: float
    accessible_fraction: float
    fraction_low: float
    fraction_high: float
    forcefield_sha256: str = ""

    @property
    def kind(self) -> str:
        """``rigid``, ``200 snapshots at 77 K``, ``umbrella sampling, 16 ps a place``."""
        if self.umbrella_ps is not None:
            return f"umbrella sampling, {self.umbrella_ps:g} ps a place"
        if not self.n_snapshots:
            return "rigid"
        at = "" if self.snapshot_temperature_k is None else f" at {self.snapshot_temperature_k:g} K"
        return f"{self.n_snapshots} snapshots{at}"

    def blocked(self) -> NDArray[np.bool_]:
        """(nx, ny, nz) nodes of the cell that the gas does not reach in ``size_um`` within ``hours``.

        Raises
        ------
        InputError: the folder has no masks, or was made by a version that wrote none.
        """
        path = self.folder / MASKS
        name = _mask_name(self.guest_model, self.temperature_k, self.n_snapshots, self.snapshot_temperature_k,
                          self.umbrella_ps)
        try:
            with np.load(path, allow_pickle=False) as stored:
                if name not in stored:
                    name = name.replace(", umbrella ", ", led ")        # its name up to schema 0
                shape = tuple(int(n) for n in stored[f"{name} shape"])
                packed = stored[name]
                if len(shape) != 3 or packed.ndim != 1 or len(packed) != -(-math.prod(shape) // 8):
                    raise ValueError
                return np.unpackbits(packed, count=math.prod(shape)).astype(bool).reshape(shape)
        except (OSError, *UNREADABLE):
            raise InputError(f"{path} holds no mask of {self.gas} at {self.temperature_k:g} K ({self.kind}); run "
                             "`zifsim access` again with another --out.") from None


def write_access(folder: Path, framework: Framework, results: Sequence[GasAccess], settings: dict[str, Any],
                 version: str, notes: Sequence[str] = ()) -> tuple[str, str, str]:
    """Write access.json, access.csv and the masks; returns their names.

    ``settings`` of the record, ``forcefield`` and ``charges`` among them; ``version`` of zifsim; ``notes``: what to
    know before the numbers are used.
    """
    rows = [r.row() for r in results]
    write_csv(folder / TABLE, list(rows[0]), [list(row.values()) for row in rows])
    stream = io.BytesIO()
    np.savez_compressed(stream, **_packed(results))
    write_bytes_atomic(folder / MASKS, stream.getvalue())
    write_json_atomic(folder / RESULT, {
        "schema": SCHEMA, "framework": framework.name, "framework_sha256": framework.content_hash(),
        "geometry_sha256": framework.geometry_hash(), "mass_amu": framework.mass_amu, "source": framework.source,
        "zifsim_version": version, "settings": settings, "notes": list(notes),
        "results": [r.to_dict() for r in results]})
    return RESULT, TABLE, MASKS


def read_access(folder: Path) -> tuple[StoredAccess, ...]:
    """Every result of a folder that `zifsim access` wrote.

    Raises
    ------
    InputError: no such folder or result, a damaged or altered file, or one of a newer or a much older version.
    """
    finished_outputs(folder)
    with _readable(folder / RESULT) as data:
        found = tuple(_stored(folder, data, result) for result in data["results"])
        if not found:
            raise ValueError("it has no result")
        return found


def read_results(folder: Path) -> list[GasAccess]:
    """Every result of a folder of this version whole, but for the masks.

    Raises
    ------
    InputError: as :func:`read_access`.
    """
    with _readable(folder / RESULT) as data:
        return [GasAccess.from_dict(result) for result in data["results"]]


@contextmanager
def _readable(path: Path) -> Iterator[dict[str, Any]]:
    """The content of access.json; what is wrong with it, there or in the body, as one sentence."""
    if not path.is_file():
        raise InputError(f"'{path.parent}' holds no {RESULT}; give a folder that `zifsim access` wrote.")
    try:
        data = read_json(path)
        if data.get("schema", 0) > SCHEMA:
            raise InputError(f"'{path}' was written by a newer zifsim (schema {data['schema']}; this one reads "
                             f"{SCHEMA}); read it with that.")
        yield data
    except (OSError, *UNREADABLE) as error:
        raise InputError(f"'{path}' is not an access result of this version ({type(error).__name__}: {error}); run "
                         "`zifsim access` again with another --out.") from None


def _stored(folder: Path, data: dict[str, Any], result: dict[str, Any]) -> StoredAccess:
    old = "schema" not in data
    settings, umbrella = data["settings"], result.get("led" if old else "umbrella")     # the oldest know of none
    fractions = [float(reach["share" if old else "fraction"]) for reach in result["reaches"]]
    return StoredAccess(
        folder=folder, framework=data["framework"], sha256=data["framework_sha256"],
        geometry_sha256=data["geometry_sha256"], mass_amu=float(data["mass_amu"]), forcefield=settings["forcefield"],
        charges=settings["charges"], gas=result["gas"], guest_model=result["guest_model"],
        temperature_k=result["temperature_k"], n_snapshots=result["n_snapshots"],
        snapshot_temperature_k=result["snapshot_temperature_k"], umbrella_ps=umbrella["ps"] if umbrella else None,
        size_um=result["size_um"], hours=result["hours"], forcefield_sha256=settings.get("forcefield_sha256", ""),
        accessible_fraction=float(result["share" if old else "accessible_fraction"]),
        fraction_low=min(fractions), fraction_high=max(fractions))


def best_access(stored: Iterable[StoredAccess], guest_model: str, temperature_k: float) -> StoredAccess | None:
    """The result to use for a gas, or None.

    Windows that breathe before rigid ones, and umbrella sampling before averages, whose windows open by chance; of
    several, the snapshots at the temperature nearest to the gas's own, which is what the average over them stands for;
    then the most snapshots.
    """
    def rank(one: StoredAccess) -> tuple[bool, bool, float, int]:
        away = float("inf") if one.snapshot_temperature_k is None else abs(one.snapshot_temperature_k - temperature_k)
        return (one.n_snapshots == 0, one.umbrella_ps is None, away, -one.n_snapshots)

    fitting = [one for one in stored
               if one.guest_model == guest_model and abs(one.temperature_k - temperature_k) < SAME_TEMPERATURE_K]
    return min(fitting, key=rank, default=None)


def _packed(results: Sequence[GasAccess]) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for r in results:
        if r.blocked is not None:
            name = _mask_name(r.guest_model, r.temperature_k, r.n_snapshots, r.snapshot_temperature_k,
                              r.umbrella.ps if r.umbrella else None)
            arrays |= {name: np.packbits(r.blocked), f"{name} shape": np.array(r.blocked.shape)}
    return arrays


def _mask_name(guest_model: str, temperature_k: float, n_snapshots: int, snapshot_temperature_k: float | None,
               umbrella_ps: float | None) -> str:
    at = "" if snapshot_temperature_k is None else f" {snapshot_temperature_k:g} K"
    umbrella = "" if umbrella_ps is None else f", umbrella {umbrella_ps:g} ps"
    return f"{guest_model} {temperature_k:g} K, {n_snapshots}{at}{umbrella}"
