"""Canaries: memorization of planted labels against size, and their detection by every score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from etils import epy

from memkit.analysis.proxies.result import PointProxies
from memkit.charts import dots, lines, theme
from memkit.estimators import DatasetMeans
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

GROUPS = ("planted", "clean")
SMALLEST_ERROR = 1e-4


def detection_table(
    points: Sequence[lines.OnAxis],
    by_point: Mapping[str, PointProxies],
    *,
    labels: Mapping[str, str],
) -> list[Json]:
    """Returns rows of `dots.row` with the AUROC of every score and proxy per size.

    Args:
      points: points of a study.
      by_point: {point name: PointProxies}; points without canaries give no rows.
      labels: {score or proxy: text}.
    """
    return [
        dots.row(fields, panel, labels[name], estimate)
        for fields, of_point in dots.per_size(points, by_point)
        for name, entry in of_point.canaries.items()
        for panel, estimate in dots.averaged_and_single(entry.auroc, entry.auroc_single)
    ]


def detection_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns dots of 1 - AUROC of detecting planted labels, on a log scale, one color per size.

    Most scores rank nearly all planted labels first, so only the errors tell them apart. Errors
    below `SMALLEST_ERROR` are drawn there.

    Args:
      rows: rows of `detection_table`.
      size_title: title of the legend.
    """
    return dots.chart(
        [r | _errors(r) for r in rows],
        title=["1 - AUROC, log scale", "(0.5 = chance, lower = better)"],
        rule=0.5,
        color_title=size_title,
        scale=alt.Scale(type="log", domain=[SMALLEST_ERROR, 1], padding=7, nice=False),
        axis=alt.Axis(values=[SMALLEST_ERROR, 0.01, 1], format="~g"),
        lowest_first=True,
        description="Share of the pairs of a planted and a clean label that a score or proxy ranks "
        "in the wrong order, which is one minus the area under the ROC curve, per model size; bars "
        "are 95% intervals over runs.",
    )


def _errors(row: Json) -> Json:
    """Returns 1 - AUROC and its interval, at least SMALLEST_ERROR; NaN stays undefined."""
    of = {"value": "value", "lower": "upper", "upper": "lower"}
    return {name: float(np.maximum(SMALLEST_ERROR, 1 - row[other])) for name, other in of.items()}


def paths_table(
    points: Sequence[lines.OnAxis],
    planted: Mapping[str, DatasetMeans],
    clean: Mapping[str, DatasetMeans],
) -> list[Json]:
    """Returns rows of `lines.row` with mean memorization of clean and planted labels per size.

    Args:
      points: points of a study.
      planted: {point name: means of the planted labels}; without any, there are no rows.
      clean: {point name: means of the other labels}.
    """
    groups = dict(zip(GROUPS, (planted, clean), strict=True)) if planted else {}
    return [
        row
        for group, means in groups.items()
        for row in lines.table(
            points,
            {name: {group: of_point.memorization} for name, of_point in means.items()},
            bounds=(-1, 1),
        )
    ]


def paths_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns mean memorization (-1 to 1, higher = more memorized) of both groups against size.

    Args:
      rows: rows of `paths_table`.
      size_title: title of the axis of sizes.
    """
    return lines.against_size(
        rows,
        size_title=size_title,
        title=["Mean memorization", "(-1 to 1, higher = more memorized)"],
        names=GROUPS,
        column="series",
        layout_row=None,
        description="Mean memorization of planted and of clean labels against model size. Bands "
        "are 95% intervals over runs.",
    )
