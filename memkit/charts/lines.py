"""Estimates against model size: rows with bounds, and the chart of lines inside bands."""

import altair as alt
import numpy as np

from memkit.charts import theme

Z = 1.96  # normal quantile of a two-sided 95% interval


def sizes(points):
    """Returns the axis value of each point, or the point names where any value is missing."""
    values = [point["axis_value"] for point in points]
    return [point["name"] for point in points] if None in values else values


def row(point, size, *, quantity, value, stderr, bounds, **fields):
    """Returns one row: an estimate and its 95% interval, estimate +/- 1.96 standard errors.

    Args:
      point: the point's summary, for its name and series.
      size: the point's place on the axis.
      quantity: what is estimated, a key of `theme.STYLES`.
      value, stderr: numbers or None; NaN where None.
      bounds: (lowest, highest) possible value; the interval is clipped to it.
      **fields: further columns.
    """
    value, stderr = theme.number(value), theme.number(stderr)
    lower, upper = np.clip([value - Z * stderr, value + Z * stderr], *bounds)
    return {
        "name": point["name"],
        "series": point["series"],
        "size": size,
        "quantity": quantity,
        "value": value,
        "lower": float(lower),
        "upper": float(upper),
        **fields,
    }


def defined(rows):
    """Returns the rows whose value is a number."""
    return [r for r in rows if np.isfinite(r["value"])]


def chart(
    rows,
    *,
    x,
    title,
    quantities,
    description,
    column=None,
    layout_row="series",
    scale=None,
    rule=None,
    legend=True,
    shared_y=True,
):
    """Returns lines with 95% bands against model size, one line per quantity.

    Args:
      rows: rows of `row`; undefined values leave a gap.
      x: alt.X of the field `size`.
      title: of the vertical axis; names quantity, range and direction.
      quantities: keys of `theme.STYLES` to draw, in the order of the legend.
      description: one or two sentences for screen readers.
      column, layout_row: fields that split the chart into panels; left out if they have one value.
      scale: alt.Scale of the vertical axis; by default it includes 0.
      rule: a height at which to draw a reference line, or None.
      legend: False where panel titles already name the quantities.
      shared_y: False gives each panel a vertical scale of its own.
    """
    panels = min(len({r[column] for r in rows}) if column else 1, theme.MAX_COLUMNS)
    layers = _layers(
        x,
        alt.Y("value:Q", title=title, scale=scale or alt.Scale(zero=True)),
        list(quantities),
        legend,
    )
    if rule is not None:
        layers.insert(
            0,
            alt.Chart()
            .mark_rule(color="#777777", strokeDash=[4, 4])
            .encode(y=alt.YDatum(rule, scale=scale)),
        )
    layered = alt.layer(*layers).properties(
        width=(theme.WIDTH - 20 * (panels - 1)) // panels, height=260
    )
    faceted = theme.facets(layered, rows, column=column, row=layout_row)
    if not shared_y and isinstance(faceted, alt.FacetChart):
        faceted = faceted.resolve_scale(y="independent")
    return faceted.properties(description=description)


def _layers(x, y, quantities, legend):
    color, shape = theme.scales(quantities, "quantity")
    if not legend:
        color, shape = (channel.legend(None) for channel in (color, shape))
    base = alt.Chart().encode(x=x)
    low = alt.Y("lower:Q", title=y["title"], scale=y["scale"])
    tips = [
        alt.Tooltip("quantity:N"),
        alt.Tooltip("name:N", title="point"),
        *(alt.Tooltip(f"{k}:Q", format=".3f") for k in ("value", "lower", "upper")),
    ]
    return [
        base.mark_area(opacity=0.18).encode(y=low, y2="upper:Q", color=color),
        base.mark_rule(opacity=0.7).encode(y=low, y2="upper:Q", color=color),
        # Dashes are marks, not a channel: Vega would outline the legend's symbols with them.
        *(
            base.transform_filter(alt.datum.quantity == name)
            .mark_line(strokeDash=theme.STYLES[name][1])
            .encode(y=y, color=color)
            for name in quantities
        ),
        base.mark_point(filled=True, size=55, opacity=1).encode(
            y=y, color=color, shape=shape, tooltip=tips
        ),
    ]
