"""Mean memorization against model size, and the two means whose difference it is.

Lukasik et al. (2024), section 3.2: average memorization can fall with size because the in-sample
mean saturates at 1 while the out-of-sample mean keeps rising.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from etils import epy

from memkit.charts import lines, theme
from memkit.estimators import DatasetMeans
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

NAMES = ("memorization", "in-sample", "out-of-sample")


def table(
    points: Sequence[lines.OnAxis], means: Mapping[str, Mapping[str, DatasetMeans]]
) -> list[Json]:
    """Returns three rows of `lines.row` per point and group, with the field `group`.

    Args:
      points: points of a study.
      means: {group of examples: {point name: means}}.
    """
    rows = []
    for point in lines.sized(points):
        for group, by_point in means.items():
            of_point = by_point[point.name]
            estimates = (of_point.memorization, of_point.in_mean, of_point.out_mean)
            for quantity, estimate in zip(NAMES, estimates, strict=True):
                bounds = (-1, 1) if quantity == "memorization" else (0, 1)
                rows.append(lines.row(point, quantity, estimate, bounds=bounds, group=group))
    return rows


def memorization_chart(
    rows: Sequence[Json], *, size_title: str, sizes_titled: bool = True
) -> theme.Panels:
    """Returns the chart of mean memorization alone: a panel per group, a line per series.

    Args:
      rows: rows of `table`.
      size_title: title of the axis of sizes.
      sizes_titled: False if a chart below shows this title.
    """
    series = list(dict.fromkeys(r["series"] for r in rows))
    return lines.against_size(
        [r for r in rows if r["quantity"] == "memorization"],
        size_title=size_title,
        sizes_titled=sizes_titled,
        title=["Mean memorization", "(-1 to 1, higher = more memorized)"],
        names=series if len(series) > 1 else ["memorization"],
        field="series" if len(series) > 1 else "quantity",
        column="group",
        layout_row=None,
        # The memorization of clean labels is small: its own scale makes its rise and fall visible.
        shared_y=False,
        description="Mean memorization against model size. Bands are 95% intervals over runs.",
    )


def chart(rows: Sequence[Json], *, size_title: str) -> alt.VConcatChart:
    """Returns the chart of mean memorization (-1 to 1, higher = more memorized) against size.

    Args:
      rows: rows of `table`.
      size_title: title of the axis of sizes.
    """
    means = [r for r in lines.defined(rows) if r["quantity"] != "memorization"]
    upper = memorization_chart(rows, size_title=size_title, sizes_titled=False)
    lower = lines.against_size(
        means,
        size_title=size_title,
        title=["Mean accuracy on the label", "(0 to 1, higher = better)"],
        names=["in-sample", "out-of-sample"],
        column="group",
        description="Mean in- and out-of-sample accuracy against model size.",
    )
    return (
        alt.vconcat(upper, lower, spacing=24)
        .resolve_scale(color="independent", shape="independent")
        .properties(
            description="Mean memorization against model size, and below it the mean in-sample and "
            "out-of-sample accuracy whose difference it is. Bands are 95% intervals over "
            "runs."
        )
    )
