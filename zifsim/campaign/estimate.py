"""What a stage will cost, from stated cost models: for ``--dry-run``, scheduling order and the first ETA.

The figures are for one thread of a server core; a faster machine or a GPU is quicker. The ETA shown while a
study runs follows the pace that is really made.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TYPE_CHECKING

from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel

if TYPE_CHECKING:
    from zifsim.campaign.stage import Stage

BUILD_SECONDS = 1.0
# 2.6 ms per step for 424 particles, linear in the number of particles (PME, one CPU thread).
MELT_SECONDS_PER_STEP_AND_PARTICLE = 2.6e-3 / 424
# Assumed, not measured: on a data-centre GPU a cell of some thousand particles takes the time of its kernel launches.
GPU_SECONDS_PER_STEP = 5e-4
GPU_SECONDS_PER_STEP_AND_PARTICLE = 2e-8
# Forces on OpenMM's Reference platform: ZIF-62 of 290 to 1160 atoms, 75 to 84 µs an atom. One evaluation for every row
# of the Hessian, which large cells go without (melt/relax.py), and those of two descents: ZIF-62 1065, ZIF-8 1414.
RELAX_SECONDS_PER_EVALUATION_AND_ATOM = 8.5e-5
RELAX_HESSIAN_ROWS = 6000
RELAX_DESCENTS = 1200
TRAJECTORY_FRAME_PS = 1.0
GCMC_MEGABYTES = 0.5
# Host grids (not yet on disk), insertion bias and Henry coefficient, without and with charges; ZIF-8 at 0.2 Å.
GCMC_START_SECONDS = {False: 2.0, True: 3.0}
# Per move: a part of its own, and a part for every pair of sites with other guests. Measured in ZIF-8 2×2×2 at 1 bar:
# CH4 0.6 µs, O2 1.3 µs, CO2 2.5 µs (10 bar: 13 µs), H2 at 77 K 1.4 µs.
GCMC_SECONDS_PER_MOVE = {False: 5e-7, True: 1e-6}
GCMC_SECONDS_PER_SITE_PAIR = 8e-9
# N2 at 77 K, 0.1 bar: 69 µs, of which the full pores explain a third and the 32 trials of a crowded cell the rest.
CROWDED = 3.0
# Volume per guest, Å³: liquid-like, cold and warm.
VOLUME_PER_CONDENSED_GUEST = 120.0
COLD_K = 100.0
VOLUME_PER_COLD_GUEST = 500.0
VOLUME_PER_WARM_GUEST = 1500.0
# Free energies of a gas on a grid, basins included: ZIF-62 at 0.25 Å, six gases, 4 s.
ACCESS_SECONDS_PER_NODE = 4e-6
UMBRELLA_PLACES = 80     # on the way through one cell: 57 in ZIF-62, some 100 in ZIF-8 and in glasses


def dummy_count(cell: Framework) -> int:
    """Dummy sites of a dissociable melt model: four per metal node, one per nitrogen."""
    return 4 * sum(u.kind in {"Zn", "Co"} for u in cell.units) + cell.species.count("N")


def relax_seconds(n_atoms: int, travels: bool = False) -> float:
    """Minimisation in the fixed cell, s; of a cell that travels with zifsim, reading it."""
    if travels:
        return BUILD_SECONDS
    hessian = 3 * n_atoms if 3 * n_atoms <= RELAX_HESSIAN_ROWS else 0
    return (hessian + RELAX_DESCENTS) * n_atoms * RELAX_SECONDS_PER_EVALUATION_AND_ATOM


def melt_seconds(n_particles: int, n_steps: int) -> float:
    """Molecular dynamics on one CPU thread, s."""
    return n_steps * n_particles * MELT_SECONDS_PER_STEP_AND_PARTICLE


def gpu_melt_seconds(n_particles: float, n_steps: int) -> float:
    """Molecular dynamics on one GPU, s: an assumption, see above."""
    return n_steps * (GPU_SECONDS_PER_STEP + n_particles * GPU_SECONDS_PER_STEP_AND_PARTICLE)


def melt_megabytes(n_particles: int, duration_ps: float) -> float:
    """Trajectory (12 bytes per particle and frame) and two checkpoints in text, MB."""
    return (12 * n_particles * duration_ps / TRAJECTORY_FRAME_PS + 2 * 250 * n_particles) / 1e6


def gcmc_seconds(guest: GuestModel, temperature_k: float, n_pressures: int, moves: tuple[int, int],
                 volume: float) -> float:
    """An isotherm with its host grid in a supercell of ``volume`` (Å³), s; ``moves``: fewest and most per pressure.

    Moves per pressure: the geometric mean of fewest and most, twice for a condensing gas (both starts).
    """
    from zifsim.gcmc.branches import CONDENSABLE

    condensing = temperature_k < CONDENSABLE * guest.critical_temperature_k
    typical = (moves[0] * moves[1]) ** 0.5 * (2.0 if condensing else 1.0)
    per_guest = VOLUME_PER_COLD_GUEST if temperature_k < COLD_K else VOLUME_PER_WARM_GUEST
    guests = volume / (VOLUME_PER_CONDENSED_GUEST if condensing else per_guest)
    per_move = (GCMC_SECONDS_PER_MOVE[guest.has_charges]
                + GCMC_SECONDS_PER_SITE_PAIR * guests * len(guest.sites) ** 2) * (CROWDED if condensing else 1.0)
    return float(GCMC_START_SECONDS[guest.has_charges] + n_pressures * typical * per_move)


def path_lengths(stages: Sequence[Stage]) -> dict[str, float]:
    """Seconds from the start of each stage to the end of all that hangs on it: the longest goes first."""
    after: dict[str, list[Stage]] = {s.id: [] for s in stages}
    for stage in stages:
        for upstream, _ in stage.needs.values():
            after[upstream].append(stage)
    lengths: dict[str, float] = {}

    def length(stage: Stage) -> float:
        if stage.id not in lengths:
            lengths[stage.id] = stage.seconds + max((length(s) for s in after[stage.id]), default=0.0)
        return lengths[stage.id]

    for stage in stages:
        length(stage)
    return lengths


def wall_seconds(stages: Sequence[Stage], cores: int) -> float:
    """How long a plan takes on so many cores, by playing it through, the most urgent ready stage first."""
    urgency = path_lengths(stages)
    waiting = sorted(stages, key=lambda s: -urgency[s.id])
    done: set[str] = set()
    running: list[tuple[float, str, int]] = []   # (end, stage, cores held)
    now, free = 0.0, cores
    while waiting or running:
        for stage in list(waiting):
            if not free:
                break
            held = min(stage.threads, cores)
            if held <= free and all(upstream in done for upstream, _ in stage.needs.values()):
                heapq.heappush(running, (now + stage.seconds / held, stage.id, held))
                waiting.remove(stage)
                free -= held
        now, ended, held = heapq.heappop(running)
        done.add(ended)
        free += held
    return now
