"""The gas outside: which equation of state a gas is taken by at a temperature, and on which branch.

Pressures become fugacities of the phase that is stable, that of the lowest Gibbs energy: vapour up to the saturation
pressure p₀, liquid beyond it. A fugacity then never falls as the pressure rises. The metastable vapour, which is what a
code that follows the largest root reports until that root ends, is taken where it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from zifsim.gcmc.eos import PengRobinson, check_temperature
from zifsim.gcmc.potential import quantum_note
from zifsim.gcmc.reference_eos import REFERENCES, ReferenceEquation
from zifsim.model.guest import GuestModel


class EquationOfState(Protocol):
    """What the equations have in common; temperatures in K, pressures and fugacities in Pa, ``name`` for the record."""

    @property
    def name(self) -> str: ...
    @property
    def source(self) -> str: ...
    def fugacity_pa(self, temperature_k: float, pressure_pa: float) -> float: ...
    def molar_density_mol_m3(self, temperature_k: float, pressure_pa: float) -> float: ...
    def phase(self, temperature_k: float, pressure_pa: float) -> str: ...
    def saturation_pressure_pa(self, temperature_k: float) -> float: ...
    def saturation_or_nan_pa(self, temperature_k: float) -> float: ...


def equation_of_state(guest: GuestModel, temperature_k: float, metastable: bool = False) -> EquationOfState:
    """The reference equation of a gas that has one, Peng–Robinson for any other (and see :func:`why_not_reference`).

    Raises
    ------
    InputError: a temperature outside 10 to 2000 K.
    """
    check_temperature(guest.gas, temperature_k)
    if guest.gas not in REFERENCES or why_not_reference(guest, temperature_k):
        return PengRobinson(guest, metastable)
    return ReferenceEquation(guest.gas, metastable)


def why_not_reference(guest: GuestModel, temperature_k: float) -> str:
    """Why a gas that has a reference equation is not taken by it, in one sentence; nothing where it is, or has none."""
    if guest.gas not in REFERENCES:
        return ""
    reference = ReferenceEquation(guest.gas)
    if not reference.is_of(guest):
        return (f"the critical constants of {guest.name} are not those of {guest.gas}, so its bulk gas is taken by "
                "Peng-Robinson with them.")
    low, high = reference.range_k
    if not low <= temperature_k <= high:
        return (f"{temperature_k:g} K lies outside the reference equation of {guest.gas} ({low:g} to {high:g} K), so "
                "its bulk gas is taken by Peng-Robinson.")
    return ""


def notes_of(guests: Sequence[GuestModel], temperature_k: float) -> list[str]:
    """What to know of gases at a temperature before their numbers are used: sentences for the screen and the record."""
    notes = [note for guest in guests for note in (quantum_note(guest, temperature_k),) if note]
    if len(guests) == 1 and (why := why_not_reference(guests[0], temperature_k)):
        notes.append(why)
    return notes
