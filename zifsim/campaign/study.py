"""The study file: what to simulate, read from TOML, checked, and turned into frozen values.

Every wrong key or value becomes one sentence: the file, the key, what was found and what is allowed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from zifsim.errors import InputError, UnknownNameError
from zifsim.io.checked import NO_VARIANT, Row, Section, Text, checked, variant_tag
from zifsim.io.resources import data_folder
from zifsim.io.tomltable import parse_toml, read_toml
from zifsim.limits import shown
from zifsim.model.schedule import ANNEAL_PS, DEFAULT_PROGRAM, EQUILIBRATE_PS, HOLD_PS, QUENCH_RATE_K_PER_PS

Positive = Annotated[float, Field(gt=0)]
UNRELAXED = "none"
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
# Keys of 0.1.0 that are read, with a note, for one release more: table ('' is the file itself), old key, new key.
RENAMED = (("", "mixtures", "blends"), ("access", "led_ps", "umbrella_ps"))


class General(Section):
    """``[study]``: name (also the default results folder), seed of every random stream, quality label."""

    name: str = Field(pattern=NAME, description="letters, digits, '.', '_', '-'")
    title: str = ""
    seed: int = Field(default=1, ge=0, lt=2**31)
    quality: Literal["quick", "production"] = "production"
    workers: int = Field(default=0, ge=0, le=4096, description="processes side by side; 0: all cores")


class Crystal(Section):
    """``[materials.NAME]`` with ``structure``: a crystal, or ready-made glasses.

    ``structure`` is a shipped name, a file, or a list of files that are models of the same material.
    """

    structure: Text | Row[Text] = Field(description="shipped name, file or files")
    framework_kind: Literal["crystal", "glass"] = "crystal"
    bim_per_cell: int | None = Field(default=None, ge=0, le=1000,
                                     description="bIm per cell; default: nearest to the occupancies")
    configurations: Row[Text] = Field(default=("A",), min_length=1,
                                            description="linker arrangements on the mixed site")
    relax_with: str | None = Field(default=None, description="melt force field to relax the atoms with, or none; "
                                   "default: ZIF-FF where linkers share sites, else none")

    @property
    def structures(self) -> tuple[str, ...]:
        return (self.structure,) if isinstance(self.structure, str) else self.structure


class Glass(Section):
    """``[materials.NAME]`` with ``glass_of``: the melt-quenched glass of a crystal of the study."""

    glass_of: str = Field(description="the crystal to melt and quench")

    @model_validator(mode="before")
    @classmethod
    def _nothing_of_the_crystal(cls, values: Any) -> Any:
        for key in values if isinstance(values, Mapping) else ():
            if key in Crystal.model_fields:
                raise ValueError(f"'{key}' belongs to the crystal named in glass_of, or to [melt]")
        return values


def _origin(values: Any) -> str | None:
    """Which of the two a table is; None where it names both origins or none (a mistyped one is told as that)."""
    if isinstance(values, Glass | Crystal):
        return GLASS if isinstance(values, Glass) else CRYSTAL
    named = [key for key in ("structure", "glass_of") if isinstance(values, Mapping) and key in values]
    if named in (["structure"], ["glass_of"]):
        return GLASS if named == ["glass_of"] else CRYSTAL
    mistyped = isinstance(values, Mapping) and not set(values) <= set(Crystal.model_fields)
    return CRYSTAL if mistyped and not named else None


CRYSTAL, GLASS = variant_tag("crystal"), variant_tag("glass")
Material = Annotated[
    Annotated[Crystal, Tag(CRYSTAL)] | Annotated[Glass, Tag(GLASS)],
    Discriminator(_origin, custom_error_type=NO_VARIANT, custom_error_message="give either 'structure' or 'glass_of'")]


class Melt(Section):
    """``[melt]``: how crystals are melted and quenched; used by materials with ``glass_of``."""

    forcefield: str = "nb-ZIF-FF-s"
    program: str = DEFAULT_PROGRAM
    hold_ps: float = Field(default=HOLD_PS, ge=0, le=1e6, description="time at the top temperature, ps")
    quench_rate_k_per_ps: float = Field(default=QUENCH_RATE_K_PER_PS, gt=0, le=1000, description="cooling rate, K/ps")
    heat_rate_k_per_ps: float = Field(default=100.0, gt=0, le=1000, description="heating rate, K/ps")
    anneal_ps: float = Field(default=ANNEAL_PS, ge=0, le=1e6, description="time at 1000 K (dense, anneal), ps")
    equilibrate_ps: float = Field(default=EQUILIBRATE_PS, gt=0, le=1e6, description="time at 300 K at the end, ps")
    timestep_fs: float = Field(default=1.0, gt=0, le=2, description="integrator step, fs")
    cutoff_angstrom: float = Field(default=7.0, ge=3, le=30,
                                   description="of pair forces, below half the cell at all times, Å")
    tail_correction: bool = Field(default=True,
                                  description="Lennard-Jones attraction beyond the cut-off, spread evenly")
    replicas: int = Field(default=1, ge=1, le=1000, description="glasses per configuration")
    supercell: Row[Annotated[int, Field(ge=1, le=20)]] = Field(
        default=(1, 1, 1), min_length=3, max_length=3, description="repeats along a, b, c")
    platform: Literal["auto", "CUDA", "HIP", "OpenCL", "CPU", "Reference"] = "auto"


class GasRun(Section):
    """``[[gcmc.gases]]``: one isotherm per framework."""

    gas: str = Field(description="H2, CO2, O2, N2 or CH4, a guest model, or a guest file")
    temperature_k: float = Field(gt=0, le=2000, description="K")
    pressures_bar: Row[Annotated[float, Field(gt=0, le=1000)]] = Field(min_length=1, description="bar")
    model: str | None = Field(default=None, description="guest model; default: the gas's own")
    guest_images: Literal["nearest", "all"] = Field(
        default="nearest", description="images of a guest that another meets: the nearest, or all (smaller cells)")

    @model_validator(mode="after")
    def _ascending(self) -> GasRun:
        if list(self.pressures_bar) != sorted(set(self.pressures_bar)):
            raise ValueError("pressures_bar must ascend without repeats")
        if not any(abs(p - 1.0) < 1e-9 for p in self.pressures_bar):
            raise ValueError("pressures_bar must contain 1.0, the pressure of the comparison table")
        return self

    @property
    def label(self) -> str:
        return f"{self.gas} {self.temperature_k:g} K"


class Gcmc(Section):
    """``[gcmc]``: force field, charges, precision and gases of the adsorption runs."""

    forcefield: str = "PP"
    charges: str | None = Field(default=None, description="charge set; default: that of the force field's own file, "
                                "else ZIF-FF")
    cutoff_angstrom: float = Field(default=12.8, ge=3, le=30, description="Å")
    truncation: Literal["truncated", "shifted", "tail"] = "truncated"
    grid_spacing_angstrom: float = Field(default=0.2, ge=0.05, le=1.0, description="Å")
    metastable: bool = Field(default=False, description="beyond saturation: the vapour's fugacity, not the liquid's")
    isotherm: Literal["pooled", "plain"] = Field(
        default="pooled", description="loadings from what insertions and deletions tell at all pressures, or from "
        "averages over each pressure's own run")
    min_moves: int = Field(default=100_000, ge=1, le=10**12,
                           description="at least: of a pooled isotherm, per pressure of a plain one")
    max_moves: int = Field(default=20_000_000, ge=1, le=10**12, description="per pressure, at most")
    target_relative_error: float = Field(default=0.01, gt=0, le=1,
                                         description="standard error over loading, each pressure")
    min_effective_samples: int = Field(default=100, ge=2, le=10**6,
                                       description="independent samples per pressure of a plain isotherm")
    widom_insertions: int = Field(default=200_000, ge=0, le=10**12,
                                  description="for the Henry coefficient; 0: none")
    gases: Row[GasRun] = Field(min_length=1)

    @model_validator(mode="after")
    def _move_limits(self) -> Gcmc:
        if self.min_moves > self.max_moves:
            raise ValueError(f"min_moves ({self.min_moves}) exceeds max_moves ({self.max_moves})")
        return self


class Access(Section):
    """``[access]``: which of the loading a gas reaches in the time of an experiment; left out, it is not asked.

    Rigid with no ``snapshots``: what breathes in truth stays shut then, so hundreds are wanted for numbers to quote.
    """

    materials: Row[Text] = Field(default=(), description="names from [materials]; left out: all")
    snapshots: int = Field(default=0, ge=0, le=100_000, description="of the moving framework, 1 ps apart; 0: rigid")
    snapshot_temperature_k: float | None = Field(default=None, gt=0, le=2000,
                                                 description="K; left out: that of each gas")
    umbrella_ps: float = Field(default=0.0, ge=0, le=1e6,
                               description="ps of umbrella sampling at each place of a gas's path; 0: none")
    dynamics: str | None = Field(default=None, description="force field of the snapshots; left out: ZIF-FF, and that "
                                                           "of [melt] for a glass")
    grid_spacing_angstrom: float = Field(default=0.2, ge=0.05, le=1.0, description="Å")
    size_um: float = Field(default=10.0, gt=0, le=1e6, description="diameter of the particles, µm")
    hours: float = Field(default=1.0, gt=0, le=1e6, description="time they are given, h")

    @model_validator(mode="after")
    def _umbrella_after_snapshots(self) -> Access:
        if self.umbrella_ps and not self.snapshots:
            raise ValueError("umbrella_ps follows the best path of an average: snapshots must be above 0")
        if 0.0 < self.umbrella_ps < 1.0:
            raise ValueError(f"umbrella_ps is {self.umbrella_ps:g}; it must be 0 or at least 1 ps")
        return self


class Study(Section):
    """A whole study, as read from its file."""

    study: General
    materials: dict[str, Material] = Field(min_length=1)
    melt: Melt = Melt()
    blends: dict[str, dict[str, Annotated[float, Field(gt=0, le=1)]]] = Field(default_factory=dict)
    gcmc: Gcmc
    access: Access | None = None

    @model_validator(mode="after")
    def _names_agree(self) -> Study:
        known = [name for name, material in self.materials.items() if isinstance(material, Crystal)]
        for name, material in self.materials.items():
            if isinstance(material, Glass) and material.glass_of not in known:
                raise ValueError(f"materials.{name}: "
                                 f"{UnknownNameError('crystal in glass_of', material.glass_of, known)}")
        for blend, parts in self.blends.items():
            for part in parts:
                if part not in self.materials:
                    raise ValueError(f"blends.{blend}: "
                                     f"{UnknownNameError('material', part, self.materials)}")
            if abs(sum(parts.values()) - 1.0) > 1e-6:
                total = sum(parts.values())
                raise ValueError(f"blends.{blend}: the mass fractions sum to {total:g}, it must be 1")
        for name in self.access.materials if self.access else ():
            if name not in self.materials:
                raise ValueError(f"access.materials: {UnknownNameError('material', name, self.materials)}")
        labels = [(g.gas, g.temperature_k) for g in self.gcmc.gases]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f"gcmc.gases: {label[0]} at {label[1]:g} K is listed more than once")
        return self

    @property
    def name(self) -> str:
        return self.study.name

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of ``study.json``, defaults written out."""
        return self.model_dump(mode="json")

    def beside(self, folder: Path) -> Study:
        """The same study; names that are files beside its own become paths to them."""
        def resolve(name: str | None) -> str | None:
            return str(folder / name) if name and (folder / name).is_file() else name

        materials = {name: m if isinstance(m, Glass) else m.model_copy(update={
            "structure": tuple(str(resolve(s)) for s in m.structures), "relax_with": resolve(m.relax_with)})
            for name, m in self.materials.items()}
        gases = tuple(g.model_copy(update={"gas": resolve(g.gas), "model": resolve(g.model)}) for g in self.gcmc.gases)
        gcmc = self.gcmc.model_copy(update={"gases": gases, "forcefield": resolve(self.gcmc.forcefield),
                                            "charges": resolve(self.gcmc.charges)})
        melt = self.melt.model_copy(update={"forcefield": resolve(self.melt.forcefield),
                                            "program": resolve(self.melt.program)})
        access = self.access and self.access.model_copy(update={"dynamics": resolve(self.access.dynamics)})
        return self.model_copy(update={"materials": materials, "gcmc": gcmc, "melt": melt, "access": access})


