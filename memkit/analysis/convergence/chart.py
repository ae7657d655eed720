"""How well scores from separate halves of the runs agree, against the runs in a half."""

from collections.abc import Sequence

import altair as alt
import numpy as np

from memkit.charts import lines, theme
from memkit.typing import Json

LINES = {
    ("correct", "memorization"): "memorization",
    ("prob", "memorization"): "memorization, label probability",
    ("correct", "consistency"): "consistency",
    ("prob", "consistency"): "consistency, label probability",
}
MAX_PANELS = 12


def table(convergence: Json, points: Sequence[Json], noun: str = "size") -> list[Json]:
    """Returns the agreement per point, score and number of runs in a half.

    Args:
      convergence: the entry "convergence" of a study's summary.
      points: the points of the summary, for their series and sizes; of many, MAX_PANELS spread
        over them are shown.
      noun: the axis in one word.
    """
    points = [point for point in points if point["name"] in convergence]
    step = max(1, -(-len(points) // MAX_PANELS))
    several = len({point["series"] for point in points}) > 1
    rows: list[Json] = []
    for point, size in lines.placed(points)[::step]:
        place = size if size == point["name"] else f"{noun} {size}"
        panel = f"{point['series']}, {place}" if several and size != point["name"] else place
        rows += [
            {
                "name": point["name"],
                "panel": panel,
                "line": line,
                "size": entry["runs"],
                **lines.interval(entry["pearson"], entry["pearson_margin"], (-1, 1)),
            }
            for (outcome, score), line in LINES.items()
            for entry in convergence[point["name"]]["agreement"][outcome][score]
        ]
    return lines.defined(rows)


def chart(rows: Sequence[Json]) -> theme.Panels:
    """Returns the correlation between halves against their runs, a panel per point.

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
        "both outcomes. Bands are 95% intervals over runs.",
    )
