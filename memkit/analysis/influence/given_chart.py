"""Memorization of train examples against the influence that they have on test examples.

Asked for in the reviews of Feldman & Zhang (2020): whether the memorized examples are the useful
ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from etils import epy

from memkit.charts import comparison, styles, theme
from memkit.typing import FloatArray, Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

LEAST = 10  # A bin of fewer examples has no mean.
MOST_MARKED = 500
MEAN, BEYOND = "mean", "beyond chance"


def given(top_infl: npt.ArrayLike, min_influence: float) -> FloatArray:
    """Returns the sum of the strong influences of each train example, float [N].

    Args:
      top_infl: float [N, k], the strongest influences of each example on test examples; NaN where
        fewer are positive.
      min_influence: smallest influence that counts.
    """
    infl = np.asarray(top_infl, float)
    return np.where(infl >= min_influence, infl, 0).sum(axis=1)


def table(
    panels: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike]],
    edges: FloatArray,
) -> list[Json]:
    """Returns a joint histogram, the mean per bin of memorization, and examples beyond chance.

    Args:
      panels: {panel: (memorization [N], influence given [N], bool [N]: True for an example that
        has a pair beyond chance)}; examples with a NaN are ignored.
      edges: [B + 1] float, edges of the bins of memorization, which cover its values.

    Returns:
      The rows of `comparison.joint_table` with group "cell"; rows of panel, group "mean", x, value,
      lower and upper of each bin of memorization that has LEAST examples; rows of panel,
      group "beyond chance", x and value of the examples beyond chance, the MOST_MARKED with the
      most influence.
    """
    rows = [
        row | {"group": "cell"}
        for row in comparison.joint_table(
            {name: (m, g) for name, (m, g, _) in panels.items()}, (edges, None)
        )
    ]
    for panel, (memorization, influence, is_beyond) in panels.items():
        x, y = np.asarray(memorization, float), np.asarray(influence, float)
        is_defined = np.isfinite(x) & np.isfinite(y)
        rows += [
            {"panel": panel, "group": MEAN, **mean}
            for mean in _means(x[is_defined], y[is_defined], edges)
        ]
        marked = np.flatnonzero(is_defined & np.asarray(is_beyond))
        marked = marked[np.argsort(-y[marked], kind="stable")[:MOST_MARKED]]
        rows += [
            {"panel": panel, "group": BEYOND, "x": float(x[i]), "value": float(y[i])}
            for i in marked
        ]
    return rows


def _means(x: FloatArray, y: FloatArray, edges: FloatArray) -> list[dict[str, float]]:
    """Returns the mean of y with its 95% interval over examples in each bin of x."""
    # Means of 0/1 outcomes lie on the edges of bins up to float rounding.
    place = np.digitize(x + 1e-9, edges) - 1
    rows = []
    for b, center in enumerate((edges[:-1] + edges[1:]) / 2):
        members = y[place == b]
        if len(members) >= LEAST:
            mean, margin = members.mean(), 1.96 * members.std(ddof=1) / np.sqrt(len(members))
            interval = {"lower": max(0.0, mean - margin), "upper": mean + margin}
            rows.append({"x": float(center), "value": mean, **interval})
    return rows


def chart(rows: Sequence[Json], *, min_influence: float, strongest: int) -> theme.Panels:
    """Returns how much influence the examples of each memorization have, at the largest size.

    Args:
      rows: rows of `table`.
      min_influence: smallest influence that counts.
      strongest: number of influences per example that are known.
    """
    names = [name for name in (MEAN, BEYOND) if any(r["group"] == name for r in rows)]
    first = ["Memorization (-1 to 1,", "higher = more memorized)"]
    second = [
        f"Influence given (sum of up to {strongest}",
        f"of at least {min_influence:g}, higher = more)",
    ]
    panels = comparison.joint_chart(
        list(rows),
        first=first,
        second=second,
        over=_over(names, first, second) if names else None,
    )
    return panels.properties(
        description="Joint histogram of memorization and of the sum of strong influences that an "
        "example has on test examples, with the mean per bin of memorization and its 95% interval "
        "over examples; diamonds are examples with a pair beyond chance."
    )


def _over(names: Sequence[str], first: theme.Title, second: theme.Title) -> alt.LayerChart:
    """Returns what is in front of the cells: means with their intervals, and examples."""
    color, shape = styles.scales(names, "group")
    if len(names) > 1:  # The legend of the cells is at the top.
        legend = alt.Legend(orient="bottom")
        color, shape = color.legend(legend), shape.legend(legend)
    base = alt.Chart().encode(x=alt.X("x:Q", title=first), color=color)
    of_mean, beyond = (base.transform_filter(alt.datum.group == name) for name in (MEAN, BEYOND))
    tooltip = [alt.Tooltip("x:Q", format=".2f"), alt.Tooltip("value:Q", format=".2f")]
    mean = [
        of_mean.mark_rule(strokeWidth=2).encode(y=alt.Y("lower:Q", title=second), y2="upper:Q"),
        of_mean.mark_line().encode(y=alt.Y("value:Q", title=second)),
        of_mean.mark_point(filled=True, size=40, opacity=1).encode(
            y=alt.Y("value:Q", title=second), shape=shape, tooltip=tooltip
        ),
    ]
    mark = beyond.mark_point(filled=True, size=40, opacity=1).encode(
        y=alt.Y("value:Q", title=second), shape=shape, tooltip=tooltip
    )
    return alt.LayerChart(
        layer=[*(mean if MEAN in names else []), *([mark] if BEYOND in names else [])]
    )
