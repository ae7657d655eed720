"""Distilled students compared with models trained on labels: means, changes, joint histograms.

After Lukasik et al. (2024), figure 5 and tables 1 and 2; the joint histogram has the units of the
score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from etils import epy

from memkit.analysis.accuracy.result import PointAccuracy
from memkit.analysis.distillation.result import ClassChange
from memkit.analysis.trajectories.chart import label
from memkit.charts import layout, lines, styles, theme
from memkit.estimators import DatasetMeans
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

_Axis = TypeVar("_Axis", "alt.X", "alt.Y")

MAX_SIZES = 11
_JOINT_COLUMNS = 2
POOLED = "all sizes"
# {quantity: title of its panel}
NAMES = {
    "memorization": "memorization\n(-1 to 1, higher = more)",
    "test accuracy": "test accuracy\n(0 to 1, higher = better)",
    "in-sample mean": "in-sample mean\n(0 to 1, higher = better)",
    "out-of-sample mean": "out-of-sample mean\n(0 to 1, higher = better)",
}
_CLASS_LABELS = 52  # Names of classes are this much wider than the labels of numbers.
CHANGES = ("classes from the same runs", "classes from other runs")


def means_table(
    points: Sequence[lines.OnAxis],
    means: Mapping[str, DatasetMeans],
    accuracy: Mapping[str, PointAccuracy],
) -> list[Json]:
    """Returns mean memorization, in- and out-means and test accuracy per series and size.

    Args:
      points: points of a study.
      means: {point name: means of all examples}.
      accuracy: {point name: PointAccuracy}.
    """
    estimates = {}
    for point in points:
        of_point, test = means[point.name], accuracy[point.name].test
        numbers = (of_point.memorization, test, of_point.in_mean, of_point.out_mean)
        estimates[point.name] = dict(zip(NAMES, numbers, strict=True))
    rows = lines.table(points, estimates, bounds=(-1, 1))
    series = {point.name: point.series for point in points}
    return [row | {"line": series[row["name"]]} for row in lines.defined(rows)]


def means_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns a small panel per quantity, with a line per series, against size.

    Args:
      rows: rows of `means_table`.
      size_title: title of the axis of sizes.
    """
    return lines.against_size(
        [r | {"panel": NAMES[r["quantity"]]} for r in rows],
        size_title=size_title,
        title="Mean over examples and runs",
        names=dict.fromkeys(r["line"] for r in rows),
        field="line",
        column="panel",
        layout_row=None,
        shared_y=False,
        scale=alt.Scale(zero=False),
        description="Mean memorization, test accuracy, in-sample and out-of-sample mean of one-hot "
        "and distilled models against model size. Bands are 95% intervals over runs.",
    )


def class_table(classes: Mapping[float, Mapping[str, ClassChange]]) -> list[Json]:
    """Returns the change of memorization (distilled minus one-hot) per alpha and class.

    Args:
      classes: {threshold alpha: {class: ClassChange}}.
    """
    rows = [
        {
            "alpha": f"alpha = {alpha:g}",
            "class": label(name),
            "chosen": words,
            **lines.interval(estimate),
            "count": changes.count,
        }
        for alpha, by_class in sorted(classes.items())
        for name, changes in by_class.items()
        for words, estimate in zip(CHANGES, (changes.change, changes.disjoint), strict=True)
    ]
    return lines.defined(rows)


