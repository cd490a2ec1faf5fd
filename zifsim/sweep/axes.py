"""Sweeps: a study, and the axes (quench rate, configuration, replicate) along which it is repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from zifsim.campaign.study import Crystal, Glass, Melt, Study, read_tables, study_from_dict
from zifsim.errors import InputError, UnknownNameError
from zifsim.io.checked import Row, Section, Text, checked
from zifsim.melt.program import PRESETS


class Axes(Section):
    """``[axes]``: every combination is a glass of its own."""

    quench_rate_k_per_ps: Row[Annotated[float, Field(gt=0, le=1000)]] = Field(
        min_length=1, description="cooling rates, K/ps")
    configurations: Row[Text] = Field(default=("A",), min_length=1,
                                            description="linker arrangements on the mixed site")
    replicates: int = Field(default=1, ge=1, le=1000, description="glasses of each rate and configuration")

    @model_validator(mode="after")
    def _distinct(self) -> Axes:
        labels = [rate_label(rate) for rate in self.quench_rate_k_per_ps]
        if len(set(labels)) < len(labels):
            raise ValueError("quench_rate_k_per_ps lists a rate twice")
        return self


class Measure(Section):
    """``[measure]``: what is measured in every glass beside its melt's own numbers and its isotherms."""

    pores: bool = Field(default=False, description="diameters of pores, by Zeo++ (pyzeo)")


class SweepTables(Section):
    """What a sweep's file has beside the tables of its study."""

    axes: Axes
    measure: Measure = Measure()


@dataclass(frozen=True, slots=True)
class Sweep:
    """A study of one crystal and its glass, the axes along which it is repeated, and what is measured besides."""

    study: Study
    axes: Axes
    measure: Measure

    @classmethod
    def from_dict(cls, tables: Mapping[str, Any], origin: str = "sweep") -> Sweep:
        """Check a sweep given as nested mappings (the TOML's own shape); ``origin`` names it in errors.

        Raises
        ------
        InputError, UnknownNameError: a missing key, an unknown one, or a value out of range.
        """
        known = [*Study.model_fields, *SweepTables.model_fields]
        for unknown in (name for name in tables if name not in known):
            raise UnknownNameError(f"table in {origin}:", unknown, known)
        own = checked(SweepTables, {k: v for k, v in tables.items() if k in SweepTables.model_fields}, origin)
        study = study_from_dict({k: v for k, v in tables.items() if k not in SweepTables.model_fields}, origin)
        if reason := _varies_besides(study):
            raise InputError(f"{origin}: {reason}.")
        return cls(study, own.axes, own.measure)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of ``sweep.json``, in the shape of the TOML, defaults written out."""
        own = SweepTables(axes=self.axes, measure=self.measure)
        return self.study.to_dict() | own.model_dump(mode="json")

    @property
    def name(self) -> str:
        return self.study.name

    @property
    def glass(self) -> str:
        """Name of the glass."""
        return next(name for name, m in self.study.materials.items() if isinstance(m, Glass))

    @property
    def crystal(self) -> str:
        """Name of the crystal it is made of."""
        return next(name for name, m in self.study.materials.items() if isinstance(m, Crystal))

    @property
    def crystals(self) -> Crystal:
        """That crystal, in all arrangements of the axis."""
        found = self.study.materials[self.crystal]
        assert isinstance(found, Crystal)
        return found.model_copy(update={"configurations": self.axes.configurations})

    def at_rate(self, rate_k_per_ps: float) -> Study:
        """The study at one quench rate, with all replicates."""
        melt = self.study.melt.model_copy(update={"quench_rate_k_per_ps": rate_k_per_ps,
                                                  "replicas": self.axes.replicates})
        return self.study.model_copy(update={"melt": melt})


def _varies_besides(study: Study) -> str:
    """Why a study cannot be swept: what it says of an axis, or has besides; empty where it can."""
    crystals = {name: m for name, m in study.materials.items() if isinstance(m, Crystal)}
    if len(study.materials) != 2 or len(crystals) != 1:
        return "a sweep has two materials, a crystal and the glass made of it (glass_of)"
    for name, crystal in crystals.items():
        if crystal.configurations != Crystal.model_fields["configurations"].default:
            return f"materials.{name}.configurations is an axis: write it in [axes]"
    for key, axis in (("quench_rate_k_per_ps", "quench_rate_k_per_ps"), ("replicas", "replicates")):
        if getattr(study.melt, key) != Melt.model_fields[key].default:
            return f"melt.{key} is an axis: write {axis} in [axes]"
    if study.melt.program not in PRESETS:
        return f"melt.program must be one of {', '.join(PRESETS)}: only their cooling follows the axis"
    if study.blends:
        return "blends belong to a study, a sweep has none"
    return "access belongs to a study, a sweep has none" if study.access is not None else ""


def rate_label(rate_k_per_ps: float) -> str:
    """``q10``: how a quench rate (K/ps) is written in the names of jobs."""
    return f"q{rate_k_per_ps:g}"


def load_sweep(path: str | Path, overrides: Iterable[str] = ()) -> Sweep:
    """Read a sweep from a file or a shipped name (``quench_sweep``), apply ``a.b=c`` overrides, check it.

    Raises
    ------
    InputError: missing file, not TOML, or a value out of range; UnknownNameError: unknown key.
    """
    file, tables = read_tables(path, overrides)
    sweep = Sweep.from_dict(tables, str(file))
    return replace(sweep, study=sweep.study.beside(file.parent))
