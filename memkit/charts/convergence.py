"""How well scores from separate halves of the runs agree, against the runs in a half."""

import altair as alt

from memkit.charts import lines, theme

LINES = {
    ("correct", "memorization"): "memorization",
    ("prob", "memorization"): "memorization, label probability",
    ("correct", "consistency"): "consistency",
    ("prob", "consistency"): "consistency, label probability",
}
MAX_PANELS = 12
KINDS = {"pearson": "correlation", "spearman": "rank correlation"}


def table(convergence, points, noun="size"):
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
    rows = []
    for point, size in list(zip(points, lines.sizes(points), strict=True))[::step]:
        place = size if size == point["name"] else f"{noun} {size}"
        panel = f"{point['series']}, {place}" if several and size != point["name"] else place
        rows += [
            {
                "name": point["name"],
                "panel": panel,
                "kind": words,
                "line": line,
                "size": entry["runs"],
                "value": theme.number(entry[kind]),
                "lower": None,
                "upper": None,
            }
            for (outcome, score), line in LINES.items()
            for entry in convergence[point["name"]]["agreement"][outcome][score]
            for kind, words in KINDS.items()
        ]
    return lines.defined(rows)


def chart(rows, *, kind="correlation"):
    """Returns the agreement against the number of runs in a half, a panel per point.

    Args:
      rows: rows of `table`.
      kind: a value of KINDS.
    """
    rows = [r for r in rows if r["kind"] == kind]
    lowest = min(0.5, *(r["value"] for r in rows))
    return lines.chart(
        rows,
        names=LINES.values(),
        field="line",
        x=theme.size_channel(sorted({r["size"] for r in rows}), title="Runs in each half"),
        title=[f"{kind.capitalize()} between halves", "(1 = perfect agreement)"],
        scale=alt.Scale(domain=[lowest, 1]),
        column="panel",
        layout_row=None,
        description=f"{kind.capitalize()} over examples between scores estimated from separate "
        "halves of the runs, against the number of runs in a half, for memorization and "
        "consistency with both outcomes.",
    )
