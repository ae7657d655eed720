"""What the explorer's scatter can show, and the chart of one example's trajectory."""

from collections.abc import Sequence

import numpy as np

from memkit.analysis import PointSummary
from memkit.charts import lines, theme
from memkit.report import content as contents
from memkit.report.blocks import Chart
from memkit.report.content import Content
from memkit.typing import FloatArray, Json

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


def views(points: Sequence[PointSummary]) -> list[Json]:
    """Returns the list of scatters: the quantity and point of each axis.

    Args:
      points: the points of the summary that have runs; views refer to them by index.

    Returns:
      dicts: "pair", a key of PAIRS; "series"; "point", the chosen point, or None if the view
      does not depend on it; "x" and "y", (point, quantity), quantities being those of `quantity`.
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
    return [dict(zip(keys, view, strict=True)) for view in views]


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
    return chart.properties(data={"name": "rows"}, height=250)
