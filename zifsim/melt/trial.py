"""Trials of OpenMM platforms: whether one runs what a melt runs, found out in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from zifsim.runs.stopping import end_with_parent, how_it_ended

DEVICE_VARIABLES = ("VISIBLE_DEVICES", "DEVICE_ORDINAL", "OCL_ICD_VENDORS")    # ends of what limits the devices seen
ABSENT = "this OpenMM was installed without it"
PATIENCE_S = 120.0              # some seconds on a GPU; up to a minute where kernels are compiled for a CPU
_tried: dict[str, Trial] = {}


@dataclass(frozen=True, slots=True)
class Trial:
    """What was found (:mod:`zifsim.melt.probe`).

    ``why`` the platform does not work, None where it does; ``minimises``: its minimiser works too; ``properties`` to
    open contexts with; ``device`` and ``driver``: name and version, as far as they are known.
    """

    why: str | None
    minimises: bool = False
    properties: dict[str, str] = field(default_factory=dict)
    device: str = ""
    driver: str = ""

    @property
    def seen(self) -> str:
        """`` (NVIDIA H200, driver 550.54)``, or nothing."""
        known = [*([self.device] if self.device else []), *([f"driver {self.driver}"] if self.driver else [])]
        return f" ({', '.join(known)})" if known else ""


def available_platforms() -> list[str]:
    """Names of the platforms this OpenMM can load."""
    import openmm

    return [openmm.Platform.getPlatform(i).getName() for i in range(openmm.Platform.getNumPlatforms())]


def trial(name: str, properties: dict[str, str], gpu_only: bool = True) -> Trial:
    """Try a platform, once in this process for the same devices; ``gpu_only``: an OpenCL device that is a CPU fails."""
    if name not in available_platforms():
        return Trial(ABSENT)
    sees = {variable: value for variable, value in os.environ.items() if variable.endswith(DEVICE_VARIABLES)}
    asked = json.dumps({"platform": name, "properties": properties, "gpu_only": gpu_only}, sort_keys=True)
    key = asked + json.dumps(sees, sort_keys=True)
    if key not in _tried:
        _tried[key] = _run([sys.executable, "-m", "zifsim.melt.probe", asked])
    return _tried[key]


def _run(command: list[str]) -> Trial:
    """What a trial says, and what its end says where it did not come to its own."""
    end: str | None
    try:
        ended = subprocess.run(command, check=False, text=True, errors="replace", stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=PATIENCE_S,
                               preexec_fn=end_with_parent)
        output = ended.stdout
        end = f"a trial {how_it_ended(ended.returncode)}" if ended.returncode else None
    except subprocess.TimeoutExpired as error:
        output = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""
        end = f"a trial had not ended after {PATIENCE_S:g} s"
    except OSError as error:
        output, end = "", f"a trial could not be started: {error.strerror}"
    found: dict[str, Any] = {}
    for line in output.splitlines():
        with suppress(ValueError):      # other lines are what drivers say
            found |= json.loads(line) if line.startswith("{") else {}
    # Where dynamics went well, all that is left to fail is the minimiser.
    why = None if found.get("moves") else found.get("why") or end or "a trial ended early"
    return Trial(why, found.get("minimises", False), found.get("properties", {}), found.get("device", ""),
                 found.get("driver", ""))
