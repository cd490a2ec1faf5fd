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
from numba.core import types

from zifsim.gcmc.kernelcache import KernelCache
from zifsim.gcmc.lowering import PartCompiler, WholeCompiler

_njit: Any = numba.njit
_unliteral: Any = types.unliteral
_FLAGS: dict[str, Any] = {
    "nogil": True, "error_model": "numpy", "_nrt": False,
}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a plain function over arrays; it must not allocate."""
    return _compiled(function, {})


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function into its callers: passing the wide tuples of a walker costs more than what it does."""
    return _compiled(function, {"inline": "always"})


def is_compiled(function: Callable[..., Any]) -> bool:
    """Whether a kernel as it stands is compiled, here or in the cache; if not, its first call takes long."""
    cache = getattr(function, "_cache", None)           # none where NUMBA_DISABLE_JIT leaves plain functions
    return cache is None or bool(function.signatures) or cache.is_kept()      # type: ignore[attr-defined]


def _compiled(function: Callable[..., Any], inline: dict[str, str]) -> Callable[..., Any]:
    """A kernel in two forms: whole, which Python calls and the cache keeps, and as part of the kernels that call it.

    ``inline`` is how numba-cuda is told to inline.
    """
    whole = _njit(**inline, no_cfunc_wrapper=True, **_FLAGS, pipeline_class=WholeCompiler)(function)
    if hasattr(whole, "_cache"):        # not where NUMBA_DISABLE_JIT leaves plain functions
        part = _njit(forceinline=bool(inline), no_cpython_wrapper=True, no_cfunc_wrapper=True, **_FLAGS,
                     pipeline_class=PartCompiler)(function)

        def get_call_template(args: Any, kws: Any) -> Any:
            """One form for all whole numbers: numba would make another for every one that a caller writes out."""
            return part.get_call_template(tuple(map(_unliteral, args)),
                                          {name: _unliteral(kind) for name, kind in kws.items()})

        whole.get_call_template, whole.get_overload = get_call_template, part.get_overload
        whole._cache = KernelCache(whole)
    compiled: Callable[..., Any] = whole
    return compiled
