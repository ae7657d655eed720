"""The section on removal: how much the memorized examples contribute to test accuracy."""

import functools
from collections.abc import Mapping, Sequence

from memkit.analysis.removal import chart
from memkit.analysis.removal.result import PointRemoval, Removal
from memkit.estimators.removal import Utility
from memkit.report import findings, formatting
from memkit.report.blocks import Block, Figure, Section, Table
from memkit.report.content import Content
from memkit.report.point_tables import NOTE

INTRO = (
    "Test accuracy (0 to 1, higher = better) of models trained without the examples whose "
    "memorization is at least a threshold, compared with models trained without the same number "
    "of random examples. Where the first curve is below the second, memorized examples "
    "contribute more than random ones."
)


def section(content: Content) -> Section:
    """Returns the section of marginal utility."""
    points = content.results[Removal].points
    if not points:
        return Section(
            anchor="removal",
            title="Removal",
            intro=INTRO,
            empty="`memkit removal --workdir=...` trains without the memorized examples and fills "
            "this section.",
        )
    figures: list[Figure] = []
    tables = []
    for point, numbers in points.items():
        rows = chart.table(numbers.all_tests)
        if rows:
            caption = (
                f"{point}: test accuracy against the threshold of removal. 95% bands over runs."
            )
            drawing = functools.partial(chart.chart, rows)
            figures.append(Figure(f"removal_{point}", caption, drawing))
        tables.append(_table(f"{point}: accuracy on all test examples. {NOTE}", numbers.all_tests))
        if numbers.influenced:
            caption = (
                f"{point}: accuracy on the {numbers.influenced_tests} test examples of "
                f"high-influence pairs. {NOTE}"
            )
            tables.append(_table(caption, numbers.influenced))
    details: tuple[Block, ...] = (*figures[1:], *tables)
    return Section(
        anchor="removal",
        title="Removal",
        finding=_finding(points),
        intro=INTRO,
        blocks=tuple(figures[:1]),
        details=details,
    )


def _finding(points: Mapping[str, PointRemoval]) -> str:
    memorized = [u for of in points.values() for u in of.all_tests if u.kind == "memorized"]
    clear = [u for u in memorized if u.difference.upper < 0]
    if not any(formatting.defined(u.difference.value) for u in memorized):
        return ""
    if clear:
        most = min(clear, key=lambda utility: utility.difference.value)
        return (
            f"Removing the {findings.counted(most.removed, 'most memorized image')} costs "
            f"{100 * -most.difference.value:.1f} points of accuracy more than removing others"
        )
    return "Memorized images are not clearly worth more than others for test accuracy"


def _table(caption: str, rows: Sequence[Utility]) -> Table:
    columns = ("Removed", "Examples", "Share left", "Without them", "Without random", "Difference")
    return Table(caption=caption, columns=columns, rows=tuple(map(_cells, rows)))


def _cells(row: Utility) -> tuple[str, ...]:
    influential = row.kind == "influential"
    removed = "high-influence pairs" if influential else f"memorization ≥ {row.threshold:g}"
    cells = map(formatting.estimate_cell, (row.without, row.random, row.difference))
    return (removed, str(row.removed), f"{row.remaining:.1%}", *cells)
