"""The ``access`` stage of a study: how much of its loading each gas reaches in a model, in the time of an experiment.

Planned where the study has an ``[access]`` table; what it finds is the accessible column of the comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zifsim.campaign import estimate
from zifsim.campaign.stage import Stage
from zifsim.campaign.stagefolder import parameter_digests
from zifsim.campaign.stages import parameter
from zifsim.io.files import read_json, write_json_atomic
from zifsim.io.values import from_plain
from zifsim.model.forcefield import AdsorptionForceField, ChargeSet, MeltForceField
from zifsim.model.guest import GuestModel
from zifsim.rng import derive_seed
from zifsim.runs import stopping
from zifsim.runs.progress import Event, Report

if TYPE_CHECKING:
    from zifsim.access.result import GasAccess
    from zifsim.campaign.samples import Adsorption, Model
    from zifsim.campaign.study import Access, Study
    from zifsim.model.framework import Framework

CRYSTAL_DYNAMICS = "ZIF-FF"


def access_stage(study: Study, access: Access, adsorption: Adsorption, model: Model) -> Stage:
    """All gases in one model.

    Raises
    ------
    UnknownNameError: no such force field for the dynamics.
    """
    from zifsim.gcmc.grid import divisions_for
    from zifsim.io.melt_forcefields import load_melt_forcefield

    gcmc, name = study.gcmc, f"{model.material} {model.configuration}"
    dynamics = access.dynamics or (study.melt.forcefield if model.kind == "glass" else CRYSTAL_DYNAMICS)
    moving = load_melt_forcefield(dynamics)
    parameters: dict[str, Any] = {"forcefield": adsorption.forcefield, "charges": adsorption.charges,
                                  "guests": [guest for _, guest in adsorption.gases]}
    if access.snapshots:
        parameters["dynamics"] = moving
    config = {
        "material": model.material, "configuration": model.configuration,
        "gases": [[run.model or run.gas, run.temperature_k] for run, _ in adsorption.gases],
        "forcefield": gcmc.forcefield, "charges": gcmc.charges,
        "parameters_sha256": parameter_digests(parameters),
        "cutoff_angstrom": gcmc.cutoff_angstrom, **access.model_dump(exclude={"dynamics", "materials"}),
        "seed": derive_seed(study.study.seed, "access", name)}
    if access.snapshots:
        config |= {"dynamics": dynamics, "platform": study.melt.platform}
    n_runs = len(snapshot_temperatures(config))
    nodes = divisions_for(model.cell.cell, access.grid_spacing_angstrom)
    particles = model.cell.n_atoms + (estimate.dummy_count(model.cell) if moving.dissociable else 0)
    return Stage(
        "access", name, config, "zifsim.campaign.access_stage:run_access",
        needs={"framework": (model.stage, model.file)},
        seconds=estimate.access_seconds(nodes, len(adsorption.gases), access.snapshots, n_runs, particles,
                                        access.umbrella_ps),
        megabytes=1.0 + 0.012 * particles * access.snapshots * n_runs / 1e3, size=f"{model.cell.n_atoms} atoms",
        work=f"{len(adsorption.gases)} gases, "
             + (f"{access.snapshots} snapshots at {n_runs} temperature{'s' if n_runs > 1 else ''}" if access.snapshots
                else "rigid"), parameters=parameters)


def snapshot_temperatures(config: Mapping[str, Any]) -> dict[float, list[int]]:
    """Temperature of a run of snapshots (K) -> which of the gases it is for; empty where the framework is rigid."""
    runs: dict[float, list[int]] = {}
    for number, (_, temperature_k) in enumerate(config["gases"]):
        runs.setdefault(config["snapshot_temperature_k"] or temperature_k, []).append(number)
    return runs if config["snapshots"] else {}


def run_access(config: Mapping[str, Any], inputs: Mapping[str, Path], folder: Path,
               report: Report) -> list[str]:
    """Accessibility of every gas in a model, rigid or moving; resumes its dynamics and its average."""
    import zifsim
    from zifsim.access.filling import Experiment
    from zifsim.access.run import AccessSettings, framework_access
    from zifsim.access.stored import RESULT, write_access
    from zifsim.access.umbrella import UmbrellaSettings
    from zifsim.gcmc.settings import GCMCSettings
    from zifsim.io.adsorption import assign_charges
    from zifsim.io.xyz import read_framework
    from zifsim.runs.devices import gpu_lease

    charges = parameter(config, "charges", ChargeSet)
    forcefield = parameter(config, "forcefield", AdsorptionForceField)
    framework = assign_charges(read_framework(inputs["framework"]), charges)
    guests = [(from_plain(GuestModel, values, "the stage's guest"), temperature_k) for values, (_, temperature_k) in
              zip(config["parameters"]["guests"], config["gases"], strict=True)]
    settings = AccessSettings(
        experiment=Experiment(config["size_um"], config["hours"]),
        gcmc=GCMCSettings(cutoff_angstrom=config["cutoff_angstrom"], seed=config["seed"],
                          grid_spacing_angstrom=config["grid_spacing_angstrom"]))
    led = UmbrellaSettings(config["umbrella_ps"], parameter(config, "dynamics", MeltForceField), config["seed"],
                      config["platform"]) if config["umbrella_ps"] and config["snapshots"] else None
    runs = snapshot_temperatures(config) or {0.0: list(range(len(guests)))}
    found: dict[int, list[GasAccess]] = {}
    for done, (at_k, members) in enumerate(runs.items()):
        def tell(part: float, message: str, done: int = done) -> None:
            stopping.check()
            report(Event(fraction=(done + part) / len(runs), message=message))

        frames = _snapshots(config, framework, at_k, folder, tell) if config["snapshots"] else []
        tell(0.3, "grids")
        with gpu_lease(config["platform"]) if led else nullcontext():
            results = framework_access(
                framework, [guests[m] for m in members], forcefield, settings, snapshots=frames,
                snapshot_temperature_k=at_k or None, umbrella=led, folder=folder / "average",
                progress=lambda n, total: tell(0.3 + 0.3 * n / total, f"{n} of {total} snapshots averaged"),
                umbrella_progress=lambda n, total: tell(0.6 + 0.4 * n / total, f"led to {n} of {total} places"))
        found |= {m: [r for r in results if (r.guest_model, r.temperature_k) == (guests[m][0].name, guests[m][1])]
                  for m in members}
    names = write_access(folder, framework, [r for m in range(len(guests)) for r in found[m]],
                         {**{k: v for k, v in config.items() if k != "parameters"},
                          "forcefield": forcefield.name, "charges": charges.name}, zifsim.__version__)
    labels = {name: config[name] for name in ("material", "configuration")}
    write_json_atomic(folder / RESULT, read_json(folder / RESULT) | labels)
    return list(names)


def _snapshots(config: Mapping[str, Any], framework: Framework, at_k: float, folder: Path,
               tell: Callable[[float, str], None]) -> list[Framework]:
    """The framework in motion at a temperature; finished and unfinished dynamics are taken up again."""
    from zifsim.access.snapshots import make_snapshots, read_snapshots
    from zifsim.runs.devices import gpu_lease

    run = folder / f"snapshots-{at_k:g}K"
    with gpu_lease(config["platform"]):
        make_snapshots(framework, parameter(config, "dynamics", MeltForceField), at_k, config["snapshots"], run,
                       seed=config["seed"], platform=config["platform"],
                       progress=lambda step, total, info: tell(0.3 * step / total, f"snapshots at {at_k:g} K"))
    return read_snapshots(run, framework)
