"""zifsim: from a ZIF crystal to its melt-quenched glass, and how much gas both take up."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str


def __getattr__(name: str) -> Any:
    if name == "__version__":       # looked up when it is wanted: a checkout asks git
        return import_module("zifsim.runs.version").version()
    raise AttributeError(f"module 'zifsim' has no attribute '{name}'")
