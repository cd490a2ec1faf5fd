"""Ideal adsorbed solution theory: mixtures from the isotherms of the pure gases.

Myers & Prausnitz, AIChE J. 1965, 11, 121, doi:10.1002/aic.690110125. All components have one spreading pressure,
ψ = πA/RT = ∫ q d ln p, each from its own pure isotherm at its own pressure p°: yᵢP = xᵢp°ᵢ(ψ), Σxᵢ = 1 and
1/q = Σ xᵢ/q°ᵢ.

Between its points an isotherm is a piece of a Langmuir curve: p/q is a straight line in p. This reproduces a Langmuir
isotherm exactly, keeps q positive and monotonic between two points, and makes ψ and its inverse closed expressions.
Below the first point the line starts from 1/K_H at p = 0 where the isotherm has its Henry coefficient, else Henry's law
goes through the first point. Beyond the last point there is nothing: an error, unless asked to continue the last piece.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from zifsim.errors import InputError
from zifsim.model.uptake import FRACTION_TOLERANCE, Isotherm, MixturePoint
from zifsim.rng import generator
from zifsim.units import BAR_PA

FloatArray = NDArray[np.float64]
EXTRAPOLATIONS = ("error", "langmuir")
ROUNDING = 1e-10
NO_CHARGES = "none"         # what an isotherm of a gas without charges says of those of the framework
SMALLEST_DRAW = 1e-3      # of a loading: where a resampled one would be zero or negative


@dataclass(frozen=True, slots=True)
class PureGas:
    """The isotherm of a pure gas as pieces of Langmuir curves.

    ``pressures`` (n,) Pa ascending from 0, ``inverse`` (n,) p/q in Pa kg/mol with 1/K_H first, ``slopes`` (n,) of each
    piece (kg/mol; the last one lies beyond the last point), ``potentials`` (n,) ψ in mol/kg.
    """

    gas: str
    pressures: FloatArray
    inverse: FloatArray
    slopes: FloatArray
    potentials: FloatArray
    extrapolates: bool

    @classmethod
    def through(cls, gas: str, pressures_pa: FloatArray, loadings_mol_kg: FloatArray, henry_mol_kg_pa: float | None,
                extrapolates: bool = False) -> PureGas:
        """From points (n,) with pressures ascending; ``henry_mol_kg_pa`` is None where unknown.

        Raises
        ------
        InputError: loadings that are not positive; an isotherm to be continued that shows no saturation.
        """
        if len(pressures_pa) == 0 or not np.all(loadings_mol_kg > 0.0):
            raise InputError(f"The isotherm of {gas} has no positive loading, which IAST needs; run it longer.")
        ratio = pressures_pa / loadings_mol_kg
        p = np.concatenate([[0.0], pressures_pa])
        h = np.concatenate([[1.0 / henry_mol_kg_pa if henry_mol_kg_pa else ratio[0]], ratio])
        slopes = np.diff(h) / np.diff(p)
        if extrapolates and not slopes[-1] > 0.0:
            raise InputError(f"The isotherm of {gas} shows no saturation between its last two points, so no Langmuir "
                             "curve continues it; add pressures.")
        steps = np.array([_log_ratio(h[k], h[k + 1], p[k + 1] - p[k]) for k in range(len(p) - 1)])
        return cls(gas, p, h, np.append(slopes, slopes[-1]), np.concatenate([[0.0], np.cumsum(steps)]), extrapolates)

    @property
    def largest_potential(self) -> float:
        """ψ where the isotherm ends, mol/kg."""
        return np.inf if self.extrapolates else float(self.potentials[-1])

    def loading(self, pressure_pa: float) -> float:
        """q at a pressure, mol/kg."""
        k = self._piece(self.pressures, pressure_pa)
        return float(pressure_pa / (self.inverse[k] + self.slopes[k] * (pressure_pa - self.pressures[k])))

    def potential(self, pressure_pa: float) -> float:
        """ψ = ∫ q d ln p from 0 to a pressure, mol/kg."""
        k = self._piece(self.pressures, pressure_pa)
        width = pressure_pa - self.pressures[k]
        return float(self.potentials[k] + _log_ratio(self.inverse[k], self.inverse[k] + self.slopes[k] * width, width))

    def pressure_at(self, potential: float) -> float:
        """The pressure p° at which ψ has a value: the inverse of :meth:`potential`, Pa."""
        k = self._piece(self.potentials, potential)
        rise, slope = potential - self.potentials[k], self.slopes[k]
        growth = np.expm1(slope * rise) / slope if slope != 0.0 else rise
        return float(self.pressures[k] + self.inverse[k] * growth)

    def _piece(self, starts: FloatArray, value: float) -> int:
        last = len(starts) - (1 if self.extrapolates else 2)
        return min(int(np.searchsorted(starts, value, side="right")) - 1, last)


def _log_ratio(first: float, last: float, width: float) -> float:
    """∫ dp/h over a piece of ``width`` where h goes linearly from ``first`` to ``last``."""
    change = (last - first) / first
    return float(width / first * (np.log1p(change) / change if abs(change) > 1e-8 else 1.0 - 0.5 * change))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a gas met in a simulation, by content; digests are empty where a result is too old to have them."""

    framework: str
    geometry_sha256: str
    framework_sha256: str
    forcefield: str
    forcefield_sha256: str
    charges: str
    temperature_k: float
    cutoff_angstrom: float | None
    truncation: str | None

    @classmethod
    def of(cls, isotherm: Isotherm) -> Surroundings:
        return cls(isotherm.framework, isotherm.geometry_sha256, isotherm.framework_sha256, isotherm.forcefield,
                   isotherm.forcefield_sha256, isotherm.charges, isotherm.temperature_k,
                   isotherm.settings.get("cutoff_angstrom"), isotherm.settings.get("truncation"))

    def differences(self, other: Surroundings) -> list[str]:
        """In what two simulations differ, in the words of an error; charges count where both gases feel them."""
        found = []
        if self.temperature_k != other.temperature_k:
            found.append(f"temperatures: {self.temperature_k:g} and {other.temperature_k:g} K")
        charged = NO_CHARGES not in (self.charges, other.charges)
        if self.geometry_sha256 and other.geometry_sha256:
            elsewhere = self.geometry_sha256 != other.geometry_sha256
        else:
            elsewhere = self.framework != other.framework
        if elsewhere:
            alike = self.framework == other.framework
            found.append(f"frameworks: two that are both called {self.framework}, with their atoms in different places"
                         if alike else f"frameworks: {self.framework} and {other.framework}")
        elif charged and self.framework_sha256 != other.framework_sha256:
            found.append(f"charges: {self.charges} and {other.charges}" if self.charges != other.charges else
                         f"charges: two sets that are both called {self.charges}")
        same = (self.forcefield_sha256 == other.forcefield_sha256 if self.forcefield_sha256 and other.forcefield_sha256
                else self.forcefield == other.forcefield)
        if not same:
            found.append(f"force fields: two that are both called {self.forcefield}, with different parameters"
                         if self.forcefield == other.forcefield else
                         f"force fields: {self.forcefield} and {other.forcefield}")
        for name, mine, theirs in (("cut-offs, Å", self.cutoff_angstrom, other.cutoff_angstrom),
                                   ("truncations", self.truncation, other.truncation)):
            if None not in (mine, theirs) and mine != theirs:
                found.append(f"{name}: {mine} and {theirs}")
        return found


