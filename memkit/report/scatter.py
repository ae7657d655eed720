"""The explorer's scatter: a 2-D histogram of all examples and a sample that can be clicked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from etils import epy

from memkit.analysis import PointSummary
from memkit.charts import lines, styles, theme
from memkit.report import content as contents
from memkit.report.blocks import Chart
from memkit.report.content import Content
from memkit.typing import FloatArray, IntArray, Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

SAMPLE = 2_000
STEP = 0.025
HEIGHT = 420  # the page sets the width
RANGE = "(-1 to 1, higher = more memorized)"
MEMORIZATION = f"Memorization at the chosen size {RANGE}"
# pair: (title in the list, title of the horizontal axis, of the vertical axis)
PAIRS = {
    "ends": (
        "Memorization: smallest and largest size",
        f"Memorization at the smallest size {RANGE}",
        f"Memorization at the largest size {RANGE}",
    ),
    "out": (
        "Out-of-sample mean and memorization",
        "Out-of-sample mean at the chosen size (0 to 1, higher = easier)",
        MEMORIZATION,
    ),
    "prob": (
        "Out-of-sample probability of the label and memorization",
        "Out-of-sample probability of the label (0 to 1, higher = easier)",
        MEMORIZATION,
    ),
    "series": (
        "Memorization: the first series and this one",
        f"Memorization in the first series {RANGE}",
        f"Memorization in this series {RANGE}",
    ),
}


def sample(score: FloatArray) -> IntArray:
    """Returns at most `SAMPLE` examples, sorted, evenly spaced in the ranking by a score [N]."""
    order = np.argsort(score, kind="stable")
    order = order[np.isfinite(score)[order]]
    if len(order) > SAMPLE:
        order = order[np.linspace(0, len(order) - 1, SAMPLE).round().astype(int)]
    return np.sort(order)


def views(content: Content, points: Sequence[PointSummary]) -> list[Json]:
    """Returns the list of scatters: the quantity and point of each axis, and the counts.

    Args:
      content: Content.
      points: the points of the summary that have runs; views refer to them by index.

    Returns:
      dicts: "pair", a key of PAIRS; "series"; "point", the chosen point, or None if the view
      does not depend on it; "x" and "y", (point, quantity), quantities being fields of Estimate
      or "out_prob"; "cells", see `cells`.
    """
    views: list[tuple[str, str, int | None, tuple[int, str], tuple[int, str]]] = []
    first = points[0].series
    for series in dict.fromkeys(p.series for p in points):
        members = [k for k, p in enumerate(points) if p.series == series]
        if len(members) > 1:
            ends = ((members[0], "value"), (members[-1], "value"))
            views.append(("ends", series, None, *ends))
        for k in members:
            views += [
                (pair, series, k, (k, x), (k, "value"))
                for pair, x in (("out", "out_mean"), ("prob", "out_prob"))
            ]
            if series != first and (same := _same_size(points, k, first)) is not None:
                views.append(("series", series, k, (same, "value"), (k, "value")))
    keys = ("pair", "series", "point", "x", "y")
    return [
        dict(zip(keys, view, strict=True))
        | {"cells": cells(*(quantity(content, points[k], name) for k, name in view[3:]))}
        for view in views
    ]


def _same_size(points: Sequence[PointSummary], index: int, series: str) -> int | None:
    size = points[index].axis_value
    same = (k for k, p in enumerate(points) if p.series == series and p.axis_value == size)
    return next(same, None)


def quantity(content: Content, point: PointSummary, name: str) -> FloatArray:
    """Returns one number per example, [N].

    Args:
      name: a field of the point's pooled Estimate; "raw", the score by right or wrong alone; or
        "out_prob".
    """
    scores = content.scores[point.name]
    if name == "out_prob":
        return np.asarray(scores["prob"].out_mean, dtype=float)
    if name == "raw":
        return np.asarray(scores["correct"].value, dtype=float)
    return np.asarray(getattr(scores["pooled"], name), dtype=float)


def cells(x: FloatArray, y: FloatArray) -> dict[str, list[int]]:
    """Returns the counts of the cells that hold examples: {"x", "y", "count"}, lists.

    Cell k is centered at -1 + k * STEP, so that 0 and 1 are centers.

    Args:
      x, y: float [N] in [-1, 1]; an example with a NaN is left out.
    """
    side = round(2 / STEP) + 1
    defined = np.isfinite(x) & np.isfinite(y)
    indices = (np.round((v[defined] + 1) / STEP).astype(int) for v in (x, y))
    flat = np.ravel_multi_index(tuple(indices), (side, side))
    filled, count = np.unique(flat, return_counts=True)
    column, row = np.unravel_index(filled, (side, side))
    return {"x": column.tolist(), "y": row.tolist(), "count": count.tolist()}


def charts(content: Content, shown: Sequence[Json]) -> dict[str, Chart]:
    """Returns {pair: chart}; the page fills the data "cells" and "sample" of each.

    Args:
      content: Content.
      shown: the scatters that `views` returned.
    """
    groups = ["clean", "planted"] if contents.planted(content).any() else ["all"]
    return {
        pair: _chart(pair, groups, [v["cells"] for v in shown if v["pair"] == pair])
        for pair in dict.fromkeys(view["pair"] for view in shown)
    }


def _chart(pair: str, groups: Sequence[str], counts: Sequence[dict[str, list[int]]]) -> Chart:
    _, x_title, y_title = PAIRS[pair]
    lowest = {
        axis: min([0, *(STEP * cell - 1 for part in counts for cell in part[axis])])
        for axis in ("x", "y")
    }

    def channel(kind: type[Any], axis: str, field: str, title: str) -> Any:
        domain = [round(lowest[axis] - STEP / 2, 4), 1 + STEP / 2]
        scale = alt.Scale(domain=domain, nice=False)
        title_lines = title.replace(" (", "\n(").split("\n")  # one line is wider than a phone
        return kind(f"{field}:Q", title=title_lines, scale=scale, axis=alt.Axis(grid=False))

    x, y = (
        channel(alt.X, "x", "across", x_title),
        channel(alt.Y, "y", "up", y_title),
    )
    shades = alt.Scale(type="log", range=["#e8e8e8", "#4d4d4d"])
    grid = alt.Chart(alt.NamedData("cells")).mark_rect()
    grid = grid.encode(
        x=x,
        y=y,
        x2="across_end",
        y2="up_end",
        fill=alt.Fill("count:Q", scale=shades, legend=_shades()),
        tooltip=[alt.Tooltip("count:Q", title="examples", format=",")],
    )
    blue = "#0072B2"
    brush = alt.BrushConfig(fill=blue, fillOpacity=0.08, stroke=blue, strokeWidth=1.5)
    region = alt.selection_interval(name="region", mark=brush)
    color, shape = styles.scales(groups, "group")
    if len(groups) == 1:
        color, shape = color.legend(None), shape.legend(None)
    dots = alt.Chart(alt.NamedData("sample")).mark_point(
        filled=True, size=28, stroke="#ffffff", strokeWidth=0.6, cursor="pointer"
    )
    dots = dots.encode(
        x=x,
        y=y,
        color=color,
        shape=shape,
        opacity=alt.when(region, empty=True).then(alt.value(0.8)).otherwise(alt.value(0.15)),
        tooltip=[alt.Tooltip(f"{field}:N") for field in ("id", "given")],
    ).add_params(region)
    chart = alt.layer(grid, dots)
    return chart.properties(height=HEIGHT, description=f"{y_title} against {x_title}.")


def _shades() -> alt.Legend:
    title = "examples per cell"
    return alt.Legend(title=title, orient="top", gradientLength=100, tickCount=3, format="~s")


def trajectory_chart(content: Content, points: Sequence[PointSummary]) -> Chart:
    """Returns the chart of one example; the page fills its data "rows".

    Its rows have size, name, quantity, value, and for memorization the 95% interval.
    """
    quantities = ("memorization", "in-sample", "out-of-sample")
    sizes = [point.size for point in lines.sized(points)]
    rows = [{"series": "", "quantity": name} for name in quantities]
    chart = lines.chart(
        rows,
        x=theme.size_channel(sizes, title=contents.size_title(content)),
        title="Memorization (-1 to 1) and its means (0 to 1)",
        names=quantities,
        description="Memorization of the example with its 95% interval, and its in- and "
        "out-of-sample means, by size.",
        legend=False,
    )
    return chart.properties(data=alt.NamedData("rows"), height=250)
