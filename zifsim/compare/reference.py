"""References that a simulation is compared with: Longley et al. 2019 (doi:10.1039/c8sc04044c), and ranges for ZIF-8.

The numbers lie in ``compare/data/*.toml`` beside their sources. :func:`implied_zif8` and
:func:`composition_tension` compute, from those numbers alone, where the paper disagrees with itself.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

GASES = ("H2", "CO2", "O2", "N2", "CH4")
PRESSURE_BAR = 1.0


@dataclass(frozen=True, slots=True)
class Source:
    """A publication: how it is cited and its DOI."""

    cite: str
    doi: str


@dataclass(frozen=True, slots=True)
class ReferenceUptake:
    """Measured and published simulated uptake at 1 bar, mL(STP)/g.

    ``low`` and ``high`` bound the measured values (equal for a single measurement, None where nothing was
    measured); ``origin`` says in words where they come from; ``simulation`` is the published one, or None.
    """

    section: str
    material: str
    gas: str
    temperature_k: float
    low: float | None
    high: float | None
    origin: str
    simulation: float | None
    note: str = ""

    @property
    def kinetic_zero(self) -> bool:
        """A measured zero. Equilibrium uptake at 1 bar is never exactly zero: the gas was too slow."""
        return self.high is not None and self.high == 0.0


@dataclass(frozen=True, slots=True)
class Range:
    """A quantity's accepted range and what it rests on."""

    low: float
    high: float
    basis: str


@dataclass(frozen=True, slots=True)
class Property:
    """A number of the paper's text that is not an uptake; its unit is in ``quantity``."""

    material: str
    quantity: str
    value: float
    origin: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """Everything there is to compare with. ``compositions``: material -> formulas; its own is one or between them."""

    sources: Mapping[str, Source]
    blends: Mapping[str, Mapping[str, float]]
    compositions: Mapping[str, tuple[str, ...]]
    table1: tuple[ReferenceUptake, ...]
    text: tuple[ReferenceUptake, ...]
    cited: tuple[ReferenceUptake, ...]
    zif8: tuple[ReferenceUptake, ...]
    properties: tuple[Property, ...]
    glass: Mapping[str, Range]
    paper: Mapping[str, Any]

    @property
    def materials(self) -> tuple[str, ...]:
        """The four materials of Table 1, in its order."""
        return tuple(dict.fromkeys(r.material for r in self.table1))

    def find(self, material: str, gas: str) -> ReferenceUptake:
        """The row of Table 1 for a material and a gas; KeyError if it has none."""
        for row in self.table1:
            if (row.material, row.gas) == (material, gas):
                return row
        raise KeyError((material, gas))


@dataclass(frozen=True, slots=True)
class ImpliedZif8:
    """ZIF-8 uptake that a 20/80 row and its ZIF-62 row imply, q = (mix − 0.8·ZIF-62)/0.2, mL(STP)/g.

    ``rounding`` is the largest error that the printed digits allow, for the simulated values.
    """

    gas: str
    simulation_crystal: float
    simulation_glass: float
    experiment_crystal: float
    experiment_glass: float
    rounding: float

    @property
    def simulation_disagrees(self) -> bool:
        """True where the two simulated rows cannot come from one ZIF-8 value, whatever the rounding."""
        return abs(self.simulation_crystal - self.simulation_glass) > 2.0 * self.rounding


@dataclass(frozen=True, slots=True)
class CompositionTension:
    """The mixed linker site as the paper gives it (occupancies) against the formula it states."""

    bim_per_zn_from_occupancy: float
    bim_per_zn_stated: float
    bim_per_cell_from_occupancy: float
    bim_per_cell_stated: float
    formula_from_occupancy: str
    formula_stated: str


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "data" / name).read_text(encoding="utf-8"))


def _row(section: str, data: Mapping[str, Any], sources: Mapping[str, Source]) -> ReferenceUptake:
    measured = float(data["experiment"])
    source = sources[data["origin"]]
    return ReferenceUptake(
        section=section,
        material=data["material"],
        gas=data["gas"],
        temperature_k=float(data["temperature_k"]),
        low=measured,
        high=measured,
        origin=f"{source.cite}, doi:{source.doi}",
        simulation=float(data["simulation"]) if "simulation" in data else None,
        note=data.get("note", ""),
    )


@cache
def load_reference() -> Reference:
    """The reference data shipped with zifsim."""
    paper = _read("longley2019.toml")
    literature = _read("literature.toml")
    sources = {key: Source(**value) for key, value in paper["sources"].items()}
    zif8 = tuple(
        ReferenceUptake(
            "literature",
            row["material"],
            row["gas"],
            float(row["temperature_k"]),
            float(row["low"]),
            float(row["high"]),
            f"literature range: {row['basis']}",
            None,
        )
        for row in literature["uptake"]["rows"]
    )
    return Reference(
        sources=sources,
        blends=paper["blends"],
        compositions={material: tuple(ends) for material, ends in paper["compositions"].items()},
        table1=tuple(_row("table1", row, sources) for row in paper["table1"]["rows"]),
        text=tuple(_row("text", row, sources) for row in paper["text_uptake"]["rows"]),
        cited=tuple(_row("cited", row, sources) for row in paper["cited_uptake"]["rows"]),
        zif8=zif8,
        properties=tuple(Property(**row) for row in paper["text_properties"]["rows"]),
        glass={key: Range(**value) for key, value in literature["glass"].items()},
        paper=paper["paper"],
    )


def implied_zif8(reference: Reference) -> tuple[ImpliedZif8, ...]:
    """The ZIF-8 uptake behind each blend row of Table 1, gas by gas (one ZIF-8 should fit both rows)."""
    crystal, glass = reference.blends
    return tuple(
        ImpliedZif8(
            gas,
            simulation_crystal=_implied(reference, crystal, gas, "simulation"),
            simulation_glass=_implied(reference, glass, gas, "simulation"),
            experiment_crystal=_implied(reference, crystal, gas, "high"),
            experiment_glass=_implied(reference, glass, gas, "high"),
            rounding=_implied_rounding(reference, crystal),
        )
        for gas in GASES
    )


def _shares(reference: Reference, blend: str) -> tuple[str, float, float]:
    """The blend's other component, ZIF-8's mass fraction and the other one's."""
    weights = reference.blends[blend]
    partner = next(m for m in weights if m != "ZIF-8")
    return partner, weights["ZIF-8"], weights[partner]


def _implied(reference: Reference, blend: str, gas: str, column: str) -> float:
    partner, share, rest = _shares(reference, blend)
    of_mix = getattr(reference.find(blend, gas), column)
    of_partner = getattr(reference.find(partner, gas), column)
    return float((of_mix - rest * of_partner) / share)


def _implied_rounding(reference: Reference, blend: str) -> float:
    _, share, rest = _shares(reference, blend)
    return float(reference.paper["rounding_ml_stp_g"]) * (1.0 + rest) / share


def composition_tension(reference: Reference) -> CompositionTension:
    """bIm content from the stated occupancies of the one mixed site, and from the stated formula."""
    paper = reference.paper
    mixed = float(paper["mixed_linkers_per_zn"])
    from_occupancy = mixed * float(paper["bim_occupancy_percent"]) / 100.0
    stated = float(paper["stated_bim_per_zn"])
    zn_per_cell = 16
    return CompositionTension(
        from_occupancy,
        stated,
        from_occupancy * zn_per_cell,
        stated * zn_per_cell,
        _formula(from_occupancy),
        _formula(stated),
    )


def _formula(bim: float) -> str:
    return f"Zn(Im){2.0 - bim:g}(bIm){bim:g}"
