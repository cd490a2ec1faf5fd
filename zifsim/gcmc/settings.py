"""Settings of a GCMC run: everything that can change its numbers."""

from __future__ import annotations

from dataclasses import dataclass

from zifsim import limits
from zifsim.errors import InputError
from zifsim.limits import Limits, shown

TRUNCATIONS = ("truncated", "shifted", "tail")
PATHS = ("grid", "direct")
GUEST_COULOMB = ("auto", "cutoff", "ewald")
GUEST_IMAGES = ("nearest", "all")
ISOTHERMS = ("pooled", "plain")
STARTS = ("auto", "empty", "both")
MAX_TRIALS = 32             # every trial has a random stream of its own
LIMITS = {
    "grid_spacing_angstrom": limits.GRID_SPACING,
    "ewald_tolerance": Limits(1e-15, 0.1),
    "n_trials": Limits(1, MAX_TRIALS, whole=True),
    "bias_exponent": Limits(0.0, 1.0),
    "min_moves": limits.MOVES,
    "max_moves": limits.MOVES,
    "target_relative_error": limits.RELATIVE_ERROR,
    "min_effective_samples": limits.MOVES,
    "widom_insertions": limits.INSERTIONS,
    "seed": limits.SEED,
}


@dataclass(frozen=True, slots=True)
class GCMCSettings:
    """How the grand canonical ensemble is sampled.

    Attributes
    ----------
    cutoff_angstrom: Lennard-Jones and real-space Coulomb cut-off, Å.
    truncation: LJ beyond the cut-off: ``truncated`` (nothing), ``shifted`` (to zero at the cut-off), ``tail``
        (truncated, plus the analytic long-range correction).
    host_path: host–guest energy from an interpolated ``grid``, or summed over atoms (``direct``, slow).
    grid_spacing_angstrom: largest spacing of the host grid, Å.
    guest_coulomb: between guests: ``cutoff`` (bare charges of whole molecules within the cut-off; needs molecules
        without a dipole), ``ewald``, or ``auto``: cutoff where no gas has a dipole. What it leaves out is measured at
        the end of every pressure.
    guest_images: which images of a guest another one meets: the ``nearest``, in a supercell that holds twice the
        cut-off, or ``all`` within the cut-off, in a cell that need hold it but once (an eighth of the molecules).
    ewald_tolerance: of the guests' Ewald sum, where there is one; the host's is converged to 1e-8 or better.
    n_trials: trial placements per insertion, deletion and regrowth to begin with; doubled, up to 32, where the cell
        is crowded (fewer than 2 % of the insertions succeed). From 8 on each is tried in a quarter as many
        orientations, and nothing is regrown.
    bias_exponent: trial positions are drawn with the host's Boltzmann weight to this power (0: uniformly).
    metastable: beyond the saturation pressure of the gas outside, take its fugacity from the metastable vapour, as far
        as there is one, in place of the liquid that is stable.
    isotherm: ``pooled``: every insertion and deletion tried, at all pressures, tells of the loading at each of them
        (pooled.py); ``plain``: each pressure by the average number of molecules in its own run, slower, a check.
        Mixtures are sampled plainly.
    starts: ``empty``, ``both`` (each pressure from an empty and from a full cell, which must meet), or ``auto``: both
        below 0.7 of the critical temperature.
    min_moves: Monte Carlo moves at least (after adaptation), of all pressures of a pooled isotherm together, of each
        pressure of a plain one; max_moves: of a pressure at most, from each of its starts.
    target_relative_error: a pressure stops once the standard error of the loading is below this fraction.
    min_effective_samples: and, of a plain isotherm or a mixture, there are at least so many independent samples.
    widom_insertions: insertions for the Henry coefficient (0: none).
    seed: of the random streams.
    """

    cutoff_angstrom: float = 12.8
    truncation: str = "truncated"
    host_path: str = "grid"
    grid_spacing_angstrom: float = 0.2
    guest_coulomb: str = "auto"
    guest_images: str = "nearest"
    ewald_tolerance: float = 1e-3
    n_trials: int = 1
    bias_exponent: float = 0.7
    metastable: bool = False
    isotherm: str = "pooled"
    starts: str = "auto"
    min_moves: int = 100_000
    max_moves: int = 20_000_000
    target_relative_error: float = 0.01
    min_effective_samples: int = 100
    widom_insertions: int = 200_000
    seed: int = 1

    def __post_init__(self) -> None:
        if self.truncation not in TRUNCATIONS:
            raise InputError(f"truncation '{self.truncation}' is not one of {', '.join(TRUNCATIONS)}.")
        if self.host_path not in PATHS:
            raise InputError(f"host_path '{self.host_path}' is not one of {', '.join(PATHS)}.")
        if self.guest_coulomb not in GUEST_COULOMB:
            raise InputError(f"guest_coulomb '{self.guest_coulomb}' is not one of {', '.join(GUEST_COULOMB)}.")
        if self.guest_images not in GUEST_IMAGES:
            raise InputError(f"guest_images '{self.guest_images}' is not one of {', '.join(GUEST_IMAGES)}.")
        if self.isotherm not in ISOTHERMS:
            raise InputError(f"isotherm '{self.isotherm}' is not one of {', '.join(ISOTHERMS)}.")
        if self.starts not in STARTS:
            raise InputError(f"starts '{self.starts}' is not one of {', '.join(STARTS)}.")
        if not limits.CUTOFF.admit(self.cutoff_angstrom):
            raise InputError(f"GCMC setting cutoff_angstrom is {shown(self.cutoff_angstrom)} and must lie in "
                             f"{limits.CUTOFF.low:g} to {limits.CUTOFF.high:g} Å: below, the wells are cut away; "
                             "above, the supercell that must hold twice the cut-off is huge.")
        for name, bounds in LIMITS.items():
            bounds.check(getattr(self, name), f"GCMC setting {name}")
        if self.min_moves > self.max_moves:
            raise InputError(f"GCMC setting min_moves ({self.min_moves}) exceeds max_moves ({self.max_moves}).")
