"""Guest molecules from TOML (``forcefields/guests``): rigid models, their sites and critical constants."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from zifsim.errors import InputError, UnknownNameError
from zifsim.io.resources import find_data, shipped_names
from zifsim.io.tomltable import check_keys, number, read_toml, text
from zifsim.limits import TEMPERATURE
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
MIXING_RULES = ("lorentz-berthelot", "geometric")
NEUTRAL_E = 1e-6
RIGID_ANGSTROM = 0.01   # coordinates in files are rounded
_TOP = ("name", "gas", "description", "source", "feynman_hibbs", "mixing", "critical", "sites")
_CRITICAL = ("temperature_k", "pressure_pa", "acentric_factor", "source")
_SITE = ("label", "element", "mass_amu", "epsilon_k", "sigma_angstrom", "charge_e", "position")


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
    check_keys(data, _TOP, (), where)
    check_keys(data["critical"], _CRITICAL, (), f"{where}, table [critical]")
    if not isinstance(data["feynman_hibbs"], bool):
        raise InputError(f"{where}: feynman_hibbs must be true or false, not {data['feynman_hibbs']!r}.")
    mixing = text(data, "mixing", where)
    if mixing not in MIXING_RULES:
        raise UnknownNameError(f"mixing rule in {where}:", mixing, MIXING_RULES)
    if not isinstance(data["sites"], list) or not data["sites"]:
        raise InputError(f"{where} has no sites; add one [[sites]] table per site.")
    sites = _centred([_site(row, f"{where}, site {i}") for i, row in enumerate(data["sites"], 1)], where)
    charge = sum(site.charge_e for site in sites)
    if abs(charge) > NEUTRAL_E:
        raise InputError(f"{where}: the molecule carries {charge:+.6f} e; its site charges must sum to zero.")
    critical = data["critical"]
    return GuestModel(
        name=text(data, "name", where),
        gas=text(data, "gas", where),
        sites=sites,
        molar_mass_g_mol=sum(site.mass_amu for site in sites),
        critical_temperature_k=_positive(critical, "temperature_k", f"{where}, table [critical]"),
        critical_pressure_pa=_positive(critical, "pressure_pa", f"{where}, table [critical]"),
        acentric_factor=number(critical, "acentric_factor", f"{where}, table [critical]", least=-1.0),
        feynman_hibbs=data["feynman_hibbs"],
        mixing=mixing,
        source=text(data, "source", where),
    )


def _site(row: Any, where: str) -> GuestSite:
    check_keys(row, _SITE, ("source",), where)
    element = text(row, "element", where)
    if element not in chemical_symbols:
        raise InputError(f"{where}: '{element}' is no element; give its symbol, or X for a massless site.")
    position = row["position"]
    if not isinstance(position, list) or len(position) != 3:
        raise InputError(f"{where}: position must be three numbers (Å), not {position!r}.")
    x, y, z = (number({"position": p}, "position", where) for p in position)
    epsilon = number(row, "epsilon_k", where, least=0.0)
    sigma = number(row, "sigma_angstrom", where, least=0.0)
    if epsilon > 0.0 and sigma == 0.0:
        raise InputError(f"{where}: sigma_angstrom is 0 although epsilon_k is not; give σ in Å.")
    mass = number(row, "mass_amu", where, least=0.0)
    return GuestSite(text(row, "label", where), element, mass, epsilon, sigma, number(row, "charge_e", where),
                     (x, y, z))


def _centred(sites: list[GuestSite], where: str) -> tuple[GuestSite, ...]:
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


def _positive(table: Mapping[str, Any], key: str, where: str) -> float:
    value = number(table, key, where)
    if value <= 0.0:
        raise InputError(f"{where}: {key} is {value:g} and must be above zero.")
    return value


def read_guest_sites(path: str | Path, guest: GuestModel) -> NDArray[np.float64]:
    """(M, S, 3) site coordinates (Å) of whole molecules from an XYZ file that lists them in the model's order.

    Raises
    ------
    InputError: no such file, not XYZ, not a whole number of molecules, or a molecule that is not the rigid model.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"--guests: no file '{path}'. Check the path (relative to the current folder).")
    lines = path.read_text().splitlines()
    try:
        count = int(lines[0])
        rows = np.array([[float(x) for x in line.split()[1:4]] for line in lines[2:2 + count]]).reshape(count, 3)
    except (IndexError, ValueError):
        raise InputError(f"{path} is not an XYZ file: a line with the number of sites, a comment, then one line "
                         "'label x y z' per site (Å).") from None
    n_sites = len(guest.sites)
    if count == 0 or count % n_sites:
        raise InputError(f"{path} lists {count} sites, not whole molecules of {n_sites} ({guest.name}).")
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
