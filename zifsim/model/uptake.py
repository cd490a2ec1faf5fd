"""Results of adsorption: loading points, isotherms, Henry coefficients, and estimates built from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from zifsim.units import mol_kg_to_ml_stp_g


@dataclass(frozen=True, slots=True)
class LoadingPoint:
    """One pressure of an isotherm. Loadings in mol/kg; errors are one standard error of the mean.

    ``molecules_per_cell`` counts per simulation cell (the supercell). ``effective_samples`` is the number of
    independent samples in the production part; ``equilibrated`` is False where the series never settled.
    ``grid_error_k`` and ``ewald_error_k``: errors of the sampled energy in K per molecule, measured at the end (root
    mean square of the host's interpolation; bias of the guests' Coulomb energy); NaN where nothing was measured.
    ``from_empty_mol_kg`` and ``from_full_mol_kg``: what two runs, begun with an empty and a full cell, each found; NaN
    where only one was made.
    """

    pressure_pa: float
    fugacity_pa: float
    loading_mol_kg: float
    loading_error_mol_kg: float
    excess_mol_kg: float
    molecules_per_cell: float
    molecules_per_cell_error: float
    heat_of_adsorption_kj_mol: float
    heat_of_adsorption_error_kj_mol: float
    n_moves: int
    n_equilibration_moves: int
    effective_samples: float
    equilibrated: bool
    seed: int
    grid_error_k: float = math.nan
    ewald_error_k: float = math.nan
    from_empty_mol_kg: float = math.nan
    from_full_mol_kg: float = math.nan

    @property
    def loading_ml_stp_g(self) -> float:
        return mol_kg_to_ml_stp_g(self.loading_mol_kg)

    @property
    def loading_error_ml_stp_g(self) -> float:
        return mol_kg_to_ml_stp_g(self.loading_error_mol_kg)


@dataclass(frozen=True, slots=True)
class HenryResult:
    """Widom insertion: Henry coefficient K_H (mol/kg/Pa) and heat at zero loading (kJ/mol), with errors."""

    gas: str
    temperature_k: float
    henry_coefficient_mol_kg_pa: float
    henry_error_mol_kg_pa: float
    heat_of_adsorption_kj_mol: float
    heat_of_adsorption_error_kj_mol: float
    n_insertions: int
    seed: int


@dataclass(frozen=True, slots=True)
class Isotherm:
    """Loading of one gas in one framework at one temperature, pressures ascending.

    The last four are NaN where unknown: molar mass of the gas (g/mol), mass of the unit cell (amu), saturation pressure
    of the gas by its equation of state (Pa; NaN above the critical temperature too), helium void fraction.
    """

    gas: str
    guest_model: str
    forcefield: str
    charges: str
    framework: str
    framework_sha256: str
    temperature_k: float
    supercell: tuple[int, int, int]
    points: tuple[LoadingPoint, ...]
    henry: HenryResult | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    molar_mass_g_mol: float = math.nan
    unit_cell_mass_amu: float = math.nan
    saturation_pressure_pa: float = math.nan
    void_fraction: float = math.nan

    @property
    def no_room(self) -> bool:
        """True where the gas finds no place in the framework, so that nothing was sampled."""
        return bool(self.points) and all(p.n_moves == 0 for p in self.points)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, None for NaN (which JSON does not know); :meth:`from_dict` is the inverse."""
        values = _without_nan(asdict(self))
        values["points"] = [_without_nan(p) for p in values["points"]]
        values["henry"] = _without_nan(values["henry"]) if values["henry"] else None
        return values

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Isotherm:
        values: dict[str, Any] = {k: math.nan if v is None and k in _NAN_FIELDS else v for k, v in data.items()}
        values["supercell"] = tuple(values["supercell"])
        values["points"] = tuple(LoadingPoint(**_with_nan(p)) for p in values["points"])
        values["henry"] = HenryResult(**_with_nan(values["henry"])) if values.get("henry") else None
        return cls(**values)


_NAN_FIELDS = ("molar_mass_g_mol", "unit_cell_mass_amu", "saturation_pressure_pa", "void_fraction")


def _without_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in values.items()}


def _with_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: math.nan if v is None else v for k, v in values.items()}


@dataclass(frozen=True, slots=True)
class UptakeEstimate:
    """An uptake with its two kinds of uncertainty kept apart, mL(STP)/g.

    ``sampling_error``: standard error of Monte Carlo sampling within a structural model.
    ``model_spread``: standard deviation between structural models (configurations, glasses); 0 for one model.
    """

    value: float
    sampling_error: float
    model_spread: float
    n_models: int
    equilibrated: bool = True
