"""Proxies compared with memorization: their means against size, and their leaderboard.

Lukasik et al. (2024), section 3.5: proxies agree with memorization at one size but do not follow it
across sizes. `means_*` shows the means, `board_*` and `across_*` the agreements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from memkit.analysis.proxies.result import (
    Leaderboard,
    PointProxies,
    ProxyAgreement,
    SeriesProxies,
)
from memkit.charts import dots, lines, theme
from memkit.estimators import WithError
from memkit.typing import Json

# {statistic across sizes: title of its panel}
ACROSS = {
    "along_pearson": "along the sizes",
    "along_pearson_clean": "along, clean labels",
    "change_pearson": "last - first size",
}
_PANEL_HEIGHT = 110


def means_table(
    points: Sequence[lines.OnAxis],
    by_point: Mapping[str, PointProxies],
    memorization: Mapping[str, Mapping[str, WithError]],
    *,
    titles: Mapping[str, str],
) -> list[Json]:
    """Returns rows of `lines.row` with means over examples and runs, memorization first.

    Args:
      points: points of a study.
      by_point: {point name: PointProxies}; points without an entry give no rows.
      memorization: {group of examples: {point name: mean memorization}}.
      titles: {proxy: title of its panel, with the direction}.
    """
    rows: list[Json] = []
    for point in lines.sized(points):
        if point.name not in by_point:
            continue
        for group, means in memorization.items():
            panels = {"memorization (higher = more)": means[point.name]}
            for name, by_group in by_point[point.name].means.items():
                panels[titles[name]] = by_group[group]
            rows += [
                lines.row(point, group, estimate, bounds=(-np.inf, np.inf), panel=panel)
                for panel, estimate in panels.items()
            ]
    return rows


def means_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
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
    points: Sequence[lines.OnAxis],
    by_point: Mapping[str, PointProxies],
    *,
    labels: Mapping[str, str],
    statistic: str = "spearman",
) -> list[Json]:
    """Returns rows of `dots.row`: agreement with memorization per size, and the ceiling.

    Args:
      points: points of a study.
      by_point: {point name: PointProxies}.
      labels: {proxy: text}.
      statistic: "spearman" or "pearson".
    """
    rows: list[Json] = []
    for fields, of_point in dots.per_size(points, by_point):
        ceiling = of_point.board.ceiling[statistic]
        rows += [dots.row(fields, p, dots.CEILING, ceiling) for p in (dots.AVERAGED, dots.SINGLE)]
        rows += [
            dots.row(fields, panel, labels[name], estimate)
            for name, agreement in _of_statistic(of_point.board, statistic)
            for panel, estimate in dots.averaged_and_single(agreement.averaged, agreement.single)
        ]
    return rows


def _of_statistic(board: Leaderboard, statistic: str) -> list[tuple[str, ProxyAgreement]]:
    return [(name, by_statistic[statistic]) for name, by_statistic in board.proxies.items()]


def board_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
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


def across_table(
    by_series: Mapping[str, SeriesProxies], *, labels: Mapping[str, str]
) -> list[Json]:
    """Returns rows of `dots.row`: agreement across sizes, with the panels of `ACROSS`.

    Args:
      by_series: {series: SeriesProxies}.
      labels: {proxy: text}.
    """
    rows: list[Json] = []
    for series, of_series in by_series.items():
        for statistic, panel in ACROSS.items():
            if statistic not in of_series.board.ceiling:
                continue
            fields = {"series": series, "kind": dots.AVERAGED}
            rows.append(dots.row(fields, panel, dots.CEILING, of_series.board.ceiling[statistic]))
            rows += [
                dots.row(fields | {"kind": kind}, panel, labels[name], estimate)
                for name, agreement in _of_statistic(of_series.board, statistic)
                for kind, estimate in dots.averaged_and_single(agreement.averaged, agreement.single)
            ]
    return rows


def across_chart(rows: Sequence[Json]) -> theme.Panels:
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
