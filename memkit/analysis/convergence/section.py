"""The section on convergence: do the runs suffice, and how many would?"""

from collections.abc import Iterator

from memkit.analysis.convergence import chart
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.blocks import Block, Figure, Section, Table
from memkit.report.content import Content
from memkit.typing import Json

_QUANTILES = {"median": "median", "q90": "90%"}
NAME = "convergence"
TITLE = "Convergence"
EMPTY = "`memkit estimate` fills this section once a point has two runs."
INTRO = (
    "How well scores estimated from separate halves of the runs agree (1 = perfectly), and how "
    "many runs intervals of a target width would take."
)
CAPTION = (
    "Correlation over examples between two estimates from separate runs, mean over five random "
    "splits, with 95% bands over runs. Where the lines are still rising, more runs would change "
    "the scores."
)


def section(content: Content) -> Section:
    """Returns the Section of `analysis.convergence`."""
    if NAME not in content.summary or not content.summary[NAME]:
        return Section(anchor=NAME, title=TITLE, intro=INTRO, empty=EMPTY)
    noun = contents.noun(content)
    rows = chart.table(content.summary[NAME], content.summary["points"], noun)
    figures = [Figure(name=NAME, caption=CAPTION, chart=chart.chart(rows))] if rows else []
    tables = [table for table in (_reliability(content), _widths(content)) if table.rows]
    blocks: tuple[Block, ...] = (*figures, *tables)
    return Section(anchor=NAME, title=TITLE, intro=INTRO, blocks=blocks)


def _scores(content: Content) -> Iterator[tuple[Json, Json, str, str, str]]:
    """Yields (point of the summary, its numbers, outcome, score, title of the score)."""
    for point in content.summary["points"]:
        if point["name"] not in content.summary[NAME]:
            continue
        for (outcome, score), title in chart.LINES.items():
            yield point, content.summary[NAME][point["name"]], outcome, score, title


def _reliability(content: Content) -> Table:
    keys = ("pearson", "pearson_full", "spearman", "spearman_full")
    rows = []
    for point, numbers, outcome, score, title in _scores(content):
        entries = numbers["agreement"][outcome][score]
        if entries:
            last = entries[-1]
            runs = f"{last['runs']} of {numbers['num_runs']}"
            cells = (formatting.cell(last[key], last.get(f"{key}_margin")) for key in keys)
            rows.append((point["name"], title, runs, *cells))
    return Table(
        caption="Split-half reliability (1 = perfect): correlation and rank correlation between "
        "two halves of the runs, mean over five random splits, and what they predict for all runs "
        "(Spearman-Brown).",
        columns=(
            "Point",
            "Score",
            "Runs in a half",
            "Correlation",
            "all runs",
            "Rank correlation",
            "all runs",
        ),
        rows=tuple(rows),
    )


def _widths(content: Content) -> Table:
    rows = []
    targets: list[str] = []
    for point, numbers, outcome, score, title in _scores(content):
        widths = numbers["half_widths"][outcome][score]
        targets = sorted(widths["runs_for"], key=float, reverse=True)
        needed = (_runs(widths["runs_for"][t][q]) for t in targets for q in _QUANTILES)
        cells = (formatting.cell(widths[quantile]) for quantile in _QUANTILES)
        rows.append((point["name"], title, str(numbers["num_runs"]), *cells, *needed))
    columns = [f"Runs for ±{float(t):g}, {words}" for t in targets for words in _QUANTILES.values()]
    return Table(
        caption="Half width of the 95% interval of an example: median and 90% quantile over "
        "examples now, and the runs at which it reaches a target half width, by runs × (half width "
        "now / target)². A guide: too many for rates near 0 or 1, somewhat too few otherwise.",
        columns=(
            "Point",
            "Score",
            "Runs",
            *(f"Half width, {words}" for words in _QUANTILES.values()),
            *columns,
        ),
        rows=tuple(rows),
    )


def _runs(value: float | None) -> str:
    return formatting.ABSENT if value is None else f"{value:,.0f}"