def load_study(path: str | Path, overrides: Iterable[str] = ()) -> Study:
    """Read a study from a file or a shipped name (``quick``), apply ``a.b=c`` overrides, check it.

    Structure and guest files named in the study are looked for beside the study file first.

    Raises
    ------
    InputError: missing file, not TOML, or a value out of range; UnknownNameError: unknown key.
    """
    file, tables = read_tables(path, overrides)
    if "axes" in tables:
        raise InputError(f"{file} is a sweep, not a study: use `zifsim sweep run {path}`.")
    return study_from_dict(tables, str(file)).beside(file.parent)


def read_tables(path: str | Path, overrides: Iterable[str] = ()) -> tuple[Path, dict[str, Any]]:
    """The file of a study or sweep (or a shipped name) and its tables, with ``a.b=c`` overrides in them.

    Raises
    ------
    InputError: missing file, not TOML, or an override that is none.
    """
    file = find_study(path)
    tables = read_toml(file)
    for assignment in overrides:
        _merge(tables, _parse_override(assignment), assignment)
    for table, old, new in RENAMED:
        values = tables.get(table) if table else tables
        if isinstance(values, dict) and old in values and new not in values:
            values[new] = values.pop(old)
            at = f"{table}." if table else ""
            print(f"{file}: {at}{old} is now called {at}{new}.", file=sys.stderr)
    return file, tables


