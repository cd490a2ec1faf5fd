"""The accessible loading: what of the equilibrium uptake a gas reaches within the time of an experiment."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zifsim.access.stored import StoredAccess, best_access, read_access
from zifsim.averages import average_models, mass_weighted
from zifsim.compare.results import ModelAccess, ModelIsotherm, StudyResults
from zifsim.compare.uptakes import Missing, components, models_of, point_at
from zifsim.errors import InputError, UnknownNameError
from zifsim.model.uptake import UptakeEstimate

SAME_MASS = 1e-4


@dataclass(frozen=True, slots=True)
class AccessibleUptake:
    """``estimate``: equilibrium uptake × accessible fraction, mL(STP)/g, averaged and weighted as the uptake itself is.

    Its errors are those of the uptake. ``low`` and ``high``: over all sizes of particles and times of the access
    results (1 µm to 1 mm, 6 min to 24 h), mL(STP)/g. ``basis``: what the fractions rest on, in words.
    """

    estimate: UptakeEstimate
    low: float
    high: float
    basis: str


def with_access(results: StudyResults, named: Iterable[str]) -> StudyResults:
    """The same results with more accessibility: texts ``MATERIAL[:CONFIGURATION]=FOLDER``.

    Raises
    ------
    InputError: a text of another form, or a folder that cannot be read. UnknownNameError: no such model here.
    """
    added = [one for text in named for one in _named(results, text)]
    return replace(results, accesses=(*added, *results.accesses))


def _named(results: StudyResults, text: str) -> list[ModelAccess]:
    model, equals, folder = text.partition("=")
    if not (model and equals and folder):
        raise InputError(f"--access '{text}': give a material and a folder of `zifsim access`, as in "
                         "ZIF-62=results/access/zif-62 or ZIF-62:A=results/access/zif-62-A.")
    models = dict.fromkeys((m.material, m.configuration) for m in results.isotherms)
    by_name = {material: (material, "") for material, _ in models} | {f"{m}:{c}": (m, c) for m, c in models}
    if model not in by_name:
        raise UnknownNameError("material of --access", model, by_name)
    return [ModelAccess(*by_name[model], one) for one in read_access(Path(folder))]


def accessible_at(results: StudyResults, material: str, gas: str, temperature_k: float,
                  pressure_bar: float) -> AccessibleUptake | Missing:
    """Accessible uptake of a material at one of the simulated pressures, or why there is none.

    Raises
    ------
    InputError: an access result of another composition than the model it was given for.
    """
    parts: list[tuple[float, list[tuple[UptakeEstimate, StoredAccess]]]] = []
    used: list[tuple[ModelIsotherm, StoredAccess]] = []
    for part, fraction in components(results, material):
        models = models_of(results, part, gas, temperature_k)
        pairs = []
        for model in models:
            point, found = point_at(model.isotherm, pressure_bar), _access_of(results, model)
            if found is None:
                isotherm = model.isotherm
                return Missing(f"no accessibility of {model.material} {model.configuration} for {isotherm.guest_model} "
                               f"at {isotherm.temperature_k:g} K, {isotherm.forcefield}")
            if point is None:
                return Missing(f"missing: {model.stage} has no point at {pressure_bar:g} bar")
            pairs.append((UptakeEstimate(point.loading_ml_stp_g, point.loading_error_ml_stp_g, 0.0, 1,
                                         point.equilibrated), found))
            used.append((model, found))
        if not pairs:
            return Missing(f"missing: no {gas} isotherm of {part} at {temperature_k:g} K")
        parts.append((fraction, pairs))

    def total(accessible: Callable[[StoredAccess], float]) -> UptakeEstimate:
        return mass_weighted([(fraction, average_models([_times(uptake, accessible(one)) for uptake, one in pairs]))
                              for fraction, pairs in parts])

    return AccessibleUptake(total(lambda one: one.accessible_fraction),
                            total(lambda one: one.fraction_low).value, total(lambda one: one.fraction_high).value,
                            _basis(used))


def _access_of(results: StudyResults, model: ModelIsotherm) -> StoredAccess | None:
    """The access result of a model's gas: those given for its configuration before those for the material."""
    isotherm = model.isotherm
    for configuration in (model.configuration, ""):
        mine = [a.stored for a in results.accesses if (a.material, a.configuration) == (model.material, configuration)
                and a.stored.forcefield == isotherm.forcefield
                and (a.stored.charges == isotherm.charges or isotherm.charges == "none")]
        found = best_access(mine, isotherm.guest_model, isotherm.temperature_k)
        if found is not None:
            _check_composition(found, model)
            return found
    return None


def _check_composition(found: StoredAccess, model: ModelIsotherm) -> None:
    """Raise InputError unless one cell is a whole number of the other's, by mass (which old isotherms do not tell)."""
    mass = model.isotherm.unit_cell_mass_amu
    ratio = 1.0 if math.isnan(mass) else max(found.mass_amu / mass, mass / found.mass_amu)
    if abs(ratio - round(ratio)) > SAME_MASS * ratio:
        raise InputError(f"The access result in {found.folder} is of {found.framework}, whose cell has another mass "
                         f"than {model.material} {model.configuration}; name the material it belongs to.")


def _times(uptake: UptakeEstimate, fraction: float) -> UptakeEstimate:
    return replace(uptake, value=fraction * uptake.value, sampling_error=fraction * uptake.sampling_error)


def _basis(used: Sequence[tuple[ModelIsotherm, StoredAccess]]) -> str:
    """``ZIF-62-bIm3-A: 200 snapshots at 77 K, ZIF-8: rigid; 10 µm, 1 h``."""
    frameworks = dict.fromkeys(
        f"{one.framework}: {one.kind}" + ("" if model.isotherm.framework_sha256 in (one.sha256, one.geometry_sha256)
                                          else " (not the isotherm's own atoms)") for model, one in used)
    experiments = dict.fromkeys(f"{one.size_um:g} µm, {one.hours:g} h" for _, one in used)
    return f"{', '.join(frameworks)}; {' and '.join(experiments)}"
