"""Training curves of every point: loss, accuracy and learning rate per epoch."""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import numpy.typing as npt

from memkit.charts import lines, styles, theme
from memkit.typing import FloatArray, IntArray, Json

# The last axis of a curve; {quantity: title of its panel}
QUANTITIES = {
    "loss": ["Training loss", "(nats, lower = better)"],
    "accuracy": ["Training accuracy", "(0 to 1, higher = better)"],
    "rate": ["Learning rate", "(step size)"],
}
BAND = (0.1, 0.9)
MAX_EPOCHS = 60
MARKS = 5


def table(points: Sequence[Json], curves: Mapping[str, npt.ArrayLike]) -> list[Json]:
    """Returns mean and 10-90% band over runs per point, epoch and quantity.

    Of long trainings, only evenly spaced epochs are kept, including the first and the last, so that
    a chart stays below the row limit.

    Args:
      points: the points of a study's summary.
      curves: {point name: float [runs, epochs, 3] with loss, accuracy, rate}; points that are
        absent or have no runs give no rows.

    Returns:
      Row dicts with name, series, size, epoch (from 1), quantity, value, lower, upper, marked (True
      at the few epochs that are drawn with a marker).
    """
    rows: list[Json] = []
    limit = max(2, min(MAX_EPOCHS, theme.ROW_LIMIT // (len(QUANTITIES) * max(1, len(points)))))
    for point, size in lines.with_sizes(points):
        if point["name"] not in curves or not np.size(curves[point["name"]]):
            continue
        curve = np.asarray(curves[point["name"]], dtype=float)
        epochs = _spread(curve.shape[1], limit)
        marked = set(epochs[_spread(len(epochs), MARKS)].tolist())
        for k, quantity in enumerate(QUANTITIES):
            rows.extend(
                {
                    "name": point["name"],
                    "series": point["series"],
                    "size": str(size),
                    "epoch": int(epoch) + 1,
                    "quantity": quantity,
                    **_summary(curve[:, epoch, k]),
                    "marked": int(epoch) in marked,
                }
                for epoch in epochs
            )
    return rows


def _spread(length: int, limit: int) -> IntArray:
    return np.unique(np.linspace(0, length - 1, min(length, limit)).round().astype(int))


def _summary(values: FloatArray) -> dict[str, float]:
    values = values[np.isfinite(values)]
    if not values.size:
        return dict.fromkeys(("value", "lower", "upper"), np.nan)
    lower, upper = np.quantile(values, BAND)
    return {"value": float(values.mean()), "lower": float(lower), "upper": float(upper)}


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
    x = alt.X(
        "epoch:Q", title="Epoch", axis=alt.Axis(tickMinStep=1, tickCount=8, grid=False, format="d")
    )
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
