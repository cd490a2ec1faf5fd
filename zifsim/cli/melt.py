"""``zifsim melt``: heat a framework, hold it molten, quench it to a glass."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zifsim import limits
from zifsim.cli.options import within
from zifsim.model.schedule import ANNEAL_PS, DEFAULT_PROGRAM, EQUILIBRATE_PS, HOLD_PS, QUENCH_RATE_K_PER_PS


def melt(
    structure: Annotated[str, typer.Argument(
        metavar="STRUCTURE", help="extXYZ written by 'zifsim build', an ordered CIF, or a shipped name "
        "(ZIF-62, ZIF-8).")],
    out: Annotated[Path, typer.Option(
        "--out", "-o", help="Folder of this run; the same command resumes it.")],
    forcefield: Annotated[str | None, typer.Option(
        "--forcefield", "-f", help="nb-ZIF-FF-s, nb-ZIF-FF, ZIF-FF (bonded: cannot melt), or a TOML file.",
        show_default="nb-ZIF-FF-s")] = None,
    potential: Annotated[str | None, typer.Option(
        "--potential", help="Machine-learned potential in place of the force field: openmmml:NAME or openmmml:FILE.")
        ] = None,
    program: Annotated[str, typer.Option(
        "--program", help="dense (melt at constant volume, anneal at 1000 K in NPT), paper (NPT throughout: at 1 bar "
        "the melt boils), anneal (of a glass), or a TOML file of segments.")] = DEFAULT_PROGRAM,
    hold_ps: Annotated[float, typer.Option("--hold-ps", help="Time at 1500 K, ps.",
        callback=within(limits.DURATION))] = HOLD_PS,
    quench_rate: Annotated[float, typer.Option("--quench-rate", help="Cooling rate, K/ps.",
        callback=within(limits.RAMP))] = QUENCH_RATE_K_PER_PS,
    anneal_ps: Annotated[float, typer.Option(
        "--anneal-ps", help="Time at 1000 K (dense, anneal), ps.", callback=within(limits.DURATION))] = ANNEAL_PS,
    equilibrate_ps: Annotated[float, typer.Option(
        "--equilibrate-ps", help="Time at 300 K at the end, ps.",
        callback=within(limits.SOME_DURATION))] = EQUILIBRATE_PS,
    pressure_bar: Annotated[float, typer.Option(
        "--pressure-bar", help="Of all NPT segments, bar.", callback=within(limits.MELT_PRESSURE))] = 1.0,
    timestep_fs: Annotated[float, typer.Option(
        "--timestep-fs", help="Integrator step, fs.", callback=within(limits.TIMESTEP))] = 1.0,
    supercell: Annotated[tuple[int, int, int], typer.Option(
        "--supercell", help="Repeats along a, b, c.", callback=within(limits.REPEATS))] = (1, 1, 1),
    cutoff: Annotated[float, typer.Option(
        "--cutoff", callback=within(limits.CUTOFF),
        help="Cut-off of pair forces, Å; under half the narrowest cell width.")] = 7.0,
    tail_correction: Annotated[bool, typer.Option(
        "--tail-correction/--no-tail-correction",
        help="The Lennard-Jones attraction beyond the cut-off, spread evenly.")] = True,
    platform: Annotated[str, typer.Option(
        "--platform", help="auto (a GPU if there is one), CUDA, HIP, OpenCL or CPU.")] = "auto",
    threads: Annotated[int | None, typer.Option(
        "--threads", callback=within(limits.SOME_THREADS),
        help="CPU threads of a melt; exactly repeatable with 1.", show_default="all cores, shared "
        "out among replicas")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of velocities, thermostat and barostat.",
                                      callback=within(limits.SEED))] = 1,
    replicas: Annotated[int, typer.Option(
        "--replicas", callback=within(limits.REPLICAS),
        metavar="N", help="Melt N times with seeds derived from --seed, side by side, each in "
        "its own folder.")] = 1,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how large it is and how long it takes; run nothing.")
                       ] = False,
) -> None:
    """Melt and quench a framework: heat to 1500 K at 100 K/ps, hold, quench to 300 K.

    Writes config.json, record.json, state.csv, trajectory.dcd, checkpoint.json, glass.extxyz, melt.json and, last,
    DONE. The same command continues after a kill, to the same result on one CPU thread; SIGTERM and SIGUSR1 end it at
    a checkpoint with exit code 75. Simulated quench rates are some 10^12 times those of a laboratory.

    Examples:

    zifsim melt ZIF-62 --hold-ps 50 --quench-rate 10 --out results/glass

    zifsim melt ZIF-62 --replicas 4 --out results/glasses
    """
    from zifsim.campaign.melt_job import MeltJob
    from zifsim.cli.melt_view import run_one, run_several, show_cost, show_job
    from zifsim.cli.screen import preparing
    from zifsim.errors import InputError
    from zifsim.io.melt_forcefields import load_melt_forcefield
    from zifsim.melt.potential import load_potential
    from zifsim.melt.program import check_temperatures, melt_program
    from zifsim.melt.settings import MeltSettings
    from zifsim.structures import load_structure

    if potential and forcefield:
        raise InputError("Give either --forcefield or --potential: one model moves the atoms.")
    schedule = melt_program(program, hold_ps=hold_ps, quench_rate_k_per_ps=quench_rate, anneal_ps=anneal_ps,
                            equilibrate_ps=equilibrate_ps, timestep_fs=timestep_fs, pressure_bar=pressure_bar)
    settings = MeltSettings(seed=seed, platform=platform, cpu_threads=threads, cutoff_angstrom=cutoff,
                            tail_correction=tail_correction)
    with preparing() as report:
        framework = load_structure(structure, report=report).supercell(supercell)
    parameters = load_potential(potential, framework) if potential else load_melt_forcefield(
        forcefield or "nb-ZIF-FF-s")
    check_temperatures(schedule, parameters)
    job = MeltJob(framework, parameters, schedule, settings)
    show_job(job)
    if dry_run:
        show_cost(job, replicas)
    elif replicas == 1:
        run_one(job, out)
    else:
        run_several(job, replicas, out)
