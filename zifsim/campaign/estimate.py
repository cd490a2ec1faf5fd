"""What a stage will cost, from stated cost models: for ``--dry-run``, scheduling order and the first ETA.

The figures are for one thread of a server core; a faster machine or a GPU is quicker. The ETA shown while a
study runs follows the pace that is really made.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zifsim.model.framework import Framework

if TYPE_CHECKING:
    from zifsim.campaign.plan import Stage

BUILD_SECONDS = 3.0
# 2.6 ms per step for 424 particles, linear in the number of particles (PME, one CPU thread).
MELT_SECONDS_PER_STEP_AND_PARTICLE = 2.6e-3 / 424
RELAX_STEPS = 2000
TRAJECTORY_FRAME_PS = 1.0
GCMC_MEGABYTES = 0.5
# Insertions in the host's interpolated grid; guests with charges also pay for Ewald sums.
GCMC_SECONDS_PER_MOVE = 3e-6
GCMC_SECONDS_PER_CHARGED_MOVE = 12e-6
GCMC_START_SECONDS = 8.0


def dummy_count(cell: Framework) -> int:
    """Dummy sites of a dissociable melt model: four per metal node, one per nitrogen."""
    return 4 * sum(u.kind in {"Zn", "Co"} for u in cell.units) + cell.species.count("N")


def relax_seconds(n_atoms: int) -> float:
    """Minimisation in the fixed cell, s."""
    return RELAX_STEPS * n_atoms * MELT_SECONDS_PER_STEP_AND_PARTICLE


def melt_seconds(n_particles: int, n_steps: int) -> float:
    """Molecular dynamics on one CPU thread, s."""
    return n_steps * n_particles * MELT_SECONDS_PER_STEP_AND_PARTICLE


def melt_megabytes(n_particles: int, duration_ps: float) -> float:
    """Trajectory (12 bytes per particle and frame) and two checkpoints in text, MB."""
    return (12 * n_particles * duration_ps / TRAJECTORY_FRAME_PS + 2 * 250 * n_particles) / 1e6


def gcmc_seconds(guest: Any, n_pressures: int, gcmc: Any) -> float:
    """An isotherm with its host grid, s: geometric mean of the fewest and the most moves it may take."""
    moves = (gcmc.min_moves * gcmc.max_moves) ** 0.5
    per_move = GCMC_SECONDS_PER_CHARGED_MOVE if guest.has_charges else GCMC_SECONDS_PER_MOVE
    return float(GCMC_START_SECONDS + n_pressures * moves * per_move)


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
            held = min(stage.threads, cores)
            if held <= free and all(upstream in done for upstream, _ in stage.needs.values()):
                heapq.heappush(running, (now + stage.seconds / held, stage.id, held))
                waiting.remove(stage)
                free -= held
        now, ended, held = heapq.heappop(running)
        done.add(ended)
        free += held
    return now
