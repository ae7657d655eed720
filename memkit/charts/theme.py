"""Fonts, widths, panels, the row limit and the axis of model sizes, shared by all charts."""

from __future__ import annotations

import math
import numbers
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
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


def panel_width(
    rows: Sequence[Json],
    column: str | None = None,
    *,
    width: int = WIDTH,
    columns: int = MAX_COLUMNS,
    own_axes: bool = False,
) -> int:
    """Returns the width of a panel if the rows are split into panels side by side.

    Args:
      rows: the row dicts.
      column: the field that splits them, or None.
      width: width of all panels together.
      columns: largest number of panels side by side.
      own_axes: True if every panel has its own vertical axis.
    """
    panels = min(len({r[column] for r in rows}) if column else 1, columns)
    spacing = SPACING + (LABELS if own_axes else 0)
    return (width - spacing * (panels - 1)) // max(1, panels)


def stacked(charts: Mapping[str, Panels], description: str) -> Panels:
    """Stacks charts vertically, each under its name; a single chart gets no name.

    Args:
      charts: {name: chart}.
      description: one or two sentences for screen readers, about all charts together.
    """
    if len(charts) == 1:
        (chart,) = charts.values()
        return chart.properties(description=description)
    named = [alt.vconcat(chart, title=name) for name, chart in charts.items()]
    return alt.vconcat(*named, spacing=SPACING).properties(description=description)


def noted(chart: Panels, note: str, description: str) -> Panels:
    """Returns the chart with a sentence above it, if there is one.

    Args:
      chart: the chart.
      note: a sentence that the reader must know, or "".
      description: one or two sentences for screen readers.
    """
    if note:
        title = alt.TitleParams(
            fitted(note, WIDTH), fontSize=TEXT, fontWeight="normal", fontStyle="italic"
        )
        chart = alt.vconcat(chart, title=title)
    return chart.properties(description=description)


def facets(
    chart: alt.LayerChart,
    rows: Sequence[Json],
    *,
    column: str | None = None,
    row: str | None = None,
    row_title: str | None = None,
    columns: int = MAX_COLUMNS,
) -> alt.LayerChart | alt.FacetChart:
    """Returns the chart repeated for every value of `column` and `row`; titles are drawn once.

    A field with a single value makes no panels.

    Args:
      chart: a layered chart without data, with width and height.
      rows: the row dicts.
      column, row: field names or None; a line feed in a value of `column` breaks its line.
      row_title: text to put before each value of `row`, or None.
      columns: largest number of panels side by side; more are wrapped, unless `row` makes panels
        too.
    """

    def count(field: str | None) -> int:
        return len({r[field] for r in rows}) if field else 1

    def order(field: str | None) -> list[str]:
        return list(dict.fromkeys(r[field] for r in rows))

    across, down = count(column), count(row)
    if row_title and down > 1:
        rows = [r | {row: f"{row_title}: {r[row]}"} for r in rows]
    if across == down == 1:
        return chart.properties(data=data(rows))
    # Shared axes would also be drawn below empty positions of the last row of panels.
    wrapped = down == 1 and across > columns
    lines = -(-across // columns) if wrapped else down
    across = columns if wrapped else across
    untitled, titles = _untitled(chart, keep_x=across == 1 and not wrapped)
    if "x" in titles:
        width = across * chart["width"] + (across - 1) * SPACING
        titles["x"] = fitted(titles["x"], width)
    top = alt.Header(
        title=titles["x"] if "x" in titles else None,
        titleOrient="bottom",
        labelExpr="split(datum.value, '\\n')",
    )
    channels: dict[str, Any] = {}
    if wrapped:
        channels = {
            "facet": alt.Facet(f"{column}:N", sort=order(column), header=top),
            "columns": columns,
        }
    elif across > 1:
        channels["column"] = alt.Column(f"{column}:N", sort=order(column), header=top)
    if down > 1:
        # Headers are above the panels: beside them they would make the chart too wide to print.
        header = alt.Header(labelOrient="top", labelAnchor="start", labelPadding=4)
        channels["row"] = alt.Row(f"{row}:N", sort=order(row), title=None, header=header)
    faceted = untitled.properties(data=data(rows)).facet(**channels)
    faceted = faceted.properties(title=_beside(titles["y"], lines * chart["height"]))
    return faceted.resolve_axis(x="independent") if wrapped else faceted


def _beside(title: Title, height: float) -> alt.TitleParams:
    """Returns the title of a vertical axis as that of a chart, to the left of all its panels."""
    return alt.TitleParams(
        fitted(title, height),
        orient="left",
        anchor="middle",
        fontSize=TEXT,
        fontWeight="normal",
        offset=6,
    )


def _untitled(chart: alt.LayerChart, *, keep_x: bool) -> tuple[alt.LayerChart, dict[str, Title]]:
    """Returns the chart with axes that show no titles, and their titles {"x": ..., "y": ...}.

    Args:
      chart: a layered chart.
      keep_x: True leaves the title of the horizontal axis where it is.
    """
    chart, titles = chart.copy(deep=True), {}
    for layer in chart.layer:
        for name in ("y",) if keep_x else ("x", "y"):
            channel = layer.encoding[name]
            if not isinstance(channel, (alt.X, alt.Y)):
                continue
            titles.setdefault(name, channel["title"])
            axis = channel["axis"]
            channel["axis"] = alt.Axis() if axis is alt.Undefined else axis
            channel["axis"]["title"] = None
    return chart, titles