def find_study(path: str | Path) -> Path:
    """The study file itself: a path, or the name of a shipped study."""
    file = Path(path)
    if file.is_file():
        return file
    shipped = {p.stem: p for p in data_folder("workflows").glob("*.toml")}
    if str(path) in shipped:
        return shipped[str(path)]
    studies = (name for name in sorted(shipped) if not name.endswith("_sweep"))
    raise InputError(f"No study file '{path}'. Check the path, or use a shipped study: {', '.join(studies)}.")


def study_from_dict(data: Mapping[str, Any], origin: str = "study") -> Study:
    """Check a study given as nested mappings (the TOML's own shape); ``origin`` names it in errors."""
    return checked(Study, data, origin)


def _parse_override(assignment: str) -> dict[str, Any]:
    """``a.b=c`` -> {"a": {"b": c}}; the value is TOML, or a plain string where it is not."""
    key, separator, value = assignment.partition("=")
    if not separator or not key.strip():
        raise InputError(f"--set '{assignment}' is not of the form key=value (for example melt.hold_ps=10).")
    quoted = value.strip().replace("\\", "\\\\").replace('"', '\\"')
    for text in (f"{key} = {value}", f'{key} = "{quoted}"'):
        try:
            return parse_toml(text, f"--set {shown(assignment)}")
        except InputError:
            continue
    raise InputError(f"--set {shown(assignment)}: {shown(key.strip())} is not a key such as melt.hold_ps "
                     "or materials.ZIF-62.bim_per_cell.")


def _merge(target: Any, change: Mapping[str, Any], assignment: str) -> None:
    """Put the one value of ``change`` into nested tables and lists (lists take 0-based indices)."""
    for key, value in change.items():
        if isinstance(target, list):
            if not key.isdecimal() or int(key) >= len(target):
                raise InputError(f"--set '{assignment}': there is no entry '{key}' in that list "
                                 f"(0 to {len(target) - 1}).")
            index: Any = int(key)
            present = True
        else:
            index, present = key, key in target
        if isinstance(value, dict) and present and isinstance(target[index], dict | list):
            _merge(target[index], value, assignment)
        else:
            target[index] = value
