"""Result of a melt run: the glass as a rigid host, and the numbers that describe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from zifsim.io.files import json_text, read_json
from zifsim.io.xyz import read_framework, write_framework
from zifsim.model.framework import Framework
from zifsim.model.shown import Drawn
from zifsim.runs.seal import made_of

RESULT = "melt.json"
GLASS = "glass.extxyz"
CRYSTAL_LEFT = 0.5      # of the Zn–N bonds of the start: what has kept more of them has not melted
NOT_MELTED = "not melted"   # in place of "glass" in the name of the structure that such a run leaves


@dataclass(frozen=True, slots=True, repr=False)
class MeltResult(Drawn):
    """The end of a melt-quench run.

    ``framework`` is the last configuration brought to the mean cell of the last segment (molecules carried
    rigidly) and energy-minimised there: one snapshot's cell scatters by a per cent about the mean, to which
    uptake is steep, and crystal hosts are minimised too. Its Zn–N bonds are those shorter than
    ``zn_n_cutoff_angstrom``.

    ``density_g_cm3`` ± ``density_error_g_cm3`` (one standard error, correlation accounted for),
    ``temperature_k`` and ``mean_coordination`` are averages over the last segment without its first quarter.
    ``coordination`` (fraction of Zn by number of N), Zn–N and Zn–Zn distances and bonds are those of
    ``framework``; ``bonds_kept`` and ``bonds_new`` are per Zn–N bond of the start. ``density_settled`` is
    False where the density still drifted or too few independent samples were left. ``can_break`` says
    whether the force field lets Zn–N bonds break at all. What kept more than half of its bonds is not called a glass
    (:attr:`melted`, :attr:`verdict`).
    """

    framework: Framework
    forcefield: str
    program: str
    seed: int
    density_g_cm3: float
    density_error_g_cm3: float
    density_settled: bool
    temperature_k: float
    mean_coordination: float
    coordination: Mapping[str, float]
    mean_zn_n_angstrom: float
    zn_n_cutoff_angstrom: float
    min_zn_zn_angstrom: float
    bonds_kept: float
    bonds_new: float
    can_break: bool
    n_steps: int
    duration_ps: float
    ns_per_day: float
    wall_s: float
    platform: str
    input_sha256: str

    @property
    def melted(self) -> bool:
        """Whether at most half of the Zn–N bonds of the start are left; False too where none can break."""
        return melted(self.bonds_kept)

    @property
    def verdict(self) -> str:
        """``melted``, or what it is in place of a glass: ``not melted: 72 % of the crystal's Zn–N bonds kept``."""
        return verdict(self.bonds_kept, self.can_break)

    @property
    def summary(self) -> str:
        """The glass in one line."""
        settled = "" if self.density_settled else " (not settled)"
        return (f"{self.density_g_cm3:.3f} ± {self.density_error_g_cm3:.3f} g/cm³{settled}, "
                f"{100 * self.coordination.get('4', 0.0):.0f} % of Zn with four N"
                f"{'' if self.melted else f'; {self.verdict}'}")


def melted(bonds_kept: float) -> bool:
    """Whether a share of the crystal's Zn–N bonds is small enough for a melt or a glass."""
    return bonds_kept <= CRYSTAL_LEFT


def verdict(bonds_kept: float, can_break: bool) -> str:
    """``melted``, or in a few words that and why not."""
    if melted(bonds_kept):
        return "melted"
    return (f"{NOT_MELTED}: {100 * bonds_kept:.0f} % of the crystal's Zn–N bonds kept"
            f"{'' if can_break else ', which this force field cannot break'}")


def write_glass(folder: Path, result: MeltResult) -> bytes:
    """Write ``glass.extxyz``; returns the content of ``melt.json``, whose presence says that the run is finished."""
    write_framework(folder / GLASS, result.framework)
    values = {f.name: getattr(result, f.name) for f in fields(result) if f.name != "framework"}
    return json_text(values | {"melted": result.melted, "verdict": result.verdict}).encode()


def read_result(folder: Path) -> MeltResult | None:
    """The result of a finished run, or None where the folder holds none.

    Raises
    ------
    InputError: its files are damaged.
    """
    path = folder / RESULT
    if not path.is_file() or not (folder / GLASS).is_file():
        return None
    known = {f.name for f in fields(MeltResult)} - {"framework"}
    framework = read_framework(folder / GLASS)

    def make() -> MeltResult:
        values: dict[str, Any] = read_json(path)
        return MeltResult(framework=framework, **{k: values[k] for k in known})

    return made_of(path, make)
