"""Results folder of a study, read: the one place that knows its layout.

``study.json`` (the resolved study), ``gcmc/<stage>/isotherm.json`` (an Isotherm), ``melt/<stage>/melt.json`` (a
MeltResult), ``access/<stage>/access.json``, and beside each of them ``config.json`` (what the stage was told, with the
material and configuration that it is about) and ``record.json`` (a RunRecord). ``manifest.json``, where there
is one, lists the folders that belong to the study as it stands; others are left over from earlier settings and
are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zifsim.access.stored import RESULT as ACCESS
from zifsim.access.stored import StoredAccess, read_access
from zifsim.errors import InputError
from zifsim.io.files import is_plain_name, read_json
from zifsim.io.results import LABELS, read_isotherm
from zifsim.model.schedule import Segment
from zifsim.model.uptake import Isotherm
from zifsim.runs.folder import CONFIG, finished_outputs
from zifsim.runs.seal import SEAL, read_sealed_json

QUALITY_NOTES = {"quick": "quick settings, not converged", "production": "production settings"}


@dataclass(frozen=True, slots=True)
class ModelIsotherm:
    """One isotherm of one structural model of a material; ``stage`` names its folder."""

    material: str
    configuration: str
    framework_kind: str
    isotherm: Isotherm
    stage: str


@dataclass(frozen=True, slots=True)
class GlassModel:
    """One melt-quenched glass: what its melt run reported (``values`` of melt.json).

    ``quench_rate_k_per_ps`` is that of the program's last cooling segment, positive; None if not recorded.
    """

    stage: str
    values: Mapping[str, Any]
    quench_rate_k_per_ps: float | None


@dataclass(frozen=True, slots=True)
class ModelAccess:
    """How far a gas gets into a model of a material; ``configuration`` is '' where it stands for all of them."""

    material: str
    configuration: str
    stored: StoredAccess


@dataclass(frozen=True, slots=True)
class StudyResults:
    """Everything a results folder holds that can be compared or reported."""

    folder: Path
    study: Mapping[str, Any]
    isotherms: tuple[ModelIsotherm, ...]
    glasses: tuple[GlassModel, ...]
    records: tuple[Mapping[str, Any], ...]
    accesses: tuple[ModelAccess, ...] = ()

    @property
    def name(self) -> str:
        return str(self.study["study"]["name"])

    @property
    def quality(self) -> str:
        return str(self.study["study"].get("quality", "production"))

    @property
    def quality_note(self) -> str:
        """The sentence that every output carries."""
        return QUALITY_NOTES.get(self.quality, f"{self.quality} settings")

    @property
    def seed(self) -> int | None:
        seed = self.study["study"].get("seed")
        return None if seed is None else int(seed)

    @property
    def materials(self) -> tuple[str, ...]:
        return tuple(self.study.get("materials", {}))

    @property
    def blends(self) -> Mapping[str, Mapping[str, float]]:
        return self.study.get("blends") or self.study.get("mixtures") or {}     # of 0.1.0

    @property
    def gases(self) -> tuple[tuple[str, float], ...]:
        """(gas, temperature in K) of every isotherm asked for."""
        runs = self.study.get("gcmc", {}).get("gases", ())
        return tuple((run["gas"], float(run["temperature_k"])) for run in runs)

    @property
    def versions(self) -> str:
        """zifsim's version(s) and commit(s) that made the isotherms, as the run records name them."""
        made_by = {_maker(r) for r in self.records if "zifsim_version" in r}
        return "; ".join(sorted(made_by)) or "not recorded"


def _maker(record: Mapping[str, Any]) -> str:
    """The version of a record, and the commit where the version does not name it (releases, records up to 0.1.0)."""
    version, commit = str(record["zifsim_version"]), record.get("git_commit")
    return version if not commit or "+g" in version else f"{version} ({commit[:10]})"


