"""Guest molecules from TOML (``forcefields/guests``): rigid models, their sites and critical constants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray
from pydantic import Field, model_validator

from zifsim.errors import InputError, UnknownNameError
from zifsim.io.checked import Row, Section, Text, checked
from zifsim.io.resources import find_data, shipped_names
from zifsim.io.text import read_text
from zifsim.io.tomltable import read_toml
from zifsim.limits import COORDINATE, TEMPERATURE, shown
from zifsim.model.guest import GuestModel, GuestSite

GUESTS_FOLDER = "guests"
# The model a gas name stands for. Hydrogen's carries the Feynman-Hibbs correction, without which its uptake at
# 77 K is a third too high. The choice among corrected models is open: with PP at 77 K and 1 bar Michels takes up
# 18 % more in ZIF-8 than Buch (94 against 80 mL(STP)/g) and 14 % more in ZIF-62 (113 against 100).
DEFAULT_MODELS = {
    "CO2": "CO2-TraPPE",
    "N2": "N2-TraPPE",
    "O2": "O2-TraPPE",
    "CH4": "CH4-TraPPE",
    "H2": "H2-Buch-FH",
}
LEAST_SIGMA = 0.1       # Å; of a site with a well
NEUTRAL_E = 1e-6
RIGID_ANGSTROM = 0.01   # coordinates in files are rounded


class _Critical(Section):
    """``[critical]``: constants of the equation of state."""

    temperature_k: float = Field(ge=1.0, le=5000.0, description="K")
    pressure_pa: float = Field(ge=1e3, le=1e9, description="Pa")
    acentric_factor: float = Field(ge=-1.0, le=3.0)
    source: Text


class _Site(Section):
    """``[[sites]]``: an interaction site."""

    label: Text
    element: Text
    mass_amu: float = Field(ge=0.0, le=500.0, description="amu; 0 for a site that is no atom")
    epsilon_k: float = Field(ge=0.0, le=1e5, description="K")
    sigma_angstrom: float = Field(ge=0.0, le=20.0, description="Å")
    charge_e: float = Field(ge=-10.0, le=10.0, description="e")
    position: Row[Annotated[float, Field(ge=-30.0, le=30.0)]] = Field(
        min_length=3, max_length=3, description="three numbers, Å")
    source: Text = "see the model"

    @model_validator(mode="after")
    def _sensible(self) -> _Site:
        if self.element not in chemical_symbols:
            raise ValueError(f"'{self.element}' is no element; give its symbol, or X for a massless site")
        if self.epsilon_k > 0.0 and self.sigma_angstrom < LEAST_SIGMA:
            raise ValueError(f"sigma_angstrom is {self.sigma_angstrom:g} although epsilon_k is not 0; give σ in Å")
        return self


class GuestFile(Section):
    """A guest file."""

    name: Text
    gas: Text
    description: Text
    source: Text
    feynman_hibbs: bool
    mixing: Literal["lorentz-berthelot", "geometric"]
    critical: _Critical
    sites: Row[_Site] = Field(min_length=1, max_length=100, description="one [[sites]] table per site")


def load_guest(name: str | Path | GuestModel, temperature_k: float | None = None) -> GuestModel:
    """A guest by gas (``CO2``: its default model), by model name (``CO2-EPM2``) or from a TOML file.

    Parameters
    ----------
    name: case does not matter for shipped names; a file of the user's wins; a GuestModel is handed back.
    temperature_k: K, where known. No shipped model depends on it (Feynman-Hibbs belongs to a model, at any
        temperature); it is checked so that a wrong one is reported before anything runs.

    Raises
    ------
    UnknownNameError: neither a file, a gas nor a model (the near miss is suggested); an unknown key.
    InputError: a missing key, a value out of range, or a molecule that is not neutral.
    """
    if temperature_k is not None:
        TEMPERATURE.check(temperature_k, f"The temperature of {name.gas if isinstance(name, GuestModel) else name}")
    if isinstance(name, GuestModel):
        return name
    own_file = Path(name).is_file() or Path(f"{name}.toml").is_file()
    defaults = {gas.lower(): model for gas, model in DEFAULT_MODELS.items()}
    wanted = name if own_file else defaults.get(str(name).lower(), name)
    try:
        path = find_data("gas or guest model", wanted, "forcefields", ".toml", GUESTS_FOLDER)
    except UnknownNameError:
        known = [*DEFAULT_MODELS, *shipped_names("forcefields", ".toml", GUESTS_FOLDER)]
        raise UnknownNameError("gas or guest model", str(name), known) from None
    return _guest(read_toml(path), path)


def _guest(data: dict[str, Any], path: Path) -> GuestModel:
    """The model of a file's content, every value checked."""
    where = str(path)
    found = checked(GuestFile, data, where)
    sites = _centred(found.sites, where)
    charge = sum(site.charge_e for site in sites)
    if abs(charge) > NEUTRAL_E:
        raise InputError(f"{where}: the molecule carries {charge:+.6f} e; its site charges must sum to zero.")
    critical = found.critical
    return GuestModel(
        name=found.name, gas=found.gas, sites=sites, molar_mass_g_mol=sum(site.mass_amu for site in sites),
        critical_temperature_k=critical.temperature_k, critical_pressure_pa=critical.pressure_pa,
        acentric_factor=critical.acentric_factor, feynman_hibbs=found.feynman_hibbs, mixing=found.mixing,
        source=found.source)


