"""Tails of the memorization distribution against size, and means of unsaturated examples.

After Lukasik et al. (2024), sections 3.2 and 3.3. There is one panel for 0/1 outcomes and one for
the probability of the label.
"""

from collections.abc import Callable, Sequence

import altair as alt

from memkit.charts import lines, theme
from memkit.typing import Json

OUTCOMES = {"correct": "right or wrong", "prob": "label probability"}
LINES = {"all": "all examples", "unsaturated_examples": "in-sample mean below 1 at every size"}
TAILS = {"below 0.1": "share_below_0.1", "above 0.9": "share_above_0.9"}


def table(sizes: Json) -> list[Json]:
    """Returns the shares of examples in both tails, per series, outcome and size.

    Args:
      sizes: the entry "size_changes" of a study's summary.
    """
    return _rows(sizes, lambda summary: lines.table(summary["all"]["points"], TAILS))


def chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns the shares of weakly and strongly memorized examples against size.

    Args:
      rows: rows of `table`.
      size_title: title of the axis of sizes.
    """
    return lines.against_size(
        rows,
        size_title=size_title,
        names=dict.fromkeys(r["quantity"] for r in rows),
        title=["Share of the examples", "(0 to 1, square-root scale)"],
        # A square-root scale makes small shares distinguishable.
        scale=alt.Scale(type="sqrt", domain=[0, 1]),
        column="outcome",
        description="Share of the examples with memorization below 0.1 and above 0.9 against "
        "model size, for both outcomes. Bands are 95% intervals over runs.",
    )


def means_table(sizes: Json) -> list[Json]:
    """Returns mean memorization per series, outcome and size, of all and of unsaturated examples.

    Args:
      sizes: the entry "size_changes" of a study's summary. Its restriction to fewer points has no
        line, since leaving out points does not change the means of the others.
    """

    def means(summary: Json) -> list[Json]:
        return [
            row
            for restriction, words in LINES.items()
            for row in lines.table(
                summary[restriction]["points"], {words: "mean_memorization"}, bounds=(-1, 1)
            )
        ]

    return _rows(sizes, means)


def means_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns mean memorization against size, of all examples and of unsaturated ones.

    Args:
      rows: rows of `means_table`.
      size_title: title of the axis of sizes.
    """
    return lines.against_size(
        rows,
        size_title=size_title,
        names=dict.fromkeys(r["quantity"] for r in rows),
        title=["Mean memorization (-1 to 1,", "higher = more memorized)"],
        column="outcome",
        description="Mean memorization against model size, of all examples and of those whose "
        "in-sample mean is below 1 at every size, for both outcomes. Bands are 95% intervals over "
        "runs.",
    )


def _rows(sizes: Json, table: Callable[[Json], list[Json]]) -> list[Json]:
    """Returns the defined rows of every series and outcome.

    Args:
      sizes: the entry "size_changes" of a study's summary.
      table: makes the rows of one series and outcome from its section of the summary.
    """
    rows = [
        row | {"outcome": title, "series": series}
        for series, by_outcome in sizes.items()
        for outcome, title in OUTCOMES.items()
        for row in table(by_outcome[outcome])
    ]
    return lines.defined(rows)
