"""A finished sweep without its simulations: results of known numbers in the folders of the real plan."""

from __future__ import annotations

import json
import math
from pathlib import Path

from zifsim.model.uptake import Isotherm, LoadingPoint
from zifsim.runs.folder import mark_done
from zifsim.runs.record import start_record, write_record
from zifsim.sweep import folder
from zifsim.sweep.axes import Sweep
from zifsim.sweep.jobs import Job, plan_jobs

SCATTER = 0.01      # between replicates, g/cm³


def density(job: Job) -> float:
    """1.40 − 0.03 per decade of K/ps; replicates 1, 2, 3 lie a little above, on and below it."""
    return 1.40 - 0.03 * math.log10(job.rate_k_per_ps) + SCATTER * (2 - job.replicate)


def uptake_mol_kg(glass_density: float, pressure_pa: float) -> float:
    return (3.0 - 2.0 * glass_density) * math.sqrt(pressure_pa / 1e5)


def finish(out: Path, sweep: Sweep, but: tuple[str, ...] = ()) -> list[Job]:
    """Plan the sweep and leave every job's results, except those of ``but``."""
    jobs = plan_jobs(sweep)
    folder.write_plan(out, sweep, jobs)
    densities = {}
    for job in jobs:
        if job.kind == "melt":
            densities[job.id] = density(job)
        if job.id in but or any(source in but for source, _ in job.needs.values()):
            continue
        path = out / job.id
        path.mkdir(parents=True)
        if job.kind == "melt":
            outputs = _melt(path, densities[job.id], job)
        elif job.kind == "gcmc":
            outputs = _isotherm(path, job, densities[job.needs["framework"][0]])
        elif job.kind == "pores":
            (path / "pores.json").write_text(json.dumps({"pore_limiting_diameter_angstrom": 2.5 + 0.1 * job.replicate,
                                                         "largest_cavity_diameter_angstrom": 5.0}))
            outputs = ["pores.json"]
        else:
            (path / "framework.extxyz").write_text(job.id)
            outputs = ["framework.extxyz"]
        inputs = {name: out / source / file for name, (source, file) in job.needs.items()}
        job.folder(out).claim(job.config, inputs, job.run, folder.read_parameters(out, job)).write(path)
        write_record(path, start_record(f"{job.kind} {job.name}", seed=job.seed))
        mark_done(path, [*outputs, "record.json"])
    return jobs


def _melt(path: Path, glass_density: float, job: Job) -> list[str]:
    (path / "glass.extxyz").write_text(f"{job.id} {glass_density}")
    (path / "melt.json").write_text(json.dumps({
        "density_g_cm3": glass_density, "density_error_g_cm3": 0.002, "density_settled": job.replicate != 3,
        "mean_coordination": 3.9, "coordination": {"3": 0.1, "4": 0.9}, "bonds_kept": 0.2, "ns_per_day": 7.0}))
    return ["glass.extxyz", "melt.json"]


def _isotherm(path: Path, job: Job, glass_density: float) -> list[str]:
    points = tuple(LoadingPoint(
        pressure_pa=p, fugacity_pa=p, loading_mol_kg=uptake_mol_kg(glass_density, p), loading_error_mol_kg=0.01,
        excess_mol_kg=0.0, molecules_per_cell=1.0, molecules_per_cell_error=0.0, heat_of_adsorption_kj_mol=20.0,
        heat_of_adsorption_error_kj_mol=0.1, n_moves=1, n_equilibration_moves=0, effective_samples=100.0,
        equilibrated=True, seed=job.seed) for p in job.config["pressures_pa"])
    isotherm = Isotherm(job.config["gas"], job.config["gas"], "PP", "ZIF-FF", "glass", "0" * 64,
                        job.config["temperature_k"], (1, 1, 1), points)
    (path / "isotherm.json").write_text(json.dumps(isotherm.to_dict()))
    return ["isotherm.json"]