def _centred(sites: Sequence[_Site], where: str) -> tuple[GuestSite, ...]:
    """The same sites with the origin at their centre of mass."""
    masses = np.array([site.mass_amu for site in sites])
    if masses.sum() <= 0.0:
        raise InputError(f"{where}: all sites are massless; give mass_amu to the sites that are atoms.")
    positions = np.array([site.position for site in sites])
    positions -= masses @ positions / masses.sum()
    positions[np.abs(positions) < 1e-12] = 0.0
    return tuple(
        GuestSite(s.label, s.element, s.mass_amu, s.epsilon_k, s.sigma_angstrom, s.charge_e, (x, y, z))
        for s, (x, y, z) in zip(sites, positions.tolist(), strict=True))


def read_guest_sites(path: str | Path, guest: GuestModel) -> NDArray[np.float64]:
    """(M, S, 3) site coordinates (Å) of whole molecules from an XYZ file that lists them in the model's order.

    Raises
    ------
    InputError: no such file, not XYZ, not a whole number of molecules, or a molecule that is not the rigid model.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"--guests: no file '{path}'. Check the path (relative to the current folder).")
    lines = read_text(path).splitlines()
    form = "an XYZ file has a line with the number of sites, a comment, then one line 'label x y z' per site (Å)"
    count = lines[0].strip() if lines else ""
    if not count.isdecimal() or not 0 < len(count) < 9:
        raise InputError(f"{path}, line 1: {shown(count)} is no number of sites; {form}.")
    if len(lines) < 2 + int(count):
        raise InputError(f"{path} has {max(0, len(lines) - 2)} lines of sites, not {count} as its first line says.")
    sites_listed = [_coordinates(line, f"{path}, line {n}", form) for n, line in enumerate(lines[2:2 + int(count)], 3)]
    rows = np.array(sites_listed).reshape(-1, 3)
    n_sites = len(guest.sites)
    if len(rows) == 0 or len(rows) % n_sites:
        raise InputError(f"{path} lists {len(rows)} sites, not whole molecules of {n_sites} ({guest.name}).")
    sites = rows.reshape(-1, n_sites, 3)
    body = guest.site_positions
    model = np.linalg.norm(body[:, None] - body[None], axis=-1)
    found = np.linalg.norm(sites[:, :, None] - sites[:, None], axis=-1)
    off = np.abs(found - model).max(axis=(1, 2))
    if off.max() > RIGID_ANGSTROM:
        worst = int(off.argmax())
        raise InputError(f"{path}, molecule {worst + 1}: a distance between its sites is {off[worst]:.3f} Å off the "
                         f"rigid model {guest.name}; list the sites in the model's order, molecules not wrapped apart.")
    return sites


def _coordinates(line: str, where: str, form: str) -> list[float]:
    """x, y, z of a line ``label x y z``."""
    try:
        _, x, y, z, *_ = line.split()
        found = [float(x), float(y), float(z)]
    except ValueError:
        raise InputError(f"{where}: {shown(line)} is no site; {form}.") from None
    for value in found:
        COORDINATE.check(value, f"{where}: a coordinate")
    return found
