"""Temperature programs of a melt: presets, or segments read from a TOML file. Nothing is run here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from zifsim import limits
from zifsim.errors import InputError, UnknownNameError
from zifsim.io.checked import Row, Section, Text, bounded, checked
from zifsim.io.tomltable import read_toml
from zifsim.model.forcefield import MeltForceField
from zifsim.model.schedule import (
    ANNEAL_PS,
    DEFAULT_PROGRAM,
    EQUILIBRATE_PS,
    HOLD_PS,
    QUENCH_RATE_K_PER_PS,
    Segment,
    TemperatureProgram,
)

ROOM_K = 300.0
PRESETS = {
    "paper": "NPT throughout: heat, hold, quench, 300 K, as in Longley et al. 2019 (doi:10.1039/c8sc04044c)",
    "dense": "melt at constant volume, then anneal in NPT, quench, 300 K: keeps the melt from expanding",
    "anneal": "NPT: heat to the anneal temperature, hold, quench, 300 K: for a glass that exists already",
}
ENSEMBLES = ("NPT", "NVT")
STEPS = limits.Limits(1, 2**31 - 1, whole=True)
BAROSTATS = ("isotropic", "anisotropic")


Kelvin = Annotated[float, bounded(limits.MELT_TEMPERATURE)]


class _SegmentRow(Section):
    """``[[segment]]`` of a program file."""

    name: Text | None = None
    from_k: Kelvin | None = None
    to_k: Kelvin
    duration_ps: Annotated[float, bounded(limits.SOME_DURATION)] | None = None
    rate_k_per_ps: Annotated[float, bounded(limits.RAMP)] | None = None     # its sign follows from the temperatures
    ensemble: Literal["NPT", "NVT"] = "NPT"
    pressure_bar: Annotated[float, bounded(limits.MELT_PRESSURE)] = 1.0
    barostat: Literal["isotropic", "anisotropic"] = "isotropic"


class ProgramFile(Section):
    """A program file."""

    name: Text | None = None
    timestep_fs: Annotated[float, bounded(limits.TIMESTEP)] | None = None
    segment: Row[_SegmentRow] = Field(default=(), max_length=1000, description="begin each with [[segment]]")



def melt_program(preset_or_file: str | Path = DEFAULT_PROGRAM, *, hold_ps: float = HOLD_PS,
                 quench_rate_k_per_ps: float = QUENCH_RATE_K_PER_PS, timestep_fs: float = 1.0,
                 heat_rate_k_per_ps: float = 100.0, melt_temperature_k: float = 1500.0,
                 anneal_ps: float = ANNEAL_PS, anneal_temperature_k: float = 1000.0,
                 equilibrate_ps: float = EQUILIBRATE_PS, pressure_bar: float = 1.0) -> TemperatureProgram:
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
    for name, value, bounds in (
            ("hold_ps", hold_ps, limits.DURATION), ("anneal_ps", anneal_ps, limits.DURATION),
            ("quench_rate_k_per_ps", quench_rate_k_per_ps, limits.RAMP),
            ("heat_rate_k_per_ps", heat_rate_k_per_ps, limits.RAMP), ("timestep_fs", timestep_fs, limits.TIMESTEP),
            ("melt_temperature_k", melt_temperature_k, limits.MELT_TEMPERATURE),
            ("anneal_temperature_k", anneal_temperature_k, limits.MELT_TEMPERATURE),
            ("equilibrate_ps", equilibrate_ps, limits.SOME_DURATION),
            ("pressure_bar", pressure_bar, limits.MELT_PRESSURE)):
        bounds.check(value, f"melt program: {name}")
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
    data = checked(ProgramFile, read_toml(path), str(path))
    segments: list[Segment] = []
    for number, row in enumerate(data.segment, start=1):
        before_k = segments[-1].to_k if segments else ROOM_K
        segments.append(_segment(row, number, before_k, f"{path}: segment {number}"))
    step_fs = timestep_fs if data.timestep_fs is None else data.timestep_fs
    return validated(TemperatureProgram(data.name or path.stem, tuple(segments), step_fs), str(path))


def _segment(row: _SegmentRow, number: int, before_k: float, where: str) -> Segment:
    if (row.duration_ps is None) == (row.rate_k_per_ps is None):
        raise InputError(f"{where}: give either 'duration_ps' or 'rate_k_per_ps'.")
    start, end = before_k if row.from_k is None else row.from_k, row.to_k
    if row.rate_k_per_ps is not None and start == end:
        raise InputError(f"{where}: rate_k_per_ps needs temperatures that differ; give a hold its duration_ps.")
    duration = row.duration_ps if row.rate_k_per_ps is None else abs(end - start) / row.rate_k_per_ps
    assert duration is not None
    return Segment(row.name or f"segment {number}", start, end, duration, row.ensemble, row.pressure_bar, row.barostat)


def validated(program: TemperatureProgram, where: str = "melt program") -> TemperatureProgram:
    """The program itself, if it can be run.

    Raises
    ------
    InputError: no segments, or one with a value that makes no sense (named).
    """
    if not program.segments:
        raise InputError(f"{where}: no segments; give at least one [[segment]].")
    limits.TIMESTEP.check(program.timestep_fs, f"{where}: timestep_fs")
    before: Segment | None = None
    for segment in program.segments:
        name = f"{where}: segment '{segment.name}'"
        limits.SOME_DURATION.check(segment.duration_ps, f"{name}: its duration")
        for kelvin in (segment.from_k, segment.to_k):
            limits.MELT_TEMPERATURE.check(kelvin, f"{name}: its temperature")
        limits.MELT_PRESSURE.check(segment.pressure_bar, f"{name}: its pressure")
        if segment.ensemble not in ENSEMBLES or segment.barostat not in BAROSTATS:
            raise InputError(f"{name}: ensemble '{segment.ensemble}' with barostat '{segment.barostat}'; "
                             f"ensembles are {', '.join(ENSEMBLES)}, barostats {', '.join(BAROSTATS)}.")
        if before is not None and abs(before.to_k - segment.from_k) > 1e-6:
            raise InputError(f"{name} starts at {segment.from_k:g} K, but the one before ends at "
                             f"{before.to_k:g} K.")
        before = segment
    STEPS.check(program.n_steps, f"{where}: the number of steps")
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
