"""The one look of all charts: colors, fonts, row limit, axis of sizes.

Colors are those of Okabe and Ito (2008), which color-blind readers can tell apart. A quantity or
group has the same color, dash and marker in every chart.
"""

import math
import numbers

import altair as alt

from memkit.errors import expected

ROW_LIMIT = 5_000
WIDTH = 560
MAX_COLUMNS = 3
FONT = "Arial, Helvetica, Liberation Sans, DejaVu Sans, sans-serif"

# name: (color, dash, marker); a name that charts share is listed once.
STYLES = {
    "memorization": ("#222222", [1, 0], "circle"),
    "in-sample": ("#0072B2", [7, 3], "square"),
    "out-of-sample": ("#E69F00", [2, 2], "triangle-up"),
    "train, in-sample": ("#0072B2", [7, 3], "square"),
    "train, out-of-sample": ("#E69F00", [2, 2], "triangle-up"),
    "test": ("#009E73", [1, 0], "diamond"),
    "all": ("#56B4E9", [1, 0], "circle"),
    "clean": ("#56B4E9", [1, 0], "circle"),
    "planted": ("#D55E00", [5, 2], "diamond"),
    "by memorization": ("#222222", [1, 0], "circle"),
    "by 1 - out-of-sample probability": ("#CC79A7", [7, 3], "triangle-up"),
    "constant": ("#8A8A8A", [1, 0], "circle"),
    "increasing": ("#D55E00", [7, 3], "triangle-up"),
    "decreasing": ("#0072B2", [2, 2], "triangle-down"),
    "cap-shaped": ("#E69F00", [7, 2, 2, 2], "diamond"),
    "u-shaped": ("#CC79A7", [4, 4], "cross"),
    "mixed": ("#009E73", [10, 3], "square"),
    "undefined": ("#C8C8C8", [1, 3], "stroke"),
}


@alt.theme.register("memkit", enable=True)
def memkit_theme():
    """Returns the Vega-Lite configuration of every memkit chart."""
    text = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    return alt.theme.ThemeConfig(
        {
            "config": {
                "background": "#ffffff",
                "font": FONT,
                "view": {"stroke": "#bbbbbb"},
                "axis": {
                    **text,
                    "gridColor": "#e6e6e6",
                    "domainColor": "#888888",
                    "titlePadding": 8,
                },
                "legend": {
                    **text,
                    "orient": "top",
                    "symbolSize": 90,
                    "symbolOpacity": 1,
                    "labelLimit": 320,
                    "columnPadding": 18,
                    "title": None,
                },
                "header": {**text, "labelFontWeight": "bold", "labelLimit": 400},
                "title": {"fontSize": 13, "anchor": "start"},
                "line": {"strokeWidth": 2},
                "facet": {"spacing": 18},
            }
        }
    )


def data(rows):
    """Returns row dicts as chart data, with every undefined number as null.

    Args:
      rows: list of flat dicts of text and numbers; NaN and infinity become null.

    Raises:
      InputError: more than `ROW_LIMIT` rows (altair does not check inline values).
    """
    rows = list(rows)
    if len(rows) > ROW_LIMIT:
        raise expected(
            "rows", f"at most {ROW_LIMIT} rows per chart, aggregated in NumPy", f"{len(rows)} rows"
        )
    return alt.Data(values=[{k: _plain(v) for k, v in row.items()} for row in rows])


def _plain(value):
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if math.isfinite(value) else None


def number(value):
    """Returns the value as float, NaN for None."""
    return math.nan if value is None else float(value)


def size_channel(sizes, *, title):
    """Returns the x channel of field `size` for the study's model sizes.

    Numbers that are positive and span a factor of 8 or more get a base-2 logarithmic scale, other
    numbers a linear one; text keeps its order of appearance.

    Args:
      sizes: axis values in order, numbers or text.
      title: what the axis holds, such as "Width (model.width)".

    Raises:
      InputError: there are no sizes.
    """
    sizes = list(dict.fromkeys(_plain(s) for s in sizes))
    if not sizes:
        raise expected("rows", "at least one row with a defined value", "none")
    if not is_numeric(sizes):
        return alt.X(
            "size:N",
            title=title,
            sort=[str(s) for s in sizes],
            axis=alt.Axis(labelAngle=0 if len(sizes) <= 6 else -40),
        )
    axis = alt.Axis(values=sizes, labelExpr="datum.value", labelOverlap="greedy", grid=False)
    if min(sizes) > 0 and max(sizes) / min(sizes) >= 8:
        scale = alt.Scale(type="log", base=2, nice=False, padding=16)
        return alt.X("size:Q", title=f"{title}, log scale", axis=axis, scale=scale)
    scale = alt.Scale(zero=False, nice=False, padding=16)
    return alt.X("size:Q", title=title, axis=axis, scale=scale)


def is_numeric(sizes):
    """Returns True where every axis value is a number (bool counts as text)."""
    return all(isinstance(s, numbers.Real) and not isinstance(s, bool) for s in sizes)


def scales(names, field):
    """Returns color and shape channels that share one legend.

    Args:
      names: the entries to show, each a key of `STYLES`.
      field: the row field that holds the names.
    """
    color, _, shape = zip(*(STYLES[name] for name in names), strict=True)
    names = list(names)

    def scale(values):
        return alt.Scale(domain=names, range=list(values))

    return (
        alt.Color(f"{field}:N", scale=scale(color)),
        alt.Shape(f"{field}:N", scale=scale(shape)),
    )


def facets(chart, rows, *, column=None, row=None, row_title=None):
    """Returns the chart repeated per value of `column` and `row`, fields with one value left out.

    Args:
      chart: a layered chart without data.
      rows: the row dicts.
      row_title: what the rows are, or None.
      column, row: field names or None; more than `MAX_COLUMNS` columns without rows are wrapped.
    """

    def several(field):
        return field is not None and len({r[field] for r in rows}) > 1

    def channel(kind, field, **options):
        order = list(dict.fromkeys(r[field] for r in rows))
        return kind(f"{field}:N", sort=order, **options)

    chart = chart.properties(data=data(rows))
    channels = {}
    if several(column) and len({r[column] for r in rows}) > MAX_COLUMNS and not several(row):
        # Shared axes would be drawn under the empty places of the last row too.
        return chart.facet(
            facet=channel(alt.Facet, column, title=None), columns=MAX_COLUMNS
        ).resolve_axis(x="independent")
    if several(column):
        channels["column"] = channel(alt.Column, column, title=None)
    if several(row):
        channels["row"] = channel(
            alt.Row, row, title=row_title, header=alt.Header(labelAngle=0, labelAlign="left")
        )
    return chart.facet(**channels) if channels else chart
