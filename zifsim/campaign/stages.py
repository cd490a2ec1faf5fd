"""The stages themselves: idempotent functions of (config, inputs) that leave their results in a folder.

Signature: ``(config, inputs, folder, report) -> names of the result files``. ``report(fraction, message)``
tells how far it is. A stage that was killed is called again with the same folder and continues from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from zifsim.campaign.provenance import plain
from zifsim.io.files import write_json_atomic
from zifsim.model.framework import Framework
from zifsim.model.schedule import Segment, TemperatureProgram

Values = Mapping[str, Any]
Inputs = Mapping[str, Path]
Report = Callable[..., None]


def _write_framework(folder: Path, framework: Framework) -> list[str]:
    from zifsim.io.cif import write_framework_cif
    from zifsim.io.xyz import write_framework

    write_framework(folder / "framework.extxyz", framework)
    write_framework_cif(folder / "framework.cif", framework)
    return ["framework.extxyz", "framework.cif"]


def run_build(config: Values, inputs: Inputs, folder: Path, report: Report) -> list[str]:
    """An ordered cell from a shipped name or a structure file."""
    from zifsim.campaign.plan import ordered_cells

    cells = ordered_cells(config["structure"], config["bim_per_cell"], config["configuration"])
    return _write_framework(folder, cells[config["index"]])


def run_relax(config: Values, inputs: Inputs, folder: Path, report: Report) -> list[str]:
    """Atoms at the minimum of a melt force field, in the fixed cell."""
    from zifsim.io.melt_forcefields import load_melt_forcefield
    from zifsim.io.xyz import read_framework
    from zifsim.melt.relax import relax_framework

    framework = read_framework(inputs["framework"])
    forcefield = load_melt_forcefield(config["forcefield"])
    relaxed = relax_framework(framework, forcefield, relax_cell=config["relax_cell"], platform="CPU")
    return _write_framework(folder, relaxed)


def run_melt_stage(config: Values, inputs: Inputs, folder: Path, report: Report) -> list[str]:
    """Melt and quench; resumes from its checkpoint."""
    from zifsim.campaign.devices import gpu_lease
    from zifsim.io.melt_forcefields import load_melt_forcefield
    from zifsim.io.xyz import read_framework, write_framework
    from zifsim.melt.run import MeltSettings, run_melt

    framework = read_framework(inputs["framework"]).supercell(tuple(config["supercell"]))
    program = program_from(config["program"])
    settings = MeltSettings(seed=config["seed"], platform=config["platform"])
    with gpu_lease(config["platform"]):
        result = run_melt(framework, load_melt_forcefield(config["forcefield"]), program, settings, folder,
                          progress=report)
    name = f"{config['material']} {config['configuration']}"
    write_framework(folder / "glass.extxyz", replace(result.framework, name=name))
    values = {f.name: plain(getattr(result, f.name)) for f in fields(result) if f.name != "framework"}
    write_json_atomic(folder / "melt.json", values | {
        "material": config["material"], "configuration": config["configuration"],
        "quench_rate_k_per_ps": abs(program.segments[-1].rate_k_per_ps)})
    return ["glass.extxyz", "melt.json"]


def program_from(values: Values) -> TemperatureProgram:
    """A temperature program from its JSON values."""
    segments = tuple(Segment(**s) for s in values["segments"])
    return TemperatureProgram(values["name"], segments, values["timestep_fs"])


def run_gcmc(config: Values, inputs: Inputs, folder: Path, report: Report) -> list[str]:
    """The isotherm and Henry coefficient of one gas in one framework; resumes pressure by pressure."""
    from zifsim.gcmc.engine import run_isotherm
    from zifsim.gcmc.settings import GCMCSettings
    from zifsim.gcmc.widom import widom
    from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
    from zifsim.io.guests import load_guest
    from zifsim.io.xyz import read_framework

    framework = assign_charges(read_framework(inputs["framework"]), load_charge_set(config["charges"]))
    forcefield = load_adsorption_forcefield(config["forcefield"])
    guest = load_guest(config["model"] or config["gas"], temperature_k=config["temperature_k"])
    settings = GCMCSettings(**config["settings"])
    isotherm = run_isotherm(framework, guest, forcefield, config["temperature_k"], config["pressures_pa"],
                            settings, out_dir=folder, threads=1, progress=report)
    if isotherm.henry is None and settings.widom_insertions:
        henry = widom(framework, guest, forcefield, config["temperature_k"], settings)
        isotherm = replace(isotherm, henry=henry)
    labels = {name: config[name] for name in ("material", "configuration", "framework_kind")}
    write_json_atomic(folder / "isotherm.json", isotherm.to_dict() | labels)
    return ["isotherm.json"]
