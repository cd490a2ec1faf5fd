"""Reference equations of state of the gases that have one, as CoolProp evaluates them.

They are fits of the Helmholtz energy to all measurements of a gas, good to some 0.1 % in density; Peng–Robinson knows a
gas by three numbers and is 13 % low in the fugacity of H2 at 77 K and 100 bar. The densities are found here, branch by
branch, from the equation's own p(ρ, T), so that a metastable vapour can be asked for; CoolProp gives p, the residual
Helmholtz energy and the saturated phases.

Source: Bell, Wronski, Quoilin & Lemort, Ind. Eng. Chem. Res. 2014, 53, 2498, doi:10.1021/ie4033999; of each equation,
its row in :data:`REFERENCES`.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from zifsim.errors import InputError
from zifsim.gcmc.eos import NEAR_CRITICAL, check_state
from zifsim.model.guest import GuestModel

CONSTANTS_AGREE = 0.01          # relative: critical constants of a guest file that still are this gas's
SPINODAL_POINTS = 200           # densities among which the end of the vapour branch is looked for
DENSITY_RTOL = 1e-12
_OWN = threading.local()        # gas -> CoolProp's object of this thread


@dataclass(frozen=True, slots=True)
class Reference:
    """One gas's equation: CoolProp's name of the fluid, its authors, and the paper."""

    fluid: str
    authors: str
    source: str


# Hydrogen is normal (3/4 ortho), as it comes from a cylinder and as adsorption at 77 K is measured; the fugacity of
# para-hydrogen differs by 0.1 % at 77 K and 100 bar.
REFERENCES: Mapping[str, Reference] = MappingProxyType({
    "CH4": Reference("Methane", "Setzmann & Wagner 1991", "doi:10.1063/1.555898"),
    "CO2": Reference("CarbonDioxide", "Span & Wagner 1996", "doi:10.1063/1.555991"),
    "H2": Reference("Hydrogen", "Leachman et al. 2009, normal hydrogen", "doi:10.1063/1.3160306"),
    "N2": Reference("Nitrogen", "Span et al. 2000", "doi:10.1063/1.1349047"),
    "O2": Reference("Oxygen", "Schmidt & Wagner 1985", "doi:10.1016/0378-3812(85)87016-3"),
})


@dataclass(frozen=True, slots=True)
class ReferenceEquation:
    """The reference equation of one gas; temperatures in K, pressures and fugacities in Pa.

    ``metastable``: beyond saturation the vapour is kept as far as it goes, in place of the liquid that is stable.
    """

    gas: str
    metastable: bool = False

    @property
    def name(self) -> str:
        return f"{REFERENCES[self.gas].authors} (CoolProp)"

    @property
    def source(self) -> str:
        return REFERENCES[self.gas].source

    @property
    def range_k(self) -> tuple[float, float]:
        """Lowest and highest temperature, K: from the triple point to where the measurements end."""
        state = self._state()
        return float(state.Tmin()), float(state.Tmax())

    def is_of(self, guest: GuestModel) -> bool:
        """Whether a guest file means this gas: its critical constants are the gas's own, within 1 %."""
        state = self._state()
        return (math.isclose(guest.critical_temperature_k, state.T_critical(), rel_tol=CONSTANTS_AGREE)
                and math.isclose(guest.critical_pressure_pa, state.p_critical(), rel_tol=CONSTANTS_AGREE))

    def fugacity_pa(self, temperature_k: float, pressure_pa: float) -> float:
        """Fugacity, Pa, of the stable phase, or of the metastable vapour where that is asked for and exists.

        Raises
        ------
        InputError: a temperature outside 10 to 2000 K, a pressure not above zero or beyond 1000 bar.
        """
        return self.fugacity_coefficient(temperature_k, pressure_pa) * pressure_pa

    def fugacity_coefficient(self, temperature_k: float, pressure_pa: float) -> float:
        """φ = f/p of the same phase, from ln φ = αʳ + Z − 1 − ln Z."""
        state = self._state()
        density, _ = self._branch(state, temperature_k, pressure_pa)
        set_density(state, temperature_k, density)
        # Z by the equation's own gas constant, which is not to the last digit today's
        z = pressure_pa / (density * state.gas_constant() * temperature_k)
        return math.exp(state.alphar() + z - 1.0 - math.log(z))

    def molar_density_mol_m3(self, temperature_k: float, pressure_pa: float) -> float:
        """Molar density of the bulk gas, mol/m³ (what excess loading subtracts); where it has condensed, that of the
        saturated vapour."""
        state = self._state()
        density, phase = self._branch(state, temperature_k, pressure_pa)
        return _saturated(state, temperature_k)[1] if phase == "liquid" else density

    def phase(self, temperature_k: float, pressure_pa: float) -> str:
        """Which branch is used: ``vapour``, ``liquid`` or ``supercritical``."""
        return self._branch(self._state(), temperature_k, pressure_pa)[1]

    def saturation_pressure_pa(self, temperature_k: float) -> float:
        """Pressure, Pa, at which vapour and liquid have the same fugacity.

        Raises
        ------
        InputError: a temperature at or above the critical one, where nothing condenses.
        """
        state = self._state()
        check_state(self.gas, temperature_k, 1.0)
        if _is_supercritical(state, temperature_k):
            raise InputError(f"{self.gas} does not condense at {temperature_k:g} K: its critical temperature is "
                             f"{state.T_critical():.6g} K, so it has no saturation pressure there.")
        return _saturated(state, temperature_k)[0]

    def saturation_or_nan_pa(self, temperature_k: float) -> float:
        """:meth:`saturation_pressure_pa`, NaN where nothing condenses."""
        condenses = not _is_supercritical(self._state(), temperature_k)
        return self.saturation_pressure_pa(temperature_k) if condenses else math.nan

    def _state(self) -> Any:
        """CoolProp's object, one per thread: it changes as it is used, and costs milliseconds to make."""
        from CoolProp.CoolProp import AbstractState  # here, since it reads all fluids it knows: a second or more

        states: dict[str, Any] = _OWN.__dict__
        if self.gas not in states:
            states[self.gas] = AbstractState("HEOS", REFERENCES[self.gas].fluid)
        return states[self.gas]

    def _branch(self, state: Any, temperature_k: float, pressure_pa: float) -> tuple[float, str]:
        """Density (mol/m³) and name of the phase that is used."""
        check_state(self.gas, temperature_k, pressure_pa)
        ideal = pressure_pa / (state.gas_constant() * temperature_k)

        def pressure(density: float) -> float:
            return set_density(state, temperature_k, density)

        if _is_supercritical(state, temperature_k):
            return _rising_to(pressure, pressure_pa, ideal / 32.0, ideal), "supercritical"
        saturation, vapour, liquid = _saturated(state, temperature_k)
        if pressure_pa <= saturation * (1.0 + 1e-9):
            return _rising_to(pressure, min(pressure_pa, saturation), min(ideal / 2.0, vapour / 2.0), vapour), "vapour"
        if self.metastable:
            end = _end_of_vapour(pressure, vapour, float(state.rhomolar_critical()))
            if pressure_pa <= pressure(end):
                return _rising_to(pressure, pressure_pa, vapour, end), "vapour"
        return _rising_to(pressure, pressure_pa, liquid, 1.01 * liquid), "liquid"


