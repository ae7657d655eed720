"""The section of training curves: did the runs train as they should?"""

from memkit.analysis.training_curves import chart
from memkit.analysis.training_curves.result import TrainingCurves
from memkit.report import content as contents
from memkit.report import findings
from memkit.report.blocks import Section, figure
from memkit.report.content import Content

CAPTION = (
    "Training loss, training accuracy and learning rate per epoch: the mean over runs, with a "
    "band from the 10% to the 90% quantile of the runs."
)


def section(content: Content) -> Section:
    """Returns the section of training curves."""
    rows = chart.table(content.summary.points, content.results[TrainingCurves].points)
    title = contents.size_title(content)
    curves = figure("training_curves", CAPTION, rows, chart.chart, size_title=title)
    finding = _finding(content)
    return Section(anchor="training", title="Training curves", finding=finding, blocks=(curves,))


def _finding(content: Content) -> str:
    """Returns how many of the finished runs diverged or collapsed."""
    points = content.summary.points
    failed = sum(point.diverged + point.collapsed for point in points)
    runs = sum(point.num_runs + point.diverged + point.blocked for point in points)
    if not runs:
        return ""
    if not failed:
        return "No run diverged or collapsed"
    return f"{failed:,} of {findings.counted(runs, 'run')} diverged or collapsed"
