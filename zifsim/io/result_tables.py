"""What a result file of adsorption holds: types, limits, and null where a value is not known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from zifsim.io.checked import Row, Section, bounded
from zifsim.limits import TEMPERATURE
from zifsim.printable import one_line

Name = Annotated[str, Field(max_length=2000), AfterValidator(one_line)]
Known = Annotated[float, Field(ge=-1e6, le=1e6)]
Unknown = Known | None                              # null: not known
Pressure = Annotated[float, Field(gt=0.0, le=1e12, description="Pa")]
Loading = Annotated[float, Field(ge=0.0, le=1e4, description="mol/kg")]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Count = Annotated[int, Field(ge=0, le=10**15)]
Kelvin = Annotated[float, bounded(TEMPERATURE)]
Henry = Annotated[float, Field(ge=0.0, le=1e200)]
Mass = Annotated[float, Field(gt=0.0, le=1e12)]
Supercell = Annotated[Row[Annotated[int, Field(ge=1, le=10**6)]], Field(min_length=3, max_length=3)]


class ResultTable(Section):
    """A table of a result; keys of a later version are left for who makes the result."""

    model_config = ConfigDict(extra="allow")


class PointTable(ResultTable):
    """One pressure of an isotherm."""

    pressure_pa: Pressure
    fugacity_pa: Pressure
    loading_mol_kg: Loading
    loading_error_mol_kg: Loading | None
    excess_mol_kg: Unknown
    molecules_per_cell: Annotated[float, Field(ge=0.0, le=1e9)]
    molecules_per_cell_error: Annotated[float, Field(ge=0.0, le=1e9)] | None
    heat_of_adsorption_kj_mol: Unknown
    heat_of_adsorption_error_kj_mol: Unknown
    n_moves: Count
    n_equilibration_moves: Count
    effective_samples: Annotated[float, Field(ge=0.0, le=1e15)] | None
    equilibrated: bool
    seed: Count
    grid_error_k: Unknown = None
    ewald_error_k: Unknown = None
    from_empty_mol_kg: Unknown = None
    from_full_mol_kg: Unknown = None


class HenryTable(ResultTable):
    """``henry`` of an isotherm."""

    gas: Name
    temperature_k: Kelvin
    henry_coefficient_mol_kg_pa: Henry
    henry_error_mol_kg_pa: Henry | None
    heat_of_adsorption_kj_mol: Unknown
    heat_of_adsorption_error_kj_mol: Unknown
    n_insertions: Count
    seed: Count


class IsothermTable(ResultTable):
    """``isotherm.json``."""

    gas: Name
    guest_model: Name
    forcefield: Name
    charges: Name
    framework: Name
    framework_sha256: Name
    temperature_k: Kelvin
    supercell: Supercell
    points: Row[PointTable]
    henry: HenryTable | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    molar_mass_g_mol: Mass | None = None
    unit_cell_mass_amu: Mass | None = None
    saturation_pressure_pa: Pressure | None = None
    void_fraction: Unknown = None
    formula: Name = ""

    @model_validator(mode="after")
    def _ascending(self) -> IsothermTable:
        pressures = [p.pressure_pa for p in self.points]
        if pressures != sorted(set(pressures)):
            raise ValueError("its pressures must ascend without repeats")
        return self


class MixturePointTable(ResultTable):
    """One pressure of a mixture."""

    framework: Name
    temperature_k: Kelvin
    pressure_pa: Pressure
    composition: dict[Name, Fraction]
    loadings_mol_kg: dict[Name, Loading]
    loading_errors_mol_kg: dict[Name, Loading | None]
    source: Name
    equilibrated: bool = True
    n_moves: Count = 0
    molecules_per_cell: Annotated[float, Field(ge=0.0, le=1e9)] | None = None
    ratio_errors: dict[str, Unknown] = Field(default_factory=dict)
    grid_error_k: Unknown = None
    ewald_error_k: Unknown = None
    from_empty_mol_kg: dict[Name, Unknown] = Field(default_factory=dict)
    from_full_mol_kg: dict[Name, Unknown] = Field(default_factory=dict)


class MixtureTable(ResultTable):
    """``mixture.json``."""

    composition: dict[Name, Fraction]
    guest_models: dict[Name, Name]
    molar_masses_g_mol: dict[Name, Mass]
    forcefield: Name
    charges: Name
    framework: Name
    framework_sha256: Name
    temperature_k: Kelvin
    supercell: Supercell
    unit_cell_mass_amu: Mass
    points: Row[MixturePointTable]
    fugacities_pa: Row[dict[Name, Pressure]]
    settings: dict[str, Any] = Field(default_factory=dict)
    predicted: Row[MixturePointTable] = ()

    @model_validator(mode="after")
    def _one_composition(self) -> MixtureTable:
        gases = set(self.composition)
        tables: list[Mapping[str, Any]] = [self.guest_models, self.molar_masses_g_mol, *self.fugacities_pa]
        tables += [t for p in (*self.points, *self.predicted) for t in (p.loadings_mol_kg, p.loading_errors_mol_kg)]
        if any(set(table) != gases for table in tables):
            raise ValueError("its tables are not all of the gases of its composition")
        if len(self.fugacities_pa) != len(self.points):
            raise ValueError("it has not as many fugacities as pressures")
        return self
