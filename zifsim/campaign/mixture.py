"""A gas mixture on its own: checked before it starts, resumable, with its record; like an isotherm of one gas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from zifsim.campaign.isotherm import JobCost, job_cost, load_host, short_name
from zifsim.errors import InputError
from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.files import json_text, read_json, write_bytes_atomic, write_json_atomic
from zifsim.io.tables import write_csv
from zifsim.model.forcefield import AdsorptionForceField
from zifsim.model.framework import Framework
from zifsim.model.guest import GuestModel
from zifsim.model.mixture import MixtureIsotherm
from zifsim.model.uptake import Isotherm, MixturePoint
from zifsim.runs.digest import digest
from zifsim.runs.folder import Claim, rewrite, slug

OUTPUTS = ("mixture.json", "mixture.csv", "mixture.png")
DEFAULT_ROOT = Path("results/mixture")


@dataclass(frozen=True, slots=True)
class MixtureJob:
    """Everything a mixture needs, loaded and checked. ``composition``: gas -> mole fraction, in the guests' order."""

    framework: Framework
    guests: tuple[GuestModel, ...]
    composition: Mapping[str, float]
    forcefield: AdsorptionForceField
    charges: str
    temperature_k: float
    pressures_pa: tuple[float, ...]
    settings: GCMCSettings
    threads: int = 1

    @classmethod
    def load(cls, structure: str, fractions: Mapping[str, float], temperature_k: float, pressures_pa: Sequence[float],
             forcefield: str, charges: str, settings: GCMCSettings, threads: int = 1) -> MixtureJob:
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
            mixture_fugacities_pa(guests, values, temperature_k, pressure)
        host = load_host(structure, guests, forcefield, charges, settings)
        return cls(host.framework, guests, composition, host.forcefield, host.charges, temperature_k,
                   tuple(pressures_pa), settings, threads)

    @property
    def config(self) -> dict[str, Any]:
        """Everything that can change the numbers, JSON-ready."""
        return {"composition": dict(self.composition), "guest_models": {g.gas: g.name for g in self.guests},
                "temperature_k": self.temperature_k, "pressures_pa": list(self.pressures_pa),
                "forcefield": self.forcefield.name, "charges": self.charges, "settings": asdict(self.settings),
                "threads": self.threads,
                "guests_sha256": {g.gas: digest(g) for g in self.guests},
                "forcefield_sha256": digest(self.forcefield)}

    @property
    def title(self) -> str:
        """``0.15 CO2 + 0.85 N2``."""
        return " + ".join(f"{fraction:g} {gas}" for gas, fraction in self.composition.items())

    @property
    def folder(self) -> Claim:
        """What the job's folder is known by."""
        return Claim("mixture", f"mixture {self.title} in {self.framework.name}", self.config,
                         {"framework": self.framework.content_hash()}, self.settings.seed)

    @property
    def default_folder(self) -> Path:
        """``results/mixture/ZIF-8_CO2-N2_298K``; with digits of the job's key where another job is there already."""
        names = "-".join(short_name(g) for g in self.guests)
        name = f"{slug(self.framework.name)}_{slug(names)}_{self.temperature_k:g}K"
        return self.folder.default(DEFAULT_ROOT / name)

    @property
    def cost(self) -> JobCost:
        """What the job will need."""
        return job_cost(self.framework, self.guests, self.temperature_k, len(self.pressures_pa), self.settings,
                        self.threads)

    @property
    def both_starts(self) -> bool:
        """Whether every pressure is sampled from an empty and from a full cell."""
        from zifsim.gcmc.branches import both_starts

        return both_starts(self.settings, self.guests, self.temperature_k)

    def fugacities_pa(self, pressure_pa: float) -> dict[str, float]:
        """Gas -> fugacity in the mixture at a total pressure, Pa."""
        from zifsim.gcmc.eos import mixture_fugacities_pa

        values = mixture_fugacities_pa(self.guests, tuple(self.composition.values()), self.temperature_k, pressure_pa)
        return dict(zip(self.composition, values, strict=True))

    def predicted(self, pure: Sequence[Isotherm], extrapolation: str = "error") -> list[MixturePoint]:
        """What ideal adsorbed solution theory makes of the pure gases' isotherms, at the same fugacities.

        Raises
        ------
        InputError: isotherms of another framework, force field or temperature, of other gases, or that end too early.
        """
        from zifsim.gcmc.iast import iast

        for isotherm in pure:
            if reason := self._misfit(isotherm):
                raise InputError(f"The pure isotherm of {isotherm.gas} in {isotherm.framework} {reason}; IAST needs "
                                 "the same for both.")
        return [iast(pure, self.composition, p, fugacities_pa=self.fugacities_pa(p), extrapolation=extrapolation,
                     seed=self.settings.seed) for p in self.pressures_pa]

    def _misfit(self, isotherm: Isotherm) -> str:
        """In what a pure isotherm differs from the mixture; nothing where it fits."""
        charged = any(g.has_charges for g in self.guests if g.gas == isotherm.gas)
        if isotherm.temperature_k != self.temperature_k:
            return f"is at {isotherm.temperature_k:g} K, the mixture at {self.temperature_k:g} K"
        if isotherm.forcefield != self.forcefield.name:
            return f"has the force field {isotherm.forcefield}, the mixture {self.forcefield.name}"
        # the hash has the charges in it, which a gas without charges does not feel
        if isotherm.framework != self.framework.name or (
                charged and isotherm.framework_sha256 != self.framework.content_hash()):
            return f"is not in the framework of the mixture, {self.framework.name} with charges {self.charges}"
        return ""


