"""Detection of planted labels by two scores, against model size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from etils import epy

from memkit.analysis.planted.result import PointPlanted
from memkit.charts import lines, theme
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

NAMES = ("by memorization", "by 1 - out-of-sample probability")


def table(points: Sequence[lines.OnAxis], planted: Mapping[str, PointPlanted]) -> list[Json]:
    """Returns two rows of `lines.row` per point that has an entry in {point name: ...}."""
    estimates = {
        name: dict(zip(NAMES, (of_point.auroc, of_point.auroc_out_prob), strict=True))
        for name, of_point in planted.items()
    }
    return lines.table(points, estimates)


def chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns the chart of AUROC (0 to 1, 0.5 = chance, higher = better detection) against size.

    Args:
      rows: rows of `table`.
      size_title: title of the axis of sizes.
    """
    lowest = np.nanmin([0.45, *(r["lower"] for r in rows), *(r["value"] for r in rows)])
    return lines.against_size(
        rows,
        size_title=size_title,
        title=["AUROC (0 to 1, 0.5 = chance,", "higher = better detection)"],
        scale=alt.Scale(domain=[float(lowest), 1]),
        names=NAMES,
        rule=0.5,
        description="Area under the ROC curve of two scores as detectors of planted labels, "
        "against model size: memorization, and one minus the out-of-sample "
        "probability of the label. 0.5 is chance. Bands are 95% intervals over runs.",
    )
