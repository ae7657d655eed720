"""Histograms of memorization per model size.

Lukasik et al. (2024), section 3.3: with size, the distribution moves towards 0 and 1.
"""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import numpy.typing as npt

from memkit.charts import lines, styles, theme
from memkit.typing import BoolArray, Json

BINS = 40


def table(
    points: Sequence[lines.OnAxis],
    values: Mapping[str, npt.ArrayLike],
    *,
    planted: BoolArray | None = None,
) -> list[Json]:
    """Returns the share of each group per bin of memorization.

    Args:
      points: the points of a study.
      values: {point name: memorization float [N]}; NaN is ignored, and absent points give no rows.
      planted: bool [N], True where the label was planted; or None.

    Returns:
      Row dicts with name, series, size, group ("all", or "clean" and "planted"), start and end of
      the bin (both in [-1, 1]), share of the group's defined examples in [0, 1]. Empty bins and
      groups give no rows.
    """
    rows: list[Json] = []
    edges = np.linspace(-1, 1, BINS + 1).round(6)
    for point in lines.sized(points):
        if point.name not in values:
            continue
        value = np.asarray(values[point.name], dtype=float)
        for group, member in _groups(planted, value.shape).items():
            inside = value[member & np.isfinite(value)]
            # Means of 0/1 outcomes lie on bin edges up to float rounding.
            count, _ = np.histogram(np.clip(inside + 1e-9, -1, 1), edges)
            rows.extend(
                {
                    "name": point.name,
                    "series": point.series,
                    "size": str(point.size),
                    "group": group,
                    "start": float(edges[b]),
                    "end": float(edges[b + 1]),
                    "share": count[b] / inside.size,
                    "count": int(count[b]),
                }
                for b in np.flatnonzero(count)
            )
    return rows


def _groups(planted: BoolArray | None, shape: tuple[int, ...]) -> dict[str, BoolArray]:
    if planted is None or not np.any(planted):
        return {"all": np.ones(shape, bool)}
    return {"clean": ~planted, "planted": planted}


def chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns one histogram per size, stacked so that their modes can be compared.

    Args:
      rows: rows of `table`.
      size_title: title of the axis of sizes.
    """
    groups = list(dict.fromkeys(r["group"] for r in rows))
    color, _ = styles.scales(groups, "group")
    width = theme.panel_width(rows, "series", columns=len(rows))
    x = alt.X(
        "start:Q",
        title=theme.fitted("Memorization (-1 to 1, higher = more memorized)", width),
        scale=alt.Scale(domain=[min([-0.25, *(r["start"] for r in rows)]), 1], nice=False),
        axis=alt.Axis(grid=False, tickCount=5, labelOverlap="greedy", labelSeparation=8),
    )
    y = alt.Y(
        "share:Q",
        title="Share of group",
        scale=alt.Scale(type="sqrt", domain=[0, 1]),
        axis=alt.Axis(values=[0.01, 0.1, 0.5, 1], format="~%"),
    )
    tooltip = [
        alt.Tooltip("group:N"),
        alt.Tooltip("size:N", title=size_title),
        alt.Tooltip("start:Q", format=".2f"),
        alt.Tooltip("end:Q", format=".2f"),
        alt.Tooltip("share:Q", format=".1%"),
        alt.Tooltip("count:Q"),
    ]
    base = alt.Chart().encode(x=x, x2="end:Q", y=y, y2=alt.datum(0), color=color, tooltip=tooltip)
    layers = [base.transform_filter("datum.group != 'planted'").mark_bar(opacity=0.9)]
    if "planted" in groups:
        # Narrow bars in front keep both groups visible if they share a bin.
        layers.append(
            base.transform_filter("datum.group == 'planted'")
            .transform_calculate(start="datum.start + 0.015", end="datum.end - 0.015")
            .mark_bar(opacity=1, stroke="#ffffff", strokeWidth=0.5)
        )
    layered = alt.LayerChart(layer=layers).properties(width=width, height=70)
    panels = theme.facets(layered, rows, column="series", row="size", row_title=size_title)
    return panels.properties(
        description="Histograms of memorization, one per model size: share of the examples of "
        "each group per bin of 0.05, on a square-root scale so that small groups can "
        "be seen."
    )
