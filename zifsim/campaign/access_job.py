"""Access job: which pores several gases reach in one framework, for the command and the stage of a study alike.

One orchestration: for every temperature of the gases a set of snapshots, for each of its gases the framework as it
stands, the average over the snapshots, and umbrella sampling along its best path.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zifsim.errors import InputError
from zifsim.limits import SNAPSHOTS, TEMPERATURE
from zifsim.model.forcefield import AdsorptionForceField, ChargeSet, MeltForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.runs.digest import digest, plain
from zifsim.runs.folder import Claim, read_config, slug
from zifsim.runs.progress import Event, Report, silent
from zifsim.runs.version import version

if TYPE_CHECKING:
    from zifsim.access.result import GasAccess
    from zifsim.access.run import AccessSettings

DEFAULT_ROOT = Path("results/access")
FIGURE = "access.png"
BASINS = 0.12       # what flooding, basins and network of a grid take beside the grid itself (docs/accessibility.md)
Gases = Sequence[tuple[GuestModel, float]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AccessJob:
    """Everything that a run needs, loaded. ``framework`` has its charges (named ``charges``) where a gas feels them.

    ``guests``: models and temperatures, K. ``snapshots``: how many to make of the moving framework, with the force
    field ``dynamics``, at the temperature of each gas or all at ``snapshot_temperature_k``; or ``frames``, read from
    ``frames_path``; neither: rigid. ``umbrella_ps``: of umbrella sampling at each place of a path, 0 for none.
    ``platform`` (of OpenMM) and ``threads`` do not belong to what the job is known by.
    """

    framework: Framework
    guests: tuple[tuple[GuestModel, float], ...]
    forcefield: AdsorptionForceField
    charges: str
    settings: AccessSettings
    snapshots: int = 0
    snapshot_temperature_k: float | None = None
    frames: tuple[Framework, ...] = ()
    frames_path: Path | None = None
    dynamics: MeltForceField | None = None
    umbrella_ps: float = 0.0
    platform: str = "auto"
    threads: int = 1

    def __post_init__(self) -> None:
        if self.umbrella_ps and not (self.snapshots or self.frames):
            raise InputError("--umbrella-ps follows the best path of an average over snapshots: add --snapshots.")
        if (self.umbrella_ps or self.snapshots) and self.dynamics is None:
            raise InputError("A framework that moves needs a force field for its dynamics.")
        if self.snapshot_temperature_k is not None:
            TEMPERATURE.check(self.snapshot_temperature_k, "The temperature of the snapshots")

    @classmethod
    def load(cls, structure: str | Path | Framework, guests: Gases, forcefield: str | Path | AdsorptionForceField,
             charges: str | Path | ChargeSet | None, settings: AccessSettings, *,
             snapshots: str | None = None, snapshot_temperature_k: float | None = None, dynamics: str = "ZIF-FF",
             umbrella_ps: float = 0.0, platform: str = "auto", threads: int = 1, report: Report = silent) -> AccessJob:
        """Load a job by names, files or values; ``snapshots``: how many to make, or a file or folder to read them from.

        Raises
        ------
        InputError, UnknownNameError: something that is missing, unknown or does not fit together.
        """
        from zifsim.access.snapshots import read_snapshots
        from zifsim.io.adsorption import (
            assign_charges,
            charge_source,
            lj_parameters,
            load_adsorption_forcefield,
            load_charge_set,
        )
        from zifsim.io.melt_forcefields import load_melt_forcefield
        from zifsim.structures import load_structure

        parameters, charge_set = load_adsorption_forcefield(forcefield), load_charge_set(
            charge_source(charges, forcefield))
        framework = load_structure(structure, report=report)
        if any(model.has_charges for model, _ in guests):
            framework = assign_charges(framework, charge_set)
        lj_parameters(framework, parameters)
        asked = _whole(snapshots)
        if asked is not None:
            SNAPSHOTS.check(asked, "The number of snapshots")
        number, path = asked or 0, Path(snapshots) if snapshots and asked is None else None
        return cls(framework=framework, guests=tuple(guests), forcefield=parameters, charges=charge_set.name,
                   settings=settings, snapshots=number, snapshot_temperature_k=snapshot_temperature_k,
                   frames=tuple(read_snapshots(path, framework)) if path else (), frames_path=path,
                   dynamics=load_melt_forcefield(dynamics) if number or umbrella_ps else None,
                   umbrella_ps=umbrella_ps, platform=platform, threads=threads)

    @property
    def notes(self) -> list[str]:
        """What to know of the gases at their temperatures before the numbers are used."""
        from zifsim.gcmc.potential import quantum_note

        return list(dict.fromkeys(said for guest, at_k in self.guests if (said := quantum_note(guest, at_k))))

    @property
    def n_snapshots(self) -> int:
        """Of each set; 0 where the framework is rigid."""
        return len(self.frames) or self.snapshots

    @property
    def sets(self) -> dict[float | None, list[int]]:
        """Temperature of a set of snapshots made (K; None: rigid, or snapshots read) -> numbers of its gases."""
        sets: dict[float | None, list[int]] = {}
        for number, (_, temperature_k) in enumerate(self.guests):
            at_k = (self.snapshot_temperature_k or temperature_k) if self.snapshots else None
            sets.setdefault(at_k, []).append(number)
        return sets

    @property
    def config(self) -> dict[str, Any]:
        """Everything that can change the numbers, JSON-ready; gases by ``model@K``."""
        experiment, gcmc = self.settings.experiment, self.settings.gcmc
        moves = self.dynamics if self.n_snapshots else None
        return {
            "forcefield": self.forcefield.name,
            "charges": self.charges,
            "size_um": experiment.size_um,
            "hours": experiment.hours, "pressure_bar": self.settings.pressure_bar, "seed": gcmc.seed,
            "cutoff_angstrom": gcmc.cutoff_angstrom, "grid_spacing_angstrom": gcmc.grid_spacing_angstrom,
            "snapshots": self.n_snapshots,
            "snapshot_temperature_k": self.snapshot_temperature_k if self.snapshots else None,
            "dynamics": moves and moves.name, "umbrella_ps": self.umbrella_ps,
            "sizes_um": list(self.settings.sizes_um), "times_hours": list(self.settings.times_hours),
            "gases": {f"{model.name}@{t:g}": digest(model) for model, t in self.guests}, "gcmc": plain(gcmc),
            "forcefield_sha256": digest(self.forcefield), "dynamics_sha256": moves and digest(moves)}

    @property
    def claim(self) -> Claim:
        """What the job's folder is known by. Gases may be added: the snapshots that there are serve them too."""
        inputs = {"framework": self.framework.content_hash()}
        if self.frames:
            inputs["snapshots"] = digest([frame.content_hash() for frame in self.frames])
        beside = {"framework_source": self.framework.source}
        if self.frames_path:
            beside["snapshots_from"] = str(self.frames_path)
        return Claim("access", f"access to {self.framework.name}", self.config, inputs, self.settings.gcmc.seed,
                     extensible=("gases",), beside=beside)

    @property
    def default_folder(self) -> Path:
        """``results/access/ZIF-8``; where that holds something else, with eight digits of the job's key."""
        path = DEFAULT_ROOT / slug(self.framework.name)
        found = self.claim.default(path)
        return path.with_name(f"{path.name}-{self.claim.key[:8]}") if self._lost(found) else found

    def check(self, out: Path) -> None:
        """Raise InputError unless ``out`` is new, empty, or holds this job for these gases or fewer."""
        self.claim.check(out)
        if lost := self._lost(out):
            raise InputError(f"{out} holds results of {', '.join(lost)}, which this run would lose; name "
                             f"{'it' if len(lost) == 1 else 'them'} too, or choose another folder with --out.")

    def _lost(self, out: Path) -> list[str]:
        """Gases of a folder of this job that it does not ask for, or for which it has another model of that name."""
        held, ours = ((read_config(out) or {}).get("config") or {}).get("gases") or {}, self.config["gases"]
        return [gas for gas, sha256 in held.items() if ours.get(gas) != sha256]

    @property
    def seconds(self) -> dict[str, float]:
        """Parts of the run, as its report names them -> a guess of the seconds that they take on one CPU thread."""
        from zifsim.access.kinetics import RESAMPLES
        from zifsim.access.run import REFINE, REFINED_NODES, frames_part, gas_part
        from zifsim.access.snapshots import EQUILIBRATION_PS, INTERVAL_PS, STEP_FS
        from zifsim.access.umbrella import SETTLING, STEP_PS
        from zifsim.campaign import estimate
        from zifsim.gcmc.grid import divisions_for

        nodes = math.prod(divisions_for(self.framework.cell, self.settings.gcmc.grid_spacing_angstrom))
        grid = estimate.ACCESS_SECONDS_PER_NODE * nodes
        finer = REFINE**3 if nodes * REFINE**3 <= REFINED_NODES else 1
        parts = {}
        for at_k, numbers in self.sets.items():
            gases = [self.guests[n] for n in numbers]
            if self.snapshots:
                steps = round((self.snapshots * INTERVAL_PS + EQUILIBRATION_PS) * 1e3 / STEP_FS)
                parts[frames_part("snapshots", at_k)] = estimate.melt_seconds(self.n_particles, steps)
            parts |= {gas_part(*gas, "rigid"): grid * finer for gas in gases}
            if not self.n_snapshots:
                continue
            parts[frames_part("average", at_k)] = grid * len(gases) * self.n_snapshots
            for gas in gases:
                parts[gas_part(*gas, "averaged")] = grid * RESAMPLES * BASINS
                if self.umbrella_ps:
                    steps = round(estimate.UMBRELLA_PLACES * self.umbrella_ps * (1.0 + SETTLING) / STEP_PS)
                    parts[gas_part(*gas, "umbrella")] = estimate.melt_seconds(self.n_particles, steps)
        return parts

    @property
    def n_particles(self) -> int:
        """Of the framework in motion: atoms, and dummy sites where its force field has them."""
        from zifsim.campaign import estimate

        dummies = self.dynamics is not None and self.dynamics.dissociable
        return self.framework.n_atoms + (estimate.dummy_count(self.framework) if dummies else 0)


