"""Results that show themselves: in one line, as a table, as a picture, in a notebook.

How a result looks is decided upstairs, where tables and pictures are known (`zifsim.api.looks`); here is only how it is
asked. ``import zifsim`` hands the looks down, so that this file imports nothing that lies above it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame


class Look(NamedTuple):
    """How results of one kind are shown.

    ``line``: a few words. ``columns``: name -> one cell per row, everything there is. ``people``: header and rows of
    text, what matters. ``draw``: draws onto axes (result, axes, options); None where there is no picture.
    """

    line: Callable[[Any], str]
    columns: Callable[[Any], Mapping[str, Sequence[Any]]]
    people: Callable[[Any], tuple[Sequence[str], Sequence[Sequence[str]]]]
    draw: Callable[..., None] | None = None


_looks: list[Callable[[], Mapping[str, Look]]] = []


def hand_down(looks: Callable[[], Mapping[str, Look]]) -> None:
    """Say who knows the looks, by the name of the results' class; they are asked for when something is shown."""
    _looks[:] = [looks]


def look_of(result: object) -> Look:
    """The look of a result's class, or of the nearest class above it that has one."""
    looks = _looks[0]()
    return next(looks[kind.__name__] for kind in type(result).__mro__ if kind.__name__ in looks)


class Shown:
    """A result with a short ``repr``, a table for pandas, and a small table in a notebook."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{look_of(self).line(self)}>"

    def __str__(self) -> str:
        look = look_of(self)
        header, rows = look.people(self)
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        justified = [str.rjust if name else str.ljust for name in header]       # labels have no name
        lines = ["  ".join(just(cell, width) for just, cell, width in zip(justified, row, widths, strict=True)).rstrip()
                 for row in ((header, *rows) if any(header) else rows)]
        return "\n".join([look.line(self), *lines])

    def to_frame(self) -> DataFrame:
        """Everything in it as a table, units in the columns' names; what is unknown is NaN.

        Returns
        -------
        pandas.DataFrame
        """
        from math import nan

        from pandas import DataFrame

        return DataFrame({name: [nan if cell is None else cell for cell in cells]
                          for name, cells in look_of(self).columns(self).items()})

    def _repr_html_(self) -> str:
        from html import escape

        look = look_of(self)
        header, rows = look.people(self)
        head = "".join(f"<th>{escape(name)}</th>" for name in header)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""
        return f"<div><p>{escape(look.line(self))}</p>{table}</div>"


class Drawn(Shown):
    """A result of which there is a picture too."""

    __slots__ = ()

    def plot(self, ax: Axes | None = None, **options: Any) -> Axes:
        """Draw it.

        Parameters
        ----------
        ax: matplotlib axes to draw on; None makes a figure.
        options: of the kind of result: ``unit`` of an isotherm's or a mixture's loadings (a key of
            :data:`zifsim.units.LOADING_UNITS`), ``chart`` and ``panel`` of an analysis, ``gas`` of a comparison.

        Returns
        -------
        matplotlib.axes.Axes
        """
        draw = look_of(self).draw
        assert draw is not None
        if ax is None:
            from matplotlib import pyplot

            ax = pyplot.subplots(layout="constrained")[1]
        draw(self, ax, **options)
        return ax
