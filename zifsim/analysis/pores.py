"""Pores as hard spheres see them, by Zeo++: diameters, and volume and surface per probe."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zifsim.analysis.frames import Frames
from zifsim.analysis.quantity import Quantity, over_frames
from zifsim.analysis.radii import radii_of
from zifsim.errors import InputError, SimulationError
from zifsim.io.cif import cell_parameters
from zifsim.io.trajectory import Frame
from zifsim.units import AMU_KG, AMU_PER_CUBIC_ANGSTROM_TO_G_CM3, ANGSTROM_M

FloatArray = NDArray[np.float64]
# Å, kinetic diameters: Breck, Zeolite Molecular Sieves, 1974, as quoted by Li et al., Chem. Soc. Rev. 2009, 38, 1477,
# doi:10.1039/b802426j; CH4 3.76 and H2 2.9 as there.
HELIUM = "He"
RADII_SAID = "Bondi radii"       # of the atoms; H 1.09 Å (radii.py)
PROBES: Mapping[str, float] = {HELIUM: 2.6, "H2": 2.9, "CO2": 3.3, "O2": 3.46, "N2": 3.64, "CH4": 3.76}
TIMEOUT_S = 1800.0
MASS_TO_G = AMU_KG * 1e3
M2_PER_ANGSTROM2, CM3_PER_ANGSTROM3 = ANGSTROM_M**2, ANGSTROM_M**3 * 1e6


@dataclass(frozen=True, slots=True, eq=False)
class ProbeResult:
    """Per frame (F,): volume that the probe's centre can be in, cm³/g, and surface it can roll on, m²/g; accessible
    from outside through a channel, or not (in a closed pocket)."""

    diameter: float
    volume: FloatArray
    closed_volume: FloatArray
    surface: FloatArray
    closed_surface: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PoresResult:
    """Per frame (F,): ``largest`` the diameter of the largest sphere that fits in a pore (LCD), ``free`` of the largest
    that can cross the cell (PLD), Å; ``skeletal`` and ``skeletal_open`` g/cm³ (see :class:`Pores`)."""

    largest: FloatArray
    free: FloatArray
    probes: Mapping[str, ProbeResult]
    skeletal: FloatArray
    skeletal_open: FloatArray

    def quantities(self) -> list[Quantity]:
        """The rows of the table."""
        rows = [over_frames("pld", f"pore limiting diameter ({RADII_SAID})", "Å", self.free),
                over_frames("lcd", "largest cavity diameter", "Å", self.largest),
                over_frames("skeletal_density", "skeletal density, all He volume", "g/cm³", self.skeletal),
                over_frames("skeletal_density_open", "  the same, open He volume only", "g/cm³", self.skeletal_open)]
        for name, p in self.probes.items():
            rows += [over_frames(f"volume_{name}", f"volume open to {name}", "cm³/g", p.volume),
                     over_frames(f"closed_volume_{name}", "  closed", "cm³/g", p.closed_volume),
                     over_frames(f"surface_{name}", f"surface open to {name}", "m²/g", p.surface),
                     over_frames(f"closed_surface_{name}", "  closed", "m²/g", p.closed_surface)]
        return rows


@dataclass(frozen=True, slots=True)
class Pores:
    """Geometric pores of hard-sphere atoms by Zeo++ (Willems et al., Microporous Mesoporous Mater. 2012, 149, 134,
    doi:10.1016/j.micromeso.2011.08.020; surfaces and volumes by Monte Carlo, one to two per cent;
    the diameters to 0.01 Å, see :func:`zifsim.analysis.zeo_worker.exact`).

    Skeletal density: mass over the cell's volume without the volume that the centre of a helium atom can be in.
    Windows of a rigid model are shut to helium that passes them when they breathe, so closed volume counts by default;
    ``skeletal_open`` leaves it out.

    Parameters
    ----------
    probes: name -> diameter, Å; He must be among them. frames: at most so many, evenly spread, are looked at.
    volume_samples: points in the cell. surface_samples: points per atom.
    """

    probes: Mapping[str, float] = field(default_factory=lambda: dict(PROBES))
    frames: int = 3
    volume_samples: int = 20_000
    surface_samples: int = 500

    def compute(self, frames: Frames) -> PoresResult:
        """Run Zeo++ on each chosen frame, in a process of its own.

        Raises
        ------
        InputError: pyzeo is not installed, or an element has no radius. SimulationError: Zeo++ failed.
        """
        if importlib.util.find_spec("pyzeo") is None:
            raise InputError("pores need pyzeo (Zeo++): pip install 'zifsim[analysis]', or leave out --pores.")
        radii = radii_of(frames)
        runs = [(frame, self._run(frames, frame, radii)) for frame in frames.spread_over(self.frames)]
        mass = frames.framework.mass_amu
        cells = np.array([abs(np.linalg.det(frame.box)) for frame, _ in runs])
        per_g = 1.0 / (mass * MASS_TO_G)
        per_cell = {name: np.array([r["probes"][name] for _, r in runs]).T for name in self.probes}
        units = np.array([CM3_PER_ANGSTROM3, CM3_PER_ANGSTROM3, M2_PER_ANGSTROM2, M2_PER_ANGSTROM2])[:, None]
        probes = {name: ProbeResult(self.probes[name], *(values * units * per_g))
                  for name, values in per_cell.items()}
        open_helium, closed_helium = per_cell[HELIUM][:2]
        density = mass * AMU_PER_CUBIC_ANGSTROM_TO_G_CM3
        return PoresResult(np.array([r["largest"] for _, r in runs]), np.array([r["free"] for _, r in runs]), probes,
                           density / (cells - open_helium - closed_helium), density / (cells - open_helium))

    def _run(self, frames: Frames, frame: Frame, radii: Mapping[str, float]) -> dict[str, Any]:
        """Zeo++'s answers for one frame."""
        with tempfile.TemporaryDirectory(prefix="zifsim-zeo-") as name:
            folder = Path(name)
            (folder / "cell.cssr").write_text(format_cssr(frames.framework.species, frame), encoding="utf-8")
            (folder / "radii.rad").write_text("".join(f"{e} {r}\n" for e, r in radii.items()))
            (folder / "job.json").write_text(json.dumps({
                "probes": dict(self.probes), "volume_samples": self.volume_samples,
                "surface_samples": self.surface_samples}))
            try:
                done = subprocess.run([sys.executable, "-m", "zifsim.analysis.zeo_worker", str(folder)], check=False,
                                      capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired as error:
                raise SimulationError(f"{frames.name}: Zeo++ took longer than {TIMEOUT_S:.0f} s. Use a smaller cell, "
                                      "or leave out --pores.") from error
            if done.returncode != 0 or not (folder / "result.json").is_file():
                last = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
                raise SimulationError(f"{frames.name}: Zeo++ stopped with code {done.returncode} ({last}). Its other "
                                      "results can be had without --pores.")
            answer: dict[str, Any] = json.loads((folder / "result.json").read_text())
            return answer


def format_cssr(species: Sequence[str], frame: Frame) -> str:
    """The atoms of a frame as a CSSR file, which is what Zeo++ reads without guessing at symmetry."""
    a, b, c, alpha, beta, gamma = cell_parameters(frame.box)
    fractional = frame.positions @ np.linalg.inv(frame.box)
    fractional -= np.floor(fractional)
    rows = [f"{k:4d} {e:<4s}  {x:9.6f} {y:9.6f} {z:9.6f}" + "   0" * 8 + "   0.000"
            for k, (e, (x, y, z)) in enumerate(zip(species, fractional.tolist(), strict=True), start=1)]
    head = [f"{'':38s}{a:8.4f}{b:8.4f}{c:8.4f}", f"{'':21s}{alpha:8.3f}{beta:8.3f}{gamma:8.3f}    SPGR =  1 P 1",
            f"{len(rows):4d}   0 zifsim", " 0 zifsim"]
    return "\n".join(head + rows) + "\n"