def differences(isotherms: Sequence[Isotherm]) -> list[str]:
    """In what isotherms differ that should be of one framework, force field and temperature."""
    found = []
    for number, one in enumerate(isotherms):
        for other in isotherms[number + 1:]:
            found += [f"{one.gas} and {other.gas} have other {difference}"
                      for difference in Surroundings.of(one).differences(Surroundings.of(other))]
    return found


def iast(isotherms: Sequence[Isotherm], composition: Mapping[str, float], pressure_pa: float, *,
         fugacities_pa: Mapping[str, float] | None = None, extrapolation: str = "error", n_bootstrap: int = 200,
         seed: int = 1, allow_different: bool = False) -> MixturePoint:
    """Loadings of a mixture of 1 to n gases at a total pressure, from their isotherms in the same framework.

    Parameters
    ----------
    composition: gas -> mole fraction in the gas phase.
    fugacities_pa: gas -> fugacity in the mixture, Pa; isotherms are then read against fugacity. Left out: ideal gas,
        partial pressures against pressures.
    extrapolation: beyond an isotherm's last point ``error``, or ``langmuir``: the Langmuir curve through the last two.
    allow_different: use isotherms of different frameworks, force fields, charges or temperatures all the same
        (:func:`differences` says of which).
    n_bootstrap: resampled sets of loadings and Henry coefficients (normal, their own errors) that the errors come from.

    Raises
    ------
    InputError: isotherms that do not belong together, a wrong composition, or an isotherm that ends too early.
    """
    _check(isotherms, composition, pressure_pa, extrapolation)
    if not allow_different and (found := differences(isotherms)):
        raise InputError(f"IAST needs isotherms of one framework, force field and temperature: {'; '.join(found)}.")
    present = [i for i in isotherms if composition[i.gas] > 0.0 and not i.no_room]
    partial = np.array([fugacities_pa[i.gas] if fugacities_pa else composition[i.gas] * pressure_pa for i in present])
    against = "fugacity_pa" if fugacities_pa else "pressure_pa"
    extrapolates = extrapolation == "langmuir"
    loadings = solve([_pure(i, against, extrapolates) for i in present], partial)
    errors = _bootstrap(present, partial, against, extrapolates, n_bootstrap, seed)
    values, spreads = dict.fromkeys(composition, 0.0), dict.fromkeys(composition, 0.0)
    for isotherm, loading, error in zip(present, loadings, errors, strict=True):
        values[isotherm.gas], spreads[isotherm.gas] = float(loading), float(error)
    first = isotherms[0]
    return MixturePoint(first.framework, first.temperature_k, pressure_pa, dict(composition), values, spreads, "iast",
                        all(p.equilibrated for i in present for p in i.points))


