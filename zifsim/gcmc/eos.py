"""Peng–Robinson equation of state: from the pressure of a gas to the fugacity that GCMC is run at.

Of a user's gases, of mixtures, and of named gases outside the range of their reference equations (:mod:`bulk` decides).
Where the equation has several roots, the stable one is taken, that of the lowest fugacity; :class:`PengRobinson` keeps
the vapour's as long as there is one where ``metastable`` is set.

Source: Peng & Robinson, Ind. Eng. Chem. Fundam. 1976, 15, 59, doi:10.1021/i160057a011.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from zifsim.errors import InputError
from zifsim.model.guest import GuestModel
from zifsim.units import BAR_PA, GAS_CONSTANT

# The paper prints 0.45724, 0.07780 and 0.307; all digits put the critical point exactly where it belongs.
OMEGA_A = 0.45723552892138
OMEGA_B = 0.07779607390389
CRITICAL_COMPRESSIBILITY = 0.30740130869870
# Limits of use, chosen here: below 10 K no rigid classical model holds, beyond 1000 bar no cubic equation does; below
# 1e-150 Pa (the vapour of a solid near 10 K may have 1e-100) solvers lose their footing.
LEAST_K, MOST_K = 10.0, 2000.0
LEAST_PA, MOST_PA = 1e-150, 1e8
NEAR_CRITICAL = 1e-6            # relative: closer to Tc the two phases are one within rounding
MIXTURES_BY = "Peng-Robinson, one-fluid mixing"
SAME_PHASE = 1e-9               # of ln φ: at saturation, where both are alike, the vapour's root is taken
_SQRT2 = math.sqrt(2.0)


@dataclass(frozen=True, slots=True)
class PengRobinson:
    """The equation of state of one gas; temperatures in K, pressures and fugacities in Pa.

    ``metastable``: beyond saturation the vapour is kept as far as it goes, in place of the liquid that is stable.
    """

    guest: GuestModel
    metastable: bool = False

    @property
    def name(self) -> str:
        return "Peng-Robinson"

    @property
    def source(self) -> str:
        return "doi:10.1021/i160057a011"

    def fugacity_pa(self, temperature_k: float, pressure_pa: float) -> float:
        """Fugacity, Pa, of the root that is used (see the module).

        Raises
        ------
        InputError: a temperature outside 10 to 2000 K, a pressure not above zero or beyond 1000 bar.
        """
        return self.fugacity_coefficient(temperature_k, pressure_pa) * pressure_pa

    def fugacity_coefficient(self, temperature_k: float, pressure_pa: float) -> float:
        """φ = f/p of the root that :meth:`compressibility` takes."""
        a, b = self._reduced(temperature_k, pressure_pa)
        return math.exp(_log_fugacity_coefficient(self.compressibility(temperature_k, pressure_pa), a, b))

    def compressibility(self, temperature_k: float, pressure_pa: float) -> float:
        """Z = pV/RT of the root that is used."""
        a, b = self._reduced(temperature_k, pressure_pa)
        roots = _roots(a, b)
        return float(roots[-1]) if self.metastable else _stable(
            roots, [_log_fugacity_coefficient(float(z), a, b) for z in roots])

    def compressibility_roots(self, temperature_k: float, pressure_pa: float) -> NDArray[np.float64]:
        """The one or three physical roots Z (volume above the covolume), ascending."""
        return _roots(*self._reduced(temperature_k, pressure_pa))

    def molar_density_mol_m3(self, temperature_k: float, pressure_pa: float) -> float:
        """Molar density of the bulk gas, mol/m³ (what excess loading subtracts); where it has condensed, that of the
        saturated vapour."""
        if self.phase(temperature_k, pressure_pa) == "liquid":
            pressure_pa = self.saturation_pressure_pa(temperature_k)
            compressibility = float(self.compressibility_roots(temperature_k, pressure_pa)[-1])
        else:
            compressibility = self.compressibility(temperature_k, pressure_pa)
        return pressure_pa / (compressibility * GAS_CONSTANT * temperature_k)

    def phase(self, temperature_k: float, pressure_pa: float) -> str:
        """Which branch is used: ``vapour``, ``liquid`` or ``supercritical``."""
        compressibility = self.compressibility(temperature_k, pressure_pa)
        if self._is_supercritical(temperature_k):
            return "supercritical"
        volume = compressibility * GAS_CONSTANT * temperature_k / pressure_pa
        return "vapour" if volume > self._critical_volume else "liquid"

    def saturation_pressure_pa(self, temperature_k: float) -> float:
        """Pressure, Pa, of equal fugacity of vapour and liquid (below the triple point: supercooled).

        Raises
        ------
        InputError: a temperature at or above the critical one, where nothing condenses.
        """
        check_state(self.guest.gas, temperature_k, 1.0)
        if self._is_supercritical(temperature_k):
            raise InputError(
                f"{self.guest.gas} does not condense at {temperature_k:g} K: its critical temperature is "
                f"{self.guest.critical_temperature_k:g} K, so it has no saturation pressure there.")
        lowest, highest = self._spinodal_pressures(temperature_k)
        upper = highest * (1.0 - 1e-9)
        lower = max(lowest, 0.0) + 1e-9 * highest
        while lower > 1e3 * LEAST_PA and self._fugacity_gap(temperature_k, lower) > 0.0:
            upper, lower = lower, lower * 1e-3
        return float(brentq(lambda p: self._fugacity_gap(temperature_k, p), lower, upper,
                            xtol=1e-12 * lower, rtol=1e-13))

    def saturation_or_nan_pa(self, temperature_k: float) -> float:
        """:meth:`saturation_pressure_pa`, NaN where nothing condenses."""
        return math.nan if self._is_supercritical(temperature_k) else self.saturation_pressure_pa(temperature_k)

    def beyond_saturation(self, temperature_k: float, pressure_pa: float) -> bool:
        """True where the bulk gas has condensed, so a vapour is metastable there."""
        check_state(self.guest.gas, temperature_k, pressure_pa)
        if self._is_supercritical(temperature_k):
            return False
        return pressure_pa > self.saturation_pressure_pa(temperature_k)

    def _is_supercritical(self, temperature_k: float) -> bool:
        return temperature_k >= self.guest.critical_temperature_k * (1.0 - NEAR_CRITICAL)

    @property
    def covolume_m3_mol(self) -> float:
        """b, m³/mol."""
        return OMEGA_B * GAS_CONSTANT * self.guest.critical_temperature_k / self.guest.critical_pressure_pa

    def attraction_pa_m6_mol2(self, temperature_k: float) -> float:
        """a(T), Pa m⁶/mol²."""
        w = self.guest.acentric_factor
        slope = 0.37464 + 1.54226 * w - 0.26992 * w * w
        alpha = (1.0 + slope * (1.0 - math.sqrt(temperature_k / self.guest.critical_temperature_k))) ** 2
        critical = (GAS_CONSTANT * self.guest.critical_temperature_k) ** 2 / self.guest.critical_pressure_pa
        return OMEGA_A * critical * alpha

    @property
    def _critical_volume(self) -> float:
        molar = GAS_CONSTANT * self.guest.critical_temperature_k / self.guest.critical_pressure_pa
        return CRITICAL_COMPRESSIBILITY * molar

    def _reduced(self, temperature_k: float, pressure_pa: float) -> tuple[float, float]:
        """A = ap/(RT)² and B = bp/RT, after checking the input."""
        check_state(self.guest.gas, temperature_k, pressure_pa)
        thermal = GAS_CONSTANT * temperature_k
        return (self.attraction_pa_m6_mol2(temperature_k) * pressure_pa / thermal**2,
                self.covolume_m3_mol * pressure_pa / thermal)

    def _fugacity_gap(self, temperature_k: float, pressure_pa: float) -> float:
        """ln φ of the vapour less that of the liquid; zero at saturation, rising with pressure."""
        a, b = self._reduced(temperature_k, pressure_pa)
        roots = _roots(a, b)
        return _log_fugacity_coefficient(roots[-1], a, b) - _log_fugacity_coefficient(roots[0], a, b)

    def _spinodal_pressures(self, temperature_k: float) -> tuple[float, float]:
        """Lowest and highest pressure, Pa, of the isotherm's loop (dp/dV = 0); the lowest may be negative."""
        ratio = 2.0 * self.attraction_pa_m6_mol2(temperature_k) / (
            self.covolume_m3_mol * GAS_CONSTANT * temperature_k)
        # With v = V/b: (v² + 2v − 1)² = ratio (v + 1)(v − 1)²
        quadratic = np.array([1.0, 2.0, -1.0])
        slope = np.polysub(np.polymul(quadratic, quadratic), ratio * np.poly([-1.0, 1.0, 1.0]))
        roots = np.roots(slope)
        volumes = np.sort(roots[np.isreal(roots)].real)
        volumes = volumes[volumes > 1.0]
        thermal = GAS_CONSTANT * temperature_k / self.covolume_m3_mol
        pressures = thermal * (1.0 / (volumes - 1.0) - 0.5 * ratio / (volumes**2 + 2.0 * volumes - 1.0))
        return float(pressures[0]), float(pressures[-1])


