"""Table of the comparison: our uptake beside the experiment and the published simulation, row by row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zifsim.compare.accessible import AccessibleUptake, accessible_at
from zifsim.compare.materials import no_glasses, other_composition
from zifsim.compare.reference import GASES, PRESSURE_BAR, Reference, ReferenceUptake
from zifsim.compare.results import ModelIsotherm, StudyResults
from zifsim.compare.uptakes import Missing, contributing, same_temperature, uptake_at
from zifsim.model.shown import Drawn
from zifsim.model.uptake import UptakeEstimate


@dataclass(frozen=True, slots=True)
class RowSettings:
    """What a row's simulations were run with; several values are joined by '; ', an unknown one is ''."""

    forcefield: str
    charges: str
    guest_model: str
    cutoff_angstrom: str
    seeds: str
    models: str


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """One material and gas at 1 bar; uptakes in mL(STP)/g.

    ``ours`` is None where there is nothing to show or compare, and ``note`` says why. Deviations from a measured range
    are signed distances to its nearer end, and zero inside it. ``accessible`` is None where no access result is known.
    """

    reference: ReferenceUptake
    ours: UptakeEstimate | None
    settings: RowSettings
    note: str
    accessible: AccessibleUptake | None = None

    @property
    def material(self) -> str:
        return self.reference.material

    @property
    def gas(self) -> str:
        return self.reference.gas

    @property
    def temperature_k(self) -> float:
        return self.reference.temperature_k

    @property
    def ours_minus_experiment(self) -> float | None:
        return _outside(None if self.ours is None else self.ours.value, self.reference)

    @property
    def accessible_minus_experiment(self) -> float | None:
        return _outside(None if self.accessible is None else self.accessible.estimate.value, self.reference)

    @property
    def paper_minus_experiment(self) -> float | None:
        return _outside(self.reference.simulation, self.reference)

    @property
    def ours_minus_paper(self) -> float | None:
        if self.ours is None or self.reference.simulation is None:
            return None
        return self.ours.value - self.reference.simulation


@dataclass(frozen=True, slots=True, repr=False)
class ComparisonTable(Drawn):
    """All rows of a study, with what every output must say about them.

    Sections of the rows: ``table1`` (the paper's 4 materials × 5 gases, always all of them), ``text``
    (uptakes of the paper's text), ``literature`` (ZIF-8, against ranges), ``own`` (nothing to compare with).
    ``warnings``: what to know before any of them is read.
    """

    study: str
    quality: str
    quality_note: str
    versions: str
    seed: int | None
    rows: tuple[ComparisonRow, ...]
    warnings: tuple[str, ...] = ()

    def section(self, name: str) -> tuple[ComparisonRow, ...]:
        return tuple(row for row in self.rows if row.reference.section == name)

    @property
    def has_access(self) -> bool:
        """Whether any row has an accessible uptake."""
        return any(row.accessible is not None for row in self.rows)

    @property
    def settings_line(self) -> str:
        """One line on how the numbers were made, for the foot of every table."""
        used = [row.settings for row in self.rows if row.ours is not None]

        def all_of(name: str) -> str:
            return _joined(part for s in used for part in getattr(s, name).split("; "))

        return (
            f"{self.quality_note}; study {self.study}; force field {all_of('forcefield')}; "
            f"charges {all_of('charges').removeprefix('none; ')}; guests {all_of('guest_model')}; "
            f"cut-off {all_of('cutoff_angstrom')} Å; study seed {self.seed}; zifsim {self.versions}"
        )


def build_table(results: StudyResults, reference: Reference) -> ComparisonTable:
    """Set every row of the reference, and every further result, side by side."""
    wanted = [*reference.table1]
    simulated = _simulated(results)
    for further in (*reference.text, *reference.zif8):
        if any(_same(further, key) for key in simulated):
            wanted.append(further)
    for key in simulated:
        if not any(_same(row, key) for row in wanted) or other_composition(reference, contributing(results, *key)):
            wanted.append(ReferenceUptake("own", *key, None, None, "", None))
    return ComparisonTable(
        study=results.name,
        quality=results.quality,
        quality_note=results.quality_note,
        versions=results.versions,
        seed=results.seed,
        rows=tuple(_row(results, row, reference) for row in wanted),
        warnings=_warnings(results, reference),
    )


