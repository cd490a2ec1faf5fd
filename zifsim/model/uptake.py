"""Results of adsorption: loading points, isotherms, Henry coefficients, and estimates built from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from zifsim.model.shown import Drawn, Shown
from zifsim.units import LOADING_UNITS, loading_factor, mol_kg_to_ml_stp_g

FRACTION_TOLERANCE = 1e-6   # within which mole fractions sum to 1
SCHEMA = 1                  # version of what results files hold


@dataclass(frozen=True, slots=True)
class LoadingPoint:
    """One pressure of an isotherm. Loadings in mol/kg; errors are one standard error of the mean.

    ``molecules_per_cell`` counts per simulation cell (the supercell). ``effective_samples`` is the number of
    independent samples in the production part (NaN for a flat histogram, which has no series); ``equilibrated`` is
    False where the series never settled or two starts do not meet.
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

    @classmethod
    def empty(cls, pressure_pa: float, fugacity_pa: float, seed: int) -> LoadingPoint:
        """A pressure at which nothing is adsorbed and nothing was sampled (0 moves)."""
        return cls(
            pressure_pa=pressure_pa, fugacity_pa=fugacity_pa, loading_mol_kg=0.0, loading_error_mol_kg=0.0,
            excess_mol_kg=0.0, molecules_per_cell=0.0, molecules_per_cell_error=0.0, heat_of_adsorption_kj_mol=math.nan,
            heat_of_adsorption_error_kj_mol=math.nan, n_moves=0, n_equilibration_moves=0, effective_samples=0.0,
            equilibrated=True, seed=seed)

    @property
    def summary(self) -> str:
        """The loading in a few words."""
        return f"{self.loading_mol_kg:.4g} ± {self.loading_error_mol_kg:.2g} mol/kg"

    @property
    def loading_ml_stp_g(self) -> float:
        return mol_kg_to_ml_stp_g(self.loading_mol_kg)

    @property
    def loading_error_ml_stp_g(self) -> float:
        return mol_kg_to_ml_stp_g(self.loading_error_mol_kg)


