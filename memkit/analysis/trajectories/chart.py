"""Shares of trajectory classes, compared with the null distribution, and the mean of each class.

The classes are those of `memkit.trajectories`. Lukasik et al. (2024), tables 1 and 2, vary the
threshold alpha in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from etils import epy

from memkit.analysis.trajectories.result import ClassShares
from memkit.charts import lines, styles, theme
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

BAND = (0.1, 0.9)
_LABEL_WIDTH = 52  # Names of classes are this much wider than the labels of numbers.


def label(name: str) -> str:
    """Returns the name of a class for readers, such as "cap-shaped"."""
    return name.replace("_", "-")


def middle_alpha(alphas: Iterable[float]) -> float:
    """Returns the middle one of the thresholds alpha."""
    order = sorted(alphas)
    return order[len(order) // 2]


def table(series: Mapping[str, Mapping[float, ClassShares]]) -> list[Json]:
    """Returns the share of examples per series, alpha and class, observed and under the null.

    Args:
      series: {series: {alpha: ClassShares}}.
    """
    return [
        {
            "series": name,
            "alpha": f"alpha = {alpha:g}",
            "class": label(kind),
            "share": share,
            "lower": float(np.clip(share - classes.margin[kind], 0, 1)),
            "upper": float(np.clip(share + classes.margin[kind], 0, 1)),
            "null": classes.null[kind] if kind in classes.null else np.nan,
        }
        for name, by_alpha in series.items()
        for alpha, classes in sorted(by_alpha.items())
        for kind, share in classes.shares.items()
    ]


def chart(rows: Sequence[Json]) -> theme.Panels:
    """Returns bars of the observed shares, with their intervals and ticks at the null shares.

    Args:
      rows: rows of `table`.
    """
    names = list(dict.fromkeys(r["class"] for r in rows))
    color, _ = styles.scales(names, "class")
    y = alt.Y("class:N", title="Class of trajectory", sort=names)
    base = alt.Chart().encode(
        y=y,
        tooltip=[
            alt.Tooltip("class:N"),
            *(alt.Tooltip(f"{k}:Q", format=".1%") for k in ("share", "lower", "upper")),
            alt.Tooltip("null:Q", format=".1%", title="by chance"),
        ],
    )
    title = ["Share of examples", "(tick: by chance)"]
    bars = base.mark_bar(size=13).encode(
        x=alt.X(
            "share:Q",
            title=title,
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="~%", tickCount=2),
        ),
        color=alt.Color("class:N", scale=color["scale"], legend=None),
    )
    intervals = base.mark_rule(color="#000000", opacity=0.7).encode(
        x=alt.X("lower:Q", title=title), x2="upper:Q"
    )
    ticks = base.mark_tick(thickness=3, size=20, color="#000000", opacity=1).encode(
        x=alt.X("null:Q", title=title)
    )
    width = theme.panel_width(rows, "alpha", width=theme.WIDTH - _LABEL_WIDTH, columns=3)
    layered = alt.LayerChart(layer=[bars, intervals, ticks]).properties(
        width=width, height=24 * max(1, len(names))
    )
    return theme.facets(layered, rows, column="alpha", row="series", columns=3).properties(
        description="Share of examples per class of trajectory for each threshold alpha, as bars, "
        "with their 95% intervals over runs and a tick at the share expected if model size had no "
        "effect."
    )


def mean_table(
    values: npt.ArrayLike, classes: npt.ArrayLike, *, series: str, sizes: Sequence[theme.Size]
) -> list[Json]:
    """Returns mean memorization per class and size, and the 10% and 90% quantiles of examples.

    Args:
      values: memorization float [N, A] along the axis.
      classes: the class of each example, text [N].
      series: name of the series.
      sizes: the A axis values.
    """
    rows: list[Json] = []
    values, classes = np.asarray(values, dtype=float), np.asarray(classes)
    for name in dict.fromkeys(classes.tolist()):
        members = values[classes == name]
        members = members[np.isfinite(members).all(axis=1)]
        if not len(members):
            continue
        low, high = np.quantile(members, BAND, axis=0)
        rows.extend(
            {
                "name": str(size),
                "series": series,
                "size": size,
                "quantity": label(name),
                "panel": f"{label(name)} ({len(members)})",
                "value": mean,
                "lower": lo,
                "upper": hi,
            }
            for size, mean, lo, hi in zip(sizes, members.mean(axis=0), low, high, strict=True)
        )
    order = list(styles.STYLES)
    return sorted(rows, key=lambda r: order.index(r["quantity"]))


def mean_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels | alt.VConcatChart:
    """Returns the mean trajectory of each class, one panel per class; series are stacked.

    Args:
      rows: rows of `mean_table`.
      size_title: title of the axis of sizes.
    """
    return lines.by_series(
        rows,
        size_title=size_title,
        title=["Memorization (-1 to 1,", "higher = more memorized)"],
        legend=False,
        description="Mean memorization against model size for the examples of each class of "
        "trajectory. Bands hold the middle 80% of the examples.",
    )
