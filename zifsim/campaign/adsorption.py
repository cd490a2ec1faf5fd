"""Adsorption jobs on their own, outside a study: of one gas or several, checked before they start, resumable, recorded.

What is asked for in the same folder may grow: more pressures, more moves or a smaller error use what is finished there.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.files import write_bytes_atomic, write_json_atomic
from zifsim.io.guests import DEFAULT_MODELS
from zifsim.io.tables import write_csv
from zifsim.model.forcefield import AdsorptionForceField, ChargeSet
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.runs.digest import digest
from zifsim.runs.folder import Claim, rewrite, slug
from zifsim.runs.progress import Report, silent

# Names of ``config`` in which the same folder may be asked for more.
EXTENSIBLE = ("pressures_pa", "min_moves", "max_moves", "target_relative_error")


class Result(Protocol):
    """What a job leaves: values for JSON, and columns for a table."""

    def to_dict(self) -> dict[str, Any]: ...
    def columns(self) -> dict[str, list[Any]]: ...


R = TypeVar("R", bound=Result)


@dataclass(frozen=True, slots=True)
class JobCost:
    """Supercell and its atoms, nodes of the host grid along each axis, grids, their memory, a guess of the time."""

    repeats: tuple[int, int, int]
    n_atoms: int
    grid_nodes: tuple[int, int, int]
    n_grids: int
    grid_megabytes: float
    seconds: float


@dataclass(frozen=True, slots=True)
class LoadedHost:
    """A framework with the force field and the charges that gases meet in it."""

    framework: Framework
    forcefield: AdsorptionForceField
    charges: str


def load_host(structure: str | Path | Framework, guests: Sequence[GuestModel],
              forcefield: str | Path | AdsorptionForceField, charges: str | Path | ChargeSet | None,
              settings: GCMCSettings, report: Report = silent) -> LoadedHost:
    """Load and check a host for these gases, by names, files or values. Charges are assigned where a gas feels them.
    ``report`` is told where atoms are relaxed, which takes a minute.

    Raises
    ------
    InputError, UnknownNameError: something that is missing, unknown or does not fit together.
    """
    from zifsim.gcmc.guests import check_coulomb
    from zifsim.gcmc.system import check_framework
    from zifsim.io.adsorption import (
        assign_charges,
        charge_source,
        lj_parameters,
        load_adsorption_forcefield,
        load_charge_set,
    )
    from zifsim.structures import load_structure

    check_coulomb(guests, settings)
    parameters, charge_set = load_adsorption_forcefield(forcefield), load_charge_set(
        charge_source(charges, forcefield))
    framework = load_structure(structure, report=report)
    if any(guest.has_charges for guest in guests):
        framework = assign_charges(framework, charge_set)
    lj_parameters(framework, parameters)
    for guest in guests:
        check_framework(framework, guest)
    return LoadedHost(framework, parameters, charge_set.name)


@dataclass(frozen=True, slots=True)
class AdsorptionJob(ABC, Generic[R]):
    """Everything that sampling gases in a framework needs, loaded and checked. ``framework`` has its charges."""

    framework: Framework
    guests: tuple[GuestModel, ...]
    forcefield: AdsorptionForceField
    charges: str
    temperature_k: float
    pressures_pa: tuple[float, ...]
    settings: GCMCSettings
    threads: int

    kind: ClassVar[str]             # of calculation; what its files are called
    outputs: ClassVar[tuple[str, ...]]
    root: ClassVar[Path]            # of folders that are not named

    @property
    @abstractmethod
    def title(self) -> str:
        """The gas, or the gases with their fractions."""

    @property
    @abstractmethod
    def more_config(self) -> dict[str, Any]:
        """What can change the numbers of this kind of job only, JSON-ready."""

    @abstractmethod
    def sample(self, out: Path | None, report: Report) -> R:
        """Run or continue the engine in ``out``; None: nothing is written."""

    @abstractmethod
    def read(self, out: Path) -> R:
        """The result of a finished folder."""

    @abstractmethod
    def png(self, result: R, unit: str) -> bytes:
        """The picture of a result; ``unit``: of loadings."""

    def write_more(self, result: R, out: Path, date: str) -> None:
        """Files of this kind of job only."""

    @property
    def extensible(self) -> tuple[str, ...]:
        """Names of :attr:`config` in which the same folder may be asked for more."""
        return EXTENSIBLE

    @property
    def config(self) -> dict[str, Any]:
        """Everything that can change the numbers, JSON-ready."""
        return {"guests": {g.gas: g.name for g in self.guests}, "temperature_k": self.temperature_k,
                "pressures_pa": list(self.pressures_pa), "forcefield": self.forcefield.name,
                "charges": self.charges if any(g.has_charges for g in self.guests) else "none",
                **asdict(self.settings), "threads": self.threads,
                "guests_sha256": {g.gas: digest(g) for g in self.guests},
                "forcefield_sha256": digest(self.forcefield), **self.more_config}

    @property
    def claim(self) -> Claim:
        """What the job's folder is known by."""
        return Claim(self.kind, f"{self.kind} {self.title} in {self.framework.name}", self.config,
                     {"framework": self.framework.content_hash()}, self.settings.seed, self.extensible,
                     beside={"framework_source": self.framework.source})

    @property
    def default_folder(self) -> Path:
        """``results/gcmc/ZIF-8_CO2_273K``; where that holds something else, with eight digits of the job's key.

        The same job finds the same folder again, and a changed one gets a folder of its own.
        """
        gases = "-".join(g.gas if g.name == DEFAULT_MODELS.get(g.gas) else g.name for g in self.guests)
        return self.claim.default(self.root / f"{slug(self.framework.name)}_{slug(gases)}_{self.temperature_k:g}K")

    @property
    def both_starts(self) -> bool:
        """Whether every pressure is sampled from an empty and from a full cell."""
        from zifsim.gcmc.branches import both_starts

        return both_starts(self.settings, self.guests, self.temperature_k)

    @property
    def cost(self) -> JobCost:
        """What the job will need."""
        from zifsim.campaign.estimate import gcmc_seconds
        from zifsim.gcmc.grid import divisions_for
        from zifsim.gcmc.system import supercell_repeats

        framework, settings = self.framework, self.settings
        cells = supercell_repeats(framework, self.guests, settings.cutoff_angstrom, settings.guest_images)
        nodes = divisions_for(framework.cell, settings.grid_spacing_angstrom)
        sites = [site for guest in self.guests for site in guest.sites]
        lj_sites = {(s.epsilon_k, s.sigma_angstrom, s.charge_e) for s in sites if s.epsilon_k > 0.0}
        grids = len(lj_sites) + any(s.epsilon_k == 0.0 for s in sites)
        moves, volume = (settings.min_moves, settings.max_moves), framework.volume * math.prod(cells)
        seconds = sum(gcmc_seconds(guest, self.temperature_k, len(self.pressures_pa), moves, volume)
                      for guest in self.guests)
        return JobCost(cells, framework.n_atoms * math.prod(cells), nodes, grids,
                       grids * math.prod(n + 3 for n in nodes) * 4 / 1e6, seconds / self.threads)

    def run(self, out: Path, report: Report = silent, unit: str = "ml_stp_g") -> R:
        """Run or continue the job in ``out``; a finished one is read back. ``unit`` is that of the picture.

        Raises
        ------
        InputError: ``out`` holds something else, is in use or cannot be written to; nothing is changed there.
        RunInterrupted: the process was asked to stop; the same job continues.
        """
        picture = f"{self.kind}.png"

        def write(result: R, date: str) -> None:
            write_json_atomic(out / f"{self.kind}.json", result.to_dict())
            table = result.columns()
            write_csv(out / f"{self.kind}.csv", list(table), list(zip(*table.values(), strict=True)))
            write_bytes_atomic(out / picture, self.png(result, unit))
            self.write_more(result, out, date)

        def read() -> R:
            result = self.read(out)
            rewrite(out, picture, self.png(result, unit))
            return result

        return self.claim.run(out, self.outputs, work=lambda: self.sample(out, report), write=write, read=read)
