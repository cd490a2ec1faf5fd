"""Mixture of gases on its own, outside a study; like an isotherm of one gas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from zifsim.campaign.adsorption import AdsorptionJob, load_host
from zifsim.errors import InputError
from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.files import json_text
from zifsim.io.results import read_mixture
from zifsim.model.forcefield import AdsorptionForceField, ChargeSet
from zifsim.model.framework import Framework
from zifsim.model.mixture import MixtureIsotherm
from zifsim.model.uptake import Isotherm, MixturePoint
from zifsim.runs.digest import digest
from zifsim.runs.folder import rewrite
from zifsim.runs.progress import Report, silent

if TYPE_CHECKING:
    from zifsim.gcmc.iast import Surroundings


@dataclass(frozen=True, slots=True)
class MixtureJob(AdsorptionJob[MixtureIsotherm]):
    """A mixture to be sampled.

    ``composition``: gas -> mole fraction, in the guests' order. ``predicted``: what theory makes of it
    (:meth:`predict`), shown beside the sampled loadings.
    """

    composition: Mapping[str, float]
    predicted: tuple[MixturePoint, ...] = ()

    kind: ClassVar[str] = "mixture"
    outputs: ClassVar[tuple[str, ...]] = ("mixture.json", "mixture.csv", "mixture.png")
    root: ClassVar[Path] = Path("results/mixture")

    @classmethod
    def load(cls, structure: str | Path | Framework, fractions: Mapping[str, float], temperature_k: float,
             pressures_pa: Sequence[float], forcefield: str | Path | AdsorptionForceField,
             charges: str | Path | ChargeSet | None, settings: GCMCSettings, threads: int = 1,
             report: Report = silent) -> MixtureJob:
        """Load a job by names or files; ``fractions``: gas, guest model or guest file -> mole fraction.

        Raises
        ------
        InputError, UnknownNameError: something that is missing, unknown or does not fit together.
        """
        from zifsim.gcmc.eos import mixture_fugacities_pa
        from zifsim.gcmc.mixtures import check_composition
        from zifsim.io.guests import load_guest

        guests = tuple(load_guest(name, temperature_k=temperature_k) for name in fractions)
        gases = [guest.gas for guest in guests]
        if len(set(gases)) != len(gases):
            raise InputError(f"The composition names a gas twice ({', '.join(gases)}); give each gas one model.")
        composition = dict(zip(gases, fractions.values(), strict=True))
        values = check_composition(guests, composition)
        for pressure in pressures_pa:
            mixture_fugacities_pa(guests, values, temperature_k, pressure, settings.metastable)
        host = load_host(structure, guests, forcefield, charges, settings, report)
        return cls(host.framework, guests, host.forcefield, host.charges, temperature_k, tuple(pressures_pa), settings,
                   threads, composition)

    @property
    def title(self) -> str:
        """``0.15 CO2 + 0.85 N2``."""
        return " + ".join(f"{fraction:g} {gas}" for gas, fraction in self.composition.items())

    @property
    def more_config(self) -> dict[str, Any]:
        from zifsim.gcmc.eos import MIXTURES_BY

        return {"composition": dict(self.composition), "equation_of_state": MIXTURES_BY}

    def fugacities_pa(self, pressure_pa: float) -> dict[str, float]:
        """Gas -> fugacity in the mixture at a total pressure, Pa."""
        from zifsim.gcmc.eos import mixture_fugacities_pa

        values = mixture_fugacities_pa(self.guests, tuple(self.composition.values()), self.temperature_k, pressure_pa,
                                       self.settings.metastable)
        return dict(zip(self.composition, values, strict=True))

    @property
    def notes(self) -> list[str]:
        """What to know of the gas outside before its numbers are used."""
        from zifsim.gcmc.bulk import notes_of
        from zifsim.gcmc.dewpoint import condensation_notes

        return [*notes_of(self.guests, self.temperature_k),
                *condensation_notes(self.guests, tuple(self.composition.values()), self.temperature_k,
                                    self.pressures_pa, self.settings.metastable)]

    def phase(self, pressure_pa: float) -> str:
        """The state of the gas outside at a total pressure: ``gas``, ``two phases`` or ``liquid``."""
        from zifsim.gcmc.dewpoint import phase_of

        return phase_of(self.guests, tuple(self.composition.values()), self.temperature_k, pressure_pa,
                        self.settings.metastable)

    def predict(self, pure: Sequence[Isotherm], extrapolation: str = "error") -> MixtureJob:
        """The same job with what ideal adsorbed solution theory makes of the pure gases' isotherms at its fugacities.

        Raises
        ------
        InputError: isotherms of another framework, force field or temperature, of other gases, or that end too early.
        """
        from zifsim.gcmc.iast import Surroundings, iast

        for isotherm in pure:
            if found := self._surroundings(isotherm.gas).differences(Surroundings.of(isotherm)):
                raise InputError(f"The mixture and the pure isotherm of {isotherm.gas} have other {'; '.join(found)}.")
        points = [iast(pure, self.composition, p, fugacities_pa=self.fugacities_pa(p), extrapolation=extrapolation,
                       seed=self.settings.seed) for p in self.pressures_pa]
        return replace(self, predicted=tuple(points))

    def _surroundings(self, gas: str) -> Surroundings:
        """What a gas of the mixture meets."""
        from zifsim.gcmc.iast import NO_CHARGES, Surroundings

        charged = any(g.has_charges for g in self.guests if g.gas == gas)
        return Surroundings(self.framework.name, self.framework.geometry_hash(), self.framework.content_hash(),
                            self.forcefield.name, digest(self.forcefield), self.charges if charged else NO_CHARGES,
                            self.temperature_k, self.settings.cutoff_angstrom, self.settings.truncation)

    def sample(self, out: Path | None, report: Report) -> MixtureIsotherm:
        from zifsim.gcmc.mixtures import run_mixture

        mixture = run_mixture(self.framework, self.guests, self.composition, self.forcefield, self.temperature_k,
                              self.pressures_pa, self.settings, charges=self.charges, out_dir=out, threads=self.threads,
                              report=report)
        return replace(mixture, predicted=self.predicted)

    def read(self, out: Path) -> MixtureIsotherm:
        """With what is predicted now, where that is another thing than before."""
        mixture = read_mixture(out)
        if self.predicted and self.predicted != mixture.predicted:
            mixture = replace(mixture, predicted=self.predicted)
            rewrite(out, "mixture.json", json_text(mixture.to_dict()).encode())
        return mixture

    def png(self, result: MixtureIsotherm, unit: str) -> bytes:
        from zifsim.report.mixture import mixture_png

        return mixture_png(result, unit)
