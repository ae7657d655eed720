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
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    has_words: bool = False


@dataclasses.dataclass(frozen=True)
class Definitions:
    """Terms with a sentence or two about each."""

    entries: tuple[tuple[str, str], ...]


Block: TypeAlias = Figure | Table | Definitions | Markup


@dataclasses.dataclass(frozen=True)
class Section:
    """One section of the report, which answers one question.

    Attributes:
      anchor: name in the page's address.
      title: what the section is about, in the list of contents.
      finding: the answer in one short sentence without a period, which is the heading; "" if the
        title is the heading.
      intro: one or two sentences: what is shown, its unit and direction.
      blocks: what is shown at once, in order; a chart as a rule.
      details: further charts and tables, folded.
      is_wide: True if the section takes the whole width of the page.
      pictures: {"train": examples, "test": examples} that fragments show by `data-sheet`,
        `data-example` and `data-text`; pictures.js paints them.
      empty: if the section has nothing to show, a sentence that says which command or config
        field fills it; the page does not show the section then.
    """

    anchor: str
    title: str
    finding: str = ""
    intro: str = ""
    blocks: tuple[Block, ...] = ()
    details: tuple[Block, ...] = ()
    is_wide: bool = False
    pictures: Mapping[str, Sequence[int]] = dataclasses.field(default_factory=dict)
    empty: str = ""

    @property
    def heading(self) -> str:
        """The finding, or the title if there is none."""
        return self.finding or self.title

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures by name, in order."""
        return {block.name: block for block in self._all if isinstance(block, Figure)}

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables, in order."""
        return tuple(block for block in self._all if isinstance(block, Table))

    @property
    def summary(self) -> str:
        """What is folded, such as "Details: 1 chart, 2 tables"."""
        kinds = {"chart": Figure, "table": Table}
        counts = {
            word: sum(isinstance(block, kind) for block in self.details)
            for word, kind in kinds.items()
        }
        parts = [f"{n} {word}{'' if n == 1 else 's'}" for word, n in counts.items() if n]
        return f"Details: {', '.join(parts)}" if parts else "Details"

    @property
    def _all(self) -> tuple[Block, ...]:
        return (*self.blocks, *self.details)


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
