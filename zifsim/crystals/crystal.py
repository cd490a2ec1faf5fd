"""Crystal opened once: which arrangements of its linkers there are, and the ordered cell of each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from zifsim.crystals.disorder import ExpandedCrystal, expand
from zifsim.crystals.linkers import recognise
from zifsim.crystals.ordering import LinkerClass, default_count, find_classes, minority_linker, order
from zifsim.errors import InputError
from zifsim.io.cif import read_cif
from zifsim.io.resources import find_data
from zifsim.io.xyz import read_framework
from zifsim.model.framework import Framework

XYZ = (".extxyz", ".xyz")


@dataclass(frozen=True, slots=True, eq=False)
class CrystalStructure:
    """What :func:`open_crystal` gives; symmetry classes are enumerated once for every number of linkers.

    Attributes
    ----------
    path: the file it was read from.
    sites: all symmetry copies and the alternatives at every site; None where the file is one ordered cell.
    cell: that ordered cell (extXYZ); None for a CIF, whose cells :meth:`order` makes.
    """

    path: Path
    sites: ExpandedCrystal | None
    cell: Framework | None = None
    _classes: dict[int, list[LinkerClass]] = field(default_factory=dict, init=False, repr=False)    # of these sites

    def classes(self, bim_per_cell: int | None = None) -> list[LinkerClass]:
        """All symmetry classes of the arrangements with so many minority linkers per crystallographic cell.

        Parameters
        ----------
        bim_per_cell: minority linkers on the mixed sites; None takes the number nearest to the occupancies of the
            file (3 for ZIF-62: 62.5/37.5).

        Raises
        ------
        InputError: no arrangement with that many, too many to enumerate, or a number given for an ordered cell.
        """
        if self.sites is None:
            if bim_per_cell is not None:
                raise self._ordered_already()
            return [LinkerClass("A", (), 1)]
        count = default_count(self.sites) if bim_per_cell is None else bim_per_cell
        if count not in self._classes:
            self._classes[count] = find_classes(self.sites, count)
        return list(self._classes[count])

    def choose(self, configuration: str = "A", bim_per_cell: int | None = None) -> list[LinkerClass]:
        """The classes that a user means by a letter or ``all``; raises InputError for one that does not exist."""
        if self.sites is None and configuration.upper() not in ("A", "ALL"):
            raise self._ordered_already()
        classes = self.classes(bim_per_cell)
        chosen = [c for c in classes if configuration.lower() == "all" or c.letter == configuration.upper()]
        if not chosen:
            assert self.sites is not None
            count = default_count(self.sites) if bim_per_cell is None else bim_per_cell
            linkers = f" with {count} {minority_linker(self.sites)} per cell" if self.sites.mixed_sites else ""
            raise InputError(f"{self.sites.structure.source}: no configuration '{configuration}'{linkers}. "
                             f"There are: {', '.join(c.letter for c in classes)} (or all).")
        return chosen

    def order(self, configuration: str = "A", bim_per_cell: int | None = None,
              supercell: tuple[int, int, int] = (1, 1, 1)) -> list[Framework]:
        """Ordered P1 cells, linkers recognised, bonded and typed: one for a letter, one of every class for ``all``.

        ``supercell``: repeats along a, b, c. Raises InputError like :meth:`choose`, or for repeats below 1.
        """
        chosen = self.choose(configuration, bim_per_cell)
        cells = [self.cell] if self.cell is not None else []
        if self.sites is not None:
            cells = [order(self.sites, c) for c in chosen]
        return [cell.supercell(supercell) for cell in cells]

    def _ordered_already(self) -> InputError:
        return InputError(f"{self.path}: an extXYZ file is one ordered cell; leave out configuration and bIm number.")


def open_crystal(name_or_path: str | Path) -> CrystalStructure:
    """Read a shipped structure (``ZIF-62``, ``ZIF-8``), a CIF or an extXYZ file.

    Raises
    ------
    InputError, UnknownNameError: no such structure, an unreadable file, or a fragment that is no known linker.
    """
    path = find_structure(name_or_path)
    if path.suffix.lower() in XYZ:
        return CrystalStructure(path, None, _from_xyz(path))
    return CrystalStructure(path, expand(read_cif(path)))


def find_structure(name_or_path: str | Path) -> Path:
    """Path of a user's CIF or extXYZ file, or of a shipped structure."""
    path = Path(name_or_path)
    if not path.is_file() and path.suffix.lower() in (".cif", *XYZ):
        raise InputError(f"No file '{path}'. Check the path (relative to the current folder).")
    return find_data("structure", name_or_path, "structures", ".cif")


def _from_xyz(path: Path) -> Framework:
    framework = read_framework(path)
    if framework.units and framework.types:
        return framework
    found = recognise(framework.name, framework.species, framework.positions, framework.cell,
                      framework.source)
    return replace(found, charges=framework.charges)
