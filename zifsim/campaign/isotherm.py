"""One isotherm on its own, outside a study: checked before it starts, resumable, with its record."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.aif import write_aif
from zifsim.io.files import read_json, write_bytes_atomic, write_json_atomic
from zifsim.io.guests import DEFAULT_MODELS
from zifsim.io.tables import write_csv
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.uptake import Isotherm, LoadingPoint
from zifsim.runs.digest import digest
from zifsim.runs.folder import Claim, rewrite, slug

if TYPE_CHECKING:
    from zifsim.campaign.blocked import BlockedPores
    from zifsim.gcmc.engine import Sampler

OUTPUTS = ("isotherm.json", "isotherm.csv", "isotherm.aif", "isotherm.png", "ln_probability.csv")
DEFAULT_ROOT = Path("results/gcmc")


@dataclass(frozen=True, slots=True)
class BulkState:
    """The gas at one pressure: fugacity (Pa), p/p₀ (NaN above the critical temperature), and the branch it is on."""

    pressure_pa: float
    fugacity_pa: float
    p_over_p0: float
    phase: str


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


def load_host(structure: str, guests: Sequence[GuestModel], forcefield: str, charges: str,
              settings: GCMCSettings) -> LoadedHost:
    """Load and check a host for these gases, by names or files. Charges are assigned where a gas feels them.

    Raises
    ------
    InputError, UnknownNameError: something that is missing, unknown or does not fit together.
    """
    from zifsim.crystals.load import load_framework
    from zifsim.gcmc.guests import check_coulomb
    from zifsim.gcmc.system import check_framework
    from zifsim.io.adsorption import assign_charges, lj_parameters, load_adsorption_forcefield, load_charge_set

    check_coulomb(guests, settings)
    parameters, charge_set = load_adsorption_forcefield(forcefield), load_charge_set(charges)
    framework = load_framework(structure)
    if any(guest.has_charges for guest in guests):
        framework = assign_charges(framework, charge_set)
    lj_parameters(framework, parameters)
    for guest in guests:
        check_framework(framework, guest)
    return LoadedHost(framework, parameters, charge_set.name)


def short_name(guest: GuestModel) -> str:
    """The gas, where this is its default model; else the model."""
    return guest.gas if guest.name == DEFAULT_MODELS.get(guest.gas) else guest.name


def job_cost(framework: Framework, guests: Sequence[GuestModel], temperature_k: float, n_pressures: int,
             settings: GCMCSettings, threads: int) -> JobCost:
    """What sampling these gases will need."""
    from zifsim.campaign.estimate import gcmc_seconds
    from zifsim.gcmc.grid import divisions_for
    from zifsim.gcmc.system import supercell_repeats

    cells = supercell_repeats(framework, guests, settings.cutoff_angstrom, settings.guest_images)
    nodes = divisions_for(framework.cell, settings.grid_spacing_angstrom)
    sites = [site for guest in guests for site in guest.sites]
    lj_sites = {(s.epsilon_k, s.sigma_angstrom, s.charge_e) for s in sites if s.epsilon_k > 0.0}
    grids = len(lj_sites) + any(s.epsilon_k == 0.0 for s in sites)
    seconds = sum(gcmc_seconds(guest, temperature_k, n_pressures, (settings.min_moves, settings.max_moves),
                               framework.volume * math.prod(cells)) for guest in guests)
    return JobCost(cells, framework.n_atoms * math.prod(cells), nodes, grids,
                   grids * math.prod(n + 3 for n in nodes) * 4 / 1e6, seconds / threads)


@dataclass(frozen=True, slots=True)
class IsothermJob:
    """Everything an isotherm needs, loaded and checked. ``framework`` has its charges.

    ``flat_histogram``: sampled as one probability of the number of molecules, not pressure by pressure. ``blocked``:
    pores that stay closed.
    """

    framework: Framework
    guest: GuestModel
    forcefield: AdsorptionForceField
    charges: str
    temperature_k: float
    pressures_pa: tuple[float, ...]
    settings: GCMCSettings
    threads: int = 1
    flat_histogram: bool = False
    blocked: BlockedPores | None = None

    @classmethod
    def load(cls, structure: str, gas: str, temperature_k: float, pressures_pa: Sequence[float],
             forcefield: str, charges: str, settings: GCMCSettings, threads: int = 1,
             flat_histogram: bool = False, blocked: Path | None = None) -> IsothermJob:
        """Load a job by names or files; ``blocked``: a folder of `zifsim access` that says which pores to close.

        Raises
        ------
        InputError, UnknownNameError: something that is missing, unknown or does not fit together.
        """
        from zifsim.campaign.blocked import BlockedPores
        from zifsim.gcmc.eos import PengRobinson
        from zifsim.io.guests import load_guest

        guest = load_guest(gas, temperature_k=temperature_k)
        for pressure in pressures_pa:
            PengRobinson(guest).fugacity_pa(temperature_k, pressure)
        host = load_host(structure, (guest,), forcefield, charges, settings)
        pores = None if blocked is None else BlockedPores.load(
            blocked, host.framework, guest, temperature_k, host.forcefield.name, host.charges)
        return cls(host.framework, guest, host.forcefield, host.charges, temperature_k, tuple(pressures_pa),
                   settings, threads, flat_histogram, pores)

    @property
    def config(self) -> dict[str, Any]:
        """Everything that can change the numbers, JSON-ready."""
        blocked = {} if self.blocked is None else {"blocked": self.blocked.config}
        return {"gas": self.guest.gas, "guest_model": self.guest.name, "temperature_k": self.temperature_k,
                "pressures_pa": list(self.pressures_pa), "forcefield": self.forcefield.name,
                "charges": self.charges, "settings": asdict(self.settings), "threads": self.threads,
                "flat_histogram": self.flat_histogram,
                "guest_sha256": digest(self.guest),
                "forcefield_sha256": digest(self.forcefield), **blocked}

    @property
    def folder(self) -> Claim:
        """What the job's folder is known by."""
        return Claim("isotherm", f"isotherm {self.guest.gas} in {self.framework.name}", self.config,
                         {"framework": self.framework.content_hash()}, self.settings.seed)

    @property
    def default_folder(self) -> Path:
        """``results/gcmc/ZIF-8_CO2_273K``; where that holds something else, with eight digits of the job's key.

        The same job finds the same folder again, and a changed one gets a folder of its own.
        """
        name = f"{slug(self.framework.name)}_{slug(short_name(self.guest))}_{self.temperature_k:g}K"
        return self.folder.default(DEFAULT_ROOT / name)

    @property
    def bulk(self) -> tuple[BulkState, ...]:
        """The gas outside at every pressure."""
        from zifsim.gcmc.eos import PengRobinson

        eos = PengRobinson(self.guest)
        saturation = eos.saturation_or_nan_pa(self.temperature_k)
        return tuple(BulkState(p, eos.fugacity_pa(self.temperature_k, p), p / saturation,
                               eos.phase(self.temperature_k, p)) for p in self.pressures_pa)

    @property
    def both_starts(self) -> bool:
        """Whether every pressure is sampled from an empty and from a full cell."""
        from zifsim.gcmc.branches import both_starts

        return not self.flat_histogram and both_starts(self.settings, (self.guest,), self.temperature_k)

    @property
    def cost(self) -> JobCost:
        """What the job will need."""
        return job_cost(self.framework, (self.guest,), self.temperature_k, len(self.pressures_pa), self.settings,
                        self.threads)


