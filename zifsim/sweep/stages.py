"""Stages that only a sweep has; their signature is that of zifsim.campaign.stages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zifsim.io.files import write_json_atomic
from zifsim.runs.progress import Event, Report

# The diameters come from Zeo++'s Voronoi network alone; volumes and surfaces, which it samples, are not asked for here.
FEW_SAMPLES = 10


def run_pores(config: Mapping[str, Any], inputs: Mapping[str, Path], folder: Path,
              report: Report) -> list[str]:
    """Pore limiting and largest cavity diameter of a glass."""
    from zifsim.analysis.frames import load_frames
    from zifsim.analysis.pores import HELIUM, PROBES, Pores

    report(Event(message="Zeo++"))
    pores = Pores({HELIUM: PROBES[HELIUM]}, frames=1, volume_samples=FEW_SAMPLES, surface_samples=FEW_SAMPLES)
    found = pores.compute(load_frames(str(inputs["framework"])))
    write_json_atomic(folder / "pores.json", {"pore_limiting_diameter_angstrom": float(found.free[0]),
                                              "largest_cavity_diameter_angstrom": float(found.largest[0])})
    return ["pores.json"]