def _whole(text: str | None) -> int | None:
    """The whole number that a text is, or None where it is none (a path)."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def run_access_job(job: AccessJob, out: Path, report: Report = silent) -> list[GasAccess]:
    """Run or continue a job in ``out``; a finished one is read back (without its masks).

    Raises
    ------
    InputError: ``out`` holds something else, is in use or cannot be written to; nothing is changed there.
    RunInterrupted: asked to stop; what is finished is kept.
    """
    from zifsim.access.stored import read_results

    job.check(out)
    return job.claim.run(out, work=lambda: access_results(job, out, report),
                         write=lambda results, started: write_results(job, out, results),
                         read=lambda: read_results(out), platform=job.platform if job.dynamics else None)


def access_results(job: AccessJob, folder: Path, report: Report) -> list[GasAccess]:
    """The results of a job, gas by gas; dynamics, averages and umbrella sampling under way are kept in ``folder``."""
    from zifsim.access.run import framework_access
    from zifsim.access.umbrella import UmbrellaSettings
    from zifsim.runs.devices import gpu_lease

    report(Event(values=job.seconds, kind="plan"))
    umbrella = None
    if job.umbrella_ps and job.dynamics is not None:
        umbrella = UmbrellaSettings(job.umbrella_ps, job.dynamics, job.settings.gcmc.seed, job.platform, job.threads)
    found: dict[tuple[str, float], list[GasAccess]] = {(model.name, t): [] for model, t in job.guests}
    for at_k, numbers in job.sets.items():
        frames = _snapshots(job, at_k, folder, report)
        with gpu_lease(job.platform) if umbrella else nullcontext():
            results = framework_access(
                job.framework, [job.guests[n] for n in numbers], job.forcefield, job.settings, snapshots=frames,
                snapshot_temperature_k=at_k, umbrella=umbrella, threads=job.threads, folder=folder / "average",
                report=report)
        for result in results:
            found[result.guest_model, result.temperature_k].append(result)
    return [result for results in found.values() for result in results]


def _snapshots(job: AccessJob, at_k: float | None, folder: Path, report: Report) -> Sequence[Framework]:
    """The framework in motion: snapshots read, or made at a temperature, or none."""
    from zifsim.access.run import frames_part
    from zifsim.access.snapshots import make_snapshots, read_snapshots
    from zifsim.runs.devices import gpu_lease

    if at_k is None or job.dynamics is None:
        return job.frames
    run = folder / f"snapshots-{at_k:g}K"
    with gpu_lease(job.platform):
        make_snapshots(job.framework, job.dynamics, at_k, job.snapshots, run, seed=job.settings.gcmc.seed,
                       threads=job.threads, platform=job.platform, part=frames_part("snapshots", at_k), report=report)
    return read_snapshots(run, job.framework)


def write_results(job: AccessJob, folder: Path, results: Sequence[GasAccess]) -> list[str]:
    """Leave the results of a job in its folder; returns the names of the files."""
    from zifsim.access.figure import access_png
    from zifsim.access.stored import write_access
    from zifsim.io.files import write_bytes_atomic

    names = write_access(folder, job.framework, results, job.config, version(), job.notes)
    what = f": {job.n_snapshots} snapshots" if job.n_snapshots else ", rigid"
    write_bytes_atomic(folder / FIGURE, access_png(results, job.framework.name + what))
    return [*names, FIGURE]