def run_mixture_job(job: MixtureJob, out: Path, progress: Callable[[dict[str, Any]], None], unit: str = "ml_stp_g",
                    predicted: Sequence[MixturePoint] = ()) -> MixtureIsotherm:
    """Run or resume a job in ``out``; a finished one is read back. ``unit`` is that of the picture, which shows what
    was ``predicted`` as well. ``progress`` is called as by :func:`isotherm.run_isotherm_job`.

    Raises
    ------
    InputError: ``out`` holds something else, is in use or cannot be written to; nothing is changed there.
    """
    from zifsim.gcmc.branches import finished_points
    from zifsim.gcmc.mixtures import merge_starts, run_mixture
    from zifsim.gcmc.system import supercell_repeats
    from zifsim.report.mixture import mixture_png

    def work() -> MixtureIsotherm:
        for point in finished_points(out, MixturePoint, merge_starts if job.both_starts else None):
            progress({"pressure_pa": point.pressure_pa, "moves": point.n_moves, "fraction": 1.0, "point": point,
                      "molecules": point.molecules_per_cell, "resumed": True})
        points = run_mixture(job.framework, job.guests, job.composition, job.forcefield, job.temperature_k,
                             job.pressures_pa, job.settings, out_dir=out, threads=job.threads, progress=progress)
        return MixtureIsotherm(
            composition=job.composition, guest_models={g.gas: g.name for g in job.guests},
            molar_masses_g_mol={g.gas: g.molar_mass_g_mol for g in job.guests}, forcefield=job.forcefield.name,
            charges=job.charges if any(g.has_charges for g in job.guests) else "none", framework=job.framework.name,
            framework_sha256=job.framework.content_hash(), temperature_k=job.temperature_k,
            supercell=supercell_repeats(job.framework, job.guests, job.settings.cutoff_angstrom,
                                        job.settings.guest_images),
            unit_cell_mass_amu=job.framework.mass_amu, points=tuple(points),
            fugacities_pa=tuple(job.fugacities_pa(p.pressure_pa) for p in points), settings=asdict(job.settings),
            predicted=tuple(predicted))

    def write(mixture: MixtureIsotherm, date: str) -> None:
        write_json_atomic(out / "mixture.json", mixture.to_dict())
        table = mixture.columns()
        write_csv(out / "mixture.csv", list(table), list(zip(*table.values(), strict=True)))
        write_bytes_atomic(out / "mixture.png", mixture_png(mixture, unit))

    def read() -> MixtureIsotherm:
        mixture = MixtureIsotherm.from_dict(read_json(out / "mixture.json"))
        if predicted and tuple(predicted) != mixture.predicted:
            mixture = replace(mixture, predicted=tuple(predicted))
            rewrite(out, "mixture.json", json_text(mixture.to_dict()).encode())
        rewrite(out, "mixture.png", mixture_png(mixture, unit))
        return mixture

    return job.folder.run(out, OUTPUTS, work=work, write=write, read=read)
