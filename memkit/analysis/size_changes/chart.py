"""Tails of the memorization distribution against size, and means of unsaturated examples.

After Lukasik et al. (2024), sections 3.2 and 3.3. There is one panel for 0/1 outcomes and one for
the probability of the label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from etils import epy

from memkit.analysis.size_changes.result import Restricted, SizeChanges
from memkit.charts import layout, lines, theme
from memkit.typing import Json

with epy.lazy_imports():  # Slow to import.
    import altair as alt

OUTCOMES = {"correct": "right or wrong", "prob": "label probability"}
LINES = {"all": "all examples", "unsaturated_examples": "in-sample mean below 1 at every size"}
UNDEFINED = "All examples; too few of them are unsaturated at every size."


def table(points: Sequence[lines.OnAxis], changes: SizeChanges) -> list[Json]:
    """Returns the shares of examples in both tails, per series, outcome and size."""

    def tails(along: Sequence[lines.OnAxis], restrictions: Mapping[str, Restricted]) -> list[Json]:
        shares = {
            name: {
                "below 0.1": numbers.shape.share_below_01,
                "above 0.9": numbers.shape.share_above_09,
            }
            for name, numbers in restrictions["all"].points.items()
        }
        return lines.table(along, shares)

    return _rows(points, changes, tails)


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


def means_table(points: Sequence[lines.OnAxis], changes: SizeChanges) -> list[Json]:
    """Returns mean memorization per series, outcome and size, of all and of unsaturated examples.

    The restriction to fewer points has no line, since leaving out points does not change the means
    of the others.
    """

    def means(along: Sequence[lines.OnAxis], restrictions: Mapping[str, Restricted]) -> list[Json]:
        rows = []
        for restriction, words in LINES.items():
            points = restrictions[restriction].points
            estimates = {name: {words: of.means.memorization} for name, of in points.items()}
            rows += lines.table(along, estimates, bounds=(-1, 1))
        return rows

    return _rows(points, changes, means)


def means_chart(rows: Sequence[Json], *, size_title: str) -> theme.Panels:
    """Returns mean memorization against size, of all examples and of unsaturated ones.

    Args:
      rows: rows of `means_table`.
      size_title: title of the axis of sizes.
    """
    names = list(dict.fromkeys(r["quantity"] for r in rows))
    description = (
        "Mean memorization against model size, of all examples and of those whose in-sample mean "
        "is below 1 at every size, for both outcomes. Bands are 95% intervals over runs."
    )
    chart = lines.against_size(
        rows,
        size_title=size_title,
        names=names,
        title=["Mean memorization (-1 to 1,", "higher = more memorized)"],
        column="outcome",
        description=description,
    )
    is_alone = names == [LINES["all"]]
    return layout.noted(chart, UNDEFINED if is_alone else "", description)


def _rows(
    points: Sequence[lines.OnAxis],
    changes: SizeChanges,
    table: Callable[[Sequence[lines.OnAxis], Mapping[str, Restricted]], list[Json]],
) -> list[Json]:
    """Returns the defined rows of every series and outcome.

    Args:
      points: the points of a study.
      changes: SizeChanges.
      table: makes the rows of one series and outcome from its points and {restriction: numbers}.
    """
    rows = [
        row | {"outcome": title, "series": series}
        for series, of_series in changes.series.items()
        for outcome, title in OUTCOMES.items()
        for row in table([p for p in points if p.series == series], of_series.outcomes[outcome])
    ]
    return lines.defined(rows)
