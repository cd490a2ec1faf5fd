"""Sampling of one state point: a walker run in blocks of moves until its loadings are known well enough.

A checkpoint holds the walker, the series and the random streams, so a killed run continues to the same numbers.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import SimulationError
from zifsim.gcmc.energy import total_energy
from zifsim.gcmc.macrostates import NO_LADDER, Block, Ladder, Notes, add_block, arrays_of, blocks_of
from zifsim.gcmc.moves import INSERTION, ROTATION, SWAP, TRANSLATION, Conditions, run_moves
from zifsim.gcmc.random import streams
from zifsim.gcmc.settings import MAX_TRIALS, GCMCSettings
from zifsim.gcmc.statistics import SeriesSummary, summarise
from zifsim.gcmc.system import AdsorptionSystem
from zifsim.gcmc.walker import TRIED, Walker, copy_walker
from zifsim.runs import stopping
from zifsim.runs.progress import Event, Report, silent
from zifsim.runs.seal import made_of, read_sealed_arrays, write_sealed_arrays
from zifsim.units import ANGSTROM_M, BOLTZMANN_J_K

FloatArray = NDArray[np.float64]
SAMPLE_EVERY = 20           # moves between samples
BLOCK_MOVES = 5_000         # moves between progress reports
CHECKPOINT_S = 20.0
GROWTH = 1.3                # a state point is judged whenever its length has grown by this factor
CROWDED = 0.02              # insertion acceptance below which the number of trials is doubled
TRIALS_PER_ORIENTATION = 4  # a crowded cell has as many orientations of each trial as this goes into the trials
TARGET_ACCEPTANCE = 0.4     # of translations and rotations ...
ACCEPTANCE_BAND = 0.15, 0.7  # ... whose steps are changed outside this band
DRIFT_TOLERANCE = 1e-9
# Insertion, deletion, regrowth, translation, rotation, swap. Of one gas the first two tell most: beside the mix for
# several gases they halve the time to a given error of CO2, CH4, O2 and H2 in ZIF-8, and of CO2 and H2 in a glass.
MOVE_PROBABILITIES = (0.43, 0.43, 0.0, 0.08, 0.06, 0.0)
MIXTURE_PROBABILITIES = (0.25, 0.25, 0.2, 0.2, 0.1, 0.0)
CROWDED_PROBABILITIES = (0.35, 0.35, 0.0, 0.2, 0.1, 0.0)
SWAP_PROBABILITY = 0.2            # of all moves in a mixture


@dataclass
class Run:
    """A state point in progress or finished: what a checkpoint holds."""

    walker: Walker
    rng: NDArray[np.uint64]
    steps: FloatArray
    counts: list[FloatArray]
    energies: list[FloatArray]
    n_trials: int
    adapt_until: int        # moves; half of those allowed when the run began
    ladder: Ladder          # activities at which the chances of insertions and deletions are noted
    blocks: list[Block]     # what was noted since the last adaptation
    moves: int = 0
    judged_at: int = 0
    adapted_at: int = 0     # moves at the last change of step sizes or trials: all before is discarded
    finished: bool = False

    def discard(self) -> None:
        """Leave all that was sampled so far out of the averages."""
        self.adapted_at = self.moves
        self.blocks.clear()

    def series(self) -> tuple[FloatArray, FloatArray]:
        """(n, C) molecules and (n,) energies, K, of all samples."""
        return np.concatenate(self.counts), np.concatenate(self.energies)

    def summaries(self) -> list[SeriesSummary]:
        """Statistics of each component's loading since the last adaptation."""
        counts, _ = self.series()
        return [summarise(column) for column in counts[self.adapted_at // SAMPLE_EVERY:].T]


def sample_point(system: AdsorptionSystem, fugacities_pa: Sequence[float], seed: int, *, start: Walker | None = None,
                 earlier: Run | None = None, checkpoint: Path | None = None, report: Report = silent) -> Run:
    """Sample one set of fugacities until it is converged or ``max_moves`` is reached.

    ``start``: walker to begin from (None: empty cell); ``earlier``: a run to continue instead. ``checkpoint``: file
    that is written every 20 s. Raises SimulationError if the running energy drifts or the cell overfills,
    RunInterrupted (after a checkpoint) where the process was asked to stop.
    """
    settings = system.settings
    run = new_run(system, seed, start) if earlier is None else earlier
    saved = time.monotonic()
    summaries: list[SeriesSummary] = []
    most = most_moves(settings)
    while run.moves < most:
        advance(system, run, fugacities_pa, min(BLOCK_MOVES, most - run.moves))
        if run.moves - run.adapted_at >= settings.min_moves and run.moves >= GROWTH * run.judged_at:
            run.judged_at = run.moves
            summaries = run.summaries()
            if all(_converged(s, settings) for s in summaries):
                break
        molecules = float(run.counts[-1].sum(axis=1).mean())
        try:
            report(Event(fraction=_fraction_done(run, summaries, settings), message=f"{molecules:.1f} molecules",
                         values={"moves": run.moves, "molecules": molecules}))
            stopping.check()
        except BaseException:       # that is how a run is stopped: nothing sampled is lost
            if checkpoint:
                save_run(checkpoint, run)
            raise
        if checkpoint and time.monotonic() - saved > CHECKPOINT_S:
            save_run(checkpoint, run)
            saved = time.monotonic()
    check_energy(system, run.walker)
    return run


def most_moves(settings: GCMCSettings) -> int:
    """The longest that a state point may be: every block ends with a sample."""
    return settings.max_moves - settings.max_moves % SAMPLE_EVERY


def is_enough(run: Run, settings: GCMCSettings) -> bool:
    """Whether a finished run, perhaps one of other settings, needs no more moves by these."""
    if run.moves >= most_moves(settings):
        return True
    return run.moves - run.adapted_at >= settings.min_moves and all(_converged(s, settings) for s in run.summaries())


def new_run(system: AdsorptionSystem, seed: int, start: Walker | None = None, ladder: Ladder = NO_LADDER) -> Run:
    """A run that begins with a copy of ``start`` (None: an empty cell); chances are noted at the ``ladder``'s rungs."""
    walker = system.new_walker() if start is None else copy_walker(start)
    walker = walker._replace(transitions=np.zeros((system.capacity + 1, 2, 1 + ladder.count)))
    for array in (walker.accepted, walker.attempted):
        array[...] = 0
    return Run(walker, streams(seed, MAX_TRIALS + 1), np.array([1.0, 0.5]), [], [], system.settings.n_trials,
               system.settings.max_moves // 2, ladder, [])


def advance(system: AdsorptionSystem, run: Run, fugacities_pa: Sequence[float], n_moves: int,
            log_bias: FloatArray | None = None) -> None:
    """One block of moves, then adaptation. ``log_bias`` (M + 1,): weights η(N) of a flat-histogram run."""
    samples = n_moves // SAMPLE_EVERY
    counts, energies = np.zeros((samples, len(system.guest_models))), np.zeros(samples)
    accepted, attempted = run.walker.accepted.copy(), run.walker.attempted.copy()
    conditions = Conditions(1.0 / system.temperature_k, log_activities(fugacities_pa, system.temperature_k),
                            system.volume, move_mix(system, run.n_trials), run.steps, orientations_of(run.n_trials),
                            np.zeros(1) if log_bias is None else log_bias, np.exp(run.ladder.log_activities))
    roomy = run_moves(run.rng, system.host, system.guests, system.ewald, system.bias, run.walker,
                      system.new_scratch(run.n_trials), conditions, n_moves, SAMPLE_EVERY, counts, energies)
    if not roomy:
        raise SimulationError(f"{system.gases} in {system.framework.name}: the cell filled up with "
                              f"{int(run.walker.total[0])} molecules; check the force field and the pressure.")
    run.counts.append(counts)
    run.energies.append(energies)
    run.moves += n_moves
    if log_bias is None and run.ladder.count:
        add_block(run.blocks, Block.taken(run.walker.transitions, counts[:, 0], energies, n_moves, SAMPLE_EVERY))
    _adapt(run, run.walker.accepted - accepted, run.walker.attempted - attempted, counts.sum(axis=1))


def noted(run: Run, first_sample: int) -> tuple[Notes, int]:
    """What counts of a run's notes, and of how many moves it is: all from a sample after the last adaptation on."""
    begin, blocks = 0, []
    for block in run.blocks:
        if begin >= first_sample * SAMPLE_EVERY:
            blocks.append(block)
        begin += block.moves
    return Notes.of(blocks, run.ladder, run.n_trials), sum(block.moves for block in blocks)


def log_activities(fugacities_pa: Sequence[float], temperature_k: float) -> FloatArray:
    """(C,) ln(βf) with βf in molecules per Å³."""
    return np.log(np.asarray(fugacities_pa, dtype=float) * ANGSTROM_M**3 / (BOLTZMANN_J_K * temperature_k))


def move_mix(system: AdsorptionSystem, n_trials: int) -> FloatArray:
    """Cumulative move probabilities; molecules without orientation are translated where others are rotated.

    Among many trials a regrowth costs two insertions and mostly finds the place that was left: a crowd does without.
    """
    alone = len(system.guest_models) == 1
    roomy = MOVE_PROBABILITIES if alone else MIXTURE_PROBABILITIES
    probabilities = np.array(roomy if orientations_of(n_trials) == 1 else CROWDED_PROBABILITIES)
    if not system.guests.rotates.any():
        probabilities[TRANSLATION] += probabilities[ROTATION]
        probabilities[ROTATION] = 0.0
    if not alone:
        probabilities *= 1.0 - SWAP_PROBABILITY
        probabilities[SWAP] = SWAP_PROBABILITY
    mix = np.cumsum(probabilities)
    mix[mix > 1.0 - 1e-12] = 1.0 + 1e-9     # rounding must not leave a move of probability 0
    return mix


def orientations_of(n_trials: int) -> int:
    """In how many orientations each trial position is tried: one, unless a crowded cell asked for many positions."""
    return max(1, n_trials // TRIALS_PER_ORIENTATION)


def _adapt(run: Run, accepted: NDArray[np.int64], attempted: NDArray[np.int64], molecules: FloatArray) -> None:
    """Tune the step sizes while their acceptance is far off, and double the trials in a crowded cell.

    Only during the first half of the longest run, as it was to be when it began, and everything before the last change
    is discarded from the averages, so that they come from one Markov chain. ``molecules`` (n,) of a block's samples: a
    nearly empty cell is not crowded; there, few insertions succeed for want of fugacity, and most moves find nothing to
    move.
    """
    if run.moves > run.adapt_until or len(molecules) == 0:
        return
    with_molecules = attempted * np.mean(molecules > 0)
    for kind, step, limit in ((TRANSLATION, 0, 4.0), (ROTATION, 1, math.pi)):
        rate = accepted[kind] / max(with_molecules[kind], 1.0)
        off = with_molecules[kind] > 50 and not ACCEPTANCE_BAND[0] < rate < ACCEPTANCE_BAND[1]
        size = min(limit, max(0.02, run.steps[step] * min(2.0, max(0.5, rate / TARGET_ACCEPTANCE))))
        if off and size != run.steps[step]:
            run.steps[step] = size
            run.discard()
    tried = attempted[INSERTION]
    crowded = accepted[INSERTION] < CROWDED * tried * min(1.0, float(molecules.mean()))
    if run.n_trials < MAX_TRIALS and tried > 500 and crowded:
        run.n_trials = min(2 * run.n_trials, MAX_TRIALS)
        run.discard()


def _converged(summary: SeriesSummary, settings: GCMCSettings) -> bool:
    if not summary.equilibrated or summary.effective_samples < settings.min_effective_samples:
        return False
    return summary.standard_error <= settings.target_relative_error * summary.mean


def _fraction_done(run: Run, summaries: list[SeriesSummary], settings: GCMCSettings) -> float:
    """Best guess of how far a state point is: from the error so far, never beyond the move limit."""
    if not summaries or any(s.mean <= 0 or not math.isfinite(s.standard_error) for s in summaries):
        return min(0.99, run.moves / max(settings.min_moves * 2, 1))
    relative = max(s.standard_error / s.mean for s in summaries)
    needed = run.judged_at * max(1.0, (relative / settings.target_relative_error) ** 2)
    return min(0.99, run.moves / min(needed, settings.max_moves))


def check_energy(system: AdsorptionSystem, walker: Walker, tolerance: float = DRIFT_TOLERANCE) -> float:
    """Relative drift of the running energy from the recomputed one; raises SimulationError above a tolerance."""
    running = float(walker.energy.sum())
    fresh = float(total_energy(walker, system.host, system.guests, system.ewald, system.volume).sum())
    drift = abs(running - fresh) / max(1.0, float(np.abs(walker.energy).sum()))
    if drift > tolerance:
        raise SimulationError(f"{system.gases} in {system.framework.name}: the running energy {running:.9g} K "
                              f"differs from the recomputed {fresh:.9g} K (relative {drift:.1e}).")
    return drift


def save_run(path: Path, run: Run) -> None:
    """Write a run, atomically."""
    counts, energies = run.series()
    state = {"moves": run.moves, "judged_at": run.judged_at, "adapted_at": run.adapted_at, "n_trials": run.n_trials,
             "adapt_until": run.adapt_until, "ladder": [run.ladder.first, run.ladder.count]}
    noted = int(np.flatnonzero(run.walker.transitions[:, :, TRIED].any(axis=1)).max(initial=-1)) + 1
    walker = run.walker._replace(transitions=run.walker.transitions[:noted])
    # sums of chances hardly get smaller by compression, which takes longer than the moves of a short round
    write_sealed_arrays(path, compressed=not run.blocks, state=json.dumps(state), rng=run.rng, steps=run.steps,
                        series_counts=counts.astype(np.int32), series_energies=energies,
                        **arrays_of(run.blocks, run.ladder), **walker._asdict())


def load_run(path: Path) -> Run:
    """Read what :func:`save_run` wrote.

    Raises
    ------
    DamagedError: it is not what was written. FileNotFoundError: there is none.
    """
    data = read_sealed_arrays(path)

    def make() -> Run:
        state = json.loads(str(data["state"]))
        walker = Walker(*(data[name] for name in Walker._fields))
        transitions = np.zeros((walker.centres.shape[1] + 1, *walker.transitions.shape[1:]))
        transitions[:len(walker.transitions)] = walker.transitions
        walker = walker._replace(transitions=transitions)
        return Run(walker, data["rng"], data["steps"], [data["series_counts"].astype(float)],
                   [data["series_energies"]],
                   state["n_trials"], state["adapt_until"], Ladder(*state["ladder"]), blocks_of(data), state["moves"],
                   state["judged_at"], state["adapted_at"])

    return made_of(path, make)


