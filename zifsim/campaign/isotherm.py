"""One isotherm on its own, outside a study: checked before it starts, resumable, with its record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zifsim.campaign import provenance, rundir
from zifsim.errors import InputError
from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.aif import write_aif
from zifsim.io.files import read_json, sha256_file, write_bytes_atomic, write_json_atomic
from zifsim.io.tables import write_csv
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.uptake import Isotherm

CSV_COLUMNS = (
    "pressure_pa", "fugacity_pa", "loading_mol_kg", "loading_error_mol_kg", "loading_ml_stp_g",
    "loading_error_ml_stp_g", "excess_mol_kg", "molecules_per_cell", "molecules_per_cell_error",
    "heat_of_adsorption_kj_mol", "heat_of_adsorption_error_kj_mol", "n_moves", "n_equilibration_moves",
    "effective_samples", "equilibrated", "seed",
)
OUTPUTS = ("isotherm.json", "isotherm.csv", "isotherm.aif", "isotherm.png", "record.json")


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

        if temperature_k <= 0:
            raise InputError(f"--temperature {temperature_k:g} is no temperature in K; it must be above 0.")
        guest = load_guest(gas, temperature_k=temperature_k)
        parameters, charge_set = load_adsorption_forcefield(forcefield), load_charge_set(charges)
        for pressure in pressures_pa:
            PengRobinson(guest).fugacity_pa(temperature_k, pressure)
        framework = assign_charges(load_framework(structure), charge_set)
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
    def condensation_pa(self) -> float | None:
        """Saturation pressure of the gas, Pa, where the last pressure lies beyond it."""
        from zifsim.gcmc.eos import PengRobinson

        eos = PengRobinson(self.guest)
        if not eos.beyond_saturation(self.temperature_k, self.pressures_pa[-1]):
            return None
        return eos.saturation_pressure_pa(self.temperature_k)


def run_isotherm_job(job: IsothermJob, out: Path, progress: Callable[[dict[str, Any]], None]) -> Isotherm:
    """Run or resume a job in ``out``; a finished one is read back.

    Raises
    ------
    InputError: ``out`` holds something else, or is in use; nothing is changed there.
    """
    from zifsim.gcmc.engine import run_isotherm
    from zifsim.report.isotherm import isotherm_png

    key = rundir.content_key("isotherm", job.config, job.inputs_sha256)
    _check_folder(out, key)
    with rundir.locked(out):
        if rundir.finished_outputs(out) is not None:
            return Isotherm.from_dict(read_json(out / "isotherm.json"))
        write_json_atomic(out / "config.json", {"kind": "isotherm", "key": key, "config": job.config,
                                                "inputs_sha256": job.inputs_sha256})
        record = provenance.start_record(f"isotherm {job.guest.gas} in {job.framework.name}",
                                         seed=job.settings.seed, settings=job.config,
                                         inputs_sha256=job.inputs_sha256)
        provenance.write_record(out, record)
        isotherm = run_isotherm(job.framework, job.guest, job.forcefield, job.temperature_k, job.pressures_pa,
                                job.settings, charges=job.charges, out_dir=out, threads=job.threads,
                                progress=progress)
        write_json_atomic(out / "isotherm.json", isotherm.to_dict())
        rows = [[getattr(point, column) for column in CSV_COLUMNS] for point in isotherm.points]
        write_csv(out / "isotherm.csv", CSV_COLUMNS, rows)
        write_aif(out / "isotherm.aif", isotherm, record.started)
        write_bytes_atomic(out / "isotherm.png", isotherm_png(isotherm))
        digests = {name: sha256_file(out / name) for name in OUTPUTS[:-1]}
        provenance.write_record(out, provenance.finish_record(record, digests))
        rundir.mark_done(out, OUTPUTS)
        return isotherm


def _check_folder(out: Path, key: str) -> None:
    """Raise InputError unless ``out`` is new, empty, or holds this very job."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; give a folder with --out.")
    if not out.is_dir() or all(p.name == rundir.LOCK for p in out.iterdir()):
        return
    try:
        held = read_json(out / "config.json")["key"]
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(f"{out} holds other files and no isotherm; choose a new --out folder.") from None
    if held != key:
        raise InputError(f"{out} holds another calculation (see {out / 'config.json'}); choose a new folder "
                         "with --out.")
