"""Agreement of two scores against a threshold.

To show consistency across architectures, Feldman & Zhang (2020) plot the Jaccard index of the sets
above a threshold and the mean difference of the scores against that threshold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from etils import epy

from memkit.charts import lines, styles, theme
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

_BOUNDS = {"jaccard": (0, 1), "difference": (-1, 1)}


def curve_table(names: Sequence[tuple[str, theme.Size]], curves: Mapping[str, Any]) -> list[Json]:
    """Returns one row per line, threshold and quantity.

    Args:
      names: [(name of the line, group that determines its color)], for L lines.
      curves: {"thresholds", "jaccard", "difference", "num_first", "num_second": [L, K]}, the
        stacked fields of `comparisons.Curves`, and "jaccard_margin" and "difference_margin" if
        known.
    """
    unknown = np.full(np.shape(curves["thresholds"]), np.nan)
    margins = {
        quantity: curves[key] if (key := f"{quantity}_margin") in curves else unknown
        for quantity in _BOUNDS
    }
    return [
        {
            "line": name,
            "group": str(group),
            "quantity": quantity,
            "threshold": float(curves["thresholds"][i][k]),
            **_interval(curves[quantity][i][k], margins[quantity][i][k], bounds),
            "num_first": int(curves["num_first"][i][k]),
            "num_second": int(curves["num_second"][i][k]),
        }
        for i, (name, group) in enumerate(names)
        for quantity, bounds in _BOUNDS.items()
        for k in range(len(curves["thresholds"][i]))
    ]


def _interval(value: float, margin: float, bounds: tuple[float, float]) -> dict[str, float]:
    lower, upper = np.clip([value - margin, value + margin], *bounds)
    return {"value": float(value), "lower": float(lower), "upper": float(upper)}


def curve_chart(
    rows: list[Json], *, group_title: str, difference_title: theme.Title
) -> alt.VConcatChart:
    """Returns two stacked panels: Jaccard index and mean difference against the threshold.

    Args:
      rows: rows of `curve_table`; undefined values leave a gap.
      group_title: title of the legend.
      difference_title: title of the second vertical axis; names the score that is subtracted.
    """
    groups = list(dict.fromkeys(r["group"] for r in rows))
    color, _ = styles.size_scales(groups, "group", title=group_title)
    if len(groups) == 1:
        color = styles.scales(groups, "group")[0].legend(None)
    panels = (
        ("jaccard", ["Jaccard index of the sets", "(0 to 1, higher = same examples)"], [0, 1]),
        ("difference", difference_title, None),
    )
    charts = []
    for quantity, title, domain in panels:
        scale = alt.Scale(domain=domain) if domain else alt.Scale(zero=True)
        charts.append(_curve_panel(rows, quantity, title, scale, color))
    return alt.vconcat(*charts, spacing=theme.SPACING).properties(
        description="Agreement of two scores against a threshold: Jaccard index of the sets of "
        "examples at or above it, and mean difference of the scores over their union. Bands, "
        "if any, are 95% intervals over runs."
    )


def _curve_panel(
    rows: list[Json], quantity: str, title: theme.Title, scale: alt.Scale, color: alt.Color
) -> alt.LayerChart:
    axis = alt.Axis(grid=False, tickCount=5)
    if quantity == "jaccard":
        axis.title = None  # The lower panel has the title of both.
    base = alt.Chart().encode(
        x=alt.X(
            "threshold:Q",
            title="Threshold (higher = fewer examples are above it)",
            scale=alt.Scale(domain=[0, 1]),
            axis=axis,
        ),
        y=alt.Y("value:Q", title=title, scale=scale),
        color=color,
        detail="line:N",
        tooltip=[
            alt.Tooltip("line:N"),
            alt.Tooltip("threshold:Q", format=".2f"),
            *(alt.Tooltip(f"{k}:Q", format=".3f") for k in ("value", "lower", "upper")),
            alt.Tooltip("num_first:Q", title="examples above, first"),
            alt.Tooltip("num_second:Q", title="examples above, second"),
        ],
    )
    band = base.mark_area(opacity=0.18).encode(
        y=alt.Y("lower:Q", title=title, scale=scale), y2="upper:Q"
    )
    layers = [band, base.mark_line(), base.mark_point(filled=True, size=22, opacity=1)]
    if quantity == "difference":
        zero = alt.Chart().mark_rule(**theme.REFERENCE)
        layers.insert(0, zero.encode(y=alt.YDatum(0)))
    data = theme.data(r for r in rows if r["quantity"] == quantity)
    return alt.LayerChart(layer=layers, data=data).properties(
        width=theme.WIDTH, height=lines.PANEL_HEIGHT
    )
