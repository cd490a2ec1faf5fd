"""Stages: idempotent functions of (config, inputs) that leave their results in a folder.

Signature: ``(config, inputs, folder, report) -> names of the result files``. ``config["parameters"]`` has the force
fields, charges and guests as they were when the stage was planned. A stage that was killed is called again with the
same folder and continues from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from zifsim.campaign.stagefolder import parameter
from zifsim.errors import InputError
from zifsim.io.files import write_json_atomic
from zifsim.io.values import from_plain
from zifsim.model.framework import Framework
from zifsim.model.schedule import TemperatureProgram
from zifsim.runs.digest import sha256_file
from zifsim.runs.progress import Event, Report, folded

Values = Mapping[str, Any]
Inputs = Mapping[str, Path]


def _write_framework(folder: Path, framework: Framework) -> list[str]:
    from zifsim.io.cif import write_framework_cif
    from zifsim.io.xyz import write_framework

    write_framework(folder / "framework.extxyz", framework)
    write_framework_cif(folder / "framework.cif", framework)
    return ["framework.extxyz", "framework.cif"]


def run_build(config: Values, inputs: Inputs, folder: Path, report: Report) -> list[str]:
    """An ordered cell from a shipped name or a structure file."""
    from zifsim.crystals.crystal import find_structure
    from zifsim.crystals.load import load_framework

    source = find_structure(config["structure"])
    if sha256_file(source) != config["structure_sha256"]:
        raise InputError(f"{source} was changed after this stage was planned; start the study anew.")
    cell = load_framework(config["structure"], configuration=config["configuration"],
                          bim_per_cell=config["bim_per_cell"])
    return _write_framework(folder, replace(cell, name=config.get("framework_name", cell.name)))


def run_relax(config: Values, inputs: Inputs, folder: Path, report: Report) -> list[str]:
    """Atoms at the minimum of a melt force field, in the fixed cell."""
    from zifsim.io.xyz import read_framework
    from zifsim.model.forcefield import MeltForceField
    from zifsim.structures import relaxed

    framework, forcefield = read_framework(inputs["framework"]), parameter(config, "forcefield", MeltForceField)
    return _write_framework(folder, relaxed(framework, forcefield, report, insist=config["insist"]))


def run_melt_stage(config: Values, inputs: Inputs, folder: Path, report: Report) -> list[str]:
    """Melt and quench; resumes from its checkpoint."""
    from zifsim.io.xyz import read_framework
    from zifsim.melt.run import MeltSettings, run_melt
    from zifsim.model.forcefield import MeltForceField
    from zifsim.report.melt import write_melt_page
    from zifsim.runs.devices import gpu_lease

    crystal = read_framework(inputs["framework"]).supercell(tuple(config["supercell"]))
    crystal = replace(crystal, name=f"{config['material']}-{config['configuration']}")
    settings = MeltSettings(seed=config["seed"], platform=config["platform"],
                            cutoff_angstrom=config["cutoff_angstrom"], tail_correction=config["tail_correction"])

    report(Event(message="preparing"))
    with gpu_lease(config["platform"]):
        run_melt(crystal, parameter(config, "forcefield", MeltForceField), program_from(config["program"]), settings,
                 folder, folded(report))
    write_melt_page(folder)
    return ["glass.extxyz", "melt.json"]


def program_from(values: Values) -> TemperatureProgram:
    """A temperature program from its JSON values."""
    return from_plain(TemperatureProgram, values, "the stage's temperature program")


def run_gcmc(config: Values, inputs: Inputs, folder: Path, report: Report) -> list[str]:
    """The isotherm and Henry coefficient of one gas in one framework; resumes pressure by pressure."""
    from zifsim.gcmc.engine import run_isotherm
    from zifsim.gcmc.jit import is_compiled
    from zifsim.gcmc.moves import run_moves
    from zifsim.gcmc.settings import GCMCSettings
    from zifsim.io.adsorption import assign_charges
    from zifsim.io.xyz import read_framework
    from zifsim.model.forcefield import AdsorptionForceField, ChargeSet
    from zifsim.model.guest import GuestModel

    charges = parameter(config, "charges", ChargeSet)
    report(Event(message="host grid" if is_compiled(run_moves) else "compiling kernels, once per machine"))
    isotherm = run_isotherm(
        assign_charges(read_framework(inputs["framework"]), charges), parameter(config, "guest", GuestModel),
        parameter(config, "forcefield", AdsorptionForceField), config["temperature_k"], config["pressures_pa"],
        GCMCSettings(**config["settings"]), charges=charges.name, out_dir=folder, report=folded(report))
    write_json_atomic(folder / "isotherm.json", isotherm.to_dict())
    return ["isotherm.json"]
