"""Histogram of the influence of high-influence pairs (Feldman & Zhang 2020, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from etils import epy

from memkit.charts import lines, styles, theme
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

BINS = 18
LEVEL = 0.05
SIGNIFICANT, ALL = "q at most 0.05", "all pairs"


def table(
    points: Sequence[lines.OnAxis],
    pairs: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    min_influence: float,
) -> list[Json]:
    """Returns the number of pairs in each of 18 bins of influence, as in the paper.

    Args:
      points: the points of a study.
      pairs: {point name: (influence [P] at or above min_influence, q [P])}; absent points give no
        rows.
      min_influence: float in (0, 1), start of the first bin; the last bin ends at 1.

    Returns:
      Row dicts with name, series, size, group ("all pairs", or the subset with "q at most 0.05"),
      start and end of the bin, and count of pairs. Empty bins give no rows.
    """
    edges = np.linspace(min_influence, 1, BINS + 1).round(6)
    rows: list[Json] = []
    for point in lines.sized(points):
        if point.name not in pairs:
            continue
        infl, q = (np.asarray(values, float) for values in pairs[point.name])
        for group, member in ((ALL, slice(None)), (SIGNIFICANT, q <= LEVEL)):
            # Means of 0/1 outcomes lie on bin edges up to float rounding.
            count, _ = np.histogram(np.clip(infl[member] + 1e-9, min_influence, 1), edges)
            rows += [
                {
                    "name": point.name,
                    "series": point.series,
                    "size": str(point.size),
                    "group": group,
                    "start": float(edges[b]),
                    "end": float(edges[b + 1]),
                    "count": int(count[b]),
                }
                for b in np.flatnonzero(count)
            ]
    return rows


def chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns stacked histograms of influence, one per size.

    Args:
      rows: rows of `table`, at least one.
      size_title: title of the axis of sizes.
    """
    groups = (ALL, SIGNIFICANT)
    color, _ = styles.scales(groups, "group")
    low = min(r["start"] for r in rows)
    width = theme.panel_width(rows, "series", columns=len(rows))
    x = alt.X(
        "start:Q",
        title=theme.fitted(
            "Influence (0 to 1, higher = training on the example helps more)", width
        ),
        scale=alt.Scale(domain=[min(0.15, low), 1], nice=False),
        axis=alt.Axis(grid=False, tickCount=5, labelOverlap="greedy", labelSeparation=8),
    )
    y = alt.Y(
        "count:Q",
        title="Number of pairs",
        scale=alt.Scale(type="sqrt"),
        axis=alt.Axis(
            values=_ticks(max(r["count"] for r in rows)),
            labelExpr="format(datum.value, '~s')",  # `format` would use one prefix for all ticks.
        ),
    )
    tooltip = [
        alt.Tooltip("group:N"),
        alt.Tooltip("size:N", title=size_title),
        alt.Tooltip("start:Q", format=".2f"),
        alt.Tooltip("end:Q", format=".2f"),
        alt.Tooltip("count:Q"),
    ]
    base = alt.Chart().encode(x=x, x2="end:Q", y=y, y2=alt.datum(0), color=color, tooltip=tooltip)
    layers = [
        base.transform_filter(alt.datum.group == group).mark_bar(stroke="#ffffff", strokeWidth=0.5)
        for group in groups
        if any(r["group"] == group for r in rows)  # Vega warns about layers without rows.
    ]
    layered = alt.LayerChart(layer=layers).properties(width=width, height=100)
    panels = theme.facets(layered, rows, column="series", row="size", row_title=size_title)
    return panels.properties(
        description="Histograms of the influence of high-influence pairs, one per model size: "
        "number of pairs per bin, on a square-root scale; in front the pairs whose false discovery "
        "rate q is at most 0.05."
    )


def _ticks(largest: int) -> list[int]:
    """Returns up to three counts that are well separated on a square-root scale."""
    candidates = [m * 10**e for e in range(7) for m in (1, 2, 5)]
    highest = max(c for c in candidates if c <= max(largest, 1))
    return sorted({max(1, round(highest * part)) for part in (0.04, 0.2, 1)})
