"""Compiled kernels kept between processes, each in a file that its key names (:mod:`zifsim.gcmc.kernelkey`).

In the place of numba's own cache, which knows a kernel by its own file alone, trusts every byte that it reads, and ends
the program where it cannot write. The folder is ``$NUMBA_CACHE_DIR``, else ``zifsim/kernels`` in the user's cache
folder, else, where that cannot be written, ``__pycache__`` beside this file. Kernels are read from all of them,
writable or not.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

from numba.core import compiler, config, serialize
from numba.core.caching import _Cache

from zifsim.gcmc.kernelkey import UnknownValueError, kernel_key, signature_key
from zifsim.runs.caches import read_entry, say_once, user_cache, write_entry
from zifsim.runs.environment import folder_of

_compiled: Any = compiler.CompileResult      # untyped
_dumps: Any = serialize.dumps
VARIABLE = "NUMBA_CACHE_DIR"
SUFFIX = ".nbc"
LIMIT_BYTES = 256 * 1024**2         # all kernels of one state of the code take 10 MB


def cache_folders() -> list[Path]:
    """Where compiled kernels are looked for, and kept in the first that can be written."""
    if chosen := folder_of(VARIABLE):
        return [chosen]
    if VARIABLE not in os.environ and (configured := getattr(config, "CACHE_DIR", "")):     # in numba's own file
        return [Path(configured)]
    own = user_cache()
    return [*([own / "kernels"] if own else []), Path(__file__).parent / "__pycache__"]


class KernelCache(_Cache):
    """What numba asks for the compiled forms of one kernel: nothing here keeps a kernel from being compiled anew."""

    def __init__(self, dispatcher: Any) -> None:
        self._dispatcher = dispatcher
        self._enabled = True

    @property
    def cache_path(self) -> str:
        return str(cache_folders()[0])

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled form for a signature of numba's; None where none is kept that is whole and up to date."""
        name = self._name(sig)
        if name is None:
            return None
        target_context.refresh()
        for folder in cache_folders():
            content = read_entry(folder / name)
            if content is None:
                continue
            try:
                return _compiled._rebuild(target_context, *pickle.loads(content))
            except Exception:       # whole, but not what this numba can read
                continue
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled form, or say once that it cannot be kept."""
        name = self._name(sig)
        if name is None or data.lifted or data.library.has_dynamic_globals:
            return
        content = _dumps(data._reduce())
        refused = []
        for folder in cache_folders():
            try:
                return write_entry(folder / name, content, LIMIT_BYTES)
            except OSError as error:
                refused.append(f"{folder}: {error.strerror}")
        say_once("compiled kernels cannot be kept, so every process spends a minute or more on compiling them "
                 f"({'; '.join(refused)}); set {VARIABLE} to a folder that can be written.")

    def is_kept(self) -> bool:
        """Whether the kernel as it stands is kept, whole, for any signature."""
        stem = self._stem()
        return stem is not None and any(read_entry(path) is not None for folder in cache_folders()
                                        for path in folder.glob(f"{stem}-*{SUFFIX}"))

    def enable(self) -> None:
        self._enabled = True

    def disable(self) -> None:
        self._enabled = False

    def flush(self) -> None:
        """Nothing: what is outdated has another name."""

    def _name(self, sig: Any) -> str | None:
        stem = self._stem()
        return stem and f"{stem}-{signature_key(sig)}{SUFFIX}"

    def _stem(self) -> str | None:
        if not self._enabled:
            return None
        function = self._dispatcher
        try:
            return f"{function.__module__.rsplit('.', 1)[-1]}.{function.__name__}-{kernel_key(function)}"
        except UnknownValueError:
            return None
