"""Test accuracy without memorized examples and without random ones, by threshold.

Feldman and Zhang (2020), Figure 2.
"""

from collections.abc import Iterable, Sequence

import altair as alt

from memkit.charts import lines, theme
from memkit.typing import Json

CURVES = {"memorized removed": "without", "random removed": "random"}


def table(utilities: Iterable[Json]) -> list[Json]:
    """Returns rows of both curves from `removal.utility`: threshold, value, bounds, remaining."""
    rows: list[Json] = []
    for found in utilities:
        if found["kind"] != "memorized":
            continue
        for curve, key in CURVES.items():
            rows.append(
                {
                    "curve": curve,
                    "threshold": found["threshold"],
                    **lines.interval(found[key], found[f"{key}_margin"], (0, 1)),
                    "remaining": found["remaining"],
                }
            )
    return rows


def chart(rows: Sequence[Json]) -> alt.VConcatChart:
    """Returns test accuracy against the threshold of removal, and below it what share remains."""
    x = alt.X(
        "threshold:Q",
        title="Removed: memorization at least (higher = more memorized)",
        scale=alt.Scale(nice=False, padding=12),
    )
    upper = lines.chart(
        rows,
        x=x,
        title="Test accuracy (0 to 1, higher = better)",
        names=CURVES,
        field="curve",
        layout_row=None,
        scale=alt.Scale(zero=False),
        description="Test accuracy against the threshold of removal.",
    )
    below = (
        alt.Chart(theme.data(rows))
        .mark_line(color="#8A8A8A", point={"color": "#8A8A8A"})
        .encode(
            x=x,
            y=alt.Y(
                "remaining:Q",
                title=["Training examples", "left (share of all)"],
                scale=alt.Scale(domain=[0, 1]),
            ),
        )
        .properties(width=theme.WIDTH, height=90)
    )
    return alt.vconcat(upper, below, spacing=18).properties(
        description="Test accuracy of models trained without the examples above a memorization "
        "threshold, and without as many random ones, with 95% bands over runs; below, the share "
        "of training examples left."
    )
