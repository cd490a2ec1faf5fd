"""The stages themselves: idempotent functions of (config, inputs) that leave their results in a folder.

Signature: ``(config, inputs, folder, report) -> names of the result files``. ``report(fraction, message)``
tells how far it is; ``note=`` adds a sentence that the user should read once. A stage that was killed is called
again with the same folder and continues from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from zifsim.io.files import read_json, write_json_atomic
from zifsim.model.framework import Framework
from zifsim.model.schedule import Segment, TemperatureProgram
from zifsim.units import BAR_PA

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
    from zifsim.campaign.plan import ordered_cell

    cell = ordered_cell(config["structure"], config["bim_per_cell"], config["configuration"])
    return _write_framework(folder, cell)


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
    from zifsim.io.xyz import read_framework
    from zifsim.melt.run import MeltSettings, run_melt
    from zifsim.report.melt import write_melt_page

    crystal = read_framework(inputs["framework"]).supercell(tuple(config["supercell"]))
    crystal = replace(crystal, name=f"{config['material']}-{config['configuration']}")
    program = program_from(config["program"])
    settings = MeltSettings(seed=config["seed"], platform=config["platform"],
                            cutoff_angstrom=config["cutoff_angstrom"])

    def tell(step: int, total: int, info: Mapping[str, Any]) -> None:
        report(step / total, f"{info['segment']} {info['temperature_k']:.0f} K, "
                             f"{info['density_g_cm3']:.3f} g/cm³, {info['ns_per_day']:.1f} ns/day")

    report(0.0, "preparing")
    with gpu_lease(config["platform"]):
        run_melt(crystal, load_melt_forcefield(config["forcefield"]), program, settings, folder,
                 progress=tell, say=lambda text: report(0.0, "preparing", note=text))
    labels = {name: config[name] for name in ("material", "configuration")}
    write_json_atomic(folder / "melt.json", read_json(folder / "melt.json") | labels)
    write_melt_page(folder)
    return ["glass.extxyz", "melt.json"]


def program_from(values: Values) -> TemperatureProgram:
    """A temperature program from its JSON values."""
    segments = tuple(Segment(**s) for s in values["segments"])
    return TemperatureProgram(values["name"], segments, values["timestep_fs"])


def run_gcmc(config: Values, inputs: Inputs, folder: Path, report: Report) -> list[str]:
    """The isotherm and Henry coefficient of one gas in one framework; resumes pressure by pressure."""
    from zifsim.gcmc.engine import run_isotherm
    from zifsim.gcmc.jit import is_compiled
    from zifsim.gcmc.moves import run_moves
    from zifsim.gcmc.settings import GCMCSettings
    from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
    from zifsim.io.guests import load_guest
    from zifsim.io.xyz import read_framework

    charges = load_charge_set(config["charges"])
    pressures = config["pressures_pa"]
    fractions = dict.fromkeys(pressures, 0.0)

    def tell(event: Mapping[str, Any]) -> None:
        fractions[min(pressures, key=lambda p: abs(p - event["pressure_pa"]))] = event["fraction"]
        if "resumed" not in event:      # what an earlier attempt finished says nothing of this one's pace
            report(sum(fractions.values()) / len(pressures),
                   f"{event['pressure_pa'] / BAR_PA:g} bar, {event['molecules']:.1f} molecules")

    report(0.0, "host grid" if is_compiled(run_moves) else "compiling kernels, once per machine")
    isotherm = run_isotherm(
        assign_charges(read_framework(inputs["framework"]), charges),
        load_guest(config["model"] or config["gas"], temperature_k=config["temperature_k"]),
        load_adsorption_forcefield(config["forcefield"]), config["temperature_k"], pressures,
        GCMCSettings(**config["settings"]), charges=charges.name, out_dir=folder, threads=1, progress=tell)
    labels = {name: config[name] for name in ("material", "configuration", "framework_kind")}
    write_json_atomic(folder / "isotherm.json", isotherm.to_dict() | labels)
    return ["isotherm.json"]
