"""One isotherm on its own, outside a study: checked before it starts, resumable, with its record."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zifsim.campaign import provenance, rundir
from zifsim.errors import InputError
from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.aif import write_aif
from zifsim.io.files import read_json, sha256_file, write_bytes_atomic, write_json_atomic
from zifsim.io.guests import DEFAULT_MODELS
from zifsim.io.tables import write_csv
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.uptake import Isotherm, LoadingPoint

OUTPUTS = ("isotherm.json", "isotherm.csv", "isotherm.aif", "isotherm.png", "record.json")
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
class IsothermJob:
    """Everything an isotherm needs, loaded and checked. ``framework`` has its charges."""

    framework: Framework
    guest: GuestModel
    forcefield: AdsorptionForceField
    charges: str
    temperature_k: float
    pressures_pa: tuple[float, ...]
    settings: GCMCSettings
    threads: int = 1

    @classmethod
    def load(cls, structure: str, gas: str, temperature_k: float, pressures_pa: Sequence[float],
             forcefield: str, charges: str, settings: GCMCSettings, threads: int = 1) -> IsothermJob:
        """Load a job by names or files.

        Raises
        ------
        InputError, UnknownNameError: something that is missing, unknown or does not fit together.
        """
        from zifsim.build.load import load_framework
        from zifsim.gcmc.eos import PengRobinson
        from zifsim.gcmc.system import check_framework
        from zifsim.io.adsorption import (
            assign_charges,
            lj_parameters,
            load_adsorption_forcefield,
            load_charge_set,
        )
        from zifsim.io.guests import load_guest

        guest = load_guest(gas, temperature_k=temperature_k)
        parameters, charge_set = load_adsorption_forcefield(forcefield), load_charge_set(charges)
        for pressure in pressures_pa:
            PengRobinson(guest).fugacity_pa(temperature_k, pressure)
        framework = load_framework(structure)
        if guest.has_charges:       # a gas without charges does not feel the framework's
            framework = assign_charges(framework, charge_set)
        lj_parameters(framework, parameters)
        check_framework(framework, guest)
        return cls(framework, guest, parameters, charge_set.name, temperature_k, tuple(pressures_pa),
                   settings, threads)

    @property
    def config(self) -> dict[str, Any]:
        """Everything that can change the numbers, JSON-ready."""
        return {"gas": self.guest.gas, "guest_model": self.guest.name, "temperature_k": self.temperature_k,
                "pressures_pa": list(self.pressures_pa), "forcefield": self.forcefield.name,
                "charges": self.charges, "settings": asdict(self.settings), "threads": self.threads,
                "guest_sha256": provenance.digest(self.guest),
                "forcefield_sha256": provenance.digest(self.forcefield)}

    @property
    def inputs_sha256(self) -> dict[str, str]:
        return {"framework": self.framework.content_hash()}

    @property
    def key(self) -> str:
        """What the job's folder is known by."""
        return rundir.content_key("isotherm", self.config, self.inputs_sha256)

    @property
    def default_folder(self) -> Path:
        """``results/gcmc/ZIF-8_CO2_273K``; where that holds something else, with eight digits of the job's key.

        The same job finds the same folder again, and a changed one gets a folder of its own.
        """
        gas = self.guest.gas if self.guest.name == DEFAULT_MODELS.get(self.guest.gas) else self.guest.name
        plain = DEFAULT_ROOT / f"{rundir.slug(self.framework.name)}_{rundir.slug(gas)}_{self.temperature_k:g}K"
        own = plain.with_name(f"{plain.name}-{self.key[:8]}")
        return own if own.exists() or _why_not(plain, self.key) else plain

    def check_folder(self, out: Path) -> None:
        """Raise InputError unless ``out`` is new, empty, or holds this very job; writes nothing."""
        if reason := _why_not(out, self.key):
            raise InputError(reason)

    @property
    def bulk(self) -> tuple[BulkState, ...]:
        """The gas outside at every pressure."""
        from zifsim.gcmc.eos import PengRobinson

        eos = PengRobinson(self.guest)
        saturation = eos.saturation_or_nan_pa(self.temperature_k)
        return tuple(BulkState(p, eos.fugacity_pa(self.temperature_k, p), p / saturation,
                               eos.phase(self.temperature_k, p)) for p in self.pressures_pa)

    @property
    def cost(self) -> JobCost:
        """What the job will need."""
        from zifsim.campaign.estimate import gcmc_seconds
        from zifsim.gcmc.grid import divisions_for
        from zifsim.gcmc.system import supercell_repeats

        cells = supercell_repeats(self.framework, (self.guest,), self.settings.cutoff_angstrom)
        nodes = divisions_for(self.framework.cell, self.settings.grid_spacing_angstrom)
        lj_sites = {(s.epsilon_k, s.sigma_angstrom, s.charge_e) for s in self.guest.sites if s.epsilon_k > 0.0}
        grids = len(lj_sites) + any(s.epsilon_k == 0.0 for s in self.guest.sites)
        seconds = gcmc_seconds(self.guest, self.temperature_k, len(self.pressures_pa),
                               (self.settings.min_moves, self.settings.max_moves),
                               self.framework.volume * math.prod(cells))
        return JobCost(cells, self.framework.n_atoms * math.prod(cells), nodes, grids,
                       grids * math.prod(n + 3 for n in nodes) * 4 / 1e6, seconds / self.threads)


