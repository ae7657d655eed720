"""The table that `memkit removal` prints."""

from memkit import tables
from memkit.analysis.removal.result import PointRemoval


def text(removal: PointRemoval) -> str:
    """Returns the marginal utilities of one point as a table for the terminal."""
    header = ["removed", "examples", "tests", "without", "random", "difference", "stderr"]
    rows: list[list[tables.Cell]] = []
    for tests, removals in (("all", removal.all_tests), ("influenced", removal.influenced)):
        for row in removals:
            is_influential = row.kind == "influential"
            kind = "influential" if is_influential else f"memorization >= {row.threshold:g}"
            accuracy = (row.without.value, row.random.value, row.difference.value)
            rows.append([kind, row.removed, tests, *accuracy, row.difference.stderr])
    return tables.text(header, rows)