def set_density(state: Any, temperature_k: float, density_mol_m3: float) -> float:
    """Put CoolProp's object at a density, one phase even where two would be stable; the pressure there, Pa."""
    from CoolProp import CoolProp

    state.specify_phase(CoolProp.iphase_gas)        # no search for a second phase
    state.update(CoolProp.DmolarT_INPUTS, density_mol_m3, temperature_k)
    return float(state.p())


def _saturated(state: Any, temperature_k: float) -> tuple[float, float, float]:
    """Saturation pressure (Pa) and the densities of saturated vapour and liquid (mol/m³)."""
    from CoolProp import CoolProp

    state.unspecify_phase()
    state.update(CoolProp.QT_INPUTS, 1.0, temperature_k)
    pressure, vapour = float(state.p()), float(state.rhomolar())
    state.update(CoolProp.QT_INPUTS, 0.0, temperature_k)
    return pressure, vapour, float(state.rhomolar())


def _is_supercritical(state: Any, temperature_k: float) -> bool:
    return bool(temperature_k >= state.T_critical() * (1.0 - NEAR_CRITICAL))


def _rising_to(pressure: Callable[[float], float], wanted_pa: float, low: float, high: float) -> float:
    """The density between ``low`` and ``high``, or above where the pressure is not reached there, of a pressure that
    rises with density."""
    if pressure(low) >= wanted_pa:
        return low
    while pressure(high) < wanted_pa:
        if high > low * (1.0 + 1e-6) and abs(pressure(high) / wanted_pa - 1.0) < 1e-9:
            return high             # saturated, to the digits of CoolProp's own flash
        high *= 1.1
    return float(brentq(lambda density: pressure(density) - wanted_pa, low, high, rtol=DENSITY_RTOL, xtol=1e-300))


def _end_of_vapour(pressure: Callable[[float], float], vapour: float, critical: float) -> float:
    """Density at which the vapour's branch ends (dp/dρ = 0 for the first time beyond saturation)."""
    densities = np.geomspace(vapour, critical, SPINODAL_POINTS)
    pressures = np.array([pressure(float(d)) for d in densities])
    falling = np.flatnonzero(np.diff(pressures) <= 0.0)
    top = int(falling[0]) if len(falling) else SPINODAL_POINTS - 1
    low, high = densities[max(top - 1, 0)], densities[min(top + 1, SPINODAL_POINTS - 1)]
    found = minimize_scalar(lambda density: -pressure(float(density)), bounds=(low, high), method="bounded",
                            options={"xatol": 1e-9 * high})
    return float(found.x)
