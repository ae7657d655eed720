"""Accuracy against model size on trained-on, held-out and test examples."""

from collections.abc import Sequence

import altair as alt

from memkit.charts import lines, theme
from memkit.typing import Json

QUANTITIES = {
    "train, in-sample": "train_in_accuracy",
    "train, out-of-sample": "train_out_accuracy",
    "test": "test_accuracy",
}


def table(points: Sequence[Json]) -> list[Json]:
    """Returns three rows of `lines.row` per point of a study's summary."""
    return lines.table(points, QUANTITIES)


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
        names=QUANTITIES,
        description="Mean accuracy over runs against model size: training examples that the run "
        "trained on, training examples it did not, and test examples. Bands are 95% "
        "intervals over runs.",
    )
