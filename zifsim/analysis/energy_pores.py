"""Pores as gases feel them: where the free energy of a molecule is no higher than in the gas outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from zifsim.access.flood import flood
from zifsim.access.landscape import free_energy_grids
from zifsim.analysis.frames import Frames
from zifsim.analysis.pore_sizes import REACH
from zifsim.analysis.pores import CM3_PER_ANGSTROM3, MASS_TO_G, PROBES
from zifsim.analysis.quantity import Quantity, over_frames
from zifsim.gcmc.grid import divisions_for
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.void import helium_void_fraction
from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
from zifsim.io.guests import load_guest
from zifsim.model.neighbours import periodic_images

FloatArray = NDArray[np.float64]
# The measurements of Longley et al. 2019, doi:10.1039/c8sc04044c.
GASES_K: Mapping[str, float] = {"H2": 77.0, "CO2": 273.0, "O2": 273.0, "N2": 77.0, "CH4": 273.0}


@dataclass(frozen=True, slots=True)
class Isosurface:
    """What lies within F ≤ ``level`` (kJ/mol) on a periodic grid: ``percolation`` the lowest level at which a path
    leads through the cell, kJ/mol (inf: never); ``volume`` and ``closed_volume``, Å³, that is and is not joined to such
    a path below the level; diameters of the largest sphere that the centre's region holds (``largest``), and of the
    largest that moves through it (``free``, NaN where nothing does), Å."""

    percolation: float
    volume: float
    closed_volume: float
    largest: float
    free: float

    @classmethod
    def of(cls, values: NDArray[np.float32] | FloatArray, cell: FloatArray, level: float) -> Isosurface:
        """From a landscape (nx, ny, nz), kJ/mol. Diameters are known to about the nodes' distance."""
        flooding = flood(values)
        inside = values <= level
        joined = inside & (np.append(flooding.network_levels, np.inf)[flooding.labels] <= level)    # −1: rock
        node = float(abs(np.linalg.det(cell))) / values.size
        room = _room(inside, cell)
        passage = flood(np.where(inside, -room, np.inf)).percolation_level
        return cls(flooding.percolation_level, float(joined.sum()) * node, float((inside & ~joined).sum()) * node,
                   2.0 * float(room.max(initial=0.0)), -2.0 * passage if np.isfinite(passage) else np.nan)


def _room(inside: NDArray[np.bool_], cell: FloatArray) -> FloatArray:
    """(nx, ny, nz) distance of the nodes inside to the surface, Å; 0 outside.

    The surface runs between nodes, on average half a node's distance short of the nearest one outside.
    """
    room, shape = np.zeros(inside.shape), np.array(inside.shape)
    if inside.any() and not inside.all():
        outside = np.argwhere(~inside & _touches(inside)) / shape @ cell
        images, _ = periodic_images(outside, cell, min(REACH, 0.5 * float(np.linalg.norm(cell, axis=1).max())))
        step = float(np.mean(np.linalg.norm(cell, axis=1) / shape))
        room[inside] = cKDTree(images).query(np.argwhere(inside) / shape @ cell)[0] - 0.5 * step
    return room


def _touches(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Nodes with one of their six neighbours inside."""
    return np.asarray(np.logical_or.reduce([np.roll(inside, step, axis) for axis in range(3) for step in (1, -1)]),
                      dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class EnergyPoresResult:
    """Per gas and frame (F,): ``percolation`` kJ/mol; ``volume``, ``closed_volume`` cm³/g. ``largest``, ``free`` (F,)
    Å: cavity and limiting diameter of the smallest gas's isosurface, its own kinetic diameter added; ``skeletal`` (F,)
    g/cm³: mass over the volume that helium at 298 K does not find, as in a pycnometer."""

    level: float
    smallest: str
    percolation: Mapping[str, FloatArray]
    volume: Mapping[str, FloatArray]
    closed_volume: Mapping[str, FloatArray]
    largest: FloatArray
    free: FloatArray
    skeletal: FloatArray

    def quantities(self) -> list[Quantity]:
        """The rows of the table."""
        rows = [over_frames("energy_skeletal_density", "skeletal density, helium as a gas", "g/cm³", self.skeletal),
                over_frames("energy_pld", f"PLD by energy ({self.smallest})", "Å", self.free),
                over_frames("energy_lcd", f"LCD by energy ({self.smallest})", "Å", self.largest)]
        for gas, level in self.percolation.items():
            rows += [over_frames(f"energy_percolation_{gas}", f"F at which {gas} percolates", "kJ/mol", level),
                     over_frames(f"energy_volume_{gas}", f"volume of F ≤ {self.level:g}, open to {gas}", "cm³/g",
                                 self.volume[gas]),
                     over_frames(f"energy_closed_volume_{gas}", "  closed", "cm³/g", self.closed_volume[gas])]
        return rows


@dataclass(frozen=True, slots=True)
class EnergyPores:
    """Free-energy isosurfaces of rigid gases, averaged over their orientations (docs/accessibility.md).

    A level of 0 is a molecule in vacuum: where F ≤ 0 a gas is no worse off than outside, the counterpart of a
    hard sphere's contact (a Lennard-Jones pair crosses zero at σ). Percolation levels are counted from there too.

    Parameters
    ----------
    gases: name -> temperature, K. level: kJ/mol. spacing: of the nodes, Å. frames: at most so many, evenly spread.
    """

    gases: Mapping[str, float] = field(default_factory=lambda: dict(GASES_K))
    forcefield: str = "PP"
    charges: str = "ZIF-FF"
    level: float = 0.0
    spacing: float = 0.25
    cutoff: float = 12.8
    frames: int = 3

    def compute(self, frames: Frames) -> EnergyPoresResult:
        """Isosurfaces in the chosen frames.

        Raises
        ------
        InputError: an atom without parameters or charge.
        """
        forcefield, charges = load_adsorption_forcefield(self.forcefield), load_charge_set(self.charges)
        guests = [(load_guest(gas, temperature_k=t), t) for gas, t in self.gases.items()]
        settings = GCMCSettings(cutoff_angstrom=self.cutoff, grid_spacing_angstrom=self.spacing)
        framework = assign_charges(frames.framework, charges)
        found: list[list[Isosurface]] = []
        skeletal: list[float] = []
        for frame in frames.spread_over(self.frames):
            moved = replace(framework, positions=frame.positions, cell=frame.box)
            grids = free_energy_grids(moved, guests, forcefield, settings, keep=False,
                                      divisions=divisions_for(moved.cell, self.spacing))
            skeletal.append(moved.density_g_cm3 / (1.0 - helium_void_fraction(moved, forcefield)))
            found.append([Isosurface.of(grid.values, grid.cell, self.level) for grid in grids])

        def series(gas: int, name: str) -> FloatArray:
            return np.array([getattr(frame[gas], name) for frame in found])

        per_g = CM3_PER_ANGSTROM3 / (framework.mass_amu * MASS_TO_G)
        names = list(self.gases)
        small = int(np.argmin([PROBES[gas] for gas in names]))
        return EnergyPoresResult(
            self.level, names[small], {gas: series(n, "percolation") for n, gas in enumerate(names)},
            {gas: series(n, "volume") * per_g for n, gas in enumerate(names)},
            {gas: series(n, "closed_volume") * per_g for n, gas in enumerate(names)},
            PROBES[names[small]] + series(small, "largest"), PROBES[names[small]] + series(small, "free"),
            np.array(skeletal))
