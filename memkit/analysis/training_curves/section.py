"""The section of training curves: did the runs train as they should?"""

from memkit.analysis.training_curves import chart
from memkit.analysis.training_curves.result import TrainingCurves
from memkit.report import content as contents
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
    return Section(anchor="training", title="Training curves", blocks=(curves,))
