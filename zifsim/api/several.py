"""Tuples of results of one kind, which show themselves as every single one does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zifsim.model.shown import Drawn

if TYPE_CHECKING:
    from zifsim.access.result import GasAccess
    from zifsim.analysis.summary import Analysis
    from zifsim.model.uptake import MixturePoint


class MixturePoints(Drawn, tuple["MixturePoint", ...]):
    """Loadings of a mixture at several total pressures."""

    __slots__ = ()


class GasAccesses(Drawn, tuple["GasAccess", ...]):
    """Several gases in one framework, each rigid, averaged or both."""

    __slots__ = ()


class Analyses(Drawn, tuple["Analysis", ...]):
    """Several structures or melts, measured alike."""

    __slots__ = ()
