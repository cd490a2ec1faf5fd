"""Limits: between which numbers a quantity makes sense, for options, files and settings alike.

Upper limits are far beyond any use; they keep what overflows, or would run for ever, from being begun.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from zifsim.errors import InputError, SimulationError


class Limits(NamedTuple):
    """``low`` to ``high``, both included; with ``above`` the lower one is not. ``whole``: integers only."""

    low: float
    high: float
    unit: str = ""
    above: bool = False
    whole: bool = False

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.low == -self.high:
            return f"within ±{self.high:g}{unit}"
        return f"above {self.low:g} and at most {self.high:.7g}{unit}" if self.above else (
            f"from {self.low:.7g} to {self.high:.7g}{unit}")

    def admit(self, value: Any) -> bool:
        """Whether a value is a finite number within the limits."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return (self.low < value if self.above else self.low <= value) and value <= self.high    # false for NaN

    def check(self, value: Any, what: str) -> None:
        """Raise InputError, which names ``what``, unless the value is a number within the limits."""
        if not self.admit(value):
            number = "a whole number" if self.whole else "a number"
            unit = f" {self.unit}" if self.unit and isinstance(value, int | float) else ""
            raise InputError(f"{what} is {shown(value)}{unit}; it must be {number} {self}.")

    @property
    def field(self) -> dict[str, Any]:
        """The limits as pydantic's ``Field`` takes them."""
        return {"gt" if self.above else "ge": self.low, "le": self.high, "strict": True, "allow_inf_nan": False}


def shown(value: Any) -> str:
    """A value for an error, in not too many characters."""
    text = f"{value:g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def require_finite(what: str, **values: float) -> None:
    """Raise SimulationError where a number of a result, by its name, is not finite: it leaves no calculation."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise SimulationError(f"{what}: {name} came out as {value}, which is no result; the structure or the "
                                  "parameters make no sense together.")


TEMPERATURE = Limits(0.0, 5000.0, "K", above=True)              # of gases and snapshots
MELT_TEMPERATURE = Limits(0.0, 1e5, "K", above=True)
GAS_PRESSURE = Limits(0.0, 1e5, "bar", above=True)
MELT_PRESSURE = Limits(0.0, 1e6, "bar")
DURATION = Limits(0.0, 1e6, "ps")
SOME_DURATION = Limits(0.0, 1e6, "ps", above=True)
RAMP = Limits(1e-6, 1e5, "K/ps")
TIMESTEP = Limits(0.001, 5.0, "fs")
CUTOFF = Limits(3.0, 30.0, "Å")
GRID_SPACING = Limits(0.02, 5.0, "Å")
ACCESS_SPACING = Limits(0.05, 1.0, "Å")                         # a window is narrower than 2 Å
RELATIVE_ERROR = Limits(0.0, 1.0, above=True)
MOVES = Limits(1, 10**12, whole=True)
INSERTIONS = Limits(0, 10**12, whole=True)
SEED = Limits(0, 2**31 - 1, whole=True)
THREADS = Limits(0, 4096, whole=True)                           # 0: all cores
SOME_THREADS = Limits(1, 4096, whole=True)
REPLICAS = Limits(1, 1000, whole=True)
REPEATS = Limits(1, 1000, whole=True)                           # of a cell along an axis
SNAPSHOTS = Limits(1, 100_000, whole=True)
PARTICLE_SIZE = Limits(0.0, 1e6, "µm", above=True)
HOURS = Limits(0.0, 1e6, "h", above=True)
BOND_DISTANCE = Limits(0.5, 10.0, "Å")
PAIR_DISTANCE = Limits(1.0, 200.0, "Å")
WAVE_NUMBER = Limits(0.5, 200.0, "Å⁻¹")
RESOLUTION = Limits(0.0, 10.0, "Å⁻¹")
COORDINATE = Limits(-1e5, 1e5, "Å")                             # of a trajectory that is not wrapped
CELL_EDGE = Limits(1.0, 1000.0, "Å")
CELL_ANGLE = Limits(10.0, 170.0, "°")
ATOM_CHARGE = Limits(-20.0, 20.0, "e")
COUNT = Limits(1, 10**9, whole=True)
