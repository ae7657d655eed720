"""The section on convergence: do the runs suffice, and how many would?"""

import functools
from collections.abc import Iterator

from memkit.analysis.convergence import chart
from memkit.analysis.convergence.result import Convergence, PointConvergence
from memkit.report import content as contents
from memkit.report import findings, formatting
from memkit.report.blocks import Definitions, Figure, Section, Table
from memkit.report.content import Content

_QUANTILES = {"median": "median", "q90": "90%"}
NAME = "convergence"
TITLE = "Convergence"
EMPTY = "`memkit estimate` fills this section when a point has two runs."
INTRO = (
    "How well scores that are estimated from separate halves of the runs agree (1 = perfectly), "
    "and how many runs would give intervals of a target width."
)
CAPTION = (
    "Correlation over examples between two estimates from separate runs, with 95% intervals over "
    "runs. Where a line is still rising, more runs would change the scores."
)
POOLED = (
    (
        "Pooled scores",
        "Two pooled scores agree in part because they share what the images alone say, so their "
        "line is no measure of accuracy. The line of pooled against raw scores is one: where it "
        "lies above the line of memorization, pooled scores are nearer to the truth than raw ones. "
        "Both are from one split and at most 2,000 examples, the other lines from five splits.",
    ),
)


def section(content: Content) -> Section:
    """Returns the Section of `analysis.convergence`."""
    points = content.results[Convergence].points
    if not points:
        return Section(anchor=NAME, title=TITLE, intro=INTRO, empty=EMPTY)
    noun = contents.noun(content)
    rows = chart.table(points, content.summary.points, noun)
    figures = [Figure(NAME, CAPTION, functools.partial(chart.chart, rows))] if rows else []
    tables = [table for table in (_reliability(content), _widths(content)) if table.rows]
    return Section(
        anchor=NAME,
        title=TITLE,
        finding=_finding(content),
        intro=INTRO,
        blocks=tuple(figures),
        details=(Definitions(POOLED), *tables),
    )


def _finding(content: Content) -> str:
    """Returns the reliability of the ranking at the largest size of the first series."""
    done, split_half = findings.finished(content), content.results[Convergence].split_half
    if not done or not formatting.defined(split_half[done[-1].name].spearman_brown):
        return ""
    reliability = formatting.number(split_half[done[-1].name].spearman_brown)
    at = findings.at_last(content)
    return f"The ranking by memorization has a reliability of {reliability} {at}".rstrip()


def _scores(content: Content) -> Iterator[tuple[str, PointConvergence, str, str, str]]:
    """Yields (name of a point, its PointConvergence, outcome, score, title of the score)."""
    for name, of_point in content.results[Convergence].points.items():
        for (outcome, score), title in chart.LINES.items():
            yield name, of_point, outcome, score, title


def _reliability(content: Content) -> Table:
    rows = []
    for name, of_point, outcome, score, title in _scores(content):
        entries = of_point.agreement[outcome][score]
        if entries:
            last = entries[-1]
            rows.append(
                (
                    name,
                    title,
                    f"{last.halves.runs} of {of_point.num_runs}",
                    formatting.estimate_cell(last.halves.pearson),
                    formatting.cell(last.pearson_full),
                    formatting.cell(last.halves.spearman),
                    formatting.cell(last.spearman_full),
                )
            )
    return Table(
        caption="Split-half reliability (1 = perfect): correlation and rank correlation between "
        "two halves of the runs, mean over five random splits (pooled: one), and what they predict "
        "for all runs (Spearman-Brown, which does not apply to pooled scores).",
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
    targets: list[float] = []
    for name, of_point, outcome, score, title in _scores(content):
        if score not in of_point.half_widths[outcome]:
            continue
        widths = of_point.half_widths[outcome][score]
        targets = sorted(widths.runs_for, reverse=True)
        needed = (_runs(getattr(widths.runs_for[t], q)) for t in targets for q in _QUANTILES)
        cells = (formatting.cell(getattr(widths.now, quantile)) for quantile in _QUANTILES)
        rows.append((name, title, str(of_point.num_runs), *cells, *needed))
    columns = [f"Runs for ±{t:g}, {words}" for t in targets for words in _QUANTILES.values()]
    return Table(
        caption="Half width of the 95% interval of an example: median and 90% quantile over "
        "examples now, and the runs at which it reaches a target half width, by runs × (half width "
        "now / target)². A guide: too many for rates near 0 or 1, somewhat too few otherwise. For "
        "pooled scores, by the equation of `memkit plan --halfwidth`, which is about the widest "
        "intervals.",
        columns=(
            "Point",
            "Score",
            "Runs",
            *(f"Half width, {words}" for words in _QUANTILES.values()),
            *columns,
        ),
        rows=tuple(rows),
    )


def _runs(value: float) -> str:
    return f"{value:,.0f}" if formatting.defined(value) else formatting.ABSENT
