"""The sweep file: a study whose quench rate, configuration and replicate are axes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from zifsim.campaign.study import Material, Melt, Section, Study, load_as
from zifsim.melt.program import PRESETS


class Axes(Section):
    """``[axes]``: every combination is a glass of its own."""

    quench_rate_k_per_ps: tuple[Annotated[float, Field(gt=0, le=1000)], ...] = Field(
        min_length=1, description="cooling rates, K/ps")
    configurations: tuple[str, ...] = Field(default=("A",), min_length=1,
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


class Sweep(Study):
    """A sweep, as read from its file: a study of one crystal and its glass, with ``[axes]``."""

    axes: Axes
    measure: Measure = Measure()

    @model_validator(mode="after")
    def _axes_alone_vary(self) -> Sweep:
        glasses = [name for name, m in self.materials.items() if m.glass_of]
        if len(self.materials) != 2 or len(glasses) != 1:
            raise ValueError("a sweep has two materials, a crystal and the glass made of it (glass_of)")
        if self.materials[self.crystal].configurations != Material.model_fields["configurations"].default:
            raise ValueError(f"materials.{self.crystal}.configurations is an axis: write it in [axes]")
        for key, axis in (("quench_rate_k_per_ps", "quench_rate_k_per_ps"), ("replicas", "replicates")):
            if getattr(self.melt, key) != Melt.model_fields[key].default:
                raise ValueError(f"melt.{key} is an axis: write {axis} in [axes]")
        if self.melt.program not in PRESETS:
            raise ValueError(f"melt.program must be one of {', '.join(PRESETS)}: only their cooling follows the axis")
        if self.mixtures:
            raise ValueError("mixtures belong to a study, a sweep has none")
        if self.access is not None:
            raise ValueError("access belongs to a study, a sweep has none")
        return self

    @property
    def glass(self) -> str:
        """Name of the glass."""
        return next(name for name, m in self.materials.items() if m.glass_of)

    @property
    def crystal(self) -> str:
        """Name of the crystal it is made of."""
        return next(name for name, m in self.materials.items() if not m.glass_of)


def rate_label(rate_k_per_ps: float) -> str:
    """``q10``: how a quench rate (K/ps) is written in the names of jobs."""
    return f"q{rate_k_per_ps:g}"


def load_sweep(path: str | Path, overrides: Iterable[str] = ()) -> Sweep:
    """Read a sweep from a file or a shipped name (``quench_sweep``), apply ``a.b=c`` overrides, check it.

    Raises
    ------
    InputError: missing file, not TOML, or a value out of range; UnknownNameError: unknown key.
    """
    return load_as(Sweep, path, overrides)
