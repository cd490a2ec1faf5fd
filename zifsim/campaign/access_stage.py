"""Access stage of a study: how much of its loading each gas reaches in a model, in the time of an experiment.

Planned where the study has an ``[access]`` table; what it finds is the accessible column of the comparison. The work is
that of :mod:`zifsim.campaign.access_job`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zifsim.campaign.access_job import AccessJob, access_results, write_results
from zifsim.campaign.stage import Stage
from zifsim.campaign.stagefolder import parameter, parameter_digests
from zifsim.io.values import from_plain
from zifsim.model.forcefield import AdsorptionForceField, ChargeSet, MeltForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.rng import derive_seed
from zifsim.runs.progress import Report, folded

if TYPE_CHECKING:
    from zifsim.campaign.materials import Adsorption, StructuralModel
    from zifsim.campaign.study import Access, Study

CRYSTAL_DYNAMICS = "ZIF-FF"


def access_stage(study: Study, access: Access, adsorption: Adsorption, model: StructuralModel) -> Stage:
    """All gases in one model.

    Raises
    ------
    UnknownNameError: no such force field for the dynamics.
    """
    from zifsim.io.melt_forcefields import load_melt_forcefield

    gcmc, name = study.gcmc, f"{model.material} {model.configuration}"
    dynamics = access.dynamics or (study.melt.forcefield if model.kind == "glass" else CRYSTAL_DYNAMICS)
    parameters: dict[str, Any] = {"forcefield": adsorption.forcefield, "charges": adsorption.charges,
                                  "guests": [guest for _, guest in adsorption.gases]}
    moving = load_melt_forcefield(dynamics)
    config = {
        "material": model.material, "configuration": model.configuration,
        "gases": [[run.model or run.gas, run.temperature_k] for run, _ in adsorption.gases],
        "forcefield": gcmc.forcefield, "charges": adsorption.charges.name,
        "cutoff_angstrom": gcmc.cutoff_angstrom, **access.model_dump(exclude={"dynamics", "materials"}),
        "seed": derive_seed(study.study.seed, "access", name)}
    if access.snapshots:
        parameters["dynamics"] = moving
        config |= {"dynamics": dynamics, "platform": study.melt.platform}
    config["parameters_sha256"] = parameter_digests(parameters)
    job = _job(config, model.cell, **parameters)
    n_sets = len(job.sets)
    return Stage(
        "access", name, config, "zifsim.campaign.access_stage:run_access",
        needs={"framework": (model.stage, model.file)}, seconds=sum(job.seconds.values()),
        megabytes=1.0 + 0.012 * job.n_particles * access.snapshots * n_sets / 1e3, size=f"{model.cell.n_atoms} atoms",
        work=f"{len(job.guests)} gases, "
             + (f"{access.snapshots} snapshots at {n_sets} temperature{'s' if n_sets > 1 else ''}" if access.snapshots
                else "rigid"), parameters=parameters)


def run_access(config: Mapping[str, Any], inputs: Mapping[str, Path], folder: Path, report: Report) -> list[str]:
    """Accessibility of every gas in a model, rigid or moving; continues what was begun in the folder."""
    from zifsim.io.adsorption import assign_charges
    from zifsim.io.xyz import read_framework

    charges = parameter(config, "charges", ChargeSet)
    job = _job(config, assign_charges(read_framework(inputs["framework"]), charges),
               parameter(config, "forcefield", AdsorptionForceField), charges,
               [from_plain(GuestModel, values, "the stage's guest") for values in config["parameters"]["guests"]],
               parameter(config, "dynamics", MeltForceField) if config["snapshots"] else None)
    return write_results(job, folder, access_results(job, folder, folded(report)))


def _job(config: Mapping[str, Any], framework: Framework, forcefield: AdsorptionForceField, charges: ChargeSet,
         guests: list[GuestModel], dynamics: MeltForceField | None = None) -> AccessJob:
    """The job of a stage, from its configuration and its parameters."""
    from zifsim.access.filling import Experiment
    from zifsim.access.run import AccessSettings
    from zifsim.gcmc.settings import GCMCSettings

    settings = AccessSettings(
        experiment=Experiment(config["size_um"], config["hours"]),
        gcmc=GCMCSettings(cutoff_angstrom=config["cutoff_angstrom"], seed=config["seed"],
                          grid_spacing_angstrom=config["grid_spacing_angstrom"]))
    return AccessJob(
        framework=framework, guests=tuple((guest, t) for guest, (_, t) in zip(guests, config["gases"], strict=True)),
        forcefield=forcefield, charges=charges.name, settings=settings, snapshots=config["snapshots"],
        snapshot_temperature_k=config["snapshot_temperature_k"], dynamics=dynamics,
        umbrella_ps=config["umbrella_ps"] if config["snapshots"] else 0.0, platform=config.get("platform", "auto"))
