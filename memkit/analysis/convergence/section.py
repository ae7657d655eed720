"""The section on convergence: do the runs suffice, and how many would?"""

from memkit.analysis.convergence import chart
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.blocks import Figure, Section, Table

NAME = "convergence"
TITLE = "Convergence"
EMPTY = "`memkit estimate` fills this section once a point has two runs."
INTRO = (
    "How well scores estimated from separate halves of the runs agree (1 = perfectly), and how "
    "many runs intervals of a wanted width would take."
)
CAPTION = (
    "Correlation over examples between two estimates from separate runs, mean over five random "
    "splits, with 95% bands over runs. Where the lines are still rising, more runs would change "
    "the scores."
)


def section(content):
    """Returns the Section of `analysis.convergence`."""
    if NAME not in content.summary or not content.summary[NAME]:
        return Section(anchor=NAME, title=TITLE, intro=INTRO, empty=EMPTY)
    noun = contents.noun(content)
    rows = chart.table(content.summary[NAME], content.summary["points"], noun)
    figures = {}
    if rows:
        figures[NAME] = Figure(name=NAME, caption=CAPTION, chart=chart.chart(rows))
    tables = tuple(t for t in (_reliability(content), _widths(content)) if t.rows)
    blocks = (*figures.values(), *tables)
    return Section(anchor=NAME, title=TITLE, intro=INTRO, blocks=blocks)


def _parts(content):
    """Yields (point of the summary, its numbers, outcome, score, title of the score)."""
    for point in content.summary["points"]:
        if point["name"] not in content.summary[NAME]:
            continue
        for (outcome, score), title in chart.LINES.items():
            yield point, content.summary[NAME][point["name"]], outcome, score, title


def _number(value, error=None):
    return formatting.number(value, error, missing=formatting.ABSENT)


def _reliability(content):
    keys = ("pearson", "pearson_full", "spearman", "spearman_full")
    rows = []
    for point, numbers, outcome, score, title in _parts(content):
        entries = numbers["agreement"][outcome][score]
        if entries:
            last = entries[-1]
            runs = f"{last['runs']} of {numbers['num_runs']}"
            numbers_of = (_number(last[key], last.get(f"{key}_margin")) for key in keys)
            rows.append((point["name"], title, runs, *numbers_of))
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


def _widths(content):
    rows, wanted = [], ()
    for point, numbers, outcome, score, title in _parts(content):
        widths = numbers["half_widths"][outcome][score]
        wanted = sorted(widths["runs_for"], key=float, reverse=True)
        needed = (_runs(widths["runs_for"][w][k]) for w in wanted for k in ("median", "q90"))
        runs = str(numbers["num_runs"])
        rows.append((point["name"], title, runs, *(_number(widths[k]) for k in _Q), *needed))
    columns = [f"Runs for ±{float(w):g}, {words}" for w in wanted for words in _Q.values()]
    return Table(
        caption="Half width of the 95% interval of an example: median and 90% quantile over "
        "examples now, and the runs at which it reaches a wanted half width, by runs × (half width "
        "now / wanted)². A guide: too many for rates near 0 or 1, somewhat too few otherwise.",
        columns=("Point", "Score", "Runs", *(f"Half width, {w}" for w in _Q.values()), *columns),
        rows=tuple(rows),
    )


_Q = {"median": "median", "q90": "90%"}


def _runs(value):
    return formatting.ABSENT if value is None else f"{value:,.0f}"
