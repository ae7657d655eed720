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
from memkit.charts import layout, lines, styles, theme
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

BAND = (0.1, 0.9)
CONSTANT = "constant"
LEAST_MEMBERS = 5  # A mean and a band of fewer examples say nothing of their class.
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
    """Returns bars of the shares of the classes that are not constant, with ticks at chance.

    The share of constant trajectories, which would hide the others, stands in the panel titles.

    Args:
      rows: rows of `table`.
    """
    panels = {(r["series"], r["alpha"]): r for r in rows if r["class"] == CONSTANT}
    several = len({series for series, _ in panels}) > 1
    titles = {key: _panel(*key, row, several=several) for key, row in panels.items()}
    drawn = [r | {"panel": titles[r["series"], r["alpha"]]} for r in rows if _is_drawn(r)]
    columns = theme.MAX_COLUMNS if several else 1
    if several:  # Thresholds are below each other, series side by side.
        drawn.sort(key=lambda r: r["alpha"])
    names = list(dict.fromkeys(r["class"] for r in drawn))
    width = layout.panel_width(drawn, "panel", width=theme.WIDTH - _LABEL_WIDTH, columns=columns)
    layered = alt.LayerChart(layer=_bars(drawn, names)).properties(
        width=width, height=20 * max(1, len(names))
    )
    return layout.facets(layered, drawn, column="panel", columns=columns).properties(
        description="Share of examples per class of trajectory that is not constant, for each "
        "threshold alpha, as bars, with their 95% intervals over runs and a tick at the share "
        "expected if model size had no effect."
    )


def _is_drawn(row: Json) -> bool:
    """Returns True for the classes that change, and for undefined ones if there are any."""
    if row["class"] == "undefined":
        return bool(row["share"] > 0)
    return bool(row["class"] != CONSTANT)


def _panel(series: str, alpha: str, constant: Json, *, several: bool) -> str:
    """Returns the title of a panel: series and threshold, and below them what is constant."""
    first = f"{series}, {alpha}" if several else alpha
    if not np.isfinite(constant["share"]):
        return first
    lines = [first, f"{constant['share']:.1%} constant"]
    if np.isfinite(constant["null"]):
        lines.append(f"({constant['null']:.1%} by chance)")
    return "\n".join(lines) if several else f"{first}\n{' '.join(lines[1:])}"


def _bars(rows: Sequence[Json], names: Sequence[str]) -> list[alt.Chart]:
    color, _ = styles.scales(names, "class")
    largest = float(np.nanmax([r[k] for r in rows for k in ("share", "upper", "null")]))
    # The numbers stand to the right of the bars.
    scale = alt.Scale(domain=[0, 1.3 * max(largest, 0.01)], nice=False)
    title = "Share of all examples (tick: by chance)"
    base = alt.Chart().encode(
        y=alt.Y("class:N", title="Class of trajectory", sort=list(names)),
        tooltip=[
            alt.Tooltip("class:N"),
            *(alt.Tooltip(f"{k}:Q", format=".1%") for k in ("share", "lower", "upper")),
            alt.Tooltip("null:Q", format=".1%", title="by chance"),
        ],
    )

    def at(field: str) -> alt.X:
        axis = alt.Axis(format="~%", tickCount=4)
        return alt.X(f"{field}:Q", title=title, scale=scale, axis=axis)

    numbers = base.transform_calculate(
        end="max(datum.share, datum.upper, datum.null)", text="format(datum.share, '.1%')"
    )
    return [
        base.mark_bar(size=12).encode(
            x=at("share"), color=alt.Color("class:N", scale=color["scale"], legend=None)
        ),
        base.mark_rule(color="#222222").encode(x=at("lower"), x2="upper:Q"),
        base.mark_tick(thickness=3, size=17, color="#000000", opacity=1).encode(x=at("null")),
        numbers.mark_text(align="left", dx=6, fontSize=theme.TEXT, color="#222222").encode(
            x=at("end"), text="text:N"
        ),
    ]


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
                "count": len(members),
                "value": mean,
                "lower": lo,
                "upper": hi,
            }
            for size, mean, lo, hi in zip(sizes, members.mean(axis=0), low, high, strict=True)
        )
    order = list(styles.STYLES)
    return sorted(rows, key=lambda r: order.index(r["quantity"]))


def mean_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns the mean trajectory of each class, one panel per class; series are stacked.

    A class of fewer than `LEAST_MEMBERS` examples is named above the panels instead, unless no
    class has more.

    Args:
      rows: rows of `mean_table`.
      size_title: title of the axis of sizes.
    """
    drawn = [r for r in rows if r["count"] >= LEAST_MEMBERS] or list(rows)
    panels = {r["panel"] for r in drawn}
    small = dict.fromkeys(r["panel"] for r in rows if r["panel"] not in panels)
    note = f"Too few examples to draw: {', '.join(small)}." if small else ""
    description = (
        "Mean memorization against model size for the examples of each class of trajectory. Bands "
        "hold the middle 80% of the examples."
    )
    chart = lines.by_series(
        drawn,
        size_title=size_title,
        title=["Memorization (-1 to 1,", "higher = more memorized)"],
        legend=False,
        description=description,
    )
    return layout.noted(chart, note, description)
