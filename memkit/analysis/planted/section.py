"""The section of planted labels: do the scores find labels that were flipped on purpose?"""

from memkit.analysis.distribution.result import Distribution
from memkit.analysis.planted import chart
from memkit.analysis.planted.result import Planted
from memkit.report import content as contents
from memkit.report import findings, formatting
from memkit.report.blocks import Section, absent, figure
from memkit.report.content import Content
from memkit.report.point_tables import NOTE, estimate, per_point

INTRO = "The labels {}. Do the scores find them?"
EMPTY = (
    "This study has no planted labels, so the scores are not tested against a known answer here."
)
CAPTION = (
    "How well two scores find the planted labels. The bands are 95% intervals over runs, and the "
    "dashed line is chance."
)


def section(content: Content) -> Section:
    """Returns the section of planted labels."""
    planted = content.results[Planted].points
    if not planted:
        figures = (absent("planted_detection"),)
        return Section(anchor="planted", title="Planted labels", blocks=figures, empty=EMPTY)
    cells = {
        "Memorization, planted": estimate(planted, lambda p: p.means.memorization),
        "Memorization, clean": estimate(
            content.results[Distribution].points, lambda p: p.clean.memorization
        ),
        "AUROC by memorization": estimate(planted, lambda p: p.auroc),
        "AUROC by 1 - out-of-sample probability": estimate(planted, lambda p: p.auroc_out_prob),
    }
    table = f"Planted labels: memorization and detection (0.5 = chance, 1 = perfect). {NOTE}"
    rows, title = chart.table(content.summary.points, planted), contents.size_title(content)
    return Section(
        anchor="planted",
        title="Planted labels",
        finding=_finding(content),
        intro=INTRO.format(contents.were_planted(content)),
        blocks=(figure("planted_detection", CAPTION, rows, chart.chart, size_title=title),),
        details=(per_point(content, table, cells),),
    )


def _finding(content: Content) -> str:
    planted, done = content.results[Planted].points, findings.finished(content)
    auroc = planted[done[-1].name].auroc if done else None
    if auroc is None or not formatting.defined(auroc.value):
        return ""
    found = "finds" if auroc.lower > 0.5 else "does not clearly find"
    at = findings.at_last(content)
    return (
        f"Sorting by memorization {found} the planted labels {at} "
        f"(AUROC {formatting.number(auroc.value)})"
    ).replace("  ", " ")