def solve(gases: Sequence[PureGas], partial_pa: FloatArray) -> FloatArray:
    """(n,) loadings in mol/kg of a mixture with partial pressures (n,) Pa.

    Raises InputError where the spreading pressure lies beyond the end of an isotherm.
    """
    if len(gases) == 0:
        return np.zeros(0)
    total = float(partial_pa.sum())
    ends = [gas.largest_potential for gas in gases]
    shortest = int(np.argmin(ends))

    def excess(potential: float) -> float:
        """Σ xᵢ − 1, falling with ψ."""
        return float(sum(p / gas.pressure_at(potential) for gas, p in zip(gases, partial_pa, strict=True))) - 1.0

    # At the largest ψᵢ(yᵢP) one xᵢ is 1 already; at the largest ψᵢ(P) every p° is at least P.
    lower = max(_potential_or_end(gas, p) for gas, p in zip(gases, partial_pa, strict=True))
    upper = min(max(_potential_or_end(gas, total) for gas in gases), ends[shortest])
    if lower > ends[shortest] or excess(upper) > ROUNDING:
        gas = gases[shortest]
        raise InputError(f"IAST at {total / BAR_PA:.4g} bar needs the isotherm of {gas.gas} beyond its last point, "
                         f"{gas.pressures[-1] / BAR_PA:.4g} bar; add pressures there, or extrapolate it (langmuir).")
    lower = min(lower, upper)
    if excess(lower) <= 0.0 or excess(upper) >= 0.0:    # one gas alone: both ends are the root, within rounding
        root = lower if excess(lower) <= 0.0 else upper
    else:
        root = brentq(excess, lower, upper, xtol=1e-14 * upper, rtol=1e-14)
    pure = np.array([gas.pressure_at(root) for gas in gases])
    fractions = partial_pa / pure
    fractions /= fractions.sum()
    each = np.array([gas.loading(p) for gas, p in zip(gases, pure, strict=True)])
    return np.asarray(fractions / float((fractions / each).sum()))


def _potential_or_end(gas: PureGas, pressure_pa: float) -> float:
    """ψ at a pressure; infinite beyond the end of an isotherm that is not continued."""
    beyond = not gas.extrapolates and pressure_pa > gas.pressures[-1] * (1.0 + ROUNDING)
    return np.inf if beyond else gas.potential(pressure_pa)


def _pure(isotherm: Isotherm, against: str, extrapolates: bool, rng: np.random.Generator | None = None) -> PureGas:
    """The pieces of an isotherm through its points with a loading; with ``rng``, of one resampled within its errors."""
    points = [p for p in isotherm.points if p.loading_mol_kg > 0.0]
    pressures = np.array([getattr(p, against) for p in points])
    loadings = np.array([p.loading_mol_kg for p in points])
    henry = isotherm.henry.henry_coefficient_mol_kg_pa if isotherm.henry else None
    if rng is not None:
        errors = np.array([p.loading_error_mol_kg for p in points])
        loadings = np.maximum(rng.normal(loadings, errors), SMALLEST_DRAW * loadings)
        if isotherm.henry and henry:
            henry = max(rng.normal(henry, isotherm.henry.henry_error_mol_kg_pa), SMALLEST_DRAW * henry)
    return PureGas.through(isotherm.gas, pressures, loadings, henry, extrapolates)


def _bootstrap(isotherms: Sequence[Isotherm], partial_pa: FloatArray, against: str, extrapolates: bool, n_draws: int,
               seed: int) -> FloatArray:
    """(n,) standard deviations over resampled isotherms; NaN where fewer than half of the draws can be solved."""
    rng = generator(seed)
    draws = []
    for _ in range(n_draws):
        try:
            draws.append(solve([_pure(i, against, extrapolates, rng) for i in isotherms], partial_pa))
        except InputError:      # this draw ends too early, or shows no saturation
            continue
    if len(draws) < max(2, n_draws / 2):
        return np.full(len(isotherms), np.nan)
    return np.asarray(np.std(draws, axis=0, ddof=1))


def _check(isotherms: Sequence[Isotherm], composition: Mapping[str, float], pressure_pa: float,
           extrapolation: str) -> None:
    """Raise InputError for isotherms, a composition or a pressure that IAST cannot use."""
    if extrapolation not in EXTRAPOLATIONS:
        raise InputError(f"extrapolation '{extrapolation}' is not one of {', '.join(EXTRAPOLATIONS)}.")
    gases = [i.gas for i in isotherms]
    if sorted(gases) != sorted(composition):
        raise InputError(f"IAST needs one isotherm for each gas of the mixture: the composition names "
                         f"{', '.join(sorted(composition)) or 'none'}, the isotherms are of "
                         f"{', '.join(sorted(gases)) or 'none'}.")
    fractions = list(composition.values())
    if not all(0.0 <= y <= 1.0 for y in fractions) or abs(sum(fractions) - 1.0) > FRACTION_TOLERANCE:
        raise InputError(f"Mole fractions must lie in 0..1 and sum to 1; these sum to {sum(fractions):g}.")
    if not 0.0 < pressure_pa < np.inf:
        raise InputError(f"The total pressure must be above 0, not {pressure_pa / BAR_PA:g} bar.")
