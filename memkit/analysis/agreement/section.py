"""Do the sizes memorize the same examples? Agreement of the points of a series."""

from collections.abc import Sequence

from memkit.analysis.agreement import chart as charts
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.blocks import Figure, Section, Table
from memkit.report.content import Content
from memkit.report.point_tables import NOTE
from memkit.typing import Json

_ANCHOR, _TITLE = "agreement", "Agreement between sizes"
_OUTCOMES = {"correct": "right or wrong", "prob": "label probability"}


def section(content: Content) -> Section:
    """Returns the section: curves against the threshold, and tables with a row per two points."""
    pairs = content.summary["agreement"]["pairs"]
    if not pairs:
        return Section(
            anchor=_ANCHOR,
            title=_TITLE,
            intro="",
            empty="A series with two sizes or more, of which 4 runs or more are finished, fills "
            "this section (axis.values in the config, then memkit run).",
        )
    threshold = content.summary["agreement"]["threshold"]
    series = dict.fromkeys(row["series"] for row in pairs)
    return Section(
        anchor=_ANCHOR,
        title=_TITLE,
        intro="Whether two sizes memorize the same examples: rank correlation of memorization "
        "(-1 to 1) and the Jaccard index of the sets of examples at or above a threshold (0 to 1), "
        "higher = more agreement. Differences are second minus first, positive = the second size "
        "memorizes more.",
        blocks=(
            *(_figure(content, name, pairs) for name in series),
            *(_table(content, pairs, outcome, threshold) for outcome in _OUTCOMES),
        ),
    )


def _figure(content: Content, series: str, rows: Sequence[Json]) -> Figure:
    """Returns the curves of every size of a series against its largest one, for 0/1 outcomes."""
    last = contents.series(content)[series][-1]
    chosen = [
        index
        for index, row in enumerate(rows)
        if (row["series"], row["outcome"], row["second"]) == (series, "correct", last["name"])
    ]
    if not chosen:
        return Figure(
            name=f"agreement_{series}",
            chart=None,
            caption=f"Series {series} has no runs at its last size to compare with.",
        )
    points = {point["name"]: point for point in content.summary["points"]}
    largest = contents.size_text(content, last)
    sizes = [contents.size_text(content, points[rows[index]["first"]]) for index in chosen]
    arrays = {key: array[chosen] for key, array in content.arrays["agreement"].items()}
    prefix = contents.series_prefix(content, series)
    return Figure(
        name=f"agreement_{series}",
        caption=f"{prefix}Each size beside {largest}, 0/1 outcomes. Above: Jaccard index of the "
        "sets of examples at or above the threshold. Below: mean difference of memorization over "
        "their union. 95% bands over runs, paired.",
        chart=charts.curve_chart(
            charts.curve_table([(f"{size} and {largest}", size) for size in sizes], arrays),
            group_title=f"Compared with {largest}",
            difference_title=["Mean difference over the union,", f"{largest} - the other size"],
        ),
    )


def _table(content: Content, rows: Sequence[Json], outcome: str, threshold: float) -> Table:
    points = {point["name"]: point for point in content.summary["points"]}
    several = contents.several_series(content)

    def cells(row: Json) -> tuple[str, ...]:
        names = [contents.size_text(content, points[row[key]]) for key in ("first", "second")]
        return (
            " and ".join(names),
            *((row["series"],) if several else ()),
            str(row["num_runs"]),
            formatting.estimate_cell(row, "spearman"),
            *(formatting.cell(row[key]) for key in ("ceiling", "half_across", "corrected")),
            *(formatting.estimate_cell(row, key) for key in ("jaccard", "mean_difference")),
        )

    return Table(
        caption=f"Agreement on {_OUTCOMES[outcome]}. Ceiling: what the noise of the runs leaves of "
        "a perfect rank correlation. Disjoint runs: the correlation between halves of the runs "
        "that share none; without noise: that divided by its own ceiling. Jaccard: at or above "
        f"{threshold:g}. {NOTE}",
        columns=(
            "Sizes",
            *(("Series",) if several else ()),
            "Runs",
            "Rank correlation",
            "Ceiling",
            "Disjoint runs",
            "Without noise",
            "Jaccard",
            "Mean difference",
        ),
        rows=tuple(cells(row) for row in rows if row["outcome"] == outcome),
    )
