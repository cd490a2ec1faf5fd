"""An isotherm with the pores closed that `zifsim access` found out of reach within the time of an experiment."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zifsim.access.stored import StoredAccess, best_access, geometry_sha256, read_access
from zifsim.errors import InputError
from zifsim.gcmc.engine import Sampler
from zifsim.gcmc.eos import PengRobinson
from zifsim.gcmc.noroom import empty_point, has_room, without_room
from zifsim.gcmc.sampling import Progress
from zifsim.gcmc.system import AdsorptionSystem, make_system
from zifsim.gcmc.widom import widom_in
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.uptake import HenryResult, LoadingPoint


@dataclass(frozen=True, slots=True, eq=False)
class BlockedPores:
    """``mask`` (nx, ny, nz): nodes of the cell where no molecule's centre may be; ``access``: what says so."""

    mask: NDArray[np.bool_]
    access: StoredAccess

    @classmethod
    def load(cls, folder: Path, framework: Framework, guest: GuestModel, temperature_k: float, forcefield: str,
             charges: str) -> BlockedPores:
        """The pores that a gas does not reach, from a folder of `zifsim access`.

        Raises
        ------
        InputError: the folder holds no such result, or one of another framework, gas, temperature or force field.
        """
        stored = read_access(folder)
        first = stored[0]
        if first.geometry_sha256 != geometry_sha256(framework):
            raise InputError(f"--blocked {folder}: its {first.framework} has other atoms than {framework.name}; run "
                             "`zifsim access` on the structure that is to be filled.")
        if first.forcefield != forcefield or (guest.has_charges and first.charges != charges):
            raise InputError(f"--blocked {folder}: it is for force field {first.forcefield} and charges "
                             f"{first.charges}, not for {forcefield} and {charges}.")
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
        return {"mask_sha256": hashlib.sha256(np.packbits(self.mask).tobytes()).hexdigest(),
                "mask_nodes": list(self.mask.shape), "snapshots": one.n_snapshots,
                "snapshot_temperature_k": one.snapshot_temperature_k, "size_um": one.size_um, "hours": one.hours}

    def system(self, free: AdsorptionSystem, forcefield: AdsorptionForceField, threads: int) -> AdsorptionSystem:
        """The same system with the pores closed."""
        return make_system(free.framework, free.models, forcefield, free.temperature_k, free.settings, threads=threads,
                           blocked=self.mask)


class ClosedPores:
    """A sampler (see :func:`zifsim.gcmc.engine.run_isotherm`) that closes pores before another one samples.

    ``henry``: the Henry coefficient of what is left open, once it has been called.
    """

    def __init__(self, sampler: Sampler, blocked: BlockedPores) -> None:
        self._sampler, self._blocked = sampler, blocked
        self.henry: HenryResult | None = None

    def __call__(self, system: AdsorptionSystem, forcefield: AdsorptionForceField, pressures: list[float],
                 out_dir: Path | None, threads: int, progress: Progress | None) -> list[LoadingPoint]:
        masked = self._blocked.system(system, forcefield, threads)
        self.henry = widom_in(masked) if masked.settings.widom_insertions > 0 else None
        if self.henry is None or has_room(masked.framework, self.henry):
            return self._sampler(masked, forcefield, pressures, out_dir, threads, progress)
        self.henry = without_room(self.henry)
        eos = PengRobinson(masked.models[0])
        return [empty_point(p, eos.fugacity_pa(masked.temperature_k, p), masked.settings.seed) for p in pressures]
