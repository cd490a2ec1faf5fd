"""Folders of stages: named by what they hold, under the results folder of a study or sweep.

A stage's folder is ``OUT/<kind>/<readable name>-<8 hex digits>``. The digits are a hash of the stage's configuration
(digests of force-field and guest parameters included), of the content of its input files and of the version of the
physics. Changing a setting therefore opens a new folder beside the old one, and nothing finished is ever overwritten;
``OUT/manifest.json`` lists the folders that belong to the study as it stands.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from zifsim.errors import InputError
from zifsim.io.values import from_plain
from zifsim.runs.digest import digest, plain, sha256_file
from zifsim.runs.folder import CONFIG, DONE, Claim, finished_outputs, read_config, slug
from zifsim.runs.seal import write_sealed_json

MANIFEST = "manifest.json"
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class StageFolder:
    """The folder of one stage under ``out``."""

    out: Path
    kind: str
    name: str
    key: str

    @property
    def path(self) -> Path:
        return self.out / self.kind / f"{slug(self.name)}-{self.key[:8]}"

    @property
    def relative(self) -> str:
        return self.path.relative_to(self.out).as_posix()

    def is_done(self) -> bool:
        """True where the stage finished; raises InputError where its files were changed afterwards."""
        return finished_outputs(self.path) is not None

    def claim(self, config: Mapping[str, Any], inputs: Mapping[str, Path], run: str,
              parameters: Mapping[str, Any]) -> Claim:
        """What the folder is for, with all that a worker needs: the function ``run`` (``module:function``), where the
        inputs are, and the parameters by value, whose digests are in the configuration."""
        return Claim(self.kind, f"{self.kind} {self.name}", config,
                     {name: sha256_file(path) for name, path in inputs.items()}, seed_of(config),
                     beside={"run": run, "inputs": {name: os.path.relpath(path, self.path)
                                                    for name, path in inputs.items()}, "parameters": parameters})


@dataclass(frozen=True, slots=True)
class PreparedStage:
    """A stage's folder as a worker finds it. ``config``: with the ``parameters`` by value in it; ``inputs``: files."""

    claim: Claim
    run: str
    config: Mapping[str, Any]
    inputs: Mapping[str, Path]


def read_prepared(folder: Path) -> PreparedStage:
    """A folder that was prepared by writing its claim.

    Raises
    ------
    InputError: it was not, its config.json was changed, or an input is missing or was changed.
    """
    values = read_config(folder)
    try:
        if values is None:
            raise ValueError
        claim = Claim(values["kind"], values["title"], values["config"], values["inputs_sha256"],
                      seed_of(values["config"]), beside={k: values[k] for k in ("run", "inputs", "parameters")})
        inputs = {name: (folder / path).resolve() for name, path in values["inputs"].items()}
        stated = values["config"].get("parameters_sha256", {})
        genuine = claim.key == values["key"] and stated == parameter_digests(values["parameters"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{folder / CONFIG} is damaged; delete {folder} to compute it again.") from None
    if not genuine:
        raise InputError(f"{folder / CONFIG} was changed after it was planned; delete {folder} and start it again.")
    for name, path in inputs.items():
        if not path.is_file() or sha256_file(path) != claim.inputs_sha256.get(name):
            raise InputError(f"{folder.name}: its input {path} is missing or was changed.")
    return PreparedStage(claim, values["run"], {**values["config"], "parameters": values["parameters"]}, inputs)


def parameter_digests(parameters: Mapping[str, Any]) -> dict[str, str]:
    """What a stage's configuration says of its parameters: name -> digest."""
    return {name: digest(plain(value)) for name, value in parameters.items()}


def parameter(config: Mapping[str, Any], name: str, kind: type[Value]) -> Value:
    """A parameter of the stage as it was planned."""
    return from_plain(kind, config["parameters"][name], f"the stage's {name}")


def seed_of(config: Mapping[str, Any]) -> int | None:
    """The seed of a stage's configuration, if it has one."""
    seed: int | None = config.get("seed", config.get("settings", {}).get("seed"))
    return seed


def owner_claim(kind: str, values: Mapping[str, Any]) -> Claim:
    """What a study's or a sweep's results folder is for: the study of this name, whatever its settings."""
    name = values["study"]["name"]
    return Claim(kind, f"{kind} {name}", {"name": name, "settings": values}, extensible=("settings",),
                 seed=values["study"].get("seed"))


def write_manifest(out: Path, folders: Mapping[str, StageFolder]) -> None:
    """``manifest.json``: stage id -> its folder, kind and state, for the study as it stands."""
    write_sealed_json(out / MANIFEST, {"stages": {
        stage: {"kind": f.kind, "folder": f.relative, "done": (f.path / DONE).is_file()}
        for stage, f in folders.items()}})
