"""The section on removal: how much the memorized examples contribute to test accuracy."""

from collections.abc import Sequence

from memkit.analysis.removal import chart
from memkit.report import formatting
from memkit.report.blocks import Block, Figure, Section, Table
from memkit.report.content import Content
from memkit.report.point_tables import NOTE
from memkit.typing import Json

INTRO = (
    "Test accuracy (0 to 1, higher = better) of models trained without the examples whose "
    "memorization is at least a threshold, beside models trained without as many random ones. "
    "Where the first curve lies below the second, memorized examples are worth more than random "
    "ones."
)


def section(content: Content) -> Section:
    """Returns the section of marginal utility."""
    by_point = content.summary["removal"]
    if not by_point:
        return Section(
            anchor="removal",
            title="Removal",
            intro=INTRO,
            empty="`memkit removal --workdir=...` trains without the memorized examples and fills "
            "this section.",
        )
    figures: list[Figure] = []
    tables = []
    for point, numbers in by_point.items():
        rows = chart.table(numbers["all"])
        if rows:
            caption = (
                f"{point}: test accuracy against the threshold of removal. 95% bands over runs."
            )
            figures.append(Figure(f"removal_{point}", caption, chart.chart(rows)))
        tables.append(_table(f"{point}: accuracy on all test examples. {NOTE}", numbers["all"]))
        if numbers["influenced"]:
            caption = (
                f"{point}: accuracy on the {numbers['influenced_tests']} test examples of "
                f"high-influence pairs. {NOTE}"
            )
            tables.append(_table(caption, numbers["influenced"]))
    blocks: tuple[Block, ...] = (*figures, *tables)
    return Section(anchor="removal", title="Removal", intro=INTRO, blocks=blocks)


def _table(caption: str, rows: Sequence[Json]) -> Table:
    columns = ("Removed", "Examples", "Share left", "Without them", "Without random", "Difference")
    return Table(caption=caption, columns=columns, rows=tuple(map(_cells, rows)))


def _cells(row: Json) -> tuple[str, ...]:
    influential = row["kind"] == "influential"
    removed = "high-influence pairs" if influential else f"memorization ≥ {row['threshold']:g}"
    cells = (formatting.estimate_cell(row, key) for key in ("without", "random", "difference"))
    return (removed, str(row["removed"]), f"{row['remaining']:.1%}", *cells)
