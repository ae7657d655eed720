"""The blocks of a report's section: figures, tables, definitions and fragments of HTML."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from etils import epy
from markupsafe import Markup

with epy.lazy_imports():  # Slow to import.
    import altair as alt

Chart: TypeAlias = """(
    alt.Chart
    | alt.LayerChart
    | alt.FacetChart
    | alt.ConcatChart
    | alt.HConcatChart
    | alt.VConcatChart
)"""
NO_CHART = "There is no chart here: the study has no numbers for it."


@dataclasses.dataclass(frozen=True)
class Figure:
    """A chart with its file name and caption.

    Attributes:
      name: file name of the chart.
      caption: what the chart shows, or why there is none.
      drawing: draws the chart; None if there is none.
    """

    name: str
    caption: str
    drawing: Callable[[], Chart] | None = None

    @functools.cached_property
    def chart(self) -> Chart | None:
        """The chart, drawn when it is first used; None if there is none."""
        return self.drawing() if self.drawing else None


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of text cells.

    Attributes:
      caption: what the cells are, with units and directions.
      columns: titles of the columns.
      rows: cells; the first one heads the row.
      has_words: True if the cells hold text that may wrap instead of numbers.
      folded: title under which the table is folded; "" shows it.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    has_words: bool = False
    folded: str = ""


@dataclasses.dataclass(frozen=True)
class Definitions:
    """Terms with a sentence or two about each."""

    entries: tuple[tuple[str, str], ...]


Block: TypeAlias = Figure | Table | Definitions | Markup


@dataclasses.dataclass(frozen=True)
class Section:
    """One section of the report.

    Attributes:
      anchor: name in the page's address.
      title: heading.
      intro: one or two sentences: what is shown, its unit and direction.
      blocks: what the section shows, in order.
      pictures: {"train": examples, "test": examples} that fragments show by `data-sheet`,
        `data-example` and `data-text`; pictures.js paints them.
      empty: if the section has nothing to show, a sentence that says which command or config
        field fills it.
    """

    anchor: str
    title: str
    intro: str = ""
    blocks: tuple[Block, ...] = ()
    pictures: Mapping[str, Sequence[int]] = dataclasses.field(default_factory=dict)
    empty: str = ""

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures by name, in order."""
        return {block.name: block for block in self.blocks if isinstance(block, Figure)}

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables, in order."""
        return tuple(block for block in self.blocks if isinstance(block, Table))


def absent(name: str) -> Figure:
    """Returns the Figure of a chart that the study has no numbers for."""
    return Figure(name, NO_CHART)


def figure(
    name: str,
    caption: str,
    rows: Iterable[Mapping[str, Any]],
    draw: Callable[..., Chart],
    **options: Any,
) -> Figure:
    """Returns the Figure of a chart's rows, or one that says that there are no numbers for it.

    Args:
      name: file name of the chart.
      caption: what it shows.
      rows: the rows that `draw` takes; those whose "value" and "share" are undefined are left out.
      draw: function of rows and options that returns the chart.
      **options: passed to `draw`.
    """
    defined = [
        row for row in rows if any(np.isfinite(row[k]) for k in ("value", "share") if k in row)
    ]
    if not defined:
        return absent(name)
    return Figure(name, caption, functools.partial(draw, defined, **options))