def run_isotherm_job(job: IsothermJob, out: Path, progress: Callable[[dict[str, Any]], None],
                     unit: str = "ml_stp_g") -> Isotherm:
    """Run or resume a job in ``out``; a finished one is read back. ``unit`` is that of the picture.

    ``progress`` takes the engine's events, and before them one for every pressure that is already there
    (``resumed`` among its keys).

    Raises
    ------
    InputError: ``out`` holds something else, is in use or cannot be written to; nothing is changed there.
    """
    from zifsim.gcmc.engine import run_isotherm

    job.check_folder(out)
    with _writable(out), rundir.locked(out):
        if rundir.finished_outputs(out) is not None:
            isotherm = Isotherm.from_dict(read_json(out / "isotherm.json"))
            _redraw(out, isotherm, unit)
            return isotherm
        write_json_atomic(out / "config.json", {"kind": "isotherm", "key": job.key, "config": job.config,
                                                "inputs_sha256": job.inputs_sha256})
        record = provenance.start_record(f"isotherm {job.guest.gas} in {job.framework.name}",
                                         seed=job.settings.seed, settings=job.config,
                                         inputs_sha256=job.inputs_sha256)
        provenance.write_record(out, record)
        for path in sorted((out / "points").glob("*.json")):
            point = LoadingPoint(**read_json(path))
            progress({"pressure_pa": point.pressure_pa, "moves": point.n_moves, "fraction": 1.0, "point": point,
                      "molecules": point.molecules_per_cell, "resumed": True})
        try:
            isotherm = run_isotherm(job.framework, job.guest, job.forcefield, job.temperature_k, job.pressures_pa,
                                    job.settings, charges=job.charges, out_dir=out, threads=job.threads,
                                    progress=progress)
        except Exception as error:
            provenance.write_record(out, provenance.finish_record(record, {}, f"{type(error).__name__}: {error}"))
            raise
        _write(out, isotherm, record.started, unit)
        digests = {name: sha256_file(out / name) for name in OUTPUTS[:-1]}
        provenance.write_record(out, provenance.finish_record(record, digests))
        rundir.mark_done(out, OUTPUTS)
        return isotherm


def _write(out: Path, isotherm: Isotherm, date: str, unit: str) -> None:
    """The isotherm in every form."""
    from zifsim.report.isotherm import isotherm_png

    write_json_atomic(out / "isotherm.json", isotherm.to_dict())
    table = isotherm.columns()
    write_csv(out / "isotherm.csv", list(table), list(zip(*table.values(), strict=True)))
    write_aif(out / "isotherm.aif", isotherm, date)
    write_bytes_atomic(out / "isotherm.png", isotherm_png(isotherm, unit))


def _redraw(out: Path, isotherm: Isotherm, unit: str) -> None:
    """The picture of a finished isotherm in another unit; its numbers stay as they are."""
    from zifsim.report.isotherm import isotherm_png

    picture = isotherm_png(isotherm, unit)
    if picture == (out / "isotherm.png").read_bytes():
        return
    write_bytes_atomic(out / "isotherm.png", picture)
    record = read_json(out / "record.json")
    record["outputs_sha256"]["isotherm.png"] = sha256_file(out / "isotherm.png")
    write_json_atomic(out / "record.json", record)
    rundir.mark_done(out, OUTPUTS)


@contextmanager
def _writable(out: Path) -> Iterator[None]:
    """What the file system refuses, as one sentence."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        yield
    except (PermissionError, FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"{out} cannot be written to ({error.strerror}); choose another folder with --out.") from error


def _why_not(out: Path, key: str) -> str:
    """Why ``out`` is not the folder of the job ``key``; nothing where it is new, empty, or holds that very job."""
    nearest = next(p for p in (out, *out.absolute().parents) if p.exists())
    if not nearest.is_dir():
        return f"{nearest} is a file; give a folder with --out."
    if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        return f"{out} cannot be written to: no permission for {nearest}; choose another folder with --out."
    if not out.is_dir() or all(p.name == rundir.LOCK for p in out.iterdir()):
        return ""
    try:
        held = read_json(out / "config.json")["key"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"{out} holds other files and no isotherm; choose a new --out folder."
    if held != key:
        return f"{out} holds another calculation (see {out / 'config.json'}); choose a new folder with --out."
    return ""
