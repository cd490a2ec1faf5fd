"""GPU sampling, many walkers at once on a card: a warp per walker, whose lanes try the trial placements side by side.

The physics is the CPU's: the functions of :mod:`zifsim.gcmc.moves` are compiled once more, for the card. Written here
is only who does what. Lane 0 decides, with the walker's first random stream; trial t is tried by lane t mod 32, with
stream t + 1. So a walker takes the same random numbers as on the CPU and, but for rounding, the same path.

What is known: in CUDA's simulator the path is the CPU's, move by move, and the kernel compiles for compute capability
8.0 and 9.0 (both are tests); it takes 255 registers a lane, so that 8 walkers fit on a multiprocessor at a time, and
spills few (``benchmarks/gpu_compile.py``). What is not: no card has run it, so its speed is unmeasured
(``benchmarks/gcmc_gpu.py`` will tell). Compiling takes about a minute in every process. The Fourier part of molecules
with a dipole is summed by one lane alone, so those will gain least. Step sizes and the number of trials are given, not
adapted.

Needs the package numba-cuda with CUDA 12.1 or later (the kernel takes 6 kB of arguments); numba's own CUDA target does
not compile the kernel. A walker needs some 16 bytes × capacity × lanes of the card's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numba import config, int64
from numba import cuda as numba_cuda
from numpy.typing import NDArray

from zifsim.errors import InputError, SimulationError
from zifsim.gcmc.bias import Bias
from zifsim.gcmc.ewald import Ewald, Phases
from zifsim.gcmc.guests import Guests
from zifsim.gcmc.host import Host
from zifsim.gcmc.jit import kernel
from zifsim.gcmc.moves import (
    DELETION,
    INSERTION,
    REGROWTH,
    SWAP,
    TRANSLATION,
    Conditions,
    decide_deletion,
    decide_insertion,
    decide_regrowth,
    decide_swap,
    displacement,
    draw_kind,
    draw_lot,
    most_likely,
    pick,
)
from zifsim.gcmc.random import streams
from zifsim.gcmc.sampling import SAMPLE_EVERY, check_energy, log_activities, move_mix, orientations_of
from zifsim.gcmc.system import AdsorptionSystem
from zifsim.gcmc.trials import log_mean_weight, old_weight, try_orientation, try_placement, weigh_old
from zifsim.gcmc.walker import FOURIER, HOST, PAIR, TAIL, Scratch, Walker, copy_walker

FloatArray = NDArray[np.float64]
cuda: Any = numba_cuda     # what a card offers is not all known to type checkers
SIMULATED = bool(config.ENABLE_CUDASIM)  # type: ignore[attr-defined]  # the card is this process, its memory ours
LANES = 32                 # threads of a warp
LAUNCH_MOVES = 20_000      # per launch, so that no launch holds a card for long
CARD_TOLERANCE = 1e-4      # of the running energy: CPU and card round the single precision of the host's grid apart

# What lane 0 tells the others about a move: its kind (FULL: stop), the molecule (−1: none), the gas that is tried, and
# how often all trials are tried.
KIND, MOLECULE, GAS, ROUNDS = range(4)
FULL = -1


@dataclass(frozen=True, slots=True)
class Batch:
    """State points of one system, to be run at once: W walkers of C gases.

    ``fugacities_pa`` (W, C); ``seeds`` W of them; ``starts``: W walkers to begin from (empty: empty cells);
    ``steps``: translation, Å, and rotation, rad.
    """

    system: AdsorptionSystem
    fugacities_pa: FloatArray
    seeds: Sequence[int]
    n_trials: int = LANES
    starts: Sequence[Walker] = ()
    steps: tuple[float, float] = (1.0, 0.5)


@dataclass(frozen=True, slots=True)
class BatchSeries:
    """What W walkers did: ``counts`` (W, n, C) molecules, ``energies`` (W, n) K, and the walkers at their end."""

    counts: FloatArray
    energies: FloatArray
    walkers: tuple[Walker, ...]


class Field(NamedTuple):
    """What all walkers of a batch move in."""

    host: Host
    guests: Guests
    ewald: Ewald
    bias: Bias


class Series(NamedTuple):
    """``rng`` (W, 1 + K, 2) random streams; ``counts`` (W, n, C); ``energies`` (W, n) K; ``full`` (W,) 1 where a cell
    filled up."""

    rng: NDArray[np.uint64]
    counts: FloatArray
    energies: FloatArray
    full: NDArray[np.int64]


# ---------------------------------------------------------------- one walker of many

@cuda.jit(device=True)
def _walker_of(all_, w):
    return Walker(
        all_.total[w], all_.number[w], all_.kind[w], all_.members[w], all_.place[w], all_.centres[w],
        all_.quaternions[w], all_.offsets[w], all_.host_energies[w], all_.real[w], all_.imaginary[w], all_.energy[w],
        all_.accepted[w], all_.attempted[w], all_.transitions[w])


@cuda.jit(device=True)
def _scratch_of(all_, w, lane):
    """Every lane looks for neighbours in a place of its own."""
    return Scratch(
        all_.distances2[w, :, lane], all_.neighbours[w, :, lane],
        Phases(all_.phases.axes[w], all_.phases.flat_real[w], all_.phases.flat_imaginary[w]), all_.real[w],
        all_.imaginary[w], all_.old_sites[w], all_.centres[w], all_.quaternions[w], all_.offsets[w], all_.sites[w],
        all_.energies[w], all_.log_weights[w])


@cuda.jit(device=True)
def _conditions_of(all_, w):
    return Conditions(all_.beta, all_.log_activities[w], all_.volume, all_.mix, all_.steps, all_.orientations,
                      all_.log_bias, all_.ladder)


# ---------------------------------------------------------------- a move, divided among lanes

@kernel
def make_plan(rng, field, walker, scratch, conditions, plan):
    """Draw what the next move is, as :func:`zifsim.gcmc.moves.one_move` does; returns the lot of a deletion."""
    kind, components = draw_kind(rng, conditions.mix), walker.number.shape[0]
    molecule, gas, rounds, log_lot = -1, -1, 0, 0.0
    if kind == INSERTION:
        gas, rounds = pick(rng, components), 1
    elif kind == DELETION:
        gas = pick(rng, components)
        if walker.number[gas] > 0:
            molecule = walker.members[gas, pick(rng, walker.number[gas])]
            log_lot = draw_lot(rng)
            rounds = int(log_lot <= most_likely(field.host, field.guests, field.ewald, field.bias, walker, scratch,
                                                conditions, molecule))
    elif kind == REGROWTH:
        if walker.total[0] > 0:
            molecule, rounds = pick(rng, walker.total[0]), 2
            gas = walker.kind[molecule]
    elif kind == SWAP:
        old = pick(rng, components)
        gas = (old + 1 + pick(rng, components - 1)) % components
        if walker.number[old] > 0:
            molecule, rounds = walker.members[old, pick(rng, walker.number[old])], 2
    plan[KIND], plan[MOLECULE], plan[GAS], plan[ROUNDS] = kind, molecule, gas, rounds
    return log_lot


@kernel
def try_trial(rng, field, walker, scratch, conditions, plan, stage, t):
    """Weigh trial ``t``. Except when inserting, the first stage weighs what there is, as trial 0, beside others."""
    kind, i, beta = plan[KIND], plan[MOLECULE], conditions.beta
    before = stage == 0 and kind != INSERTION
    if before and t == 0 and kind == SWAP:
        scratch.log_weights[0] = old_weight(field.host, field.guests, walker, scratch, beta, i)
    elif before and t == 0:
        weigh_old(rng, field.host, field.guests, field.bias, walker, scratch, conditions, i)
    elif kind == SWAP:
        gas = walker.kind[i] if before else plan[GAS]
        try_orientation(rng, t + 1, field.host, field.guests, walker, scratch, beta, gas, t, i)
    else:
        try_placement(rng, t + 1, field.host, field.guests, field.bias, walker, scratch, conditions, plan[GAS], t, i)


@kernel
def decide(rng, field, walker, scratch, conditions, plan, log_lot, log_old, old_pair):
    """Accept or reject the planned move, whose trials are weighed."""
    host, guests, ewald = field.host, field.guests, field.ewald
    kind, i, gas, tried = plan[KIND], plan[MOLECULE], plan[GAS], plan[ROUNDS] > 0
    done = False
    if kind == INSERTION:
        done = decide_insertion(rng, host, guests, ewald, walker, scratch, conditions, gas, walker.total[0])
    elif kind == DELETION:
        if tried:
            done = decide_deletion(host, guests, ewald, walker, scratch, conditions, i, log_lot, 0.0)
    elif kind == REGROWTH:
        if tried:
            done = decide_regrowth(rng, host, guests, ewald, walker, scratch, conditions, i, log_old, old_pair)
    elif kind == SWAP:
        if tried:
            done = decide_swap(rng, host, guests, ewald, walker, scratch, conditions, i, gas, log_old, old_pair)
    else:
        shift = conditions.steps[0] if kind == TRANSLATION else 0.0
        turn = 0.0 if kind == TRANSLATION else conditions.steps[1]
        done = displacement(rng, host, guests, ewald, walker, scratch, conditions, shift, turn)
    walker.attempted[kind] += 1
    walker.accepted[kind] += done


@kernel
def note(walker, counts, energies, sample):
    for c in range(walker.number.shape[0]):
        counts[sample, c] = walker.number[c]
    energies[sample] = walker.energy[HOST] + walker.energy[PAIR] + walker.energy[FOURIER] + walker.energy[TAIL]


@cuda.jit
def walk(field, conditions, walkers, scratches, series, first, last, sample_every):
    """Moves ``first`` ≤ m < ``last`` of all walkers, a block each; see :func:`zifsim.gcmc.moves.run_moves`."""
    w, lane, lanes = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x
    plan = cuda.shared.array(4, int64)
    walker, scratch, here = _walker_of(walkers, w), _scratch_of(scratches, w, lane), _conditions_of(conditions, w)
    rng, trials = series.rng[w], scratch.log_weights.shape[0]
    for move in range(first, last):
        log_lot = 0.0
        if lane == 0:
            if walker.total[0] + 1 >= walker.centres.shape[1]:
                plan[KIND] = FULL
                series.full[w] = 1
            else:
                log_lot = make_plan(rng, field, walker, scratch, here, plan)
        cuda.syncthreads()
        if plan[KIND] == FULL:
            break
        log_old, old_pair = 0.0, 0.0
        for stage in range(plan[ROUNDS]):
            if stage == 1:
                if lane == 0:
                    log_old, old_pair = log_mean_weight(scratch.log_weights, trials), scratch.energies[0, 1]
                cuda.syncthreads()
            for t in range(lane, trials, lanes):
                try_trial(rng, field, walker, scratch, here, plan, stage, t)
            cuda.syncthreads()
        if lane == 0:
            decide(rng, field, walker, scratch, here, plan, log_lot, log_old, old_pair)
            if (move + 1) % sample_every == 0:
                note(walker, series.counts[w], series.energies[w], (move + 1) // sample_every - 1)
        cuda.syncthreads()      # before lane 0 plans anew, all have read the old plan


# ---------------------------------------------------------------- from the host's side

def check_card() -> None:
    """Raise InputError where no card can be used. The simulator (NUMBA_ENABLE_CUDASIM=1) counts as one."""
    if SIMULATED:
        return
    if getattr(cuda, "implementation", "") != "NVIDIA":
        raise InputError("Sampling on a GPU needs the package numba-cuda; install numba-cuda[cu13], or [cu12] for an "
                         "older driver.")
    if not cuda.is_available():
        raise InputError("No CUDA card can be used here (numba.cuda.is_available() says no); look at the driver, or "
                         "sample on the CPU.")
    teach_rint()


def teach_rint() -> None:
    """Tell numba-cuda what np.rint is on a card: the one function of the kernels that it does not know."""
    from numba.cuda import libdevice
    from numba.cuda.ufuncs import ufunc_db

    def rint(context, builder, signature, arguments):
        return context.get_function(libdevice.rint, signature)(builder, arguments)

    ufunc_db()[np.rint] = {"d->d": rint}


def _mapped(value: Any, change: Callable[[NDArray[Any]], Any]) -> Any:
    """The same nested named tuple with every array changed."""
    if hasattr(value, "_fields"):
        return type(value)(*(_mapped(v, change) for v in value))
    return change(value) if isinstance(value, np.ndarray) else value


def _empty(shape: tuple[int, ...], dtype: Any) -> Any:
    return np.zeros(shape, dtype) if SIMULATED else cuda.device_array(shape, dtype)


def scratches_for(batch: Batch, lanes: int, empty: Callable[..., Any]) -> Scratch:
    """Work space for all walkers, allocated by ``empty(shape, dtype)``; lanes lie side by side in memory."""
    n, one = len(batch.seeds), batch.system.new_scratch(batch.n_trials)

    def shape(name: str, array: NDArray[Any]) -> tuple[int, ...]:
        return (n, *array.shape, lanes) if name in ("distances2", "neighbours") else (n, *array.shape)

    def empty_like(name: str) -> Any:
        return _mapped(getattr(one, name), lambda array: empty(shape(name, array), array.dtype))

    return Scratch(*(empty_like(name) for name in Scratch._fields))


def _settled(flag: bool) -> Any:
    """The flag as a tuple, which is true or not by its type alone: so the compiler drops what will not be used, and
    with it nine tenths of what spilled from registers."""
    return (1,) if flag else ()


def arguments_for(batch: Batch, samples: int) -> tuple[Field, Conditions, Walker, Series]:
    """The kernel's arguments but the work space, as numpy arrays. Raises InputError for input that does not fit."""
    system, n = batch.system, len(batch.seeds)
    fugacities = np.asarray(batch.fugacities_pa, dtype=float)
    if n == 0 or fugacities.shape != (n, len(system.guest_models)) or not np.all(fugacities > 0.0):
        raise InputError(f"A batch needs one positive fugacity per seed ({n}) and gas ({len(system.guest_models)}); "
                         f"got an array of shape {fugacities.shape}.")
    if batch.n_trials < 1:
        raise InputError(f"A batch needs at least one trial placement, not {batch.n_trials}.")
    starts = [copy_walker(w) for w in batch.starts] or [system.new_walker() for _ in range(n)]
    if len(starts) != n:
        raise InputError(f"A batch needs as many walkers to start from as seeds ({n}), not {len(starts)}.")
    starts = [walker._replace(transitions=np.zeros((system.capacity + 1, 2, 1))) for walker in starts]
    for walker in starts:
        for array in (walker.accepted, walker.attempted):
            array[...] = 0
    conditions = Conditions(1.0 / system.temperature_k,
                            np.stack([log_activities(row, system.temperature_k) for row in fugacities]),
                            system.volume, move_mix(system, batch.n_trials), np.array(batch.steps),
                            orientations_of(batch.n_trials), np.zeros(1), np.zeros(0))
    series = Series(np.stack([streams(seed, batch.n_trials + 1) for seed in batch.seeds]),
                    np.zeros((n, samples, len(system.guest_models))), np.zeros((n, samples)),
                    np.zeros(n, dtype=np.int64))
    host = system.host._replace(use_grid=_settled(system.host.use_grid))
    guests = system.guests._replace(fourier=_settled(system.guests.fourier),
                                    pointlike=_settled(system.guests.pointlike))
    field = Field(host, guests, system.ewald, system.bias)
    return field, conditions, Walker(*(np.stack(rows) for rows in zip(*starts, strict=True))), series


