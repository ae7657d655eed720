"""Proxies compared with memorization: their means against size, and their leaderboard.

Lukasik et al. (2024), section 3.5: proxies agree with memorization at one size but do not follow it
across sizes. `means_*` shows the means, `board_*` and `across_*` the agreements.
"""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np

from memkit.charts import dots, lines, theme
from memkit.typing import Json

# {statistic across sizes: title of its panel}
ACROSS = {
    "along_pearson": "along the sizes",
    "along_pearson_clean": "along, clean labels",
    "change_pearson": "last - first size",
}
_PANEL_HEIGHT = 110


def means_table(points: Sequence[Json], by_point: Json, *, titles: Mapping[str, str]) -> list[Json]:
    """Returns rows of `lines.row` with means over examples and runs, memorization first.

    Args:
      points: the points of a study's summary.
      by_point: summary["proxies"]["points"]; points without an entry give no rows.
      titles: {proxy: title of its panel, with the direction}.
    """
    rows: list[Json] = []
    for point, size in lines.with_sizes(points):
        if point["name"] not in by_point:
            continue
        proxies = by_point[point["name"]]["means"]
        is_split = point["planted"] is not None
        groups = (
            {"clean": point["clean"], "planted": point["planted"]} if is_split else {"all": point}
        )
        for group, numbers in groups.items():
            memorization = numbers["mean_memorization"], numbers["mean_memorization_margin"]
            panels = {"memorization (higher = more)": memorization}
            for name, by_group in proxies.items():
                panels[titles[name]] = by_group[group]["mean"], by_group[group]["margin"]
            rows += [
                lines.row(
                    point,
                    size,
                    quantity=group,
                    value=value,
                    margin=margin,
                    bounds=(-np.inf, np.inf),
                    panel=panel,
                )
                for panel, (value, margin) in panels.items()
            ]
    return rows


def means_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels | alt.VConcatChart:
    """Returns small multiples of mean memorization and mean proxies, each with its own scale.

    Args:
      rows: rows of `means_table`.
      size_title: title of the axis of sizes.
    """
    return lines.by_series(
        rows,
        size_title=size_title,
        title="Mean over runs",
        shared_y=False,
        height=_PANEL_HEIGHT,
        description="Mean memorization and mean of every proxy against model size, each with its "
        "own scale. Bands are 95% intervals over runs.",
    )


def board_table(
    points: Sequence[Json],
    by_point: Json,
    *,
    labels: Mapping[str, str],
    statistic: str = "spearman",
) -> list[Json]:
    """Returns rows of `dots.row`: agreement with memorization per size, and the ceiling.

    Args:
      points: the points of a study's summary.
      by_point: summary["proxies"]["points"].
      labels: {proxy: text}.
      statistic: "spearman" or "pearson".
    """
    rows: list[Json] = []
    for fields, summary in dots.per_size(points, by_point):
        ceiling = summary["ceiling"][statistic], summary["ceiling"][f"{statistic}_margin"]
        rows += [dots.row(fields, p, dots.CEILING, *ceiling) for p in (dots.AVERAGED, dots.SINGLE)]
        rows += [
            dots.row(fields, panel, labels[name], value, margin)
            for name, entry in summary["board"].items()
            for panel, value, margin in dots.averaged_and_single(entry, statistic)
        ]
    return rows


def board_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels | alt.VConcatChart:
    """Returns dots of Spearman's correlation with memorization, one color per size.

    Args:
      rows: rows of `board_table`.
      size_title: title of the legend.
    """
    return dots.chart(
        rows,
        title=["Spearman's correlation with memorization", "(1 = same ranking, 0 = none)"],
        rule=0.0,
        color_title=size_title,
        description="Rank correlation of each proxy (with the sign for which higher means harder) "
        "with memorization estimated from other runs, per model size; bars are 95% intervals over "
        "runs. The ceiling is the largest correlation that a score without noise could reach.",
    )


def across_table(by_series: Json, *, labels: Mapping[str, str]) -> list[Json]:
    """Returns rows of `dots.row`: agreement across sizes, with the panels of `ACROSS`.

    Args:
      by_series: summary["proxies"]["series"].
      labels: {proxy: text}.
    """
    rows: list[Json] = []
    for series, summary in by_series.items():
        for statistic, panel in ACROSS.items():
            if statistic not in summary["ceiling"]:
                continue
            fields = {"series": series, "kind": dots.AVERAGED}
            ceiling = summary["ceiling"][statistic], summary["ceiling"][f"{statistic}_margin"]
            rows.append(dots.row(fields, panel, dots.CEILING, *ceiling))
            rows += [
                dots.row(fields | {"kind": kind}, panel, labels[name], value, margin)
                for name, entry in summary["board"].items()
                for kind, value, margin in dots.averaged_and_single(entry, statistic)
            ]
    return rows


def across_chart(rows: Sequence[Json]) -> theme.Panels | alt.VConcatChart:
    """Returns dots of the correlations across sizes; below 0 the proxy moves the wrong way."""
    return dots.chart(
        rows,
        title=["Pearson's correlation", "(below 0 = against it)"],
        rule=0.0,
        color_title="Proxy",
        description="Does a proxy follow memorization across model sizes? Correlation along the "
        "axis, averaged over the examples whose memorization changes, and correlation of the "
        "changes from the first to the last size; bars are 95% intervals over runs.",
    )
