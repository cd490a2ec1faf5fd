"""Uptake of a material at a pressure: averaged over its models, or weighted by mass where it is a blend."""

from __future__ import annotations

from dataclasses import dataclass

from zifsim.averages import average_models, mass_weighted
from zifsim.compare.results import ModelIsotherm, StudyResults
from zifsim.errors import InputError
from zifsim.model.uptake import Isotherm, LoadingPoint, UptakeEstimate
from zifsim.units import BAR_PA

# Two pressures are the same when they differ by less than this fraction (files keep rounded decimals).
SAME_PRESSURE = 1e-6
SAME_TEMPERATURE_K = 0.5  # "273 K" in a paper may be 273.15 K in a study


def same_temperature(one_k: float, other_k: float) -> bool:
    """True where two temperatures in K stand for the same condition."""
    return abs(one_k - other_k) < SAME_TEMPERATURE_K


@dataclass(frozen=True, slots=True)
class Missing:
    """Why there is no uptake: one phrase for the table."""

    reason: str


def models_of(
    results: StudyResults, material: str, gas: str, temperature_k: float
) -> tuple[ModelIsotherm, ...]:
    """The isotherms of a material's models for a gas and temperature (per model, the nearest temperature)."""

    def away(one: ModelIsotherm) -> float:
        return abs(one.isotherm.temperature_k - temperature_k)

    nearest: dict[str, ModelIsotherm] = {}
    for one in sorted(results.isotherms, key=away):
        if (
            one.material == material
            and one.isotherm.gas == gas
            and same_temperature(one.isotherm.temperature_k, temperature_k)
        ):
            nearest.setdefault(one.configuration, one)
    return tuple(nearest.values())


def components(results: StudyResults, material: str) -> tuple[tuple[str, float], ...]:
    """(material, mass fraction) of what a material consists of: itself, or the blend's parts."""
    return tuple(results.blends.get(material, {material: 1.0}).items())


def contributing(
    results: StudyResults, material: str, gas: str, temperature_k: float
) -> tuple[ModelIsotherm, ...]:
    """All isotherms that a material's uptake is made from."""
    return tuple(
        one
        for part, _ in components(results, material)
        for one in models_of(results, part, gas, temperature_k)
    )


def pressures_bar(results: StudyResults, material: str, gas: str, temperature_k: float) -> tuple[float, ...]:
    """Pressures at which every model of every component has a point, ascending, bar."""
    candidates = contributing(results, material, gas, temperature_k)
    if not candidates:
        return ()
    found = {point.pressure_pa / BAR_PA for point in candidates[0].isotherm.points}
    return tuple(
        p
        for p in sorted(found)
        if isinstance(uptake_at(results, material, gas, temperature_k, p), UptakeEstimate)
    )


def uptake_at(
    results: StudyResults, material: str, gas: str, temperature_k: float, pressure_bar: float
) -> UptakeEstimate | Missing:
    """Uptake in mL(STP)/g at one of the simulated pressures (never interpolated), or why there is none."""
    parts = []
    for part, fraction in components(results, material):
        models = models_of(results, part, gas, temperature_k)
        if not models:
            return Missing(f"missing: no {gas} isotherm of {part} at {temperature_k:g} K")
        estimates = []
        for model in models:
            point = point_at(model.isotherm, pressure_bar)
            if point is None:
                return Missing(f"missing: {model.stage} has no point at {pressure_bar:g} bar")
            estimates.append(
                UptakeEstimate(
                    point.loading_ml_stp_g, point.loading_error_ml_stp_g, 0.0, 1, point.equilibrated
                )
            )
        parts.append((fraction, average_models(estimates)))
    try:
        return mass_weighted(parts)
    except InputError as error:
        raise InputError(f"Blend '{material}' of study.json: {error}") from None


def point_at(isotherm: Isotherm, pressure_bar: float) -> LoadingPoint | None:
    """The isotherm's point at a pressure, or None."""
    pressure_pa = pressure_bar * BAR_PA
    for point in isotherm.points:
        if abs(point.pressure_pa - pressure_pa) <= SAME_PRESSURE * pressure_pa:
            return point
    return None
