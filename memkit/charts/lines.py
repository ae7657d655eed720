"""Line charts of estimates against model size, with 95% bands."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from memkit.charts import styles, theme
from memkit.typing import Json

HEIGHT, PANEL_HEIGHT = 210, 150


def sizes(points: Sequence[Json]) -> list[theme.Size]:
    """Returns the axis value of each point, or the names of the points if any has no value."""
    values = [point["axis_value"] for point in points]
    return [point["name"] for point in points] if None in values else values


def with_sizes(points: Sequence[Json]) -> list[tuple[Json, theme.Size]]:
    """Returns [(point, size)], with the sizes of `sizes`.

    If any point has no axis value, all points are put into one series and labeled by their names.
    """
    if any(point["axis_value"] is None for point in points):
        points = [point | {"series": "all"} for point in points]
    return list(zip(points, sizes(points), strict=True))


def interval(
    value: float | None, margin: float | None, bounds: tuple[float, float] = (-np.inf, np.inf)
) -> dict[str, float]:
    """Returns an estimate and its 95% interval as the fields value, lower and upper.

    Args:
      value, margin: the interval is value +/- margin; None becomes NaN.
      bounds: (lowest, highest) possible value; the interval is clipped to it.
    """
    value, margin = theme.number(value), theme.number(margin)
    lower, upper = np.clip([value - margin, value + margin], *bounds)
    return {"value": value, "lower": float(lower), "upper": float(upper)}


def row(
    point: Json,
    size: theme.Size,
    *,
    quantity: str,
    value: float | None,
    margin: float | None,
    bounds: tuple[float, float],
    **fields: Any,
) -> Json:
    """Returns one row: an estimate and its `interval`.

    Args:
      point: the point's summary, for its name and series.
      size: the point's size, see `sizes`.
      quantity: what is estimated.
      value, margin, bounds: see `interval`.
      **fields: further fields of the row.
    """
    return {
        "name": point["name"],
        "series": point["series"],
        "size": size,
        "quantity": quantity,
        **interval(value, margin, bounds),
        **fields,
    }


def table(
    points: Sequence[Json],
    quantities: Mapping[str, str],
    *,
    part: str | None = None,
    bounds: tuple[float, float] = (0, 1),
) -> list[Json]:
    """Returns rows of `row`, one per point and quantity.

    Args:
      points: the points of a study's summary.
      quantities: {quantity: key of the summary}; the summary also has "<key>_margin".
      part: the section of each point's summary that holds the keys, such as "planted"; points
        without it are skipped.
      bounds: see `interval`.
    """
    rows: list[Json] = []
    for point, size in with_sizes(points):
        numbers = point if part is None else point[part]
        for quantity, key in quantities.items() if numbers is not None else ():
            value, margin = numbers[key], numbers[f"{key}_margin"]
            rows.append(
                row(point, size, quantity=quantity, value=value, margin=margin, bounds=bounds)
            )
    return rows


def defined(rows: Iterable[Json]) -> list[Json]:
    """Returns the rows whose value is a number."""
    return [r for r in rows if np.isfinite(r["value"])]


def against_size(rows: Sequence[Json], *, size_title: str, **options: Any) -> theme.Panels:
    """Returns the `chart` of the defined rows against model size.

    Args:
      rows: rows of `row`.
      size_title: title of the axis of sizes.
      **options: further arguments of `chart`.
    """
    rows = defined(rows)
    x = theme.size_channel([r["size"] for r in rows], title=size_title)
    return chart(rows, x=x, joined=any(r["size"] != r["name"] for r in rows), **options)


def by_series(
    rows: Sequence[Json], *, size_title: str, description: str, **options: Any
) -> theme.Panels | alt.VConcatChart:
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
    return theme.stacked(charts, description)


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
      shared_y: False gives each panel its own vertical scale.
      width, height: size of a panel, if it differs from the default.
    """
    scale = scale or alt.Scale(zero=True)
    width = width or theme.panel_width(rows, column, own_axes=not shared_y)
    height = height or (HEIGHT if width == theme.WIDTH else PANEL_HEIGHT)
    x = x.title(theme.fitted(x["title"], width))
    y = alt.Y("value:Q", title=theme.fitted(title, height), scale=scale)
    layers = _layers(x, y, list(names), field=field, legend=legend, joined=joined)
    if rule is not None:
        layers.insert(
            0, alt.Chart().mark_rule(**theme.REFERENCE).encode(y=alt.YDatum(rule, scale=scale))
        )
    layered = alt.LayerChart(layer=layers).properties(width=width, height=height)
    faceted = theme.facets(layered, rows, column=column, row=layout_row)
    if not shared_y and isinstance(faceted, alt.FacetChart):
        faceted = faceted.resolve_scale(y="independent")
    return faceted.properties(description=description)


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
