"""Kernel keys: a hash of everything that the machine code of a kernel depends on.

A kernel is what its own bytecode says and that of every kernel it calls or inlines, in whatever file; the constants
that they read, which numba compiles into them; the fields of tuples, which become offsets; the compilers; and the
processor. Comments, text and the place of a function in its file do not count, nor does the place of the package: two
checkouts with the same kernels share what either compiled.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config, types
from numba.core.registry import cpu_target

from zifsim.gcmc import lowering
from zifsim.runs.digest import canonical_json, digest, sha256_file

# Settings of numba, from its environment variables, that change what it makes of a kernel.
SETTINGS = ("BOUNDSCHECK", "CPU_FEATURES", "CPU_NAME", "DISABLE_INTEL_SVML", "ENABLE_AVX",
            "LOOP_VECTORIZE", "OPT", "SLP_VECTORIZE",
            "DEBUGINFO_DEFAULT")
COMPILER = sha256_file(Path(lowering.__file__))     # as it was when it was loaded


class UnknownValueError(TypeError):
    """A kernel reads something of which it is not known how to tell whether it has changed: it is not to be kept."""


def kernel_key(dispatcher: Any) -> str:
    """40 hex digits for a kernel, compiled or not, with the compilers and the processor of this process.

    Raises
    ------
    UnknownValueError: the kernel, or one that it calls, reads a global that is neither a kernel, a number, a tuple of
        them, an array, nor of Python's or numpy's own functions.
    """
    waiting, seen, parts = [dispatcher], set(), []
    while waiting:
        function = waiting.pop()
        if function not in seen:
            seen.add(function)
            parts.append(canonical_json([_full_name(function), _described(function, waiting)]))
    return digest([sorted(parts), _surroundings()])[:40]


def signature_key(arguments: Any) -> str:
    """12 hex digits for the types of a kernel's arguments (a signature of numba)."""
    return digest([_type(argument) for argument in getattr(arguments, "args", arguments)])[:12]


def _full_name(function: Any) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _described(function: Any, calls: list[Any]) -> list[Any]:
    """What a kernel is by itself; the kernels that it reads are added to ``calls``."""
    plain = getattr(function, "py_func", function)
    text, names = _read(plain.__code__, plain.__doc__)
    cells = [cell.cell_contents for cell in plain.__closure__ or ()]
    reads = [[name, _value(plain.__globals__[name], calls)] for name in names if name in plain.__globals__]
    given = [_value(value, calls) for value in (*(plain.__defaults__ or ()), *cells)]
    options = sorted((name, repr(value)) for name, value in getattr(function, "targetoptions", {}).items())
    return [text, reads, given, options]


@cache
def _read(code: CodeType, text: str | None) -> tuple[str, list[str]]:
    """Hash of a function's code without its docstring ``text``, and the names of the globals that it reads."""
    names = {i.argval for part in _parts(code) for i in dis.get_instructions(part) if i.opname == "LOAD_GLOBAL"}
    return digest(_code(code, text)), sorted(names)


def _parts(code: CodeType) -> Iterator[CodeType]:
    """A function's code and that of the functions within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _parts(constant)


def _code(code: CodeType, text: str | None) -> list[Any]:
    """Bytecode with its names and constants, without the docstring ``text``."""
    constants = [_code(c, None) if isinstance(c, CodeType) else
                 sorted(map(repr, c)) if isinstance(c, frozenset) else
                 "" if text is not None and c == text else [type(c).__name__, repr(c)] for c in code.co_consts]
    return [code.co_code.hex(), constants, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars,
            code.co_argcount, code.co_flags]


def _value(value: Any, calls: list[Any]) -> Any:
    """A global that a kernel reads."""
    if hasattr(value, "py_func") or isinstance(value, FunctionType):
        calls.append(value)
        return _full_name(value)
    if value is None or isinstance(value, bool | int | float | complex | str):
        return [type(value).__name__, repr(value)]
    if isinstance(value, np.generic | np.ndarray):
        return [str(value.dtype), value.shape, value.tobytes().hex()]
    if isinstance(value, type) and issubclass(value, tuple) and hasattr(value, "_fields"):
        return [_full_name(value), value._fields]
    if isinstance(value, tuple):
        return [type(value).__name__, [_value(item, calls) for item in value]]
    if isinstance(value, type | BuiltinFunctionType | np.ufunc | types.Type | ModuleType):
        home = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or "numpy"
        if home.split(".")[0] in (*sys.stdlib_module_names, "numpy", "numba"):
            return [home, str(value) if isinstance(value, types.Type) else value.__name__]
    raise UnknownValueError(f"a kernel reads {value!r}, of which it is not known how to tell whether it has changed")


def _type(argument: Any) -> Any:
    """A type of numba's; of tuples with their fields, which its name leaves out."""
    if isinstance(argument, types.BaseTuple):
        items: Any = argument
        return [type(argument).__name__, getattr(argument, "fields", None), [_type(item) for item in items]]
    return str(argument)


def _surroundings() -> list[Any]:
    """Compilers, their settings, and the processor: a home folder may be shared by unlike machines."""
    return [COMPILER, sys.implementation.cache_tag, numba.__version__, llvmlite.__version__, np.__version__,
            *cpu_target.target_context.codegen().magic_tuple(),
            [(name, repr(getattr(config, name, None))) for name in SETTINGS]]
