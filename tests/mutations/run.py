"""Put each error of table.py into a copy of zifsim and see whether its tests notice: ``python tests/mutations/run.py``.

Prints caught or SURVIVED for each, and ends with 1 where one survived or no longer fits the code. Words given as
arguments pick those whose name or file holds one of them. ``--sound`` runs the same tests on the code as it is.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from table import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("zifsim", "tests", "forcefields", "structures", "workflows", "benchmarks", "pyproject.toml", "README.md")
TIMEOUT_S = 1800.0


def copy_of_the_project(folder: Path) -> None:
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)


def pytest_fails(folder: Path, mutation: Mutation) -> tuple[bool, str]:
    """Whether a test fails; raises where pytest could not run any."""
    words = [w if w.startswith(("-", "'")) or ("/" not in w and not w.endswith(".py")) else f"tests/{w}"
             for w in shlex.split(mutation.tests)]
    environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    if mutation.plain:
        environment["NUMBA_DISABLE_JIT"] = "1"
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *words]
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S,
                              check=False)
    except subprocess.TimeoutExpired:
        return True, f"no end within {TIMEOUT_S:g} s"
    if done.returncode not in (0, 1):
        sys.exit(f"{mutation.name}: pytest ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    last = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return done.returncode == 1, last[0] if last else ""


def main(words: list[str]) -> int:
    sound = "--sound" in words
    words = [w for w in words if w != "--sound"]
    chosen = [m for m in MUTATIONS if not words or any(w in m.name or w in m.file for w in words)]
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="zifsim-mutations-") as scratch:
        folder = Path(scratch)
        copy_of_the_project(folder)
        for mutation in chosen:
            began = time.monotonic()
            path = folder / "zifsim" / mutation.file
            text = path.read_text(encoding="utf-8")
            if text.count(mutation.old) != 1:
                said, note = "NO LONGER FITS", f"{mutation.file} holds its text {text.count(mutation.old)} times"
            else:
                if not sound:
                    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
                fails, note = pytest_fails(folder, mutation)
                path.write_text(text, encoding="utf-8")
                said = ("FAILS UNCHANGED" if fails else "sound") if sound else ("caught" if fails else "SURVIVED")
            wrong += said.isupper()
            print(f"{said:14s} {time.monotonic() - began:6.0f} s  {mutation.file}: {mutation.name}  {note}", flush=True)
    print(f"{len(chosen) - wrong} of {len(chosen)}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
