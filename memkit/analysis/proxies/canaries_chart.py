"""Canaries: memorization of planted labels against size, and their detection by every score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from etils import epy

from memkit.analysis.proxies.result import PointProxies
from memkit.charts import dots, lines, theme
from memkit.estimators import DatasetMeans
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

GROUPS = ("planted", "clean")


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


def detection_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels | alt.VConcatChart:
    """Returns dots of the AUROC of detecting planted labels, one color per size.

    Args:
      rows: rows of `detection_table`.
      size_title: title of the legend.
    """
    return dots.chart(
        rows,
        title=["AUROC of detecting planted labels", "(0.5 = chance, 1 = perfect)"],
        rule=0.5,
        color_title=size_title,
        description="Area under the ROC curve of every score and proxy as a detector of planted "
        "labels, per model size; bars are 95% intervals over runs.",
    )


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
