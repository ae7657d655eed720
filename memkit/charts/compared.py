"""Lines with 95% bands whose names only the study knows, such as its series.

Charts of fixed quantities take their looks from `theme.STYLES`; here a name gets the look of its
place in the list.
"""

import altair as alt

from memkit.charts import theme

# (color, dash, marker) by place; colors of Okabe and Ito, as in the theme.
LOOKS = (
    ("#222222", [1, 0], "circle"),
    ("#D55E00", [7, 3], "diamond"),
    ("#0072B2", [2, 2], "square"),
    ("#009E73", [7, 2, 2, 2], "triangle-up"),
    ("#CC79A7", [4, 4], "cross"),
    ("#E69F00", [10, 3], "triangle-down"),
)
HEIGHT = 190


def channels(names, field):
    """Returns {name: dash}, and the color and shape channels of a field that share one legend."""
    names = list(names)
    looks = [LOOKS[place % len(LOOKS)] for place in range(len(names))]
    color, dash, shape = zip(*looks, strict=True)

    def scale(values):
        return alt.Scale(domain=names, range=list(values))

    return (
        dict(zip(names, dash, strict=True)),
        alt.Color(f"{field}:N", scale=scale(color)),
        alt.Shape(f"{field}:N", scale=scale(shape)),
    )


def chart(rows, *, x, title, description, column=None, layout_row=None, scale=None, rule=None):
    """Returns one line per value of the field `line`, with bands.

    Args:
      rows: dicts with line, size (or what x shows), value, lower, upper, and the panels' fields;
        bounds that are NaN draw no band.
      x: alt.X of the horizontal axis.
      title: of the vertical axis; names quantity, range and direction.
      description: one or two sentences for screen readers.
      column, layout_row: fields that split the chart into panels; left out if they have one value.
      scale: alt.Scale of the vertical axis; by default it includes 0.
      rule: a height at which to draw a reference line, or None.
    """
    layers = _layers(rows, x, title, scale or alt.Scale(zero=True), rule)
    panels = min(len({r[column] for r in rows}) if column else 1, theme.MAX_COLUMNS)
    width = (theme.WIDTH - 20 * (panels - 1)) // panels
    layered = alt.layer(*layers).properties(width=width, height=HEIGHT)
    faceted = theme.facets(layered, rows, column=column, row=layout_row)
    return faceted.properties(description=description)


def _layers(rows, x, title, scale, rule):
    dashes, color, shape = channels(dict.fromkeys(r["line"] for r in rows), "line")
    y = alt.Y("value:Q", title=title, scale=scale)
    low = alt.Y("lower:Q", title=title, scale=scale)
    tips = [alt.Tooltip("line:N", title="series")]
    tips += [alt.Tooltip(f"{k}:Q", format=".3f") for k in ("value", "lower", "upper")]
    base = alt.Chart().encode(x=x)
    return [
        *([] if rule is None else [_rule(rule, scale)]),
        base.mark_area(opacity=0.15).encode(y=low, y2="upper:Q", color=color),
        base.mark_rule(opacity=0.7).encode(y=low, y2="upper:Q", color=color),
        # Dashes are marks, not a channel: Vega would outline the legend's symbols with them.
        *(
            base.transform_filter(alt.datum.line == name)
            .mark_line(strokeDash=dash)
            .encode(y=y, color=color)
            for name, dash in dashes.items()
        ),
        base.mark_point(filled=True, size=55, opacity=1).encode(
            y=y, color=color, shape=shape, tooltip=tips
        ),
    ]


def _rule(height, scale):
    mark = alt.Chart().mark_rule(color="#777777", strokeDash=[4, 4])
    return mark.encode(y=alt.YDatum(height, scale=scale))
