"""The section of the distribution of memorization."""

from memkit.analysis.distribution import chart
from memkit.analysis.distribution.result import Distribution
from memkit.report import content as contents
from memkit.report import formatting
from memkit.report.blocks import Section, figure
from memkit.report.content import Content
from memkit.report.point_tables import NOTE, estimate, per_point

CAPTION = (
    "Distribution of memorization at each model size. Each group of examples is shown as shares "
    "of that group, on a square-root scale that keeps small groups visible."
)


def section(content: Content) -> Section:
    """Returns the section of the distribution of memorization."""
    values = {name: score["correct"].value for name, score in content.scores.items()}
    rows = chart.table(content.summary.points, values, planted=contents.planted(content))
    points = content.results[Distribution].points
    cells = {
        "Below 0.1": estimate(points, lambda p: p.share_below_01, formatting.percent),
        "Above 0.25": estimate(points, lambda p: p.share_above_025, formatting.percent),
        "Above 0.9": estimate(points, lambda p: p.share_above_09, formatting.percent),
    }
    title = contents.size_title(content)
    return Section(
        anchor="distribution",
        title="Distribution of memorization",
        blocks=(
            figure("memorization_histograms", CAPTION, rows, chart.chart, size_title=title),
            per_point(content, f"Share of the examples by memorization. {NOTE}", cells),
        ),
    )