def check_temperature(gas: str, temperature_k: float) -> None:
    """Raise InputError unless a temperature lies in 10 to 2000 K."""
    if not LEAST_K <= temperature_k <= MOST_K:      # false for NaN too
        raise InputError(f"The temperature of {gas} is {temperature_k:g} K and must lie in {LEAST_K:g} to "
                         f"{MOST_K:g} K.")


def check_state(gas: str, temperature_k: float, pressure_pa: float) -> None:
    """Raise InputError unless a temperature lies in 10 to 2000 K and a pressure in 1e-150 Pa to 1000 bar."""
    check_temperature(gas, temperature_k)
    if not LEAST_PA <= pressure_pa <= MOST_PA:
        raise InputError(f"The pressure of {gas} is {pressure_pa / BAR_PA:g} bar and must be above 0 and at most "
                         f"{MOST_PA / BAR_PA:g} bar, beyond which nothing is known well enough; below "
                         f"{LEAST_PA / BAR_PA:g} bar there is no gas to speak of.")


def _roots(a: float, b: float) -> NDArray[np.float64]:
    """Real roots Z > B of Z³ − (1−B)Z² + (A−3B²−2B)Z − (AB−B²−B³) = 0, ascending."""
    cubic = np.array([1.0, b - 1.0, a - b * (3.0 * b + 2.0), -b * (a - b - b * b)])
    candidates = np.roots(cubic)
    roots = candidates[np.abs(candidates.imag) < 1e-9].real
    slope = np.polyder(cubic)
    for _ in range(3):    # Newton: at low pressure np.roots knows the liquid root only to 1e-16 of the vapour
        gradient = np.polyval(slope, roots)
        step = np.divide(np.polyval(cubic, roots), gradient, out=np.zeros_like(roots), where=gradient != 0.0)
        roots = roots - np.where(np.abs(step) < 1e-3 * np.abs(roots), step, 0.0)
    physical: NDArray[np.float64] = np.sort(roots[roots > b])
    return physical


