"""What the memorized examples are worth."""

from memkit.analysis.removal import chart
from memkit.report import formatting
from memkit.report.blocks import Figure, Section, Table
from memkit.report.point_tables import NOTE

INTRO = (
    "Test accuracy (0 to 1, higher = better) of models trained without the examples whose "
    "memorization is at least a threshold, beside models trained without as many random ones. "
    "Where the first curve lies below the second, memorized examples are worth more than random "
    "ones."
)


def section(content):
    """Returns the section of marginal utility."""
    found = content.summary["removal"]
    if not found:
        return Section(
            anchor="removal",
            title="Removal",
            intro=INTRO,
            empty="`memkit removal --workdir=...` trains without the memorized examples and fills "
            "this section.",
        )
    drawn, tables = {}, []
    for point, parts in found.items():
        rows = chart.table(parts["all"])
        if rows:
            drawn[f"removal_{point}"] = Figure(
                name=f"removal_{point}",
                caption=f"{point}: test accuracy against the threshold of removal. 95% bands over "
                "runs.",
                chart=chart.chart(rows),
            )
        tables.append(_table(f"{point}: accuracy on all test examples. {NOTE}", parts["all"]))
        if parts["influenced"]:
            caption = (
                f"{point}: accuracy on the {parts['influenced_tests']} test examples of "
                f"high-influence pairs. {NOTE}"
            )
            tables.append(_table(caption, parts["influenced"]))
    blocks = (*drawn.values(), *tables)
    return Section(anchor="removal", title="Removal", intro=INTRO, blocks=blocks)


def _table(caption, rows):
    columns = ("Removed", "Examples", "Share left", "Without them", "Without random", "Difference")
    return Table(caption=caption, columns=columns, rows=tuple(map(_cells, rows)))


def _cells(row):
    def with_error(key):
        return formatting.number(row[key], row[f"{key}_margin"], missing=formatting.ABSENT)

    influential = row["kind"] == "influential"
    what = "high-influence pairs" if influential else f"memorization ≥ {row['threshold']:g}"
    cells = (with_error(key) for key in ("without", "random", "difference"))
    return (what, str(row["removed"]), f"{row['remaining']:.1%}", *cells)
