"""Whether a gas mixture is one phase at a pressure, and where it begins to condense.

A phase of composition y is stable where no other composition w has a lower Gibbs energy at its chemical potentials:
Σ wᵢ ln(fᵢ(w)/fᵢ(y)) ≥ 0 for every w. The least of it is looked for from trial phases by successive substitution.

Source: Michelsen, Fluid Phase Equilib. 1982, 9, 1, doi:10.1016/0378-3812(82)85001-2 (tangent plane criterion, trial
phases); Wilson's K-values for them as there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zifsim.gcmc.eos import MIXTURES_BY, mixture_fugacities_pa, mixture_is_liquid
from zifsim.model.guest import GuestModel
from zifsim.units import BAR_PA

Phase = Literal["gas", "two phases", "liquid"]
FloatArray = NDArray[np.float64]

MOST_STEPS = 300
UNSTABLE = -1e-9            # of the distance from the tangent plane, in RT: below it a second phase gains by forming
SETTLED = 1e-10             # change of a trial composition after which no step helps
TRIVIAL = 1e-6              # a trial that has come as close to the mixture itself is of the same phase
NEARLY_PURE = 0.999
LEAST_PA = 1.0              # the dew point is not looked for below
HALVINGS = 17              # of a factor of two: five digits


def phase_of(models: Sequence[GuestModel], fractions: Sequence[float], temperature_k: float, pressure_pa: float,
             metastable: bool = False) -> Phase:
    """The state of a mixture by the equation that gives its fugacities; ``fractions`` are positive."""
    if temperature_k >= max(model.critical_temperature_k for model in models):
        return "gas"
    if parts(models, fractions, temperature_k, pressure_pa):
        return "two phases"
    return "liquid" if mixture_is_liquid(models, fractions, temperature_k, pressure_pa, metastable) else "gas"


def parts(models: Sequence[GuestModel], fractions: Sequence[float], temperature_k: float, pressure_pa: float) -> bool:
    """Whether a mixture would part into two phases."""
    y = np.asarray(fractions, dtype=np.float64)
    own = _fugacities(models, y, temperature_k, pressure_pa)
    ratios = np.array([m.critical_pressure_pa / pressure_pa * math.exp(
        5.373 * (1.0 + m.acentric_factor) * (1.0 - m.critical_temperature_k / temperature_k)) for m in models])
    rest = (1.0 - NEARLY_PURE) / max(1, len(y) - 1)
    pure = [np.where(np.arange(len(y)) == k, NEARLY_PURE, rest) for k in range(len(y))]
    return any(_gains(models, trial / trial.sum(), y, own, temperature_k, pressure_pa)
               for trial in (y / ratios, y * ratios, *pure))


def _gains(models: Sequence[GuestModel], trial: FloatArray, y: FloatArray, own: FloatArray, temperature_k: float,
           pressure_pa: float) -> bool:
    """Whether a second phase near a trial composition has a lower Gibbs energy."""
    for _ in range(MOST_STEPS):
        trial = np.maximum(trial, 1e-300)
        ratio = own / _fugacities(models, trial, temperature_k, pressure_pa)
        if float(np.abs(np.log(trial / y)).max()) < TRIVIAL:
            return False
        if -float(trial @ np.log(ratio)) < UNSTABLE:
            return True
        better = trial * ratio
        better /= better.sum()
        if float(np.abs(better - trial).max()) < SETTLED:
            return False
        trial = better
    return False


def _fugacities(models: Sequence[GuestModel], fractions: FloatArray, temperature_k: float,
                pressure_pa: float) -> FloatArray:
    return np.asarray(mixture_fugacities_pa(models, fractions.tolist(), temperature_k, pressure_pa), dtype=np.float64)


def dew_pressure_pa(models: Sequence[GuestModel], fractions: Sequence[float], temperature_k: float,
                    condensed_pa: float) -> float:
    """The pressure, Pa, below ``condensed_pa`` (where the mixture is no gas) at which it begins to condense."""
    def condensed(pressure_pa: float) -> bool:
        return phase_of(models, fractions, temperature_k, pressure_pa) != "gas"

    high, low = condensed_pa, condensed_pa / 2.0
    while low > LEAST_PA and condensed(low):
        high, low = low, low / 2.0
    for _ in range(HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if condensed(middle) else (middle, high)
    return high


def condensation_notes(models: Sequence[GuestModel], fractions: Sequence[float], temperature_k: float,
                       pressures_pa: Sequence[float], metastable: bool = False) -> list[str]:
    """What to know where the gas outside would have condensed at some of the pressures; nothing where it is a gas."""
    phases = {p: phase_of(models, fractions, temperature_k, p, metastable) for p in sorted(pressures_pa)}
    condensed = [p for p, phase in phases.items() if phase != "gas"]
    if not condensed:
        return []
    dew = dew_pressure_pa(models, fractions, temperature_k, condensed[0])
    mixture = " + ".join(f"{fraction:g} {model.gas}" for model, fraction in zip(models, fractions, strict=True))
    said = f"{mixture} condenses from {dew / BAR_PA:.4g} bar on at {temperature_k:g} K ({MIXTURES_BY}); "
    taken = "vapour of the composition asked for" if metastable else "one phase of the composition asked for"
    notes = []
    if two := [p for p, phase in phases.items() if phase == "two phases"]:
        notes.append(f"{said}at {_bars(two)} it parts into vapour and liquid, which no gas outside would be: the "
                     f"fugacities are those of {taken}, which is not stable there.")
    if liquid := [p for p, phase in phases.items() if phase == "liquid"]:
        notes.append(f"{said}at {_bars(liquid)} the fugacities are those of a liquid of this composition.")
    return notes


def _bars(pressures_pa: Sequence[float]) -> str:
    first, last = (f"{p / BAR_PA:.4g} bar" for p in (pressures_pa[0], pressures_pa[-1]))
    return first if len(pressures_pa) == 1 else f"{first} to {last}"