def _simulated(results: StudyResults) -> list[tuple[str, str, float]]:
    """(material, gas, temperature) of every uptake that the results hold, blends included."""
    conditions = sorted(
        {(m.isotherm.gas, m.isotherm.temperature_k) for m in results.isotherms},
        key=lambda c: (GASES.index(c[0]) if c[0] in GASES else len(GASES), *c),
    )
    materials = dict.fromkeys(
        [*results.blends, *results.materials, *(m.material for m in results.isotherms)]
    )
    return [
        (material, gas, temperature_k)
        for material in materials
        for gas, temperature_k in conditions
        if isinstance(uptake_at(results, material, gas, temperature_k, PRESSURE_BAR), UptakeEstimate)
    ]


def _same(row: ReferenceUptake, key: tuple[str, str, float]) -> bool:
    return (row.material, row.gas) == key[:2] and same_temperature(row.temperature_k, key[2])


def _warnings(results: StudyResults, reference: Reference) -> tuple[str, ...]:
    """A sentence for every material that is not what it is called."""
    materials = dict.fromkeys(model.material for model in results.isotherms)
    models = [[model for model in results.isotherms if model.material == material] for material in materials]
    return tuple(said[0].upper() + said[1:] + "." for of_one in models
                 for said in (other_composition(reference, of_one), no_glasses(results, of_one)) if said)


def _row(results: StudyResults, reference: ReferenceUptake, known: Reference) -> ComparisonRow:
    key = (reference.material, reference.gas, reference.temperature_k)
    found = uptake_at(results, *key, PRESSURE_BAR)
    notes = [reference.note] if reference.note else []
    if isinstance(found, Missing):
        return ComparisonRow(reference, None, _settings(()), "; ".join([found.reason, *notes]))
    if (other := other_composition(known, contributing(results, *key))) and reference.section != "own":
        return ComparisonRow(reference, None, _settings(()), "; ".join([other, *notes]))
    if not found.equilibrated:
        notes.insert(0, "not equilibrated")
    used = contributing(results, *key)
    if unmelted := no_glasses(results, used):
        notes.append(unmelted)
    others = {m.isotherm.temperature_k for m in used} - {reference.temperature_k}
    if others:
        notes.append(f"simulated at {', '.join(f'{t:g}' for t in sorted(others))} K")
    reached = accessible_at(results, *key, PRESSURE_BAR)
    if isinstance(reached, AccessibleUptake):
        notes.append(f"accessible: {reached.basis}")
    elif results.accesses:
        notes.append(reached.reason)
    return ComparisonRow(reference, found, _settings(used), "; ".join(notes),
                         reached if isinstance(reached, AccessibleUptake) else None)


def _settings(models: tuple[ModelIsotherm, ...]) -> RowSettings:
    isotherms = [model.isotherm for model in models]
    return RowSettings(
        forcefield=_joined(i.forcefield for i in isotherms),
        charges=_joined(i.charges for i in isotherms),
        guest_model=_joined(i.guest_model for i in isotherms),
        cutoff_angstrom=_joined(
            f"{float(c):g}" for i in isotherms if (c := i.settings.get("cutoff_angstrom")) is not None
        ),
        seeds=_joined(str(point.seed) for i in isotherms for point in i.points),
        models=_joined(f"{m.material} {m.configuration}".strip() for m in models),
    )


def _joined(values: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(v for v in values if v))


def _outside(value: float | None, reference: ReferenceUptake) -> float | None:
    """Signed distance of a value from the measured range: zero inside, None where either is unknown."""
    if value is None or reference.low is None or reference.high is None:
        return None
    return value - min(max(value, reference.low), reference.high)