def sample_on_gpu(batches: Sequence[Batch], n_moves: int, *, sample_every: int = SAMPLE_EVERY) -> list[BatchSeries]:
    """Run every walker of every batch ``n_moves`` moves, the batches side by side on streams of their own.

    Every ``sample_every``-th move is a sample. Raises InputError without a card or for input that does not fit,
    SimulationError where a cell fills up or a running energy drifts.
    """
    check_card()
    launched = []
    for batch in batches:
        stream, lanes = cuda.stream(), min(LANES, batch.n_trials)

        def put(array: NDArray[Any], stream: Any = stream) -> Any:
            return array.copy() if SIMULATED else cuda.to_device(array, stream)

        arrays = [_mapped(group, put) for group in arguments_for(batch, n_moves // sample_every)]
        launched.append((batch, stream, lanes, arrays, scratches_for(batch, lanes, _empty)))
    for first in range(0, n_moves, LAUNCH_MOVES):
        for batch, stream, lanes, (field, conditions, walkers, series), scratches in launched:
            walk[len(batch.seeds), lanes, stream](field, conditions, walkers, scratches, series, first,
                                                  min(first + LAUNCH_MOVES, n_moves), sample_every)
    return [_collected(batch, stream, walkers, series)
            for batch, stream, _, (_, _, walkers, series), _ in launched]


def _collected(batch: Batch, stream: Any, walkers: Any, series: Any) -> BatchSeries:
    """What a batch left on the card, checked."""
    if not SIMULATED:
        walkers = Walker(*(array.copy_to_host(stream=stream) for array in walkers))
        series = Series(*(array.copy_to_host(stream=stream) for array in series))
        stream.synchronize()
    system, ended = batch.system, []
    for w in range(len(batch.seeds)):
        walker = Walker(*(np.ascontiguousarray(array[w]) for array in walkers))
        if series.full[w]:
            raise SimulationError(f"{system.gases} in {system.framework.name}: the cell filled up with "
                                  f"{int(walker.total[0])} molecules; check the force field and the pressure.")
        check_energy(system, walker, CARD_TOLERANCE)
        ended.append(walker)
    return BatchSeries(series.counts, series.energies, tuple(ended))
