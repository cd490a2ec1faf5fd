"""Isotherm of one gas on its own, outside a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from zifsim.campaign.adsorption import EXTENSIBLE, AdsorptionJob, load_host
from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.aif import write_aif
from zifsim.io.results import read_isotherm
from zifsim.model.forcefield import AdsorptionForceField, ChargeSet
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.uptake import Isotherm
from zifsim.runs.progress import Report, silent
from zifsim.runs.version import version

if TYPE_CHECKING:
    from zifsim.campaign.blocked import BlockedPores
    from zifsim.gcmc.bulk import EquationOfState


@dataclass(frozen=True, slots=True)
class BulkState:
    """The gas at one pressure: fugacity (Pa), p/p₀ (NaN above the critical temperature), and the branch it is on."""

    pressure_pa: float
    fugacity_pa: float
    p_over_p0: float
    phase: str


@dataclass(frozen=True, slots=True)
class IsothermJob(AdsorptionJob[Isotherm]):
    """An isotherm to be sampled.

    ``flat_histogram``: as one probability of the number of molecules, not pressure by pressure. ``blocked``: pores that
    stay closed.
    """

    flat_histogram: bool = False
    blocked: BlockedPores | None = None

    kind: ClassVar[str] = "isotherm"
    outputs: ClassVar[tuple[str, ...]] = ("isotherm.json", "isotherm.csv", "isotherm.aif", "isotherm.png",
                                          "ln_probability.csv")
    root: ClassVar[Path] = Path("results/gcmc")

    @classmethod
    def load(cls, structure: str | Path | Framework, gas: str | Path | GuestModel, temperature_k: float,
             pressures_pa: Sequence[float], forcefield: str | Path | AdsorptionForceField,
             charges: str | Path | ChargeSet | None, settings: GCMCSettings, threads: int = 1,
             flat_histogram: bool = False, blocked: Path | None = None, report: Report = silent) -> IsothermJob:
        """Load a job by names, files or values; ``blocked``: a folder of `zifsim access`, whose pores to close.

        Raises
        ------
        InputError, UnknownNameError: something that is missing, unknown or does not fit together.
        """
        from zifsim.campaign.blocked import BlockedPores
        from zifsim.gcmc.bulk import equation_of_state
        from zifsim.io.guests import load_guest

        guest = load_guest(gas, temperature_k=temperature_k)
        eos = equation_of_state(guest, temperature_k, settings.metastable)
        for pressure in pressures_pa:
            eos.fugacity_pa(temperature_k, pressure)
        host = load_host(structure, (guest,), forcefield, charges, settings, report)
        pores = None if blocked is None else BlockedPores.load(
            blocked, host.framework, guest, temperature_k, host.forcefield, host.charges)
        return cls(host.framework, (guest,), host.forcefield, host.charges, temperature_k, tuple(pressures_pa),
                   settings, threads, flat_histogram, pores)

    @property
    def guest(self) -> GuestModel:
        return self.guests[0]

    @property
    def title(self) -> str:
        return self.guest.gas

    @property
    def more_config(self) -> dict[str, Any]:
        return {"equation_of_state": self.equation.name, "flat_histogram": self.flat_histogram,
                "blocked": None if self.blocked is None else self.blocked.config}

    @property
    def extensible(self) -> tuple[str, ...]:
        """Nothing of a flat histogram: its pressures say where it is sampled."""
        return () if self.flat_histogram else EXTENSIBLE

    @property
    def both_starts(self) -> bool:
        from zifsim.gcmc.branches import both_starts

        return not self.flat_histogram and both_starts(self.settings, self.guests, self.temperature_k)

    @property
    def equation(self) -> EquationOfState:
        """The equation of state of the gas outside."""
        from zifsim.gcmc.bulk import equation_of_state

        return equation_of_state(self.guest, self.temperature_k, self.settings.metastable)

    @property
    def bulk(self) -> tuple[BulkState, ...]:
        """The gas outside at every pressure."""
        eos = self.equation
        saturation = eos.saturation_or_nan_pa(self.temperature_k)
        return tuple(BulkState(p, eos.fugacity_pa(self.temperature_k, p), p / saturation,
                               eos.phase(self.temperature_k, p)) for p in self.pressures_pa)

    def sample(self, out: Path | None, report: Report) -> Isotherm:
        from zifsim.gcmc.engine import run_isotherm

        isotherm = run_isotherm(
            self.framework, self.guest, self.forcefield, self.temperature_k, self.pressures_pa, self.settings,
            charges=self.charges, blocked=None if self.blocked is None else self.blocked.mask,
            flat_histogram=self.flat_histogram, out_dir=out, threads=self.threads, report=report)
        if self.blocked is None:
            return isotherm
        return replace(isotherm, settings={**isotherm.settings, "blocked": self.blocked.config})

    def read(self, out: Path) -> Isotherm:
        return read_isotherm(out)

    def png(self, result: Isotherm, unit: str) -> bytes:
        from zifsim.report.isotherm import isotherm_png

        return isotherm_png(result, unit)

    def write_more(self, result: Isotherm, out: Path, date: str) -> None:
        write_aif(out / "isotherm.aif", result, date, version())
