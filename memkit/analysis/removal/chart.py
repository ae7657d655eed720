"""Test accuracy after removing memorized examples or as many random ones, by threshold.

After Feldman & Zhang (2020), Figure 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from etils import epy

from memkit.charts import lines, theme
from memkit.estimators.removal import Utility
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

CURVES = ("memorized removed", "random removed")


def table(utilities: Iterable[Utility]) -> list[Json]:
    """Returns rows of both curves.

    The rows have curve, threshold, value, lower and upper (of test accuracy) and remaining (share
    of the training examples).
    """
    rows: list[Json] = []
    for utility in utilities:
        if utility.kind != "memorized":
            continue
        for curve, accuracy in zip(CURVES, (utility.without, utility.random), strict=True):
            rows.append(
                {
                    "curve": curve,
                    "threshold": utility.threshold,
                    **lines.interval(accuracy, (0, 1)),
                    "remaining": utility.remaining,
                }
            )
    return rows


def chart(rows: Sequence[Json]) -> alt.VConcatChart:
    """Returns test accuracy against the removal threshold, and below it the share that remains."""
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
        description="Test accuracy against the removal threshold.",
    )
    lower = (
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
    return alt.vconcat(upper, lower, spacing=18).properties(
        description="Test accuracy of models trained without the examples above a memorization "
        "threshold, and without as many random ones, with 95% bands over runs; below, the share "
        "of training examples left."
    )
