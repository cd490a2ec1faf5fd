"""What a study's materials are: of the composition that their name stands for, and glasses where they are called so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zifsim.compare.reference import Reference
from zifsim.compare.results import ModelIsotherm, StudyResults
from zifsim.melt.result import NOT_MELTED, melted
from zifsim.model.framework import amounts, reduced

ROUNDING = 1e-6


def is_made_of(formula: str, ends: Sequence[str]) -> bool:
    """Whether a formula lies between others, element by element, per nitrogen, of which every linker has two."""
    share, limits = _per_nitrogen(formula), [_per_nitrogen(end) for end in ends]
    return all(min(end.get(symbol, 0.0) for end in limits) - ROUNDING <= share.get(symbol, 0.0)
               <= max(end.get(symbol, 0.0) for end in limits) + ROUNDING
               for symbol in {*share, *(symbol for end in limits for symbol in end)})


def _per_nitrogen(formula: str) -> dict[str, float]:
    parts = amounts(formula)
    return {symbol: number / parts.get("N", 1) for symbol, number in parts.items()}


def other_composition(reference: Reference, models: Iterable[ModelIsotherm]) -> str:
    """Why models are not compared with the material whose name they have, in a sentence; '' where their composition is
    its own, or one of them is not known (results of before, materials without a reference)."""
    for model in models:
        ends, formula = reference.compositions.get(model.material, ()), model.isotherm.formula
        if ends and formula and not is_made_of(formula, ends):
            own = " to ".join(reduced(end) for end in ends)
            return f"not compared: what is called {model.material} here is {reduced(formula)}, the reference {own}"
    return ""


def no_glasses(results: StudyResults, models: Iterable[ModelIsotherm]) -> str:
    """Which of the models are no glasses, since they kept more than half of their crystal's bonds; '' where none."""
    kept = {(g.values.get("material"), g.values.get("configuration")): float(g.values["bonds_kept"])
            for g in results.glasses if "bonds_kept" in g.values}
    named = {}
    for model in models:
        label = f"{model.material} {model.configuration}".strip()
        share = kept.get((model.material, model.configuration))
        if share is not None and not melted(share):
            named[label] = f"{100 * share:.0f} %"
        elif share is None and model.isotherm.framework.endswith(NOT_MELTED):
            named[label] = "more than half"
    if not named:
        return ""
    said = " and ".join(", ".join(f"{label} ({share})" for label, share in named.items()).rsplit(", ", 1))
    return f"no glass, not melted: {said} kept of the crystal's Zn–N bonds"