def _log_fugacity_coefficient(z: float, a: float, b: float) -> float:
    """ln φ of the root z (eq. 19 of the paper)."""
    attraction = a / (2.0 * _SQRT2 * b) * math.log((z + (1.0 + _SQRT2) * b) / (z + (1.0 - _SQRT2) * b))
    return z - 1.0 - math.log(z - b) - attraction


def _stable(roots: NDArray[np.float64], log_fugacities: Sequence[float]) -> float:
    """Of roots in ascending order the one of the lowest Gibbs energy; the vapour's where two are alike."""
    best = min(log_fugacities)
    return float([z for z, value in zip(roots, log_fugacities, strict=True) if value <= best + SAME_PHASE][-1])


def mixture_fugacities_pa(models: Sequence[GuestModel], fractions: Sequence[float], temperature_k: float,
                          pressure_pa: float, metastable: bool = False) -> tuple[float, ...]:
    """Fugacity of each gas in a mixture, Pa, by the one-fluid mixing rule without interaction parameters.

    a = (Σ yᵢ√aᵢ)², b = Σ yᵢbᵢ (eqs. 20–23 of the paper with δ = 0). ``fractions``: mole fractions in the gas. Of
    several roots that of the lowest Gibbs energy at this composition is taken, or the vapour's where ``metastable``;
    whether the mixture would part into phases of other compositions is told by :mod:`dewpoint`. Raises InputError for a
    temperature or pressure out of range.
    """
    fluid = _OneFluid.of(models, fractions, temperature_k, pressure_pa)
    coefficients = np.exp(fluid.log_coefficients(fluid.root(metastable)))
    return tuple(float(f) for f in fluid.fractions * pressure_pa * coefficients)


