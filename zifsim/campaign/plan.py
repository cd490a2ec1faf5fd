"""Plans: from a study to its stages, what runs, with which configuration, on which inputs, after which others.

Planning loads every structure, force field and guest once, so that whatever is wrong with the input is said
before anything is written.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zifsim.campaign import estimate
from zifsim.campaign.access_stage import access_stage
from zifsim.campaign.materials import Adsorption, StructuralModel
from zifsim.campaign.stage import Stage
from zifsim.campaign.stagefolder import parameter_digests
from zifsim.campaign.study import UNRELAXED, Crystal, GasRun, Gcmc, Glass, Study
from zifsim.errors import InputError
from zifsim.model.framework import Framework, reduced
from zifsim.rng import derive_seed
from zifsim.runs.devices import threads_per_melt
from zifsim.runs.digest import plain, sha256_file
from zifsim.units import BAR_PA

if TYPE_CHECKING:
    from zifsim.crystals.crystal import CrystalStructure
    from zifsim.model.guest import GuestModel

STAGES = "zifsim.campaign.stages"


def make_plan(study: Study, workers: int = 1) -> list[Stage]:
    """All stages of a study, inputs before those that use them; ``workers`` cores share the melts.

    Raises
    ------
    InputError, UnknownNameError: a structure, force field, charge set, program or gas that cannot be used.
    """
    stages: list[Stage] = []
    crystals: dict[str, list[StructuralModel]] = {}
    for name, material in study.materials.items():
        if isinstance(material, Crystal):
            crystals[name] = crystal_stages(name, material, stages)
    models = {name: melt_stages(study, name, crystals[material.glass_of], stages) if isinstance(material, Glass)
              else crystals[name]
              for name, material in study.materials.items()}
    threads = threads_per_melt(workers, sum(s.kind == "melt" for s in stages))
    stages[:] = [replace(s, threads=threads) if s.kind == "melt" else s for s in stages]
    adsorption = load_adsorption(study.gcmc)
    for name in models:
        for model in models[name]:
            gcmc_stages(study, adsorption, model, stages)
            if study.access is not None and name in (study.access.materials or models):
                stages.append(access_stage(study, study.access, adsorption, model))
    ids = [stage.id for stage in stages]
    for repeated in (i for i, n in Counter(ids).items() if n > 1):
        raise InputError(f"The study asks for '{repeated}' twice; name each structure and configuration once.")
    return stages


def crystal_stages(name: str, material: Crystal, stages: list[Stage]) -> list[StructuralModel]:
    """Build (and relax) stages of a crystal, one per file and arrangement."""
    from zifsim.crystals.crystal import open_crystal

    models = []
    for source in material.structures:
        crystal = open_crystal(source)
        letters = [c.letter for wanted in material.configurations
                   for c in crystal.choose(wanted, material.bim_per_cell)]
        for letter in letters:
            parts = [Path(source).stem] if len(material.structures) > 1 else []
            parts += [letter] if len(letters) > 1 or not parts else []
            models.append(_crystal_model(name, "-".join(parts), source, crystal, letter, material, stages))
    kinds = {reduced(model.cell.formula): model.configuration for model in models}
    if len(kinds) > 1:      # a mean over them would be one of nothing
        said = ", ".join(f"{label} is {formula}" for formula, label in kinds.items())
        raise InputError(f"materials.{name}: its structures are different materials ({said}); give each a name of its "
                         "own.")
    return models


def _crystal_model(name: str, label: str, source: str, crystal: CrystalStructure, letter: str, material: Crystal,
                   stages: list[Stage]) -> StructuralModel:
    from zifsim.structures import name_of, usual_relaxation

    cell = crystal.order(letter, material.bim_per_cell)[0]
    relax_with = material.relax_with or usual_relaxation(crystal)
    if relax_with == UNRELAXED:
        relax_with = None
    framework_name = name_of(cell, crystal, relax_with)
    config = {"material": name, "structure": source, "structure_sha256": sha256_file(crystal.path),
              "bim_per_cell": material.bim_per_cell, "configuration": letter}
    if framework_name != cell.name:
        config["framework_name"] = framework_name
    last = Stage("build", f"{name} {label}", config, f"{STAGES}:run_build", seconds=estimate.BUILD_SECONDS,
                 size=f"{cell.n_atoms} atoms, {cell.density_g_cm3:.3f} g/cm³", work=cell.formula)
    stages.append(last)
    if relax_with is not None:
        last = _relax_stage(name, label, relax_with, last, replace(cell, name=framework_name),
                            insist=material.relax_with is not None)
        stages.append(last)
    return StructuralModel(name, label, material.framework_kind, last.id, cell)


def _relax_stage(name: str, label: str, forcefield: str, build: Stage, cell: Framework, insist: bool) -> Stage:
    from zifsim.io.melt_forcefields import load_melt_forcefield
    from zifsim.structures import relaxed_path

    parameters = {"forcefield": load_melt_forcefield(forcefield)}
    travels = relaxed_path(cell, parameters["forcefield"]).is_file()
    return Stage("relax", f"{name} {label}",
                 {"forcefield": forcefield, "parameters_sha256": parameter_digests(parameters), "insist": insist},
                 f"{STAGES}:run_relax", needs={"framework": (build.id, "framework.extxyz")},
                 seconds=estimate.relax_seconds(cell.n_atoms, travels), size=f"{cell.n_atoms} atoms",
                 work=f"atoms in the fixed cell, {parameters['forcefield'].name}{', travels with zifsim' * travels}",
                 parameters=parameters)


def melt_stages(study: Study, name: str, crystals: list[StructuralModel], stages: list[Stage],
                tag: str = "") -> list[StructuralModel]:
    """One melt per crystal model and replica; ``tag`` sets their labels apart from those of other settings."""
    from zifsim.io.melt_forcefields import load_melt_forcefield
    from zifsim.melt.program import check_temperatures, melt_program

    melt = study.melt
    forcefield = load_melt_forcefield(melt.forcefield)
    parameters = {"forcefield": forcefield}
    program = melt_program(melt.program, hold_ps=melt.hold_ps, quench_rate_k_per_ps=melt.quench_rate_k_per_ps,
                           heat_rate_k_per_ps=melt.heat_rate_k_per_ps, anneal_ps=melt.anneal_ps,
                           equilibrate_ps=melt.equilibrate_ps, timestep_fs=melt.timestep_fs)
    check_temperatures(program, forcefield)
    models, digests = [], parameter_digests(parameters)
    for crystal in crystals:
        cell = crystal.cell.supercell(melt.supercell)  # type: ignore[arg-type]
        particles = cell.n_atoms + (estimate.dummy_count(cell) if forcefield.dissociable else 0)
        for replica in range(1, melt.replicas + 1):
            label = f"{crystal.configuration}-{tag}r{replica}"
            config = {"material": name, "configuration": label, "forcefield": melt.forcefield,
                      "parameters_sha256": digests, "program": plain(program),
                      "supercell": list(melt.supercell), "cutoff_angstrom": melt.cutoff_angstrom,
                      "tail_correction": melt.tail_correction,
                      "platform": melt.platform,
                      "seed": derive_seed(study.study.seed, "melt", name, label)}
            stage = Stage("melt", f"{name} {label}", config, f"{STAGES}:run_melt_stage",
                          needs={"framework": (crystal.stage, crystal.file)},
                          seconds=estimate.melt_seconds(particles, program.n_steps),
                          megabytes=estimate.melt_megabytes(particles, program.duration_ps),
                          size=f"{cell.n_atoms} atoms, {particles} particles",
                          work=f"{program.n_steps} steps, {program.duration_ps:g} ps", parameters=parameters)
            stages.append(stage)
            models.append(StructuralModel(name, label, "glass", stage.id, cell, "glass.extxyz"))
    return models


def load_adsorption(gcmc: Gcmc) -> Adsorption:
    """Load and check what the adsorption runs have in common in all frameworks."""
    from zifsim.gcmc.bulk import equation_of_state
    from zifsim.io.adsorption import charge_source, load_adsorption_forcefield, load_charge_set

    forcefield = load_adsorption_forcefield(gcmc.forcefield)
    charges = load_charge_set(charge_source(gcmc.charges, gcmc.forcefield))
    gases = []
    for run in gcmc.gases:
        guest = load_gas(run)
        eos = equation_of_state(guest, run.temperature_k, gcmc.metastable)
        for pressure in run.pressures_bar:
            eos.fugacity_pa(run.temperature_k, pressure * BAR_PA)
        gases.append((run, guest))
    return Adsorption(forcefield, charges, tuple(gases))


def gcmc_stages(study: Study, adsorption: Adsorption, model: StructuralModel, stages: list[Stage]) -> None:
    """One isotherm per gas in a framework."""
    from zifsim.gcmc.system import supercell_repeats
    from zifsim.io.adsorption import assign_charges, lj_parameters

    gcmc = study.gcmc
    if adsorption.is_new(model.cell):
        assign_charges(model.cell, adsorption.charges)
        lj_parameters(model.cell, adsorption.forcefield)
    settings = gcmc.model_dump(exclude={"forcefield", "charges", "gases"})
    for run, guest in adsorption.gases:
        parameters = adsorption.parameters(guest)
        name = f"{model.material} {model.configuration} {run.label}"
        config = {"material": model.material, "configuration": model.configuration,
                  "framework_kind": model.kind, "gas": run.gas, "model": run.model,
                  "temperature_k": run.temperature_k, "pressures_pa": [p * BAR_PA for p in run.pressures_bar],
                  "forcefield": gcmc.forcefield, "charges": adsorption.charges.name,
                  "parameters_sha256": adsorption.digests(guest),
                  "settings": settings | {"guest_images": run.guest_images,
                                          "seed": derive_seed(study.study.seed, "gcmc", name)}}
        repeats = supercell_repeats(model.cell, (guest,), gcmc.cutoff_angstrom, run.guest_images)
        atoms = model.cell.n_atoms * math.prod(repeats)
        low, high = gcmc.min_moves, gcmc.max_moves
        stages.append(Stage(
            "gcmc", name, config, f"{STAGES}:run_gcmc", needs={"framework": (model.stage, model.file)},
            seconds=estimate.gcmc_seconds(guest, run.temperature_k, len(run.pressures_bar), (low, high),
                                          model.cell.volume * math.prod(repeats)),
            megabytes=estimate.GCMC_MEGABYTES,
            size=f"{atoms} atoms ({'×'.join(map(str, repeats))})",
            work=f"{len(run.pressures_bar)} pressures, up to {high:.2g} moves each", parameters=parameters))


def load_gas(run: GasRun) -> GuestModel:
    """The guest model of a gas run; its gas must be the one named."""
    from zifsim.io.guests import load_guest

    guest = load_guest(run.model or run.gas, temperature_k=run.temperature_k)
    if run.model and run.gas.upper() != guest.gas.upper():
        raise InputError(f"gcmc.gases: the model {run.model} is for {guest.gas}, not {run.gas}.")
    return guest
