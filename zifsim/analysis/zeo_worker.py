"""Zeo++ in a process of its own: ``python -m zifsim.analysis.zeo_worker FOLDER``; a crash of it stays there.

FOLDER holds ``cell.cssr``, ``radii.rad`` and ``job.json``; ``result.json`` is written to it. Paths are bytes, as pyzeo
asks. Zeo++ writes to the standard output, which says nothing of use. Its pore size distribution is not used: through
pyzeo 0.2 it has pores wider than the largest sphere, the wider the smaller the probe.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from zifsim.runs import stopping

NUMBER = r"[-+.\deE]+"


def main(folder: Path) -> None:
    """Pore diameters, then volume and surface for every probe."""
    from pyzeo import AtomNetwork, surface_area, volume

    stopping.die_with_parent()
    job = json.loads((folder / "job.json").read_text())

    def path(name: str) -> bytes:
        return str(folder / name).encode()

    atoms = AtomNetwork.read_from_CSSR(path("cell.cssr"), rad_flag=True, rad_file=path("radii.rad"))
    atoms.calculate_free_sphere_parameters(path("spheres.res"))
    largest, free, along = map(float, (folder / "spheres.res").read_text().split()[-3:])
    probes = {}
    for name, diameter in job["probes"].items():
        radius = 0.5 * diameter
        probes[name] = (_numbers(volume(atoms, radius, radius, job["volume_samples"]), "AV_A^3", "NAV_A^3")
                        + _numbers(surface_area(atoms, radius, radius, job["surface_samples"]), "ASA_A^2", "NASA_A^2"))
    result = {"largest": largest, "free": free, "along": along, "probes": probes}
    (folder / "result.json").write_text(json.dumps(result))


def _numbers(answer: Any, *names: str) -> list[float]:
    """Values after ``name:`` in an answer of Zeo++."""
    text = answer.decode() if isinstance(answer, bytes) else str(answer)
    found = [re.search(rf"(?:^|\s){re.escape(name)}: ({NUMBER})", text) for name in names]
    if None in found:
        raise ValueError(f"Zeo++ answered without {names}: {text[:200]}")
    return [float(match.group(1)) for match in found if match is not None]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
