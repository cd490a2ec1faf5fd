"""Zn–N coordination: who is bonded to whom, counted by distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zifsim.analysis.frames import Frames
from zifsim.analysis.quantity import Quantity, over_frames
from zifsim.errors import InputError
from zifsim.melt.coordination import ZN_N_CUTOFF, metal_nitrogen_pairs

FloatArray = NDArray[np.float64]
MOST = 6        # N around a metal that are told apart; more count as this many


@dataclass(frozen=True, slots=True, eq=False)
class CoordinationResult:
    """Shares per frame (F frames).

    cutoff: Å within which metal and N count as bonded.
    metal: (F, MOST + 1) share of metals with 0, 1, 2 ... N.
    nitrogen: (F, 3) share of N with no, one, and two or more metals.
    linker: (F, 3) share of linkers that are free (no metal), dangling (metals on one N only), bridging (on both).
    bond_length: (F,) mean distance of bonded pairs, Å; NaN where there is none.
    """

    cutoff: float
    metal: FloatArray
    nitrogen: FloatArray
    linker: FloatArray
    bond_length: FloatArray

    @property
    def mean(self) -> FloatArray:
        """(F,) mean number of N per metal."""
        return np.asarray(self.metal @ np.arange(MOST + 1), dtype=np.float64)

    def quantities(self) -> list[Quantity]:
        """The rows of the table; unusual numbers that never occur are left out."""
        rows = [over_frames("zn_coordination", "N per metal", "", self.mean)]
        rows += [over_frames(f"zn_{n}_fold", f"metals with {n} N", "%", self.metal[:, n], 100.0)
                 for n in range(MOST + 1) if n in (3, 4) or self.metal[:, n].any()]
        rows += [over_frames(key, label, "%", self.nitrogen[:, k], 100.0)
                 for k, key, label in ((0, "n_unbound", "N without metal"), (2, "n_shared", "N with two metals"))
                 if k == 0 or self.nitrogen[:, k].any()]
        rows += [over_frames(f"linkers_{name}", f"{name} linkers", "%", self.linker[:, k], 100.0)
                 for k, name in enumerate(("free", "dangling"))]
        return rows


@dataclass(frozen=True, slots=True)
class Coordination:
    """Metal–N pairs within ``cutoff`` Å are bonded, however many there are.

    The default is the cut-off that melts are watched with, in the wide gap of the pair distribution between 2.2
    and 2.9 Å, so its exact place does not matter in crystals and glasses (in a melt at 1500 K it does).
    """

    cutoff: float = ZN_N_CUTOFF

    def __post_init__(self) -> None:
        if not 1.0 < self.cutoff < 4.0:
            raise InputError(f"the metal–N cut-off is {self.cutoff:g} Å; choose one between 1 and 4 Å.")

    def compute(self, frames: Frames) -> CoordinationResult:
        """Count the neighbours in every frame."""
        metals, nitrogens = frames.metals, frames.nitrogens
        linker_of = np.full(frames.framework.n_atoms, -1)
        for number, atoms in enumerate(frames.linkers):
            linker_of[list(atoms)] = number
        rows: list[tuple[FloatArray, FloatArray, FloatArray, float]] = []
        for frame in frames:
            pairs, distances = metal_nitrogen_pairs(frame.positions, frame.box, metals, nitrogens, self.cutoff)
            on_atom = np.bincount(pairs.ravel(), minlength=frames.framework.n_atoms)
            bound = np.bincount(linker_of[nitrogens[on_atom[nitrogens] > 0]], minlength=len(frames.linkers))
            rows.append((_shares(on_atom[metals], MOST), _shares(on_atom[nitrogens], 2), _shares(bound, 2),
                         float(distances.mean()) if len(distances) else np.nan))
        metal, nitrogen, linker, length = zip(*rows, strict=True)
        return CoordinationResult(self.cutoff, np.array(metal), np.array(nitrogen), np.array(linker),
                                  np.array(length))


def _shares(counts: NDArray[np.int64], most: int) -> FloatArray:
    """(most + 1,) share of each count, those above ``most`` taken as that."""
    shares = np.bincount(np.minimum(counts, most), minlength=most + 1) / max(1, len(counts))
    return np.asarray(shares, dtype=np.float64)
