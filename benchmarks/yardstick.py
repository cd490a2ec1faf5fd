"""One model of ZIF-8 for every code: the same framework and guest objects give zifsim its input and the peers theirs.

``job_of`` turns them into plain numbers (JSON), from which each script in ``peers/`` writes its own input. ``Cost`` is
the ruler: processor time to 1 % standard error of the loading, measured for all codes by the same statistics.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_masses, atomic_numbers
from numpy.typing import NDArray

from zifsim.crystals.load import load_framework
from zifsim.gcmc.engine import run_point
from zifsim.gcmc.statistics import summarise
from zifsim.gcmc.system import AdsorptionSystem
from zifsim.gcmc.walker import Walker
from zifsim.io.adsorption import assign_charges, lj_parameters, load_adsorption_forcefield, load_charge_set
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.uptake import LoadingPoint

HERE = Path(__file__).resolve().parent
MODEL = HERE / "yardstick.toml"
CUTOFF_ANGSTROM = 12.0
PRESSURE_PA = 1e5
REPEATS = (2, 2, 2)
PEERS = {"RASPA3": "run_raspa3.py", "RASPA2": "run_raspa2.py", "LAMMPS": "run_lammps.py"}
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def yardstick(structure: str | Path = "ZIF-8") -> tuple[Framework, AdsorptionForceField]:
    """The framework with the yardstick's charges, and the yardstick's Lennard-Jones rows."""
    return assign_charges(load_framework(structure), load_charge_set(MODEL)), load_adsorption_forcefield(MODEL)


def job_of(framework: Framework, guest: GuestModel, forcefield: AdsorptionForceField, temperature_k: float,
           **extra: Any) -> dict[str, Any]:
    """The whole model as plain numbers: K, Å, e, amu, Pa; fugacity = pressure.

    ``host_kinds`` and ``guest_kinds`` are rows of name, element, mass, ε, σ, charge; atoms and sites name their kind
    by its index. Guest sites come with the Lennard-Jones sites first: RASPA grows a molecule from its first atom.
    ``extra`` goes in as it is (``task``, ``seconds``, ``molecules`` …).
    """
    epsilon, sigma = lj_parameters(framework, forcefield)
    charges = np.zeros(framework.n_atoms) if framework.charges is None else np.round(framework.charges, 10)
    rows = [(t, s, float(atomic_masses[atomic_numbers[s]]), float(e), float(d), float(q))
            for t, s, e, d, q in zip(framework.types, framework.species, epsilon, sigma, charges, strict=True)]
    host_kinds = list(dict.fromkeys(rows))
    order = site_order(guest)
    sites = [guest.sites[i] for i in order]
    site_rows = [(s.label, s.element, s.mass_amu, s.epsilon_k, s.sigma_angstrom, s.charge_e) for s in sites]
    guest_kinds = list(dict.fromkeys(site_rows))
    return {
        "cell": framework.cell.tolist(), "repeats": list(REPEATS), "host_kinds": host_kinds,
        "host_atoms": [[host_kinds.index(r), *f] for r, f in zip(rows, framework.fractional.tolist(), strict=True)],
        "gas": guest.gas, "guest_kinds": guest_kinds,
        "guest_sites": [[guest_kinds.index(r), *s.position] for r, s in zip(site_rows, sites, strict=True)],
        "critical": [guest.critical_temperature_k, guest.critical_pressure_pa, guest.acentric_factor],
        "temperature_k": temperature_k, "pressure_pa": PRESSURE_PA, "cutoff": CUTOFF_ANGSTROM} | extra


def site_order(guest: GuestModel) -> list[int]:
    """The guest's sites by falling ε, as jobs list them."""
    return sorted(range(len(guest.sites)), key=lambda i: -guest.sites[i].epsilon_k)


def molecules_for(guest: GuestModel, sites: NDArray[np.float64]) -> list[list[list[float]]]:
    """(M, S, 3) site coordinates in the job's order of sites."""
    listed: list[list[list[float]]] = sites[:, site_order(guest)].tolist()
    return listed


def sites_of(framework: Framework, walker: Walker) -> NDArray[np.float64]:
    """(M, S, 3) Å: the sites of a walker's molecules in the yardstick's 2×2×2 cells."""
    n = int(walker.total[0])
    sites: NDArray[np.float64] = (walker.centres[:, :n].T @ (2.0 * framework.cell))[:, None] + walker.offsets[:n]
    return sites


