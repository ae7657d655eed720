"""Fonts, widths, panels, the row limit and the axis of model sizes, shared by all charts."""

from __future__ import annotations

import math
import numbers
import re
import textwrap
from collections.abc import Iterable
from typing import Any, TypeAlias

from etils import epy

from memkit.errors import expected
from memkit.typing import Json


def _register_theme(_: str) -> None:
    import altair

    altair.theme.register("memkit", enable=True)(memkit_theme)


with epy.lazy_imports(success_callback=_register_theme):  # Slow to import.
    import altair as alt

Title: TypeAlias = str | list[str]  # text, or its lines
Size: TypeAlias = str | float  # a value of the study's axis, or the name of a point
Panels: TypeAlias = "alt.LayerChart | alt.FacetChart | alt.VConcatChart"

ROW_LIMIT = 5_000
# Text of 12 units is 6 points high if a chart of 476 units is printed 84 mm wide.
TEXT = 12
WIDTH = 384  # of all panels of a row together: 476 without the vertical axis
SPACING = 20
AXIS = 116  # width of a vertical axis with its title
LABELS = 48  # width of a vertical axis without its title
MAX_COLUMNS = 2
REFERENCE: dict[str, Any] = {"color": "#777777", "strokeDash": [4, 4]}
OWN_SCALES = "Each panel has its own vertical scale."
FONT = "Arial, Helvetica, Liberation Sans, DejaVu Sans, sans-serif"


def memkit_theme() -> alt.theme.ThemeConfig:
    """Returns the Vega-Lite configuration of every memkit chart."""
    text = {"labelFontSize": TEXT, "titleFontSize": TEXT, "titleFontWeight": "normal"}
    config: Any = {
        "background": "#ffffff",
        "font": FONT,
        "view": {"stroke": "#bbbbbb"},
        "axis": {**text, "gridColor": "#e6e6e6", "domainColor": "#888888", "titlePadding": 8},
        "legend": {
            **text,
            "orient": "top",
            "symbolSize": 90,
            "symbolOpacity": 1,
            "labelLimit": WIDTH,
            "titleLimit": WIDTH,
            "columnPadding": 12,
            "title": None,
        },
        "header": {**text, "labelFontWeight": "bold", "labelLimit": WIDTH},
        "title": {"fontSize": TEXT + 1, "anchor": "start"},
        "line": {"strokeWidth": 2},
        "facet": {"spacing": SPACING},
    }
    return {"config": config}


def data(rows: Iterable[Json]) -> alt.Data:
    """Returns rows as chart data, with undefined numbers as null.

    Args:
      rows: flat dicts of text and numbers; NaN and infinity become null.

    Raises:
      InputError: there are more than `ROW_LIMIT` rows (Altair does not check inline data).
    """
    rows = list(rows)
    if len(rows) > ROW_LIMIT:
        raise expected(
            "rows", f"at most {ROW_LIMIT} rows per chart, aggregated in NumPy", f"{len(rows)} rows"
        )
    return alt.Data(values=[{k: _plain(v) for k, v in row.items()} for row in rows])


def _plain(value: Any) -> str | bool | int | float | None:
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if math.isfinite(value) else None


def size_channel(sizes: Iterable[Size], *, title: str) -> alt.X:
    """Returns the horizontal axis of the field `size`, for the study's model sizes.

    Positive numbers that span a factor of 8 or more get a base-2 logarithmic scale, other numbers
    a linear one; text keeps its order of appearance.

    Args:
      sizes: axis values in order, numbers or text.
      title: title of the axis, such as "Width (model.width)".

    Raises:
      InputError: there are no sizes.
    """
    values: list[Any] = list(dict.fromkeys(_plain(s) for s in sizes))
    if not values:
        raise expected("rows", "at least one row with a defined value", "none")
    if not is_numeric(values):
        return alt.X(
            "size:N",
            title=title,
            sort=[str(s) for s in values],
            axis=alt.Axis(labelAngle=0 if len(values) <= 6 else -40),
        )
    axis = alt.Axis(values=values, labelExpr="datum.value", labelOverlap="greedy", grid=False)
    if min(values) > 0 and max(values) / min(values) >= 8:
        scale = alt.Scale(type="log", base=2, nice=False, padding=16)
        return alt.X("size:Q", title=f"{title}, log scale", axis=axis, scale=scale)
    scale = alt.Scale(zero=False, nice=False, padding=16)
    return alt.X("size:Q", title=title, axis=axis, scale=scale)


def is_numeric(sizes: Iterable[Any]) -> bool:
    """Returns True if every axis value is a number; bool counts as text."""
    return all(isinstance(s, numbers.Real) and not isinstance(s, bool) for s in sizes)


def fitted(title: Title, length: float) -> list[str]:
    """Returns a title wrapped into lines that fit along an axis.

    Args:
      title: text, or a list of lines.
      length: length of the axis, in units of the chart.
    """
    words = title if isinstance(title, str) else " ".join(title)
    # Ranges such as "-1 to 1" and meanings such as "0 = chance" stay on one line.
    words = re.sub(
        r"(-?[\d.]+|higher|lower) (to|=) (\S+)",
        "\\1\N{NO-BREAK SPACE}\\2\N{NO-BREAK SPACE}\\3",
        words,
    )
    width = max(10, int(length / (0.48 * TEXT)))
    return textwrap.wrap(words, width, break_on_hyphens=False)
