"""Training curves of every point: loss, accuracy and learning rate per epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from etils import epy

from memkit.analysis.training_curves.result import Curves
from memkit.charts import lines, styles, theme
from memkit.typing import IntArray, Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

# The last axis of the curves; {quantity: title of its panel}
QUANTITIES = {
    "loss": ["Training loss", "(nats, lower = better)"],
    "accuracy": ["Training accuracy", "(0 to 1, higher = better)"],
    "rate": ["Learning rate", "(step size)"],
}
MAX_EPOCHS = 60
MARKS = 5


def table(points: Sequence[lines.OnAxis], curves: Mapping[str, Curves]) -> list[Json]:
    """Returns mean and 10-90% band over runs per point, epoch and quantity.

    Of long trainings, only evenly spaced epochs are kept, including the first and the last, so that
    a chart stays below the row limit.

    Args:
      points: the points of a study.
      curves: {point name: Curves}; points that are absent give no rows.

    Returns:
      Row dicts with name, series, size, epoch (from 1), quantity, value, lower, upper, marked (True
      at the few epochs that are drawn with a marker).
    """
    rows: list[Json] = []
    limit = max(2, min(MAX_EPOCHS, theme.ROW_LIMIT // (len(QUANTITIES) * max(1, len(points)))))
    for point in lines.sized(points):
        if point.name not in curves:
            continue
        curve = curves[point.name]
        epochs = _spread(len(curve.mean), limit)
        marked = set(epochs[_spread(len(epochs), MARKS)].tolist())
        for k, quantity in enumerate(QUANTITIES):
            rows.extend(
                {
                    "name": point.name,
                    "series": point.series,
                    "size": str(point.size),
                    "epoch": epoch + 1,
                    "quantity": quantity,
                    "value": float(curve.mean[epoch, k]),
                    "lower": float(curve.lower[epoch, k]),
                    "upper": float(curve.upper[epoch, k]),
                    "marked": epoch in marked,
                }
                for epoch in epochs.tolist()
            )
    return rows


def _spread(length: int, limit: int) -> IntArray:
    return np.unique(np.linspace(0, length - 1, min(length, limit)).round().astype(int))


def chart(rows: Sequence[Json], *, size_title: str) -> alt.VConcatChart:
    """Returns three stacked panels, for loss, accuracy and rate per epoch, with a line per point.

    Args:
      rows: rows of `table`.
      size_title: title of the legend.
    """
    panels = [
        _panel(
            [r for r in rows if r["quantity"] == q],
            title,
            size_title=size_title,
            order=list(dict.fromkeys(r["size"] for r in rows)),
            series=list(dict.fromkeys(r["series"] for r in rows)),
        )
        for q, title in QUANTITIES.items()
    ]
    return alt.vconcat(*panels, spacing=12).properties(
        description="Training loss, training accuracy and learning rate per epoch, one line per "
        "model size: mean over runs, with a band from the 10% to the 90% quantile of "
        "the runs."
    )


def _panel(
    rows: Sequence[Json],
    title: theme.Title,
    *,
    size_title: str,
    order: list[str],
    series: list[str],
) -> alt.LayerChart:
    color, shape = styles.size_scales(order, "size", title=size_title)
    axis = alt.Axis(tickMinStep=1, tickCount=8, grid=False, format="d")
    if title != list(QUANTITIES.values())[-1]:
        axis.title = None  # The lowest panel has the title of all.
    x = alt.X("epoch:Q", title="Epoch", axis=axis)
    y = alt.Y("value:Q", title=title, scale=alt.Scale(zero=title == QUANTITIES["rate"]))
    base = alt.Chart(theme.data(rows)).encode(x=x, color=color)
    by_point = base.encode(detail="name:N")
    line = by_point.mark_line().encode(y=y)
    if len(series) > 1:
        line = line.encode(strokeDash=alt.StrokeDash("series:N", scale=alt.Scale(domain=series)))
    layers = (
        by_point.mark_area(opacity=0.15).encode(y=alt.Y("lower:Q", title=title), y2="upper:Q"),
        line,
        base.transform_filter("datum.marked")
        .mark_point(filled=True, size=45, opacity=1)
        .encode(y=y, shape=shape),
    )
    return alt.LayerChart(layer=layers).properties(width=theme.WIDTH, height=120)