@dataclass(frozen=True, slots=True, repr=False)
class HenryResult(Shown):
    """Widom insertion: Henry coefficient K_H (mol/kg/Pa) and heat at zero loading (kJ/mol), with errors.

    ``note``: what to know before the numbers are used; empty where there is nothing.
    """

    gas: str
    temperature_k: float
    henry_coefficient_mol_kg_pa: float
    henry_error_mol_kg_pa: float
    heat_of_adsorption_kj_mol: float
    heat_of_adsorption_error_kj_mol: float
    n_insertions: int
    seed: int
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, None for NaN."""
        return _without_nan(asdict(self))


@dataclass(frozen=True, slots=True, repr=False)
class Isotherm(Drawn):
    """Loading of one gas in one framework at one temperature, pressures ascending.

    NaN where unknown: molar mass of the gas (g/mol), mass of the unit cell (amu), saturation pressure of the gas by its
    equation of state (Pa; NaN above the critical temperature too), helium void fraction. Of the framework there are
    ``framework_sha256`` and, without its charges, ``geometry_sha256``; that and the digest of the force field are empty
    in results of versions before 0.1.0, ``formula`` (of the cell) in those of 0.1.0.
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
    geometry_sha256: str = ""
    forcefield_sha256: str = ""
    formula: str = ""

    @property
    def no_room(self) -> bool:
        """True where the gas finds no place in the framework, so that nothing was sampled."""
        return bool(self.points) and all(p.n_moves == 0 for p in self.points)

    def loading_factor(self, unit: str) -> float:
        """What loadings in mol/kg are multiplied by to be in ``unit`` (a key of units.LOADING_UNITS)."""
        return loading_factor(unit, molar_mass_g_mol=self.molar_mass_g_mol, unit_cells=math.prod(self.supercell),
                              unit_cell_mass_amu=self.unit_cell_mass_amu)

    def columns(self) -> dict[str, list[Any]]:
        """The isotherm as a table: column name -> one cell per pressure, every loading in every unit; None for NaN.

        ``loading`` is absolute, ``excess`` less the gas that would fill the void volume; both have the same error.
        """
        points = self.points
        table: dict[str, list[Any]] = {
            "pressure_pa": [p.pressure_pa for p in points],
            "p_over_p0": [p.pressure_pa / self.saturation_pressure_pa for p in points],
            "fugacity_pa": [p.fugacity_pa for p in points],
        }
        for unit in LOADING_UNITS:
            factor = self.loading_factor(unit)
            table[f"loading_{unit}"] = [p.loading_mol_kg * factor for p in points]
            table[f"loading_error_{unit}"] = [p.loading_error_mol_kg * factor for p in points]
            table[f"excess_{unit}"] = [p.excess_mol_kg * factor for p in points]
        for name in ("from_empty_mol_kg", "from_full_mol_kg", "heat_of_adsorption_kj_mol",
                     "heat_of_adsorption_error_kj_mol", "n_moves", "n_equilibration_moves", "effective_samples",
                     "equilibrated", "seed"):
            table[name] = [getattr(p, name) for p in points]
        return {name: [_none_for_nan(cell) for cell in cells] for name, cells in table.items()}

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, None for NaN (which JSON does not know); :meth:`from_dict` is the inverse.

        ``derived`` repeats the loadings in all units, a list per column, for who reads the file without zifsim.
        """
        values = {"schema": SCHEMA} | _without_nan(asdict(self))
        values["points"] = [_without_nan(p) for p in values["points"]]
        values["henry"] = self.henry.to_dict() if self.henry else None
        values["derived"] = {name: cells for name, cells in self.columns().items()
                             if name.startswith(("p_over_p0", "loading", "excess"))}
        return values

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Isotherm:
        values: dict[str, Any] = {k: math.nan if v is None and k in _NAN_FIELDS else v for k, v in data.items()
                                  if k not in ("schema", "derived")}
        values["supercell"] = tuple(values["supercell"])
        values["points"] = tuple(LoadingPoint(**_with_nan(p)) for p in values["points"])
        values["henry"] = HenryResult(**_with_nan(values["henry"])) if values.get("henry") else None
        return cls(**values)


_NAN_FIELDS = ("molar_mass_g_mol", "unit_cell_mass_amu", "saturation_pressure_pa", "void_fraction")


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _none_for_nan(value: Any) -> Any:
    return None if _is_nan(value) else value


def _without_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _without_nan(v) if isinstance(v, Mapping) else _none_for_nan(v) for k, v in values.items()}


def _with_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _with_nan(v) if isinstance(v, Mapping) else math.nan if v is None else v for k, v in values.items()}


@dataclass(frozen=True, slots=True)
class MixturePoint:
    """Loading of every gas of a mixture at one total pressure, with one standard error each.

    ``composition``: gas -> mole fraction in the gas phase. ``source``: ``gcmc`` (sampled) or ``iast`` (from isotherms
    of the pure gases). ``equilibrated`` is False where a sampled series never settled or two starts do not meet.
    Of a sampled point: ``molecules_per_cell`` of all gases in the supercell; ``ratio_errors``: "a/b" -> relative
    standard error of the ratio of two loadings, which are not independent; ``grid_error_k``, ``ewald_error_k``,
    ``from_empty_mol_kg``, ``from_full_mol_kg`` as of a :class:`LoadingPoint`.
    """

    framework: str
    temperature_k: float
    pressure_pa: float
    composition: Mapping[str, float]
    loadings_mol_kg: Mapping[str, float]
    loading_errors_mol_kg: Mapping[str, float]
    source: str
    equilibrated: bool = True
    n_moves: int = 0
    molecules_per_cell: float = math.nan
    ratio_errors: Mapping[str, float] = field(default_factory=dict)
    grid_error_k: float = math.nan
    ewald_error_k: float = math.nan
    from_empty_mol_kg: Mapping[str, float] = field(default_factory=dict)
    from_full_mol_kg: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def empty(cls, framework: str, temperature_k: float, pressure_pa: float,
              composition: Mapping[str, float]) -> MixturePoint:
        """A pressure of a framework that has room for none of the gases: nothing was sampled (0 moves)."""
        nothing = dict.fromkeys(composition, 0.0)
        return cls(framework, temperature_k, pressure_pa, dict(composition), nothing, nothing, "gcmc",
                   molecules_per_cell=0.0)

    @property
    def summary(self) -> str:
        """The loadings in a few words."""
        return ", ".join(f"{q:.4g} ± {self.loading_errors_mol_kg[gas]:.2g} mol/kg {gas}"
                         for gas, q in self.loadings_mol_kg.items())

    @property
    def total_mol_kg(self) -> float:
        return sum(self.loadings_mol_kg.values())

    def selectivity(self, gas: str, over: str) -> tuple[float, float]:
        """(q/q′)/(y/y′) of one gas over another, and its standard error; from ``ratio_errors`` where they are known,
        else the two loadings are taken as independent.

        NaN where the other gas is absent from either phase.
        """
        q, q_other = self.loadings_mol_kg[gas], self.loadings_mol_kg[over]
        y, y_other = self.composition[gas], self.composition[over]
        if q_other == 0.0 or y == 0.0:
            return math.nan, math.nan
        value = q / q_other * y_other / y
        for pair in (f"{gas}/{over}", f"{over}/{gas}"):
            if pair in self.ratio_errors:
                return value, value * self.ratio_errors[pair]
        relative_other = self.loading_errors_mol_kg[over] / q_other
        return value, math.hypot(self.loading_errors_mol_kg[gas] / q_other * y_other / y, value * relative_other)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values; selectivities over every other gas are added, :meth:`from_dict` leaves them out."""
        pairs = [(a, b) for a in self.composition for b in self.composition if a != b]
        found = {f"{a}/{b}": self.selectivity(a, b) for a, b in pairs}
        return _without_nan(asdict(self) | {
            "selectivities": {pair: {"value": value, "error": error} for pair, (value, error) in found.items()}})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MixturePoint:
        return cls(**_with_nan({k: v for k, v in data.items() if k != "selectivities"}))


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
