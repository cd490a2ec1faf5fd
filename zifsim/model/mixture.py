"""Results of sampling a gas mixture: the loading of every gas at a series of total pressures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

from zifsim.model.shown import Drawn
from zifsim.model.uptake import SCHEMA, MixturePoint
from zifsim.units import LOADING_UNITS, loading_factor


@dataclass(frozen=True, slots=True, repr=False)
class MixtureIsotherm(Drawn):
    """Loadings of a mixture of one composition in one framework at one temperature, pressures ascending.

    ``composition``: gas -> mole fraction in the gas phase; ``guest_models`` and ``molar_masses_g_mol`` have the same
    gases. ``fugacities_pa``: a gas -> fugacity for every point. ``unit_cell_mass_amu`` is the framework's.
    ``predicted``: what ideal adsorbed solution theory made of the pure gases' isotherms, where they were given.
    """

    composition: Mapping[str, float]
    guest_models: Mapping[str, str]
    molar_masses_g_mol: Mapping[str, float]
    forcefield: str
    charges: str
    framework: str
    framework_sha256: str
    temperature_k: float
    supercell: tuple[int, int, int]
    unit_cell_mass_amu: float
    points: tuple[MixturePoint, ...]
    fugacities_pa: tuple[Mapping[str, float], ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    predicted: tuple[MixturePoint, ...] = ()

    @property
    def gases(self) -> tuple[str, ...]:
        return tuple(self.composition)

    def loading_factor(self, gas: str, unit: str) -> float:
        """What a gas's loading in mol/kg is multiplied by to be in ``unit`` (a key of units.LOADING_UNITS)."""
        return loading_factor(unit, molar_mass_g_mol=self.molar_masses_g_mol[gas],
                              unit_cell_mass_amu=self.unit_cell_mass_amu, unit_cells=math.prod(self.supercell))

    def columns(self) -> dict[str, list[Any]]:
        """The mixture as a table: column name -> one cell per pressure, every loading in every unit; None for NaN."""
        points = self.points
        table: dict[str, list[Any]] = {"pressure_pa": [p.pressure_pa for p in points]}
        for gas in self.gases:
            table[f"fugacity_{gas}_pa"] = [f[gas] for f in self.fugacities_pa]
        for gas in self.gases:
            for unit in LOADING_UNITS:
                factor = self.loading_factor(gas, unit)
                table[f"loading_{gas}_{unit}"] = [p.loadings_mol_kg[gas] * factor for p in points]
                table[f"loading_error_{gas}_{unit}"] = [p.loading_errors_mol_kg[gas] * factor for p in points]
        for gas, over in combinations(self.gases, 2):
            found = [p.selectivity(gas, over) for p in points]
            table[f"selectivity_{gas}_over_{over}"] = [value for value, _ in found]
            table[f"selectivity_error_{gas}_over_{over}"] = [error for _, error in found]
        table["n_moves"] = [p.n_moves for p in points]
        table["grid_error_k"] = [p.grid_error_k for p in points]
        table["ewald_error_k"] = [p.ewald_error_k for p in points]
        table["equilibrated"] = [p.equilibrated for p in points]
        return {name: [None if isinstance(c, float) and not math.isfinite(c) else c for c in cells]
                for name, cells in table.items()}

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values; :meth:`from_dict` is the inverse. ``derived``: the table, for who reads without zifsim."""
        values = {"schema": SCHEMA} | asdict(self)
        values["points"] = [p.to_dict() for p in self.points]
        values["predicted"] = [p.to_dict() for p in self.predicted]
        values["derived"] = {name: cells for name, cells in self.columns().items() if name.startswith("loading")}
        return values

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MixtureIsotherm:
        values = {k: v for k, v in data.items() if k not in ("schema", "derived")}
        values["supercell"] = tuple(values["supercell"])
        values["points"] = tuple(MixturePoint.from_dict(p) for p in values["points"])
        values["predicted"] = tuple(MixturePoint.from_dict(p) for p in values.get("predicted", ()))
        values["fugacities_pa"] = tuple(values["fugacities_pa"])
        return cls(**values)
