"""Histograms of memorization per model size.

Lukasik et al. (2024), section 3.3: with size, the distribution moves towards 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from etils import epy

from memkit.analysis.distribution.estimate import BIN_EDGES
from memkit.analysis.distribution.result import Histograms
from memkit.charts import layout, lines, styles, theme
from memkit.typing import FloatArray, Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt


def table(
    points: Sequence[lines.OnAxis],
    histograms: Mapping[str, Histograms],
    edges: FloatArray = BIN_EDGES,
) -> list[Json]:
    """Returns the share of each group per bin of memorization.

    Args:
      points: the points of a study.
      histograms: {point name: Histograms}; absent points give no rows.
      edges: [B + 1], edges of their bins.

    Returns:
      Row dicts with name, series, size, group ("all", or "clean" and "planted"), start and end of
      the bin, share of the group's defined examples in [0, 1], and their count.
      Empty bins and groups give no rows.
    """
    rows: list[Json] = []
    for point in lines.sized(points):
        if point.name not in histograms:
            continue
        of_point = histograms[point.name]
        is_planted = of_point.planted.any()
        for group, counts in (
            ("clean" if is_planted else "all", of_point.clean),
            ("planted", of_point.planted),
        ):
            rows.extend(
                {
                    "name": point.name,
                    "series": point.series,
                    "size": str(point.size),
                    "group": group,
                    "start": float(edges[b]),
                    "end": float(edges[b + 1]),
                    "share": float(counts[b] / counts.sum()),
                    "count": round(float(counts[b]), 1),
                }
                for b in np.flatnonzero(counts)
            )
    return rows


def chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns one histogram per size, stacked so that their modes can be compared.

    Args:
      rows: rows of `table`.
      size_title: title of the axis of sizes.
    """
    groups = list(dict.fromkeys(r["group"] for r in rows))
    color, _ = styles.scales(groups, "group")
    width = layout.panel_width(rows, "series", columns=len(rows))
    x = alt.X(
        "start:Q",
        title=theme.fitted("Memorization (-1 to 1, higher = more memorized)", width),
        scale=alt.Scale(domain=_domain(rows), nice=False),
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
            .transform_calculate(
                start="0.7 * datum.start + 0.3 * datum.end",
                end="0.3 * datum.start + 0.7 * datum.end",
            )
            .mark_bar(opacity=1, stroke="#ffffff", strokeWidth=0.5)
        )
    layered = alt.LayerChart(layer=layers).properties(width=width, height=70)
    panels = layout.facets(layered, rows, column="series", row="size", row_title=size_title)
    return panels.properties(
        description="Histograms of memorization, one per model size: share of the examples of "
        "each group per bin, on a square-root scale so that small groups can be seen."
    )


def _domain(rows: Sequence[Json]) -> list[float]:
    return [min([-0.25, *(r["start"] for r in rows)]), max([1, *(r["end"] for r in rows)])]
