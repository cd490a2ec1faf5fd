"""Zeo++ in a process of its own: ``python -m zifsim.analysis.zeo_worker FOLDER``; a crash of it stays there.

FOLDER holds ``cell.cssr``, ``radii.rad`` and ``job.json``; ``result.json`` is written to it. Paths are bytes, as pyzeo
asks. Zeo++ writes to the standard output, which says nothing of use. Its pore size distribution is not used: through
pyzeo 0.2 it has pores wider than the largest sphere, the wider the smaller the probe.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zifsim.runs import stopping

GAP = 0.1           # Å, of radius: how near to shut the atoms are grown
ROUNDS = 2
NUMBER = r"[-+.\deE]+"


def main(folder: Path) -> None:
    """Pore diameters, then volume and surface for every probe."""
    from pyzeo import AtomNetwork, surface_area, volume

    stopping.die_with_parent()
    job = json.loads((folder / "job.json").read_text())

    def path(name: str) -> bytes:
        return str(folder / name).encode()

    def network(radii: str) -> Any:
        return AtomNetwork.read_from_CSSR(path("cell.cssr"), rad_flag=True, rad_file=path(radii))

    def spheres(inflated: float) -> list[float]:
        """Diameters of the largest, free and passing sphere, found among atoms that are larger by a radius, Å."""
        rows = [line.split() for line in (folder / "radii.rad").read_text(encoding="utf-8").splitlines()]
        (folder / "inflated.rad").write_text("".join(f"{e} {float(r) + inflated:.6f}\n" for e, r in rows),
                                             encoding="utf-8")
        network("inflated.rad").calculate_free_sphere_parameters(path("spheres.res"))
        found = (folder / "spheres.res").read_text(encoding="utf-8").split()[-3:]
        return [float(d) + 2.0 * inflated for d in found]

    atoms = network("radii.rad")
    largest, free, along = spheres(0.0)
    largest, free = exact(spheres, 0, largest), exact(spheres, 1, free)
    probes = {}
    for name, diameter in job["probes"].items():
        radius = 0.5 * diameter
        probes[name] = (_numbers(volume(atoms, radius, radius, job["volume_samples"]), "AV_A^3", "NAV_A^3")
                        + _numbers(surface_area(atoms, radius, radius, job["surface_samples"]), "ASA_A^2", "NASA_A^2"))
    result = {"largest": largest, "free": free, "along": along, "probes": probes}
    (folder / "result.json").write_text(json.dumps(result))


def exact(spheres: Callable[[float], list[float]], which: int, diameter: float) -> float:
    """The diameter of a sphere between atoms of different radii, which Zeo++ alone finds some 0.1 Å too wide.

    Its pores follow the planes of equal power of two atoms, which lie midway between their surfaces only where the gap
    is small. So the atoms are grown until the gap is: what is then left of it is added. The error falls with the
    square of the gap.
    """
    for _ in range(ROUNDS):
        grown = max(0.0, 0.5 * diameter - GAP)
        found = spheres(grown)[which]
        while found <= 2.0 * grown and grown > 0.0:       # grown shut: the pore is narrower than was thought
            grown = max(0.0, grown - GAP)
            found = spheres(grown)[which]
        diameter = found
    return diameter


def _numbers(answer: Any, *names: str) -> list[float]:
    """Values after ``name:`` in an answer of Zeo++."""
    text = answer.decode() if isinstance(answer, bytes) else str(answer)
    found = [re.search(rf"(?:^|\s){re.escape(name)}: ({NUMBER})", text) for name in names]
    if None in found:
        raise ValueError(f"Zeo++ answered without {names}: {text[:200]}")
    return [float(match.group(1)) for match in found if match is not None]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
