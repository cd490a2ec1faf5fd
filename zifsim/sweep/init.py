"""Copies of what a user edits: the sweep file, the profiles, the array-job scripts."""

from __future__ import annotations

import shutil
from pathlib import Path

from zifsim.errors import InputError
from zifsim.io.resources import data_folder

TEMPLATES = ("quench_sweep.toml", "smoke_sweep.toml", "profiles", "slurm")


def copy_templates(folder: Path) -> list[Path]:
    """Copy the templates into a new folder; returns what was written.

    Raises
    ------
    InputError: the folder holds one of them already.
    """
    targets = {data_folder("workflows") / name: folder / name for name in TEMPLATES}
    for target in targets.values():
        if target.exists():
            raise InputError(f"'{target}' exists already; choose another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    for source, target in targets.items():
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    return list(targets.values())