def class_chart(rows: Sequence[Json]) -> theme.Panels:
    """Returns the changes as points with intervals, a panel per alpha.

    Args:
      rows: rows of `class_table`.
    """
    classes = list(dict.fromkeys(r["class"] for r in rows))
    color, shape = styles.scales(CHANGES, "chosen")
    base = alt.Chart().encode(
        y=alt.Y("class:N", sort=classes, title="Class of one-hot trajectory"),
        yOffset=alt.YOffset("chosen:N", sort=list(CHANGES)),
        color=color,
    )
    width = layout.panel_width(rows, "alpha", width=theme.WIDTH - _CLASS_LABELS, columns=3)
    title = theme.fitted("Change of memorization (negative = lowered by distillation)", width)
    layers = (
        alt.Chart().mark_rule(**theme.REFERENCE).encode(x=alt.XDatum(0)),
        base.mark_rule().encode(x=alt.X("lower:Q", title=title), x2="upper:Q"),
        base.mark_point(filled=True, size=55, opacity=1).encode(
            x=alt.X("value:Q", title=title, axis=alt.Axis(tickCount=4)),
            shape=shape,
            tooltip=["class:N", "chosen:N", "count:Q", alt.Tooltip("value:Q", format=".3f")],
        ),
    )
    layered = alt.LayerChart(layer=layers).properties(width=width, height=36 * max(1, len(classes)))
    return layout.facets(layered, rows, column="alpha", columns=3).properties(
        description="Mean change of memorization by distillation per class of one-hot trajectory "
        "and threshold alpha, with classes from the same and from other runs. Lines are 95% "
        "intervals over runs."
    )


def joint_table(
    counts: npt.ArrayLike, edges: npt.ArrayLike, sizes: Sequence[theme.Size]
) -> list[Json]:
    """Returns the nonempty cells of the joint histograms, per size and for all sizes pooled.

    Args:
      counts: int [A, B, B], with bins of the distilled score along the second axis and bins of
        the one-hot score along the third. At most `MAX_SIZES` evenly spaced sizes are shown.
      edges: float [B + 1], edges of the bins.
      sizes: the A axis values.
    """
    counts = np.asarray(counts)
    shown = np.unique(
        np.linspace(0, len(sizes) - 1, min(len(sizes), MAX_SIZES)).round().astype(int)
    )
    bounds = [float(edge) for edge in np.asarray(edges)]
    panels = {str(sizes[a]): counts[a] for a in shown}
    if len(sizes) > 1:
        panels = {POOLED: counts.sum(axis=0)} | panels
    return [
        {
            "size": size,
            "x": bounds[i],
            "x2": bounds[i + 1],
            "y": bounds[j],
            "y2": bounds[j + 1],
            "count": int(cell[i, j]),
            "share": float(cell[i, j] / cell.sum()),
        }
        for size, cell in panels.items()
        for i, j in np.argwhere(cell)
    ]


def joint_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns joint histograms: distilled score horizontally, one-hot score vertically.

    Args:
      rows: rows of `joint_table`.
      size_title: title of the axis of sizes.
    """
    noun = size_title.partition(" (")[0].lower()
    rows = [
        r | {"panel": r["size"] if r["size"] == POOLED else f"{noun} {r['size']}"} for r in rows
    ]
    side = min(260, layout.panel_width(rows, "panel", columns=_JOINT_COLUMNS))
    color = alt.Color(
        "share:Q",
        title="Share of the examples, log scale",
        scale=alt.Scale(type="log", scheme="blues"),
        legend=alt.Legend(format="~%", gradientLength=220),
    )
    tooltip = [*(f"{k}:Q" for k in ("x", "y", "count")), alt.Tooltip("share:Q", format=".2%")]
    x, y = (
        _score(alt.X, "x", ["Memorization, distilled", "(higher = more)"]),
        _score(alt.Y, "y", ["Memorization, one-hot", "(higher = more)"]),
    )
    cells = alt.Chart().mark_rect(stroke=None).encode(x=x, x2="x2", y=y, y2="y2", color=color)
    diagonal = (
        alt.Chart()
        .mark_rule(**theme.REFERENCE)
        .encode(x=alt.datum(0), y=alt.datum(0), x2=alt.datum(1), y2=alt.datum(1))
    )
    layered = alt.LayerChart(layer=[cells.encode(tooltip=tooltip), diagonal]).properties(
        width=side, height=side
    )
    return layout.facets(layered, rows, column="panel", columns=_JOINT_COLUMNS).properties(
        description="Joint histogram of memorization in score units: distilled student to the "
        "right, model trained on labels upwards, in bins of 0.05. Above the diagonal = "
        "distillation lowered memorization."
    )


def _score(kind: type[_Axis], field: str, title: theme.Title) -> _Axis:
    domain = alt.Scale(domain=[0, 1], nice=False)
    return kind(
        f"{field}:Q", title=title, scale=domain, axis=alt.Axis(values=[0, 0.5, 1], grid=False)
    )
