"""Structures with known answers: a diamond net of Zn joined by bent linkers, and random points."""

from __future__ import annotations

import numpy as np

from zifsim.analysis.frames import Frames
from zifsim.io.trajectory import Frame
from zifsim.model.framework import BuildingUnit, Framework

ZN_ZN, ZN_N, BEND = 6.0, 2.0, 0.9      # Å; BEND: how far the ring's centre lies beside the Zn–Zn line
TYPES = ("C4", "N1", "C2", "C2", "N1")
CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3.0)
FCC = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def diamond_framework() -> Framework:
    """8 Zn in a cubic cell, each with four N at 2 Å in a perfect tetrahedron; 16 linkers, Zn–Zn 6 Å."""
    a = 4.0 * ZN_ZN / np.sqrt(3.0)
    first = FCC * a
    zinc = np.concatenate([first, first + CORNERS[0] * ZN_ZN])
    species, types, positions = ["Zn"] * 8, ["Zn"] * 8, list(zinc)
    units = [BuildingUnit("Zn", (k,)) for k in range(8)]
    for start in first:
        for direction in CORNERS:
            aside = np.cross(direction, [0.3, 0.5, 0.8])
            aside /= np.linalg.norm(aside)
            middle = start + 0.5 * ZN_ZN * direction
            # The three C share the bend so that the mean of all five ring atoms lies at BEND.
            carbon = middle + 5.0 / 3.0 * BEND * aside
            ring = [carbon + 0.5 * np.cross(direction, aside), start + ZN_N * direction, carbon,
                    carbon - 0.5 * np.cross(direction, aside), start + (ZN_ZN - ZN_N) * direction]
            units.append(BuildingUnit("Im", tuple(range(len(positions), len(positions) + 5))))
            positions += ring
            species += ["C", "N", "C", "C", "N"]
            types += TYPES
    return Framework("diamond", tuple(species), np.array(positions), a * np.eye(3), tuple(types), units=tuple(units))


def displaced(framework: Framework, sigma: float, n: int, seed: int, step_ps: float = 0.0) -> Frames:
    """``n`` frames of the framework with every coordinate displaced at random by ``sigma`` Å (an Einstein solid)."""
    rng = np.random.default_rng(seed)
    frames = [Frame(k, framework.positions + rng.normal(0.0, sigma, framework.positions.shape), framework.cell)
              for k in range(n)]
    return Frames(framework.name, framework, lambda: iter(frames), "displaced", step_ps)


def random_points(species: tuple[str, ...], cell: np.ndarray, n: int, seed: int) -> Frames:
    """``n`` frames of atoms put at random into a cell: an ideal gas."""
    rng = np.random.default_rng(seed)
    frames = [Frame(k, rng.random((len(species), 3)) @ cell, cell) for k in range(n)]
    framework = Framework("ideal gas", species, frames[0].positions, cell)
    return Frames("ideal gas", framework, lambda: iter(frames), "ideal gas")
