"""Agreement of scores from separate halves of the runs, against the number of runs per half."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from etils import epy

from memkit.analysis.convergence.result import PointConvergence
from memkit.charts import lines, theme
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

LINES = {
    ("correct", "memorization"): "memorization",
    ("prob", "memorization"): "memorization, label probability",
    ("pooled", "memorization"): "memorization, pooled",
    ("pooled", "against_raw"): "memorization, pooled against raw",
    ("correct", "consistency"): "consistency",
    ("prob", "consistency"): "consistency, label probability",
}
MAX_PANELS = 12


def table(
    convergence: Mapping[str, PointConvergence],
    points: Sequence[lines.OnAxis],
    noun: str = "size",
) -> list[Json]:
    """Returns the agreement for every point, score and number of runs in a half.

    Args:
      convergence: {point name: PointConvergence}.
      points: points of a study, for their series and sizes. At most about MAX_PANELS are shown, of
        the same sizes in every series: evenly spaced, with the largest.
      noun: a word for the axis.
    """
    points = [point for point in points if point.name in convergence]
    step = max(1, -(-len(points) // MAX_PANELS))
    several = len({point.series for point in points}) > 1
    sized = lines.sized(points)
    shown = list(dict.fromkeys(point.size for point in sized))[::-1][::step]
    rows: list[Json] = []
    for point in (point for point in sized if point.size in shown):
        has_axis = point.size != point.name
        panel = f"{noun} {point.size}" if has_axis else point.name
        if several and has_axis:
            panel = f"{point.series}, {panel}"
        rows += [
            {
                "name": point.name,
                "panel": panel,
                "line": line,
                "size": entry.halves.runs,
                **lines.interval(entry.halves.pearson, (-1, 1)),
            }
            for (outcome, score), line in LINES.items()
            for entry in convergence[point.name].agreement[outcome][score]
        ]
    return lines.defined(rows)


def chart(rows: Sequence[Json]) -> theme.Panels:
    """Returns the correlation between halves against their number of runs, a panel per point.

    Args:
      rows: rows of `table`.
    """
    lowest = min(0.5, *(float(np.nanmin([r["value"], r["lower"]])) for r in rows))
    return lines.chart(
        rows,
        names=LINES.values(),
        field="line",
        x=theme.size_channel(sorted({r["size"] for r in rows}), title="Runs in each half"),
        title=["Correlation between halves", "(1 = perfect agreement)"],
        scale=alt.Scale(domain=[lowest, 1]),
        column="panel",
        layout_row=None,
        description="Correlation over examples between scores estimated from separate halves of "
        "the runs, against the number of runs in a half, for memorization and consistency with "
        "both outcomes, and for pooled scores with each other and with raw ones. Bands are 95% "
        "intervals over runs.",
    )
