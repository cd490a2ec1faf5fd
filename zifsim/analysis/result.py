"""Result of an analysis: the rows of its table, by structure and over all, as ``analysis.json`` holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zifsim.analysis.bet import BETResult
from zifsim.analysis.quantity import Quantity, over_files
from zifsim.analysis.summary import Analysis
from zifsim.io.results import read_result
from zifsim.model.framework import reduced
from zifsim.model.shown import Shown
from zifsim.model.uptake import SCHEMA

RESULT = "analysis.json"


@dataclass(frozen=True, slots=True)
class StructureResult:
    """What is kept of one structure or melt.

    ``which``: the frames that were analysed, for people; ``source``: where the structure came from.
    ``xray_d_maxima_angstrom``: where X-ray D(r) has its maxima; ``first_peaks``: pair (``Zn–N``) -> ``limits_angstrom``
    (2,) and ``maximum_angstrom``.
    """

    name: str
    frames: int
    which: str
    formula: str
    source: str
    quantities: tuple[Quantity, ...]
    xray_d_maxima_angstrom: tuple[float, ...]
    first_peaks: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, analysis: Analysis) -> StructureResult:
        """The rows of an analysis, without what only figures show."""
        framework = analysis.frames.framework
        peaks = {"–".join(p.pair): {"limits_angstrom": list(p.limits), "maximum_angstrom": p.maximum}
                 for p in analysis.peaks}
        return cls(analysis.name, analysis.n_frames, analysis.frames.description, framework.formula, framework.source,
                   analysis.quantities, tuple(analysis.scattering.xray.peaks().round(4).tolist()), peaks)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values, the name left to the key that they stand under."""
        return {"frames": self.frames, "which": self.which, "formula": self.formula, "source": self.source,
                "quantities": {q.key: q.to_dict() for q in self.quantities},
                "xray_d_maxima_angstrom": list(self.xray_d_maxima_angstrom), "first_peaks": dict(self.first_peaks)}

    @classmethod
    def from_dict(cls, name: str, values: Mapping[str, Any]) -> StructureResult:
        """The inverse of :meth:`to_dict`."""
        quantities = tuple(Quantity.from_dict(q) for q in values["quantities"].values())
        return cls(name, values["frames"], values["which"], values["formula"], values["source"], quantities,
                   tuple(values["xray_d_maxima_angstrom"]), values["first_peaks"])


@dataclass(frozen=True, slots=True, repr=False)
class AnalysisResult(Shown):
    """All structures of one analysis, in the order asked for; ``bet``: (framework, area) of nitrogen isotherms."""

    structures: tuple[StructureResult, ...]
    bet: tuple[tuple[str, BETResult], ...] = ()

    @property
    def keys(self) -> list[str]:
        """The keys of all rows, each where the structure that has most of them has it."""
        order: list[str] = []
        for one in self.structures:
            at = 0
            for q in one.quantities:
                if q.key in order:
                    at = order.index(q.key) + 1
                else:
                    order.insert(at, q.key)
                    at += 1
        return order

    @property
    def compositions(self) -> tuple[str, ...]:
        """The different compositions among the files, each reduced to the least whole numbers."""
        return tuple(dict.fromkeys(reduced(one.formula) for one in self.structures))

    @property
    def over_files(self) -> tuple[Quantity, ...]:
        """Every quantity over all files; empty for a single file, and for files of different materials
        (:attr:`compositions`), of which a mean says nothing."""
        if len(self.structures) < 2 or len(self.compositions) > 1:
            return ()
        rows = [q for one in self.structures for q in one.quantities]
        return tuple(over_files([q for q in rows if q.key == key]) for key in self.keys)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values of ``analysis.json``."""
        return {"schema": SCHEMA, "structures": {one.name: one.to_dict() for one in self.structures},
                "over_files": {q.key: q.to_dict() for q in self.over_files},
                "bet": [{"framework": framework} | asdict(found) for framework, found in self.bet]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AnalysisResult:
        """The inverse of :meth:`to_dict`."""
        bet = [(row["framework"], {k: v for k, v in row.items() if k != "framework"}) for row in values["bet"]]
        return cls(tuple(StructureResult.from_dict(name, one) for name, one in values["structures"].items()),
                   tuple((framework, BETResult(**found)) for framework, found in bet))


def read_analysis(path: Path) -> AnalysisResult:
    """The result of an ``analysis.json``, or of the results folder that holds one.

    Raises
    ------
    InputError: no such file, or one that is damaged, no analysis, or of a newer zifsim; the file is named.
    """
    return read_result(path, RESULT, "an analysis", "zifsim analyse", AnalysisResult.from_dict)
