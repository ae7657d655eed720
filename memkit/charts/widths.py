"""The widths of print: of a column, of a page and of a slide."""

from __future__ import annotations

import dataclasses

from memkit.charts.theme import TEXT

POINTS_PER_MM = 72 / 25.4
TALLEST = 247  # millimeters: the text of a page


@dataclasses.dataclass(frozen=True)
class Width:
    """A width to print charts at.

    Attributes:
      millimeters: the width.
      points: height of the text, in points.
      dpi: dots per inch of PNG files.
    """

    millimeters: float
    points: float
    dpi: int

    @property
    def points_per_unit(self) -> float:
        """Points per unit of a chart, whose text is `theme.TEXT` units high."""
        return self.points / TEXT

    @property
    def units(self) -> int:
        """The width in units of a chart."""
        return int(self.millimeters * POINTS_PER_MM / self.points_per_unit)

    @property
    def tallest(self) -> float:
        """Largest height in units of a chart."""
        return TALLEST * POINTS_PER_MM / self.points_per_unit


WIDTHS = {
    "column": Width(84, 6, 600),
    "page": Width(174, 7, 600),
    "slide": Width(254, 10, 192),
}
USUAL_WIDTH = dataclasses.replace(WIDTHS["column"], dpi=432)  # of charts drawn without a width
