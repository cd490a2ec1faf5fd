"""Blocked pores: those that `zifsim access` found out of reach within the time of an experiment, closed to a gas."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zifsim.access.stored import StoredAccess, best_access, read_access
from zifsim.errors import InputError
from zifsim.gcmc.engine import mask_values
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.runs.digest import digest


@dataclass(frozen=True, slots=True, eq=False)
class BlockedPores:
    """``mask`` (nx, ny, nz): nodes of the cell where no molecule's centre may be; ``access``: what says so."""

    mask: NDArray[np.bool_]
    access: StoredAccess

    @classmethod
    def load(cls, folder: Path, framework: Framework, guest: GuestModel, temperature_k: float,
             forcefield: AdsorptionForceField, charges: str) -> BlockedPores:
        """The pores that a gas does not reach, from a folder of `zifsim access`.

        Raises
        ------
        InputError: the folder holds no such result, or one of another framework, gas, temperature or force field.
        """
        stored = read_access(folder)
        first = stored[0]
        if first.geometry_sha256 != framework.geometry_hash():
            raise InputError(f"--blocked {folder}: its {first.framework} has other atoms than {framework.name}; run "
                             "`zifsim access` on the structure that is to be filled.")
        if first.forcefield_sha256 and first.forcefield_sha256 != digest(forcefield):
            raise InputError(f"--blocked {folder}: its force field {first.forcefield} has other parameters than "
                             f"{forcefield.name}; run `zifsim access` with the one that is to be used.")
        if first.forcefield != forcefield.name or (guest.has_charges and first.charges != charges):
            raise InputError(f"--blocked {folder}: it is for force field {first.forcefield} and charges "
                             f"{first.charges}, not for {forcefield.name} and {charges}.")
        found = best_access(stored, guest.name, temperature_k)
        if found is None:
            known = ", ".join(dict.fromkeys(f"{one.guest_model} at {one.temperature_k:g} K" for one in stored))
            raise InputError(f"--blocked {folder}: it has no {guest.name} at {temperature_k:g} K, but {known}.")
        return cls(found.blocked(), found)

    @property
    def text(self) -> str:
        """One line on what is closed."""
        one = self.access
        return (f"pores that {one.gas} does not reach in particles of {one.size_um:g} µm within {one.hours:g} h are "
                f"closed ({one.kind}, {one.folder}): {100.0 * self.mask.mean():.1f} % of the cell's nodes.")

    @property
    def config(self) -> dict[str, Any]:
        """For the record: the mask's content and where it is from."""
        one = self.access
        return {**mask_values(self.mask), "snapshots": one.n_snapshots,
                "snapshot_temperature_k": one.snapshot_temperature_k, "size_um": one.size_um, "hours": one.hours}