def mixture_is_liquid(models: Sequence[GuestModel], fractions: Sequence[float], temperature_k: float,
                      pressure_pa: float, metastable: bool = False) -> bool:
    """Whether the root that :func:`mixture_fugacities_pa` takes is a liquid's: denser than at the critical point of the
    one fluid that stands for the mixture, and below its temperature."""
    fluid = _OneFluid.of(models, fractions, temperature_k, pressure_pa)
    below_critical = fluid.a / fluid.b > OMEGA_A / OMEGA_B * (1.0 + NEAR_CRITICAL)
    return below_critical and fluid.root(metastable) / fluid.b < CRITICAL_COMPRESSIBILITY / OMEGA_B


@dataclass(frozen=True, slots=True, eq=False)
class _OneFluid:
    """What a mixture is by its mixing rule: A = ap/(RT)², B = bp/RT; ``ratios`` bᵢ/b and ``pulls`` √(aᵢ/a) of gases."""

    fractions: NDArray[np.float64]
    a: float
    b: float
    ratios: NDArray[np.float64]
    pulls: NDArray[np.float64]

    @classmethod
    def of(cls, models: Sequence[GuestModel], fractions: Sequence[float], temperature_k: float,
           pressure_pa: float) -> _OneFluid:
        for model in models:
            check_state(model.gas, temperature_k, pressure_pa)
        thermal = GAS_CONSTANT * temperature_k
        y = np.asarray(fractions, dtype=float)
        roots_a = np.sqrt([PengRobinson(m).attraction_pa_m6_mol2(temperature_k) for m in models])
        covolumes = np.array([PengRobinson(m).covolume_m3_mol for m in models])
        mean_root, mean_covolume = float(y @ roots_a), float(y @ covolumes)
        return cls(y, mean_root**2 * pressure_pa / thermal**2, mean_covolume * pressure_pa / thermal,
                   covolumes / mean_covolume, roots_a / mean_root)

    def log_coefficients(self, z: float) -> NDArray[np.float64]:
        """ln φᵢ of a root z."""
        a, b = self.a, self.b
        attraction = a / (2.0 * _SQRT2 * b) * math.log((z + (1.0 + _SQRT2) * b) / (z + (1.0 - _SQRT2) * b))
        logs: NDArray[np.float64] = (
            self.ratios * (z - 1.0) - math.log(z - b) - attraction * (2.0 * self.pulls - self.ratios))
        return logs

    def root(self, metastable: bool) -> float:
        """The root that is used."""
        roots = _roots(self.a, self.b)
        return float(roots[-1]) if metastable else _stable(
            roots, [float(self.fractions @ self.log_coefficients(float(z))) for z in roots])
