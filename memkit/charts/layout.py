"""Panels of a chart: their widths, titles that are drawn once, notes above them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from etils import epy

from memkit.charts import theme
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt


def panel_width(
    rows: Sequence[Json],
    column: str | None = None,
    *,
    width: int = theme.WIDTH,
    columns: int = theme.MAX_COLUMNS,
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
    spacing = theme.SPACING + (theme.LABELS if own_axes else 0)
    return (width - spacing * (panels - 1)) // max(1, panels)


def stacked(charts: Mapping[str, theme.Panels], description: str) -> theme.Panels:
    """Stacks charts vertically, each under its name; a single chart gets no name.

    Args:
      charts: {name: chart}.
      description: one or two sentences for screen readers, about all charts together.
    """
    if len(charts) == 1:
        (chart,) = charts.values()
        return chart.properties(description=description)
    named = [alt.vconcat(chart, title=name) for name, chart in charts.items()]
    return alt.vconcat(*named, spacing=theme.SPACING).properties(description=description)


def noted(chart: theme.Panels, note: str, description: str) -> theme.Panels:
    """Returns the chart with a sentence above it, if there is one.

    Args:
      chart: the chart.
      note: a sentence that the reader must know, or "".
      description: one or two sentences for screen readers.
    """
    if note:
        title = alt.TitleParams(
            theme.fitted(note, theme.WIDTH),
            fontSize=theme.TEXT,
            fontWeight="normal",
            fontStyle="italic",
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
    columns: int = theme.MAX_COLUMNS,
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

    def order(field: str) -> list[str]:
        return list(dict.fromkeys(r[field] for r in rows))

    across, down = count(column), count(row)
    if row and row_title and down > 1:
        rows = [r | {row: f"{row_title}: {r[row]}"} for r in rows]
    if across == down == 1:
        return chart.properties(data=theme.data(rows))
    # Shared axes would also be drawn below empty positions of the last row of panels.
    wrapped = down == 1 and across > columns
    lines = -(-across // columns) if wrapped else down
    across = columns if wrapped else across
    untitled, titles = _untitled(chart, keep_x=across == 1 and not wrapped)
    if "x" in titles:
        width = across * chart["width"] + (across - 1) * theme.SPACING
        titles["x"] = theme.fitted(titles["x"], width)
    top = alt.Header(
        title=titles["x"] if "x" in titles else None,
        titleOrient="bottom",
        labelExpr="split(datum.value, '\\n')",
    )
    channels: dict[str, Any] = {}
    if column and wrapped:
        channels = {
            "facet": alt.Facet(f"{column}:N", sort=order(column), header=top),
            "columns": columns,
        }
    elif column and across > 1:
        channels["column"] = alt.Column(f"{column}:N", sort=order(column), header=top)
    if row and down > 1:
        # Headers are above the panels: beside them they would make the chart too wide to print.
        header = alt.Header(labelOrient="top", labelAnchor="start", labelPadding=4)
        channels["row"] = alt.Row(f"{row}:N", sort=order(row), title=None, header=header)
    faceted = untitled.properties(data=theme.data(rows)).facet(**channels)
    faceted = faceted.properties(title=_beside(titles["y"], lines * chart["height"]))
    return faceted.resolve_axis(x="independent") if wrapped else faceted


def _beside(title: theme.Title, height: float) -> alt.TitleParams:
    """Returns the title of a vertical axis as that of a chart, to the left of all its panels."""
    return alt.TitleParams(
        theme.fitted(title, height),
        orient="left",
        anchor="middle",
        fontSize=theme.TEXT,
        fontWeight="normal",
        offset=6,
    )


def _untitled(
    chart: alt.LayerChart, *, keep_x: bool
) -> tuple[alt.LayerChart, dict[str, theme.Title]]:
    """Returns the chart with axes that show no titles, and their titles {"x": ..., "y": ...}.

    Args:
      chart: a layered chart.
      keep_x: True leaves the title of the horizontal axis where it is.
    """
    chart = chart.copy(deep=True)
    titles: dict[str, theme.Title] = {}
    _strip(chart, ("y",) if keep_x else ("x", "y"), titles)
    return chart, titles


def _strip(chart: Any, names: Sequence[str], titles: dict[str, theme.Title]) -> None:
    """Moves the titles of the axes of a chart and of its layers into `titles`."""
    if isinstance(chart, alt.LayerChart):
        for layer in chart.layer:
            _strip(layer, names, titles)
        return
    for name in names:
        channel = chart.encoding[name]
        axis = channel["axis"] if isinstance(channel, (alt.X, alt.Y)) else None
        # An axis whose title another chart shows has a title of None.
        if axis is alt.Undefined or (axis is not None and axis["title"] is not None):
            titles.setdefault(name, channel["title"])
            channel["axis"] = alt.Axis() if axis is alt.Undefined else axis
            channel["axis"]["title"] = None