def has_peer(name: str, python: str) -> bool:
    """True if the interpreter ``python`` can import the peer."""
    try:
        done = subprocess.run([python, str(HERE / "peers" / PEERS[name]), "--check"], capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


def run_peer(name: str, python: str, job: dict[str, Any]) -> dict[str, Any]:
    """Result of a peer's script (JSON in, JSON out); its complaints go to stderr, and it ends the benchmark."""
    done = subprocess.run([python, str(HERE / "peers" / PEERS[name])], input=json.dumps(job), text=True,
                          capture_output=True, env=os.environ | ENVIRONMENT)
    if done.returncode != 0:
        sys.exit(f"{name} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@dataclass(frozen=True, slots=True)
class Cost:
    """A loading and what it cost.

    ``mean`` and ``error`` (one standard error) count molecules in the supercell; ``seconds`` is the processor time of
    the production part scaled to an error of 1 %, good to √(2/``samples``) of itself, ``samples`` being the effective
    ones. Where a run has not ``settled``, ``seconds`` is a lower bound or an estimate, as ``mark`` says (``>``, ``≈``).
    """

    mean: float
    error: float
    seconds: float
    moves_per_s: float
    samples: float
    settled: bool
    mark: str = ""

    @property
    def needed_samples(self) -> float:
        """Independent samples for an error of 1 %."""
        return self.samples * (self.error / self.mean / 0.01) ** 2 if self.mean > 0 else math.nan

    @property
    def loading(self) -> str:
        return f"{self.mean:.2f} ± {self.error:.2f}" + ("" if self.settled else " (not settled)")

    @property
    def time(self) -> str:
        """``85 ± 20``, or ``> 1300``, ``≈ 1300``; ``–`` where nothing can be said."""
        if not math.isfinite(self.seconds) or self.seconds <= 0.0:
            return "–"
        if not self.settled:
            return f"{self.mark} {rounded(self.seconds)}"
        spread = self.seconds * math.sqrt(2.0 / self.samples)
        digits = max(0, 1 - math.floor(math.log10(self.seconds)))
        return f"{self.seconds:.{digits}f} ± {spread:.{digits}f}"


def rounded(value: float) -> str:
    """Two significant digits, without an exponent."""
    digits = 1 - math.floor(math.log10(abs(value))) if value else 0
    return f"{round(value, digits):.{max(0, digits)}f}"


def cost_of_series(molecules: list[float], cpu_s: float, moves: float, reference: Cost | None = None,
                   insertions: float = 0.0) -> Cost:
    """Cost of a run that gave ``molecules``, equally spaced in time; what came before equilibrium is not counted.

    ``reference``: a settled run of the same model, whose mean and needed samples stand in for those of a run that has
    not settled (they belong to the ensemble, not to the code); see :func:`unsettled_seconds`.
    ``insertions``: how many were accepted, where the code tells.
    """
    summary = summarise(np.array(molecules, dtype=float))
    kept = cpu_s * (1.0 - summary.equilibration_index / len(molecules))
    samples = max(summary.effective_samples, 1.0)
    if summary.equilibrated:
        seconds = kept * (summary.standard_error / summary.mean / 0.01) ** 2 if summary.mean > 0 else math.inf
        return Cost(summary.mean, summary.standard_error, seconds, moves / cpu_s, samples, True)
    seconds, mark = unsettled_seconds(kept / samples, cpu_s / insertions if insertions else math.nan, reference)
    return Cost(summary.mean, summary.standard_error, seconds, moves / cpu_s, samples, False, mark)


def unsettled_seconds(per_sample_s: float, per_insertion_s: float, reference: Cost | None) -> tuple[float, str]:
    """Seconds to 1 % that a run too short to tell would take, and what they are.

    An estimate (``≈``) where the insertions are known: N relaxes within ⟨N⟩ accepted insertions, and two relaxation
    times make an independent sample. Else a lower bound (``>``) from the rate at which the series seems to yield
    samples: a short one hides its slowest part.
    """
    if reference is None:
        return math.nan, ""
    if math.isfinite(per_insertion_s):
        return reference.needed_samples * 2.0 * reference.mean * per_insertion_s, "≈"
    return reference.needed_samples * per_sample_s, ">"


def cost_of_point(point: LoadingPoint, cpu_s: float, reference: Cost | None = None) -> Cost:
    """The same of a pressure that zifsim ran in ``cpu_s``."""
    kept = cpu_s * (1.0 - point.n_equilibration_moves / point.n_moves)
    samples = max(point.effective_samples, 1.0)
    mean, error = point.molecules_per_cell, point.molecules_per_cell_error
    if point.equilibrated:
        seconds = kept * (error / mean / 0.01) ** 2 if mean > 0 else math.inf
        return Cost(mean, error, seconds, point.n_moves / cpu_s, samples, True)
    seconds, mark = unsettled_seconds(kept / samples, math.nan, reference)
    return Cost(mean, error, seconds, point.n_moves / cpu_s, samples, False, mark)


def timed_point(system: AdsorptionSystem, pressure_pa: float, fugacity_pa: float, seed: int,
                start: Walker | None = None) -> tuple[LoadingPoint, Walker, float]:
    """A pressure, its last configuration and its processor seconds."""
    clock = time.process_time()
    point, walker = run_point(system, pressure_pa, fugacity_pa, seed, start=start)
    return point, walker, time.process_time() - clock


def without_grid_cache() -> None:
    """From here on grids are built, not read from disk: a cold start is to be cold."""
    os.environ["ZIFSIM_CACHE"] = "off"


def machine() -> str:
    """Processor, load, Python, commit: what a table of timings must say."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [line for line in lines if line.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True)
    load = f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores" if hasattr(os, "getloadavg") else "load unknown"
    return (f"{model}, {load} at the start, Python {platform.python_version()}, commit "
            f"{commit.stdout.strip() or 'unknown'}")


def table(header: list[str]) -> None:
    """Print the head of a Markdown table."""
    row(header)
    row(["---"] * len(header))


def row(cells: list[str]) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)
