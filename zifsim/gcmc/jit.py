"""Compilation of kernels: the one place where numba's flags are set.

``nogil``: pressures, gases and replicas run side by side in threads of one process. ``cache``: compiled once per
machine. No ``fastmath``: a process that compiles and one that reads the cache may run copies of a function that were
optimised in different surroundings; only strict arithmetic gives the same bits in both, as resuming promises.
``_nrt=False``: kernels allocate nothing, so they need no reference counting; with it every call that passes a tuple of
arrays pays half a microsecond of atomic increments, which is more than the physics of a move costs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

_FLAGS: dict[str, Any] = {
    "cache": True, "nogil": True, "error_model": "numpy", "_nrt": False,
}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a plain function over arrays; it must not allocate."""
    compiled: Callable[..., Any] = numba.njit(**_FLAGS)(function)
    return compiled


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function into its callers: passing the wide tuples of a walker costs more than what it does."""
    compiled: Callable[..., Any] = numba.njit(inline="always", **_FLAGS)(function)
    return compiled


def is_compiled(function: Callable[..., Any]) -> bool:
    """Whether a compiled kernel, perhaps an outdated one, lies on this machine; if not, its first call takes long."""
    name = f"{function.__module__.rsplit('.', 1)[-1]}.{function.__name__}-*.nbc"
    return any(Path(function.stats.cache_path).glob(name))      # type: ignore[attr-defined]
