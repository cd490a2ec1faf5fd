"""Stage: one unit of work of a study, before it is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Stage:
    """One unit of work. ``needs`` maps an input's name to (stage id, file in that stage's folder).

    ``config`` is JSON-ready and holds everything that can change the numbers; of the ``parameters`` (name -> value as
    loaded: force field, charges, guest), which travel by value, it has the digests. ``run`` names the function as
    ``module:function``. ``seconds`` and ``megabytes`` are estimates for one CPU thread.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    run: str
    needs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    seconds: float = 1.0
    megabytes: float = 0.1
    size: str = ""
    work: str = ""
    threads: int = 1
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.kind} {self.name}"
