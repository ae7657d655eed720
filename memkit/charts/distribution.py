"""The ends of the distribution of memorization against size, and means without saturation.

Lukasik et al. (2024), sections 3.2 and 3.3. Panels set right or wrong beside the probability of the
label; one panel never mixes the two.
"""

import altair as alt

from memkit.charts import lines, theme

OUTCOMES = {"correct": "right or wrong", "prob": "label probability"}
LINES = {"all": "all examples", "unsaturated_examples": "in-sample mean below 1 at every size"}
ENDS = {"below 0.1": "share_below_0.1", "above 0.9": "share_above_0.9"}


def table(sizes):
    """Returns the shares of examples at both ends, per series, outcome and size.

    Args:
      sizes: the entry "sizes" of a study's summary.
    """
    rows = []
    for series, found in sizes.items():
        for outcome, title in OUTCOMES.items():
            points = found[outcome]["all"]["points"]
            rows += [
                {
                    **lines.row(
                        point,
                        size,
                        quantity=end,
                        value=point[key],
                        stderr=point[f"{key}_stderr"],
                        bounds=(0, 1),
                        outcome=title,
                    ),
                    "line": end,
                    "series": series,
                }
                for point, size in zip(points, lines.sizes(points), strict=True)
                for end, key in ENDS.items()
            ]
    return lines.defined(rows)


def chart(rows, *, size_title):
    """Returns the shares of weakly and strongly memorized examples against size.

    Args:
      rows: rows of `table`.
      size_title: what the axis of sizes holds.
    """
    return lines.chart(
        rows,
        names=dict.fromkeys(r["line"] for r in rows),
        field="line",
        x=theme.size_channel([r["size"] for r in rows], title=size_title),
        title=["Share of the examples", "(0 to 1, square-root scale)"],
        # Square roots keep small shares apart.
        scale=alt.Scale(type="sqrt", domain=[0, 1]),
        column="outcome",
        description="Share of the examples with memorization below 0.1 and above 0.9 against "
        "model size, for both outcomes. Bands are 95% intervals over runs.",
    )


def means_table(sizes):
    """Returns mean memorization per series, outcome and size, of all examples and of those left.

    Args:
      sizes: the entry "sizes" of a study's summary. Leaving out points changes no mean of the
        others, so that restriction has no line.
    """
    rows = []
    for series, found in sizes.items():
        for outcome, title in OUTCOMES.items():
            for restriction, words in LINES.items():
                points = found[outcome][restriction]["points"]
                rows += [
                    {
                        **lines.row(
                            point,
                            size,
                            quantity="memorization",
                            value=point["mean_memorization"],
                            stderr=point["mean_memorization_stderr"],
                            bounds=(-1, 1),
                            outcome=title,
                        ),
                        "line": words,
                        "series": series,
                    }
                    for point, size in zip(points, lines.sizes(points), strict=True)
                ]
    return lines.defined(rows)


def means_chart(rows, *, size_title):
    """Returns mean memorization against size, of all examples and where training leaves room.

    Args:
      rows: rows of `means_table`.
      size_title: what the axis of sizes holds.
    """
    return lines.chart(
        rows,
        names=dict.fromkeys(r["line"] for r in rows),
        field="line",
        x=theme.size_channel([r["size"] for r in rows], title=size_title),
        title=["Mean memorization (-1 to 1,", "higher = more memorized)"],
        column="outcome",
        description="Mean memorization against model size, of all examples and of those whose "
        "in-sample mean is below 1 at every size, for both outcomes. Bands are 95% intervals over "
        "runs.",
    )
