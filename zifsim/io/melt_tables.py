"""The tables of a melt force-field file, as they stand in it: types, limits and sources of every row.

A file that extends another may leave out any table; what is whole is decided once all files are read.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from zifsim.io.checked import Row, Section, Text, Texts

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_*+-]{0,15}$", description="an atom type")]
Strength = Annotated[float, Field(ge=0.0, le=1e6)]      # a force constant in any of the units
Length = Annotated[float, Field(gt=0.0, le=20.0, description="Å")]


def _types(n: int) -> Any:
    return Field(min_length=n, max_length=n, description=f"{n} atom types")


class Sourced(Section):
    """A row that says where its numbers come from, by short names of ``[sources]``."""

    source: Texts | None = None
    note: str = Field(default="", max_length=2000)


class AtomRow(Sourced):
    """A row of ``[atoms]``."""

    charge: float = Field(ge=-10.0, le=10.0, description="e")
    epsilon: float = Field(ge=0.0, le=1e3, description="in energy_unit")
    sigma: Length
    mass: float | None = Field(default=None, ge=0.1, le=500.0, description="amu; left out: the element's")


class BondRow(Sourced):
    """A row of ``[terms]`` bonds."""

    types: Row[Name] = _types(2)
    k: Strength
    r0: Length


class AngleRow(Sourced):
    """A row of ``[terms]`` angles."""

    types: Row[Name] = _types(3)
    k: Strength
    theta0: float = Field(ge=0.0, le=180.0, description="degrees")
    k_ub: Strength = 0.0
    r_ub: float = Field(default=0.0, ge=0.0, le=20.0, description="Å")

    @model_validator(mode="after")
    def _whole(self) -> AngleRow:
        if "k_ub" in self.model_fields_set and "r_ub" not in self.model_fields_set:
            raise ValueError("k_ub needs an r_ub, Å")
        return self


class DihedralRow(Sourced):
    """A row of ``[terms]`` dihedrals."""

    types: Row[Name] = _types(4)
    k: Strength
    n: int = Field(ge=1, le=12)
    phase: float = Field(ge=-360.0, le=360.0, description="degrees")


class ImproperRow(Sourced):
    """A row of ``[terms]`` impropers."""

    centre: Name
    outer: Row[Name] = _types(3)
    last: Name
    k: Strength

    @model_validator(mode="after")
    def _last_is_outer(self) -> ImproperRow:
        if self.last not in self.outer:
            raise ValueError("'last' must be one of 'outer'")
        return self

    @property
    def types(self) -> tuple[str, ...]:
        """Centre first."""
        return (self.centre, *self.outer)


class Terms(Section):
    """``[terms]``."""

    bonds: Row[BondRow] = ()
    angles: Row[AngleRow] = ()
    dihedrals: Row[DihedralRow] = ()
    impropers: Row[ImproperRow] = ()


class Scale14(Sourced):
    """``[scale14]``: factors of pairs that are three bonds apart."""

    lj: float = Field(ge=0.0, le=2.0)
    coulomb: float = Field(ge=0.0, le=2.0)


class Morse(Sourced):
    """``[morse]`` between Zn and N."""

    depth_ev: float = Field(ge=0.0, le=100.0, description="eV")
    alpha: float = Field(gt=0.0, le=100.0, description="1/Å")
    r0: Length


class Soft(Sourced):
    """``[soft]``: Lennard-Jones between dummy sites."""

    epsilon_ev: float = Field(default=0.0, ge=0.0, le=100.0, description="eV")
    sigma: float = Field(default=0.0, ge=0.0, le=20.0, description="Å")


class Wall(Sourced):
    """``[zinc_wall]``."""

    k_kj_mol: Strength
    r0: Length


class MeltFile(Section):
    """One file; what it does not have it inherits, or it is missing."""

    extends: Text | None = None
    without: Row[Name] = ()
    name: Text | None = None
    description: Text | None = None
    dissociable: bool | None = None
    energy_unit: Literal["kcal/mol", "kJ/mol"] | None = None
    max_tested_temperature_k: float | None = Field(default=None, gt=0.0, le=1e4, description="K")
    source: Texts | None = None
    sources: dict[str, Text] = Field(default_factory=dict)
    atoms: dict[Name, AtomRow] | None = None
    terms: Terms | None = None
    scale14: Scale14 | None = None
    morse: Morse | None = None
    soft: Soft | None = None
    zinc_wall: Wall | None = None

    @model_validator(mode="after")
    def _whole(self) -> MeltFile:
        if self.without and self.extends is None:
            raise ValueError("'without' drops inherited terms and needs an 'extends'")
        if (self.atoms is not None or self.terms is not None) and self.energy_unit is None:
            raise ValueError("energy_unit must say the unit of [atoms] and [terms]: kcal/mol or kJ/mol")
        return self
