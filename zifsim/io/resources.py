"""Where shipped data files lie, and the rule that a user's own file wins over a shipped name."""

from __future__ import annotations

from pathlib import Path

from zifsim.errors import InputError, UnknownNameError


def data_folder(kind: str) -> Path:
    """The folder of shipped data of a kind: ``forcefields``, ``structures`` or ``workflows``."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_data" / kind
    return installed if installed.is_dir() else package.parent / kind


def shipped_names(kind: str, suffix: str, subfolder: str = "") -> list[str]:
    """Names (without suffix) of the shipped files of a kind, those in folders below included."""
    return sorted(p.stem for p in (data_folder(kind) / subfolder).rglob(f"*{suffix}"))


def find_data(what: str, name: str | Path, kind: str, suffix: str, subfolder: str = "") -> Path:
    """Path of a user's file, or of the shipped file ``name`` (case-insensitive).

    Raises
    ------
    InputError: ``name`` looks like a path and no such file exists.
    UnknownNameError: ``name`` is neither a file nor a shipped name.
    """
    path = Path(name)
    if path.is_file():
        return path
    own = Path(f"{name}{suffix}")
    if own.is_file():
        return own
    if len(path.parts) > 1 or path.suffix == suffix:
        raise InputError(f"{what}: no file '{name}'. Check the path (relative to the current folder).")
    folder = data_folder(kind) / subfolder
    for shipped in folder.rglob(f"*{suffix}"):
        if shipped.stem.lower() == str(name).lower():
            return shipped
    raise UnknownNameError(what, str(name), shipped_names(kind, suffix, subfolder))