def run_isotherm_job(job: IsothermJob, out: Path, progress: Callable[[dict[str, Any]], None],
                     unit: str = "ml_stp_g") -> Isotherm:
    """Run or resume a job in ``out``; a finished one is read back. ``unit`` is that of the picture.

    ``progress`` takes the engine's events, and before them one for every pressure that is already there
    (``resumed`` among its keys).

    Raises
    ------
    InputError: ``out`` holds something else, is in use or cannot be written to; nothing is changed there.
    """
    from zifsim.campaign.blocked import ClosedPores
    from zifsim.gcmc.branches import finished_points
    from zifsim.gcmc.engine import merge_starts, run_isotherm, sample_isotherm
    from zifsim.gcmc.flat_isotherm import sample_flat_isotherm
    from zifsim.report.isotherm import isotherm_png

    def work() -> Isotherm:
        merge = merge_starts if job.both_starts else None
        for point in [] if job.flat_histogram else finished_points(out, LoadingPoint, merge):
            progress({"pressure_pa": point.pressure_pa, "moves": point.n_moves, "fraction": 1.0, "point": point,
                      "molecules": point.molecules_per_cell, "resumed": True})
        sampler: Sampler = sample_flat_isotherm if job.flat_histogram else sample_isotherm
        closed = None if job.blocked is None else ClosedPores(sampler, job.blocked)
        isotherm = run_isotherm(job.framework, job.guest, job.forcefield, job.temperature_k, job.pressures_pa,
                                job.settings, charges=job.charges, out_dir=out, threads=job.threads, progress=progress,
                                sampler=closed or sampler)
        settings = {**isotherm.settings, "flat_histogram": job.flat_histogram}
        if job.blocked is None or closed is None:
            return replace(isotherm, settings=settings)
        return replace(isotherm, henry=closed.henry or isotherm.henry,
                       settings=settings | {"blocked": job.blocked.config})

    def write(isotherm: Isotherm, date: str) -> None:
        write_json_atomic(out / "isotherm.json", isotherm.to_dict())
        table = isotherm.columns()
        write_csv(out / "isotherm.csv", list(table), list(zip(*table.values(), strict=True)))
        write_aif(out / "isotherm.aif", isotherm, date)
        write_bytes_atomic(out / "isotherm.png", isotherm_png(isotherm, unit))

    def read() -> Isotherm:
        isotherm = Isotherm.from_dict(read_json(out / "isotherm.json"))
        rewrite(out, "isotherm.png", isotherm_png(isotherm, unit))
        return isotherm

    return job.folder.run(out, OUTPUTS, work=work, write=write, read=read)
