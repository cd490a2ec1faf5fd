"""Reproduction bundles: inputs, records, versions, results and tables of a results folder in one checked archive.

A bundle is a ``.tar.gz`` whose ``bundle.json`` lists the sha256 of every other file. The same results give the same
bytes. Trajectories and checkpoints stay behind: what they led to is in it, and the records say how to make them again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zifsim.campaign.access_stage import CRYSTAL_DYNAMICS
from zifsim.campaign.archive import FORMAT, Unpacked, read_archive, write_archive
from zifsim.campaign.stagefolder import MANIFEST
from zifsim.campaign.study import UNRELAXED
from zifsim.errors import DamagedError, InputError
from zifsim.io.files import is_plain_name, parse_json, read_json
from zifsim.runs.digest import sha256_bytes, sha256_file
from zifsim.runs.folder import CONFIG, DONE, RECORD, finished_outputs
from zifsim.runs.seal import read_sealed_json
from zifsim.runs.version import version

STAGE_FILES = (CONFIG, RECORD, DONE, "state.csv")     # beside the results that DONE lists
MOST_FAULTS = 5             # named in a message
JOBS = "jobs.json"
OWNERS = ("study.json", "sweep.json")
NOT_TABLES = {"job.json"}
TABLES = (".json", ".csv", ".md", ".tex", ".html", ".txt")


@dataclass(frozen=True, slots=True)
class Bundle:
    """What an archive holds. ``fingerprint``: sha256 of its list of checksums, one line that stands for all of it."""

    path: Path
    name: str
    n_files: int
    n_stages: int
    megabytes: float
    fingerprint: str
    unfinished: int = 0


def make_bundle(folder: Path, target: Path | None = None) -> Bundle:
    """Pack a study's, a sweep's or a single job's folder; default ``<folder>.bundle.tar.gz`` beside it.

    Raises
    ------
    InputError: no results there, a result that was changed, an input that cannot be found, or ``target`` exists.
    """
    target = target or folder.with_name(f"{folder.resolve().name}.bundle.tar.gz")
    if target.exists():
        raise InputError(f"'{target}' exists; choose another --out, or delete it.")
    name, values = _owner(folder)
    stages, unfinished = _stages(folder)
    if not stages:
        raise InputError(f"'{folder}' holds nothing finished that could be packed.")
    files: dict[str, Path] = {}
    for stage in stages:
        outputs = finished_outputs(stage) or {}
        for file in dict.fromkeys([*STAGE_FILES, *outputs]):
            if (stage / file).is_file():
                files[(stage / file).relative_to(folder).as_posix()] = stage / file
    for table in _tables(folder):
        files[table.relative_to(folder).as_posix()] = table
    if "materials" in values:
        files |= {f"inputs/{where}": path for where, path in _inputs(values).items()}
    checksums = {file: sha256_file(path) for file, path in sorted(files.items())}
    write_archive(target, files, {"zifsim_bundle": FORMAT, "name": name, "zifsim_version": version(),
                                  "versions": _versions(stages), "files": checksums})
    return Bundle(target, name, len(files), len(stages), target.stat().st_size / 1e6, _fingerprint(checksums),
                  unfinished)


def verify_bundle(path: Path) -> Bundle:
    """Check every file of an archive against its checksum, and every result against what its stage wrote.

    Raises
    ------
    InputError: no bundle, or files that were changed, are missing or do not belong to it (named).
    """
    found = read_archive(path, keep=(DONE,))
    checksums = found.contents.files
    faults = [f"{file} is missing" for file in checksums if file not in found.sha256]
    faults += [f"{file} was changed" for file, sha256 in found.sha256.items() if sha256 != checksums[file]]
    if faults := faults or list(_stage_faults(found)):
        more = f" and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        raise InputError(f"'{path}' is not what was packed: {'; '.join(faults[:MOST_FAULTS])}{more}.")
    return Bundle(path, found.contents.name, len(found.sha256), len(found.kept), path.stat().st_size / 1e6,
                  _fingerprint(checksums))


def _stage_faults(found: Unpacked) -> Iterator[str]:
    """Results that differ from what the DONE of their stage says."""
    for file in found.sha256:
        if Path(file).name != DONE:
            continue
        try:
            outputs = parse_json(found.kept[file])["outputs"].items()
        except (KeyError, ValueError, TypeError, AttributeError):
            yield f"{file} is damaged"
            continue
        for output, sha256 in outputs:
            where = (Path(file).parent / output).as_posix()
            if where not in found.sha256:
                yield f"{where}, a result of its stage, is missing"
            elif found.sha256[where] != sha256:
                yield f"{where} is not what its run wrote"


def _owner(folder: Path) -> tuple[str, dict[str, Any]]:
    """Name and study (empty for a single job) of a results folder."""
    for file in OWNERS:
        if (folder / file).is_file():
            try:
                values = read_sealed_json(folder / file, needed=False)
                return str(values["study"]["name"]), values
            except (DamagedError, KeyError, TypeError):
                raise InputError(f"{folder / file} is damaged; run the same study or sweep again, which writes it "
                                 "anew.") from None
    if (folder / DONE).is_file():
        return folder.resolve().name, {}
    raise InputError(f"'{folder}' is no results folder: give one that `zifsim run`, `zifsim sweep` or a single command "
                     "wrote.")


def _stages(folder: Path) -> tuple[list[Path], int]:
    """Folders of the finished stages that belong to the study or sweep as it stands, and how many are not finished."""
    if (folder / JOBS).is_file():
        names = _read(folder / JOBS, lambda values: [job["id"] for job in values["jobs"]])
    elif (folder / MANIFEST).is_file():
        names = _read(folder / MANIFEST, lambda values: [one["folder"] for one in values["stages"].values()])
    else:
        names = ["."]
    planned = [folder / name for name in names]
    finished = [stage for stage in dict.fromkeys(planned) if (stage / DONE).is_file()]
    return finished, len(set(planned)) - len(finished)


def _read(path: Path, names: Callable[[Any], list[Any]]) -> list[str]:
    """The folders that a list of stages names, all of them below it; raises InputError for a damaged list."""
    try:
        found = names(read_sealed_json(path, needed=False))
        if all(isinstance(name, str) and is_plain_name(name) for name in found):
            return found
    except (DamagedError, KeyError, ValueError, TypeError, AttributeError):
        pass
    raise InputError(f"{path} is damaged; run the same study or sweep again, which writes it anew.")


def _tables(folder: Path) -> list[Path]:
    """Tables, pages and pictures of the folder itself."""
    top = [path for path in folder.iterdir() if path.is_file() and path.suffix in TABLES and path.name not in NOT_TABLES
           and not path.name.startswith(".") and is_plain_name(path.name)]
    return sorted([*top, *folder.glob("figures/*.png"), *folder.glob("jobs/*.txt")])


def _inputs(study: Mapping[str, Any]) -> dict[str, Path]:
    """Place in the bundle -> file of every structure, force field, charge set, guest and program that a study names."""
    from zifsim.crystals.crystal import find_structure
    from zifsim.io.adsorption import charge_source
    from zifsim.io.guests import DEFAULT_MODELS
    from zifsim.io.resources import find_data
    from zifsim.io.tomltable import read_toml
    from zifsim.structures import RELAX_FORCEFIELD

    found: dict[str, Path] = {}

    def add(kind: str, path: Path) -> None:
        where = f"{kind}/{path.name}"
        if found.setdefault(where, path) != path:       # two files of one name
            found[f"{kind}/{sha256_file(path)[:8]}-{path.name}"] = path

    def data(kind: str, name: str) -> None:
        path = find_data(f"{kind} file of the bundle", name, "forcefields", ".toml", kind)
        add(kind, path)
        if base := read_toml(path).get("extends"):
            data(kind, base)

    melts = any(material.get("glass_of") for material in study["materials"].values())
    for material in study["materials"].values():
        sources = material.get("structure") or ()
        for source in (sources,) if isinstance(sources, str) else sources:
            add("structures", find_structure(source))
        if not material.get("glass_of") and (relax_with := material.get("relax_with")) != UNRELAXED:
            data("melt", relax_with or RELAX_FORCEFIELD)
    if melts:
        data("melt", study["melt"]["forcefield"])
        if Path(study["melt"]["program"]).is_file():
            add("programs", Path(study["melt"]["program"]))
    if (study.get("access") or {}).get("snapshots"):
        for dynamics in {study["access"]["dynamics"] or CRYSTAL_DYNAMICS, study["melt"]["forcefield"]}:
            data("melt", dynamics)
    data("adsorption", study["gcmc"]["forcefield"])
    charges = charge_source(study["gcmc"]["charges"], study["gcmc"]["forcefield"])
    if not isinstance(charges, Path):       # else the force field's file has them
        data("charges", str(charges))
    for run in study["gcmc"]["gases"]:
        model = run.get("model") or run["gas"]
        data("guests", DEFAULT_MODELS.get(model.upper(), model))
    return found


def _versions(stages: list[Path]) -> dict[str, list[str]]:
    """Package -> the versions of it that the stages ran with."""
    found: dict[str, set[str]] = {}
    for stage in stages:
        record = read_json(stage / "record.json") if (stage / "record.json").is_file() else {}
        made_by = {"zifsim": record.get("zifsim_version"), "commit": record.get("git_commit")}
        for package, one in (made_by | record.get("versions", {})).items():
            if one:
                found.setdefault(package, set()).add(str(one))
    return {package: sorted(versions) for package, versions in sorted(found.items())}


def _fingerprint(checksums: Mapping[str, str]) -> str:
    return sha256_bytes(json.dumps(dict(sorted(checksums.items()))).encode())

