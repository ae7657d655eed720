"""Accuracy against model size on trained-on, held-out and test examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from etils import epy

from memkit.analysis.accuracy.result import PointAccuracy
from memkit.charts import lines, theme
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

NAMES = ("train, in-sample", "train, out-of-sample", "test")


def table(points: Sequence[lines.OnAxis], accuracy: Mapping[str, PointAccuracy]) -> list[Json]:
    """Returns three rows of `lines.row` per point of a study; accuracy is {point name: ...}."""
    estimates = {
        name: dict(zip(NAMES, (a.train_in, a.train_out, a.test), strict=True))
        for name, a in accuracy.items()
    }
    return lines.table(points, estimates)


def chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns the chart of accuracies (0 to 1, higher = more accurate) against model size.

    Args:
      rows: rows of `table`.
      size_title: title of the axis of sizes.
    """
    return lines.against_size(
        rows,
        size_title=size_title,
        title="Accuracy (0 to 1, higher = better)",
        scale=alt.Scale(domainMax=1, zero=False),
        names=NAMES,
        description="Mean accuracy over runs against model size: training examples that the run "
        "trained on, training examples it did not, and test examples. Bands are 95% "
        "intervals over runs.",
    )
