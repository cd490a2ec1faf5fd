"""Platform of OpenMM, its precision and its number of threads: the one place that chooses them."""

from __future__ import annotations

import os
from dataclasses import dataclass

from zifsim.errors import InputError, UnknownNameError
from zifsim.melt.trial import ABSENT, Trial, trial
from zifsim.runs.environment import whole_number
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
    """An OpenMM platform with the properties to open a context with; ``note`` names it to people and records, with its
    device and driver in brackets. ``minimiser``: the one to minimise on, where this platform's own minimiser fails."""

    name: str
    properties: dict[str, str]
    note: str
    minimiser: PlatformChoice | None = None

    @property
    def is_gpu(self) -> bool:
        return self.name in GPUS


def choose_platform(name: str = "auto", *, precision: str = "mixed", cpu_threads: int | None = None,
                    device: str | None = None, report: Report = silent) -> PlatformChoice:
    """The platform to run on: ``auto`` is CUDA, else HIP, else OpenCL on a GPU, else CPU, and says aloud when it is no
    GPU. Each is tried first, in a process of its own.

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
    given = {"Precision": precision, **({} if device is None else {"DeviceIndex": device})}
    told = ""
    if asked == "auto":
        chosen, told = _first_gpu(given)
    elif asked in by_name:
        chosen = by_name[asked]
        if chosen == "OpenCL":
            report(note("trying OpenCL, whose kernels may take a minute to compile"))
        if chosen in GPUS and (reason := trial(chosen, given, False).why) is not None:
            mend = CUDA_MEND if chosen == "CUDA" else OTHER_MEND
            raise InputError(f"Platform {chosen} was asked for but does not work here ({reason}): {mend}.")
    else:
        raise UnknownNameError("platform", name, ["auto", *KNOWN])
    if chosen in GPUS:
        choice = _gpu(chosen, precision, trial(chosen, given, asked == "auto"), cpu_threads)
    elif chosen == "CPU":
        choice = _cpu(cpu_threads)
    else:
        choice = PlatformChoice(chosen, {}, chosen)
    report(note(f"platform: {choice.note}{told}"))
    if choice.minimiser is not None:
        report(note(f"the minimiser of {chosen} fails here; energies are minimised on {choice.minimiser.note}"))
    return choice


def _first_gpu(given: dict[str, str]) -> tuple[str, str]:
    """The first platform that works on a GPU, else CPU, with what to tell of those that do not."""
    reasons = []
    for platform in GPUS:
        reason = trial(platform, given, True).why
        if reason is None:
            return platform, ""
        if reason != ABSENT:
            reasons.append(f"{platform}: {reason}; ")
    return "CPU", (f" (no working GPU platform was found; {''.join(reasons)}a GPU is one to two orders of magnitude "
                   "faster)")


def _gpu(name: str, precision: str, found: Trial, cpu_threads: int | None) -> PlatformChoice:
    return PlatformChoice(name, found.properties, f"{name}, {precision} precision{found.seen}",
                          None if found.minimises else _cpu(cpu_threads))


def _cpu(cpu_threads: int | None) -> PlatformChoice:
    threads = cpu_threads or _threads_of_environment() or _cores()
    _hold_threads(threads)
    # Forces are summed in a fixed order, so that a run that was killed continues to the same result.
    return PlatformChoice("CPU", {"Threads": str(threads), "DeterministicForces": "true"},
                          f"CPU, {threads} thread{'s' if threads > 1 else ''}")


def _threads_of_environment() -> int | None:
    return None if os.environ.get(THREADS_VARIABLE) in _set_here else whole_number(THREADS_VARIABLE, "threads")


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
