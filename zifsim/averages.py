"""Averages of uptake: over structural models of one material, and over the materials of a blend.

The two kinds of uncertainty of an :class:`UptakeEstimate` travel separately all the way: what more Monte
Carlo moves would shrink (``sampling_error``), and what only more models would tell (``model_spread``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from zifsim.errors import InputError
from zifsim.model.uptake import UptakeEstimate


def average_models(estimates: Iterable[UptakeEstimate]) -> UptakeEstimate:
    """Plain mean over n models (linker configurations, glasses) of the same material.

    The sampling error of the mean is sqrt(Σσᵢ²)/n; the model spread is the sample standard deviation (n − 1)
    between the models' values, and 0 for a single one, which says nothing about spread. The spread contains
    the sampling noise of the single models. Equilibrated only where every model is.

    Raises
    ------
    InputError: no estimate, or one that is itself an average (its spread would be lost).
    """
    models = list(estimates)
    if not models:
        raise InputError("An average over models needs at least one estimate; none was given.")
    if any(m.n_models != 1 for m in models):
        raise InputError(
            "average_models takes single models; one of the estimates given is already an average."
        )
    n = len(models)
    mean = math.fsum(m.value for m in models) / n
    variance = math.fsum((m.value - mean) ** 2 for m in models) / (n - 1) if n > 1 else 0.0
    return UptakeEstimate(
        value=mean,
        sampling_error=math.sqrt(math.fsum(m.sampling_error**2 for m in models)) / n,
        model_spread=math.sqrt(variance),
        n_models=n,
        equilibrated=all(m.equilibrated for m in models),
    )


def mass_weighted(parts: Sequence[tuple[float, UptakeEstimate]]) -> UptakeEstimate:
    """Uptake of a physical blend, q = Σ mᵢqᵢ / Σ mᵢ, from (mass, uptake per gram) of its parts.

    The masses need not add up to one. The parts are taken as independent, so each kind of error is
    sqrt(Σ (mᵢeᵢ)²) / Σ mᵢ on its own. ``n_models`` counts the blends that can be formed, Π nᵢ.

    Raises
    ------
    InputError: no part, or a mass that is not a positive number.
    """
    if not parts:
        raise InputError("A blend needs at least one part; none was given.")
    for mass, _ in parts:
        if not (math.isfinite(mass) and mass > 0.0):
            raise InputError(
                f"A blend weight of {mass} cannot be: give every part a positive mass fraction."
            )
    total = math.fsum(mass for mass, _ in parts)
    return UptakeEstimate(
        value=math.fsum(mass * part.value for mass, part in parts) / total,
        sampling_error=math.sqrt(math.fsum((mass * part.sampling_error) ** 2 for mass, part in parts))
        / total,
        model_spread=math.sqrt(math.fsum((mass * part.model_spread) ** 2 for mass, part in parts)) / total,
        n_models=math.prod(part.n_models for _, part in parts),
        equilibrated=all(part.equilibrated for _, part in parts),
    )
