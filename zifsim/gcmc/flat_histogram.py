"""Transition-matrix Monte Carlo: the whole isotherm, at any pressure, from one probability of the number of molecules.

Every insertion and deletion that is tried, accepted or not, tells how likely it was. At each N the mean of these
probabilities fixes ln Π(N + 1) − ln Π(N) by detailed balance; weights −ln Π then drive the walkers evenly over all N,
from empty to full and back (Fitzgerald, Picard & Silver 1999, doi:10.1209/epl/i1999-00257-1; Errington 2003,
doi:10.1063/1.1572463; for adsorption Siderius & Shen 2013, doi:10.1021/jp400480q). Another fugacity multiplies Π(N) by
(f/f_ref)^N. Half of the walkers begin empty and half full; errors are a jackknife over the walkers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zifsim.errors import DamagedError, InputError, SimulationError
from zifsim.gcmc.macrostates import Ladder, Steps
from zifsim.gcmc.sampling import BLOCK_MOVES, Run, advance, check_energy, load_run, log_activities, new_run, save_run
from zifsim.gcmc.system import AdsorptionSystem
from zifsim.gcmc.walker import CHANCES, TRIED, Walker
from zifsim.rng import derive_seed
from zifsim.runs import stopping
from zifsim.runs.progress import Event, Report, note, silent
from zifsim.runs.seal import made_of, read_sealed_json, write_sealed_json
from zifsim.units import KELVIN_TO_KJ_MOL

FloatArray = NDArray[np.float64]
WALKERS = 8
ROUND = "round.json"
PATIENCE_S = 60.0            # for the block of moves that a stop signal falls into, and its checkpoint
ROUND_BLOCKS = 20            # blocks between judgements
NEGLIGIBLE = -18.0           # ln Π(N) − ln Π of the likeliest N: the histogram may end there
STEEP = 1e6                  # of the weights beyond the range of N
SCOUTING_BLOCKS = 40         # to find how many molecules the cell holds


@dataclass(frozen=True, slots=True)
class FlatHistogram:
    """What a flat-histogram run knows; N runs from 0 to n − 1.

    Attributes
    ----------
    reference_fugacity_pa: fugacity at which the histogram was sampled.
    transitions: (W, n, 2, 1 + K) of each walker, as in ``Walker.transitions``; ladder: of their K chances.
    energy_sums: (W, n) sums of the total guest energy (K) over the samples at N; visits: (W, n) samples.
    temperature_k: of the run.
    n_moves, n_adaptation_moves: of all walkers together; those before the last change of trials are not counted in
        ``transitions``.
    """

    reference_fugacity_pa: float
    temperature_k: float
    ladder: Ladder
    transitions: FloatArray
    energy_sums: FloatArray
    visits: FloatArray
    n_moves: int = 0
    n_adaptation_moves: int = 0

    def log_probability(self, fugacity_pa: float) -> FloatArray:
        """(n,) ln Π(N) at a fugacity, normalised."""
        (log_activity,) = log_activities((fugacity_pa,), self.temperature_k)
        log_pi = log_probability_of(self.transitions, self.ladder, log_activity)
        log_pi -= log_pi.max()
        result: FloatArray = log_pi - math.log(np.exp(log_pi).sum())
        return result

    def log_probability_error(self, fugacity_pa: float) -> FloatArray:
        """(n,) standard error of :meth:`log_probability`."""
        return _jackknife_error([h.log_probability(fugacity_pa) for h in self._each_left_out()])

    def loading(self, fugacity_pa: float) -> tuple[float, float]:
        """⟨N⟩ and its standard error.

        Raises InputError where the histogram ends before Π has died out: the fugacity is too high for it.
        """
        log_pi = self.log_probability(fugacity_pa)
        if log_pi[-1] - log_pi.max() > NEGLIGIBLE / 2.0:
            raise InputError(f"The histogram ends at {len(log_pi) - 1} molecules, too few for a fugacity of "
                             f"{fugacity_pa:g} Pa; sample it up to that fugacity.")
        return self._with_error(lambda h: h._mean(fugacity_pa))

    def halves(self, fugacity_pa: float) -> tuple[float, float, bool]:
        """⟨N⟩ by the walkers that began empty, by those that began full, and whether the two meet.

        That is within two standard errors of their difference: by the halves' own errors, or twice that of all walkers,
        as equal halves would have; the larger, for four walkers know their spread poorly.
        """
        empty, full = (half._with_error(lambda h: h._mean(fugacity_pa)) for half in (self._half(0), self._half(1)))
        error = max(math.hypot(empty[1], full[1]), 2.0 * self._with_error(lambda h: h._mean(fugacity_pa))[1])
        return empty[0], full[0], abs(full[0] - empty[0]) <= 2.0 * error

    def heat_of_adsorption_kj_mol(self, fugacity_pa: float) -> tuple[float, float]:
        """Isosteric heat from the covariance of energy and number, and its standard error."""
        def heat(histogram: FlatHistogram) -> float:
            energy_sums, visits = histogram.energy_sums.sum(axis=0), histogram.visits.sum(axis=0)
            n = np.arange(len(visits))
            seen = visits > 0
            mean_energy = np.interp(n, n[seen], energy_sums[seen] / visits[seen])
            p = np.exp(histogram.log_probability(fugacity_pa))
            mean_n = p @ n
            variance = p @ (n - mean_n) ** 2
            covariance = p @ (mean_energy * (n - mean_n))
            return float((self.temperature_k - covariance / variance) * KELVIN_TO_KJ_MOL) if variance > 0 else math.nan
        return self._with_error(heat)

    def _mean(self, fugacity_pa: float) -> float:
        """⟨N⟩, of a histogram that may end early too."""
        probability = np.exp(self.log_probability(fugacity_pa))
        return float(np.arange(len(probability)) @ probability)

    def _half(self, first: int) -> FlatHistogram:
        """Every second walker from the ``first`` on: 0 for those that began empty, 1 for those that began full."""
        return replace(self, transitions=self.transitions[first::2], energy_sums=self.energy_sums[first::2],
                       visits=self.visits[first::2])

    def _each_left_out(self) -> list[FlatHistogram]:
        """The histogram without each walker in turn."""
        return [replace(self, transitions=np.delete(self.transitions, w, axis=0),
                        energy_sums=np.delete(self.energy_sums, w, axis=0), visits=np.delete(self.visits, w, axis=0))
                for w in range(len(self.transitions))]

    def _with_error(self, of: Callable[[FlatHistogram], float]) -> tuple[float, float]:
        """A quantity from all walkers, and its error from leaving each out in turn."""
        return of(self), float(_jackknife_error([of(h) for h in self._each_left_out()]))


def _jackknife_error(left_out: Sequence[float] | Sequence[FloatArray]) -> FloatArray:
    """Standard error of quantities (W, ...) found with each of W walkers left out."""
    values = np.array(left_out)
    result: FloatArray = np.sqrt((len(values) - 1) / len(values) * np.sum((values - values.mean(axis=0)) ** 2, axis=0))
    return result


def log_probability_of(transitions: FloatArray, ladder: Ladder, log_activity: float) -> FloatArray:
    """(n,) ln Π(N) at an activity from the transitions (W, n, 2, 1 + K) of walkers, 0 at N = 0.

    Steps that were never seen continue the last slope.
    """
    chances = transitions[..., CHANCES:]
    tried = np.broadcast_to(transitions[..., TRIED, None], chances.shape)
    steps = Steps.of(tried, chances, ladder.log_activities)
    places, rise = np.arange(len(steps.rung)), np.zeros(len(steps.rung))
    if steps.seen.any():
        rise = np.interp(places, places[steps.seen], steps.log_ratio[steps.seen] + log_activity)
    return np.concatenate([[0.0], np.cumsum(rise)])


def sample_flat_histogram(system: AdsorptionSystem, fugacities_pa: Sequence[float], seed: int, *,
                          full: Walker | None = None, n_walkers: int = WALKERS, out_dir: Path | None = None,
                          threads: int = 1, report: Report = silent) -> FlatHistogram:
    """Sample Π(N) until the loading at every fugacity has the target error and both halves of the walkers find it.

    Or up to ``max_moves`` per walker.

    ``full``: where the walkers begin that begin full (None: at what the highest fugacity leaves). ``out_dir``: holds
    checkpoints; the same call continues there. Raises InputError for a mixture, SimulationError where the walkers never
    span the range, RunInterrupted where the process was asked to stop.
    """
    if len(system.guest_models) != 1:
        raise InputError("A flat histogram is sampled for one gas, not for a mixture.")
    settings = system.settings
    highest, lowest = max(fugacities_pa), min(fugacities_pa)
    reference = math.sqrt(highest * lowest)
    full, most = _scout(system, highest, seed, full)
    ladder = Ladder.around(log_activities((lowest, highest), system.temperature_k))
    new = [new_run(system, derive_seed(seed, "walker", w), full if w % 2 else None, ladder) for w in range(n_walkers)]
    runs, rounds, most = _begun(new, most, out_dir, report)
    while True:
        with stopping.polled(PATIENCE_S):
            _run_round(system, runs, reference, rounds, most, out_dir, threads)
        histogram = _histogram(runs, reference, most, system.temperature_k)
        done = min(r.moves for r in runs)
        worst = _worst_error(histogram, fugacities_pa) if done >= settings.min_moves else math.inf
        report(Event(fraction=min(0.99, max(done / settings.max_moves, (settings.target_relative_error / worst) ** 2)),
                     message=f"{done} moves of each walker", values={"moves": sum(r.moves for r in runs)}))
        good = worst <= settings.target_relative_error and all(histogram.halves(f)[2] for f in fugacities_pa)
        if good or done >= settings.max_moves:
            break
        log_pi = histogram.log_probability(highest)
        if log_pi[-1] - log_pi.max() > NEGLIGIBLE and done >= settings.min_moves:
            # without an error yet, the scout saw far too few molecules
            most = min(system.capacity - 2, most + max(2, most // (20 if worst < math.inf else 4)))
        rounds += 1
    for run in runs:
        check_energy(system, run.walker)
    log_pi = histogram.log_probability(highest)
    likely = int(np.flatnonzero(log_pi - log_pi.max() > NEGLIGIBLE)[-1])
    if not np.all(histogram.visits.sum(axis=0)[: likely + 1] > 0):
        raise SimulationError(f"{system.gases} in {system.framework.name}: the walkers never reached all numbers of "
                              "molecules; raise max_moves.")
    return histogram


def _scout(system: AdsorptionSystem, fugacity_pa: float, seed: int, full: Walker | None) -> tuple[Walker, int]:
    """A walker at the highest fugacity, and the largest number of molecules worth sampling."""
    run = new_run(system, derive_seed(seed, "scout"), full)
    for _ in range(SCOUTING_BLOCKS):
        advance(system, run, (fugacity_pa,), BLOCK_MOVES)
    late = np.concatenate(run.counts[SCOUTING_BLOCKS // 2:])[:, 0]
    most = int(late.max() + 2.0 * late.std() + 4)
    return run.walker, min(most, system.capacity - 2)


def _walker_file(out_dir: Path, w: int) -> Path:
    return out_dir / "points" / f"walker-{w}.npz"


def _begun(new: list[Run], most: int, out_dir: Path | None, report: Report) -> tuple[list[Run], int, int]:
    """The walkers, their round and its range of N, where an earlier call left them: ``new`` ones and ``most`` if none
    did. Where a file of theirs is damaged, that is told, and all of them begin anew: they belong together."""
    if out_dir is None:
        return new, 0, most
    place = out_dir / "points" / ROUND
    try:
        if place.exists():
            state = read_sealed_json(place)
            rounds, reached = made_of(place, lambda: (int(state["round"]), int(state["most"])))
            walkers = [_left(out_dir, w, run, rounds) for w, run in enumerate(new)]
            return walkers, rounds, reached
    except DamagedError as error:
        report(note(f"{error.fault}, so all walkers begin anew."))
    for path in (out_dir / "points").glob("walker-*.npz"):
        path.unlink()
    return new, 0, most


def _left(out_dir: Path, w: int, new: Run, rounds: int) -> Run:
    """A walker as it was left; in the first round it may not have been left yet."""
    path = _walker_file(out_dir, w)
    if path.exists():
        return load_run(path)
    if rounds:
        raise DamagedError(path, "it is missing")
    return new


def _run_round(system: AdsorptionSystem, runs: list[Run], reference_pa: float, rounds: int, most: int,
               out_dir: Path | None, threads: int) -> None:
    """Bring every walker to the end of a round; those that a killed run left there stay."""
    if out_dir:
        write_sealed_json(out_dir / "points" / ROUND, {"round": rounds, "most": most})
    end = min((rounds + 1) * ROUND_BLOCKS * BLOCK_MOVES, system.settings.max_moves)
    files = [_walker_file(out_dir, w) if out_dir else None for w in range(len(runs))]
    with ThreadPoolExecutor(threads) as pool:
        for job in [pool.submit(_advance, system, run, reference_pa, most, end, path)
                    for run, path in zip(runs, files, strict=True)]:
            job.result()


def _advance(system: AdsorptionSystem, run: Run, fugacity_pa: float, most: int, end: int, path: Path | None) -> None:
    """Blocks up to ``end`` moves; the weights follow what the walker has seen, and nothing lies beyond ``most``.

    Where the process was asked to stop, the walker is kept as it is.
    """
    (log_activity,) = log_activities((fugacity_pa,), system.temperature_k)
    while run.moves < end and not stopping.asked():
        log_bias = -log_probability_of(run.walker.transitions[None, : most + 1], run.ladder, log_activity)
        # beyond the range every step down is taken and none up, so a walker that began there finds back
        beyond = log_bias[-1] - STEEP * np.arange(1, system.capacity + 1 - most)
        log_bias = np.concatenate([log_bias, beyond])
        adapted = run.adapted_at
        advance(system, run, (fugacity_pa,), min(BLOCK_MOVES, end - run.moves), log_bias)
        if run.adapted_at != adapted:             # other trials, other acceptance: what was seen does not mix
            run.walker.transitions[...] = 0.0
    if path:
        save_run(path, run)
    stopping.check()


def _histogram(runs: list[Run], reference_pa: float, most: int, temperature_k: float) -> FlatHistogram:
    transitions = np.array([r.walker.transitions[: most + 1] for r in runs])
    energy_sums, visits = np.zeros((len(runs), most + 1)), np.zeros((len(runs), most + 1))
    for w, run in enumerate(runs):
        if run.counts:
            counts, energies = run.series()
            n = counts[:, 0].astype(np.int64)
            inside = n <= most
            visits[w] = np.bincount(n[inside], minlength=most + 1)
            energy_sums[w] = np.bincount(n[inside], weights=energies[inside], minlength=most + 1)
    return FlatHistogram(reference_pa, temperature_k, runs[0].ladder, transitions, energy_sums, visits,
                         sum(r.moves for r in runs), sum(r.adapted_at for r in runs))


def _worst_error(histogram: FlatHistogram, fugacities_pa: Sequence[float]) -> float:
    """Largest relative error of the loading over the fugacities."""
    worst = 0.0
    for fugacity in fugacities_pa:
        try:
            mean, error = histogram.loading(fugacity)
        except InputError:
            return math.inf
        worst = max(worst, error / mean if mean > 0 and math.isfinite(error) else math.inf)
    return worst
