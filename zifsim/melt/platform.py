"""Platform of OpenMM, its precision and its number of threads: the one place that chooses them."""

from __future__ import annotations

import os
from dataclasses import dataclass

from zifsim.errors import InputError, UnknownNameError
from zifsim.runs.progress import Report, note, silent

KNOWN = ("CUDA", "HIP", "OpenCL", "CPU", "Reference")
GPUS = ("CUDA", "HIP", "OpenCL")
CUDA_INSTALL = ("install OpenMM's CUDA platform with \"pip install 'zifsim[cuda12]'\" (or cuda13, whichever "
                "the driver shown by nvidia-smi supports)")
CUDA_MEND = f"{CUDA_INSTALL}, or choose --platform CPU"
THREADS_VARIABLE = "OPENMM_CPU_THREADS"
_set_here: set[str] = set()     # values of it that came from here, not from the user
OTHER_MEND = "it needs its driver and its OpenMM plugin; install these, or choose --platform CPU"


@dataclass(frozen=True, slots=True)
class PlatformChoice:
    """An OpenMM platform with the properties to open a context with; ``note`` names it to people and records."""

    name: str
    properties: dict[str, str]
    note: str

    @property
    def is_gpu(self) -> bool:
        return self.name in GPUS


def available_platforms() -> list[str]:
    """Names of the platforms this OpenMM can load."""
    import openmm

    return [openmm.Platform.getPlatform(i).getName() for i in range(openmm.Platform.getNumPlatforms())]


def why_not(name: str) -> str | None:
    """None where a context of one particle opens on the platform, else why not, in one line."""
    import openmm

    if name not in available_platforms():
        return "this OpenMM was installed without it"
    system = openmm.System()
    system.addParticle(1.0)
    try:
        openmm.Context(system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName(name))
    except openmm.OpenMMException as error:
        return str(error).strip().splitlines()[0]
    return None


def choose_platform(name: str = "auto", *, precision: str = "mixed", cpu_threads: int | None = None,
                    device: str | None = None, report: Report = silent) -> PlatformChoice:
    """The platform to run on: ``auto`` is CUDA, else HIP, OpenCL, CPU, and says aloud when it is no GPU.

    Parameters
    ----------
    name: auto, CUDA, HIP, OpenCL, CPU or Reference. precision: of a GPU (single, mixed, double).
    cpu_threads: of the CPU platform; None: ``OPENMM_CPU_THREADS``, else all cores this process may use.
    device: index of the GPU; None: OpenMM's own choice (CUDA_VISIBLE_DEVICES is obeyed).
    report: is told the choice, as a note.

    Raises
    ------
    UnknownNameError: no such platform. InputError: it was asked for by name and does not work here.
    """
    by_name = {p.lower(): p for p in KNOWN}
    asked = name.lower()
    if asked == "auto":
        chosen = next((p for p in GPUS if why_not(p) is None), "CPU")
    elif asked in by_name:
        chosen = by_name[asked]
        if chosen in GPUS and (reason := why_not(chosen)) is not None:
            mend = CUDA_MEND if chosen == "CUDA" else OTHER_MEND
            raise InputError(f"Platform {chosen} was asked for but does not work here ({reason}): {mend}.")
    else:
        raise UnknownNameError("platform", name, ["auto", *KNOWN])
    if chosen in GPUS:
        properties = {"Precision": precision, **({} if device is None else {"DeviceIndex": device})}
        described = f"{chosen}, {precision} precision"
    elif chosen == "CPU":
        threads = cpu_threads or _threads_of_environment() or _cores()
        _hold_threads(threads)
        # Forces are summed in a fixed order, so that a run that was killed continues to the same result.
        properties = {"Threads": str(threads), "DeterministicForces": "true"}
        described = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
    else:
        properties, described = {}, chosen
    missed = asked == "auto" and chosen not in GPUS
    report(note(f"platform: {described}" + (" (no working GPU platform was found; a GPU is one to two orders of "
                                            "magnitude faster)" if missed else "")))
    return PlatformChoice(chosen, properties, described)


def _threads_of_environment() -> int | None:
    value = os.environ.get(THREADS_VARIABLE)
    return int(value) if value and value not in _set_here else None


def _hold_threads(threads: int) -> None:
    """Hold OpenMM's PME to the threads of the context: on a CPU it has its own, as many as the environment says.

    Their number decides the last digits of forces, and side by side several melts would fill all cores each. OpenMM
    reads it once, for the first context of the process.
    """
    if os.environ.get(THREADS_VARIABLE) != str(threads):
        os.environ[THREADS_VARIABLE] = str(threads)
        _set_here.add(str(threads))


def _cores() -> int:
    """Cores that this process may use: what a queue has given it, not what the node has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
