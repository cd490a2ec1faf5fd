"""Van der Waals radii: where the atoms of a framework end and its pores begin."""

from __future__ import annotations

from zifsim.analysis.frames import Frames
from zifsim.errors import InputError

# Å. Bondi, J. Phys. Chem. 1964, 68, 441, doi:10.1021/j100785a001; H from Rowland & Taylor, J. Phys. Chem. 1996, 100,
# 7384, doi:10.1021/jp953141+. Cobalt has no value there: it is taken as zinc, behind whose four N no probe reaches it.
RADII = {"Zn": 1.39, "Co": 1.39, "C": 1.70, "N": 1.55, "H": 1.09}


def radii_of(frames: Frames) -> dict[str, float]:
    """Element -> radius, Å, of the elements of a framework.

    Raises
    ------
    InputError: an element has none.
    """
    unknown = sorted(set(frames.framework.species) - set(RADII))
    if unknown:
        raise InputError(f"{frames.name}: no van der Waals radius of {', '.join(unknown)} is known. Add it to RADII "
                         "in zifsim/analysis/radii.py.")
    return {e: RADII[e] for e in sorted(set(frames.framework.species))}
