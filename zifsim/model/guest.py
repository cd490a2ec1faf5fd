"""A rigid guest molecule: its interaction sites and the equation-of-state constants of its gas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class GuestSite:
    """One interaction site. ``position`` in Å in the molecule's frame, ε/k_B in K, σ in Å, charge in e."""

    label: str
    element: str
    mass_amu: float
    epsilon_k: float
    sigma_angstrom: float
    charge_e: float
    position: tuple[float, float, float]


@dataclass(frozen=True, slots=True, repr=False)
class GuestModel:
    """A rigid model of one gas.

    Attributes
    ----------
    name: the model's name (``CO2-TraPPE``); gas: the gas it stands for (``CO2``).
    sites: in the order in which ``guests.xyz`` files list them.
    critical_temperature_k, critical_pressure_pa, acentric_factor: for the Peng–Robinson equation of state.
    feynman_hibbs: True where the quadratic Feynman–Hibbs correction belongs to the model.
    mixing: ``lorentz-berthelot`` or ``geometric`` (σ by geometric mean, as EPM2 was fitted).
    source: DOI of the parameters.
    """

    name: str
    gas: str
    sites: tuple[GuestSite, ...]
    molar_mass_g_mol: float
    critical_temperature_k: float
    critical_pressure_pa: float
    acentric_factor: float
    feynman_hibbs: bool
    mixing: str
    source: str

    def __repr__(self) -> str:
        sites = f"{len(self.sites)} site{'s' * (len(self.sites) > 1)}, {'' if self.has_charges else 'no '}charges"
        return f"<Guest model {self.name} of {self.gas}: {sites}, {self.molar_mass_g_mol:g} g/mol, {self.source}>"

    @property
    def site_positions(self) -> NDArray[np.float64]:
        """(S, 3) positions in the molecule's frame, Å, with the frame's origin at the centre of mass."""
        return np.array([s.position for s in self.sites], dtype=np.float64)

    @property
    def charges(self) -> NDArray[np.float64]:
        """(S,) charges, e."""
        return np.array([s.charge_e for s in self.sites], dtype=np.float64)

    @property
    def has_charges(self) -> bool:
        return any(s.charge_e != 0.0 for s in self.sites)

    @property
    def radius_angstrom(self) -> float:
        """Largest distance of a site from the molecule's centre, Å."""
        return float(np.linalg.norm(self.site_positions, axis=1).max())
