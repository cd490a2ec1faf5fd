"""Devices: how many processes and threads a run may use, and whose turn it is on a GPU."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from zifsim.runs import stopping
from zifsim.runs.environment import whole_number
from zifsim.runs.folder import try_lock

# Cells of some thousand atoms leave most of a GPU idle: several melts share one, unless the variable says otherwise.
MELTS_PER_GPU, SHARES_VARIABLE = 4, "ZIFSIM_MELTS_PER_GPU"
LEASE_CHECK_SECONDS = 1.0


def worker_count(asked: int) -> int:
    """Processes side by side: ``asked``, or every core this process may use where that is 0."""
    if asked > 0:
        return asked
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


def threads_per_melt(workers: int, melts: int) -> int:
    """CPU threads of each melt, so that melts running together fill the cores."""
    return max(1, workers // max(1, melts))


def thread_environment(threads: int) -> Mapping[str, str]:
    """Environment that holds every numerical library to ``threads`` threads."""
    names = ("OPENMM_CPU_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
             "MKL_NUM_THREADS")
    return dict.fromkeys(names, str(threads))


def visible_gpus() -> list[str]:
    """CUDA devices this process may use: CUDA_VISIBLE_DEVICES if a queue set it, else nvidia-smi's list."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [device.strip() for device in chosen.split(",") if device.strip()]
    if shutil.which("nvidia-smi") is None:
        return []
    try:
        answer = subprocess.run(["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"],
                                capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return answer.stdout.split()


@contextmanager
def gpu_lease(platform: str) -> Iterator[str | None]:
    """Hold a share of a GPU for a melt (waiting for one), or None where the platform uses none.

    CUDA_VISIBLE_DEVICES is set to the device while the lease lasts. The locks die with their process.

    Raises
    ------
    InputError: ZIFSIM_MELTS_PER_GPU is no number of melts, whether there is a GPU or not.
    """
    shares = whole_number(SHARES_VARIABLE, "melts") or MELTS_PER_GPU
    gpus = visible_gpus() if platform in {"auto", "CUDA"} else []
    if not gpus:
        yield None
        return
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    folder = Path(tempfile.gettempdir()) / f"zifsim-gpu-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    stream, gpu = _wait_for_share(folder, gpus, shares)
    os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    try:
        yield gpu
    finally:
        stream.close()
        if before is None:
            del os.environ["CUDA_VISIBLE_DEVICES"]
        else:
            os.environ["CUDA_VISIBLE_DEVICES"] = before


def _wait_for_share(folder: Path, gpus: list[str], shares: int) -> tuple[TextIO, str]:
    """(locked stream, device) of the first free share, spread over devices before doubling up."""
    while True:
        for share in range(shares):
            for gpu in gpus:
                stream = try_lock(folder / f"{gpu.replace('/', '-')}-{share}.lock")
                if stream is not None:
                    return stream, gpu
        stopping.sleep(LEASE_CHECK_SECONDS)
