"""Reproduction bundles: inputs, records, versions, results and tables of a results folder in one checked archive.

A bundle is a ``.tar.gz`` whose ``bundle.json`` lists the sha256 of every other file. The same results give the same
bytes. Trajectories and checkpoints stay behind: what they led to is in it, and the records say how to make them again.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zifsim.campaign.access_stage import CRYSTAL_DYNAMICS
from zifsim.campaign.stagefolder import MANIFEST
from zifsim.errors import InputError
from zifsim.io.files import read_json, write_bytes_atomic
from zifsim.runs.digest import sha256_bytes
from zifsim.runs.folder import CONFIG, DONE, RECORD, finished_outputs
from zifsim.runs.version import version

CONTENTS = "bundle.json"
FORMAT = 1
STAGE_FILES = (CONFIG, RECORD, DONE, "state.csv")     # beside the results that DONE lists
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
    files: dict[str, bytes] = {}
    for stage in stages:
        outputs = finished_outputs(stage) or {}
        for file in dict.fromkeys([*STAGE_FILES, *outputs]):
            if (stage / file).is_file():
                files[(stage / file).relative_to(folder).as_posix()] = (stage / file).read_bytes()
    for table in _tables(folder):
        files[table.relative_to(folder).as_posix()] = table.read_bytes()
    if "materials" in values:
        files |= {f"inputs/{where}": path.read_bytes() for where, path in _inputs(values).items()}
    checksums = {file: sha256_bytes(content) for file, content in sorted(files.items())}
    contents = {"zifsim_bundle": FORMAT, "name": name, "zifsim_version": version(),
                "versions": _versions(stages), "files": checksums}
    write_bytes_atomic(target, _archive(files | {CONTENTS: _json(contents)}))
    return Bundle(target, name, len(files), len(stages), target.stat().st_size / 1e6, _fingerprint(checksums),
                  unfinished)


def verify_bundle(path: Path) -> Bundle:
    """Check every file of an archive against its checksum, and every result against what its stage wrote.

    Raises
    ------
    InputError: no bundle, or files that were changed, are missing or do not belong to it (named).
    """
    files = _read(path)
    try:
        contents = json.loads(files.pop(CONTENTS))
        checksums: Mapping[str, str] = contents["files"]
        name = contents["name"]
        if contents["zifsim_bundle"] != FORMAT:
            raise InputError(f"'{path}' is a bundle of format {contents['zifsim_bundle']}, this zifsim reads {FORMAT}.")
    except (KeyError, ValueError, TypeError):
        raise InputError(f"'{path}' is no bundle: it holds no {CONTENTS} that `zifsim bundle` wrote.") from None
    faults = [f"{file} is missing" for file in checksums if file not in files]
    faults += [f"{file} does not belong to it" for file in files if file not in checksums]
    faults += [f"{file} was changed" for file, content in files.items()
               if file in checksums and sha256_bytes(content) != checksums[file]]
    if not faults:
        faults = list(_stage_faults(files))
    if faults:
        raise InputError(f"'{path}' is not what was packed: {'; '.join(faults)}.")
    return Bundle(path, name, len(files), sum(Path(f).name == DONE for f in files), path.stat().st_size / 1e6,
                  _fingerprint(checksums))


def _stage_faults(files: Mapping[str, bytes]) -> Iterator[str]:
    """Results that differ from what the DONE of their stage says."""
    for file, content in files.items():
        if Path(file).name != DONE:
            continue
        for output, sha256 in json.loads(content)["outputs"].items():
            where = (Path(file).parent / output).as_posix()
            if where not in files:
                yield f"{where}, a result of its stage, is missing"
            elif sha256_bytes(files[where]) != sha256:
                yield f"{where} is not what its run wrote"


def _owner(folder: Path) -> tuple[str, dict[str, Any]]:
    """Name and study (empty for a single job) of a results folder."""
    for file in OWNERS:
        if (folder / file).is_file():
            values: dict[str, Any] = read_json(folder / file)
            return str(values["study"]["name"]), values
    if (folder / DONE).is_file():
        return folder.resolve().name, {}
    raise InputError(f"'{folder}' is no results folder: give one that `zifsim run`, `zifsim sweep` or a single command "
                     "wrote.")


def _stages(folder: Path) -> tuple[list[Path], int]:
    """Folders of the finished stages that belong to the study or sweep as it stands, and how many are not finished."""
    if (folder / "jobs.json").is_file():
        planned = [folder / job["id"] for job in read_json(folder / "jobs.json")["jobs"]]
    elif (folder / MANIFEST).is_file():
        planned = [folder / stage["folder"] for stage in read_json(folder / MANIFEST)["stages"].values()]
    else:
        planned = [folder]
    finished = [stage for stage in dict.fromkeys(planned) if (stage / DONE).is_file()]
    return finished, len(set(planned)) - len(finished)


def _tables(folder: Path) -> list[Path]:
    """Tables, pages and pictures of the folder itself."""
    top = [path for path in folder.iterdir() if path.is_file() and path.suffix in TABLES and path.name not in NOT_TABLES
           and not path.name.startswith(".")]
    return sorted([*top, *folder.glob("figures/*.png"), *folder.glob("jobs/*.txt")])


def _inputs(study: Mapping[str, Any]) -> dict[str, Path]:
    """Place in the bundle -> file of every structure, force field, charge set, guest and program that a study names."""
    from zifsim.crystals.crystal import find_structure
    from zifsim.io.guests import DEFAULT_MODELS
    from zifsim.io.resources import find_data
    from zifsim.io.tomltable import read_toml

    found: dict[str, Path] = {}

    def add(kind: str, path: Path) -> None:
        found[f"{kind}/{path.name}"] = path

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
        if material.get("relax_with"):
            data("melt", material["relax_with"])
    if melts:
        data("melt", study["melt"]["forcefield"])
        if Path(study["melt"]["program"]).is_file():
            add("programs", Path(study["melt"]["program"]))
    if (study.get("access") or {}).get("snapshots"):
        for dynamics in {study["access"]["dynamics"] or CRYSTAL_DYNAMICS, study["melt"]["forcefield"]}:
            data("melt", dynamics)
    data("adsorption", study["gcmc"]["forcefield"])
    data("charges", study["gcmc"]["charges"])
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


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def _fingerprint(checksums: Mapping[str, str]) -> str:
    return sha256_bytes(json.dumps(dict(sorted(checksums.items()))).encode())


def _archive(files: Mapping[str, bytes]) -> bytes:
    """A tar.gz without dates and owners."""
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            archive.addfile(entry, io.BytesIO(files[name]))
    return stream.getvalue()


def _read(path: Path) -> dict[str, bytes]:
    """Every file of an archive, without unpacking it to disk."""
    if not path.is_file():
        raise InputError(f"No file '{path}'.")
    try:
        with tarfile.open(path, "r:gz") as archive:
            return {entry.name: stream.read() for entry in archive if (stream := archive.extractfile(entry))}
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise InputError(f"'{path}' is damaged or no tar.gz archive ({error}).") from None
