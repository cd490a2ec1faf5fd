"""What a stage will cost, from stated cost models: for ``--dry-run``, scheduling order and the first ETA.

The figures are for one thread of a server core; a faster machine or a GPU is quicker. The ETA shown while a
study runs follows the pace that is really made.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from zifsim.model.framework import Framework

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


def cutoff_supercell(cell: Framework, cutoff_angstrom: float) -> tuple[int, int, int]:
    """Repeats that make every width of the cell at least twice the cut-off."""
    a, b, c = (ceil(2.0 * cutoff_angstrom / width - 1e-9) for width in cell.cell_widths)
    return a, b, c
