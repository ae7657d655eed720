"""Proxies: beside memorization over size, and their leaderboard.

Lukasik et al. (2024), section 3.5: proxies agree with memorization at one size and yet do not
follow it across sizes. `means_*` shows the paths, `board_*` and `across_*` the agreements.
"""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np

from memkit.charts import dots, lines, theme
from memkit.typing import Json

# Statistics across sizes, with the titles of their panels.
ACROSS = {
    "along_pearson": "along the sizes",
    "along_pearson_clean": "along, clean labels",
    "change_pearson": "last - first size",
}
_PANEL_HEIGHT = 110


def means_table(points: Sequence[Json], found: Json, *, titles: Mapping[str, str]) -> list[Json]:
    """Returns rows of `lines.row`: means over examples and runs, memorization first.

    Args:
      points: the points of a study's summary.
      found: summary["proxies"]["points"]; a point it lacks gives no rows.
      titles: {proxy: title of its panel, with the direction}.
    """
    rows: list[Json] = []
    for point, size in lines.placed(points):
        if point["name"] not in found:
            continue
        apart = point["planted"] is not None
        groups = {"clean": "clean", "planted": "planted"} if apart else {"all": None}
        for group, part in groups.items():
            source = point if part is None else point[part]
            entries = {"memorization (higher = more)": ("mean_memorization", source)}
            means = {
                titles[name]: by_group[group]
                for name, by_group in found[point["name"]]["means"].items()
            }
            for panel, (value, margin) in (
                *((p, (s[k], s[f"{k}_margin"])) for p, (k, s) in entries.items()),
                *((p, (m["mean"], m["margin"])) for p, m in means.items()),
            ):
                rows.append(
                    lines.row(
                        point,
                        size,
                        quantity=group,
                        value=value,
                        margin=margin,
                        bounds=(-np.inf, np.inf),
                        panel=panel,
                    )
                )
    return rows


def means_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels | alt.VConcatChart:
    """Returns small multiples of mean memorization and mean proxies, each on its own scale.

    Args:
      rows: rows of `means_table`.
      size_title: what the axis of sizes holds.
    """
    return lines.by_series(
        rows,
        size_title=size_title,
        title="Mean over runs",
        shared_y=False,
        height=_PANEL_HEIGHT,
        description="Mean memorization and mean of every proxy against model size, each on its own "
        "scale. Bands are 95% intervals over runs.",
    )


def board_table(
    points: Sequence[Json], found: Json, *, labels: Mapping[str, str], statistic: str = "spearman"
) -> list[Json]:
    """Returns rows of `dots.row`: agreement with memorization per size, the ceiling beside it.

    Args:
      points: the points of a study's summary.
      found: summary["proxies"]["points"].
      labels: {proxy: text}.
      statistic: "spearman" or "pearson".
    """
    rows: list[Json] = []
    for same, part in dots.per_size(points, found):
        ceiling = part["ceiling"][statistic], part["ceiling"][f"{statistic}_margin"]
        rows += [dots.row(same, p, dots.CEILING, *ceiling) for p in (dots.AVERAGED, dots.SINGLE)]
        rows += [
            dots.row(same, panel, labels[name], value, margin)
            for name, entry in part["board"].items()
            for panel, value, margin in dots.both(entry, statistic)
        ]
    return rows


def board_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels | alt.VConcatChart:
    """Returns dots of Spearman's correlation with memorization, one color per size.

    Args:
      rows: rows of `board_table`.
      size_title: what the axis of sizes holds; the legend's title.
    """
    return dots.chart(
        rows,
        title=["Spearman's correlation with memorization", "(1 = same ranking, 0 = none)"],
        rule=0.0,
        color_title=size_title,
        description="Rank correlation of each proxy, turned so that higher means harder, with "
        "memorization estimated from other runs, per model size; bars are 95% intervals over "
        "runs. The ceiling is what a score without noise could reach at most.",
    )


def across_table(found: Json, *, labels: Mapping[str, str]) -> list[Json]:
    """Returns rows of `dots.row`: agreement across sizes, panels by `ACROSS`.

    Args:
      found: summary["proxies"]["series"].
      labels: {proxy: text}.
    """
    rows: list[Json] = []
    for series, part in found.items():
        for statistic, panel in ACROSS.items():
            if statistic not in part["ceiling"]:
                continue
            same = {"series": series, "kind": dots.AVERAGED}
            ceiling = part["ceiling"][statistic], part["ceiling"][f"{statistic}_margin"]
            rows.append(dots.row(same, panel, dots.CEILING, *ceiling))
            rows += [
                dots.row(same | {"kind": kind}, panel, labels[name], value, margin)
                for name, entry in part["board"].items()
                for kind, value, margin in dots.both(entry, statistic)
            ]
    return rows


def across_chart(rows: Sequence[Json]) -> theme.Panels | alt.VConcatChart:
    """Returns dots of the correlations across sizes: below 0 the proxy moves the wrong way."""
    return dots.chart(
        rows,
        title=["Pearson's correlation", "(below 0 = against it)"],
        rule=0.0,
        color_title="Proxy",
        description="Does a proxy follow memorization across model sizes? Correlation along the "
        "axis, averaged over the examples whose memorization changes, and correlation of the "
        "changes from the first to the last size; bars are 95% intervals over runs.",
    )
