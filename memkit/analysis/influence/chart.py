"""Histogram of the influence of high-influence pairs (Feldman & Zhang 2020, section 3.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from etils import epy

from memkit.charts import layout, lines, styles, theme
from memkit.estimators.influence import bin_edges
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

HEIGHT = 80
LEVEL = 0.05
SIGNIFICANT, ALL, CHANCE = "q at most 0.05", "all pairs", "expected by chance"


def table(
    points: Sequence[lines.OnAxis],
    pairs: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]],
    *,
    min_influence: float,
) -> list[Json]:
    """Returns the number of pairs in each of 18 bins of influence, as in the paper.

    Args:
      points: the points of a study.
      pairs: {point name: (influence [P] at or above min_influence, q [P], number of pairs expected
        by chance per bin [18])}; absent points give no rows.
      min_influence: float in (0, 1), start of the first bin; the last bin ends at 1.

    Returns:
      Row dicts with name, series, size, group ("all pairs", the subset with "q at most 0.05", or
      "expected by chance"), start and end of the bin, and count of pairs. Empty bins give no rows;
      neither do points without pairs.
    """
    edges = bin_edges(min_influence)
    rows: list[Json] = []
    for point in lines.sized(points):
        if point.name not in pairs:
            continue
        infl, q, chance = (np.asarray(values, float) for values in pairs[point.name])
        if not infl.size:
            continue
        # Means of 0/1 outcomes lie on bin edges up to float rounding.
        clipped = np.clip(infl + 1e-9, min_influence, 1)
        counts = {
            ALL: np.histogram(clipped, edges)[0],
            SIGNIFICANT: np.histogram(clipped[q <= LEVEL], edges)[0],
            CHANCE: chance.round(2),
        }
        rows += [
            {
                "name": point.name,
                "series": point.series,
                "size": str(point.size),
                "group": group,
                "start": float(edges[b]),
                "end": float(edges[b + 1]),
                "count": float(count[b]),
            }
            for group, count in counts.items()
            for b in np.flatnonzero(count)
        ]
    return rows


def chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns stacked histograms of influence, one per size, with the pairs expected by chance.

    A sentence above them names the sizes at which no pair is beyond chance.

    Args:
      rows: rows of `table`, at least one.
      size_title: title of the axis of sizes.
    """
    color, _ = styles.scales((ALL, SIGNIFICANT, CHANCE), "group")
    low = min(r["start"] for r in rows)
    width = layout.panel_width(rows, "series", columns=len(rows))
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
    base = alt.Chart().encode(x=x, x2="end:Q", y=y, color=color, tooltip=tooltip)
    marks: dict[str, Callable[[alt.Chart], alt.Chart]] = {
        ALL: lambda of: of.mark_bar(stroke="#ffffff", strokeWidth=0.5).encode(y2=alt.datum(0)),
        SIGNIFICANT: lambda of: of.mark_bar(stroke="#ffffff", strokeWidth=0.5).encode(
            y2=alt.datum(0)
        ),
        CHANCE: lambda of: of.transform_filter("datum.count >= 0.5").mark_rule(strokeWidth=3),
    }
    layers = [
        draw(base.transform_filter(alt.datum.group == group))
        for group, draw in marks.items()
        if any(r["group"] == group for r in rows)  # Vega warns about layers without rows.
    ]
    layered = alt.LayerChart(layer=layers).properties(width=width, height=HEIGHT)
    panels = layout.facets(
        layered, _counted(rows), column="series", row="panel", row_title=size_title
    )
    return layout.noted(
        panels,
        _verdict(rows, size_title.partition(" (")[0].lower()),
        "Histograms of the influence of high-influence pairs, one per model size: "
        "number of pairs per bin, on a square-root scale; in front the pairs whose false discovery "
        "rate q is at most 0.05, and as lines the numbers expected by chance.",
    )


def _counted(rows: Sequence[Json]) -> list[Json]:
    """Returns the rows with a field `panel`: the size, and in a single series its numbers."""
    if len({r["series"] for r in rows}) > 1 or len({r["size"] for r in rows}) == 1:
        return [r | {"panel": r["size"]} for r in rows]
    totals = {
        (r["size"], group): sum(
            other["count"]
            for other in rows
            if (other["size"], other["group"]) == (r["size"], group)
        )
        for r in rows
        for group in (ALL, CHANCE)
    }

    def panel(size: str) -> str:
        listed, chance = (totals[size, group] for group in (ALL, CHANCE))
        return f"{size} ({listed:,.0f} pairs, {chance:,.0f} by chance)"

    return [r | {"panel": panel(r["size"])} for r in rows]


def _verdict(rows: Sequence[Json], noun: str) -> str:
    """Returns a sentence on the points without a pair beyond chance, "" if every point has one."""
    found = {r["name"] for r in rows if r["group"] == SIGNIFICANT}
    if not found:
        return "No pair is beyond chance: none has q of at most 0.05."
    without: dict[str, list[str]] = {}
    for series, size in dict.fromkeys(
        (r["series"], r["size"]) for r in rows if r["name"] not in found
    ):
        without.setdefault(series, []).append(size)
    if not without:
        return ""
    has_series = len({r["series"] for r in rows}) > 1
    places = [
        f"{noun} {', '.join(sizes)}{f' of {series}' * has_series}"
        for series, sizes in without.items()
    ]
    return f"No pair is beyond chance at {' and '.join(places)}."


def _ticks(largest: int) -> list[int]:
    """Returns up to three counts that are well separated on a square-root scale."""
    candidates = [m * 10**e for e in range(7) for m in (1, 2, 5)]
    highest = max(c for c in candidates if c <= max(largest, 1))
    return sorted({max(1, round(highest * part)) for part in (0.04, 0.2, 1)})
