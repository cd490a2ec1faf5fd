"""Temperature programs of a melt: presets, or segments read from a TOML file. Nothing is run here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zifsim.errors import InputError, UnknownNameError
from zifsim.io.tomltable import read_toml
from zifsim.model.forcefield import MeltForceField
from zifsim.model.schedule import Segment, TemperatureProgram

ROOM_K = 300.0
PRESETS = {
    "paper": "NPT throughout: heat, hold, quench, 300 K, as in Longley et al. 2019 (doi:10.1039/c8sc04044c)",
    "dense": "melt at constant volume, then anneal in NPT, quench, 300 K: keeps the melt from expanding",
    "anneal": "NPT: heat to the anneal temperature, hold, quench, 300 K: for a glass that exists already",
}
ENSEMBLES = ("NPT", "NVT")
BAROSTATS = ("isotropic", "anisotropic")
SEGMENT_NUMBERS = ("from_k", "to_k", "duration_ps", "rate_k_per_ps", "pressure_bar")
SEGMENT_KEYS = {"name", "ensemble", "barostat", *SEGMENT_NUMBERS}


def melt_program(preset_or_file: str | Path = "paper", *, hold_ps: float = 50.0,
                 quench_rate_k_per_ps: float = 10.0, timestep_fs: float = 1.0,
                 heat_rate_k_per_ps: float = 100.0, melt_temperature_k: float = 1500.0,
                 anneal_ps: float = 80.0, anneal_temperature_k: float = 1000.0,
                 equilibrate_ps: float = 10.0, pressure_bar: float = 1.0) -> TemperatureProgram:
    """A preset (``paper``, ``dense``, ``anneal``) with its numbers, or the segments of a TOML file.

    Parameters
    ----------
    hold_ps: at the melt temperature. quench_rate_k_per_ps: of cooling to 300 K, positive.
    heat_rate_k_per_ps, melt_temperature_k: of heating. anneal_ps, anneal_temperature_k: of the presets
        ``dense`` and ``anneal``.
    equilibrate_ps: at 300 K at the end; density is averaged there. timestep_fs: integrator step.

    A file has ``name`` and a list of ``[[segment]]`` with ``to_k``, either ``duration_ps`` or
    ``rate_k_per_ps`` (positive), and where it is not NPT, isotropic, 1 bar: ``ensemble``, ``barostat``,
    ``pressure_bar``. ``from_k`` defaults to where the segment before ended, 300 K for the first.

    Raises
    ------
    InputError: a negative rate, duration, temperature or pressure, an unknown key, segments that do not meet.
    UnknownNameError: neither a preset nor a file.
    """
    numbers = {"hold_ps": hold_ps, "anneal_ps": anneal_ps}
    positive = {"quench_rate_k_per_ps": quench_rate_k_per_ps, "heat_rate_k_per_ps": heat_rate_k_per_ps,
                "timestep_fs": timestep_fs, "melt_temperature_k": melt_temperature_k,
                "anneal_temperature_k": anneal_temperature_k, "equilibrate_ps": equilibrate_ps}
    for name, value in (numbers | positive).items():
        if value < 0 or (value == 0 and name in positive):
            least = "> 0" if name in positive else "≥ 0"
            raise InputError(f"melt program: {name} is {value:g}; it must be {least}.")
    preset = str(preset_or_file)
    if preset not in PRESETS:
        return _from_file(Path(preset_or_file), timestep_fs)

    def ramp(name: str, start: float, end: float, rate: float, ensemble: str = "NPT") -> Segment:
        return Segment(name, start, end, abs(end - start) / rate, ensemble, pressure_bar)

    def hold(name: str, at: float, duration: float, ensemble: str = "NPT") -> Segment:
        return Segment(name, at, at, duration, ensemble, pressure_bar)

    hot, warm = melt_temperature_k, anneal_temperature_k
    if preset == "paper":
        segments = [ramp("heat", ROOM_K, hot, heat_rate_k_per_ps), hold("melt", hot, hold_ps),
                    ramp("quench", hot, ROOM_K, quench_rate_k_per_ps)]
    elif preset == "dense":
        segments = [ramp("heat", ROOM_K, hot, heat_rate_k_per_ps, "NVT"), hold("melt", hot, hold_ps, "NVT"),
                    ramp("cool", hot, warm, heat_rate_k_per_ps, "NVT"), hold("anneal", warm, anneal_ps),
                    ramp("quench", warm, ROOM_K, quench_rate_k_per_ps)]
    else:
        segments = [ramp("heat", ROOM_K, warm, heat_rate_k_per_ps), hold("anneal", warm, anneal_ps),
                    ramp("quench", warm, ROOM_K, quench_rate_k_per_ps)]
    segments.append(hold("equilibrate", ROOM_K, equilibrate_ps))
    return validated(TemperatureProgram(preset, tuple(s for s in segments if s.duration_ps > 0), timestep_fs))


def _from_file(path: Path, timestep_fs: float) -> TemperatureProgram:
    if not path.is_file():
        if len(path.parts) > 1 or path.suffix:
            raise InputError(f"melt program: no file '{path}'; check the path.")
        raise UnknownNameError("melt program", str(path), PRESETS)
    data = read_toml(path)
    if unknown := sorted(set(data) - {"name", "timestep_fs", "segment"}):
        raise InputError(f"{path}: unknown key '{unknown[0]}'; known are name, timestep_fs and [[segment]].")
    if not isinstance(step := data.get("timestep_fs", timestep_fs), int | float):
        raise InputError(f"{path}: timestep_fs is {step!r}; it must be a number.")
    if not all(isinstance(row, dict) for row in data.get("segment", ())):
        raise InputError(f"{path}: 'segment' must be a list of tables; begin each with [[segment]].")
    segments: list[Segment] = []
    for number, row in enumerate(data.get("segment", ()), start=1):
        before_k = segments[-1].to_k if segments else ROOM_K
        segments.append(_segment(row, number, before_k, f"{path}: segment {number}"))
    return validated(TemperatureProgram(data.get("name", path.stem), tuple(segments), float(step)), str(path))


def _segment(row: Mapping[str, Any], number: int, before_k: float, where: str) -> Segment:
    if unknown := sorted(set(row) - SEGMENT_KEYS):
        raise InputError(f"{where}: unknown key '{unknown[0]}'; known are {', '.join(sorted(SEGMENT_KEYS))}.")
    for key in SEGMENT_NUMBERS:
        if key in row and (isinstance(row[key], bool) or not isinstance(row[key], int | float)):
            raise InputError(f"{where}: {key} is {row[key]!r}; it must be a number.")
    if "to_k" not in row:
        raise InputError(f"{where}: give 'to_k', the temperature it ends at.")
    if ("duration_ps" in row) == ("rate_k_per_ps" in row):
        raise InputError(f"{where}: give either 'duration_ps' or 'rate_k_per_ps'.")
    start, end = float(row.get("from_k", before_k)), float(row["to_k"])
    if "rate_k_per_ps" in row:
        if row["rate_k_per_ps"] <= 0 or start == end:
            raise InputError(f"{where}: rate_k_per_ps must be > 0 (its sign follows from the temperatures, "
                             "which must differ).")
        duration = abs(end - start) / row["rate_k_per_ps"]
    else:
        duration = float(row["duration_ps"])
    return Segment(row.get("name", f"segment {number}"), start, end, duration, row.get("ensemble", "NPT"),
                   float(row.get("pressure_bar", 1.0)), row.get("barostat", "isotropic"))


def validated(program: TemperatureProgram, where: str = "melt program") -> TemperatureProgram:
    """The program itself, if it can be run.

    Raises
    ------
    InputError: no segments, or one with a value that makes no sense (named).
    """
    if not program.segments:
        raise InputError(f"{where}: no segments; give at least one [[segment]].")
    if program.timestep_fs <= 0:
        raise InputError(f"{where}: timestep_fs is {program.timestep_fs:g}; it must be > 0.")
    before: Segment | None = None
    for segment in program.segments:
        name = f"{where}: segment '{segment.name}'"
        if segment.duration_ps <= 0:
            raise InputError(f"{name} lasts {segment.duration_ps:g} ps; a duration must be > 0.")
        if min(segment.from_k, segment.to_k) <= 0:
            raise InputError(f"{name} runs from {segment.from_k:g} to {segment.to_k:g} K; both must be > 0.")
        if segment.pressure_bar < 0:
            raise InputError(f"{name} has a pressure of {segment.pressure_bar:g} bar; it must be ≥ 0.")
        if segment.ensemble not in ENSEMBLES or segment.barostat not in BAROSTATS:
            raise InputError(f"{name}: ensemble '{segment.ensemble}' with barostat '{segment.barostat}'; "
                             f"ensembles are {', '.join(ENSEMBLES)}, barostats {', '.join(BAROSTATS)}.")
        if before is not None and abs(before.to_k - segment.from_k) > 1e-6:
            raise InputError(f"{name} starts at {segment.from_k:g} K, but the one before ends at "
                             f"{before.to_k:g} K.")
        before = segment
    return program


def bath_temperature(program: TemperatureProgram, step: int, friction_per_ps: float) -> float:
    """Temperature of the thermostat's bath, K, with which the particles are at the set point.

    A Langevin bath takes energy E − E_bath away at the rate γ wherever kinetic and potential energy are in
    equilibrium (half of the energy feels twice γ), so on a ramp of rate r the particles lag by r/γ, 20 K at
    100 K/ps and 5 /ps. The bath is set ahead by that much; on a hold it is the set point.
    """
    index, _ = program.locate(step)
    ahead = program.segments[index].rate_k_per_ps / friction_per_ps
    return max(0.0, program.temperature_at(step) + ahead)


def check_temperatures(program: TemperatureProgram, forcefield: MeltForceField) -> None:
    """Raise InputError where the program is hotter than the force field was tested."""
    hottest = max(max(s.from_k, s.to_k) for s in program.segments)
    if hottest > forcefield.max_tested_temperature_k:
        raise InputError(f"melt program '{program.name}' reaches {hottest:g} K, but {forcefield.name} was "
                         f"tested only up to {forcefield.max_tested_temperature_k:g} K; lower it.")
