"""The relaxed cells that travel with zifsim: every arrangement of ZIF-62 with 3 and with 4 benzimidazolates per cell.

``make relaxed-cells`` makes those that are missing (a minute each) and removes those that nothing asks for any more.
"""

from __future__ import annotations

from zifsim.crystals.crystal import open_crystal
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.io.xyz import write_framework
from zifsim.melt.relax import relax_framework
from zifsim.structures import RELAX_FORCEFIELD, relaxed_path

STRUCTURE = "ZIF-62"
BIM_PER_CELL = (3, 4)


def main() -> None:
    """Make what is missing, remove what is outdated."""
    crystal, forcefield = open_crystal(STRUCTURE), load_melt_forcefield(RELAX_FORCEFIELD)
    wanted = {}
    for count in BIM_PER_CELL:
        for cell in crystal.order("all", count):
            wanted[relaxed_path(cell, forcefield)] = cell
    for path, cell in wanted.items():
        if not path.is_file():
            print(f"relaxing {cell.name}", flush=True)
            write_framework(path, relax_framework(cell, forcefield))
    folder = next(iter(wanted)).parent
    for outdated in set(folder.glob("*.extxyz")) - set(wanted):
        outdated.unlink()
        print(f"removed {outdated.name}")


if __name__ == "__main__":
    main()
