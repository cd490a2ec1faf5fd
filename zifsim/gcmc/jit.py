"""Compilation of kernels: the one place where numba's flags are set.

``nogil``: pressures, gases and replicas run side by side in threads of one process. Kernels are compiled once per
machine and state of the code (:mod:`zifsim.gcmc.kernelcache`). No ``fastmath``: a process that compiles and one that
reads the cache may run copies of a function that were optimised in different surroundings; only strict arithmetic
gives the same bits in both, as resuming promises. ``_nrt=False``: kernels allocate nothing, so they need no reference
counting; with it every call that passes a tuple of arrays pays half a microsecond of atomic increments, which is more
than the physics of a move costs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from zifsim.gcmc.kernelcache import KernelCache

_FLAGS: dict[str, Any] = {
    "nogil": True, "error_model": "numpy", "_nrt": False,
}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a plain function over arrays; it must not allocate."""
    return _kept(numba.njit(**_FLAGS)(function))


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function into its callers: passing the wide tuples of a walker costs more than what it does."""
    return _kept(numba.njit(inline="always", **_FLAGS)(function))


def is_compiled(function: Callable[..., Any]) -> bool:
    """Whether a kernel as it stands is compiled, here or in the cache; if not, its first call takes long."""
    cache = getattr(function, "_cache", None)           # none where NUMBA_DISABLE_JIT leaves plain functions
    return cache is None or bool(function.signatures) or cache.is_kept()      # type: ignore[attr-defined]


def _kept(compiled: Any) -> Callable[..., Any]:
    if hasattr(compiled, "_cache"):
        compiled._cache = KernelCache(compiled)
    function: Callable[..., Any] = compiled
    return function
