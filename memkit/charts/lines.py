"""Line charts of estimates against model size, with 95% bands."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from etils import epy

from memkit.charts import layout, styles, theme
from memkit.estimators import WithError
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

HEIGHT, PANEL_HEIGHT = 210, 150


class OnAxis(Protocol):
    """What a chart needs to know of a point of a study."""

    @property
    def name(self) -> str: ...

    @property
    def series(self) -> str: ...

    @property
    def axis_value(self) -> int | float | str | None: ...


@dataclasses.dataclass(frozen=True)
class Sized:
    """A point as charts show it.

    Attributes:
      name: of the point.
      series: of the point; "all" for every point if any has no axis value.
      size: its axis value, or its name if any point has no axis value.
    """

    name: str
    series: str
    size: theme.Size


def sized(points: Sequence[OnAxis]) -> list[Sized]:
    """Returns points with their sizes on the axis of a chart."""
    if any(point.axis_value is None for point in points):
        return [Sized(point.name, "all", point.name) for point in points]
    return [Sized(p.name, p.series, p.axis_value) for p in points if p.axis_value is not None]


def interval(
    estimate: WithError, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> dict[str, float]:
    """Returns an estimate and its 95% interval, clipped to bounds, as value, lower and upper."""
    lower, upper = np.clip([estimate.lower, estimate.upper], *bounds)
    return {"value": float(estimate.value), "lower": float(lower), "upper": float(upper)}


def row(
    point: Sized,
    quantity: str,
    estimate: WithError,
    *,
    bounds: tuple[float, float],
    **fields: Any,
) -> Json:
    """Returns one row: an estimate and its `interval`.

    Args:
      point: the point that it is of.
      quantity: what is estimated.
      estimate: the number and its standard error.
      bounds: (lowest, highest) possible value.
      **fields: further fields of the row.
    """
    return {
        "name": point.name,
        "series": point.series,
        "size": point.size,
        "quantity": quantity,
        **interval(estimate, bounds),
        **fields,
    }


def table(
    points: Sequence[OnAxis],
    estimates: Mapping[str, Mapping[str, WithError]],
    *,
    bounds: tuple[float, float] = (0, 1),
) -> list[Json]:
    """Returns rows of `row`, one per point and quantity.

    Args:
      points: points of a study.
      estimates: {point name: {quantity: estimate}}; points that are absent are skipped.
      bounds: (lowest, highest) possible value.
    """
    return [
        row(point, quantity, estimate, bounds=bounds)
        for point in sized(points)
        if point.name in estimates
        for quantity, estimate in estimates[point.name].items()
    ]


def defined(rows: Iterable[Json]) -> list[Json]:
    """Returns the rows whose value is a number."""
    return [r for r in rows if np.isfinite(r["value"])]


def against_size(
    rows: Sequence[Json], *, size_title: str, sizes_titled: bool = True, **options: Any
) -> theme.Panels:
    """Returns the `chart` of the defined rows against model size.

    Args:
      rows: rows of `row`.
      size_title: title of the axis of sizes.
      sizes_titled: False if the chart stands above another one with the same axis, which shows the
        title of both.
      **options: further arguments of `chart`.
    """
    rows = defined(rows)
    x = theme.size_channel([r["size"] for r in rows], title=size_title)
    if not sizes_titled:
        x["axis"].title = None
    return chart(rows, x=x, joined=any(r["size"] != r["name"] for r in rows), **options)


def by_series(
    rows: Sequence[Json], *, size_title: str, description: str, **options: Any
) -> theme.Panels:
    """Returns a panel per value of the field `panel`; the charts of several series are stacked.

    Args:
      rows: rows of `row` with the field `panel`.
      size_title: title of the axis of sizes.
      description: one or two sentences for screen readers.
      **options: further arguments of `chart`.
    """
    charts = {}
    for name in dict.fromkeys(r["series"] for r in rows):
        series_rows = [r for r in rows if r["series"] == name]
        charts[name] = against_size(
            series_rows,
            size_title=size_title,
            names=list(dict.fromkeys(r["quantity"] for r in defined(series_rows))),
            column="panel",
            layout_row=None,
            description=description,
            **options,
        )
    return layout.stacked(charts, description)


def chart(
    rows: Sequence[Json],
    *,
    x: alt.X,
    title: theme.Title,
    names: Iterable[str],
    description: str,
    field: str = "quantity",
    column: str | None = None,
    layout_row: str | None = "series",
    scale: alt.Scale | None = None,
    rule: float | None = None,
    legend: bool = True,
    joined: bool = True,
    shared_y: bool = True,
    width: int | None = None,
    height: int | None = None,
) -> theme.Panels:
    """Returns lines with 95% bands, one line per name.

    Args:
      rows: rows of `row`; fields other than size and quantity may take their roles. Undefined
        values leave a gap, undefined bounds draw no band.
      x: the horizontal axis.
      title: title of the vertical axis; names the quantity, its range and direction.
      names: the lines to draw, in the order of the legend; `styles.of` gives their styles.
      description: one or two sentences for screen readers.
      field: the field of the rows that holds the names.
      column, layout_row: fields that split the chart into panels if they have several values.
      scale: scale of the vertical axis; by default it includes 0.
      rule: value at which to draw a reference line, or None.
      legend: False if panel titles already name the lines.
      joined: False draws points and intervals only, for sizes without an order.
      shared_y: False gives each panel its own vertical scale, which a sentence above them says.
      width, height: size of a panel, if it differs from the default.
    """
    scale = scale or alt.Scale(zero=True)
    width = width or layout.panel_width(rows, column, own_axes=not shared_y)
    height = height or (HEIGHT if width == theme.WIDTH else PANEL_HEIGHT)
    x = x.title(theme.fitted(x["title"], width))
    y = alt.Y("value:Q", title=theme.fitted(title, height), scale=scale)
    layers = _layers(x, y, list(names), field=field, legend=legend, joined=joined)
    if rule is not None:
        layers.insert(
            0, alt.Chart().mark_rule(**theme.REFERENCE).encode(y=alt.YDatum(rule, scale=scale))
        )
    layered = alt.LayerChart(layer=layers).properties(width=width, height=height)
    faceted = layout.facets(layered, rows, column=column, row=layout_row)
    if shared_y or not isinstance(faceted, alt.FacetChart):
        return faceted.properties(description=description)
    faceted = faceted.resolve_scale(y="independent")
    return layout.noted(faceted, theme.OWN_SCALES, description)


def _layers(
    x: alt.X, y: alt.Y, names: list[str], *, field: str, legend: bool, joined: bool
) -> list[alt.Chart]:
    color, shape = styles.scales(names, field)
    if not legend:
        color, shape = color.legend(None), shape.legend(None)
    base = alt.Chart().encode(x=x)
    low = alt.Y("lower:Q", title=y["title"], scale=y["scale"])
    tooltip = [
        alt.Tooltip(f"{field}:N"),
        *(alt.Tooltip(f"{k}:Q", format=".3f") for k in ("value", "lower", "upper")),
    ]
    rule = base.mark_rule(opacity=0.7).encode(y=low, y2="upper:Q", color=color)
    points = base.mark_point(filled=True, size=55, opacity=1).encode(
        y=y, color=color, shape=shape, tooltip=tooltip
    )
    if not joined:
        return [rule, points]
    band = base.mark_area(opacity=0.18).encode(y=low, y2="upper:Q", color=color)
    # Dashes are set on marks: as a channel they would also dash the outlines of legend symbols.
    dashed = (
        base.transform_filter(alt.datum[field] == name)
        .mark_line(strokeDash=dash)
        .encode(y=y, color=color)
        for name, (_, dash, _) in styles.of(names).items()
    )
    return [band, rule, *dashed, points]
