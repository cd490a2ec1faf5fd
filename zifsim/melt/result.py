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
    whether the force field lets Zn–N bonds break at all.
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
    def summary(self) -> str:
        """The glass in one line."""
        settled = "" if self.density_settled else " (not settled)"
        return (f"{self.density_g_cm3:.3f} ± {self.density_error_g_cm3:.3f} g/cm³{settled}, "
                f"{100 * self.coordination.get('4', 0.0):.0f} % of Zn with four N")


def write_glass(folder: Path, result: MeltResult) -> bytes:
    """Write ``glass.extxyz``; returns the content of ``melt.json``, whose presence says that the run is finished."""
    write_framework(folder / GLASS, result.framework)
    return json_text({f.name: getattr(result, f.name) for f in fields(result) if f.name != "framework"}).encode()


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