def read_results(folder: str | Path) -> StudyResults:
    """Read a results folder.

    Raises
    ------
    InputError: no such folder, not a results folder, nothing simulated yet, or a damaged file (named).
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"No folder '{folder}'. Give the results folder that `zifsim run` wrote.")
    if not (folder / "study.json").is_file():
        raise InputError(
            f"'{folder}' is not a results folder: it holds no study.json. "
            "Give the folder that `zifsim run` wrote."
        )
    study = _read_object(folder / "study.json")
    if not isinstance(study.get("study"), dict) or "name" not in study["study"]:
        raise InputError(f"'{folder / 'study.json'}' has no study name; it was not written by `zifsim run`.")
    stages = _finished_stages(folder)
    paths = [stage / "isotherm.json" for stage in stages if (stage / "isotherm.json").is_file()]
    if not paths:
        raise InputError(f"'{folder}' holds no isotherm yet: finish it with the same `zifsim run` first.")
    return StudyResults(
        folder=folder,
        study=study,
        isotherms=_unique([_read_isotherm(path) for path in paths]),
        glasses=tuple(
            GlassModel(stage.name, _labels(stage) | _read_object(stage / "melt.json"), _quench_rate(stage))
            for stage in stages
            if (stage / "melt.json").is_file()
        ),
        records=tuple(
            _read_object(stage / "record.json") for stage in stages if (stage / "record.json").is_file()
        ),
        accesses=tuple(one for stage in stages if (stage / ACCESS).is_file() for one in _read_access(stage)),
    )


def _finished_stages(folder: Path) -> list[Path]:
    """Folders of the study's finished stages; all stage folders where no manifest says which belong.

    Raises
    ------
    InputError: the manifest is damaged, or a result is not what its run wrote.
    """
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        paths = sorted(path for path in folder.glob("*/*") if path.is_dir())
    else:
        try:
            names = [str(stage["folder"]) for stage in _read_object(manifest).get("stages", {}).values()]
        except (AttributeError, TypeError, KeyError):
            names = [""]
        if not all(map(is_plain_name, names)):
            raise InputError(f"'{manifest}' is damaged; run the study again, which writes it anew.")
        paths = [folder / name for name in names if (folder / name / "DONE").is_file()]
    for path in paths:
        finished_outputs(path)
    return paths


def _config(stage: Path) -> dict[str, Any]:
    """What a stage was told; nothing where no config.json says so."""
    path = stage / CONFIG
    config = _read_object(path).get("config") if path.is_file() else None
    return config if isinstance(config, dict) else {}


def _labels(stage: Path) -> dict[str, str]:
    """The material, configuration and kind of framework that a stage is about."""
    return {key: str(value) for key, value in _config(stage).items() if key in LABELS}


def _quench_rate(stage: Path) -> float | None:
    """Rate of the last cooling segment of the temperature program in a melt stage's config.json, K/ps."""
    config = _config(stage)
    segments = [Segment(**segment) for segment in config.get("program", {}).get("segments", ())]
    cooling = [-segment.rate_k_per_ps for segment in segments if segment.to_k < segment.from_k]
    return cooling[-1] if cooling else None


def _read_object(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except ValueError as error:
        raise InputError(
            f"'{path}' is not valid JSON ({error}); delete its folder and run the study again."
        ) from None
    if not isinstance(value, dict):
        raise InputError(f"'{path}' does not hold a JSON object; delete its folder and run the study again.")
    if SEAL not in value:
        return value
    return read_sealed_json(path)


def _read_isotherm(path: Path) -> ModelIsotherm:
    isotherm, told = read_isotherm(path), _labels(path.parent)
    if set(told) != set(LABELS):    # results of 0.1.0 have the labels in them
        told |= {key: str(value) for key, value in _read_object(path).items() if key in LABELS}
    if set(told) != set(LABELS):
        raise InputError(f"'{path}' says neither itself nor in the {CONFIG} beside it which material it is of; "
                         "delete its folder and run the study again.")
    return ModelIsotherm(isotherm=isotherm, stage=path.parent.name, **told)


def _read_access(stage: Path) -> list[ModelAccess]:
    stored = read_access(stage)
    values = _read_object(stage / ACCESS) | _labels(stage)
    return [ModelAccess(str(values.get("material", "")), str(values.get("configuration", "")), one) for one in stored]


def _unique(isotherms: list[ModelIsotherm]) -> tuple[ModelIsotherm, ...]:
    """The same isotherms, if no model of a material was simulated twice at the same conditions."""
    seen: dict[tuple[str, str, str, float], str] = {}
    for one in isotherms:
        key = (one.material, one.configuration, one.isotherm.gas, one.isotherm.temperature_k)
        if key in seen:
            raise InputError(
                f"Stages '{seen[key]}' and '{one.stage}' both hold {one.isotherm.gas} at "
                f"{one.isotherm.temperature_k:g} K in {one.material} {one.configuration}; "
                "remove the one that does not belong to the study."
            )
        seen[key] = one.stage
    return tuple(isotherms)
