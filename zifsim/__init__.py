"""zifsim: from a ZIF crystal to its melt-quenched glass, and how much gas both take up.

The functions below are the front door; they take names, paths or values and give results that show themselves
(``repr``, ``to_frame()``, ``plot()``, a table in a notebook). Importing zifsim loads none of what they need.

>>> import zifsim
>>> zifsim.isotherm("ZIF-8", "CH4", temperature_k=273, pressures_bar=[0.1, 1]).plot()
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from zifsim.model import shown

if TYPE_CHECKING:
    from zifsim.api.accessibility import access
    from zifsim.api.adsorption import henry, isotherm
    from zifsim.api.analysis import analyse
    from zifsim.api.melting import melt
    from zifsim.api.mixtures import iast, mixture
    from zifsim.api.structures import gas, load
    from zifsim.api.studies import run_study

    __version__: str

__all__ = ["access", "analyse", "gas", "henry", "iast", "isotherm", "load", "melt", "mixture", "run_study"]

_FILES = {"access": "accessibility", "analyse": "analysis", "gas": "structures", "henry": "adsorption",
          "iast": "mixtures", "isotherm": "adsorption", "load": "structures", "melt": "melting",
          "mixture": "mixtures", "run_study": "studies"}


def __getattr__(name: str) -> Any:
    if name in _FILES:
        return getattr(import_module(f"zifsim.api.{_FILES[name]}"), name)
    if name == "__version__":       # looked up when it is wanted: a checkout asks git
        return import_module("zifsim.runs.version").version()
    raise AttributeError(f"module 'zifsim' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


class _Room(ModuleType):
    """A room of the house that has the name of a function of the door (``zifsim.melt``): calling it calls that."""

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self.__wrapped__(*arguments, **keywords)

    @property
    def __wrapped__(self) -> Any:       # where inspect.signature looks
        return __getattr__(self.__name__.removeprefix("zifsim."))


class _Door(ModuleType):
    """The package, which makes a room callable when the import of it puts it here."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FILES and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Door
shown.hand_down(lambda: import_module("zifsim.api.looks").LOOKS)
